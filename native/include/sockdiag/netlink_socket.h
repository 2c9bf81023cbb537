#pragma once

#include "sockdiag/destroy_events.h"
#include "sockdiag/file_descriptor.h"
#include "sockdiag/tcp_socket.h"
#include "sockdiag/transport.h"

namespace sockdiag {

/// A NETLINK_SOCK_DIAG socket, opened by the first send() and kept open. It reports on the network
/// namespace of the thread that opened it. Needs no privilege.
class NetlinkSocket final : public Transport {
 public:
  Status send(Bytes request) override;
  Result<std::optional<Datagram>> receive(std::span<std::byte> buffer) override;
  Status wait(Milliseconds limit) override;
  Milliseconds now() override;
  void drop() override;

 private:
  UniqueFd socket_;
};

/// A netlink socket that receives an event for every destroyed TCP socket with one of some local
/// ports, in the network namespace of the thread that opened it. Needs no privilege.
///
/// While it is open the kernel creates an event for every TCP socket destroyed in the namespace. A
/// filter drops those of other ports before they are queued, so they neither wake the process nor
/// fill the queue.
class DestroyEventSocket final : public DestroyEventSource {
 public:
  /// Holds 1,638 events (measured). Exceeding net.core.rmem_max requires CAP_NET_ADMIN; without it
  /// the kernel caps the size.
  static constexpr int kReceiveBufferBytes = 2 * 1024 * 1024;

  explicit DestroyEventSocket(int receiveBufferBytes) : receiveBufferBytes_(receiveBufferBytes) {}

  Status open() override;
  bool isOpen() const override { return socket_.isOpen(); }
  void receiveOnly(std::span<const Port> ports) override;
  Result<std::optional<Datagram>> receive(std::span<std::byte> buffer) override;
  void close() override { socket_.reset(); }
  /// Readable when an event or an overflow error is queued; -1 while not open.
  int descriptor() const { return socket_.get(); }

 private:
  int receiveBufferBytes_;
  UniqueFd socket_;
};

}  // namespace sockdiag
