#include "sockdiag/tcp_tracker.h"

#include <algorithm>
#include <utility>

namespace sockdiag {

Result<std::uint64_t> TcpTracker::poll(Traffic traffic) { return poll(traffic, Reading::kAlways); }

Result<TcpTracker::PolledTraffic> TcpTracker::pollTraffic() {
  const auto revision = poll(Traffic::kIncluded, Reading::kIfSegmentsMoved);
  if (!revision.ok()) return revision.failure();
  return PolledTraffic{.revision = revision.value(), .hasMoved = seenTraffic_.hasMoved(set_.all())};
}

// Without room for it, all traffic seems to move.
void TcpTracker::noteTraffic() { static_cast<void>(seenTraffic_.remember(set_.all())); }

Result<std::uint64_t> TcpTracker::poll(Traffic traffic, Reading reading) {
  const auto reason = refresh(traffic, reading);
  if (!reason.ok()) {
    view_.drop();
    counterAtDump_.reset();
    lastCounter_.reset();
    segmentsAtRead_.reset();
    return reason.failure();
  }
  reason_ = reason.value();
  return set_.revision() + endCount_;
}

Result<PollReason> TcpTracker::refresh(Traffic traffic, Reading reading) {
  // Optional: a poll is correct without events.
  static_cast<void>(takeDestroyed());

  // Read before the dump: any connection counted after this line changes the value that the next
  // poll reads.
  const auto read = view_.counters();
  const auto counters = read.ok() ? std::optional{read.value()} : std::nullopt;
  const auto counter = counters ? std::optional{counters->passiveOpens} : std::nullopt;
  const auto now = view_.now();
  classifyWithoutPeer(counter);

  auto reason = decide({.counter = counter,
                        .counterAtDump = counterAtDump_,
                        .isSettled = isSettled_,
                        .eventsLost = eventsLost_,
                        .dumpIsCheaper = costsOf(traffic).isDumpCheaper(set_.all().size()),
                        .age = now - dumpedAt_,
                        .sinceMoved = now - movedAt_});
  const bool isStable = counter && counter == lastCounter_;
  if (!isStable) movedAt_ = now;
  lastCounter_ = counter;

  if (reason == PollReason::kTracked) {
    if (reading == Reading::kIfSegmentsMoved && isUnmoved(counters, now)) {
      const auto isListening = listenersAreFound();
      if (!isListening.ok()) return isListening.failure();
      if (isListening.value()) return reason;
    }
    const auto isDone = lookUp(traffic);
    if (!isDone.ok()) return isDone.failure();
    if (!isDone.value()) reason = PollReason::kUnexpected;
  }
  if (reason != PollReason::kTracked) {
    if (auto dumped = dump(traffic); !dumped.ok()) return dumped.failure();
    counterAtDump_ = counter;
    isSettled_ = isStable;
    eventsLost_ = false;
  }
  noteRead(traffic, counters, now);
  return reason;
}

// Both numbers of a segment may be counted while it waits for the process that holds the socket's
// lock, before its bytes are: so this is true for a limited time only. While a connection has not
// been accepted, more than its segments can change.
bool TcpTracker::isUnmoved(const std::optional<TcpCounters>& counters, Nanoseconds now) const {
  return segmentsAtRead_ && counters && counters->segments == segmentsAtRead_ &&
         !trackedDestroyed_ && now - readAt_ < kMaxUnread;
}

void TcpTracker::noteRead(Traffic traffic, const std::optional<TcpCounters>& counters,
                          Nanoseconds now) {
  const bool isTold = traffic == Traffic::kIncluded && counters && set_.areAllAccepted();
  segmentsAtRead_ = isTold ? counters->segments : std::nullopt;
  readAt_ = now;
}

Status TcpTracker::dump(Traffic traffic) {
  dumpedAt_ = view_.now();
  if (auto dumped = view_.dump(kTrackedStates, traffic, dumped_); !dumped.ok()) return dumped;
  costsOf(traffic).dumped(view_.now() - dumpedAt_);
  set_.replace(dumped_);
  return Done{};
}

Result<bool> TcpTracker::lookUp(Traffic traffic) {
  const auto known = set_.all();
  const auto start = view_.now();
  auto seen = view_.lookUp(known, traffic, results_);
  if (!seen.ok()) return seen.failure();
  costsOf(traffic).lookedUp(known.size(), view_.now() - start);

  if (!set_.foundAllListeners(results_)) {
    const auto unchanged = listenersAreUnchanged();
    if (!unchanged.ok() || !unchanged.value()) return unchanged;
  }
  return set_.update(results_);
}

Result<bool> TcpTracker::listenersAreFound() {
  auto seen = view_.lookUp(set_.listeners(), Traffic::kLeftOut, results_);
  if (!seen.ok()) return seen.failure();
  return set_.foundAllListeners(results_);
}

// If several listeners share an address (SO_REUSEPORT), the kernel looks up one of them by a hash,
// and the others seem to be gone. And if no listener is known, a new one cannot be detected by a
// counter. A dump of the listeners alone skips the large table and costs about as much as eight
// lookups.
Result<bool> TcpTracker::listenersAreUnchanged() {
  auto dumped = view_.dump(maskOf(SocketState::kListen), Traffic::kLeftOut, dumped_);
  if (!dumped.ok()) return dumped.failure();
  return set_.hasListeners(dumped_);
}

Result<List<TcpSocket>> TcpTracker::sockets() const {
  List<TcpSocket> visible;
  for (const auto& socket : set_.all()) {
    if (!isVisible(socket)) continue;
    if (auto added = visible.append(socket); !added.ok()) return added.failure();
  }
  return visible;
}

Result<bool> TcpTracker::takeDestroyed() {
  trackedDestroyed_ = false;
  const auto taken = view_.takeDestroyed(*this);
  if (!taken.ok()) return taken.failure();
  const bool someLost = taken.value() == EventLoss::kSome;
  eventsLost_ |= someLost;
  if (someLost) recordEnd(TcpSocket{});
  return trackedDestroyed_ || someLost;
}

void TcpTracker::destroyed(const TcpSocket& socket) {
  trackedDestroyed_ |= set_.contains(socket.cookie);
  const auto known = set_.peerOf(socket.cookie);
  auto ended = socket;
  if (known && socket.peer.port == Port{0}) ended.peer = *known;
  const bool hasPeer = ended.peer.port != Port{0};
  if (hasPeer) recordEnd(ended);
  if (known) return;
  if (hasPeer) {
    countBetweenPolls(socket.peer.port);
  } else {
    ++withoutPeer_;
  }
}

void TcpTracker::recordEnd(const TcpSocket& socket) {
  constexpr std::uint64_t kFin = 1;
  const auto& bytes = socket.bytesReceived;
  if (!bytes || *bytes > kFin) ++endCount_;
  const bool isNamed = socket.peer.port != Port{0};
  if (isNamed && ended_.size() < kMaxEnded && ended_.append(socket).ok()) return;
  auto most = bytes;
  if (overflowEnded_ && bytes) {
    const auto& others = overflowEnded_->bytesReceived;
    most = others ? std::optional{std::max(*bytes, *others)} : std::nullopt;
  }
  overflowEnded_ = TcpSocket{};
  overflowEnded_->bytesReceived = most;
}

Result<List<TcpSocket>> TcpTracker::takeEnded() {
  if (overflowEnded_) {
    if (auto added = ended_.append(*overflowEnded_); !added.ok()) return added.failure();
    overflowEnded_.reset();
  }
  return std::exchange(ended_, {});
}

void TcpTracker::countBetweenPolls(Port peerPort) {
  portsBetweenPolls_[seenBetweenPolls_++ % kMaxPorts] = peerPort;
}

Result<List<Port>> TcpTracker::portsBetweenPolls() const {
  List<Port> ports;
  auto index = seenBetweenPolls_ - std::min<std::uint64_t>(seenBetweenPolls_, kMaxPorts);
  for (; index < seenBetweenPolls_; ++index) {
    if (auto added = ports.append(portsBetweenPolls_[index % kMaxPorts]); !added.ok()) {
      return added.failure();
    }
  }
  return ports;
}

// A destroyed socket without a peer may have been a connection unless the counter is known to have
// been unmoved at that time: else it was only bound and closed. It is counted as one only if the
// counter is known to have moved.
void TcpTracker::classifyWithoutPeer(const std::optional<std::uint64_t>& counter) {
  const bool isStable = counter && counter == lastCounter_ && isSettled_;
  const bool isMoved = counter && lastCounter_ && counter != lastCounter_;
  const bool wasMoved = std::exchange(isCounterMoved_, isMoved);
  auto count = std::exchange(withoutPeer_, 0);
  if (isStable) return;
  for (; count > 0; --count) {
    if (isMoved || wasMoved) countBetweenPolls(Port{0});
    recordEnd(TcpSocket{});
  }
}

}  // namespace sockdiag
