#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "scripted_view.h"
#include "sockdiag/tcp_tracker.h"

namespace sockdiag::test {

constexpr auto kListen = SocketState::kListen;
constexpr auto kEstablished = SocketState::kEstablished;
constexpr auto kSynReceived = SocketState::kSynReceived;
constexpr auto kCloseWait = SocketState{8};

constexpr Port kPort{1234};
constexpr std::uint64_t kListener = 1;

inline TcpSocket socket(SocketState state, std::uint64_t cookie) {
  TcpSocket socket{};
  socket.state = state;
  socket.cookie = cookie;
  socket.inode = static_cast<std::uint32_t>(cookie);
  return socket;
}

inline TcpSocket destroyed(std::uint64_t cookie, Port peer = Port{50000},
                           std::optional<std::uint64_t> bytesReceived = 1) {
  TcpSocket socket{};
  socket.local.port = kPort;
  socket.peer.port = peer;
  socket.cookie = cookie;
  socket.bytesReceived = bytesReceived;
  return socket;
}

/// The peer port of an ended connection, and the bytes it received.
using End = std::pair<Port, std::optional<std::uint64_t>>;

/// A tracker on a scripted kernel with one listener.
struct TrackerFixture {
  TrackerFixture() { view.table = {socket(kListen, kListener)}; }

  /// Polls until the tracker uses lookups.
  void settle() {
    for (int i = 0; i < 3; ++i) REQUIRE(tracker.poll().ok());
    REQUIRE(tracker.reason() == PollReason::kTracked);
    view.takeCalls();
  }

  /// Polls once and checks the reason and the calls.
  std::uint64_t poll(PollReason reason, const char* calls) {
    view.takeCalls();
    const auto revision = tracker.poll();
    REQUIRE(revision.ok());
    CHECK(toText(tracker.reason()) == doctest::String{toText(reason)});
    CHECK(view.takeCalls() == calls);
    return revision.value();
  }

  void checkFails(int error, const char* calls) {
    view.takeCalls();
    const auto revision = tracker.poll();
    REQUIRE_FALSE(revision.ok());
    CHECK(revision.failure().error == error);
    CHECK(view.takeCalls() == calls);
  }

  TcpSocket& inTable(std::uint64_t cookie) {
    return *std::ranges::find(view.table, cookie, &TcpSocket::cookie);
  }
  void remove(std::uint64_t cookie) {
    std::erase_if(view.table, [=](const auto& one) { return one.cookie == cookie; });
  }

  /// The cookies of the visible sockets, including listeners.
  std::vector<std::uint64_t> seen() const {
    std::vector<std::uint64_t> cookies;
    const auto sockets = tracker.sockets();
    for (const auto& one : sockets.value()) cookies.push_back(one.cookie);
    std::ranges::sort(cookies);
    return cookies;
  }

  std::vector<End> ended() {
    std::vector<End> ends;
    const auto ended = tracker.takeEnded();
    for (const auto& each : ended.value()) ends.emplace_back(each.peer.port, each.bytesReceived);
    return ends;
  }

  ScriptedView view;
  TcpTracker tracker{view};
};

using Cookies = std::vector<std::uint64_t>;

}  // namespace sockdiag::test
