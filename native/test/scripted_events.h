#pragma once

#include <linux/inet_diag.h>
#include <linux/sock_diag.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <vector>

#include "recorded.h"
#include "scripted_transport.h"
#include "sockdiag/destroy_events.h"

namespace sockdiag::test {

/// The destroy event of the recorded connection, as if it had had this local port.
inline Event destroyEvent(Port localPort) {
  const auto at = offsetof(inet_diag_msg, id) + offsetof(inet_diag_sockid, idiag_sport);
  const auto number = static_cast<std::uint16_t>(localPort);
  const auto payload =
      patched(recordedTcpConnection(), at,
              {static_cast<std::byte>(number >> 8), static_cast<std::byte>(number)});
  return {.bytes = message(SOCK_DIAG_BY_FAMILY, 0, payload)};
}

/// A source of the events that a test puts into it.
class ScriptedEvents final : public DestroyEventSource {
 public:
  Status open() override {
    if (openError != 0) return Failure{.operation = "bind", .error = openError};
    opened = true;
    return Done{};
  }
  bool isOpen() const override { return opened; }
  void receiveOnly(std::span<const Port> wanted) override {
    ports.assign(wanted.begin(), wanted.end());
  }
  Result<std::optional<Datagram>> receive(std::span<std::byte> buffer) override {
    if (queue.empty()) return std::optional<Datagram>{};
    const auto event = queue.front();
    queue.pop_front();
    if (event.error != 0) return Failure{.operation = "recvmsg", .error = event.error};
    std::ranges::copy(event.bytes, buffer.begin());
    return std::optional{
        Datagram{.bytes = buffer.first(event.bytes.size()), .senderPort = 0, .truncated = false}};
  }
  void close() override {
    opened = false;
    queue.clear();
  }

  std::deque<Event> queue;
  std::vector<Port> ports;
  bool opened = false;
  int openError = 0;
};

}  // namespace sockdiag::test
