#include "sockdiag/destroy_events.h"

#include <array>
#include <cerrno>

#include "sockdiag/netlink_message.h"
#include "sockdiag/tcp_socket.h"

namespace sockdiag {

namespace {

// An event has 380 bytes on Linux 6.18.
constexpr std::size_t kEventSize = 2048;
constexpr std::uint32_t kKernelPort = 0;
/// Events have no request, so their sequence number is 0.
constexpr std::uint32_t kEventSequence = 0;

EventLoss read(const Datagram& datagram, DestroyedSink& sink) {
  if (datagram.senderPort != kKernelPort) return EventLoss::kNone;
  if (datagram.truncated) return EventLoss::kSome;
  for (Replies replies{datagram.bytes, kEventSequence};;) {
    const auto reply = replies.next();
    if (!reply.ok()) return EventLoss::kSome;
    if (!reply.value()) return EventLoss::kNone;
    const auto socket = parseDestroyed(reply.value()->payload);
    if (!socket.ok()) return EventLoss::kSome;
    sink.destroyed(socket.value());
  }
}

}  // namespace

Result<EventLoss> takeDestroyed(DatagramSource& source, DestroyedSink& sink) {
  auto loss = EventLoss::kNone;
  std::array<std::byte, kEventSize> buffer;
  for (int taken = 0; taken < kMaxEventsPerCall; ++taken) {
    const auto datagram = source.receive(buffer);
    if (!datagram.ok()) {
      if (datagram.failure().error != ENOBUFS) return datagram.failure();
      loss = EventLoss::kSome;
      continue;
    }
    if (!datagram.value()) break;
    if (read(*datagram.value(), sink) == EventLoss::kSome) loss = EventLoss::kSome;
  }
  return loss;
}

}  // namespace sockdiag
