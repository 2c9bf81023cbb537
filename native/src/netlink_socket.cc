#include "sockdiag/netlink_socket.h"

#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <ctime>

#include "sockdiag/retried.h"

namespace sockdiag {

namespace {

Failure failed(const char* operation) { return {.operation = operation, .error = errno}; }

}  // namespace

Status NetlinkSocket::send(Bytes request) {
  if (!socket_.isOpen()) {
    UniqueFd opened{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG)};
    if (!opened.isOpen()) return failed("socket");
    socket_ = std::move(opened);
  }

  // nl_pid 0 is the kernel. Our own port number is the kernel's choice (netlink_autobind).
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

Result<std::optional<Datagram>> NetlinkSocket::receive(std::span<std::byte> buffer) {
  return receiveFrom(socket_, buffer);
}

Status NetlinkSocket::wait(Milliseconds limit) {
  pollfd waited{.fd = socket_.get(), .events = POLLIN, .revents = 0};
  // A signal ends the wait early, which callers reckon with.
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

}  // namespace sockdiag
