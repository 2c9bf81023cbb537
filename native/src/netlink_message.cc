#include "sockdiag/netlink_message.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>

#include <algorithm>

namespace sockdiag {

static_assert(sizeof(nlmsgerr) == sizeof(int) + sizeof(nlmsghdr));

namespace {

// MAX_ERRNO of include/linux/err.h.
constexpr int kLargestErrno = 4095;

/// The errno of a message that ends or rejects a dump: 0 or negative. Other values are malformed.
Result<Done> readErrno(Bytes payload, std::size_t payloadSize, const char* operation) {
  const auto error = payload.size() < payloadSize ? std::nullopt : readAt<int>(payload);
  if (!error || *error > 0 || *error < -kLargestErrno) return malformed();
  if (*error < 0) return Failure{.operation = operation, .error = -*error};
  return Done{};
}

Result<std::optional<Reply>> interpret(const nlmsghdr& header, Bytes payload) {
  Reply reply{.kind = Reply::Kind::kNothing,
              .interrupted = (header.nlmsg_flags & NLM_F_DUMP_INTR) != 0,
              .payload = {}};
  switch (header.nlmsg_type) {
    // A socket has the message type of its request.
    case SOCK_DIAG_BY_FAMILY:
    case TCPDIAG_GETSOCK:
      reply.kind = Reply::Kind::kSocket;
      reply.payload = payload;
      return std::optional{reply};
    case NLMSG_NOOP:
      return std::optional{reply};
    case NLMSG_ERROR:
      // Error 0 is an acknowledgement, not the end of the dump.
      if (auto status = readErrno(payload, sizeof(nlmsgerr), "NLMSG_ERROR"); !status.ok()) {
        return status.failure();
      }
      return std::optional{reply};
    case NLMSG_DONE:
      if (auto status = readErrno(payload, sizeof(int), "NLMSG_DONE"); !status.ok()) {
        return status.failure();
      }
      reply.kind = Reply::Kind::kEnd;
      return std::optional{reply};
    default:
      return malformed();
  }
}

}  // namespace

Result<std::optional<Reply>> Replies::next() {
  while (!rest_.empty()) {
    const auto header = readAt<nlmsghdr>(rest_);
    if (!header) return malformed();
    // NLMSG_OK: (len) >= (int)sizeof(struct nlmsghdr) &&
    //           (nlh)->nlmsg_len >= sizeof(struct nlmsghdr) && (nlh)->nlmsg_len <= (len)
    if (header->nlmsg_len < sizeof(nlmsghdr) || header->nlmsg_len > rest_.size())
      return malformed();
    const auto payload = rest_.first(header->nlmsg_len).subspan(NLMSG_HDRLEN);
    rest_ = rest_.subspan(std::min<std::size_t>(NLMSG_ALIGN(header->nlmsg_len), rest_.size()));
    if (header->nlmsg_seq == sequence_) return interpret(*header, payload);
  }
  return std::optional<Reply>{};
}

static_assert(sizeof(rtattr) == 4 && RTA_LENGTH(0) == sizeof(rtattr));

Result<std::optional<Attribute>> Attributes::next() {
  if (rest_.empty()) return std::optional<Attribute>{};
  const auto header = readAt<rtattr>(rest_);
  // RTA_OK: (len) >= (int)sizeof(struct rtattr) &&
  //         (rta)->rta_len >= sizeof(struct rtattr) && (rta)->rta_len <= (len)
  if (!header || header->rta_len < sizeof(rtattr) || header->rta_len > rest_.size()) {
    return malformed();
  }
  const auto payload = rest_.first(header->rta_len).subspan(sizeof(rtattr));
  rest_ = rest_.subspan(std::min<std::size_t>(RTA_ALIGN(header->rta_len), rest_.size()));
  return std::optional{Attribute{
      .type = static_cast<std::uint16_t>(header->rta_type & NLA_TYPE_MASK), .payload = payload}};
}

}  // namespace sockdiag
