#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>

#include "sockdiag/destroy_events.h"
#include "sockdiag/list.h"
#include "sockdiag/request.h"
#include "sockdiag/result.h"
#include "sockdiag/tcp_socket.h"

namespace sockdiag {

using Nanoseconds = std::chrono::nanoseconds;

/// The answer to a lookup: nothing for a socket that is gone, or in none of the states that the
/// tracker keeps.
using LookupResult = std::optional<TcpSocket>;

/// What is tracked of a port. A connection in SYN_RECV is no client yet, but with TCP Fast Open it
/// can be so for long after PassiveOpens has counted it.
inline constexpr StateMask kTrackedStates = kVisibleStates | maskOf(SocketState::kSynReceived);

/// What the tracker of one local port asks the kernel. KernelTcpView is the real one; tests play
/// scripted ones.
class TcpView {
 public:
  virtual Result<std::uint64_t> passiveOpens() = 0;
  /// Replaces `sockets` by all that the kernel's table has in `states`.
  virtual Status dump(StateMask states, List<TcpSocket>& sockets) = 0;
  /// Replaces `sightings` by one for each socket, taken in their order.
  virtual Status lookUp(std::span<const TcpSocket> sockets, Traffic traffic,
                        List<LookupResult>& results) = 0;
  /// Fails where there are no events to be had.
  virtual Result<EventLoss> takeDestroyed(DestroyedSink& sink) = 0;
  /// Monotonic.
  virtual Nanoseconds now() = 0;
  /// Closes what may be at fault; it is opened anew when it is needed.
  virtual void drop() = 0;

  TcpView(const TcpView&) = delete;
  TcpView& operator=(const TcpView&) = delete;

 protected:
  TcpView() = default;
  ~TcpView() = default;
};

}  // namespace sockdiag
