#pragma once

#include "sockdiag/bytes.h"
#include "sockdiag/file_descriptor.h"
#include "sockdiag/result.h"

namespace sockdiag {

/// Listens on a unix socket with an abstract name (unix(7)), given without its leading NUL. The
/// socket exists only to appear in the kernel's table: connections to it are never accepted, and it
/// disappears when its last descriptor is closed, at the latest with the process. Fails with
/// {"bind", EADDRINUSE} if the network namespace already has the name.
Result<UniqueFd> listenAbstract(Bytes name);

}  // namespace sockdiag
