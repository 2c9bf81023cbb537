#include "sockdiag/destroyed.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>

#include <array>
#include <cerrno>

#include "sockdiag/replies.h"

namespace sockdiag {

namespace {

// An event has 380 bytes on Linux 6.18.
constexpr std::size_t kEventSize = 2048;
constexpr std::uint32_t kKernelPort = 0;
/// Of what answers no question.
constexpr std::uint32_t kEventSequence = 0;

Port port(__be16 networkOrder) { return static_cast<Port>(ntohs(networkOrder)); }

EventLoss read(const Datagram& datagram, Port localPort, DestroyedSink& sink) {
  if (datagram.senderPort != kKernelPort) return EventLoss::kNone;
  if (datagram.truncated) return EventLoss::kSome;
  for (Replies replies{datagram.bytes, kEventSequence};;) {
    const auto reply = replies.next();
    if (!reply.ok()) return EventLoss::kSome;
    if (!reply.value()) return EventLoss::kNone;
    const auto message = readAt<inet_diag_msg>(reply.value()->payload);
    if (!message) return EventLoss::kSome;
    const auto& id = message->id;
    if (port(id.idiag_sport) != localPort) continue;
    sink.destroyed({.localPort = localPort,
                    .peerPort = port(id.idiag_dport),
                    .cookie = std::uint64_t{id.idiag_cookie[1]} << 32 | id.idiag_cookie[0]});
  }
}

}  // namespace

Result<EventLoss> takeDestroyed(Inbox& inbox, Port localPort, DestroyedSink& sink) {
  auto loss = EventLoss::kNone;
  std::array<std::byte, kEventSize> buffer;
  for (int taken = 0; taken < kEventsAtOnce; ++taken) {
    const auto datagram = inbox.receive(buffer);
    if (!datagram.ok()) {
      if (datagram.failure().error != ENOBUFS) return datagram.failure();
      loss = EventLoss::kSome;
      continue;
    }
    if (!datagram.value()) break;
    if (read(*datagram.value(), localPort, sink) == EventLoss::kSome) loss = EventLoss::kSome;
  }
  return loss;
}

}  // namespace sockdiag
