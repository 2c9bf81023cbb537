#pragma once

#include "support.h"

// Replies of Linux 6.18 on x86-64, in a new network namespace, to dumps with sequence number 1.
// Payloads are messages without the 16 bytes of struct nlmsghdr.

namespace sockdiag::test {

/// Port 12345, AF_INET6: a listener on `[::]`.
Buffer recordedTcpListener();
/// Its accepted client from 127.0.0.1:37792; 5 bytes received and 2 sent, 48 ms ago.
Buffer recordedTcpConnection();
/// The offset of the connection's tcp_info in the payload, and its size.
inline constexpr std::size_t kRecordedTcpInfoAt = 112;
inline constexpr std::size_t kRecordedTcpInfoSize = 280;

/// `/tmp/bd.sock`, inode 21158, with two queued clients: the first has closed its end; the second
/// has inode 21161.
Buffer recordedUnixListener();
/// Accepted on `/tmp/bd.sock`: inode 21162, its client's is 21159.
Buffer recordedAcceptedUnixSocket();
/// That client's own socket, which has no name.
Buffer recordedUnixClient();

}  // namespace sockdiag::test
