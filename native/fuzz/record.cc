#include <linux/inet_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>

#include "../test/namespace.h"
#include "recorded_sockets.h"
#include "sockdiag/netlink_message.h"
#include "sockdiag/netlink_socket.h"
#include "sockdiag/request.h"
#include "sockdiag/tcp_counters.h"

// record-corpus <folder>: creates sockets of many kinds in a new network namespace, and writes this
// kernel's replies about them as inputs for the fuzz targets. Sequence numbers and inodes differ
// from run to run; scripts/record-corpus.mjs keeps only new inputs.

namespace {

using namespace sockdiag;
using namespace sockdiag::fuzz;

constexpr auto kAllStates = static_cast<StateMask>(UINT32_MAX);

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
  void request(Request request, const std::string& target, std::size_t fixedSize) {
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

Bytes wholeOf(const std::string& text) { return std::as_bytes(std::span{text}); }

}  // namespace

int main(int argc, char** argv) {
  check(argc == 2, "usage: record-corpus <folder>");
  check(test::enterOwnNetwork(), "unshare");
  const std::filesystem::path folder{argv[1]};
  std::filesystem::create_directories(folder / "sockets");
  Recorder recorder{folder};

  const auto addresses = makeTcpSockets();
  DestroyEventSocket events{DestroyEventSocket::kReceiveBufferBytes};
  check(events.open().ok(), "events");
  const auto port = portOf(addresses[1]);
  events.receiveOnly({&port, 1});
  for (const auto& address : addresses) {
    recorder.request(tcpBothFamiliesRequest(portOf(address), kAllStates, Traffic::kLeftOut),
                     "inet_message", sizeof(inet_diag_msg));
    for (const auto family : {std::uint8_t{AF_INET}, std::uint8_t{AF_INET6}}) {
      recorder.request(tcpDumpRequest(family, portOf(address), kAllStates, Traffic::kIncluded),
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
    recorder.request(unixDumpRequest(kAllStates, static_cast<std::uint32_t>(show)), "unix_message",
                     sizeof(unix_diag_msg));
  }
  // A request that the kernel rejects.
  recorder.request(tcpDumpRequest(AF_UNSPEC, kAnyPort, kAllStates, Traffic::kLeftOut),
                   "inet_message", sizeof(inet_diag_msg));

  closeSockets();
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
