#pragma once

#include <cstdint>

#include "sockdiag/bytes.h"
#include "sockdiag/exchange.h"
#include "sockdiag/list.h"
#include "sockdiag/result.h"

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

/// All listening and accepted stream sockets whose name has exactly these bytes: a path (with or
/// without the NUL at its end) or an abstract name with the NUL at its beginning. EMSGSIZE if the
/// kernel cannot tell who is in a queue (see unix_dump.cc).
Result<UnixSockets> dumpUnix(Exchange& exchange, Bytes name);

}  // namespace sockdiag
