#include <doctest/doctest.h>

#include <algorithm>
#include <utility>

#include "sockdiag/tcp_tracker.h"
#include "tracker_fixture.h"

namespace sockdiag::test {

using Ends = std::vector<End>;

TEST_CASE("a destroyed connection that was never seen is counted") {
  TrackerFixture fixture;
  fixture.view.table.push_back(socket(kEstablished, 10));
  fixture.settle();
  fixture.view.events = {destroyed(20), destroyed(21), destroyed(10),
                         destroyed(kListener, Port{0})};
  fixture.poll(PollReason::kTracked, "eck");
  CHECK(fixture.tracker.seenBetweenPolls() == 2);
}

TEST_CASE("a connection destroyed before a poll saw it ESTABLISHED is counted") {
  TrackerFixture fixture;
  fixture.view.table.push_back(socket(kSynReceived, 10));
  fixture.settle();
  fixture.view.events = {destroyed(10)};
  CHECK_FALSE(fixture.tracker.takeDestroyed().value());
  CHECK(fixture.tracker.seenBetweenPolls() == 1);

  fixture.view.table.push_back(socket(kSynReceived, 11));
  ++fixture.view.counter;
  REQUIRE(fixture.tracker.poll().ok());
  fixture.remove(11);
  REQUIRE(fixture.tracker.poll().ok());
  fixture.view.events = {destroyed(11)};
  REQUIRE(fixture.tracker.poll().ok());
  CHECK(fixture.tracker.seenBetweenPolls() == 2);
}

TEST_CASE("a connection that left the set before it was destroyed is not counted") {
  for (const bool byDump : {true, false}) {
    TrackerFixture fixture;
    fixture.view.table.push_back(socket(kEstablished, 10));
    fixture.settle();
    fixture.inTable(10).state = kCloseWait;
    if (byDump) ++fixture.view.counter;
    fixture.poll(byDump ? PollReason::kCounterMoved : PollReason::kTracked, byDump ? "ecd" : "eck");
    fixture.view.events = {destroyed(10)};
    REQUIRE(fixture.tracker.poll().ok());
    CHECK(fixture.tracker.seenBetweenPolls() == 0);
  }
}

TEST_CASE("the most recent ports of connections destroyed unseen are kept, oldest first") {
  TrackerFixture fixture;
  fixture.settle();
  CHECK(fixture.tracker.portsBetweenPolls().value().empty());
  fixture.view.events = {destroyed(20, Port{1000}), destroyed(21, Port{1001})};
  fixture.poll(PollReason::kTracked, "eck");
  CHECK(std::ranges::equal(fixture.tracker.portsBetweenPolls().value(),
                           std::vector{Port{1000}, Port{1001}}));

  for (std::uint16_t i = 0; i < 1024; ++i) {
    fixture.view.events.push_back(destroyed(100U + i, static_cast<Port>(2000 + i)));
  }
  REQUIRE(fixture.tracker.poll().ok());
  const auto ports = fixture.tracker.portsBetweenPolls();
  REQUIRE(ports.value().size() == 1024);
  CHECK(ports.value()[0] == Port{2000});
  CHECK(ports.value()[1023] == Port{3023});
  CHECK(fixture.tracker.seenBetweenPolls() == 1026);

  ++fixture.view.counter;
  fixture.view.events = {destroyed(22, Port{0})};
  REQUIRE(fixture.tracker.poll().ok());
  CHECK(fixture.tracker.portsBetweenPolls().value()[0] == Port{2001});
  CHECK(fixture.tracker.portsBetweenPolls().value()[1023] == Port{0});
}

TEST_CASE("a destroyed socket without a peer is counted only if the counter moved") {
  TrackerFixture fixture;
  fixture.settle();
  fixture.view.events = {destroyed(20, Port{0})};
  fixture.poll(PollReason::kTracked, "eck");
  CHECK(fixture.tracker.seenBetweenPolls() == 0);

  ++fixture.view.counter;
  fixture.view.events = {destroyed(21, Port{0})};
  fixture.poll(PollReason::kCounterMoved, "ecd");
  CHECK(fixture.tracker.seenBetweenPolls() == 1);
  fixture.view.events = {destroyed(22, Port{0})};
  fixture.poll(PollReason::kSettling, "ecd");
  CHECK(fixture.tracker.seenBetweenPolls() == 2);
  fixture.poll(PollReason::kTracked, "eck");
  CHECK(fixture.tracker.seenBetweenPolls() == 2);
}

TEST_CASE("what ended without a peer around the first poll is an unknown end, and not counted") {
  TrackerFixture fixture;
  for (int i = 0; i < 2; ++i) {
    fixture.view.events = {destroyed(20, Port{0}, std::nullopt)};
    REQUIRE(fixture.tracker.poll().ok());
    CHECK(fixture.ended() == Ends{{Port{0}, std::nullopt}});
  }
  CHECK(fixture.tracker.seenBetweenPolls() == 0);
}

TEST_CASE("each end of a connection is reported once, with its peer and bytes, seen or not") {
  TrackerFixture fixture;
  fixture.view.table.push_back(socket(kEstablished, 10));
  fixture.view.table.push_back(socket(kEstablished, 11));
  fixture.settle();
  fixture.inTable(11).state = kCloseWait;
  REQUIRE(fixture.tracker.poll().ok());
  fixture.view.events = {destroyed(10, Port{1000}, 500), destroyed(11, Port{1001}, 501),
                         destroyed(20, Port{1002}, 502), destroyed(kListener, Port{0})};
  REQUIRE(fixture.tracker.poll().ok());
  CHECK(fixture.ended() == Ends{{Port{1000}, 500}, {Port{1001}, 501}, {Port{1002}, 502}});
  CHECK(fixture.ended().empty());
}

TEST_CASE(
    "a connection that lost its peer address is reported with the known peer and unknown bytes") {
  for (const bool isInSet : {true, false}) {
    TrackerFixture fixture;
    fixture.view.table.push_back(socket(kEstablished, 10));
    fixture.view.table.back().peer.port = Port{1000};
    fixture.settle();
    if (!isInSet) {
      fixture.remove(10);
      REQUIRE(fixture.tracker.poll().ok());
    }
    fixture.view.events = {destroyed(10, Port{0}, std::nullopt)};
    REQUIRE(fixture.tracker.poll().ok());
    CHECK(fixture.ended() == Ends{{Port{1000}, std::nullopt}});
  }
}

TEST_CASE(
    "a closed listener is not the end of a connection, whether it is in the set or has left it") {
  for (const bool isInSet : {true, false}) {
    TrackerFixture fixture;
    fixture.settle();
    fixture.remove(kListener);
    if (!isInSet) REQUIRE(fixture.tracker.poll().ok());
    fixture.view.events = {destroyed(kListener, Port{0}, std::nullopt)};
    REQUIRE(fixture.tracker.poll().ok());
    CHECK(fixture.ended().empty());
  }
}

TEST_CASE("the end of a connection that may have carried data raises the revision once") {
  TrackerFixture fixture;
  fixture.settle();
  const auto before = fixture.tracker.poll().value();
  fixture.view.events = {destroyed(20, Port{1000}, 0), destroyed(21, Port{1001}, 1)};
  CHECK(fixture.tracker.poll().value() == before);
  fixture.view.events = {destroyed(22, Port{1002}, 2)};
  const auto moved = fixture.tracker.poll().value();
  CHECK(moved != before);
  CHECK(fixture.tracker.poll().value() == moved);
  fixture.view.events = {destroyed(23, Port{1003}, std::nullopt)};
  CHECK(fixture.tracker.poll().value() != moved);
}

TEST_CASE("a counted connection that ended without a known peer is reported as an unknown end") {
  TrackerFixture fixture;
  fixture.settle();
  ++fixture.view.counter;
  fixture.view.events = {destroyed(20, Port{0}, std::nullopt)};
  REQUIRE(fixture.tracker.poll().ok());
  CHECK(fixture.ended() == Ends{{Port{0}, std::nullopt}});
}

TEST_CASE("lost events are reported as an unknown end") {
  TrackerFixture fixture;
  fixture.settle();
  fixture.view.events = {destroyed(20, Port{1000}, 500)};
  fixture.view.loss = EventLoss::kSome;
  REQUIRE(fixture.tracker.poll().ok());
  CHECK(fixture.ended() == Ends{{Port{1000}, 500}, {Port{0}, std::nullopt}});
}

TEST_CASE("ends beyond the limit are merged into one, with the largest byte count") {
  TrackerFixture fixture;
  fixture.settle();
  const auto end = [&](unsigned count, std::optional<std::uint64_t> bytes) {
    for (unsigned i = 0; i < count; ++i) {
      fixture.view.events.push_back(destroyed(100 + i, Port{1000}, bytes));
    }
    REQUIRE(fixture.tracker.poll().ok());
  };
  end(TcpTracker::kMaxEnded, 5);
  end(1, 7);
  end(1, 900);
  end(1, 8);
  auto ended = fixture.ended();
  REQUIRE(ended.size() == TcpTracker::kMaxEnded + 1);
  CHECK(ended[0] == End{Port{1000}, 5});
  CHECK(ended.back() == End{Port{0}, 900});

  end(TcpTracker::kMaxEnded, 5);
  end(1, std::nullopt);
  end(1, 8);
  ended = fixture.ended();
  REQUIRE(ended.size() == TcpTracker::kMaxEnded + 1);
  CHECK(ended.back() == End{Port{0}, std::nullopt});
}

TEST_CASE("the end of a tracked connection requires a poll, that of others does not") {
  TrackerFixture fixture;
  fixture.view.table.push_back(socket(kEstablished, 10));
  fixture.settle();
  fixture.view.events = {destroyed(20)};
  CHECK_FALSE(fixture.tracker.takeDestroyed().value());
  fixture.view.events = {destroyed(10), destroyed(21)};
  CHECK(fixture.tracker.takeDestroyed().value());
  CHECK_FALSE(fixture.tracker.takeDestroyed().value());
  CHECK(fixture.tracker.seenBetweenPolls() == 2);
}

}  // namespace sockdiag::test
