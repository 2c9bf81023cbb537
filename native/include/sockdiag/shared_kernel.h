#pragma once

#include "sockdiag/exchange.h"
#include "sockdiag/netlink_socket.h"
#include "sockdiag/shared_destroy_events.h"
#include "sockdiag/tcp_counters.h"
#include "sockdiag/tcp_dump.h"

namespace sockdiag {

/// The descriptors that the trackers of one thread share, for the network namespace that the thread
/// is in when they are opened, on first use. Not thread-safe.
///
/// One exchange numbers the requests of all trackers, and ends before the next one begins. So an
/// answer that is late, or was left in the queue, has the number of no later request.
struct SharedKernel {
  explicit SharedKernel(const char* snmpPath = kThreadNetSnmp,
                        int eventBufferBytes = DestroyEventSocket::kReceiveBufferBytes)
      : counterFile(snmpPath), eventSocket(eventBufferBytes) {}

  /// Closes what may be faulty; it is reopened when needed. Leaves the event socket open, because
  /// the event loop may be watching its descriptor.
  void drop() {
    socket.drop();
    tcpDumper.reset();
    counterFile.drop();
  }

  NetlinkSocket socket;
  Exchange exchange{socket};
  TcpDumper tcpDumper{exchange};
  TcpCounterFile counterFile;
  DestroyEventSocket eventSocket;
  SharedDestroyEvents destroyEvents{eventSocket};
};

}  // namespace sockdiag
