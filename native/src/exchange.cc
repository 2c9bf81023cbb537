#include "sockdiag/exchange.h"

#include <array>
#include <cerrno>
#include <cstring>

#include "sockdiag/netlink_message.h"

namespace sockdiag {

std::optional<Milliseconds> Patience::left() {
  const auto now = transport_.now();
  if (!deadline_) deadline_ = now + kPatience;
  if (now < *deadline_) return *deadline_ - now;
  if (lastLookTaken_) return std::nullopt;
  lastLookTaken_ = true;
  return Milliseconds::zero();
}

namespace {

// The kernel fills datagrams of a dump up to the largest buffer that was ever used to receive on
// the socket, but no further than 32 KiB (netlink_recvmsg in net/netlink/af_netlink.c): fewest
// system calls, and never truncated.
constexpr std::size_t kReceiveBufferSize = std::size_t{32} * 1024;

constexpr std::uint32_t kKernelPort = 0;

/// What one datagram contributes to the answer.
struct Contribution {
  bool anything = false;
  bool interrupted = false;
  bool end = false;
};

/// Whoever has CAP_NET_ADMIN can send to this socket.
Result<bool> isFromKernel(const Datagram& datagram) {
  if (datagram.senderPort != kKernelPort) return false;
  if (datagram.truncated) return Failure{.operation = kDumpOperation, .error = EMSGSIZE};
  return true;
}

Result<Contribution> take(const Datagram& datagram, std::uint32_t sequence, DumpSink& sink) {
  Contribution contribution;
  const auto ours = isFromKernel(datagram);
  if (!ours.ok()) return ours.failure();
  if (!ours.value()) return contribution;

  for (Replies replies{datagram.bytes, sequence}; !contribution.end;) {
    const auto reply = replies.next();
    if (!reply.ok()) return reply.failure();
    if (!reply.value()) break;
    contribution.anything = true;
    contribution.interrupted |= reply.value()->interrupted;
    contribution.end = reply.value()->kind == Reply::Kind::kEnd;
    if (reply.value()->kind == Reply::Kind::kSocket) {
      if (auto added = sink.add(reply.value()->payload); !added.ok()) return added.failure();
    }
  }
  return contribution;
}

/// Whether the datagram answers the lookup.
Result<bool> take(const Datagram& datagram, std::uint32_t sequence, std::size_t index,
                  LookupSink& sink) {
  const auto ours = isFromKernel(datagram);
  if (!ours.ok()) return ours.failure();
  if (!ours.value()) return false;

  Replies replies{datagram.bytes, sequence};
  const auto reply = replies.next();
  if (!reply.ok()) {
    // To inet_diag, a socket that is no more and one of another cookie are the same.
    if (reply.failure().error != ENOENT) return reply.failure();
    if (auto taken = sink.gone(index); !taken.ok()) return taken.failure();
    return true;
  }
  if (!reply.value()) return false;
  // An end or an acknowledgement is no answer to a lookup.
  if (reply.value()->kind != Reply::Kind::kSocket) return malformed();
  if (auto found = sink.found(index, reply.value()->payload); !found.ok()) return found.failure();
  return true;
}

}  // namespace

Status Conversation::dump(Request request, DumpSink& sink) {
  Patience patience{transport_};
  for (int repeats = 0;; ++repeats) {
    sink.restart();
    const auto ending = ask(request, sink, patience);
    if (!ending.ok()) {
      transport_.drop();
      if (ending.failure().error != ENOBUFS || repeats == kMaxRepeats) return ending.failure();
    } else if (ending.value() == Ending::kComplete) {
      return Done{};
    } else if (repeats == kMaxRepeats) {
      return Failure{.operation = kDumpOperation, .error = EINTR};
    }
  }
}

Result<Conversation::Ending> Conversation::ask(Request& request, DumpSink& sink,
                                               Patience& patience) {
  request.setSequence(++sequence_);
  if (auto sent = transport_.send(request.bytes()); !sent.ok()) return sent.failure();

  std::array<std::byte, kReceiveBufferSize> buffer;
  for (bool interrupted = false;;) {
    const auto datagram = transport_.receive(buffer);
    if (!datagram.ok()) return datagram.failure();
    if (datagram.value()) {
      const auto contribution = take(*datagram.value(), sequence_, sink);
      if (!contribution.ok()) return contribution.failure();
      interrupted |= contribution.value().interrupted;
      if (contribution.value().end) {
        return interrupted ? Ending::kInterrupted : Ending::kComplete;
      }
      if (contribution.value().anything) continue;
    }

    const bool queueIsEmpty = !datagram.value();
    if (auto borne = bear(patience, queueIsEmpty); !borne.ok()) return borne.failure();
  }
}

void Conversation::append(LookupBatch& batch, Request request) {
  request.setSequence(++sequence_);
  const auto bytes = request.bytes();
  std::memcpy(batch.bytes.data() + batch.byteCount, bytes.data(), bytes.size());
  batch.byteCount += bytes.size();
}

Status Conversation::ask(const LookupBatch& batch, LookupSink& sink) {
  if (auto sent = transport_.send(Bytes{batch.bytes}.first(batch.byteCount)); !sent.ok()) {
    return sent;
  }
  Patience patience{transport_};
  std::array<std::byte, kReceiveBufferSize> buffer;
  for (std::size_t answered = 0; answered < batch.size;) {
    const auto datagram = transport_.receive(buffer);
    if (!datagram.ok()) return datagram.failure();
    if (datagram.value()) {
      const auto sequence = batch.sequence + static_cast<std::uint32_t>(answered);
      const auto taken = take(*datagram.value(), sequence, batch.first + answered, sink);
      if (!taken.ok()) return taken.failure();
      if (taken.value()) {
        ++answered;
        continue;
      }
    }
    const bool queueIsEmpty = !datagram.value();
    if (auto borne = bear(patience, queueIsEmpty); !borne.ok()) return borne;
  }
  return Done{};
}

Status Conversation::bear(Patience& patience, bool queueIsEmpty) {
  const auto left = patience.left();
  if (!left) return Failure{.operation = "recvmsg", .error = ETIMEDOUT};
  return queueIsEmpty ? transport_.wait(*left) : Done{};
}

}  // namespace sockdiag
