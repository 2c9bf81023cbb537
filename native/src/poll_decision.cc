#include "sockdiag/poll_decision.h"

namespace sockdiag {

namespace {

/// While dumps are preferred, the cost of lookups is not measured: one poll in this many tries
/// them.
constexpr unsigned kTrialEvery = 32;

constexpr int kCaution = 8;

}  // namespace

PollReason decide(const PollEvidence& evidence) {
  if (!evidence.counter) return PollReason::kCounterUnreadable;
  if (!evidence.counterAtDump) return PollReason::kFirst;
  // Also if it is lower: after a reset or an overflow the set cannot be trusted.
  if (*evidence.counter != *evidence.counterAtDump) return PollReason::kCounterMoved;
  if (!evidence.isSettled) return PollReason::kSettling;
  if (evidence.eventsLost) return PollReason::kEventsLost;
  if (evidence.age >= (evidence.sinceMoved < kRest ? kMaxAge : kMaxAgeAtRest))
    return PollReason::kOld;
  if (evidence.dumpIsCheaper) return PollReason::kCheaper;
  return PollReason::kTracked;
}

const char* toText(PollReason reason) {
  switch (reason) {
    case PollReason::kTracked:
      return "tracked";
    case PollReason::kFirst:
      return "first";
    case PollReason::kCounterUnreadable:
      return "counter-unreadable";
    case PollReason::kCounterMoved:
      return "counter-moved";
    case PollReason::kSettling:
      return "settling";
    case PollReason::kEventsLost:
      return "events-lost";
    case PollReason::kCheaper:
      return "cheaper";
    case PollReason::kOld:
      return "old";
    case PollReason::kUnexpected:
      return "unexpected";
  }
  return "unexpected";
}

void PollCosts::lookedUp(std::size_t count, Nanoseconds duration) {
  if (count > 0) approach(lookup_, duration / static_cast<Nanoseconds::rep>(count));
}

bool PollCosts::isDumpCheaper(std::size_t lookups) {
  if (!dump_ || !lookup_ || *lookup_ * static_cast<Nanoseconds::rep>(lookups) <= *dump_) {
    preferredInARow_ = 0;
    return false;
  }
  return ++preferredInARow_ % kTrialEvery != 0;
}

void PollCosts::approach(std::optional<Nanoseconds>& known, Nanoseconds measured) {
  known = !known || measured < *known ? measured : *known + (measured - *known) / kCaution;
}

}  // namespace sockdiag
