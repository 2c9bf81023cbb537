#include <doctest/doctest.h>
#include <sys/socket.h>

#include <string_view>
#include <thread>

#include "kernel_tracked.h"
#include "sockdiag/unix_tracker.h"

// Several trackers that share their descriptors, against this machine's kernel, in otherwise idle
// network namespaces.

namespace sockdiag::test {

namespace {

constexpr std::string_view kUnixName{"\0sockdiag-shared-test", 21};

Bytes bytes(std::string_view text) { return std::as_bytes(std::span{text.data(), text.size()}); }

/// Two listeners, and a tracker of each.
struct Pair {
  UniqueFd oneListener = listenOnLoopback();
  UniqueFd otherListener = listenOnLoopback();
  SharedKernel kernel;
  Tracked one{kernel, localPort(oneListener)};
  Tracked other{kernel, localPort(otherListener)};

  void settle() {
    one.settle();
    other.settle();
  }
  bool hasEvent() const { return isReadable(kernel.eventSocket.descriptor(), kSoon); }
};

}  // namespace

TEST_CASE("any number of trackers need the descriptors of one") {
  inOwnNetwork([] {
    {
      Pair pair;
      pair.settle();
      UnixTracker unixTracker{pair.kernel.exchange, bytes(kUnixName)};
      CHECK(unixTracker.poll().ok());
      CHECK(netlinkSockets() == 2);
    }
    CHECK(netlinkSockets() == 0);
  });
}

TEST_CASE("trackers that share a socket each see their own connections") {
  inOwnNetwork([] {
    Pair pair;
    pair.settle();
    const UniqueFd unixListener = listenOnUnix(kUnixName, 16, SOCK_STREAM);
    UnixTracker unixTracker{pair.kernel.exchange, bytes(kUnixName)};
    const UniqueFd client = connectTo(localPort(pair.oneListener));
    const UniqueFd second = connectTo(localPort(pair.otherListener));
    const UniqueFd third = connectTo(localPort(pair.otherListener));
    const UniqueFd unixClient = connectToUnix(kUnixName);
    for (int i = 0; i < 5; ++i) {
      CHECK(pair.one.clients() == 1);
      CHECK(unixTracker.poll().ok());
      CHECK(unixTracker.sockets().value().listeners[0].queuedPeerInodes.size() == 1);
      CHECK(pair.other.clients() == 2);
    }
    pair.settle();
  });
}

TEST_CASE("the end of a connection reaches its tracker if another one has read the event") {
  inOwnNetwork([] {
    Pair pair;
    UniqueFd client = connectTo(localPort(pair.oneListener));
    UniqueFd accepted{::accept(pair.oneListener.get(), nullptr, nullptr)};
    pair.settle();
    client.reset();
    accepted.reset();
    REQUIRE(pair.hasEvent());
    CHECK(pair.other.clients() == 0);
    CHECK_FALSE(pair.hasEvent());
    CHECK(pair.other.tracker.takeEnded().value().empty());
    CHECK(pair.one.tracker.takeDestroyed().value());
    CHECK(pair.one.tracker.takeEnded().value().size() == 1);
    CHECK(pair.one.clients() == 0);
    CHECK(pair.one.tracker.seenBetweenPolls() == 0);

    comeAndGo(pair.oneListener);
    REQUIRE(pair.hasEvent());
    CHECK(pair.other.clients() == 0);
    CHECK(pair.one.clients() == 0);
    CHECK(pair.one.tracker.seenBetweenPolls() == 1);
    CHECK(pair.other.tracker.seenBetweenPolls() == 0);
  });
}

TEST_CASE("an overflow that one tracker has read makes the others dump, too") {
  inOwnNetwork([] {
    const UniqueFd listener = listenOnLoopback();
    SharedKernel kernel{kThreadNetSnmp, 1};
    Tracked busy{kernel, localPort(listener)};
    Tracked idle{kernel, Port{1}};
    busy.settle();
    idle.settle();
    for (int i = 0; i < 50; ++i) comeAndGo(listener);
    std::this_thread::sleep_for(kAWhile);
    CHECK(busy.tracker.takeDestroyed().value());
    CHECK(idle.tracker.takeDestroyed().value());
    CHECK_FALSE(idle.tracker.takeDestroyed().value());
    CHECK(busy.clients() == 0);
    busy.settle();
  });
}

TEST_CASE("a tracker does not count what came and went before its first poll") {
  inOwnNetwork([] {
    Pair pair;
    pair.settle();
    comeAndGo(pair.oneListener);
    REQUIRE(pair.hasEvent());
    Tracked late{pair.kernel, localPort(pair.oneListener)};
    late.settle();
    CHECK(late.tracker.seenBetweenPolls() == 0);
    CHECK(late.tracker.takeEnded().value().empty());
    CHECK(pair.one.clients() == 0);
    CHECK(pair.one.tracker.seenBetweenPolls() == 1);
  });
}

TEST_CASE("after the shared descriptors are lost, one poll fails, and then all are correct again") {
  inOwnNetwork([] {
    Pair pair;
    const UniqueFd client = connectTo(localPort(pair.oneListener));
    pair.settle();
    closeNetlinkSockets();
    CHECK(pair.other.tracker.poll().failure().error == EBADF);
    CHECK(pair.one.clients() == 1);
    CHECK(pair.other.clients() == 0);
    pair.settle();
  });
}

}  // namespace sockdiag::test
