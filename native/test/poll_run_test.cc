#include "sockdiag/poll_run.h"

#include <doctest/doctest.h>

#include <limits>

namespace sockdiag::test {

constexpr double kNever = std::numeric_limits<double>::infinity();

TEST_CASE("a run of polls is over when it is due") {
  const PollRun run{{.due = 250, .longestGap = kNever, .last = 0}};
  CHECK_FALSE(run.isOver(249.9));
  CHECK(run.isOver(250));
  CHECK(run.isOver(1000));
  CHECK_FALSE(PollRun{{.due = kNever, .longestGap = kNever, .last = -kNever}}.isOver(1e12));
}

TEST_CASE("a run of polls is over after a gap that is too long, the one before it included") {
  PollRun run{{.due = kNever, .longestGap = 200, .last = -50}};
  CHECK_FALSE(run.isOver(150));
  CHECK(run.isOver(150.1));
  run.polled(140);
  CHECK_FALSE(run.isOver(340));
  CHECK(run.isOver(340.1));
}

TEST_CASE("a run of polls counts those without a change, and keeps when the last one began") {
  PollRun run{{.due = kNever, .longestGap = 200, .last = -50}};
  CHECK(run.polls() == 0);
  CHECK(run.last() == -50);
  run.polled(100);
  run.polled(200);
  CHECK(run.polls() == 2);
  CHECK(run.last() == 200);
}

}  // namespace sockdiag::test
