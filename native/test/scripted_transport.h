#pragma once

#include <algorithm>
#include <deque>
#include <vector>

#include "sockdiag/transport.h"
#include "support.h"

namespace sockdiag::test {

/// What receive() returns: a datagram, by default from the kernel, or an errno.
struct Event {
  Buffer bytes;
  std::uint32_t senderPort = 0;
  bool truncated = false;
  int error = 0;
  /// How long the process was stopped before it.
  Milliseconds stopped{0};
};

/// Plays one script for each request, then nothing more. Its clock moves only with wait() and with
/// events that say so.
class ScriptedTransport final : public Transport {
 public:
  explicit ScriptedTransport(std::vector<std::vector<Event>> scripts)
      : scripts_(scripts.begin(), scripts.end()) {}

  Status send(Bytes request) override {
    requests.emplace_back(request.begin(), request.end());
    if (sendError != 0) return Failure{.operation = "sendmsg", .error = sendError};
    events_.clear();
    if (!scripts_.empty()) {
      events_.assign(scripts_.front().begin(), scripts_.front().end());
      scripts_.pop_front();
    }
    return Done{};
  }

  Result<std::optional<Datagram>> receive(std::span<std::byte> buffer) override {
    if (flood) {
      time_ += Milliseconds{1};
      return std::optional{Datagram{.bytes = *flood, .senderPort = 4711, .truncated = false}};
    }
    if (events_.empty()) return std::optional<Datagram>{};
    const auto event = events_.front();
    events_.pop_front();
    time_ += event.stopped;
    if (event.error != 0) return Failure{.operation = "recvmsg", .error = event.error};
    std::ranges::copy(event.bytes, buffer.begin());
    return std::optional{Datagram{.bytes = buffer.first(event.bytes.size()),
                                  .senderPort = event.senderPort,
                                  .truncated = event.truncated}};
  }

  Status wait(Milliseconds limit) override {
    waited += limit;
    time_ += limit;
    return Done{};
  }

  Milliseconds now() override { return time_; }
  void drop() override { ++drops; }

  std::vector<Buffer> requests;
  int drops = 0;
  Milliseconds waited{0};
  int sendError = 0;
  /// If set, another process sends this forever.
  std::optional<Buffer> flood;

 private:
  std::deque<std::vector<Event>> scripts_;
  std::deque<Event> events_;
  Milliseconds time_{1'000'000};
};

}  // namespace sockdiag::test
