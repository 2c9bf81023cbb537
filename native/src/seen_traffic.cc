#include "sockdiag/seen_traffic.h"

namespace sockdiag {

Status SeenTraffic::remember(std::span<const TcpSocket> sockets) {
  seen_.clear();
  for (const auto& socket : sockets) {
    if (!isConnection(socket)) continue;
    auto added = seen_.append({.cookie = socket.cookie,
                               .bytesReceived = socket.bytesReceived,
                               .bytesAcked = socket.bytesAcked,
                               .lastAckReceivedMs = socket.lastAckReceivedMs,
                               .unanswered = socket.unanswered});
    if (!added.ok()) {
      seen_.clear();
      return added;
    }
  }
  return Done{};
}

bool SeenTraffic::hasMoved(std::span<const TcpSocket> sockets) const {
  const auto* seen = seen_.begin();
  for (const auto& socket : sockets) {
    if (!isConnection(socket)) continue;
    if (seen == seen_.end() || !isSame(*seen, socket)) return true;
    ++seen;
  }
  return seen != seen_.end();
}

bool SeenTraffic::isSame(const Seen& seen, const TcpSocket& now) {
  const bool hasSameBytes = seen.bytesReceived && seen.bytesAcked &&
                            seen.bytesReceived == now.bytesReceived &&
                            seen.bytesAcked == now.bytesAcked;
  // The same number may have been reached anew, after an answer: the time since the last one tells.
  const bool isStillUnanswered = seen.lastAckReceivedMs && now.lastAckReceivedMs &&
                                 *now.lastAckReceivedMs >= *seen.lastAckReceivedMs;
  return seen.cookie == now.cookie && hasSameBytes && seen.unanswered == now.unanswered &&
         (now.unanswered == 0 || isStillUnanswered);
}

}  // namespace sockdiag
