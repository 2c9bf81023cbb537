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
  Result<std::uint64_t> poll(Traffic traffic = Traffic::kLeftOut);

  struct PolledTraffic {
    std::uint64_t revision;
    /// Whether the traffic may differ from what noteTraffic() noted.
    bool hasMoved;
  };
  /// Polls with traffic. While the namespace's count of segments stands still, no byte moves, and
  /// no connection is asked about for up to kMaxUnread.
  Result<PolledTraffic> pollTraffic();
  static constexpr Nanoseconds kMaxUnread = std::chrono::seconds{1};
  /// Notes the traffic of the last poll, which included it, for pollTraffic() to compare with.
  void noteTraffic();

  /// The LISTEN and ESTABLISHED sockets as of the last successful poll, with traffic if that
  /// included it.
  Result<List<TcpSocket>> sockets() const;
  /// The same, and those in SYN_RECV: first the connections, then the listeners.
  std::span<const TcpSocket> all() const { return set_.all(); }
  /// One of sockets(); null if none has this cookie.
  const TcpSocket* find(std::uint64_t cookie) const { return set_.find(cookie); }

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

  enum class Reading : std::uint8_t { kAlways, kIfSegmentsMoved };
  Result<std::uint64_t> poll(Traffic traffic, Reading reading);
  Result<PollReason> refresh(Traffic traffic, Reading reading);
  Status dump(Traffic traffic);
  /// Whether lookups could bring the set up to date.
  Result<bool> lookUp(Traffic traffic);
  Result<bool> listenersAreFound();
  /// Whether the listeners are unchanged, for listeners that lookups cannot find.
  Result<bool> listenersAreUnchanged();
  /// Whether no segment can have changed anything since the traffic in the set was read.
  bool isUnmoved(const std::optional<TcpCounters>& counters, Nanoseconds now) const;
  void noteRead(Traffic traffic, const std::optional<TcpCounters>& counters, Nanoseconds now);
  PollCosts& costsOf(Traffic traffic) {
    return traffic == Traffic::kIncluded ? costsWithTraffic_ : costs_;
  }
  void classifyWithoutPeer(const std::optional<std::uint64_t>& counter);

  TcpView& view_;
  TrackedSet set_;
  PollCosts costs_;
  PollCosts costsWithTraffic_;
  PollReason reason_ = PollReason::kFirst;
  std::optional<std::uint64_t> counterAtDump_;
  std::optional<std::uint64_t> lastCounter_;
  /// Whether the last poll is known to have read another value than the one before.
  bool isCounterMoved_ = false;
  bool isSettled_ = false;
  Nanoseconds dumpedAt_{0};
  Nanoseconds movedAt_{0};
  /// The count of segments before the traffic in the set was read; empty if there is none.
  std::optional<std::uint64_t> segmentsAtRead_;
  Nanoseconds readAt_{0};
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
