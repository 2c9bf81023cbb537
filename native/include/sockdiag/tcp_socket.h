#pragma once

#include <cstdint>
#include <optional>

#include "sockdiag/address.h"
#include "sockdiag/socket_state.h"

namespace sockdiag {

/// A TCP socket as struct inet_diag_msg (linux/inet_diag.h) describes it.
struct TcpSocket {
  SocketState state;
  SocketAddress local;
  SocketAddress peer;
  /// Index of the network interface that the socket is bound to, 0 for none. Part of its name in a
  /// lookup.
  std::uint32_t boundInterface;
  /// 0 while no process has accepted the connection; `uid` says nothing then.
  std::uint32_t inode;
  std::uint32_t uid;
  /// Names this socket and no other until the next boot.
  std::uint64_t cookie;
  /// How often data or a probe was sent again without an answer up to now.
  std::uint8_t unanswered;

  // From struct tcp_info (linux/tcp.h). Empty means unknown: the kernel is older than the field, or
  // the socket listens and has no traffic.
  std::optional<std::uint64_t> bytesReceived;
  std::optional<std::uint64_t> bytesAcked;
  std::optional<std::uint32_t> lastDataSentMs;
  std::optional<std::uint32_t> lastDataReceivedMs;
  std::optional<std::uint32_t> lastAckReceivedMs;
};

}  // namespace sockdiag
