#pragma once

#include "sockdiag/bytes.h"
#include "sockdiag/file_descriptor.h"
#include "sockdiag/result.h"

namespace sockdiag {

/// A unix socket that listens under an abstract name (unix(7)), given without its leading zero
/// byte. It is there to be seen in the kernel's table: nobody who connects is ever taken, and it
/// vanishes with the last descriptor for it, and so with its process. {"bind", EADDRINUSE} where
/// the network namespace has the name already.
Result<UniqueFd> listenAbstract(Bytes name);

}  // namespace sockdiag
