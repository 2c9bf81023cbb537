#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "sockdiag/bytes.h"
#include "sockdiag/exchange.h"
#include "sockdiag/netlink_socket.h"
#include "sockdiag/result.h"
#include "sockdiag/unix_dump.h"

namespace sockdiag {

/// The sockets under one name (see dumpUnix), with a revision that changes when they do. Every poll
/// is a dump: of unix sockets the kernel has neither counters nor events, its table is the network
/// namespace's own, and a lookup by inode walks that table, too (unix_lookup_by_ino in
/// net/unix/diag.c).
class UnixTracker {
 public:
  explicit UnixTracker(Bytes name) : nameSize_(std::min(name.size(), name_.size())) {
    std::ranges::copy(name.first(nameSize_), name_.begin());
  }

  Result<std::uint64_t> poll();
  /// As of the last poll that did not fail.
  Result<UnixSockets> sockets() const;

 private:
  /// A longer name is no socket's: sun_path has 108 bytes, and a path may end with a NUL beside.
  std::array<std::byte, 128> name_{};
  std::size_t nameSize_;
  NetlinkSocket socket_;
  Exchange exchange_{socket_};
  UnixSockets sockets_;
  std::uint64_t revision_ = 0;
};

}  // namespace sockdiag
