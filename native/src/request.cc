#include "sockdiag/request.h"

#include <arpa/inet.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include <cstring>
#include <type_traits>

namespace sockdiag {

static_assert(sizeof(nlmsghdr) == 16 && NLMSG_HDRLEN == sizeof(nlmsghdr));
static_assert(sizeof(inet_diag_req_v2) == 56);
static_assert(sizeof(unix_diag_req) == 24);

Request::Request(Bytes body) : size_(sizeof(nlmsghdr) + body.size()) {
  const nlmsghdr header{
      .nlmsg_len = static_cast<__u32>(size_),
      .nlmsg_type = SOCK_DIAG_BY_FAMILY,
      .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
      .nlmsg_seq = 0,
      .nlmsg_pid = 0,
  };
  std::memcpy(bytes_.data(), &header, sizeof(header));
  std::memcpy(bytes_.data() + sizeof(header), body.data(), body.size());
}

void Request::setSequence(std::uint32_t sequence) {
  static_assert(std::is_same_v<decltype(nlmsghdr::nlmsg_seq), decltype(sequence)>);
  std::memcpy(bytes_.data() + offsetof(nlmsghdr, nlmsg_seq), &sequence, sizeof(sequence));
}

Request tcpDumpRequest(std::uint8_t family, Port localPort, StateMask states) {
  inet_diag_req_v2 body{};
  body.sdiag_family = family;
  body.sdiag_protocol = IPPROTO_TCP;
  body.idiag_ext = 1U << (INET_DIAG_INFO - 1);
  body.idiag_states = static_cast<__u32>(states);
  body.id.idiag_sport = htons(static_cast<std::uint16_t>(localPort));
  return Request::dump(body);
}

Request unixDumpRequest(StateMask states, std::uint32_t show) {
  unix_diag_req body{};
  body.sdiag_family = AF_UNIX;
  body.udiag_states = static_cast<__u32>(states);
  body.udiag_show = show;
  return Request::dump(body);
}

}  // namespace sockdiag
