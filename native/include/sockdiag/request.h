#pragma once

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/unix_diag.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "sockdiag/bytes.h"
#include "sockdiag/socket_state.h"
#include "sockdiag/tcp_socket.h"

namespace sockdiag {

/// One netlink request, complete except for its sequence number.
class Request {
 public:
  /// `body` is the kernel's structure for messages of this type.
  template <typename Body>
  Request(std::uint16_t type, std::uint16_t flags, const Body& body)
      : Request(type, flags, Bytes{reinterpret_cast<const std::byte*>(&body), sizeof(Body)}) {
    static_assert(sizeof(nlmsghdr) + sizeof(Body) <= kCapacity);
  }

  void setSequence(std::uint32_t sequence);
  Bytes bytes() const { return Bytes{bytes_}.first(size_); }

  static constexpr std::size_t kCapacity = sizeof(nlmsghdr) + sizeof(inet_diag_req);
  // Several requests fit in one datagram without padding.
  static_assert(kCapacity % NLMSG_ALIGNTO == 0);

 private:
  Request(std::uint16_t type, std::uint16_t flags, Bytes body);

  std::array<std::byte, kCapacity> bytes_{};
  std::size_t size_;
};

/// Whether replies include tcp_info. Without it they cost the kernel less.
enum class Traffic : std::uint8_t { kLeftOut, kIncluded };

/// All TCP sockets of one family in `states` with this local port; the kernel filters. The family
/// is AF_INET or AF_INET6: for AF_UNSPEC the kernel answers ENOENT.
Request tcpDumpRequest(std::uint8_t family, Port localPort, StateMask states, Traffic traffic);

/// The same for both families, in one pass over the kernel's table. This is sock_diag's older form,
/// which a kernel may refuse.
Request tcpBothFamiliesRequest(Port localPort, StateMask states, Traffic traffic);

/// The socket with this cookie. If it no longer exists the kernel answers ENOENT.
Request tcpLookupRequest(const TcpSocket& socket, Traffic traffic);

/// All unix sockets in `states`; `show` is a set of UDIAG_SHOW_* (linux/unix_diag.h). The kernel
/// cannot filter by name.
Request unixDumpRequest(StateMask states, std::uint32_t show);

}  // namespace sockdiag
