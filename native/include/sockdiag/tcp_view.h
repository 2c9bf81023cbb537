#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>

#include "sockdiag/destroy_events.h"
#include "sockdiag/list.h"
#include "sockdiag/request.h"
#include "sockdiag/result.h"
#include "sockdiag/tcp_counters.h"
#include "sockdiag/tcp_socket.h"

namespace sockdiag {

using Nanoseconds = std::chrono::nanoseconds;

/// The result of a lookup: empty if the socket is gone, or in a state that is not tracked.
using LookupResult = std::optional<TcpSocket>;

/// The states that are tracked. A connection in SYN_RECV is not a client yet, but with TCP Fast
/// Open it can stay there long after PassiveOpens has counted it.
inline constexpr StateMask kTrackedStates = kVisibleStates | maskOf(SocketState::kSynReceived);

/// What the tracker of one local port needs of the kernel. KernelTcpView is the real one; tests use
/// scripted ones.
class TcpView {
 public:
  virtual Result<TcpCounters> counters() = 0;
  /// Replaces `sockets` with all sockets of the kernel's table that are in `states`.
  virtual Status dump(StateMask states, Traffic traffic, List<TcpSocket>& sockets) = 0;
  /// Replaces `results` with one result for each socket, in the same order.
  virtual Status lookUp(std::span<const TcpSocket> sockets, Traffic traffic,
                        List<LookupResult>& results) = 0;
  /// Fails if events are not available.
  virtual Result<EventLoss> takeDestroyed(DestroyedSink& sink) = 0;
  /// Monotonic.
  virtual Nanoseconds now() = 0;
  /// Closes what may be faulty; it is reopened when needed.
  virtual void drop() = 0;

  TcpView(const TcpView&) = delete;
  TcpView& operator=(const TcpView&) = delete;

 protected:
  TcpView() = default;
  ~TcpView() = default;
};

}  // namespace sockdiag
