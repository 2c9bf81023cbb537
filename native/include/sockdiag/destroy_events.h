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
  /// that was never connected, and for one that forgot its peer before its end, and its bytes with
  /// it: that of an MPTCP client, or one that its own process has reset.
  virtual void destroyed(const TcpSocket& socket) = 0;

  DestroyedSink(const DestroyedSink&) = delete;
  DestroyedSink& operator=(const DestroyedSink&) = delete;

 protected:
  DestroyedSink() = default;
  ~DestroyedSink() = default;
};

enum class EventLoss : std::uint8_t { kNone, kSome };

/// So many at most are taken in at once: under a flood there must be an end.
inline constexpr int kMaxEventsPerCall = 4096;

/// Takes what has come from the groups SKNLGRP_INET_TCP_DESTROY and SKNLGRP_INET6_TCP_DESTROY, and
/// gives the sockets with this local port to the sink. Says whether the kernel had to drop any
/// because the queue was full (ENOBUFS), or some of them could not be read.
Result<EventLoss> takeDestroyed(DatagramSource& source, Port localPort, DestroyedSink& sink);

}  // namespace sockdiag
