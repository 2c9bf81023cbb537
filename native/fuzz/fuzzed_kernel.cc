#include "fuzzed_kernel.h"

#include <linux/netlink.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <iterator>

namespace sockdiag::fuzz {

namespace {

void append(Buffer& to, Bytes bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

Bytes verdict(const int& error) { return std::as_bytes(std::span{&error, 1}); }

}  // namespace

Buffer message(std::uint16_t type, std::uint32_t sequence, std::uint16_t flags, Bytes payload) {
  const nlmsghdr header{.nlmsg_len = static_cast<__u32>(NLMSG_LENGTH(payload.size())),
                        .nlmsg_type = type,
                        .nlmsg_flags = flags,
                        .nlmsg_seq = sequence,
                        .nlmsg_pid = 0};
  Buffer whole;
  append(whole, std::as_bytes(std::span{&header, 1}));
  append(whole, payload);
  whole.resize(NLMSG_ALIGN(whole.size()));
  return whole;
}

// A datagram may contain several requests.
Status FuzzedKernel::send(Bytes request) {
  const auto how = script_.next();
  if (how == 255) return Failure{.operation = "sendmsg", .error = ENOBUFS};
  if (how == 254) return Failure{.operation = "socket", .error = EPROTONOSUPPORT};
  while (const auto header = readAt<nlmsghdr>(request)) {
    answer(request.first(header->nlmsg_len));
    request = request.subspan(header->nlmsg_len);
  }
  return Done{};
}

void FuzzedKernel::answer(Bytes request) {
  const auto header = *readAt<nlmsghdr>(request);
  auto messages = messagesFor(request);
  if ((header.nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP) {
    for (auto& each : messages) queue_.push_back({.bytes = std::move(each)});
  } else {
    answerDump(std::move(messages), header.nlmsg_seq);
  }
  if (!queue_.empty() && !queue_.back().bytes.empty()) injectFault(header.nlmsg_seq);
}

void FuzzedKernel::answerDump(std::vector<Buffer> messages, std::uint32_t sequence) {
  const int none = 0;
  messages.push_back(message(NLMSG_DONE, sequence, NLM_F_MULTI, verdict(none)));
  Buffer datagram;
  for (const auto& each : messages) {
    if (!datagram.empty() && script_.choose(3) == 1) {
      queue_.push_back({.bytes = std::exchange(datagram, {})});
    }
    append(datagram, each);
  }
  queue_.push_back({.bytes = std::move(datagram)});
}

void FuzzedKernel::injectFault(std::uint32_t sequence) {
  const int none = 0;
  const int refused = -ENOBUFS;
  const auto at = [&] {
    return queue_.begin() + static_cast<std::ptrdiff_t>(script_.choose(queue_.size() + 1));
  };
  switch (script_.next()) {
    case 1: {  // The table changed during the dump, and a part of it is missing.
      auto& last = queue_.back().bytes;
      last[offsetof(nlmsghdr, nlmsg_flags)] |= std::byte{NLM_F_DUMP_INTR};
      if (queue_.size() > 1) queue_.pop_front();
      break;
    }
    case 2:  // The queue overflowed: a datagram is lost, and the next call reports it.
      any() = {.bytes = {}, .error = ENOBUFS};
      break;
    case 3:
      any().truncated = true;
      break;
    case 4:  // Another process sends NLMSG_DONE.
      queue_.insert(at(),
                    {.bytes = message(NLMSG_DONE, sequence, 0, verdict(none)), .senderPort = 4711});
      break;
    case 5:  // NLMSG_DONE of the previous request.
      queue_.insert(at(), {.bytes = message(NLMSG_DONE, sequence - 1, 0, verdict(refused))});
      break;
    case 6:  // The reply stops early.
      queue_.erase(at(), queue_.end());
      break;
    case 7:
      queue_.back().bytes = message(NLMSG_DONE, sequence, NLM_F_MULTI, verdict(refused));
      break;
    case 8: {
      Buffer payload(sizeof(nlmsgerr));
      std::memcpy(payload.data(), &refused, sizeof(refused));
      any().bytes = message(NLMSG_ERROR, sequence, 0, payload);
      break;
    }
    case 9:
      any() = {.bytes = {}, .error = EINTR};
      break;
    case 10: {  // A byte changes: now nothing can be expected of the reply.
      isCorrupted_ = true;
      auto& bytes = any().bytes;
      const auto index = std::size_t{script_.next()} * 256 + script_.next();
      if (!bytes.empty()) bytes[index % bytes.size()] = std::byte{script_.next()};
      break;
    }
    case 11: {  // The end of the last datagram is cut off.
      auto& bytes = queue_.back().bytes;
      bytes.resize(bytes.size() - std::min<std::size_t>(bytes.size(), 1 + script_.choose(40)));
      break;
    }
    default:
      break;
  }
}

Result<std::optional<Datagram>> FuzzedKernel::receive(std::span<std::byte> buffer) {
  if (queue_.empty()) return std::optional<Datagram>{};
  const auto incoming = std::move(queue_.front());
  queue_.pop_front();
  if (incoming.error != 0) return Failure{.operation = "recvmsg", .error = incoming.error};
  const auto size = std::min(buffer.size(), incoming.bytes.size());
  std::copy_n(incoming.bytes.begin(), size, buffer.begin());
  return std::optional{Datagram{.bytes = buffer.first(size),
                                .senderPort = incoming.senderPort,
                                .truncated = incoming.truncated || size < incoming.bytes.size()}};
}

Status FuzzedKernel::wait(Milliseconds limit) {
  time_ += limit;
  return Done{};
}

}  // namespace sockdiag::fuzz
