#pragma once

#include <sys/types.h>

#include <cstdint>

#include "sockdiag/result.h"

namespace sockdiag {

/// Reaps this process's dead children, as process 1 must for orphaned processes, and returns their
/// number. Never waits. `own` is not reaped: the code that started it waits for it. Dead children
/// queued behind a dead `own` are left to the next call.
Result<std::uint64_t> reapOrphans(pid_t own);

}  // namespace sockdiag
