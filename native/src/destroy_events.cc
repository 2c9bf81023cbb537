#include "sockdiag/destroy_events.h"

#include <linux/filter.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "sockdiag/netlink_socket.h"

namespace sockdiag {

namespace {

Failure failed(const char* operation) { return {.operation = operation, .error = errno}; }

constexpr __u32 groupBit(unsigned group) { return 1U << (group - 1); }

/// Lets through what has this local port. Best effort: whoever reads the events looks at the port.
void filterByPort(const UniqueFd& socket, Port localPort) {
  constexpr auto kPortAt = static_cast<__u32>(sizeof(nlmsghdr) + offsetof(inet_diag_msg, id) +
                                              offsetof(inet_diag_sockid, idiag_sport));
  constexpr __u32 kAll = UINT32_MAX;
  // The machine loads in network byte order, which the port is in.
  std::array<sock_filter, 4> program{{
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, kPortAt),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint16_t>(localPort), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, kAll),
      BPF_STMT(BPF_RET | BPF_K, 0),
  }};
  const sock_fprog filter{.len = program.size(), .filter = program.data()};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter));
}

void setReceiveBuffer(const UniqueFd& socket, int bytes) {
  const auto set = [&](int option) {
    return ::setsockopt(socket.get(), SOL_SOCKET, option, &bytes, sizeof(bytes)) == 0;
  };
  if (!set(SO_RCVBUFFORCE)) set(SO_RCVBUF);
}

}  // namespace

Status DestroyEvents::open(Port localPort, int receiveBufferBytes) {
  UniqueFd opened{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG)};
  if (!opened.isOpen()) return failed("socket");
  filterByPort(opened, localPort);
  setReceiveBuffer(opened, receiveBufferBytes);

  // Without bind() the socket has port number 0, which is the kernel's own, and it gets nothing of
  // what the kernel sends (do_one_broadcast in net/netlink/af_netlink.c).
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = groupBit(SKNLGRP_INET_TCP_DESTROY) | groupBit(SKNLGRP_INET6_TCP_DESTROY);
  if (::bind(opened.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) < 0) {
    return failed("bind");
  }
  socket_ = std::move(opened);
  return Done{};
}

Result<std::optional<Datagram>> DestroyEvents::receive(std::span<std::byte> buffer) {
  return receiveFrom(socket_, buffer);
}

}  // namespace sockdiag
