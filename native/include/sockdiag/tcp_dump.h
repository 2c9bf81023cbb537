#pragma once

#include "sockdiag/exchange.h"
#include "sockdiag/list.h"
#include "sockdiag/request.h"
#include "sockdiag/result.h"
#include "sockdiag/tcp_socket.h"

namespace sockdiag {

/// All sockets in `states` with this local port, both families: a listener on `[::]` shows its IPv4
/// clients under AF_INET6. Fails if either family fails; `sockets` is void then.
Status dumpTcp(Exchange& exchange, Port localPort, StateMask states, Traffic traffic,
               List<TcpSocket>& sockets);

/// The same without traffic, in one walk through the kernel's table where the kernel allows that,
/// else in the two of dumpTcp. The table is the whole host's, and to walk it is most of the cost.
class TcpDumper {
 public:
  explicit TcpDumper(Exchange& exchange) : exchange_(exchange) {}

  Status dump(Port localPort, StateMask states, List<TcpSocket>& sockets);
  /// Lets the next walk find out anew what the kernel allows.
  void reset() { isRefused_ = false; }

 private:
  Exchange& exchange_;
  bool isRefused_ = false;
};

}  // namespace sockdiag
