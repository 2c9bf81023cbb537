#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>

#include "sockdiag/tcp_tracker.h"
#include "tracker_fixture.h"

// Which sockets a poll reports, and when the revision changes.

namespace sockdiag::test {

TEST_CASE("a tracked connection is removed when it is gone or half-closed") {
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

TEST_CASE("another socket with the same addresses does not replace a tracked one") {
  TrackerFixture fixture;
  fixture.view.table.push_back(socket(kEstablished, 10));
  fixture.settle();
  fixture.inTable(10).cookie = 12;
  fixture.poll(PollReason::kTracked, "eck");
  CHECK(fixture.seen() == Cookies{kListener});
}

TEST_CASE("a connection in SYN_RECV is tracked, but not visible until it is ESTABLISHED") {
  TrackerFixture fixture;
  fixture.view.table.push_back(socket(kSynReceived, 10));
  fixture.settle();
  const auto before = fixture.poll(PollReason::kTracked, "eck");
  CHECK(fixture.seen() == Cookies{kListener});
  // With TCP Fast Open it can already be accepted.
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

TEST_CASE("an accepted connection gets its inode, which is a change") {
  TrackerFixture fixture;
  fixture.view.table.push_back(socket(kEstablished, 10));
  fixture.inTable(10).inode = 0;
  fixture.settle();
  const auto before = fixture.poll(PollReason::kTracked, "eck");
  fixture.inTable(10).inode = 4711;
  CHECK(fixture.poll(PollReason::kTracked, "eck") == before + 1);
  CHECK(fixture.tracker.sockets().value()[0].inode == 4711);
}

TEST_CASE("a failed poll leaves the sockets unchanged, and the next one reports the change") {
  TrackerFixture fixture;
  fixture.view.table.push_back(socket(kEstablished, 10));
  fixture.settle();
  const auto before = fixture.poll(PollReason::kTracked, "eck");
  fixture.remove(10);
  fixture.view.lookupError = ENOBUFS;
  fixture.checkFails(ENOBUFS, "eckx");
  CHECK(fixture.seen() == Cookies{kListener, 10});
  fixture.view.lookupError = 0;
  CHECK(fixture.poll(PollReason::kFirst, "ecd") == before + 1);
  CHECK(fixture.seen() == Cookies{kListener});
}

TEST_CASE("a socket listed twice by a dump is one socket") {
  TrackerFixture fixture;
  fixture.view.table = {socket(kListen, kListener), socket(kEstablished, 10),
                        socket(kEstablished, 10)};
  REQUIRE(fixture.tracker.poll().ok());
  CHECK(fixture.seen() == Cookies{kListener, 10});
}

TEST_CASE("a different order of a dump is not a change") {
  TrackerFixture fixture;
  fixture.view.table = {socket(kListen, kListener), socket(kEstablished, 10),
                        socket(kEstablished, 11)};
  const auto first = fixture.poll(PollReason::kFirst, "ecd");
  std::ranges::reverse(fixture.view.table);
  CHECK(fixture.poll(PollReason::kSettling, "ecd") == first);
}

}  // namespace sockdiag::test
