#include "sockdiag/poll_reason.h"

namespace sockdiag {

PollReason decide(const PollEvidence& evidence) {
  if (!evidence.counter) return PollReason::kCounterUnreadable;
  if (!evidence.vouched) return PollReason::kFirst;
  // Not only up: what has been reset or has wrapped around vouches for nothing.
  if (*evidence.counter != *evidence.vouched) return PollReason::kCounterMoved;
  if (!evidence.isSettled) return PollReason::kSettling;
  if (evidence.eventsLost) return PollReason::kEventsLost;
  if (evidence.age >= kMaxAge) return PollReason::kOld;
  if (evidence.walkIsCheaper) return PollReason::kCheaper;
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

}  // namespace sockdiag
