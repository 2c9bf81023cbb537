#include "sockdiag/unix_tracker.h"

#include <utility>

#include "sockdiag/unix_dump.h"

namespace sockdiag {

namespace {

template <typename T>
Status appendAll(List<T>& to, const List<T>& items) {
  for (const auto& item : items) {
    if (auto added = to.append(item); !added.ok()) return added;
  }
  return Done{};
}

}  // namespace

Result<std::uint64_t> UnixTracker::poll() {
  auto dumped = dumpUnix(exchange_, Bytes{name_}.first(nameSize_));
  if (!dumped.ok()) return dumped.failure();
  if (revision_ == 0 || !(dumped.value() == sockets_)) {
    sockets_ = std::move(dumped.value());
    ++revision_;
  }
  return revision_;
}

Result<UnixSockets> UnixTracker::sockets() const {
  UnixSockets copy;
  for (const auto& [inode, queuedPeerInodes] : sockets_.listeners) {
    UnixListener listener{.inode = inode, .queuedPeerInodes = {}};
    auto copied = appendAll(listener.queuedPeerInodes, queuedPeerInodes);
    if (copied.ok()) copied = copy.listeners.append(std::move(listener));
    if (!copied.ok()) return copied.failure();
  }
  if (auto copied = appendAll(copy.accepted, sockets_.accepted); !copied.ok()) {
    return copied.failure();
  }
  return copy;
}

}  // namespace sockdiag
