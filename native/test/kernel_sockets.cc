#include "kernel_sockets.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <vector>

namespace sockdiag::test {

namespace {

template <typename Address>
const sockaddr* generic(const Address& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

sockaddr_in loopback(Port port) {
  return {.sin_family = AF_INET,
          .sin_port = htons(static_cast<std::uint16_t>(port)),
          .sin_addr = {htonl(INADDR_LOOPBACK)},
          .sin_zero = {}};
}

struct UnixAddress {
  explicit UnixAddress(std::string_view name)
      : length(static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size())) {
    REQUIRE(name.size() <= sizeof(address.sun_path));
    std::memcpy(address.sun_path, name.data(), name.size());
  }

  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  socklen_t length;
};

std::vector<int> netlinkDescriptors() {
  std::vector<int> found;
  for (int fd = 0; fd < 1024; ++fd) {
    int domain = 0;
    socklen_t size = sizeof(domain);
    const bool isSocket = ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0;
    if (isSocket && domain == AF_NETLINK) found.push_back(fd);
  }
  return found;
}

}  // namespace

UniqueFd listenOnLoopback(Port port) {
  UniqueFd listener{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const int yes = 1;
  REQUIRE(::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)) == 0);
  const auto address = loopback(port);
  REQUIRE(::bind(listener.get(), generic(address), sizeof(address)) == 0);
  REQUIRE(::listen(listener.get(), 16) == 0);
  return listener;
}

UniqueFd connectTo(Port port) {
  UniqueFd client{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const auto address = loopback(port);
  REQUIRE(::connect(client.get(), generic(address), sizeof(address)) == 0);
  return client;
}

Port localPort(const UniqueFd& socket) {
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  REQUIRE(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
  return static_cast<Port>(ntohs(address.sin_port));
}

std::uint32_t inodeOf(const UniqueFd& socket) {
  struct stat status {};
  REQUIRE(::fstat(socket.get(), &status) == 0);
  return static_cast<std::uint32_t>(status.st_ino);
}

UniqueFd listenOnUnix(std::string_view name, int backlog, int type) {
  UniqueFd listener{::socket(AF_UNIX, type | SOCK_CLOEXEC, 0)};
  const UnixAddress address{name};
  REQUIRE(::bind(listener.get(), generic(address.address), address.length) == 0);
  REQUIRE(::listen(listener.get(), backlog) == 0);
  return listener;
}

UniqueFd connectToUnix(std::string_view name) {
  UniqueFd client{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  const UnixAddress address{name};
  REQUIRE(::connect(client.get(), generic(address.address), address.length) == 0);
  return client;
}

int netlinkSockets() { return static_cast<int>(netlinkDescriptors().size()); }

void closeNetlinkSockets() {
  for (const int fd : netlinkDescriptors()) ::close(fd);
}

}  // namespace sockdiag::test
