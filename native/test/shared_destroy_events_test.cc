#include "sockdiag/shared_destroy_events.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <vector>

#include "scripted_events.h"

namespace sockdiag::test {

namespace {

constexpr Port kOne{1001};
constexpr Port kOther{1002};
constexpr Port kUnwatched{1003};

using Ports = std::vector<Port>;

class CollectingSink final : public DestroyedSink {
 public:
  void destroyed(const TcpSocket& socket) override { ports.push_back(socket.local.port); }

  Ports ports;
};

class CountingWaker final : public SharedDestroyEvents::Waker {
 public:
  void wake() override { ++count; }

  int count = 0;
};

struct Fixture {
  void arrive(Port port) { source.queue.push_back(destroyEvent(port)); }
  void overflow() { source.queue.push_back({.bytes = {}, .error = ENOBUFS}); }

  ScriptedEvents source;
  SharedDestroyEvents shared{source};
};

/// An opened queue and what it has got.
struct Owner {
  Owner(Fixture& fixture, Port port) : queue(fixture.shared, port) { REQUIRE(queue.open().ok()); }

  EventLoss take() {
    const auto taken = queue.take(sink);
    REQUIRE(taken.ok());
    return taken.value();
  }
  void checkFails(int error) {
    const auto taken = queue.take(sink);
    REQUIRE_FALSE(taken.ok());
    CHECK(taken.failure().error == error);
  }

  CollectingSink sink;
  DestroyEventQueue queue;
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "each queue gets the events of its port, whichever reads the source") {
  Owner one{*this, kOne};
  Owner other{*this, kOther};
  Owner twin{*this, kOne};
  for (const auto port : {kOne, kUnwatched, kOther, kOne}) arrive(port);
  CHECK(other.take() == EventLoss::kNone);
  CHECK(other.sink.ports == Ports{kOther});
  CHECK(source.queue.empty());
  CHECK(one.take() == EventLoss::kNone);
  CHECK(one.sink.ports == Ports{kOne, kOne});
  twin.take();
  CHECK(twin.sink.ports == Ports{kOne, kOne});

  one.take();
  other.take();
  CHECK(one.sink.ports.size() == 2);
  CHECK(other.sink.ports.size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "the source passes the ports of all open queues, each once") {
  Owner other{*this, kOther};
  CHECK(source.ports == Ports{kOther});
  {
    Owner one{*this, kOne};
    Owner twin{*this, kOne};
    CHECK(source.ports == Ports{kOne, kOther});
  }
  CHECK(source.ports == Ports{kOther});
}

TEST_CASE_FIXTURE(Fixture, "a loss reaches every queue, once") {
  Owner one{*this, kOne};
  Owner other{*this, kOther};
  overflow();
  arrive(kOne);
  CHECK(one.take() == EventLoss::kSome);
  CHECK(one.sink.ports == Ports{kOne});
  CHECK(one.take() == EventLoss::kNone);
  CHECK(other.take() == EventLoss::kSome);
  CHECK(other.take() == EventLoss::kNone);
}

TEST_CASE_FIXTURE(Fixture, "a queue gets no event and no loss from before it was opened") {
  Owner one{*this, kOne};
  arrive(kOne);
  overflow();
  Owner late{*this, kOne};
  arrive(kOne);
  CHECK(late.take() == EventLoss::kNone);
  CHECK(late.sink.ports == Ports{kOne});
  CHECK(one.take() == EventLoss::kSome);
  CHECK(one.sink.ports == Ports{kOne, kOne});
}

TEST_CASE_FIXTURE(Fixture,
                  "a queue that nobody takes from is bounded, and says that it lost events") {
  Owner idle{*this, kOne};
  Owner busy{*this, kOther};
  for (int i = 0; i <= kMaxEventsPerCall; ++i) arrive(kOne);
  busy.take();
  busy.take();
  CHECK(idle.take() == EventLoss::kSome);
  CHECK(idle.sink.ports.size() == kMaxEventsPerCall);
}

TEST_CASE_FIXTURE(Fixture, "a watched queue wakes when another one has read its events or a loss") {
  CountingWaker waker;
  shared.setWaker(&waker);
  Owner watched{*this, kOne};
  Owner other{*this, kOther};
  watched.queue.setWatched(true);
  other.take();
  arrive(kOther);
  other.take();
  CHECK(waker.count == 0);

  arrive(kOne);
  arrive(kOne);
  other.take();
  CHECK(waker.count == 1);
  CHECK(watched.queue.hasEvents());
  other.take();
  CHECK(waker.count == 1);

  overflow();
  watched.take();
  CHECK(waker.count == 1);
  CHECK_FALSE(watched.queue.hasEvents());
  overflow();
  other.take();
  CHECK(waker.count == 2);
  CHECK(watched.queue.hasEvents());

  // A new queue reads what is not for it.
  arrive(kOne);
  const Owner late{*this, kOne};
  CHECK(waker.count == 3);

  // Whoever reads for all looks after all.
  arrive(kOne);
  CHECK(shared.read().ok());
  CHECK(waker.count == 3);
  watched.queue.setWatched(false);
  arrive(kOne);
  other.take();
  CHECK(waker.count == 3);
  watched.queue.setWatched(true);
  CHECK(waker.count == 4);
}

TEST_CASE_FIXTURE(Fixture, "a failed source fails every queue until all of them are closed") {
  {
    Owner one{*this, kOne};
    Owner other{*this, kOther};
    source.queue.push_back({.bytes = {}, .error = EBADF});
    one.checkFails(EBADF);
    arrive(kOther);
    other.checkFails(ENOTCONN);
    CHECK_FALSE(other.queue.open().ok());
    CHECK_FALSE(shared.read().ok());
    DestroyEventQueue late{shared, kOne};
    CHECK_FALSE(late.open().ok());
    CHECK(source.opened);
  }
  CHECK_FALSE(source.opened);
  Owner again{*this, kOne};
  CHECK(again.take() == EventLoss::kNone);
}

TEST_CASE_FIXTURE(Fixture,
                  "the source is closed with the last queue, and one that did not open is none") {
  source.openError = EMFILE;
  DestroyEventQueue failed{shared, kOne};
  CHECK(failed.open().failure().error == EMFILE);
  source.openError = 0;
  {
    const Owner one{*this, kOne};
    const Owner other{*this, kOther};
    CHECK(source.opened);
  }
  CHECK_FALSE(source.opened);
}

}  // namespace sockdiag::test
