#include <doctest/doctest.h>
#include <sys/socket.h>

#include <fstream>
#include <string>
#include <thread>

#include "kernel_tracked.h"

// The tracker against this machine's kernel, in otherwise idle network namespaces.

namespace sockdiag::test {

namespace {

bool set(const char* option, const char* value) {
  std::ofstream file{std::string{"/proc/sys/net/ipv4/"} + option};
  file << value << std::flush;
  return file.good();
}

}  // namespace

TEST_CASE("a client is tracked from its connect to its close") {
  inOwnNetwork([] {
    const UniqueFd listener = listenOnLoopback();
    SharedKernel kernel;
    Tracked tracked{kernel, localPort(listener)};
    tracked.settle();

    UniqueFd client = connectTo(localPort(listener));
    CHECK(tracked.clients() == 1);
    CHECK(tracked.tracker.reason() == PollReason::kCounterMoved);
    CHECK(tracked.tracker.sockets().value()[0].inode == 0);
    tracked.settle();

    const UniqueFd accepted{::accept(listener.get(), nullptr, nullptr)};
    REQUIRE(::send(client.get(), "hello", 5, 0) == 5);
    tracked.checkNextIs(PollReason::kTracked);
    CHECK(tracked.tracker.sockets().value()[0].inode == inodeOf(accepted));
    CHECK_FALSE(tracked.tracker.sockets().value()[0].bytesReceived.has_value());
    REQUIRE(tracked.tracker.poll(Traffic::kIncluded).ok());
    CHECK(tracked.tracker.sockets().value()[0].bytesReceived == 5U);

    tracked.tracker.noteTraffic();
    CHECK_FALSE(tracked.tracker.pollTraffic().value().hasMoved);
    REQUIRE(::send(client.get(), "!", 1, 0) == 1);
    CHECK(tracked.tracker.pollTraffic().value().hasMoved);

    client.reset();
    CHECK(tracked.clients() == 0);
    CHECK(tracked.tracker.reason() == PollReason::kTracked);
  });
}

TEST_CASE("a closed listener is missing from the next poll, and a new one is in it") {
  inOwnNetwork([] {
    UniqueFd listener = listenOnLoopback();
    const auto port = localPort(listener);
    SharedKernel kernel;
    Tracked tracked{kernel, port};
    tracked.settle();
    listener.reset();
    tracked.checkNextIs(PollReason::kUnexpected);
    CHECK(tracked.tracker.sockets().value().empty());
    tracked.checkNextIs(PollReason::kTracked);

    Tracked early{kernel, Port{1234}};
    early.settle();
    const UniqueFd late = listenOnLoopback(Port{1234});
    early.checkNextIs(PollReason::kUnexpected);
    CHECK(early.tracker.sockets().value().size() == 1);
  });
}

TEST_CASE("listeners that share an address are all tracked") {
  inOwnNetwork([] {
    const UniqueFd one = listenOnLoopback(Port{1234});
    const UniqueFd two = listenOnLoopback(Port{1234});
    UniqueFd three = listenOnLoopback(Port{1234});
    SharedKernel kernel;
    Tracked tracked{kernel, Port{1234}};
    tracked.settle();
    CHECK(tracked.tracker.sockets().value().size() == 3);
    three.reset();
    tracked.checkNextIs(PollReason::kUnexpected);
    CHECK(tracked.tracker.sockets().value().size() == 2);
  });
}

TEST_CASE("the kernel also counts connections made with SYN cookies") {
  inOwnNetwork([] {
    if (!set("tcp_syncookies", "2")) {
      MESSAGE("not tested: no permission to set net.ipv4.tcp_syncookies");
      return;
    }
    const UniqueFd listener = listenOnLoopback();
    SharedKernel kernel;
    Tracked tracked{kernel, localPort(listener)};
    tracked.settle();
    const UniqueFd client = connectTo(localPort(listener));
    CHECK(tracked.clients() == 1);
    CHECK(tracked.tracker.reason() == PollReason::kCounterMoved);
  });
}

TEST_CASE("a connection between two polls is counted, one to another port is not") {
  inOwnNetwork([] {
    const UniqueFd listener = listenOnLoopback();
    const UniqueFd other = listenOnLoopback();
    SharedKernel kernel;
    Tracked tracked{kernel, localPort(listener)};
    tracked.settle();
    const int events = kernel.eventSocket.descriptor();

    comeAndGo(other);
    CHECK_FALSE(isReadable(events, kAWhile));
    comeAndGo(listener);
    REQUIRE(isReadable(events, kSoon));
    CHECK(tracked.clients() == 0);
    CHECK(tracked.tracker.seenBetweenPolls() == 1);
  });
}

TEST_CASE("the end of a tracked connection is reported immediately") {
  inOwnNetwork([] {
    const UniqueFd listener = listenOnLoopback();
    UniqueFd client = connectTo(localPort(listener));
    UniqueFd accepted{::accept(listener.get(), nullptr, nullptr)};
    SharedKernel kernel;
    Tracked tracked{kernel, localPort(listener)};
    tracked.settle();
    client.reset();
    accepted.reset();
    REQUIRE(isReadable(kernel.eventSocket.descriptor(), kSoon));
    CHECK(tracked.tracker.takeDestroyed().value());
    CHECK(tracked.clients() == 0);
    CHECK(tracked.tracker.seenBetweenPolls() == 0);
  });
}

TEST_CASE("after an overflow of the event queue the next poll dumps") {
  inOwnNetwork([] {
    const UniqueFd listener = listenOnLoopback();
    SharedKernel kernel{kThreadNetSnmp, 1};
    Tracked tracked{kernel, localPort(listener)};
    tracked.settle();
    for (int i = 0; i < 50; ++i) comeAndGo(listener);
    std::this_thread::sleep_for(kAWhile);
    CHECK(tracked.clients() == 0);
    CHECK(tracked.tracker.poll().ok());
    tracked.settle();
    CHECK(tracked.tracker.seenBetweenPolls() < 50);

    comeAndGo(listener);
    for (int i = 0; i < 20; ++i) comeAndGo(listener);
    std::this_thread::sleep_for(kAWhile);
    CHECK(tracked.tracker.takeDestroyed().value());
  });
}

TEST_CASE("without the counter every poll dumps, with the correct result") {
  inOwnNetwork([] {
    const UniqueFd listener = listenOnLoopback();
    SharedKernel kernel{"/nowhere"};
    Tracked tracked{kernel, localPort(listener)};
    CHECK(tracked.clients() == 0);
    const UniqueFd client = connectTo(localPort(listener));
    CHECK(tracked.clients() == 1);
    CHECK(tracked.tracker.reason() == PollReason::kCounterUnreadable);
  });
}

TEST_CASE("after its descriptors are lost, a tracker fails once, and the next poll opens others") {
  inOwnNetwork([] {
    const UniqueFd listener = listenOnLoopback();
    const UniqueFd client = connectTo(localPort(listener));
    SharedKernel kernel;
    Tracked tracked{kernel, localPort(listener)};
    tracked.settle();
    closeNetlinkSockets();
    CHECK(tracked.tracker.poll().failure().error == EBADF);
    CHECK(tracked.clients() == 1);
    tracked.settle();
  });
}

TEST_CASE("descriptors are opened on first use, kept, and closed with their owner") {
  inOwnNetwork([] {
    {
      SharedKernel kernel;
      Tracked tracked{kernel, Port{1}};
      CHECK(netlinkSockets() == 0);
      tracked.settle();
      CHECK(netlinkSockets() == 2);
      tracked.settle();
      CHECK(netlinkSockets() == 2);
    }
    CHECK(netlinkSockets() == 0);
  });
}

}  // namespace sockdiag::test
