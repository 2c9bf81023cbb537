#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "sockdiag/list.h"
#include "sockdiag/poll_decision.h"
#include "sockdiag/result.h"
#include "sockdiag/tcp_view.h"
#include "sockdiag/tracked_set.h"

namespace sockdiag {

/// Keeps the LISTEN and ESTABLISHED sockets of one local port, without walking the kernel's table
/// where that can be done exactly. docs/decisions/tracked-set.md has the reasons.
class TcpTracker final : private DestroyedSink {
 public:
  explicit TcpTracker(TcpView& view) : view_(view) {}

  /// Looks once. Returns a revision, which rises if what is seen changes, or if a connection that
  /// may have brought bytes has ended; or fails as a whole. After a failure the next poll takes
  /// nothing for granted.
  Result<std::uint64_t> poll();

  /// As of the last poll that did not fail, without traffic: no system call.
  Result<List<TcpSocket>> sockets() const;
  /// The same with its traffic as it is now. Traffic is unknown of what has gone since.
  Result<List<TcpSocket>> socketsWithTraffic();

  /// The connections, seen or not, that the kernel has freed since the last call, each with its
  /// peer and the bytes of its whole life; the FIN counts as one. The last one has no peer's port
  /// where there were more than kMaxEnded, or events were lost: it stands for all those, with
  /// the most bytes of any of them, or with none where those of any are not known.
  Result<List<TcpSocket>> takeEnded();
  static constexpr std::size_t kMaxEnded = 1024;

  /// How the last poll came to its answer.
  PollReason reason() const { return reason_; }

  /// Connections that were destroyed without any poll having seen them ESTABLISHED, as far as the
  /// kernel told: at least so many where events were lost, 0 where there are none to be had.
  std::uint64_t seenBetweenPolls() const { return seenBetweenPolls_; }
  /// The peers' ports of the latest of those, oldest first; 0 where the socket had forgotten it.
  Result<List<Port>> portsBetweenPolls() const;

  /// Takes in what has been destroyed, without a poll. True if there is reason to poll: a socket of
  /// the set is gone, or events were lost. Fails where there are no events to be had, or no more.
  Result<bool> takeDestroyed();

 private:
  /// So many ports are kept of connections that no poll has seen.
  static constexpr std::size_t kMaxPorts = 1024;

  void destroyed(const TcpSocket& socket) override;
  void recordEnd(const TcpSocket& socket);
  void countBetweenPolls(Port peerPort);

  Result<PollReason> refresh();
  Status dump();
  /// Whether the known set could be brought up to date socket by socket.
  Result<bool> lookUp();
  /// Where not all listeners could be looked up: whether they stand all the same.
  Result<bool> listenersAreUnchanged();
  void classifyWithoutPeer(const std::optional<std::uint64_t>& counter);

  TcpView& view_;
  TrackedSet set_;
  PollCosts costs_;
  PollReason reason_ = PollReason::kFirst;
  std::optional<std::uint64_t> counterAtDump_;
  std::optional<std::uint64_t> lastCounter_;
  bool isSettled_ = false;
  Nanoseconds dumpedAt_{0};
  bool eventsLost_ = false;
  bool trackedDestroyed_ = false;
  std::uint64_t seenBetweenPolls_ = 0;
  std::array<Port, kMaxPorts> portsBetweenPolls_{};
  /// Destroyed sockets that nobody met, and without a peer's port.
  std::uint64_t withoutPeer_ = 0;
  /// Of connections that may have brought bytes.
  std::uint64_t endCount_ = 0;
  List<TcpSocket> ended_;
  /// Stands for those that have no place in the list.
  std::optional<TcpSocket> overflowEnded_;
  // Kept for their memory.
  List<TcpSocket> dumped_;
  List<LookupResult> results_;
};

}  // namespace sockdiag
