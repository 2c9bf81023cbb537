#pragma once

#include <cstdint>
#include <optional>

#include "sockdiag/bytes.h"
#include "sockdiag/result.h"
#include "sockdiag/socket_state.h"

namespace sockdiag {

/// One struct unix_diag_msg with its attributes. Views point into the message.
struct UnixMessage {
  std::uint8_t type;
  SocketState state;
  std::uint32_t inode;
  /// Empty for a socket without a name. Without the NUL that ends a path, with the NUL that begins
  /// an abstract name.
  Bytes name;
  std::uint32_t peerInode;
  /// UNIX_DIAG_ICONS: for a listener, an array of 32-bit inodes.
  std::optional<Bytes> queuedPeerInodes;
  /// UNIX_DIAG_RQLEN: for a listener, the number of clients waiting to be accepted.
  std::optional<std::uint32_t> queueLength;
};

/// EBADMSG if a length is inconsistent.
Result<UnixMessage> parseUnixMessage(Bytes payload);

/// The kernel ends the path of a pathname socket with a NUL and counts it (unix_mkname_bsd in
/// net/unix/af_unix.c), so a path of the full 108 bytes is sent as 109. In an abstract name, which
/// begins with NUL, every byte counts.
Bytes withoutPathEnd(Bytes name);

}  // namespace sockdiag
