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

/// One netlink message to the kernel, ready but for its sequence number.
class Request {
 public:
  /// `body` is the structure that the kernel takes for messages of this type.
  template <typename Body>
  Request(std::uint16_t type, std::uint16_t flags, const Body& body)
      : Request(type, flags, Bytes{reinterpret_cast<const std::byte*>(&body), sizeof(Body)}) {
    static_assert(sizeof(nlmsghdr) + sizeof(Body) <= kCapacity);
  }

  void setSequence(std::uint32_t sequence);
  Bytes bytes() const { return Bytes{bytes_}.first(size_); }

  static constexpr std::size_t kCapacity = sizeof(nlmsghdr) + sizeof(inet_diag_req);
  // So that one follows on the other in a datagram without padding.
  static_assert(kCapacity % NLMSG_ALIGNTO == 0);

 private:
  Request(std::uint16_t type, std::uint16_t flags, Bytes body);

  std::array<std::byte, kCapacity> bytes_{};
  std::size_t size_;
};

/// Whether answers bring tcp_info. Without it they cost the kernel less.
enum class Traffic : std::uint8_t { kLeftOut, kIncluded };

/// All TCP sockets of one family in `states` with this local port. The kernel does the filtering.
/// The family is AF_INET or AF_INET6: to AF_UNSPEC the kernel answers ENOENT.
Request tcpDumpRequest(std::uint8_t family, Port localPort, StateMask states, Traffic traffic);

/// The same of both families, in one walk through the kernel's table. This is sock_diag's older
/// form; a kernel may refuse it.
Request tcpBothFamiliesRequest(Port localPort, StateMask states);

/// This very socket, told by its cookie. To one that is no more the kernel answers ENOENT.
Request tcpLookupRequest(const TcpSocket& socket, Traffic traffic);

/// All unix sockets in `states`; `show` is a set of UDIAG_SHOW_* (linux/unix_diag.h). The kernel
/// cannot filter by name.
Request unixDumpRequest(StateMask states, std::uint32_t show);

}  // namespace sockdiag
