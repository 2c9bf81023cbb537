#include "sockdiag/patience.h"

namespace sockdiag {

std::optional<Milliseconds> Patience::left() {
  const auto now = transport_.now();
  if (!deadline_) deadline_ = now + kPatience;
  if (now < *deadline_) return *deadline_ - now;
  if (lastLookTaken_) return std::nullopt;
  lastLookTaken_ = true;
  return Milliseconds::zero();
}

}  // namespace sockdiag
