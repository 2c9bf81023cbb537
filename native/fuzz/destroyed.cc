#include <linux/netlink.h>

#include <algorithm>
#include <cerrno>

#include "script.h"
#include "sockdiag/shared_destroy_events.h"

namespace {

using namespace sockdiag;

constexpr Port kPort{1234};

/// Returns the script as datagrams; before each, one byte selects a fault and one the size.
class ScriptedSource final : public DestroyEventSource {
 public:
  explicit ScriptedSource(Bytes bytes) : script_(bytes) {}

  Status open() override {
    isOpen_ = true;
    return Done{};
  }
  bool isOpen() const override { return isOpen_; }
  void receiveOnly(std::span<const Port> /*ports*/) override {}
  void close() override { isOpen_ = false; }

  Result<std::optional<Datagram>> receive(std::span<std::byte> buffer) override {
    if (script_.isOver()) return std::optional<Datagram>{};
    const auto how = script_.next();
    if (how == 1) {
      wasLost = true;
      return Failure{.operation = "recvmsg", .error = ENOBUFS};
    }
    if (how == 2) return Failure{.operation = "recvmsg", .error = EBADF};
    const auto bytes = script_.take(std::size_t{4} * script_.next());
    std::ranges::copy(bytes, buffer.begin());
    const Datagram datagram{.bytes = buffer.first(bytes.size()),
                            .senderPort = how == 3 ? 4711U : 0U,
                            .truncated = how == 4};
    wasLost |= datagram.truncated;
    mostEvents += datagram.senderPort == 0 ? bytes.size() / sizeof(nlmsghdr) : 0;
    return std::optional{datagram};
  }

  bool wasLost = false;
  std::size_t mostEvents = 0;

 private:
  bool isOpen_ = false;
  fuzz::Script script_;
};

class Counter final : public DestroyedSink {
 public:
  void destroyed(const TcpSocket& socket) override {
    fuzz::require(socket.local.port == kPort, "only the requested port is reported");
    fuzz::require(socket.peer.port != Port{0} || !socket.bytesReceived,
                  "a socket without a peer has no byte count");
    ++count;
  }

  std::size_t count = 0;
};

}  // namespace

// Any datagrams in the queue of destroy events: what cannot be parsed is reported as lost.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ScriptedSource source{fuzz::bytesOf(data, size)};
  SharedDestroyEvents events{source};
  DestroyEventQueue queue{events, kPort};
  fuzz::require(queue.open().ok(), "the source opens");
  Counter counter;
  const auto taken = queue.take(counter);
  fuzz::require(counter.count <= source.mostEvents, "every event was in the input");
  if (taken.ok() && source.wasLost) {
    fuzz::require(taken.value() == EventLoss::kSome, "a loss is reported");
  }
  return 0;
}
