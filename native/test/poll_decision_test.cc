#include "sockdiag/poll_decision.h"

#include <doctest/doctest.h>

namespace sockdiag::test {

namespace {

constexpr PollEvidence kNoDoubt{.counter = 7,
                                .vouched = 7,
                                .isSettled = true,
                                .eventsLost = false,
                                .walkIsCheaper = false,
                                .age = kMaxAge - Nanoseconds{1}};

template <typename Change>
PollReason after(Change change) {
  auto evidence = kNoDoubt;
  change(evidence);
  return decide(evidence);
}

}  // namespace

TEST_CASE("only where nothing is in doubt is the set taken for granted") {
  CHECK(decide(kNoDoubt) == PollReason::kTracked);
  CHECK(after([](auto& it) { it.counter.reset(); }) == PollReason::kCounterUnreadable);
  CHECK(after([](auto& it) { it.vouched.reset(); }) == PollReason::kFirst);
  CHECK(after([](auto& it) { it.counter = 8; }) == PollReason::kCounterMoved);
  CHECK(after([](auto& it) { it.counter = 6; }) == PollReason::kCounterMoved);
  CHECK(after([](auto& it) { it.isSettled = false; }) == PollReason::kSettling);
  CHECK(after([](auto& it) { it.eventsLost = true; }) == PollReason::kEventsLost);
  CHECK(after([](auto& it) { it.walkIsCheaper = true; }) == PollReason::kCheaper);
  CHECK(after([](auto& it) { it.age = kMaxAge; }) == PollReason::kOld);
}

namespace {

using std::chrono::microseconds;

}  // namespace

TEST_CASE("nothing is preferred before both have been tried") {
  PollCosts costs;
  CHECK_FALSE(costs.isWalkCheaper(1'000'000));
  costs.walked(microseconds{100});
  CHECK_FALSE(costs.isWalkCheaper(1'000'000));
  costs.lookedUp(0, microseconds{100});
  CHECK_FALSE(costs.isWalkCheaper(1'000'000));
  costs.lookedUp(10, microseconds{20});
  CHECK_FALSE(costs.isWalkCheaper(50));
  CHECK(costs.isWalkCheaper(51));
}

TEST_CASE("a time that was long once is not believed at once, a short one is") {
  PollCosts costs;
  costs.walked(microseconds{100});
  costs.lookedUp(1, microseconds{2});
  costs.lookedUp(1, microseconds{50});
  CHECK_FALSE(costs.isWalkCheaper(10));
  for (int i = 0; i < 100; ++i) costs.lookedUp(1, microseconds{50});
  CHECK(costs.isWalkCheaper(10));
  costs.lookedUp(1, microseconds{2});
  CHECK_FALSE(costs.isWalkCheaper(50));
  costs.walked(microseconds{10});
  CHECK(costs.isWalkCheaper(6));
}

}  // namespace sockdiag::test
