#pragma once

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "kernel_sockets.h"
#include "namespace.h"
#include "sockdiag/kernel_tcp_view.h"
#include "sockdiag/tcp_tracker.h"

// Trackers against this machine's kernel.

namespace sockdiag::test {

struct Tracked {
  Tracked(SharedKernel& kernel, Port port) : view(kernel, port) {}

  std::size_t clients() {
    REQUIRE(tracker.poll().ok());
    const auto found = tracker.sockets();
    const auto& sockets = found.value();
    return static_cast<std::size_t>(std::count_if(
        sockets.begin(), sockets.end(),
        [](const auto& socket) { return socket.state == SocketState::kEstablished; }));
  }

  void settle() {
    // On a busy machine a dump can seem cheaper at times.
    for (int i = 0; i < 3 || (i < 100 && tracker.reason() == PollReason::kCheaper); ++i) {
      REQUIRE(tracker.poll().ok());
    }
    REQUIRE(tracker.reason() == PollReason::kTracked);
  }

  void checkNextIs(PollReason reason) {
    REQUIRE(tracker.poll().ok());
    CHECK(toText(tracker.reason()) == doctest::String{toText(reason)});
  }

  KernelTcpView view;
  TcpTracker tracker{view};
};

/// The kernel sends destroy events from a worker, slightly later.
inline bool isReadable(int descriptor, std::chrono::milliseconds limit) {
  pollfd waited{.fd = descriptor, .events = POLLIN, .revents = 0};
  return ::poll(&waited, 1, static_cast<int>(limit.count())) == 1;
}

/// In a new thread, because unshare() changes only the calling thread's namespace.
template <typename Body>
void inOwnNetwork(Body body) {
  std::thread([&] {
    if (enterOwnNetwork()) {
      body();
    } else {
      MESSAGE("not tested: no permission to make a network namespace");
    }
  }).join();
}

inline constexpr std::chrono::milliseconds kSoon{2000};
inline constexpr std::chrono::milliseconds kAWhile{100};

inline void comeAndGo(const UniqueFd& listener) {
  UniqueFd client = connectTo(localPort(listener));
  const UniqueFd accepted{::accept(listener.get(), nullptr, nullptr)};
  client.reset();
}

}  // namespace sockdiag::test
