#include <doctest/doctest.h>

#include <cerrno>

#include "sockdiag/tcp_tracker.h"
#include "tracker_fixture.h"

// Polls that look at the traffic as well.

namespace sockdiag::test {

namespace {

struct TrafficFixture : TrackerFixture {
  TrafficFixture() {
    view.table.push_back(socket(kEstablished, 10));
    settle();
    REQUIRE(tracker.socketsWithTraffic().ok());
    view.takeCalls();
  }

  bool hasMoved(const char* calls) {
    view.takeCalls();
    const auto polled = tracker.pollTraffic();
    REQUIRE(polled.ok());
    CHECK(view.takeCalls() == calls);
    return polled.value().hasMoved;
  }
};

}  // namespace

TEST_CASE("a poll reads the traffic with the lookups that it makes in any case") {
  TrafficFixture fixture;
  CHECK_FALSE(fixture.hasMoved("ect"));
  CHECK_FALSE(fixture.hasMoved("ect"));
  fixture.view.bytesReceived = 8;
  CHECK(fixture.hasMoved("ect"));
  CHECK(fixture.hasMoved("ect"));
  REQUIRE(fixture.tracker.socketsWithTraffic().ok());
  CHECK_FALSE(fixture.hasMoved("ect"));
}

TEST_CASE("a poll that dumps looks up the traffic after that") {
  TrafficFixture fixture;
  fixture.view.counter += 1;
  CHECK_FALSE(fixture.hasMoved("ecdt"));
  fixture.view.bytesReceived = 8;
  CHECK(fixture.hasMoved("ecdt"));
}

TEST_CASE("traffic has moved until it has been read for the first time") {
  TrackerFixture fixture;
  fixture.view.table.push_back(socket(kEstablished, 10));
  fixture.settle();
  const auto polled = fixture.tracker.pollTraffic();
  REQUIRE(polled.ok());
  CHECK(polled.value().hasMoved);
}

TEST_CASE("the revision is that of any other poll, and the sockets have no traffic") {
  TrafficFixture fixture;
  const auto before = fixture.tracker.poll();
  CHECK_FALSE(fixture.hasMoved("ect"));
  const auto sockets = fixture.tracker.sockets();
  REQUIRE(sockets.ok());
  for (const auto& each : sockets.value()) CHECK_FALSE(each.bytesReceived.has_value());
  fixture.remove(10);
  const auto after = fixture.tracker.pollTraffic();
  REQUIRE(after.ok());
  CHECK(after.value().revision == before.value() + 1);
}

TEST_CASE("traffic that cannot be read may have moved") {
  TrafficFixture fixture;
  fixture.view.lookupError = ENOBUFS;
  // As any poll that has to look up.
  CHECK_FALSE(fixture.tracker.pollTraffic().ok());
  CHECK(fixture.hasMoved("ecdt"));
  fixture.view.lookupError = 0;
  CHECK_FALSE(fixture.hasMoved("ecdt"));
}

TEST_CASE("lookups that the traffic needs are not given up for a dump") {
  TrafficFixture fixture;
  fixture.view.dumpTime = Nanoseconds{1};
  fixture.view.lookupTime = Nanoseconds{1'000'000};
  fixture.view.counter += 1;
  for (int i = 0; i < 4 && fixture.tracker.reason() != PollReason::kCheaper; ++i) {
    REQUIRE(fixture.tracker.poll().ok());
  }
  fixture.poll(PollReason::kCheaper, "ecd");
  CHECK_FALSE(fixture.hasMoved("ect"));
}

}  // namespace sockdiag::test
