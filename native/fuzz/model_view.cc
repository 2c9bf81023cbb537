#include "model_view.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace sockdiag::fuzz {

namespace {

Status failedIf(bool& fails, const char* operation) {
  if (std::exchange(fails, false)) return Failure{.operation = operation, .error = EPERM};
  return Done{};
}

/// What the kernel tells of a socket.
TcpSocket told(TcpSocket socket, Traffic traffic) {
  if (traffic == Traffic::kIncluded) return socket;
  socket.bytesReceived.reset();
  socket.bytesAcked.reset();
  return socket;
}

}  // namespace

ModelView::ModelView(ModelKernel& kernel, SharedDestroyEvents& events, unsigned number,
                     Port localPort)
    : kernel_(kernel), number_(number), localPort_(localPort), queue_(events, localPort) {
  kernel_.add(*this);
}

void ModelView::beginPoll() {
  isPolling_ = true;
  presentDuringPoll_.clear();
  presentThroughout_.clear();
  listeners_.clear();
  for (auto& each : kernel_.sockets()) {
    if (!isOf(each.socket.local.port)) continue;
    if (!each.isListed && each.readBy.contains(number_)) kernel_.list(each);
    if (!each.isListed || !contains(kVisibleStates, each.socket.state)) continue;
    presentDuringPoll_.insert(each.socket.cookie);
    if (each.socket.state == SocketState::kListen) listeners_.insert(each.socket.cookie);
    if (each.isCounted || kernel_.time() - each.listedAt >= kMaxAgeAtRest) {
      presentThroughout_.insert(each.socket.cookie);
    }
  }
}

void ModelView::becameVisible(std::uint64_t cookie) {
  if (isPolling_) presentDuringPoll_.insert(cookie);
}

void ModelView::becameInvisible(std::uint64_t cookie) { presentThroughout_.erase(cookie); }

void ModelView::wasRemoved(const TcpSocket& socket) {
  presentThroughout_.erase(socket.cookie);
  listeners_.erase(socket.cookie);
  if (wantsEvents_) destroyed_.insert(socket.cookie);
  if (hasEvents_ && socket.peer.port != Port{0}) reported_.insert(socket.cookie);
}

std::map<std::uint64_t, std::uint64_t> ModelView::bytes() const {
  std::map<std::uint64_t, std::uint64_t> bytes;
  for (const auto& each : kernel_.sockets()) {
    if (isOf(each.socket.local.port)) bytes[each.socket.cookie] = *each.socket.bytesReceived;
  }
  return bytes;
}

std::uint64_t ModelView::destroyedUnseen() const {
  return static_cast<std::uint64_t>(
      std::ranges::count_if(destroyed_, [&](auto cookie) { return !seen_.contains(cookie); }));
}

std::set<std::uint64_t> ModelView::mustBeReported() const {
  return isComplete_ ? reported_ : std::set<std::uint64_t>{};
}

Result<TcpCounters> ModelView::counters() {
  kernel_.maybeStep();
  if (auto failed = failedIf(kernel_.counterFails, "open"); !failed.ok()) return failed.failure();
  const TcpCounters read{.passiveOpens = kernel_.counter(), .segments = kernel_.segments()};
  for (auto& each : kernel_.sockets()) each.readBy.insert(number_);
  kernel_.maybeStep();
  return read;
}

Status ModelView::dump(StateMask states, Traffic traffic, List<TcpSocket>& sockets) {
  kernel_.maybeStep();
  kernel_.time() += std::chrono::microseconds{kernel_.script().next()};
  if (auto failed = failedIf(kernel_.dumpFails, "sendmsg"); !failed.ok()) return failed;
  sockets.clear();
  for (const auto& each : kernel_.sockets()) {
    if (isOf(each.socket.local.port) && each.isListed && contains(states, each.socket.state)) {
      keep(sockets, told(each.socket, traffic));
    }
  }
  // If a bucket changes while it is read, a socket may be listed twice, and in any order.
  if (!sockets.empty() && kernel_.script().choose(8) == 7) keep(sockets, TcpSocket{sockets[0]});
  kernel_.maybeStep();
  return Done{};
}

Status ModelView::lookUp(std::span<const TcpSocket> sockets, Traffic traffic,
                         List<LookupResult>& results) {
  results.clear();
  for (const auto& wanted : sockets) {
    kernel_.maybeStep();
    const auto& all = kernel_.sockets();
    const auto found = std::ranges::find_if(all, [&](const ModelSocket& each) {
      return each.socket.cookie == wanted.cookie && !each.isHidden && each.isListed &&
             contains(kTrackedStates, each.socket.state);
    });
    keep(results, found == all.end() ? LookupResult{} : told(found->socket, traffic));
  }
  kernel_.time() += std::chrono::microseconds{kernel_.script().next()};
  return failedIf(kernel_.lookUpFails, "recvmsg");
}

Result<EventLoss> ModelView::takeDestroyed(DestroyedSink& sink) {
  wantsEvents_ = true;
  hasEvents_ |= queue_.open().ok();
  return queue_.take(sink);
}

}  // namespace sockdiag::fuzz
