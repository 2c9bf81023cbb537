#pragma once

#include "sockdiag/list.h"
#include "sockdiag/shared_destroy_events.h"
#include "sockdiag/shared_kernel.h"
#include "sockdiag/tcp_view.h"

namespace sockdiag {

/// The real kernel, by the descriptors that all views of a thread share.
class KernelTcpView final : public TcpView {
 public:
  /// `kernel` must outlive it.
  KernelTcpView(SharedKernel& kernel, Port localPort)
      : kernel_(kernel), localPort_(localPort), events_(kernel.destroyEvents, localPort) {}

  Result<TcpCounters> counters() override { return kernel_.counterFile.read(); }
  Status dump(StateMask states, Traffic traffic, List<TcpSocket>& sockets) override;
  Status lookUp(std::span<const TcpSocket> sockets, Traffic traffic,
                List<LookupResult>& results) override;
  /// Not opened again after a failure: polls are correct without events.
  Result<EventLoss> takeDestroyed(DestroyedSink& sink) override { return events_.take(sink); }
  Nanoseconds now() override;
  void drop() override { kernel_.drop(); }

  /// May not be open yet.
  DestroyEventQueue& events() { return events_; }

 private:
  SharedKernel& kernel_;
  Port localPort_;
  DestroyEventQueue events_;
};

}  // namespace sockdiag
