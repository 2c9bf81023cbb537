#include "sockdiag/sock_diag.h"

#include "sockdiag/tcp_dump.h"
#include "sockdiag/unix_dump.h"

namespace sockdiag {

Result<std::vector<TcpSocket>> SockDiag::tcpSockets(Port localPort) {
  std::vector<TcpSocket> sockets;
  auto dumped = dumpTcp(conversation_, localPort, kVisibleStates, Traffic::kIncluded, sockets);
  if (!dumped.ok()) return dumped.failure();
  return sockets;
}

Result<std::vector<TcpSocket>> SockDiag::tcpListeners() {
  std::vector<TcpSocket> sockets;
  auto dumped =
      dumpTcp(conversation_, kAnyPort, maskOf(SocketState::kListen), Traffic::kLeftOut, sockets);
  if (!dumped.ok()) return dumped.failure();
  return sockets;
}

Result<UnixSockets> SockDiag::unixSockets(Bytes name) { return dumpUnix(conversation_, name); }

}  // namespace sockdiag
