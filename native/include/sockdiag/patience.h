#pragma once

#include <optional>

#include "sockdiag/transport.h"

namespace sockdiag {

/// How long a conversation bears that nothing useful comes, in total. The kernel answers a dump
/// within the system calls that ask for it, so any silence is a fault; but the caller is an event
/// loop that must not stand still.
inline constexpr Milliseconds kPatience{250};

/// The clock starts when nothing useful came for the first time. After the time is up there is one
/// last look, because the process may have been stopped (SIGSTOP) for all of that time with the
/// answer in its queue.
class Patience {
 public:
  explicit Patience(Transport& transport) : transport_(transport) {}

  /// How long to wait now, zero for the last look; nothing when patience is at its end.
  std::optional<Milliseconds> left();

 private:
  Transport& transport_;
  std::optional<Milliseconds> deadline_;
  bool lastLookTaken_ = false;
};

}  // namespace sockdiag
