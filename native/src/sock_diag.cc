#include "sockdiag/sock_diag.h"

#include "sockdiag/tcp_dump.h"
#include "sockdiag/unix_dump.h"

namespace sockdiag {

Result<std::vector<TcpSocket>> SockDiag::tcpSockets(Port localPort) {
  return dumpTcp(conversation_, localPort);
}

Result<UnixSockets> SockDiag::unixSockets(Bytes name) { return dumpUnix(conversation_, name); }

}  // namespace sockdiag
