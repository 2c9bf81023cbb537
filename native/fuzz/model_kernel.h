#pragma once

#include <set>
#include <vector>

#include "script.h"
#include "sockdiag/poll_decision.h"
#include "sockdiag/tcp_view.h"

namespace sockdiag::fuzz {

/// A model of the kernel as a tracker sees it. The script decides what happens, also in the middle
/// of each call. It guarantees only what the tracker relies on: a connection is counted before it
/// is listed, and is listed before the start of the second poll that saw it counted; an uncounted
/// one may appear at any time.
class ModelKernel final : public TcpView {
 public:
  explicit ModelKernel(Script& script) : script_(script) {}

  Result<std::uint64_t> passiveOpens() override;
  Status dump(StateMask states, List<TcpSocket>& sockets) override;
  Status lookUp(std::span<const TcpSocket> sockets, Traffic traffic,
                List<LookupResult>& results) override;
  Result<EventLoss> takeDestroyed(DestroyedSink& sink) override;
  Nanoseconds now() override { return time_; }
  void drop() override {}

  /// Performs one random event.
  void step();

  void beginPoll();
  void endPoll() { isPolling_ = false; }

  /// Whether the socket was visible at any moment since the poll began.
  bool wasPresent(std::uint64_t cookie) const { return presentDuringPoll_.contains(cookie); }
  /// The sockets that were visible all the time since the poll began, and are either counted or old
  /// enough.
  const std::set<std::uint64_t>& mustBeSeen() const { return presentThroughout_; }
  /// Whether one listener existed all the time since the poll began.
  bool listenedThroughout() const { return !listeners_.empty(); }
  void noteSeen(std::uint64_t cookie) { seen_.insert(cookie); }
  /// The number of destroyed sockets that no poll has seen.
  std::uint64_t destroyedUnseen() const;
  bool wasDestroyed(std::uint64_t cookie) const;

 private:
  struct Socket {
    TcpSocket socket;
    bool isCounted = true;
    bool isListed = true;
    /// Whether a poll has read the counter since it counted this socket.
    bool isCounterRead = false;
    bool isHidden = false;
    Nanoseconds listedAt;
  };

  void maybeStep();
  void add(SocketState state, bool isCounted, bool isListed);
  void remove(std::size_t index);
  void setState(Socket& socket, SocketState state);
  void list(Socket& socket);
  void noteVisible(const Socket& socket);
  void injectFault();
  Socket* anyIn(SocketState state);

  Script& script_;
  std::vector<Socket> sockets_;
  std::vector<TcpSocket> events_;
  std::uint64_t lastCookie_ = 0;
  std::uint64_t counter_ = 100;
  Nanoseconds time_{1'000'000'000};
  bool eventsAreLost_ = false;
  bool counterFails_ = false;
  bool dumpFails_ = false;
  bool lookUpFails_ = false;
  bool eventsFail_ = false;

  bool isPolling_ = false;
  std::set<std::uint64_t> presentDuringPoll_;
  std::set<std::uint64_t> presentThroughout_;
  std::set<std::uint64_t> listeners_;
  std::set<std::uint64_t> seen_;
  std::vector<std::uint64_t> destroyed_;
};

}  // namespace sockdiag::fuzz
