#pragma once

#include "sockdiag/list.h"
#include "sockdiag/netlink_socket.h"
#include "sockdiag/passive_opens.h"
#include "sockdiag/tcp_dump.h"
#include "sockdiag/tcp_view.h"

namespace sockdiag {

/// The real kernel, in the network namespace of the calling thread. Opens sockets and files on
/// first use.
class KernelTcpView final : public TcpView {
 public:
  explicit KernelTcpView(Port localPort, const char* snmpPath = kThreadNetSnmp,
                         int eventBufferBytes = DestroyEventSocket::kReceiveBufferBytes)
      : localPort_(localPort), eventBufferBytes_(eventBufferBytes), passiveOpens_(snmpPath) {}

  Result<std::uint64_t> passiveOpens() override { return passiveOpens_.read(); }
  Status dump(StateMask states, List<TcpSocket>& sockets) override;
  Status lookUp(std::span<const TcpSocket> sockets, Traffic traffic,
                List<LookupResult>& results) override;
  /// Not retried after a failure: polls are correct without events.
  Result<EventLoss> takeDestroyed(DestroyedSink& sink) override;
  Nanoseconds now() override;
  /// Leaves the event socket open, because the event loop may be watching its descriptor.
  void drop() override;

  /// Opens the event socket; -1 if events are not available.
  int eventDescriptor();

 private:
  bool hasEvents();

  Port localPort_;
  int eventBufferBytes_;
  PassiveOpens passiveOpens_;
  NetlinkSocket socket_;
  Exchange exchange_{socket_};
  TcpDumper dumper_{exchange_};
  DestroyEventSocket events_;
  bool eventsFailed_ = false;
};

}  // namespace sockdiag
