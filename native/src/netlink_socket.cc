#include "sockdiag/netlink_socket.h"

#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <ctime>

#include "sockdiag/port_filter.h"

namespace sockdiag {

namespace {

Failure failed(const char* operation) { return {.operation = operation, .error = errno}; }

UniqueFd openSocket() {
  return UniqueFd{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG)};
}

/// DatagramSource::receive() for a netlink socket.
Result<std::optional<Datagram>> receiveFrom(const UniqueFd& socket, std::span<std::byte> buffer) {
  sockaddr_nl sender{};
  iovec part{.iov_base = buffer.data(), .iov_len = buffer.size()};
  msghdr message{};
  message.msg_name = &sender;
  message.msg_namelen = sizeof(sender);
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  const auto size = retriedOnEintr([&] { return ::recvmsg(socket.get(), &message, MSG_DONTWAIT); });
  if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return std::optional<Datagram>{};
  if (size < 0) return failed("recvmsg");
  return std::optional{Datagram{.bytes = buffer.first(static_cast<std::size_t>(size)),
                                .senderPort = sender.nl_pid,
                                .truncated = (message.msg_flags & MSG_TRUNC) != 0}};
}

constexpr __u32 groupBit(unsigned group) { return 1U << (group - 1); }

/// Best effort: without the filter all events pass, and SharedDestroyEvents ignores other ports.
/// The kernel refuses a filter of more than some 4,000 ports (BPF_MAXINSNS), and before Linux 6.8
/// one of more than some 1,200 (net.core.optmem_max).
void filterByPorts(const UniqueFd& socket, std::span<const Port> ports) {
  auto program = portFilter(ports);
  if (program.ok() && program.value().size() <= BPF_MAXINSNS) {
    const sock_fprog filter{.len = static_cast<unsigned short>(program.value().size()),
                            .filter = program.value().begin()};
    if (::setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) == 0) {
      return;
    }
  }
  constexpr int kIgnored = 0;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_DETACH_FILTER, &kIgnored, sizeof(kIgnored));
}

void setReceiveBuffer(const UniqueFd& socket, int bytes) {
  const auto set = [&](int option) {
    return ::setsockopt(socket.get(), SOL_SOCKET, option, &bytes, sizeof(bytes)) == 0;
  };
  if (!set(SO_RCVBUFFORCE)) set(SO_RCVBUF);
}

}  // namespace

Status NetlinkSocket::send(Bytes request) {
  if (!socket_.isOpen()) {
    socket_ = openSocket();
    if (!socket_.isOpen()) return failed("socket");
  }

  // nl_pid 0 is the kernel. It chooses our own port number (netlink_autobind).
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  iovec part{.iov_base = const_cast<std::byte*>(request.data()), .iov_len = request.size()};
  msghdr message{};
  message.msg_name = &kernel;
  message.msg_namelen = sizeof(kernel);
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (retriedOnEintr([&] { return ::sendmsg(socket_.get(), &message, 0); }) < 0) {
    return failed("sendmsg");
  }
  return Done{};
}

Result<std::optional<Datagram>> NetlinkSocket::receive(std::span<std::byte> buffer) {
  return receiveFrom(socket_, buffer);
}

Status NetlinkSocket::wait(Milliseconds limit) {
  pollfd waited{.fd = socket_.get(), .events = POLLIN, .revents = 0};
  // A signal ends the wait early, which callers expect.
  if (::poll(&waited, 1, static_cast<int>(limit.count())) < 0 && errno != EINTR) {
    return failed("poll");
  }
  return Done{};
}

Milliseconds NetlinkSocket::now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return std::chrono::duration_cast<Milliseconds>(std::chrono::seconds{time.tv_sec} +
                                                  std::chrono::nanoseconds{time.tv_nsec});
}

void NetlinkSocket::drop() { socket_.reset(); }

Status DestroyEventSocket::open() {
  auto opened = openSocket();
  if (!opened.isOpen()) return failed("socket");
  filterByPorts(opened, {});
  setReceiveBuffer(opened, receiveBufferBytes_);

  // Without bind() the socket has port number 0, the kernel's own, and does not receive its
  // multicasts (do_one_broadcast in net/netlink/af_netlink.c).
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = groupBit(SKNLGRP_INET_TCP_DESTROY) | groupBit(SKNLGRP_INET6_TCP_DESTROY);
  if (::bind(opened.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) < 0) {
    return failed("bind");
  }
  socket_ = std::move(opened);
  return Done{};
}

void DestroyEventSocket::receiveOnly(std::span<const Port> ports) { filterByPorts(socket_, ports); }

Result<std::optional<Datagram>> DestroyEventSocket::receive(std::span<std::byte> buffer) {
  return receiveFrom(socket_, buffer);
}

}  // namespace sockdiag
