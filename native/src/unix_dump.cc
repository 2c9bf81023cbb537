#include "sockdiag/unix_dump.h"

#include <linux/unix_diag.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>

#include "sockdiag/request.h"
#include "sockdiag/unix_message.h"

namespace sockdiag {

namespace {

using Inodes = List<std::uint32_t>;

Result<Inodes> toInodes(Bytes bytes) {
  Inodes inodes;
  for (std::size_t at = 0; const auto inode = readAt<std::uint32_t>(bytes, at);
       at += sizeof(*inode)) {
    if (auto added = inodes.append(*inode); !added.ok()) return added.failure();
  }
  return inodes;
}

class NameSink final : public DumpSink {
 public:
  NameSink(Bytes name, bool withQueues) : name_(name), withQueues_(withQueues) {}

  void restart() override {
    allListeners_.clear();
    sockets_ = {};
    hasQueuedClients_ = false;
  }

  Status add(Bytes payload) override {
    const auto parsed = parseUnixMessage(payload);
    if (!parsed.ok()) return parsed.failure();
    const auto& message = parsed.value();
    if (message.state == SocketState::kListen) {
      if (auto added = allListeners_.append(message.inode); !added.ok()) return added;
    }
    if (message.type != SOCK_STREAM || !std::ranges::equal(message.name, name_)) return Done{};
    if (message.state == SocketState::kListen) return addListener(message);
    if (message.state == SocketState::kEstablished) {
      return sockets_.accepted.append({.inode = message.inode, .peerInode = message.peerInode});
    }
    return Done{};
  }

  bool hasQueuedClients() const { return hasQueuedClients_; }
  UnixSockets& sockets() { return sockets_; }

  bool hasAllListenersOf(const NameSink& other) const {
    return std::ranges::all_of(other.allListeners_, [this](std::uint32_t inode) {
      return std::ranges::find(allListeners_, inode) != allListeners_.end();
    });
  }

 private:
  Status addListener(const UnixMessage& message) {
    if (!message.queueLength) return malformed();
    if (*message.queueLength > 0) {
      if (withQueues_ && !message.queuedPeerInodes) return malformed();
      hasQueuedClients_ = true;
    }
    auto queued = toInodes(message.queuedPeerInodes.value_or(Bytes{}));
    if (!queued.ok()) return queued.failure();
    return sockets_.listeners.append(
        {.inode = message.inode, .queuedPeerInodes = std::move(queued.value())});
  }

  Bytes name_;
  bool withQueues_;
  Inodes allListeners_;
  UnixSockets sockets_;
  bool hasQueuedClients_ = false;
};

Request dumpRequest(std::uint32_t show) {
  constexpr auto kStates = maskOf(SocketState::kEstablished) | maskOf(SocketState::kListen);
  return unixDumpRequest(kStates, UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN | show);
}

}  // namespace

Result<UnixSockets> dumpUnix(Exchange& exchange, Bytes name) {
  // A listener that was closed between the two answers is missing from the second, too: then both
  // are asked again.
  for (int repeats = 0; repeats <= kMaxRepeats; ++repeats) {
    NameSink plain{withoutPathEnd(name), false};
    if (auto dumped = exchange.dump(dumpRequest(0), plain); !dumped.ok()) return dumped.failure();
    if (!plain.hasQueuedClients()) return std::move(plain.sockets());

    NameSink withQueues{withoutPathEnd(name), true};
    if (auto dumped = exchange.dump(dumpRequest(UDIAG_SHOW_ICONS), withQueues); !dumped.ok()) {
      return dumped.failure();
    }
    if (withQueues.hasAllListenersOf(plain)) return std::move(withQueues.sockets());
  }
  return Failure{.operation = kDumpOperation, .error = EMSGSIZE};
}

}  // namespace sockdiag
