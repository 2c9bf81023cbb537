#include "sockdiag/unix_dump.h"

#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "fuzzed_kernel.h"
#include "script.h"

// Dumps of a unix socket against a kernel that answers correctly, but not always completely, and
// that ends a dump before a listener whose queue does not fit: the result has all clients, or is an
// error.

namespace {

using namespace sockdiag;
using fuzz::Buffer;

constexpr std::string_view kName = "/run/b.sock";
constexpr std::array kNames{kName, std::string_view{"/run/b.sock2"}, std::string_view{"\0b", 2},
                            std::string_view{}};

struct UnixSocket {
  std::uint32_t inode;
  std::uint8_t type;
  SocketState state;
  std::string_view name;
  std::uint32_t peerInode;
  std::vector<std::uint32_t> queue;
};

void append(Buffer& to, std::uint16_t type, Bytes payload) {
  const rtattr header{.rta_len = static_cast<unsigned short>(RTA_LENGTH(payload.size())),
                      .rta_type = type};
  const auto head = std::as_bytes(std::span{&header, 1});
  to.insert(to.end(), head.begin(), head.end());
  to.insert(to.end(), payload.begin(), payload.end());
  to.resize(RTA_ALIGN(to.size()));
}

class UnixKernel final : public fuzz::FuzzedKernel {
 public:
  using FuzzedKernel::FuzzedKernel;

  void change() {
    const auto what = script().next();
    if (what % 4 == 3 && !table.empty()) {
      table.erase(table.begin() + what / 4 % static_cast<std::ptrdiff_t>(table.size()));
      return;
    }
    const bool listens = what % 4 == 2;
    UnixSocket socket{
        .inode = ++lastInode_,
        .type = static_cast<std::uint8_t>(what / 4 % 8 == 7 ? SOCK_SEQPACKET : SOCK_STREAM),
        .state = listens ? SocketState::kListen : SocketState::kEstablished,
        .name = kNames[script().choose(kNames.size())],
        .peerInode = listens ? 0 : lastInode_ + 1000,
        .queue = {}};
    const auto queued = listens ? script().choose(8) : 0;
    for (std::size_t i = 0; i < queued; ++i) socket.queue.push_back(script().next());
    table.push_back(socket);
  }

  std::vector<UnixSocket> table;
  /// A longer queue does not fit in a datagram.
  std::size_t longestQueue = 6;

 private:
  std::vector<Buffer> messagesFor(Bytes request) override {
    const auto header = *readAt<nlmsghdr>(request);
    const auto show = readAt<unix_diag_req>(request, sizeof(nlmsghdr))->udiag_show;
    std::vector<Buffer> messages;
    for (const auto& socket : table) {
      const bool showsQueue = (show & UDIAG_SHOW_ICONS) != 0 && !socket.queue.empty();
      if (showsQueue && socket.queue.size() > longestQueue) break;
      messages.push_back(toMessage(header.nlmsg_seq, socket, showsQueue));
    }
    return messages;
  }

  static Buffer toMessage(std::uint32_t sequence, const UnixSocket& socket, bool showsQueue) {
    const unix_diag_msg head{.udiag_family = AF_UNIX,
                             .udiag_type = socket.type,
                             .udiag_state = static_cast<__u8>(socket.state),
                             .pad = 0,
                             .udiag_ino = socket.inode,
                             .udiag_cookie = {socket.inode, 0}};
    Buffer payload(sizeof(head));
    std::memcpy(payload.data(), &head, sizeof(head));
    const auto written = std::as_bytes(std::span{socket.name});
    Buffer name{written.begin(), written.end()};
    if (!name.empty() && name.front() != std::byte{0}) name.push_back(std::byte{0});
    if (!name.empty()) append(payload, UNIX_DIAG_NAME, name);
    if (socket.peerInode != 0) {
      append(payload, UNIX_DIAG_PEER, std::as_bytes(std::span{&socket.peerInode, 1}));
    }
    if (showsQueue) append(payload, UNIX_DIAG_ICONS, std::as_bytes(std::span{socket.queue}));
    const unix_diag_rqlen length{.udiag_rqueue = static_cast<__u32>(socket.queue.size()),
                                 .udiag_wqueue = 0};
    append(payload, UNIX_DIAG_RQLEN, std::as_bytes(std::span{&length, 1}));
    return fuzz::message(SOCK_DIAG_BY_FAMILY, sequence, NLM_F_MULTI, payload);
  }

  std::uint32_t lastInode_ = 0;
};

UnixSockets expectedOf(const std::vector<UnixSocket>& table) {
  UnixSockets expected;
  for (const auto& socket : table) {
    if (socket.type != SOCK_STREAM || socket.name != kName) continue;
    if (socket.state == SocketState::kListen) {
      UnixListener listener{.inode = socket.inode, .queuedPeerInodes = {}};
      for (const auto inode : socket.queue) fuzz::keep(listener.queuedPeerInodes, inode);
      fuzz::keep(expected.listeners, std::move(listener));
    } else {
      fuzz::keep(expected.accepted,
                 AcceptedUnixSocket{.inode = socket.inode, .peerInode = socket.peerInode});
    }
  }
  return expected;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Script script{fuzz::bytesOf(data, size)};
  UnixKernel kernel{script};
  Exchange exchange{kernel};
  const auto name = std::as_bytes(std::span{kName});
  while (!script.isOver()) {
    if (script.choose(3) != 0) {
      kernel.change();
      continue;
    }
    kernel.begin();
    const auto dumped = dumpUnix(exchange, name);
    if (!dumped.ok()) {
      fuzz::require(dumped.failure().error > 0, "an error has an errno");
    } else if (!kernel.isCorrupted()) {
      fuzz::require(dumped.value() == expectedOf(kernel.table),
                    "a complete dump has every client, including the queued ones");
    }
  }
  return 0;
}
