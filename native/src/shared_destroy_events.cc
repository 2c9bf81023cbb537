#include "sockdiag/shared_destroy_events.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace sockdiag {

DestroyEventQueue::~DestroyEventQueue() {
  if (isOpen_) shared_.close(*this);
}

Status DestroyEventQueue::open() {
  if (isOpen_) return shared_.status();
  if (hasFailed_) return Failure{.operation = "bind", .error = ENOTCONN};
  auto opened = shared_.open(*this);
  isOpen_ = opened.ok();
  hasFailed_ = !opened.ok();
  return opened;
}

Result<EventLoss> DestroyEventQueue::take(DestroyedSink& sink) {
  if (auto opened = open(); !isOpen_) return opened.failure();
  const auto read = shared_.readAndWake(*this);
  const auto events = std::exchange(events_, {});
  const auto loss = std::exchange(loss_, EventLoss::kNone);
  for (const auto& event : events) sink.destroyed(event);
  if (!read.ok()) return read.failure();
  return loss;
}

void DestroyEventQueue::setWatched(bool isWatched) {
  isWatched_ = isWatched;
  if (isWatched && hasEvents()) shared_.wake();
}

void DestroyEventQueue::add(const TcpSocket& socket) {
  // As many as one read can bring: a tracker that is not polled must not use up the memory.
  constexpr std::size_t kMost = kMaxEventsPerCall;
  if (events_.size() == kMost || !events_.append(socket).ok()) loss_ = EventLoss::kSome;
}

Status SharedDestroyEvents::open(DestroyEventQueue& queue) {
  if (source_.isOpen()) {
    // What was queued before now is not for this queue, even if its port has been watched already.
    if (auto read = readAndWake(queue); !read.ok()) return read;
  } else if (auto opened = source_.open(); !opened.ok()) {
    return opened;
  }
  auto added = queues_.append(&queue);
  if (added.ok()) {
    auto* const place =
        std::ranges::upper_bound(queues_.begin(), queues_.end() - 1, queue.localPort_, {}, portOf);
    std::rotate(place, queues_.end() - 1, queues_.end());
    added = filterByPorts();
  }
  if (!added.ok()) close(queue);
  return added;
}

void SharedDestroyEvents::close(DestroyEventQueue& queue) {
  auto* const rest = std::remove(queues_.begin(), queues_.end(), &queue);
  queues_.shrinkTo(static_cast<std::size_t>(rest - queues_.begin()));
  if (queues_.empty()) {
    source_.close();
    hasFailed_ = false;
    return;
  }
  // A filter that passes more than is needed is correct, and one of many ports takes long to make:
  // for 1,000 0.2 ms (measured).
  constexpr std::size_t kMostExact = 64;
  if (queues_.size() <= kMostExact) static_cast<void>(filterByPorts());
}

Status SharedDestroyEvents::status() const {
  if (hasFailed_) return Failure{.operation = "recvmsg", .error = ENOTCONN};
  return Done{};
}

Status SharedDestroyEvents::readAndWake(DestroyEventQueue& reader) {
  auto read = readFor(&reader);
  if (mustWake_) wake();
  return read;
}

void SharedDestroyEvents::wake() {
  if (waker_ != nullptr) waker_->wake();
}

Status SharedDestroyEvents::readFor(const DestroyEventQueue* reader) {
  mustWake_ = false;
  if (auto usable = status(); !usable.ok()) return usable;
  reader_ = reader;
  const auto loss = takeDestroyed(source_, *this);
  if (!loss.ok()) {
    hasFailed_ = true;
    return loss.failure();
  }
  if (loss.value() == EventLoss::kSome) loseEvents();
  return Done{};
}

void SharedDestroyEvents::destroyed(const TcpSocket& socket) {
  const auto port = socket.local.port;
  auto* const* each = std::ranges::lower_bound(queues_, port, {}, portOf);
  for (; each != queues_.end() && portOf(*each) == port; ++each) {
    (*each)->add(socket);
    mustWake_ |= (*each)->isWatched_ && *each != reader_;
  }
}

void SharedDestroyEvents::loseEvents() {
  for (auto* const queue : queues_) {
    queue->loss_ = EventLoss::kSome;
    mustWake_ |= queue->isWatched_ && queue != reader_;
  }
}

Status SharedDestroyEvents::filterByPorts() {
  List<Port> ports;
  for (const auto* const queue : queues_) {
    if (!ports.empty() && ports[ports.size() - 1] == queue->localPort_) continue;
    if (auto added = ports.append(queue->localPort_); !added.ok()) return added;
  }
  source_.receiveOnly({ports.begin(), ports.size()});
  return Done{};
}

}  // namespace sockdiag
