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
    note();
  }

  void note() {
    REQUIRE(tracker.poll(Traffic::kIncluded).ok());
    tracker.noteTraffic();
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
  fixture.note();
  CHECK_FALSE(fixture.hasMoved("ect"));
}

TEST_CASE("a poll that dumps reads the traffic with the dump") {
  TrafficFixture fixture;
  fixture.view.counter += 1;
  CHECK_FALSE(fixture.hasMoved("ecD"));
  fixture.view.bytesReceived = 8;
  CHECK(fixture.hasMoved("ecD"));
}

TEST_CASE("traffic has moved until it has been noted for the first time") {
  TrackerFixture fixture;
  fixture.view.table.push_back(socket(kEstablished, 10));
  fixture.settle();
  const auto polled = fixture.tracker.pollTraffic();
  REQUIRE(polled.ok());
  CHECK(polled.value().hasMoved);
}

TEST_CASE(
    "the revision is that of any other poll, and the sockets have the traffic of the last one") {
  TrafficFixture fixture;
  const auto before = fixture.tracker.poll();
  CHECK_FALSE(fixture.tracker.find(10)->bytesReceived.has_value());
  CHECK_FALSE(fixture.hasMoved("ect"));
  CHECK(fixture.tracker.find(10)->bytesReceived == 7U);
  fixture.remove(10);
  const auto after = fixture.tracker.pollTraffic();
  REQUIRE(after.ok());
  CHECK(after.value().revision == before.value() + 1);
}

TEST_CASE("traffic that cannot be read fails the poll") {
  TrafficFixture fixture;
  fixture.view.lookupError = ENOBUFS;
  CHECK_FALSE(fixture.tracker.pollTraffic().ok());
  fixture.view.lookupError = 0;
  CHECK_FALSE(fixture.hasMoved("ecD"));
}

TEST_CASE("a dump with traffic is preferred where it is cheaper than lookups") {
  TrafficFixture fixture;
  fixture.view.dumpTime = Nanoseconds{1};
  fixture.view.lookupTime = Nanoseconds{1'000'000};
  fixture.view.counter += 1;
  CHECK_FALSE(fixture.hasMoved("ecD"));
  CHECK_FALSE(fixture.hasMoved("ecD"));
  // The lookups before were cheap, and a longer time counts only if it persists.
  for (int i = 0; i < 9 && fixture.tracker.reason() != PollReason::kCheaper; ++i) {
    REQUIRE(fixture.tracker.pollTraffic().ok());
  }
  CHECK_FALSE(fixture.hasMoved("ecD"));
}

namespace {

/// The namespace's segments are told, and stand still.
struct SegmentsFixture : TrafficFixture {
  SegmentsFixture() {
    view.segments = 100;
    // Only the time that a test lets pass.
    view.lookupTime = Nanoseconds{0};
    note();
  }
};

}  // namespace

TEST_CASE("while the namespace's segments stand still, only the listeners are looked up") {
  SegmentsFixture fixture;
  CHECK_FALSE(fixture.hasMoved("eck"));
  CHECK_FALSE(fixture.hasMoved("eck"));
  ++*fixture.view.segments;
  CHECK_FALSE(fixture.hasMoved("ect"));
  CHECK_FALSE(fixture.hasMoved("eck"));
  ++*fixture.view.segments;
  fixture.view.bytesReceived = 8;
  CHECK(fixture.hasMoved("ect"));
  // It has moved until that is noted.
  CHECK(fixture.hasMoved("eck"));
}

TEST_CASE("after kMaxUnread the traffic is read although the segments stand still") {
  SegmentsFixture fixture;
  fixture.view.time += TcpTracker::kMaxUnread - Nanoseconds{1};
  CHECK_FALSE(fixture.hasMoved("eck"));
  fixture.view.time += Nanoseconds{1};
  CHECK_FALSE(fixture.hasMoved("ect"));
  fixture.view.time += TcpTracker::kMaxUnread - Nanoseconds{1};
  CHECK_FALSE(fixture.hasMoved("eck"));
}

TEST_CASE("other polls read the traffic whatever the segments are") {
  SegmentsFixture fixture;
  REQUIRE(fixture.tracker.poll(Traffic::kIncluded).ok());
  CHECK(fixture.view.takeCalls().ends_with("ect"));
  REQUIRE(fixture.tracker.poll().ok());
  CHECK(fixture.view.takeCalls() == "eck");
  // That one has replaced what was read.
  CHECK_FALSE(fixture.hasMoved("ect"));
}

TEST_CASE("a connection that is not accepted yet is looked up in any case") {
  SegmentsFixture fixture;
  fixture.view.table.push_back(socket(kEstablished, 11));
  fixture.inTable(11).inode = 0;
  fixture.view.counter += 1;
  fixture.settle();
  fixture.note();
  CHECK_FALSE(fixture.hasMoved("ect"));
  fixture.inTable(11).inode = 11;
  const auto before = fixture.tracker.poll().value();
  CHECK(before > 0);
  fixture.note();
  CHECK_FALSE(fixture.hasMoved("eck"));
}

TEST_CASE("a listener that is gone, or a connection that was destroyed, is not overlooked") {
  SegmentsFixture closed;
  const auto before = closed.tracker.poll().value();
  closed.note();
  closed.remove(kListener);
  CHECK_FALSE(closed.hasMoved("ecktlD"));
  CHECK(closed.tracker.poll().value() > before);

  SegmentsFixture destroyedOne;
  destroyedOne.view.events.push_back(destroyed(10));
  destroyedOne.remove(10);
  CHECK(destroyedOne.hasMoved("ect"));
}

}  // namespace sockdiag::test
