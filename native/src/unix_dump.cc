#include "sockdiag/unix_dump.h"

#include <linux/unix_diag.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>

#include "sockdiag/request.h"
#include "sockdiag/unix_message.h"

// The clients waiting to be accepted are listed in their listener's UNIX_DIAG_ICONS. If that list
// does not fit into the datagram that the kernel has allocated, the kernel ends the dump without
// this listener and without all later sockets, and reports no error (unix_diag_dump in
// net/unix/diag.c takes an empty datagram for the end). Measured on x86-64 and Linux 6.18: at most
// about 930 clients fit in the first dump on a socket, at most 8,095 in any later one.
//
// So the first request omits ICONS and shows only the queue length; this always fits, and is mostly
// sufficient. If a client is waiting, a second request includes ICONS. By then the socket has
// received with a large buffer, which makes the kernel allocate large datagrams. The second reply
// is accepted only if it has every listener of the first, of any name.

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
  // A listener closed between the two replies is missing from the second; then both are repeated.
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
