#include "sockdiag/tcp_tracker.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>

#include "tracker_watch.h"

namespace sockdiag::test {

TEST_CASE("two polls walk, with the counter read before, and the third one tracks") {
  Watch watch;
  watch.view.table.push_back(socket(kEstablished, 10));
  const auto first = watch.poll(PollReason::kFirst, "ecw");
  CHECK(watch.seen() == Cookies{kListener, 10});
  CHECK(watch.poll(PollReason::kSettling, "ecw") == first);
  CHECK(watch.poll(PollReason::kTracked, "eck") == first);
  CHECK(watch.poll(PollReason::kTracked, "eck") == first);
}

TEST_CASE("a counter that moves has this poll walk, and the next one") {
  for (const std::uint64_t moved : {101U, 99U, 0U}) {
    CAPTURE(moved);
    Watch watch;
    watch.settle();
    watch.view.counter = moved;
    watch.poll(PollReason::kCounterMoved, "ecw");
    watch.poll(PollReason::kSettling, "ecw");
    watch.poll(PollReason::kTracked, "eck");
  }
}

TEST_CASE("a counter that keeps moving has every poll walk") {
  Watch watch;
  watch.settle();
  for (int i = 0; i < 4; ++i) {
    ++watch.view.counter;
    watch.poll(PollReason::kCounterMoved, "ecw");
  }
  watch.poll(PollReason::kSettling, "ecw");
  watch.poll(PollReason::kTracked, "eck");
}

TEST_CASE("a connection that is counted before it is in the table is found by the second walk") {
  Watch watch;
  watch.settle();
  ++watch.view.counter;
  const auto before = watch.poll(PollReason::kCounterMoved, "ecw");
  CHECK(watch.seen() == Cookies{kListener});
  watch.view.table.push_back(socket(kEstablished, 10));
  CHECK(watch.poll(PollReason::kSettling, "ecw") != before);
  CHECK(watch.seen() == Cookies{kListener, 10});
}

TEST_CASE("a walk is vouched for by what was read before it") {
  Watch watch;
  watch.settle();
  static ScriptedView* view = nullptr;
  view = &watch.view;
  ++watch.view.counter;
  // Taken while the walk is under way, at a place that it has passed.
  watch.view.beforeWalk = [] { ++view->counter; };
  watch.poll(PollReason::kCounterMoved, "ecw");
  watch.view.beforeWalk = nullptr;
  watch.poll(PollReason::kCounterMoved, "ecw");
  watch.poll(PollReason::kSettling, "ecw");
  watch.poll(PollReason::kTracked, "eck");
}

TEST_CASE("a known connection leaves when it is gone, or half closed") {
  for (const bool isGone : {true, false}) {
    Watch watch;
    watch.view.table.push_back(socket(kEstablished, 10));
    watch.view.table.push_back(socket(kEstablished, 11));
    watch.settle();
    const auto before = watch.poll(PollReason::kTracked, "eck");
    if (isGone) {
      watch.remove(10);
    } else {
      watch.inTable(10).state = kCloseWait;
    }
    CHECK(watch.poll(PollReason::kTracked, "eck") == before + 1);
    CHECK(watch.seen() == Cookies{kListener, 11});
    CHECK(watch.poll(PollReason::kTracked, "eck") == before + 1);
  }
}

TEST_CASE("another socket with the place of a known one is not taken for it") {
  Watch watch;
  watch.view.table.push_back(socket(kEstablished, 10));
  watch.settle();
  watch.inTable(10).cookie = 12;
  watch.poll(PollReason::kTracked, "eck");
  CHECK(watch.seen() == Cookies{kListener});
}

TEST_CASE("a connection in SYN_RECV is kept in mind, unseen, until it is ESTABLISHED") {
  Watch watch;
  watch.view.table.push_back(socket(kSynReceived, 10));
  watch.settle();
  const auto before = watch.poll(PollReason::kTracked, "eck");
  CHECK(watch.seen() == Cookies{kListener});
  // With TCP Fast Open it can be accepted already.
  watch.inTable(10).inode = 4711;
  CHECK(watch.poll(PollReason::kTracked, "eck") == before);
  watch.inTable(10).state = kEstablished;
  CHECK(watch.poll(PollReason::kTracked, "eck") == before + 1);
  CHECK(watch.seen() == Cookies{kListener, 10});

  Watch reset;
  reset.view.table.push_back(socket(kSynReceived, 10));
  reset.settle();
  const auto unseen = reset.poll(PollReason::kTracked, "eck");
  reset.remove(10);
  CHECK(reset.poll(PollReason::kTracked, "eck") == unseen);
}

TEST_CASE("a connection that is accepted gets its inode, which is a change") {
  Watch watch;
  watch.view.table.push_back(socket(kEstablished, 10));
  watch.inTable(10).inode = 0;
  watch.settle();
  const auto before = watch.poll(PollReason::kTracked, "eck");
  watch.inTable(10).inode = 4711;
  CHECK(watch.poll(PollReason::kTracked, "eck") == before + 1);
  CHECK(watch.tracker.sockets().value()[0].inode == 4711);
}

TEST_CASE("a listener that does not stand any more has the same poll walk") {
  Watch watch;
  watch.view.table.push_back(socket(kEstablished, 10));
  watch.settle();
  const auto before = watch.poll(PollReason::kTracked, "eck");
  watch.remove(kListener);
  CHECK(watch.poll(PollReason::kUnexpected, "ecklw") == before + 1);
  CHECK(watch.seen() == Cookies{10});

  Watch replaced;
  replaced.settle();
  replaced.remove(kListener);
  replaced.view.table.push_back(socket(kListen, 2));
  replaced.poll(PollReason::kUnexpected, "ecklw");
  CHECK(replaced.seen() == Cookies{2});
}

TEST_CASE("a listener that no lookup finds is seen by a walk over the listeners alone") {
  Watch watch;
  watch.view.table.push_back(socket(kListen, 2));
  watch.view.table.push_back(socket(kEstablished, 10));
  watch.view.hiddenFromLookup = 2;
  for (int i = 0; i < 2; ++i) REQUIRE(watch.tracker.poll().ok());
  const auto before = watch.poll(PollReason::kTracked, "eckl");
  CHECK(watch.seen() == Cookies{kListener, 2, 10});
  watch.remove(10);
  CHECK(watch.poll(PollReason::kTracked, "eckl") == before + 1);
  watch.remove(2);
  watch.poll(PollReason::kUnexpected, "ecklw");
}

TEST_CASE("where nothing listens, every poll looks whether somebody does now") {
  Watch watch;
  watch.view.table.clear();
  CHECK(watch.poll(PollReason::kFirst, "ecw") == 1);
  watch.poll(PollReason::kSettling, "ecw");
  const auto before = watch.poll(PollReason::kTracked, "eckl");
  CHECK(watch.seen().empty());
  watch.view.table.push_back(socket(kListen, kListener));
  CHECK(watch.poll(PollReason::kUnexpected, "ecklw") == before + 1);
  CHECK(watch.seen() == Cookies{kListener});
}

TEST_CASE("a state that a socket cannot have come to has the poll walk") {
  Watch watch;
  watch.view.table.push_back(socket(kEstablished, 10));
  watch.settle();
  watch.inTable(10).state = kSynReceived;
  watch.poll(PollReason::kUnexpected, "eckw");

  Watch listener;
  listener.settle();
  listener.inTable(kListener).state = kEstablished;
  listener.poll(PollReason::kUnexpected, "ecklw");
}

TEST_CASE("without the counter every poll walks and says so, and none fails") {
  Watch watch;
  watch.settle();
  watch.view.counterError = ENOENT;
  for (int i = 0; i < 3; ++i) watch.poll(PollReason::kCounterUnreadable, "ecw");
  watch.view.counterError = 0;
  watch.poll(PollReason::kFirst, "ecw");
  watch.poll(PollReason::kSettling, "ecw");
  watch.poll(PollReason::kTracked, "eck");
}

TEST_CASE("whatever fails, the poll fails, and the next one takes nothing for granted") {
  for (auto ScriptedView::*error : {&ScriptedView::walkError, &ScriptedView::lookupError}) {
    Watch watch;
    watch.settle();
    watch.view.*error = EPERM;
    const bool isWalk = error == &ScriptedView::walkError;
    if (isWalk) ++watch.view.counter;
    watch.checkFails(EPERM, isWalk ? "ecwd" : "eckd");
    watch.view.*error = 0;
    watch.poll(PollReason::kFirst, "ecw");
    watch.poll(PollReason::kSettling, "ecw");
    watch.poll(PollReason::kTracked, "eck");
  }

  Watch listeners;
  listeners.settle();
  listeners.remove(kListener);
  listeners.view.walkError = ENOENT;
  listeners.checkFails(ENOENT, "eckld");
}

TEST_CASE("a failed poll leaves what was seen, and a change is told by the next one") {
  Watch watch;
  watch.view.table.push_back(socket(kEstablished, 10));
  watch.settle();
  const auto before = watch.poll(PollReason::kTracked, "eck");
  watch.remove(10);
  watch.view.lookupError = ENOBUFS;
  watch.checkFails(ENOBUFS, "eckd");
  CHECK(watch.seen() == Cookies{kListener, 10});
  watch.view.lookupError = 0;
  CHECK(watch.poll(PollReason::kFirst, "ecw") == before + 1);
  CHECK(watch.seen() == Cookies{kListener});
}

TEST_CASE("lost events have the next poll walk, once") {
  Watch watch;
  watch.settle();
  watch.view.loss = EventLoss::kSome;
  watch.poll(PollReason::kEventsLost, "ecw");
  watch.poll(PollReason::kTracked, "eck");

  watch.view.loss = EventLoss::kSome;
  CHECK(watch.tracker.takeDestroyed().value());
  watch.poll(PollReason::kEventsLost, "ecw");
}

TEST_CASE("events that are not to be had cost the polls nothing") {
  Watch watch;
  watch.view.eventError = EPERM;
  watch.settle();
  CHECK(watch.tracker.takeDestroyed().failure().error == EPERM);
  CHECK(watch.tracker.seenBetweenPolls() == 0);
}

TEST_CASE("a set of a certain age is walked again") {
  Watch watch;
  watch.settle();
  watch.view.time += kMaxAge - std::chrono::milliseconds{10};
  watch.poll(PollReason::kTracked, "eck");
  // Such as one made with TCP_REPAIR, which nothing counts.
  watch.view.table.push_back(socket(kEstablished, 10));
  watch.view.time += std::chrono::milliseconds{10};
  watch.poll(PollReason::kOld, "ecw");
  CHECK(watch.seen() == Cookies{kListener, 10});
  watch.poll(PollReason::kTracked, "eck");
}

TEST_CASE("where lookups would take longer than a walk, polls walk, and now and then try again") {
  Watch watch;
  for (std::uint64_t cookie = 10; cookie < 610; ++cookie) {
    watch.view.table.push_back(socket(kEstablished, cookie));
  }
  watch.settle();
  for (int i = 0; i < 31; ++i) watch.poll(PollReason::kCheaper, "ecw");
  watch.poll(PollReason::kTracked, "eck");
  watch.poll(PollReason::kCheaper, "ecw");

  watch.view.table.resize(400);
  watch.poll(PollReason::kCheaper, "ecw");
  watch.poll(PollReason::kTracked, "eck");
}

TEST_CASE("a socket that a walk brings twice is one") {
  Watch watch;
  watch.view.table = {socket(kListen, kListener), socket(kEstablished, 10),
                      socket(kEstablished, 10)};
  REQUIRE(watch.tracker.poll().ok());
  CHECK(watch.seen() == Cookies{kListener, 10});
}

TEST_CASE("the order of a walk is no change") {
  Watch watch;
  watch.view.table = {socket(kListen, kListener), socket(kEstablished, 10),
                      socket(kEstablished, 11)};
  const auto first = watch.poll(PollReason::kFirst, "ecw");
  std::ranges::reverse(watch.view.table);
  CHECK(watch.poll(PollReason::kSettling, "ecw") == first);
}

TEST_CASE("traffic is asked for on demand, and unknown of what has gone since the poll") {
  Watch watch;
  watch.view.table.push_back(socket(kEstablished, 10));
  watch.view.table.push_back(socket(kEstablished, 11));
  watch.settle();
  watch.remove(11);
  const auto sockets = watch.tracker.socketsWithTraffic();
  CHECK(watch.view.takeAsked() == "t");
  REQUIRE(sockets.value().size() == 3);
  CHECK(sockets.value()[0].bytesReceived == 7U);
  CHECK_FALSE(sockets.value()[1].bytesReceived.has_value());

  watch.view.lookupError = EPERM;
  CHECK(watch.tracker.socketsWithTraffic().failure().error == EPERM);
}

}  // namespace sockdiag::test
