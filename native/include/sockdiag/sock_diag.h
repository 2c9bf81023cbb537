#pragma once

#include "sockdiag/bytes.h"
#include "sockdiag/exchange.h"
#include "sockdiag/list.h"
#include "sockdiag/netlink_socket.h"
#include "sockdiag/result.h"
#include "sockdiag/tcp_socket.h"
#include "sockdiag/unix_dump.h"

namespace sockdiag {

/// Asks the kernel which sockets there are in this network namespace. One thread at a time; several
/// objects are independent. After a failure the next call starts afresh with a new socket.
class SockDiag {
 public:
  Result<List<TcpSocket>> tcpSockets(Port localPort);
  /// Those of all ports, without traffic. The large table of connections is left out.
  Result<List<TcpSocket>> tcpListeners();
  Result<UnixSockets> unixSockets(Bytes name);

 private:
  NetlinkSocket socket_;
  Exchange exchange_{socket_};
};

}  // namespace sockdiag
