#include "sockdiag/exchange.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "sockdiag/netlink_message.h"

namespace sockdiag {

namespace {

// The kernel sizes the datagrams of a dump by the largest buffer ever used to receive on the
// socket, up to 32 KiB (netlink_recvmsg in net/netlink/af_netlink.c). This size needs the fewest
// system calls and is never truncated.
constexpr std::size_t kReceiveBufferSize = std::size_t{32} * 1024;

constexpr std::uint32_t kKernelPort = 0;

/// What one datagram added to the dump.
struct DumpProgress {
  bool anything = false;
  bool interrupted = false;
  bool end = false;
};

/// Any process with CAP_NET_ADMIN can send to this socket.
Result<bool> isFromKernel(const Datagram& datagram) {
  if (datagram.senderPort != kKernelPort) return false;
  if (datagram.truncated) return Failure{.operation = kDumpOperation, .error = EMSGSIZE};
  return true;
}

Result<DumpProgress> read(const Datagram& datagram, std::uint32_t sequence, DumpSink& sink) {
  DumpProgress progress;
  const auto isOurs = isFromKernel(datagram);
  if (!isOurs.ok()) return isOurs.failure();
  if (!isOurs.value()) return progress;

  for (Replies replies{datagram.bytes, sequence}; !progress.end;) {
    const auto reply = replies.next();
    if (!reply.ok()) return reply.failure();
    if (!reply.value()) break;
    progress.anything = true;
    progress.interrupted |= reply.value()->interrupted;
    progress.end = reply.value()->kind == Reply::Kind::kEnd;
    if (reply.value()->kind == Reply::Kind::kSocket) {
      if (auto added = sink.add(reply.value()->payload); !added.ok()) return added.failure();
    }
  }
  return progress;
}

/// Whether the datagram answers the lookup.
Result<bool> read(const Datagram& datagram, std::uint32_t sequence, std::size_t index,
                  LookupSink& sink) {
  const auto isOurs = isFromKernel(datagram);
  if (!isOurs.ok()) return isOurs.failure();
  if (!isOurs.value()) return false;

  Replies replies{datagram.bytes, sequence};
  const auto reply = replies.next();
  if (!reply.ok()) {
    // inet_diag reports a destroyed socket and a wrong cookie alike.
    if (reply.failure().error != ENOENT) return reply.failure();
    if (auto taken = sink.gone(index); !taken.ok()) return taken.failure();
    return true;
  }
  if (!reply.value()) return false;
  // NLMSG_DONE and acknowledgements do not answer a lookup.
  if (reply.value()->kind != Reply::Kind::kSocket) return malformed();
  if (auto found = sink.found(index, reply.value()->payload); !found.ok()) return found.failure();
  return true;
}

}  // namespace

/// The clock starts with the first wait. After the time is up, the queue is checked once more: the
/// process may have been stopped (SIGSTOP) all that time with the reply already queued.
class Exchange::Deadline {
 public:
  explicit Deadline(Transport& transport) : transport_(transport) {}

  /// How long to wait now, zero for the final check; empty after that.
  std::optional<Milliseconds> remaining() {
    const auto now = transport_.now();
    if (!end_) end_ = now + kReplyTimeout;
    if (now < *end_) return *end_ - now;
    if (finalCheckDone_) return std::nullopt;
    finalCheckDone_ = true;
    return Milliseconds::zero();
  }

 private:
  Transport& transport_;
  std::optional<Milliseconds> end_;
  bool finalCheckDone_ = false;
};

Status Exchange::dump(Request request, DumpSink& sink) {
  Deadline deadline{transport_};
  for (int repeats = 0;; ++repeats) {
    sink.restart();
    const auto end = dumpOnce(request, sink, deadline);
    if (!end.ok()) {
      transport_.drop();
      if (end.failure().error != ENOBUFS || repeats == kMaxRepeats) return end.failure();
    } else if (end.value() == DumpEnd::kComplete) {
      return Done{};
    } else if (repeats == kMaxRepeats) {
      return Failure{.operation = kDumpOperation, .error = EINTR};
    }
  }
}

Result<Exchange::DumpEnd> Exchange::dumpOnce(Request& request, DumpSink& sink, Deadline& deadline) {
  request.setSequence(++sequence_);
  if (auto sent = transport_.send(request.bytes()); !sent.ok()) return sent.failure();

  std::array<std::byte, kReceiveBufferSize> buffer;
  for (bool interrupted = false;;) {
    const auto datagram = transport_.receive(buffer);
    if (!datagram.ok()) return datagram.failure();
    if (datagram.value()) {
      const auto progress = read(*datagram.value(), sequence_, sink);
      if (!progress.ok()) return progress.failure();
      interrupted |= progress.value().interrupted;
      if (progress.value().end) return interrupted ? DumpEnd::kInterrupted : DumpEnd::kComplete;
      if (progress.value().anything) continue;
    }

    const bool queueIsEmpty = !datagram.value();
    if (auto waited = waitForMore(deadline, queueIsEmpty); !waited.ok()) return waited.failure();
  }
}

void Exchange::append(LookupBatch& batch, Request request) {
  request.setSequence(++sequence_);
  const auto bytes = request.bytes();
  std::memcpy(batch.bytes.data() + batch.byteCount, bytes.data(), bytes.size());
  batch.byteCount += bytes.size();
}

Status Exchange::lookUpBatch(const LookupBatch& batch, LookupSink& sink) {
  if (auto sent = transport_.send(Bytes{batch.bytes}.first(batch.byteCount)); !sent.ok()) {
    return sent;
  }
  Deadline deadline{transport_};
  std::array<std::byte, kReceiveBufferSize> buffer;
  for (std::size_t answered = 0; answered < batch.size;) {
    const auto datagram = transport_.receive(buffer);
    if (!datagram.ok()) return datagram.failure();
    if (datagram.value()) {
      const auto sequence = batch.sequence + static_cast<std::uint32_t>(answered);
      const auto isAnswer = read(*datagram.value(), sequence, batch.first + answered, sink);
      if (!isAnswer.ok()) return isAnswer.failure();
      if (isAnswer.value()) {
        ++answered;
        continue;
      }
    }
    const bool queueIsEmpty = !datagram.value();
    if (auto waited = waitForMore(deadline, queueIsEmpty); !waited.ok()) return waited;
  }
  return Done{};
}

Status Exchange::waitForMore(Deadline& deadline, bool queueIsEmpty) {
  const auto remaining = deadline.remaining();
  if (!remaining) return Failure{.operation = "recvmsg", .error = ETIMEDOUT};
  return queueIsEmpty ? transport_.wait(*remaining) : Done{};
}

}  // namespace sockdiag
