#pragma once

#include "sockdiag/transport.h"
#include "sockdiag/unique_fd.h"

namespace sockdiag {

/// What Inbox::receive promises, of a netlink socket.
Result<std::optional<Datagram>> receiveFrom(const UniqueFd& socket, std::span<std::byte> buffer);

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

}  // namespace sockdiag
