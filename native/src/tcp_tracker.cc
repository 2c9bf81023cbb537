#include "sockdiag/tcp_tracker.h"

#include <algorithm>
#include <utility>

namespace sockdiag {

Result<std::uint64_t> TcpTracker::poll() {
  const auto reason = look();
  if (!reason.ok()) {
    view_.drop();
    vouched_.reset();
    counterBefore_.reset();
    return reason.failure();
  }
  reason_ = reason.value();
  return set_.revision() + endings_;
}

Result<PollReason> TcpTracker::look() {
  // A help, not a witness: the poll is as good without.
  static_cast<void>(takeDestroyed());

  // Before the walk that it is to vouch for: what comes after this line moves it once more.
  const auto read = view_.passiveOpens();
  const auto counter = read.ok() ? std::optional{read.value()} : std::nullopt;
  judgeNameless(counter);

  auto reason = decide({.counter = counter,
                        .vouched = vouched_,
                        .isSettled = isSettled_,
                        .eventsLost = eventsLost_,
                        .walkIsCheaper = costs_.isWalkCheaper(set_.all().size()),
                        .age = view_.now() - walkedAt_});
  const bool stoodStill = counter && counter == counterBefore_;
  counterBefore_ = counter;

  if (reason == PollReason::kTracked) {
    const auto isDone = lookUp();
    if (!isDone.ok()) return isDone.failure();
    if (isDone.value()) return reason;
    reason = PollReason::kUnexpected;
  }
  if (auto walked = walk(); !walked.ok()) return walked.failure();
  vouched_ = counter;
  isSettled_ = stoodStill;
  eventsLost_ = false;
  return reason;
}

Status TcpTracker::walk() {
  walkedAt_ = view_.now();
  if (auto walked = view_.walk(kTrackedStates, walked_); !walked.ok()) return walked;
  costs_.walked(view_.now() - walkedAt_);
  set_.replace(walked_);
  return Done{};
}

Result<bool> TcpTracker::lookUp() {
  const auto known = set_.all();
  const auto start = view_.now();
  auto seen = view_.lookUp(known, Traffic::kLeftOut, sightings_);
  if (!seen.ok()) return seen.failure();
  costs_.lookedUp(known.size(), view_.now() - start);

  if (!set_.standsBy(sightings_)) {
    const auto stand = listenersStand();
    if (!stand.ok() || !stand.value()) return stand;
  }
  return set_.update(sightings_);
}

// Among several listeners of one address (SO_REUSEPORT) the kernel looks up one by a hash, so that
// the others seem gone. And where none is known, one may have come: no counter tells. A walk over
// the listeners alone leaves the large table out, and costs about as much as eight lookups.
Result<bool> TcpTracker::listenersStand() {
  auto walked = view_.walk(maskOf(SocketState::kListen), walked_);
  if (!walked.ok()) return walked.failure();
  return set_.hasListeners(walked_);
}

Result<List<TcpSocket>> TcpTracker::sockets() const {
  List<TcpSocket> visible;
  for (const auto& socket : set_.all()) {
    if (!contains(kVisibleStates, socket.state)) continue;
    if (auto added = visible.append(socket); !added.ok()) return added.failure();
  }
  return visible;
}

Result<List<TcpSocket>> TcpTracker::socketsWithTraffic() {
  auto visible = sockets();
  if (!visible.ok()) return visible;
  auto seen = view_.lookUp(visible.value(), Traffic::kIncluded, sightings_);
  if (!seen.ok()) return seen.failure();
  for (std::size_t i = 0; i < visible.value().size(); ++i) {
    if (sightings_[i]) visible.value()[i] = *sightings_[i];
  }
  return visible;
}

Result<bool> TcpTracker::takeDestroyed() {
  memberDestroyed_ = false;
  const auto taken = view_.takeDestroyed(*this);
  if (!taken.ok()) return taken.failure();
  const bool someLost = taken.value() == EventLoss::kSome;
  eventsLost_ |= someLost;
  if (someLost) noteEnd(TcpSocket{});
  return memberDestroyed_ || someLost;
}

void TcpTracker::destroyed(const TcpSocket& socket) {
  memberDestroyed_ |= set_.sees(socket.cookie);
  const auto known = set_.peerOf(socket.cookie);
  auto ended = socket;
  if (known && socket.peer.port == Port{0}) ended.peer = *known;
  const bool hasPeer = ended.peer.port != Port{0};
  if (hasPeer) noteEnd(ended);
  if (known) return;
  if (hasPeer) {
    countBetweenPolls(socket.peer.port);
  } else {
    ++nameless_;
  }
}

void TcpTracker::noteEnd(const TcpSocket& socket) {
  constexpr std::uint64_t kFin = 1;
  const auto& bytes = socket.bytesReceived;
  if (!bytes || *bytes > kFin) ++endings_;
  const bool isNamed = socket.peer.port != Port{0};
  if (isNamed && ended_.size() < kKeptEndings && ended_.append(socket).ok()) return;
  auto most = bytes;
  if (otherEnded_ && bytes) {
    const auto& others = otherEnded_->bytesReceived;
    most = others ? std::optional{std::max(*bytes, *others)} : std::nullopt;
  }
  otherEnded_ = TcpSocket{};
  otherEnded_->bytesReceived = most;
}

Result<List<TcpSocket>> TcpTracker::takeEnded() {
  if (otherEnded_) {
    if (auto added = ended_.append(*otherEnded_); !added.ok()) return added.failure();
    otherEnded_.reset();
  }
  return std::exchange(ended_, {});
}

void TcpTracker::countBetweenPolls(Port peerPort) {
  portsBetweenPolls_[seenBetweenPolls_++ % kKeptPorts] = peerPort;
}

Result<List<Port>> TcpTracker::portsBetweenPolls() const {
  List<Port> ports;
  auto index = seenBetweenPolls_ - std::min<std::uint64_t>(seenBetweenPolls_, kKeptPorts);
  for (; index < seenBetweenPolls_; ++index) {
    if (auto added = ports.append(portsBetweenPolls_[index % kKeptPorts]); !added.ok()) {
      return added.failure();
    }
  }
  return ports;
}

// A socket without a peer was a connection only if one was taken at that time: it may as well have
// been one that was bound and closed.
void TcpTracker::judgeNameless(const std::optional<std::uint64_t>& counter) {
  const bool stoodStill = counter && counter == counterBefore_ && isSettled_;
  auto judged = std::exchange(nameless_, 0);
  if (stoodStill) return;
  for (; judged > 0; --judged) {
    countBetweenPolls(Port{0});
    noteEnd(TcpSocket{});
  }
}

}  // namespace sockdiag
