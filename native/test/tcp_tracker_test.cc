#include "sockdiag/tcp_tracker.h"

#include <doctest/doctest.h>

#include <cerrno>

#include "tracker_fixture.h"

// When a poll dumps, and when lookups are enough.

namespace sockdiag::test {

TEST_CASE("the first two polls read the counter and then dump, and the third uses lookups") {
  TrackerFixture fixture;
  fixture.view.table.push_back(socket(kEstablished, 10));
  const auto first = fixture.poll(PollReason::kFirst, "ecd");
  CHECK(fixture.seen() == Cookies{kListener, 10});
  CHECK(fixture.poll(PollReason::kSettling, "ecd") == first);
  CHECK(fixture.poll(PollReason::kTracked, "eck") == first);
  CHECK(fixture.poll(PollReason::kTracked, "eck") == first);
}

TEST_CASE("after the counter moves, this poll and the next one dump") {
  for (const std::uint64_t moved : {101U, 99U, 0U}) {
    CAPTURE(moved);
    TrackerFixture fixture;
    fixture.settle();
    fixture.view.counter = moved;
    fixture.poll(PollReason::kCounterMoved, "ecd");
    fixture.poll(PollReason::kSettling, "ecd");
    fixture.poll(PollReason::kTracked, "eck");
  }
}

TEST_CASE("while the counter keeps moving, every poll dumps") {
  TrackerFixture fixture;
  fixture.settle();
  for (int i = 0; i < 4; ++i) {
    ++fixture.view.counter;
    fixture.poll(PollReason::kCounterMoved, "ecd");
  }
  fixture.poll(PollReason::kSettling, "ecd");
  fixture.poll(PollReason::kTracked, "eck");
}

TEST_CASE("a connection counted before it is in the table is found by the second dump") {
  TrackerFixture fixture;
  fixture.settle();
  ++fixture.view.counter;
  const auto before = fixture.poll(PollReason::kCounterMoved, "ecd");
  CHECK(fixture.seen() == Cookies{kListener});
  fixture.view.table.push_back(socket(kEstablished, 10));
  CHECK(fixture.poll(PollReason::kSettling, "ecd") != before);
  CHECK(fixture.seen() == Cookies{kListener, 10});
}

TEST_CASE("a dump is trusted by the counter value read before it") {
  TrackerFixture fixture;
  fixture.settle();
  static ScriptedView* view = nullptr;
  view = &fixture.view;
  ++fixture.view.counter;
  // A connection during the dump, in a part of the table that was already read.
  fixture.view.beforeDump = [] { ++view->counter; };
  fixture.poll(PollReason::kCounterMoved, "ecd");
  fixture.view.beforeDump = nullptr;
  fixture.poll(PollReason::kCounterMoved, "ecd");
  fixture.poll(PollReason::kSettling, "ecd");
  fixture.poll(PollReason::kTracked, "eck");
}

TEST_CASE("if a listener is gone, the same poll dumps") {
  TrackerFixture fixture;
  fixture.view.table.push_back(socket(kEstablished, 10));
  fixture.settle();
  const auto before = fixture.poll(PollReason::kTracked, "eck");
  fixture.remove(kListener);
  CHECK(fixture.poll(PollReason::kUnexpected, "eckld") == before + 1);
  CHECK(fixture.seen() == Cookies{10});

  TrackerFixture replaced;
  replaced.settle();
  replaced.remove(kListener);
  replaced.view.table.push_back(socket(kListen, 2));
  replaced.poll(PollReason::kUnexpected, "eckld");
  CHECK(replaced.seen() == Cookies{2});
}

TEST_CASE("a listener that lookups cannot find is found by a dump of the listeners alone") {
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
  fixture.poll(PollReason::kUnexpected, "eckld");
}

TEST_CASE("without a listener, every poll checks for a new one") {
  TrackerFixture fixture;
  fixture.view.table.clear();
  CHECK(fixture.poll(PollReason::kFirst, "ecd") == 1);
  fixture.poll(PollReason::kSettling, "ecd");
  const auto before = fixture.poll(PollReason::kTracked, "eckl");
  CHECK(fixture.seen().empty());
  fixture.view.table.push_back(socket(kListen, kListener));
  CHECK(fixture.poll(PollReason::kUnexpected, "eckld") == before + 1);
  CHECK(fixture.seen() == Cookies{kListener});
}

TEST_CASE("if a socket is in an impossible state, the poll dumps") {
  TrackerFixture fixture;
  fixture.view.table.push_back(socket(kEstablished, 10));
  fixture.settle();
  fixture.inTable(10).state = kSynReceived;
  fixture.poll(PollReason::kUnexpected, "eckd");

  TrackerFixture listener;
  listener.settle();
  listener.inTable(kListener).state = kEstablished;
  listener.poll(PollReason::kUnexpected, "eckld");
}

TEST_CASE("without the counter every poll dumps and reports the reason, and none fails") {
  TrackerFixture fixture;
  fixture.settle();
  fixture.view.counterError = ENOENT;
  for (int i = 0; i < 3; ++i) fixture.poll(PollReason::kCounterUnreadable, "ecd");
  fixture.view.counterError = 0;
  fixture.poll(PollReason::kFirst, "ecd");
  fixture.poll(PollReason::kSettling, "ecd");
  fixture.poll(PollReason::kTracked, "eck");
}

TEST_CASE("after any failure the poll fails, and the next one dumps") {
  for (auto ScriptedView::*error : {&ScriptedView::dumpError, &ScriptedView::lookupError}) {
    TrackerFixture fixture;
    fixture.settle();
    fixture.view.*error = EPERM;
    const bool isDump = error == &ScriptedView::dumpError;
    if (isDump) ++fixture.view.counter;
    fixture.checkFails(EPERM, isDump ? "ecdx" : "eckx");
    fixture.view.*error = 0;
    fixture.poll(PollReason::kFirst, "ecd");
    fixture.poll(PollReason::kSettling, "ecd");
    fixture.poll(PollReason::kTracked, "eck");
  }

  TrackerFixture listeners;
  listeners.settle();
  listeners.remove(kListener);
  listeners.view.dumpError = ENOENT;
  listeners.checkFails(ENOENT, "ecklx");
}

TEST_CASE("after lost events the next poll dumps, once") {
  TrackerFixture fixture;
  fixture.settle();
  fixture.view.loss = EventLoss::kSome;
  fixture.poll(PollReason::kEventsLost, "ecd");
  fixture.poll(PollReason::kTracked, "eck");

  fixture.view.loss = EventLoss::kSome;
  CHECK(fixture.tracker.takeDestroyed().value());
  fixture.poll(PollReason::kEventsLost, "ecd");
}

TEST_CASE("polls work without events") {
  TrackerFixture fixture;
  fixture.view.eventError = EPERM;
  fixture.settle();
  CHECK(fixture.tracker.takeDestroyed().failure().error == EPERM);
  CHECK(fixture.tracker.seenBetweenPolls() == 0);
}

TEST_CASE("a set that is too old is replaced by a dump") {
  TrackerFixture fixture;
  fixture.settle();
  fixture.view.time += kMaxAge - std::chrono::milliseconds{10};
  fixture.poll(PollReason::kTracked, "eck");
  // For example one made with TCP_REPAIR, which is not counted.
  fixture.view.table.push_back(socket(kEstablished, 10));
  fixture.view.time += std::chrono::milliseconds{10};
  fixture.poll(PollReason::kOld, "ecd");
  CHECK(fixture.seen() == Cookies{kListener, 10});
  fixture.poll(PollReason::kTracked, "eck");
}

TEST_CASE("while dumps are faster than lookups, polls dump, and occasionally try lookups") {
  TrackerFixture fixture;
  for (std::uint64_t cookie = 10; cookie < 610; ++cookie) {
    fixture.view.table.push_back(socket(kEstablished, cookie));
  }
  fixture.settle();
  for (int i = 0; i < 31; ++i) fixture.poll(PollReason::kCheaper, "ecd");
  fixture.poll(PollReason::kTracked, "eck");
  fixture.poll(PollReason::kCheaper, "ecd");

  fixture.view.table.resize(400);
  fixture.poll(PollReason::kCheaper, "ecd");
  fixture.poll(PollReason::kTracked, "eck");
}

}  // namespace sockdiag::test
