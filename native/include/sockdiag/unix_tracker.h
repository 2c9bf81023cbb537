#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "sockdiag/bytes.h"
#include "sockdiag/exchange.h"
#include "sockdiag/result.h"
#include "sockdiag/unix_dump.h"

namespace sockdiag {

/// The sockets with one name (see dumpUnix), with a revision that increases when they change. Every
/// poll is a dump: for unix sockets the kernel has neither counters nor events, its table is per
/// network namespace, and a lookup by inode also scans that table (unix_lookup_by_ino in
/// net/unix/diag.c).
class UnixTracker {
 public:
  /// `exchange` must outlive it; other trackers may use it too.
  UnixTracker(Exchange& exchange, Bytes name)
      : exchange_(exchange), nameSize_(std::min(name.size(), name_.size())) {
    std::ranges::copy(name.first(nameSize_), name_.begin());
  }

  Result<std::uint64_t> poll();
  /// As of the last successful poll.
  Result<UnixSockets> sockets() const;

 private:
  Exchange& exchange_;
  /// No socket has a longer name: sun_path has 108 bytes, and a path may have a trailing NUL.
  std::array<std::byte, 128> name_{};
  std::size_t nameSize_;
  UnixSockets sockets_;
  std::uint64_t revision_ = 0;
};

}  // namespace sockdiag
