#include "sockdiag/tracked_set.h"

#include <algorithm>

namespace sockdiag {

namespace {

void sort(List<TcpSocket>& sockets) {
  std::ranges::sort(sockets, [](const TcpSocket& left, const TcpSocket& right) {
    if (isListener(left) != isListener(right)) return isListener(right);
    return left.cookie < right.cookie;
  });
}

/// Compares one socket at two times: the inode appears when the connection is accepted.
bool isUnchanged(const TcpSocket& left, const TcpSocket& right) {
  return left.cookie == right.cookie && left.state == right.state && left.inode == right.inode &&
         left.uid == right.uid;
}

bool areUnchanged(std::span<const TcpSocket> left, std::span<const TcpSocket> right) {
  const auto nextVisible = [](auto& at, const auto& end) {
    while (at != end && !isVisible(*at)) ++at;
    return at != end;
  };
  auto one = left.begin();
  auto other = right.begin();
  for (;; ++one, ++other) {
    const bool isOne = nextVisible(one, left.end());
    const bool isOther = nextVisible(other, right.end());
    if (!isOne || !isOther) return isOne == isOther;
    if (!isUnchanged(*one, *other)) return false;
  }
}

const TcpSocket* findVisible(std::span<const TcpSocket> sortedByCookie, std::uint64_t cookie) {
  const auto found = std::ranges::lower_bound(sortedByCookie, cookie, {}, &TcpSocket::cookie);
  const bool isFound =
      found != sortedByCookie.end() && found->cookie == cookie && isVisible(*found);
  return isFound ? &*found : nullptr;
}

/// SYN_RECV can become ESTABLISHED; the reverse is impossible.
bool canBecome(SocketState before, SocketState now) {
  return now == before || (before == SocketState::kSynReceived && now == SocketState::kEstablished);
}

}  // namespace

std::span<const TcpSocket> TrackedSet::listeners() const { return all().subspan(listenersAt_); }

bool TrackedSet::areAllAccepted() const {
  return std::ranges::all_of(all().first(listenersAt_), [](const TcpSocket& socket) {
    return isVisible(socket) && socket.inode != 0;
  });
}

void TrackedSet::replace(List<TcpSocket>& dumped) {
  sort(dumped);
  // If a bucket of the kernel's table changes while it is read, a socket can be listed twice.
  const auto isSame = [](const TcpSocket& left, const TcpSocket& right) {
    return left.cookie == right.cookie;
  };
  dumped.shrinkTo(
      static_cast<std::size_t>(std::unique(dumped.begin(), dumped.end(), isSame) - dumped.begin()));
  if (revision_ == 0 || !areUnchanged(sockets_, dumped)) ++revision_;
  sockets_.swap(dumped);
  listenersAt_ =
      static_cast<std::size_t>(std::ranges::find_if(sockets_, isListener) - sockets_.begin());
  for (const auto& before : dumped) {
    if (!contains(before.cookie)) remember(before);
  }
}

bool TrackedSet::foundAllListeners(std::span<const LookupResult> results) const {
  if (listeners().empty()) return false;
  return std::ranges::all_of(results.last(listeners().size()), [](const LookupResult& result) {
    return result && isListener(*result);
  });
}

bool TrackedSet::hasListeners(List<TcpSocket>& others) const {
  sort(others);
  return areUnchanged(listeners(), others);
}

bool TrackedSet::update(std::span<const LookupResult> results) {
  for (std::size_t i = 0; i < listenersAt_; ++i) {
    if (results[i] && !canBecome(sockets_[i].state, results[i]->state)) return false;
  }
  bool isChanged = false;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < listenersAt_; ++i) {
    const auto before = sockets_[i];
    if (!results[i]) {
      remember(before);
      isChanged |= isVisible(before);
      continue;
    }
    isChanged |= isVisible(*results[i]) && !isUnchanged(before, *results[i]);
    sockets_[kept++] = *results[i];
  }
  auto* const stays =
      std::move(sockets_.begin() + listenersAt_, sockets_.end(), sockets_.begin() + kept);
  sockets_.shrinkTo(static_cast<std::size_t>(stays - sockets_.begin()));
  listenersAt_ = kept;
  if (isChanged) ++revision_;
  return true;
}

const TcpSocket* TrackedSet::find(std::uint64_t cookie) const {
  const auto* const connection = findVisible(all().first(listenersAt_), cookie);
  return connection != nullptr ? connection : findVisible(listeners(), cookie);
}

std::optional<SocketAddress> TrackedSet::peerOf(std::uint64_t cookie) const {
  if (const auto* const seen = find(cookie)) return seen->peer;
  const auto* const removed = std::ranges::find(removed_, cookie, &Removed::cookie);
  return removed == removed_.end() ? std::nullopt : std::optional{removed->peer};
}

void TrackedSet::remember(const TcpSocket& removed) {
  if (!isVisible(removed)) return;
  removed_[nextRemoved_] = {.cookie = removed.cookie, .peer = removed.peer};
  nextRemoved_ = (nextRemoved_ + 1) % removed_.size();
}

}  // namespace sockdiag
