#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <cstdint>

#include "sockdiag/inet_message.h"
#include "sockdiag/replies.h"
#include "sockdiag/snmp.h"
#include "sockdiag/unix_message.h"

// Any bytes at all, taken for a datagram and each of its messages for a socket of either kind, must
// end in a value or in a failure. Sequence number, family and port are those of the input, so that
// every byte of it is reached.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sockdiag;
  const Bytes datagram = std::as_bytes(std::span{data, size});
  static_cast<void>(passiveOpensIn(datagram));
  const auto header = readAt<nlmsghdr>(datagram);
  for (Replies replies{datagram, header ? header->nlmsg_seq : 1};;) {
    const auto reply = replies.next();
    if (!reply.ok() || !reply.value()) return 0;
    const auto payload = reply.value()->payload;
    const auto socket = readAt<inet_diag_msg>(payload);
    const TcpQuestion question{
        .family = socket ? socket->idiag_family : std::uint8_t{AF_INET},
        .localPort = static_cast<Port>(socket ? __builtin_bswap16(socket->id.idiag_sport) : 0)};
    const auto tcp = parseTcpSocket(payload, question);
    if (tcp.ok() && tcp.value()) toText(tcp.value()->peer.address);
    static_cast<void>(parseUnixMessage(payload));
  }
}
