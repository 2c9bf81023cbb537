#pragma once

#include <map>
#include <set>

#include "model_kernel.h"
#include "sockdiag/poll_decision.h"
#include "sockdiag/shared_destroy_events.h"
#include "sockdiag/tcp_view.h"

namespace sockdiag::fuzz {

/// What one tracker sees of the model, and what it must and may report because of that.
class ModelView final : public TcpView {
 public:
  ModelView(ModelKernel& kernel, SharedDestroyEvents& events, unsigned number, Port localPort);
  ModelView(const ModelView&) = delete;
  ModelView& operator=(const ModelView&) = delete;
  ~ModelView() { kernel_.remove(*this); }

  Result<TcpCounters> counters() override;
  Status dump(StateMask states, Traffic traffic, List<TcpSocket>& sockets) override;
  Status lookUp(std::span<const TcpSocket> sockets, Traffic traffic,
                List<LookupResult>& results) override;
  Result<EventLoss> takeDestroyed(DestroyedSink& sink) override;
  Nanoseconds now() override { return kernel_.time(); }
  void drop() override {}

  DestroyEventQueue& queue() { return queue_; }
  bool isOf(Port port) const { return port == localPort_; }

  void beginPoll();
  void endPoll() { isPolling_ = false; }

  // Called by the kernel, for the sockets of this port.
  void becameVisible(std::uint64_t cookie);
  void becameInvisible(std::uint64_t cookie);
  void wasRemoved(const TcpSocket& socket);
  void eventsWereLost() { isComplete_ = false; }

  /// Whether the socket was visible at any moment since the poll began.
  bool wasPresent(std::uint64_t cookie) const { return presentDuringPoll_.contains(cookie); }
  /// The sockets that were visible all the time since the poll began, and are either counted or old
  /// enough.
  const std::set<std::uint64_t>& mustBeSeen() const { return presentThroughout_; }
  /// Whether one listener existed all the time since the poll began.
  bool listenedThroughout() const { return !listeners_.empty(); }
  /// The bytes that each connection of this port has received by now.
  std::map<std::uint64_t, std::uint64_t> bytes() const;
  void noteSeen(std::uint64_t cookie) { seen_.insert(cookie); }
  /// The number of sockets that no poll has seen, and that were destroyed since events were asked
  /// for.
  std::uint64_t destroyedUnseen() const;
  bool wasDestroyed(std::uint64_t cookie) const { return destroyed_.contains(cookie); }
  /// The connections whose end must be reported, because no event was lost.
  std::set<std::uint64_t> mustBeReported() const;

 private:
  ModelKernel& kernel_;
  unsigned number_;
  Port localPort_;
  DestroyEventQueue queue_;
  bool wantsEvents_ = false;
  bool hasEvents_ = false;
  bool isComplete_ = true;

  bool isPolling_ = false;
  std::set<std::uint64_t> presentDuringPoll_;
  std::set<std::uint64_t> presentThroughout_;
  std::set<std::uint64_t> listeners_;
  std::set<std::uint64_t> seen_;
  std::set<std::uint64_t> destroyed_;
  std::set<std::uint64_t> reported_;
};

}  // namespace sockdiag::fuzz
