#include "sockdiag/poll_costs.h"

#include <doctest/doctest.h>

namespace sockdiag::test {

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
