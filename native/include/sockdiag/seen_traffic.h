#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "sockdiag/list.h"
#include "sockdiag/tcp_view.h"

namespace sockdiag {

/// The traffic of connections as it was told last, to notice when it is out of date.
class SeenTraffic {
 public:
  /// Replaces what is known. On failure nothing is.
  Status remember(std::span<const TcpSocket> sockets);

  /// Whether a connection has moved a byte, has left more or less unanswered, or has answered
  /// while something was unanswered. Also if that cannot be told: a number is unknown, or these are
  /// not the same connections in the same order, with or without other sockets.
  bool hasMoved(std::span<const TcpSocket> sockets) const;

 private:
  struct Seen {
    std::uint64_t cookie;
    std::optional<std::uint64_t> bytesReceived;
    std::optional<std::uint64_t> bytesAcked;
    std::optional<std::uint32_t> lastAckReceivedMs;
    std::uint8_t unanswered;
  };

  static bool isSame(const Seen& seen, const TcpSocket& now);

  List<Seen> seen_;
};

}  // namespace sockdiag
