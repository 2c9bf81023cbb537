#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "../test/namespace.h"
#include "sockdiag/netlink_message.h"
#include "sockdiag/netlink_socket.h"
#include "sockdiag/passive_opens.h"
#include "sockdiag/request.h"

// record-corpus <folder>: creates sockets of many kinds in a new network namespace, and writes this
// kernel's replies about them as inputs for the fuzz targets. Sequence numbers and inodes differ
// from run to run; scripts/record-corpus.mjs keeps only new inputs.

namespace {

using namespace sockdiag;

constexpr auto kAllStates = static_cast<StateMask>(UINT32_MAX);

std::vector<UniqueFd> kept;

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(2);
}

void check(bool works, const char* what) {
  if (!works) fail(what);
}

template <typename Address>
const sockaddr* generic(const Address& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

int keep(UniqueFd socket) {
  check(socket.isOpen(), "socket");
  return kept.emplace_back(std::move(socket)).get();
}

// TCP

struct TcpAddress {
  sockaddr_in6 storage{};
  socklen_t size = sizeof(storage);
};

/// A listener of this family on a port chosen by the kernel, and its address.
int listenOn(int family, int protocol, TcpAddress& address) {
  const int listener = keep(UniqueFd{::socket(family, SOCK_STREAM | SOCK_CLOEXEC, protocol)});
  check(::listen(listener, 16) == 0, "listen");
  auto* const name = reinterpret_cast<sockaddr*>(&address.storage);
  check(::getsockname(listener, name, &address.size) == 0, "getsockname");
  return listener;
}

int connectTo(const TcpAddress& address, int family, int protocol) {
  const int client = keep(UniqueFd{::socket(family, SOCK_STREAM | SOCK_CLOEXEC, protocol)});
  sockaddr_in ipv4{.sin_family = AF_INET,
                   .sin_port = address.storage.sin6_port,
                   .sin_addr = {htonl(INADDR_LOOPBACK)},
                   .sin_zero = {}};
  auto ipv6 = address.storage;
  ipv6.sin6_addr = in6addr_loopback;
  const bool isConnected = family == AF_INET ? ::connect(client, generic(ipv4), sizeof(ipv4)) == 0
                                             : ::connect(client, generic(ipv6), sizeof(ipv6)) == 0;
  check(isConnected, "connect");
  return client;
}

/// Three accepted connections with traffic, two of them half-closed, and two still queued.
void fill(int listener, const TcpAddress& address, int family, int protocol) {
  for (int i = 0; i < 3; ++i) {
    const int client = connectTo(address, family, protocol);
    const int accepted = keep(UniqueFd{::accept(listener, nullptr, nullptr)});
    check(::send(client, "hello", 5, 0) == 5 && ::send(accepted, "hi", 2, 0) == 2, "send");
    if (i == 1) ::shutdown(client, SHUT_WR);
    if (i == 2) ::shutdown(accepted, SHUT_WR);
  }
  connectTo(address, family, protocol);
  connectTo(address, family, protocol);
}

std::vector<TcpAddress> makeTcpSockets() {
  std::vector<TcpAddress> addresses(3);
  const int ipv4 = listenOn(AF_INET, 0, addresses[0]);
  fill(ipv4, addresses[0], AF_INET, 0);
  const int both = listenOn(AF_INET6, 0, addresses[1]);
  fill(both, addresses[1], AF_INET6, 0);
  fill(both, addresses[1], AF_INET, 0);
  constexpr int kMptcp = 262;
  const int multipath = listenOn(AF_INET, kMptcp, addresses[2]);
  fill(multipath, addresses[2], AF_INET, kMptcp);
  fill(multipath, addresses[2], AF_INET, 0);
  return addresses;
}

// Unix

struct UnixAddress {
  explicit UnixAddress(std::string_view name)
      : size(static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size())) {
    std::memcpy(storage.sun_path, name.data(), name.size());
  }

  sockaddr_un storage{.sun_family = AF_UNIX, .sun_path = {}};
  socklen_t size;
};

void makeUnixSockets(std::string_view name, int type, int accepted, int queued) {
  const UnixAddress address{name};
  const int listener = keep(UniqueFd{::socket(AF_UNIX, type | SOCK_CLOEXEC, 0)});
  check(::bind(listener, generic(address.storage), address.size) == 0, "bind");
  if (type == SOCK_DGRAM) return;
  check(::listen(listener, 16) == 0, "listen");
  for (int i = 0; i < accepted + queued; ++i) {
    UniqueFd client{::socket(AF_UNIX, type | SOCK_CLOEXEC, 0)};
    check(::connect(client.get(), generic(address.storage), address.size) == 0, "connect");
    if (i < accepted) keep(UniqueFd{::accept(listener, nullptr, nullptr)});
    // The last client is closed while still queued.
    if (i + 1 < accepted + queued) keep(std::move(client));
  }
}

// Replies

class Recorder {
 public:
  explicit Recorder(std::filesystem::path folder) : folder_(std::move(folder)) {}

  void write(const std::string& target, Bytes bytes, std::string_view prefix = {}) {
    const auto folder = folder_ / target;
    std::filesystem::create_directories(folder);
    std::ofstream file{folder / ("recorded-" + std::to_string(++count_)), std::ios::binary};
    file << prefix;
    file.write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
  }

  /// Writes the datagrams of the reply, and the payloads and attributes of their messages.
  void ask(Request request, const std::string& target, std::size_t fixedSize) {
    request.setSequence(1);
    check(socket_.send(request.bytes()).ok(), "send");
    std::array<std::byte, 32768> buffer;
    for (bool isOver = false; !isOver;) {
      const auto datagram = socket_.receive(buffer);
      check(datagram.ok() && datagram.value(), "receive");
      const auto bytes = datagram.value()->bytes;
      write("replies", bytes);
      for (Replies replies{bytes, 1};;) {
        const auto reply = replies.next();
        isOver = !reply.ok() || (reply.value() && reply.value()->kind == Reply::Kind::kEnd);
        if (isOver || !reply.value()) break;
        const auto payload = reply.value()->payload;
        // The inet_message target reads the query from a first byte.
        write(target, payload, target == "inet_message" ? std::string_view{"\0", 1} : "");
        write("attributes", payload.subspan(fixedSize));
      }
    }
  }

  void recordEvents(DestroyEventSocket& events) {
    std::array<std::byte, 2048> buffer;
    for (auto datagram = events.receive(buffer); datagram.ok() && datagram.value();
         datagram = events.receive(buffer)) {
      const auto bytes = datagram.value()->bytes;
      // The destroyed target reads a fault and the size in units of 4 bytes.
      const std::string prefix{'\0', static_cast<char>(bytes.size() / 4)};
      write("destroyed", bytes, prefix);
      write("replies", bytes);
    }
  }

 private:
  std::filesystem::path folder_;
  NetlinkSocket socket_;
  int count_ = 0;
};

Port portOf(const TcpAddress& address) {
  return static_cast<Port>(ntohs(address.storage.sin6_port));
}

Bytes wholeOf(const std::string& text) { return std::as_bytes(std::span{text}); }

}  // namespace

int main(int argc, char** argv) {
  check(argc == 2, "usage: record-corpus <folder>");
  check(test::enterOwnNetwork(), "unshare");
  const std::filesystem::path folder{argv[1]};
  std::filesystem::create_directories(folder / "sockets");
  Recorder recorder{folder};

  const auto addresses = makeTcpSockets();
  DestroyEventSocket events;
  check(events.open(portOf(addresses[1]), DestroyEventSocket::kReceiveBufferBytes).ok(), "events");
  for (const auto& address : addresses) {
    recorder.ask(tcpBothFamiliesRequest(portOf(address), kAllStates), "inet_message",
                 sizeof(inet_diag_msg));
    for (const auto family : {std::uint8_t{AF_INET}, std::uint8_t{AF_INET6}}) {
      recorder.ask(tcpDumpRequest(family, portOf(address), kAllStates, Traffic::kIncluded),
                   "inet_message", sizeof(inet_diag_msg));
    }
  }

  const auto socketFolder = (folder / "sockets/").string();
  const auto path = [&](const std::string& name) { return socketFolder + name; };
  using namespace std::string_literals;
  makeUnixSockets(path("b.sock"), SOCK_STREAM, 2, 3);
  makeUnixSockets(path("\xff\xfe\n.sock"), SOCK_STREAM, 1, 1);
  makeUnixSockets(path(std::string(sizeof(sockaddr_un::sun_path) - socketFolder.size(), 'x')),
                  SOCK_STREAM, 1, 1);
  makeUnixSockets("\0buildkit"s, SOCK_STREAM, 1, 1);
  makeUnixSockets("\0b\0\xff\0"s, SOCK_STREAM, 1, 0);
  makeUnixSockets(path("packets"), SOCK_SEQPACKET, 1, 1);
  makeUnixSockets(path("datagrams"), SOCK_DGRAM, 0, 0);
  for (const auto show : {0, UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN,
                          UDIAG_SHOW_NAME | UDIAG_SHOW_ICONS | UDIAG_SHOW_RQLEN, 0xff}) {
    recorder.ask(unixDumpRequest(kAllStates, static_cast<std::uint32_t>(show)), "unix_message",
                 sizeof(unix_diag_msg));
  }
  // A request that the kernel rejects.
  recorder.ask(tcpDumpRequest(AF_UNSPEC, kAnyPort, kAllStates, Traffic::kLeftOut), "inet_message",
               sizeof(inet_diag_msg));

  kept.clear();
  std::this_thread::sleep_for(std::chrono::milliseconds{300});
  recorder.recordEvents(events);

  std::ifstream snmp{kThreadNetSnmp};
  recorder.write("snmp", wholeOf(std::string{std::istreambuf_iterator<char>{snmp}, {}}));
  for (const auto& text : {"\0\x7f\0\0\x01"s, "\x01"s + std::string(15, '\0') + "\x01"s,
                           "\x01"s + std::string(10, '\0') + "\xff\xff\x0a\0\0\x05"s,
                           "\x01\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"s}) {
    recorder.write("address", wholeOf(text));
  }
  std::filesystem::remove_all(folder / "sockets");
  return 0;
}
