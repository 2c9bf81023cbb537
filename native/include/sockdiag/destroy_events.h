#pragma once

#include <cstdint>

#include "sockdiag/bytes.h"
#include "sockdiag/result.h"
#include "sockdiag/tcp_socket.h"
#include "sockdiag/transport.h"

namespace sockdiag {

class DestroyedSink {
 public:
  /// A TCP socket that the kernel has just freed. The peer's port is 0 for a listener, for a socket
  /// that was never connected, and for one that lost its peer address before its end, along with
  /// its byte counts: an MPTCP client's, or one that its own process reset.
  virtual void destroyed(const TcpSocket& socket) = 0;

  DestroyedSink(const DestroyedSink&) = delete;
  DestroyedSink& operator=(const DestroyedSink&) = delete;

 protected:
  DestroyedSink() = default;
  ~DestroyedSink() = default;
};

enum class EventLoss : std::uint8_t { kNone, kSome };

/// The most events read at once, so that a flood of them cannot block the caller.
inline constexpr int kMaxEventsPerCall = 4096;

/// Reads the queued events of the groups SKNLGRP_INET_TCP_DESTROY and SKNLGRP_INET6_TCP_DESTROY and
/// passes the sockets with this local port to the sink. Returns whether the kernel dropped any
/// because the queue was full (ENOBUFS), or some could not be parsed.
Result<EventLoss> takeDestroyed(DatagramSource& source, Port localPort, DestroyedSink& sink);

}  // namespace sockdiag
