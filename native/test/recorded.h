#pragma once

#include "support.h"

// What Linux 6.18 on x86-64 answered, in a fresh network namespace, to dumps with sequence
// number 1. Payloads: a message without its 16 bytes of struct nlmsghdr.

namespace sockdiag::test {

/// Port 12345, AF_INET6: a listener on `[::]`.
Buffer recordedTcpListener();
/// Its client from 127.0.0.1:37792, accepted; 5 bytes received and 2 sent, 48 ms ago.
Buffer recordedTcpConnection();
/// Where the connection's tcp_info starts within the payload, and its length.
inline constexpr std::size_t kRecordedTcpInfoAt = 112;
inline constexpr std::size_t kRecordedTcpInfoSize = 280;

/// `/tmp/bd.sock`, inode 21158: two clients wait, the first of which has closed its end; the other
/// one's inode is 21161.
Buffer recordedUnixListener();
/// Accepted under `/tmp/bd.sock`: inode 21162, the client's 21159.
Buffer recordedAcceptedUnixSocket();
/// That client's own end, which has no name.
Buffer recordedUnixClient();

}  // namespace sockdiag::test
