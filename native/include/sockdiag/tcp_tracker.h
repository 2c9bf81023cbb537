#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "sockdiag/list.h"
#include "sockdiag/poll_decision.h"
#include "sockdiag/result.h"
#include "sockdiag/seen_traffic.h"
#include "sockdiag/tcp_view.h"
#include "sockdiag/tracked_set.h"

namespace sockdiag {

/// Tracks the LISTEN and ESTABLISHED sockets of one local port, without dumping the kernel's table
/// when the result is exact without it. See docs/decisions/tracked-set.md.
class TcpTracker final : private DestroyedSink {
 public:
  explicit TcpTracker(TcpView& view) : view_(view) {}

  /// Updates the set. Returns a revision that increases when the visible sockets change or when a
  /// connection that may have carried data has ended; or fails as a whole. The first poll after a
  /// failure dumps.
  Result<std::uint64_t> poll();

  struct PolledTraffic {
    std::uint64_t revision;
    /// Whether the traffic may differ from what socketsWithTraffic() returned last: also if it
    /// could not be read.
    bool hasMoved;
  };
  /// Polls, and looks at the traffic as well: with the same lookups, if the poll needs them.
  Result<PolledTraffic> pollTraffic();

  /// As of the last successful poll, without traffic. Makes no system call.
  Result<List<TcpSocket>> sockets() const;
  /// The same with current traffic counts, which are unknown for sockets gone since the poll.
  Result<List<TcpSocket>> socketsWithTraffic();

  /// The connections destroyed since the last call, seen by a poll or not, each with its peer and
  /// the bytes it received in its whole life; the FIN counts as one byte. If there were more than
  /// kMaxEnded, or events were lost, a last entry without a peer port stands for all the others,
  /// with the largest byte count among them, or none if any is unknown.
  Result<List<TcpSocket>> takeEnded();
  static constexpr std::size_t kMaxEnded = 1024;

  /// Why the last poll dumped, or that it did not.
  PollReason reason() const { return reason_; }

  /// The number of connections destroyed that no poll had seen ESTABLISHED, as far as events tell:
  /// a lower bound if events were lost, 0 if there are no events.
  std::uint64_t seenBetweenPolls() const { return seenBetweenPolls_; }
  /// The peer ports of the most recent of those, oldest first; 0 if unknown.
  Result<List<Port>> portsBetweenPolls() const;

  /// Reads the destroy events, without a poll. True if a poll is needed: a tracked socket is gone,
  /// or events were lost. Fails if events are not, or no longer, available.
  Result<bool> takeDestroyed();

 private:
  /// How many ports are kept of connections that no poll has seen.
  static constexpr std::size_t kMaxPorts = 1024;

  void destroyed(const TcpSocket& socket) override;
  void recordEnd(const TcpSocket& socket);
  void countBetweenPolls(Port peerPort);

  Result<std::uint64_t> poll(Traffic traffic);
  Result<PollReason> refresh(Traffic traffic);
  Status dump();
  /// Whether lookups could bring the set up to date.
  Result<bool> lookUp(Traffic traffic);
  /// Whether the listeners are unchanged, for listeners that lookups cannot find.
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
  /// Destroyed sockets that were not tracked and have no peer port.
  std::uint64_t withoutPeer_ = 0;
  /// Number of ended connections that may have carried data.
  std::uint64_t endCount_ = 0;
  SeenTraffic seenTraffic_;
  List<TcpSocket> ended_;
  /// Stands for those that do not fit in the list.
  std::optional<TcpSocket> overflowEnded_;
  // Members only to reuse their memory.
  List<TcpSocket> dumped_;
  List<LookupResult> results_;
};

}  // namespace sockdiag
