#pragma once

#include <cerrno>

namespace sockdiag {

/// Calls again what a signal has interrupted. Not for ever: whoever calls has a deadline of its
/// own, and can't heed it from in here.
template <typename Call>
auto retriedOnEintr(Call call) {
  constexpr int kMaxRetries = 100;
  auto result = call();
  for (int retries = 0; result < 0 && errno == EINTR && retries < kMaxRetries; ++retries) {
    result = call();
  }
  return result;
}

}  // namespace sockdiag
