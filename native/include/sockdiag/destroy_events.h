#pragma once

#include <cstdint>
#include <span>

#include "sockdiag/bytes.h"
#include "sockdiag/result.h"
#include "sockdiag/tcp_socket.h"
#include "sockdiag/transport.h"

namespace sockdiag {

/// Where the kernel's destroy events arrive. DestroyEventSocket is the real one; tests use scripted
/// ones.
class DestroyEventSource : public DatagramSource {
 public:
  /// Opens it for no port.
  virtual Status open() = 0;
  virtual bool isOpen() const = 0;
  /// From now on, the events of these ports, in ascending order, and possibly of others.
  virtual void receiveOnly(std::span<const Port> ports) = 0;
  virtual void close() = 0;

 protected:
  ~DestroyEventSource() = default;
};

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

/// The most events read at once, so that a flood of them cannot block the caller. More than the
/// receive buffer holds, so one call reads every event that was queued when it began.
inline constexpr int kMaxEventsPerCall = 4096;

/// Reads the queued events of the groups SKNLGRP_INET_TCP_DESTROY and SKNLGRP_INET6_TCP_DESTROY and
/// passes the sockets to the sink. Returns whether the kernel dropped any because the queue was
/// full (ENOBUFS), or some could not be parsed.
Result<EventLoss> takeDestroyed(DatagramSource& source, DestroyedSink& sink);

}  // namespace sockdiag
