#pragma once

#include "sockdiag/file_descriptor.h"
#include "sockdiag/tcp_socket.h"
#include "sockdiag/transport.h"

namespace sockdiag {

/// A NETLINK_SOCK_DIAG socket that opens at the first send() and stays open. Sees the network
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

/// A netlink socket that is told of every destroyed TCP socket with one local port, in the network
/// namespace of the thread that opened it. Needs no privilege.
///
/// While one is open the kernel makes a message for every TCP socket that ends in the namespace;
/// those of other ports are dropped by a filter before they are queued, so that they neither wake
/// anybody nor fill the queue.
class DestroyEventSocket final : public DatagramSource {
 public:
  /// Holds 1,638 events (measured). More than net.core.rmem_max needs a privilege; without it the
  /// kernel gives as much as that.
  static constexpr int kReceiveBufferBytes = 2 * 1024 * 1024;

  Status open(Port localPort, int receiveBufferBytes);
  Result<std::optional<Datagram>> receive(std::span<std::byte> buffer) override;
  /// Readable when an event, or the news of a loss, is there; -1 while not open.
  int descriptor() const { return socket_.get(); }
  bool isOpen() const { return socket_.isOpen(); }

 private:
  UniqueFd socket_;
};

}  // namespace sockdiag
