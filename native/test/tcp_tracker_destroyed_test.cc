#include <doctest/doctest.h>

#include <algorithm>
#include <utility>

#include "sockdiag/tcp_tracker.h"
#include "tracker_watch.h"

namespace sockdiag::test {

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
