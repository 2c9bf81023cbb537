#pragma once

#include "sockdiag/exchange.h"
#include "sockdiag/list.h"
#include "sockdiag/request.h"
#include "sockdiag/result.h"
#include "sockdiag/tcp_socket.h"

namespace sockdiag {

/// All sockets in `states` with this local port, of both families: a listener on `[::]` has its
/// IPv4 clients under AF_INET6. Fails if either family fails; `sockets` is undefined then.
Status dumpTcp(Exchange& exchange, Port localPort, StateMask states, Traffic traffic,
               List<TcpSocket>& sockets);

/// The same in one pass over the kernel's table if the kernel supports that, else
/// in the two passes of dumpTcp. The table is shared by the whole host, and passing over it is most
/// of the cost.
class TcpDumper {
 public:
  explicit TcpDumper(Exchange& exchange) : exchange_(exchange) {}

  Status dump(Port localPort, StateMask states, Traffic traffic, List<TcpSocket>& sockets);
  /// Makes the next dump try the single pass again.
  void reset() { isRefused_ = false; }

 private:
  Exchange& exchange_;
  bool isRefused_ = false;
};

}  // namespace sockdiag
