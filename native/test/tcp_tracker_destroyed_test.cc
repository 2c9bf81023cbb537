#include <doctest/doctest.h>

#include <algorithm>
#include <utility>

#include "sockdiag/tcp_tracker.h"
#include "tracker_watch.h"

namespace sockdiag::test {

using Ends = std::vector<End>;

TEST_CASE("what was destroyed without ever having been seen is counted") {
  Watch watch;
  watch.view.table.push_back(socket(kEstablished, 10));
  watch.settle();
  watch.view.events = {destroyed(20), destroyed(21), destroyed(10), destroyed(kListener, Port{0})};
  watch.poll(PollReason::kTracked, "eck");
  CHECK(watch.tracker.seenBetweenPolls() == 2);
}

TEST_CASE("what was destroyed before it was ESTABLISHED at any poll is counted") {
  Watch watch;
  watch.view.table.push_back(socket(kSynReceived, 10));
  watch.settle();
  watch.view.events = {destroyed(10)};
  CHECK_FALSE(watch.tracker.takeDestroyed().value());
  CHECK(watch.tracker.seenBetweenPolls() == 1);

  watch.view.table.push_back(socket(kSynReceived, 11));
  ++watch.view.counter;
  REQUIRE(watch.tracker.poll().ok());
  watch.remove(11);
  REQUIRE(watch.tracker.poll().ok());
  watch.view.events = {destroyed(11)};
  REQUIRE(watch.tracker.poll().ok());
  CHECK(watch.tracker.seenBetweenPolls() == 2);
}

TEST_CASE("what has left the set before it was destroyed is not counted") {
  for (const bool byWalk : {true, false}) {
    Watch watch;
    watch.view.table.push_back(socket(kEstablished, 10));
    watch.settle();
    watch.inTable(10).state = kCloseWait;
    if (byWalk) ++watch.view.counter;
    watch.poll(byWalk ? PollReason::kCounterMoved : PollReason::kTracked, byWalk ? "ecw" : "eck");
    watch.view.events = {destroyed(10)};
    REQUIRE(watch.tracker.poll().ok());
    CHECK(watch.tracker.seenBetweenPolls() == 0);
  }
}

TEST_CASE("of those that were destroyed unseen, the latest ports are kept, the oldest first") {
  Watch watch;
  watch.settle();
  CHECK(watch.tracker.portsBetweenPolls().value().empty());
  watch.view.events = {destroyed(20, Port{1000}), destroyed(21, Port{1001})};
  watch.poll(PollReason::kTracked, "eck");
  CHECK(std::ranges::equal(watch.tracker.portsBetweenPolls().value(),
                           std::vector{Port{1000}, Port{1001}}));

  for (std::uint16_t i = 0; i < 1024; ++i) {
    watch.view.events.push_back(destroyed(100U + i, static_cast<Port>(2000 + i)));
  }
  REQUIRE(watch.tracker.poll().ok());
  const auto ports = watch.tracker.portsBetweenPolls();
  REQUIRE(ports.value().size() == 1024);
  CHECK(ports.value()[0] == Port{2000});
  CHECK(ports.value()[1023] == Port{3023});
  CHECK(watch.tracker.seenBetweenPolls() == 1026);

  ++watch.view.counter;
  watch.view.events = {destroyed(22, Port{0})};
  REQUIRE(watch.tracker.poll().ok());
  CHECK(watch.tracker.portsBetweenPolls().value()[0] == Port{2001});
  CHECK(watch.tracker.portsBetweenPolls().value()[1023] == Port{0});
}

TEST_CASE("a destroyed socket without a peer counts only if a connection was taken") {
  Watch watch;
  watch.settle();
  watch.view.events = {destroyed(20, Port{0})};
  watch.poll(PollReason::kTracked, "eck");
  CHECK(watch.tracker.seenBetweenPolls() == 0);

  ++watch.view.counter;
  watch.view.events = {destroyed(21, Port{0})};
  watch.poll(PollReason::kCounterMoved, "ecw");
  CHECK(watch.tracker.seenBetweenPolls() == 1);
  watch.view.events = {destroyed(22, Port{0})};
  watch.poll(PollReason::kSettling, "ecw");
  CHECK(watch.tracker.seenBetweenPolls() == 2);
  watch.poll(PollReason::kTracked, "eck");
  CHECK(watch.tracker.seenBetweenPolls() == 2);
}

TEST_CASE("each end of a connection is told once, with its peer and its bytes, seen or not") {
  Watch watch;
  watch.view.table.push_back(socket(kEstablished, 10));
  watch.view.table.push_back(socket(kEstablished, 11));
  watch.settle();
  watch.inTable(11).state = kCloseWait;
  REQUIRE(watch.tracker.poll().ok());
  watch.view.events = {destroyed(10, Port{1000}, 500), destroyed(11, Port{1001}, 501),
                       destroyed(20, Port{1002}, 502), destroyed(kListener, Port{0})};
  REQUIRE(watch.tracker.poll().ok());
  CHECK(watch.ended() == Ends{{Port{1000}, 500}, {Port{1001}, 501}, {Port{1002}, 502}});
  CHECK(watch.ended().empty());
}

TEST_CASE(
    "of a connection that has forgotten its peer, that is known from before, its bytes are not") {
  for (const bool isInSet : {true, false}) {
    Watch watch;
    watch.view.table.push_back(socket(kEstablished, 10));
    watch.view.table.back().peer.port = Port{1000};
    watch.settle();
    if (!isInSet) {
      watch.remove(10);
      REQUIRE(watch.tracker.poll().ok());
    }
    watch.view.events = {destroyed(10, Port{0}, std::nullopt)};
    REQUIRE(watch.tracker.poll().ok());
    CHECK(watch.ended() == Ends{{Port{1000}, std::nullopt}});
  }
}

TEST_CASE(
    "a listener that closes is no connection's end, whether it is in the set or has left it") {
  for (const bool isInSet : {true, false}) {
    Watch watch;
    watch.settle();
    watch.remove(kListener);
    if (!isInSet) REQUIRE(watch.tracker.poll().ok());
    watch.view.events = {destroyed(kListener, Port{0}, std::nullopt)};
    REQUIRE(watch.tracker.poll().ok());
    CHECK(watch.ended().empty());
  }
}

TEST_CASE("the end of a connection that may have brought bytes raises the revision once") {
  Watch watch;
  watch.settle();
  const auto before = watch.tracker.poll().value();
  watch.view.events = {destroyed(20, Port{1000}, 0), destroyed(21, Port{1001}, 1)};
  CHECK(watch.tracker.poll().value() == before);
  watch.view.events = {destroyed(22, Port{1002}, 2)};
  const auto moved = watch.tracker.poll().value();
  CHECK(moved != before);
  CHECK(watch.tracker.poll().value() == moved);
  watch.view.events = {destroyed(23, Port{1003}, std::nullopt)};
  CHECK(watch.tracker.poll().value() != moved);
}

TEST_CASE("a taken connection that ended without a name is told as one of which nothing is known") {
  Watch watch;
  watch.settle();
  ++watch.view.counter;
  watch.view.events = {destroyed(20, Port{0}, std::nullopt)};
  REQUIRE(watch.tracker.poll().ok());
  CHECK(watch.ended() == Ends{{Port{0}, std::nullopt}});
}

TEST_CASE("lost events are told as an end of which nothing is known") {
  Watch watch;
  watch.settle();
  watch.view.events = {destroyed(20, Port{1000}, 500)};
  watch.view.loss = EventLoss::kSome;
  REQUIRE(watch.tracker.poll().ok());
  CHECK(watch.ended() == Ends{{Port{1000}, 500}, {Port{0}, std::nullopt}});
}

TEST_CASE(
    "of many ends that nobody takes, those beyond the first are told as one, by the most bytes") {
  Watch watch;
  watch.settle();
  const auto end = [&](unsigned count, std::optional<std::uint64_t> bytes) {
    for (unsigned i = 0; i < count; ++i) {
      watch.view.events.push_back(destroyed(100 + i, Port{1000}, bytes));
    }
    REQUIRE(watch.tracker.poll().ok());
  };
  end(TcpTracker::kKeptEndings, 5);
  end(1, 7);
  end(1, 900);
  end(1, 8);
  auto ended = watch.ended();
  REQUIRE(ended.size() == TcpTracker::kKeptEndings + 1);
  CHECK(ended[0] == End{Port{1000}, 5});
  CHECK(ended.back() == End{Port{0}, 900});

  end(TcpTracker::kKeptEndings, 5);
  end(1, std::nullopt);
  end(1, 8);
  ended = watch.ended();
  REQUIRE(ended.size() == TcpTracker::kKeptEndings + 1);
  CHECK(ended.back() == End{Port{0}, std::nullopt});
}

TEST_CASE("the end of a member is a reason to poll, that of others is none") {
  Watch watch;
  watch.view.table.push_back(socket(kEstablished, 10));
  watch.settle();
  watch.view.events = {destroyed(20)};
  CHECK_FALSE(watch.tracker.takeDestroyed().value());
  watch.view.events = {destroyed(10), destroyed(21)};
  CHECK(watch.tracker.takeDestroyed().value());
  CHECK_FALSE(watch.tracker.takeDestroyed().value());
  CHECK(watch.tracker.seenBetweenPolls() == 2);
}

}  // namespace sockdiag::test
