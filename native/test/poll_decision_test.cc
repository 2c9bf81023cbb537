#include "sockdiag/poll_decision.h"

#include <doctest/doctest.h>

namespace sockdiag::test {

namespace {

constexpr PollEvidence kNoDoubt{.counter = 7,
                                .counterAtDump = 7,
                                .isSettled = true,
                                .eventsLost = false,
                                .dumpIsCheaper = false,
                                .age = kMaxAge - Nanoseconds{1},
                                .sinceMoved = Nanoseconds{0}};

template <typename Change>
PollReason after(Change change) {
  auto evidence = kNoDoubt;
  change(evidence);
  return decide(evidence);
}

}  // namespace

TEST_CASE("the tracked set is used only if nothing is in doubt") {
  CHECK(decide(kNoDoubt) == PollReason::kTracked);
  CHECK(after([](auto& it) { it.counter.reset(); }) == PollReason::kCounterUnreadable);
  CHECK(after([](auto& it) { it.counterAtDump.reset(); }) == PollReason::kFirst);
  CHECK(after([](auto& it) { it.counter = 8; }) == PollReason::kCounterMoved);
  CHECK(after([](auto& it) { it.counter = 6; }) == PollReason::kCounterMoved);
  CHECK(after([](auto& it) { it.isSettled = false; }) == PollReason::kSettling);
  CHECK(after([](auto& it) { it.eventsLost = true; }) == PollReason::kEventsLost);
  CHECK(after([](auto& it) { it.dumpIsCheaper = true; }) == PollReason::kCheaper);
  CHECK(after([](auto& it) { it.age = kMaxAge; }) == PollReason::kOld);
}

TEST_CASE("the set may be older once the counter has been at rest") {
  const auto atRest = [](Nanoseconds age, Nanoseconds sinceMoved) {
    return after([=](auto& it) {
      it.age = age;
      it.sinceMoved = sinceMoved;
    });
  };
  CHECK(atRest(kMaxAge, kRest - Nanoseconds{1}) == PollReason::kOld);
  CHECK(atRest(kMaxAge, kRest) == PollReason::kTracked);
  CHECK(atRest(kMaxAgeAtRest - Nanoseconds{1}, kRest) == PollReason::kTracked);
  CHECK(atRest(kMaxAgeAtRest, kRest) == PollReason::kOld);
}

namespace {

using std::chrono::microseconds;

}  // namespace

TEST_CASE("neither is preferred before both have been measured") {
  PollCosts costs;
  CHECK_FALSE(costs.isDumpCheaper(1'000'000));
  costs.dumped(microseconds{100});
  CHECK_FALSE(costs.isDumpCheaper(1'000'000));
  costs.lookedUp(0, microseconds{100});
  CHECK_FALSE(costs.isDumpCheaper(1'000'000));
  costs.lookedUp(10, microseconds{20});
  CHECK_FALSE(costs.isDumpCheaper(50));
  CHECK(costs.isDumpCheaper(51));
}

TEST_CASE("a shorter time counts immediately, a longer one only if it persists") {
  PollCosts costs;
  costs.dumped(microseconds{100});
  costs.lookedUp(1, microseconds{2});
  costs.lookedUp(1, microseconds{50});
  CHECK_FALSE(costs.isDumpCheaper(10));
  for (int i = 0; i < 100; ++i) costs.lookedUp(1, microseconds{50});
  CHECK(costs.isDumpCheaper(10));
  costs.lookedUp(1, microseconds{2});
  CHECK_FALSE(costs.isDumpCheaper(50));
  costs.dumped(microseconds{10});
  CHECK(costs.isDumpCheaper(6));
}

}  // namespace sockdiag::test
