#pragma once

#include <sys/types.h>

#include <cstdint>

#include "sockdiag/result.h"

namespace sockdiag {

/// Takes the exit status of this process's dead children, as process 1 has to of those whose
/// parents have died before them, and says of how many. It never waits. `own` is left alone:
/// whoever started it waits for it. Behind a dead `own` there may be others, for another call after
/// that.
Result<std::uint64_t> reapOrphans(pid_t own);

}  // namespace sockdiag
