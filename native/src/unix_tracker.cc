#include "sockdiag/unix_tracker.h"

#include <utility>

#include "sockdiag/unix_dump.h"

namespace sockdiag {

Result<std::uint64_t> UnixTracker::poll() {
  auto dumped = dumpUnix(conversation_, name_);
  if (!dumped.ok()) return dumped.failure();
  if (revision_ == 0 || !(dumped.value() == sockets_)) {
    sockets_ = std::move(dumped.value());
    ++revision_;
  }
  return revision_;
}

}  // namespace sockdiag
