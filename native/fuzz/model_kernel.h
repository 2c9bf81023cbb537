#pragma once

#include <cstdint>
#include <deque>
#include <set>
#include <vector>

#include "fuzzed_kernel.h"
#include "script.h"
#include "sockdiag/destroy_events.h"
#include "sockdiag/tcp_view.h"

namespace sockdiag::fuzz {

class ModelView;

/// A socket of the model.
struct ModelSocket {
  TcpSocket socket;
  bool isCounted;
  bool isListed;
  bool isHidden = false;
  Nanoseconds listedAt;
  /// The views with a poll that has read the counter since it counted this socket.
  std::set<unsigned> readBy;
};

/// A model of the kernel as the trackers of some ports see it, each by its own ModelView, with one
/// queue of destroy events for all. The script decides what happens, also in the middle of each
/// call. It guarantees only what a tracker relies on: a connection is counted before it is listed,
/// and is listed before the start of the second poll that saw it counted; an uncounted one may
/// appear at any time; and a connection moves bytes or ends with a segment.
class ModelKernel final : public DestroyEventSource {
 public:
  static constexpr std::size_t kPorts = 2;

  explicit ModelKernel(Script& script) : script_(script) {}

  Status open() override;
  bool isOpen() const override { return isOpen_; }
  void receiveOnly(std::span<const Port> ports) override;
  Result<std::optional<Datagram>> receive(std::span<std::byte> buffer) override;
  void close() override;

  /// Performs one random event: the byte selects the kind and the port.
  void step(std::uint8_t what);
  void maybeStep();

  void add(ModelView& view) { views_.insert(&view); }
  void remove(ModelView& view) { views_.erase(&view); }

  Script& script() { return script_; }
  std::vector<ModelSocket>& sockets() { return sockets_; }
  std::uint64_t counter() const { return counter_; }
  std::uint64_t segments() const { return segments_; }
  Nanoseconds& time() { return time_; }
  void list(ModelSocket& socket);

  bool counterFails = false;
  bool dumpFails = false;
  bool lookUpFails = false;

 private:
  void injectFaultOrByte();
  void moveByte(ModelSocket& socket);
  void add(Port port, SocketState state, bool isCounted, bool isListed);
  void remove(std::size_t index);
  void setState(ModelSocket& socket, SocketState state);
  void noteVisible(const ModelSocket& socket);
  void loseEvents();
  ModelSocket* anyIn(SocketState state);

  Script& script_;
  std::set<ModelView*> views_;
  std::vector<ModelSocket> sockets_;
  std::uint64_t lastCookie_ = 0;
  std::uint64_t counter_ = 100;
  std::uint64_t segments_ = 100;
  Nanoseconds time_{1'000'000'000};

  bool isOpen_ = false;
  std::set<Port> filter_;
  std::deque<Buffer> events_;
  bool eventsAreLost_ = false;
  bool eventsFail_ = false;
};

}  // namespace sockdiag::fuzz
