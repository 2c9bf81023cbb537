#pragma once

#include "sockdiag/address.h"
#include "sockdiag/transport.h"
#include "sockdiag/unique_fd.h"

namespace sockdiag {

/// A netlink socket that is told of every destroyed TCP socket with one local port, in the network
/// namespace of the thread that opened it. Needs no privilege.
///
/// While one is open the kernel makes a message for every TCP socket that ends in the namespace;
/// those of other ports are dropped by a filter before they are queued, so that they neither wake
/// anybody nor fill the queue.
class DestroyEvents final : public Inbox {
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
