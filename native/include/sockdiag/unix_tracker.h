#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sockdiag/bytes.h"
#include "sockdiag/conversation.h"
#include "sockdiag/netlink_socket.h"
#include "sockdiag/result.h"
#include "sockdiag/unix_socket.h"

namespace sockdiag {

/// The sockets under one name (see dumpUnix), with a revision that changes when they do. Every poll
/// is a dump: of unix sockets the kernel has neither counters nor events, its table is the network
/// namespace's own, and a lookup by inode walks that table, too (unix_lookup_by_ino in
/// net/unix/diag.c).
class UnixTracker {
 public:
  explicit UnixTracker(Bytes name) : name_(name.begin(), name.end()) {}

  Result<std::uint64_t> poll();
  /// As of the last poll that did not fail.
  const UnixSockets& sockets() const { return sockets_; }

 private:
  std::vector<std::byte> name_;
  NetlinkSocket socket_;
  Conversation conversation_{socket_};
  UnixSockets sockets_;
  std::uint64_t revision_ = 0;
};

}  // namespace sockdiag
