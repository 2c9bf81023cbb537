#pragma once

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/unix_diag.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "sockdiag/address.h"
#include "sockdiag/bytes.h"
#include "sockdiag/socket_state.h"

namespace sockdiag {

/// One netlink message to the kernel, ready but for its sequence number.
class Request {
 public:
  /// Asks for all sockets of a kind: `body` is the structure that SOCK_DIAG_BY_FAMILY takes for the
  /// family in its first byte.
  template <typename Body>
  static Request dump(const Body& body) {
    static_assert(sizeof(nlmsghdr) + sizeof(Body) <= kCapacity);
    return {Bytes{reinterpret_cast<const std::byte*>(&body), sizeof(Body)}};
  }

  void setSequence(std::uint32_t sequence);
  Bytes bytes() const { return Bytes{bytes_}.first(size_); }

 private:
  static constexpr std::size_t kCapacity = sizeof(nlmsghdr) + sizeof(inet_diag_req_v2);

  Request(Bytes body);

  std::array<std::byte, kCapacity> bytes_{};
  std::size_t size_;
};

/// All TCP sockets of one family in `states` with this local port, each with its tcp_info. The
/// kernel does the filtering. The family is AF_INET or AF_INET6: to AF_UNSPEC the kernel answers
/// ENOENT.
Request tcpDumpRequest(std::uint8_t family, Port localPort, StateMask states);

/// All unix sockets in `states`; `show` is a set of UDIAG_SHOW_* (linux/unix_diag.h). The kernel
/// cannot filter by name.
Request unixDumpRequest(StateMask states, std::uint32_t show);

}  // namespace sockdiag
