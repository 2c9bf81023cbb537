#include "recorded_sockets.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "sockdiag/file_descriptor.h"

namespace sockdiag::fuzz {

namespace {

std::vector<UniqueFd> kept;

template <typename Address>
const sockaddr* generic(const Address& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

int keep(UniqueFd socket) {
  check(socket.isOpen(), "socket");
  return kept.emplace_back(std::move(socket)).get();
}

/// A listener of this family on a port chosen by the kernel, and its address.
int listenOn(int family, int protocol, TcpAddress& address) {
  const int listener = keep(UniqueFd{::socket(family, SOCK_STREAM | SOCK_CLOEXEC, protocol)});
  check(::listen(listener, 16) == 0, "listen");
  auto* const name = reinterpret_cast<sockaddr*>(&address.storage);
  check(::getsockname(listener, name, &address.size) == 0, "getsockname");
  return listener;
}

int connectTo(const TcpAddress& address, int family, int protocol) {
  const int client = keep(UniqueFd{::socket(family, SOCK_STREAM | SOCK_CLOEXEC, protocol)});
  sockaddr_in ipv4{.sin_family = AF_INET,
                   .sin_port = address.storage.sin6_port,
                   .sin_addr = {htonl(INADDR_LOOPBACK)},
                   .sin_zero = {}};
  auto ipv6 = address.storage;
  ipv6.sin6_addr = in6addr_loopback;
  const bool isConnected = family == AF_INET ? ::connect(client, generic(ipv4), sizeof(ipv4)) == 0
                                             : ::connect(client, generic(ipv6), sizeof(ipv6)) == 0;
  check(isConnected, "connect");
  return client;
}

/// Three accepted connections with traffic, two of them half-closed, and two still queued.
void fill(int listener, const TcpAddress& address, int family, int protocol) {
  for (int i = 0; i < 3; ++i) {
    const int client = connectTo(address, family, protocol);
    const int accepted = keep(UniqueFd{::accept(listener, nullptr, nullptr)});
    check(::send(client, "hello", 5, 0) == 5 && ::send(accepted, "hi", 2, 0) == 2, "send");
    if (i == 1) ::shutdown(client, SHUT_WR);
    if (i == 2) ::shutdown(accepted, SHUT_WR);
  }
  connectTo(address, family, protocol);
  connectTo(address, family, protocol);
}

struct UnixAddress {
  explicit UnixAddress(std::string_view name)
      : size(static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size())) {
    std::memcpy(storage.sun_path, name.data(), name.size());
  }

  sockaddr_un storage{.sun_family = AF_UNIX, .sun_path = {}};
  socklen_t size;
};

}  // namespace

void check(bool works, const char* what) {
  if (works) return;
  std::perror(what);
  std::exit(2);
}

Port portOf(const TcpAddress& address) {
  return static_cast<Port>(ntohs(address.storage.sin6_port));
}

std::vector<TcpAddress> makeTcpSockets() {
  std::vector<TcpAddress> addresses(3);
  const int ipv4 = listenOn(AF_INET, 0, addresses[0]);
  fill(ipv4, addresses[0], AF_INET, 0);
  const int both = listenOn(AF_INET6, 0, addresses[1]);
  fill(both, addresses[1], AF_INET6, 0);
  fill(both, addresses[1], AF_INET, 0);
  constexpr int kMptcp = 262;
  const int multipath = listenOn(AF_INET, kMptcp, addresses[2]);
  fill(multipath, addresses[2], AF_INET, kMptcp);
  fill(multipath, addresses[2], AF_INET, 0);
  return addresses;
}

void makeUnixSockets(std::string_view name, int type, int accepted, int queued) {
  const UnixAddress address{name};
  const int listener = keep(UniqueFd{::socket(AF_UNIX, type | SOCK_CLOEXEC, 0)});
  check(::bind(listener, generic(address.storage), address.size) == 0, "bind");
  if (type == SOCK_DGRAM) return;
  check(::listen(listener, 16) == 0, "listen");
  for (int i = 0; i < accepted + queued; ++i) {
    UniqueFd client{::socket(AF_UNIX, type | SOCK_CLOEXEC, 0)};
    check(::connect(client.get(), generic(address.storage), address.size) == 0, "connect");
    if (i < accepted) keep(UniqueFd{::accept(listener, nullptr, nullptr)});
    // The last client is closed while still queued.
    if (i + 1 < accepted + queued) keep(std::move(client));
  }
}

void closeSockets() { kept.clear(); }

}  // namespace sockdiag::fuzz
