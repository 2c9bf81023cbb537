#pragma once

#include <cstdint>

#include "sockdiag/list.h"

namespace sockdiag {

struct UnixListener {
  std::uint32_t inode;
  /// One for each client that waits to be accepted; 0 for one that has closed its end already: it
  /// still is in the queue.
  List<std::uint32_t> queuedPeerInodes;

  bool operator==(const UnixListener&) const = default;
};

struct AcceptedUnixSocket {
  std::uint32_t inode;
  /// 0 where the client has closed its end.
  std::uint32_t peerInode;

  bool operator==(const AcceptedUnixSocket&) const = default;
};

/// The stream sockets under one name.
struct UnixSockets {
  List<UnixListener> listeners;
  List<AcceptedUnixSocket> accepted;

  bool operator==(const UnixSockets&) const = default;
};

}  // namespace sockdiag
