#pragma once

#include <cstddef>
#include <optional>

#include "sockdiag/tcp_view.h"

namespace sockdiag {

/// What a walk and a lookup have taken on this machine, of late: a walk's time grows with the
/// machine's memory and its sockets, by factors of ten.
class PollCosts {
 public:
  void walked(Nanoseconds duration) { approach(walk_, duration); }
  void lookedUp(std::size_t count, Nanoseconds duration);

  /// False until both are known: each is tried once.
  bool isWalkCheaper(std::size_t lookups);

 private:
  /// A shorter time is believed at once, a longer one bit by bit: the process may have been made to
  /// wait.
  static void approach(std::optional<Nanoseconds>& known, Nanoseconds measured);

  std::optional<Nanoseconds> walk_;
  std::optional<Nanoseconds> lookup_;
  unsigned preferredInARow_ = 0;
};

}  // namespace sockdiag
