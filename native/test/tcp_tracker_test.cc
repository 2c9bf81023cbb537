#include "sockdiag/tcp_tracker.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>

#include "tracker_fixture.h"

namespace sockdiag::test {

TEST_CASE("two polls walk, with the counter read before, and the third one tracks") {
  TrackerFixture fixture;
  fixture.view.table.push_back(socket(kEstablished, 10));
  const auto first = fixture.poll(PollReason::kFirst, "ecw");
  CHECK(fixture.seen() == Cookies{kListener, 10});
  CHECK(fixture.poll(PollReason::kSettling, "ecw") == first);
  CHECK(fixture.poll(PollReason::kTracked, "eck") == first);
  CHECK(fixture.poll(PollReason::kTracked, "eck") == first);
}

TEST_CASE("a counter that moves has this poll walk, and the next one") {
  for (const std::uint64_t moved : {101U, 99U, 0U}) {
    CAPTURE(moved);
    TrackerFixture fixture;
    fixture.settle();
    fixture.view.counter = moved;
    fixture.poll(PollReason::kCounterMoved, "ecw");
    fixture.poll(PollReason::kSettling, "ecw");
    fixture.poll(PollReason::kTracked, "eck");
  }
}

TEST_CASE("a counter that keeps moving has every poll walk") {
  TrackerFixture fixture;
  fixture.settle();
  for (int i = 0; i < 4; ++i) {
    ++fixture.view.counter;
    fixture.poll(PollReason::kCounterMoved, "ecw");
  }
  fixture.poll(PollReason::kSettling, "ecw");
  fixture.poll(PollReason::kTracked, "eck");
}

TEST_CASE("a connection that is counted before it is in the table is found by the second walk") {
  TrackerFixture fixture;
  fixture.settle();
  ++fixture.view.counter;
  const auto before = fixture.poll(PollReason::kCounterMoved, "ecw");
  CHECK(fixture.seen() == Cookies{kListener});
  fixture.view.table.push_back(socket(kEstablished, 10));
  CHECK(fixture.poll(PollReason::kSettling, "ecw") != before);
  CHECK(fixture.seen() == Cookies{kListener, 10});
}

TEST_CASE("a walk is counterAtDump for by what was read before it") {
  TrackerFixture fixture;
  fixture.settle();
  static ScriptedView* view = nullptr;
  view = &fixture.view;
  ++fixture.view.counter;
  // Taken while the walk is under way, at a place that it has passed.
  fixture.view.beforeDump = [] { ++view->counter; };
  fixture.poll(PollReason::kCounterMoved, "ecw");
  fixture.view.beforeDump = nullptr;
  fixture.poll(PollReason::kCounterMoved, "ecw");
  fixture.poll(PollReason::kSettling, "ecw");
  fixture.poll(PollReason::kTracked, "eck");
}

TEST_CASE("a known connection leaves when it is gone, or half closed") {
  for (const bool isGone : {true, false}) {
    TrackerFixture fixture;
    fixture.view.table.push_back(socket(kEstablished, 10));
    fixture.view.table.push_back(socket(kEstablished, 11));
    fixture.settle();
    const auto before = fixture.poll(PollReason::kTracked, "eck");
    if (isGone) {
      fixture.remove(10);
    } else {
      fixture.inTable(10).state = kCloseWait;
    }
    CHECK(fixture.poll(PollReason::kTracked, "eck") == before + 1);
    CHECK(fixture.seen() == Cookies{kListener, 11});
    CHECK(fixture.poll(PollReason::kTracked, "eck") == before + 1);
  }
}

TEST_CASE("another socket with the place of a known one is not taken for it") {
  TrackerFixture fixture;
  fixture.view.table.push_back(socket(kEstablished, 10));
  fixture.settle();
  fixture.inTable(10).cookie = 12;
  fixture.poll(PollReason::kTracked, "eck");
  CHECK(fixture.seen() == Cookies{kListener});
}

TEST_CASE("a connection in SYN_RECV is kept in mind, unseen, until it is ESTABLISHED") {
  TrackerFixture fixture;
  fixture.view.table.push_back(socket(kSynReceived, 10));
  fixture.settle();
  const auto before = fixture.poll(PollReason::kTracked, "eck");
  CHECK(fixture.seen() == Cookies{kListener});
  // With TCP Fast Open it can be accepted already.
  fixture.inTable(10).inode = 4711;
  CHECK(fixture.poll(PollReason::kTracked, "eck") == before);
  fixture.inTable(10).state = kEstablished;
  CHECK(fixture.poll(PollReason::kTracked, "eck") == before + 1);
  CHECK(fixture.seen() == Cookies{kListener, 10});

  TrackerFixture reset;
  reset.view.table.push_back(socket(kSynReceived, 10));
  reset.settle();
  const auto unseen = reset.poll(PollReason::kTracked, "eck");
  reset.remove(10);
  CHECK(reset.poll(PollReason::kTracked, "eck") == unseen);
}

TEST_CASE("a connection that is accepted gets its inode, which is a change") {
  TrackerFixture fixture;
  fixture.view.table.push_back(socket(kEstablished, 10));
  fixture.inTable(10).inode = 0;
  fixture.settle();
  const auto before = fixture.poll(PollReason::kTracked, "eck");
  fixture.inTable(10).inode = 4711;
  CHECK(fixture.poll(PollReason::kTracked, "eck") == before + 1);
  CHECK(fixture.tracker.sockets().value()[0].inode == 4711);
}

TEST_CASE("a listener that does not stand any more has the same poll walk") {
  TrackerFixture fixture;
  fixture.view.table.push_back(socket(kEstablished, 10));
  fixture.settle();
  const auto before = fixture.poll(PollReason::kTracked, "eck");
  fixture.remove(kListener);
  CHECK(fixture.poll(PollReason::kUnexpected, "ecklw") == before + 1);
  CHECK(fixture.seen() == Cookies{10});

  TrackerFixture replaced;
  replaced.settle();
  replaced.remove(kListener);
  replaced.view.table.push_back(socket(kListen, 2));
  replaced.poll(PollReason::kUnexpected, "ecklw");
  CHECK(replaced.seen() == Cookies{2});
}

TEST_CASE("a listener that no lookup finds is seen by a walk over the listeners alone") {
  TrackerFixture fixture;
  fixture.view.table.push_back(socket(kListen, 2));
  fixture.view.table.push_back(socket(kEstablished, 10));
  fixture.view.hiddenFromLookup = 2;
  for (int i = 0; i < 2; ++i) REQUIRE(fixture.tracker.poll().ok());
  const auto before = fixture.poll(PollReason::kTracked, "eckl");
  CHECK(fixture.seen() == Cookies{kListener, 2, 10});
  fixture.remove(10);
  CHECK(fixture.poll(PollReason::kTracked, "eckl") == before + 1);
  fixture.remove(2);
  fixture.poll(PollReason::kUnexpected, "ecklw");
}

TEST_CASE("where nothing listens, every poll looks whether somebody does now") {
  TrackerFixture fixture;
  fixture.view.table.clear();
  CHECK(fixture.poll(PollReason::kFirst, "ecw") == 1);
  fixture.poll(PollReason::kSettling, "ecw");
  const auto before = fixture.poll(PollReason::kTracked, "eckl");
  CHECK(fixture.seen().empty());
  fixture.view.table.push_back(socket(kListen, kListener));
  CHECK(fixture.poll(PollReason::kUnexpected, "ecklw") == before + 1);
  CHECK(fixture.seen() == Cookies{kListener});
}

TEST_CASE("a state that a socket cannot have come to has the poll walk") {
  TrackerFixture fixture;
  fixture.view.table.push_back(socket(kEstablished, 10));
  fixture.settle();
  fixture.inTable(10).state = kSynReceived;
  fixture.poll(PollReason::kUnexpected, "eckw");

  TrackerFixture listener;
  listener.settle();
  listener.inTable(kListener).state = kEstablished;
  listener.poll(PollReason::kUnexpected, "ecklw");
}

TEST_CASE("without the counter every poll walks and says so, and none fails") {
  TrackerFixture fixture;
  fixture.settle();
  fixture.view.counterError = ENOENT;
  for (int i = 0; i < 3; ++i) fixture.poll(PollReason::kCounterUnreadable, "ecw");
  fixture.view.counterError = 0;
  fixture.poll(PollReason::kFirst, "ecw");
  fixture.poll(PollReason::kSettling, "ecw");
  fixture.poll(PollReason::kTracked, "eck");
}

TEST_CASE("whatever fails, the poll fails, and the next one takes nothing for granted") {
  for (auto ScriptedView::*error : {&ScriptedView::dumpError, &ScriptedView::lookupError}) {
    TrackerFixture fixture;
    fixture.settle();
    fixture.view.*error = EPERM;
    const bool isDump = error == &ScriptedView::dumpError;
    if (isDump) ++fixture.view.counter;
    fixture.checkFails(EPERM, isDump ? "ecwd" : "eckd");
    fixture.view.*error = 0;
    fixture.poll(PollReason::kFirst, "ecw");
    fixture.poll(PollReason::kSettling, "ecw");
    fixture.poll(PollReason::kTracked, "eck");
  }

  TrackerFixture listeners;
  listeners.settle();
  listeners.remove(kListener);
  listeners.view.dumpError = ENOENT;
  listeners.checkFails(ENOENT, "eckld");
}

TEST_CASE("a failed poll leaves what was seen, and a change is told by the next one") {
  TrackerFixture fixture;
  fixture.view.table.push_back(socket(kEstablished, 10));
  fixture.settle();
  const auto before = fixture.poll(PollReason::kTracked, "eck");
  fixture.remove(10);
  fixture.view.lookupError = ENOBUFS;
  fixture.checkFails(ENOBUFS, "eckd");
  CHECK(fixture.seen() == Cookies{kListener, 10});
  fixture.view.lookupError = 0;
  CHECK(fixture.poll(PollReason::kFirst, "ecw") == before + 1);
  CHECK(fixture.seen() == Cookies{kListener});
}

TEST_CASE("lost events have the next poll walk, once") {
  TrackerFixture fixture;
  fixture.settle();
  fixture.view.loss = EventLoss::kSome;
  fixture.poll(PollReason::kEventsLost, "ecw");
  fixture.poll(PollReason::kTracked, "eck");

  fixture.view.loss = EventLoss::kSome;
  CHECK(fixture.tracker.takeDestroyed().value());
  fixture.poll(PollReason::kEventsLost, "ecw");
}

TEST_CASE("events that are not to be had cost the polls nothing") {
  TrackerFixture fixture;
  fixture.view.eventError = EPERM;
  fixture.settle();
  CHECK(fixture.tracker.takeDestroyed().failure().error == EPERM);
  CHECK(fixture.tracker.seenBetweenPolls() == 0);
}

TEST_CASE("a set of a certain age is dumped again") {
  TrackerFixture fixture;
  fixture.settle();
  fixture.view.time += kMaxAge - std::chrono::milliseconds{10};
  fixture.poll(PollReason::kTracked, "eck");
  // Such as one made with TCP_REPAIR, which nothing counts.
  fixture.view.table.push_back(socket(kEstablished, 10));
  fixture.view.time += std::chrono::milliseconds{10};
  fixture.poll(PollReason::kOld, "ecw");
  CHECK(fixture.seen() == Cookies{kListener, 10});
  fixture.poll(PollReason::kTracked, "eck");
}

TEST_CASE("where lookups would take longer than a walk, polls walk, and now and then try again") {
  TrackerFixture fixture;
  for (std::uint64_t cookie = 10; cookie < 610; ++cookie) {
    fixture.view.table.push_back(socket(kEstablished, cookie));
  }
  fixture.settle();
  for (int i = 0; i < 31; ++i) fixture.poll(PollReason::kCheaper, "ecw");
  fixture.poll(PollReason::kTracked, "eck");
  fixture.poll(PollReason::kCheaper, "ecw");

  fixture.view.table.resize(400);
  fixture.poll(PollReason::kCheaper, "ecw");
  fixture.poll(PollReason::kTracked, "eck");
}

TEST_CASE("a socket that a walk brings twice is one") {
  TrackerFixture fixture;
  fixture.view.table = {socket(kListen, kListener), socket(kEstablished, 10),
                        socket(kEstablished, 10)};
  REQUIRE(fixture.tracker.poll().ok());
  CHECK(fixture.seen() == Cookies{kListener, 10});
}

TEST_CASE("the order of a walk is no change") {
  TrackerFixture fixture;
  fixture.view.table = {socket(kListen, kListener), socket(kEstablished, 10),
                        socket(kEstablished, 11)};
  const auto first = fixture.poll(PollReason::kFirst, "ecw");
  std::ranges::reverse(fixture.view.table);
  CHECK(fixture.poll(PollReason::kSettling, "ecw") == first);
}

TEST_CASE("traffic is asked for on demand, and unknown of what has gone since the poll") {
  TrackerFixture fixture;
  fixture.view.table.push_back(socket(kEstablished, 10));
  fixture.view.table.push_back(socket(kEstablished, 11));
  fixture.settle();
  fixture.remove(11);
  const auto sockets = fixture.tracker.socketsWithTraffic();
  CHECK(fixture.view.takeCalls() == "t");
  REQUIRE(sockets.value().size() == 3);
  CHECK(sockets.value()[0].bytesReceived == 7U);
  CHECK_FALSE(sockets.value()[1].bytesReceived.has_value());

  fixture.view.lookupError = EPERM;
  CHECK(fixture.tracker.socketsWithTraffic().failure().error == EPERM);
}

}  // namespace sockdiag::test
