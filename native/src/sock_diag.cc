#include "sockdiag/sock_diag.h"

#include "sockdiag/tcp_dump.h"
#include "sockdiag/unix_dump.h"

namespace sockdiag {

Result<List<TcpSocket>> SockDiag::tcpSockets(Port localPort) {
  List<TcpSocket> sockets;
  auto dumped = dumpTcp(exchange_, localPort, kVisibleStates, Traffic::kIncluded, sockets);
  if (!dumped.ok()) return dumped.failure();
  return sockets;
}

Result<List<TcpSocket>> SockDiag::tcpListeners() {
  List<TcpSocket> sockets;
  auto dumped =
      dumpTcp(exchange_, kAnyPort, maskOf(SocketState::kListen), Traffic::kLeftOut, sockets);
  if (!dumped.ok()) return dumped.failure();
  return sockets;
}

Result<UnixSockets> SockDiag::unixSockets(Bytes name) { return dumpUnix(exchange_, name); }

}  // namespace sockdiag
