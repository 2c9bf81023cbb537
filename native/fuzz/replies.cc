#include <linux/netlink.h>
#include <sys/socket.h>

#include <vector>

#include "script.h"
#include "sockdiag/netlink_message.h"
#include "sockdiag/tcp_socket.h"
#include "sockdiag/unix_message.h"

namespace {

using namespace sockdiag;

/// The next message with this sequence number, found with the kernel's macros.
const nlmsghdr* nextOf(const nlmsghdr*& header, int& rest, std::uint32_t sequence) {
  while (rest > 0 && NLMSG_OK(header, static_cast<unsigned>(rest))) {
    const auto* const found = header;
    // As NLMSG_NEXT, which counts the padding even if the bytes end without it.
    const auto step = NLMSG_ALIGN(found->nlmsg_len);
    header = reinterpret_cast<const nlmsghdr*>(reinterpret_cast<const char*>(found) + step);
    rest -= static_cast<int>(step);
    if (found->nlmsg_seq == sequence) return found;
  }
  return nullptr;
}

}  // namespace

// Any bytes parsed as a datagram: its messages are those that the kernel's macros find. The
// sequence number is that of the first message, so that all code is reached. Each payload is also
// parsed as a socket of either kind.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::uint8_t> aligned{data, data + size};
  const Bytes datagram = fuzz::bytesOf(aligned.data(), aligned.size());
  const auto first = readAt<nlmsghdr>(datagram);
  const std::uint32_t sequence = first ? first->nlmsg_seq : 1;
  const auto* header = reinterpret_cast<const nlmsghdr*>(aligned.data());
  auto rest = static_cast<int>(size);

  for (Replies replies{datagram, sequence};;) {
    const auto reply = replies.next();
    const auto* const expected = nextOf(header, rest, sequence);
    if (!reply.ok()) {
      const int error = reply.failure().error;
      fuzz::require(error > 0 && error < 4096, "an error has an errno");
      return 0;
    }
    if (!reply.value()) {
      fuzz::require(expected == nullptr && rest <= 0, "all bytes are read");
      return 0;
    }
    fuzz::require(expected != nullptr, "every message was in the input");
    const auto& [kind, interrupted, payload] = *reply.value();
    fuzz::require(interrupted == ((expected->nlmsg_flags & NLM_F_DUMP_INTR) != 0),
                  "an interrupted dump is reported");
    if (kind == Reply::Kind::kEnd) {
      fuzz::require(expected->nlmsg_type == NLMSG_DONE, "only NLMSG_DONE ends a dump");
    }
    if (kind != Reply::Kind::kSocket) continue;
    fuzz::require(payload.data() == static_cast<const void*>(NLMSG_DATA(expected)) &&
                      payload.size() == NLMSG_PAYLOAD(expected, 0),
                  "the payload is that of the message");
    static_cast<void>(parseTcpSocket(payload, {.family = AF_UNSPEC, .localPort = kAnyPort}));
    static_cast<void>(parseUnixMessage(payload));
  }
}
