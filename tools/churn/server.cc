#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "record.h"

namespace churn {

namespace {

int listenOn(int port) {
  const int family = port == kIpv4Port ? AF_INET : AF_INET6;
  const int listener = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int v6Only = port == kIpv6Port ? 1 : 0;
  const int yes = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  sockaddr_in6 any{};
  socklen_t size = sizeof(any);
  any.sin6_family = static_cast<sa_family_t>(family);
  any.sin6_port = htons(static_cast<std::uint16_t>(port));  // The same offset as sin_port.
  if (family == AF_INET) {
    size = sizeof(sockaddr_in);
  } else {
    ::setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &v6Only, sizeof(v6Only));
  }
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&any), size) < 0) fail("bind");
  if (::listen(listener, 4096) < 0) fail("listen");
  return listener;
}

void watch(int epoll, int descriptor, bool isListener) {
  epoll_event event{.events = EPOLLIN, .data = {.u64 = static_cast<std::uint64_t>(descriptor)}};
  if (isListener) event.data.u64 |= std::uint64_t{1} << 32;
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) < 0) fail("epoll_ctl");
}

}  // namespace

void serve(Shared& shared) {
  const int epoll = ::epoll_create1(0);
  for (const int port : kPorts) watch(epoll, listenOn(port), true);
  shared.serverIsReady = true;
  std::array<epoll_event, 64> events;
  std::array<char, 256> bytes;
  while (!shared.serverMayEnd) {
    const int count = ::epoll_wait(epoll, events.data(), events.size(), 20);
    for (int i = 0; i < count; ++i) {
      const auto data = events.at(static_cast<std::size_t>(i)).data.u64;
      const int descriptor = static_cast<int>(data & 0xffffffff);
      if ((data >> 32) != 0) {
        for (int client = 0;
             (client = ::accept4(descriptor, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
          watch(epoll, client, false);
        }
      } else if (::read(descriptor, bytes.data(), bytes.size()) <= 0) {
        ::close(descriptor);
      }
    }
  }
  std::_Exit(0);
}

}  // namespace churn
