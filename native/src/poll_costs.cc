#include "sockdiag/poll_costs.h"

namespace sockdiag {

namespace {

/// While walks are preferred, nothing is learned of lookups: one poll in so many tries them.
constexpr unsigned kTrialEvery = 32;

constexpr int kCaution = 8;

}  // namespace

void PollCosts::lookedUp(std::size_t count, Nanoseconds duration) {
  if (count > 0) approach(lookup_, duration / static_cast<Nanoseconds::rep>(count));
}

bool PollCosts::isWalkCheaper(std::size_t lookups) {
  if (!walk_ || !lookup_ || *lookup_ * static_cast<Nanoseconds::rep>(lookups) <= *walk_) {
    preferredInARow_ = 0;
    return false;
  }
  return ++preferredInARow_ % kTrialEvery != 0;
}

void PollCosts::approach(std::optional<Nanoseconds>& known, Nanoseconds measured) {
  known = !known || measured < *known ? measured : *known + (measured - *known) / kCaution;
}

}  // namespace sockdiag
