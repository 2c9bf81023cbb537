#include "sockdiag/file_descriptor.h"

#include <unistd.h>

namespace sockdiag {

void UniqueFd::reset() {
  // Not retried on EINTR: Linux has released the descriptor by then.
  if (isOpen()) ::close(std::exchange(fd_, kNone));
}

}  // namespace sockdiag
