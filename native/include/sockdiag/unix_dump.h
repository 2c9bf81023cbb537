#pragma once

#include <cstdint>

#include "sockdiag/bytes.h"
#include "sockdiag/exchange.h"
#include "sockdiag/list.h"
#include "sockdiag/result.h"

namespace sockdiag {

struct UnixListener {
  std::uint32_t inode;
  /// One for each client waiting to be accepted; 0 for one that has closed its end but is still
  /// queued.
  List<std::uint32_t> queuedPeerInodes;

  bool operator==(const UnixListener&) const = default;
};

struct AcceptedUnixSocket {
  std::uint32_t inode;
  /// 0 if the client has closed its end.
  std::uint32_t peerInode;

  bool operator==(const AcceptedUnixSocket&) const = default;
};

/// The stream sockets with one name.
struct UnixSockets {
  List<UnixListener> listeners;
  List<AcceptedUnixSocket> accepted;

  bool operator==(const UnixSockets&) const = default;
};

/// All listening and accepted stream sockets with exactly this name: a path (with or without a
/// trailing NUL) or an abstract name with its leading NUL. EMSGSIZE if the kernel cannot list a
/// queue (see unix_dump.cc).
Result<UnixSockets> dumpUnix(Exchange& exchange, Bytes name);

}  // namespace sockdiag
