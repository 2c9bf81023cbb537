#include "sockdiag/poll_reason.h"

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

}  // namespace sockdiag::test
