#include "model_kernel.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace sockdiag::fuzz {

namespace {

constexpr auto kListen = SocketState::kListen;
constexpr auto kEstablished = SocketState::kEstablished;
constexpr auto kSynReceived = SocketState::kSynReceived;
constexpr auto kCloseWait = SocketState{8};
constexpr std::size_t kMostSockets = 24;

bool isVisible(SocketState state) { return contains(kVisibleStates, state); }

Status failedIf(bool& fails, const char* operation) {
  if (std::exchange(fails, false)) return Failure{.operation = operation, .error = EPERM};
  return Done{};
}

}  // namespace

void ModelKernel::beginPoll() {
  isPolling_ = true;
  presentDuringPoll_.clear();
  presentThroughout_.clear();
  listeners_.clear();
  for (auto& each : sockets_) {
    if (!each.isListed && each.isCounterRead) list(each);
    if (!each.isListed || !isVisible(each.socket.state)) continue;
    presentDuringPoll_.insert(each.socket.cookie);
    if (each.socket.state == kListen) listeners_.insert(each.socket.cookie);
    if (each.isCounted || time_ - each.listedAt >= kMaxAge)
      presentThroughout_.insert(each.socket.cookie);
  }
}

void ModelKernel::step() {
  const auto what = script_.choose(16);
  switch (what) {
    case 0:
    case 1:
      return add(kEstablished, true, true);
    case 2:
      return add(kEstablished, true, false);
    case 3:  // TCP Fast Open.
      return add(kSynReceived, true, true);
    case 4:  // TCP_REPAIR.
      return add(kEstablished, false, true);
    case 5:
      return add(kListen, false, true);
    case 6:
    case 7:
      if (!sockets_.empty()) remove(script_.choose(sockets_.size()));
      return;
    case 8:
      if (auto* const one = anyIn(kSynReceived)) setState(*one, kEstablished);
      return;
    case 9:
      if (auto* const one = anyIn(kEstablished)) setState(*one, kCloseWait);
      return;
    case 10:
      if (auto* const one = anyIn(kEstablished)) one->socket.inode = 4711;
      return;
    case 11:  // It shares its address with another one.
      if (auto* const one = anyIn(kListen)) one->isHidden = true;
      return;
    case 12:
      for (auto& each : sockets_) list(each);
      return;
    case 13:
      time_ += std::chrono::milliseconds{100} * script_.next();
      return;
    case 14:  // A connection to another port.
      ++counter_;
      return;
    default:
      return injectFault();
  }
}

void ModelKernel::injectFault() {
  switch (script_.choose(5)) {
    case 0:
      counterFails_ = true;
      return;
    case 1:
      dumpFails_ = true;
      return;
    case 2:
      lookUpFails_ = true;
      return;
    case 3:
      eventsFail_ = true;
      return;
    default:
      eventsAreLost_ = true;
      events_.clear();
  }
}

void ModelKernel::maybeStep() {
  for (auto times = script_.choose(4); times > 1; --times) step();
}

void ModelKernel::add(SocketState state, bool isCounted, bool isListed) {
  if (sockets_.size() == kMostSockets) return;
  Socket added{.socket = {}, .isCounted = isCounted, .isListed = isListed, .listedAt = time_};
  added.socket.state = state;
  added.socket.cookie = ++lastCookie_;
  added.socket.peer.port = Port{static_cast<std::uint16_t>(state == kListen ? 0 : lastCookie_)};
  if (isCounted) ++counter_;
  sockets_.push_back(added);
  if (isListed) noteVisible(added);
}

void ModelKernel::remove(std::size_t index) {
  const auto removed = sockets_[index];
  const auto cookie = removed.socket.cookie;
  sockets_.erase(sockets_.begin() + static_cast<std::ptrdiff_t>(index));
  presentThroughout_.erase(cookie);
  listeners_.erase(cookie);
  destroyed_.push_back(cookie);
  auto event = removed.socket;
  event.local.port = Port{1234};
  // A socket that its own process reset has lost its peer address and its byte counts.
  if (script_.choose(4) == 3) {
    event.peer.port = Port{0};
  } else {
    event.bytesReceived = cookie % 3;
  }
  events_.push_back(event);
}

void ModelKernel::setState(Socket& socket, SocketState state) {
  socket.socket.state = state;
  if (!isVisible(state)) presentThroughout_.erase(socket.socket.cookie);
  noteVisible(socket);
}

void ModelKernel::list(Socket& socket) {
  if (socket.isListed) return;
  socket.isListed = true;
  socket.listedAt = time_;
  noteVisible(socket);
}

void ModelKernel::noteVisible(const Socket& socket) {
  const bool isSeen = socket.isListed && isVisible(socket.socket.state);
  if (isPolling_ && isSeen) presentDuringPoll_.insert(socket.socket.cookie);
}

ModelKernel::Socket* ModelKernel::anyIn(SocketState state) {
  std::vector<Socket*> matching;
  for (auto& each : sockets_) {
    if (each.isListed && each.socket.state == state) matching.push_back(&each);
  }
  return matching.empty() ? nullptr : matching[script_.choose(matching.size())];
}

std::uint64_t ModelKernel::destroyedUnseen() const {
  return static_cast<std::uint64_t>(
      std::ranges::count_if(destroyed_, [&](auto cookie) { return !seen_.contains(cookie); }));
}

bool ModelKernel::wasDestroyed(std::uint64_t cookie) const {
  return std::ranges::find(destroyed_, cookie) != destroyed_.end();
}

Result<std::uint64_t> ModelKernel::passiveOpens() {
  maybeStep();
  if (auto failed = failedIf(counterFails_, "open"); !failed.ok()) return failed.failure();
  const auto read = counter_;
  for (auto& each : sockets_) each.isCounterRead = true;
  maybeStep();
  return read;
}

Status ModelKernel::dump(StateMask states, List<TcpSocket>& sockets) {
  maybeStep();
  time_ += std::chrono::microseconds{script_.next()};
  if (auto failed = failedIf(dumpFails_, "sendmsg"); !failed.ok()) return failed;
  sockets.clear();
  for (const auto& each : sockets_) {
    if (each.isListed && contains(states, each.socket.state)) keep(sockets, each.socket);
  }
  // If a bucket changes while it is read, a socket may be listed twice, and in any order.
  if (!sockets.empty() && script_.choose(8) == 7) keep(sockets, TcpSocket{sockets[0]});
  maybeStep();
  return Done{};
}

Status ModelKernel::lookUp(std::span<const TcpSocket> sockets, Traffic /*traffic*/,
                           List<LookupResult>& results) {
  results.clear();
  for (const auto& wanted : sockets) {
    maybeStep();
    const auto found = std::ranges::find_if(sockets_, [&](const Socket& each) {
      return each.socket.cookie == wanted.cookie && !each.isHidden && each.isListed &&
             contains(kTrackedStates, each.socket.state);
    });
    keep(results, found == sockets_.end() ? LookupResult{} : found->socket);
  }
  time_ += std::chrono::microseconds{script_.next()};
  return failedIf(lookUpFails_, "recvmsg");
}

Result<EventLoss> ModelKernel::takeDestroyed(DestroyedSink& sink) {
  if (auto failed = failedIf(eventsFail_, "bind"); !failed.ok()) return failed.failure();
  for (const auto& event : std::exchange(events_, {})) sink.destroyed(event);
  return std::exchange(eventsAreLost_, false) ? EventLoss::kSome : EventLoss::kNone;
}

}  // namespace sockdiag::fuzz
