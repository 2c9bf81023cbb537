#pragma once

#include "sockdiag/bytes.h"
#include "sockdiag/exchange.h"
#include "sockdiag/list.h"
#include "sockdiag/netlink_socket.h"
#include "sockdiag/result.h"
#include "sockdiag/tcp_socket.h"
#include "sockdiag/unix_dump.h"

namespace sockdiag {

/// Lists the sockets of this network namespace. Not thread-safe, but several objects are
/// independent. After a failure the next call opens a new socket.
class SockDiag {
 public:
  Result<List<TcpSocket>> tcpSockets(Port localPort);
  /// The listeners of all ports, without traffic. Skips the large table of connections.
  Result<List<TcpSocket>> tcpListeners();
  Result<UnixSockets> unixSockets(Bytes name);

 private:
  NetlinkSocket socket_;
  Exchange exchange_{socket_};
};

}  // namespace sockdiag
