#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "script.h"
#include "sockdiag/transport.h"

namespace sockdiag::fuzz {

using Buffer = std::vector<std::byte>;

/// A netlink message of any type.
Buffer message(std::uint16_t type, std::uint32_t sequence, std::uint16_t flags, Bytes payload);

/// The kernel's side of an exchange. It answers every request correctly, with what `messagesFor`
/// returns, but splits the reply into datagrams as the script says, and injects faults that real
/// kernels show when memory is short, the table changes, or a queue overflows.
class FuzzedKernel : public Transport {
 public:
  explicit FuzzedKernel(Script& script) : script_(script) {}

  Status send(Bytes request) override;
  Result<std::optional<Datagram>> receive(std::span<std::byte> buffer) override;
  Status wait(Milliseconds limit) override;
  Milliseconds now() override { return time_; }
  void drop() override { queue_.clear(); }

  /// Starts a request; its reply is uncorrupted if nothing of an earlier one is queued.
  void begin() { isCorrupted_ = isCorrupted_ && !queue_.empty(); }
  /// Whether a reply was changed, so that it may be wrong.
  bool isCorrupted() const { return isCorrupted_; }

 protected:
  ~FuzzedKernel() = default;

  /// The messages that answer one request, without NLMSG_DONE.
  virtual std::vector<Buffer> messagesFor(Bytes request) = 0;

  Script& script() { return script_; }

 private:
  struct Incoming {
    Buffer bytes;
    std::uint32_t senderPort = 0;
    bool truncated = false;
    int error = 0;
  };

  void answer(Bytes request);
  void answerDump(std::vector<Buffer> messages, std::uint32_t sequence);
  void injectFault(std::uint32_t sequence);
  Incoming& any() { return queue_[script_.choose(queue_.size())]; }

  Script& script_;
  std::deque<Incoming> queue_;
  Milliseconds time_{1'000'000};
  bool isCorrupted_ = false;
};

}  // namespace sockdiag::fuzz
