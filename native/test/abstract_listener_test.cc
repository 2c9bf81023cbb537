#include "sockdiag/abstract_listener.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <string>

namespace sockdiag::test {

namespace {

Bytes bytesIn(const std::string& text) { return std::as_bytes(std::span{text}); }

std::string uniqueName() { return "native-test/abstract/" + std::to_string(::getpid()); }

/// The number of listeners with exactly this name in the kernel's table.
int listenersCalled(const std::string& name) {
  std::ifstream table{"/proc/net/unix"};
  int count = 0;
  for (std::string line; std::getline(table, line);) {
    const bool isNamed = line.ends_with(" @" + name);
    if (isNamed && line.find(" 00010000 0001 01 ") != std::string::npos) ++count;
  }
  return count;
}

int connectTo(const std::string& name, const UniqueFd& client) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  const int result = ::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), size);
  return result == 0 ? 0 : errno;
}

UniqueFd openClient() {
  return UniqueFd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
}

}  // namespace

TEST_CASE("an abstract listener is in the kernel's table under its exact name until it is closed") {
  const auto name = uniqueName();
  CHECK(listenersCalled(name) == 0);
  {
    auto listener = listenAbstract(bytesIn(name));
    REQUIRE(listener.ok());
    CHECK(listenersCalled(name) == 1);
    // Child processes do not inherit it.
    CHECK((::fcntl(listener.value().get(), F_GETFD) & FD_CLOEXEC) != 0);
  }
  CHECK(listenersCalled(name) == 0);
}

TEST_CASE("a name that is in use is rejected") {
  const auto name = uniqueName();
  auto first = listenAbstract(bytesIn(name));
  REQUIRE(first.ok());
  auto second = listenAbstract(bytesIn(name));
  REQUIRE_FALSE(second.ok());
  CHECK(std::string{second.failure().operation} == "bind");
  CHECK(second.failure().error == EADDRINUSE);
}

TEST_CASE("the longest name is accepted, and a longer one is rejected") {
  const std::string longest(sizeof(sockaddr_un::sun_path) - 1, 'n');
  CHECK(listenAbstract(bytesIn(longest)).ok());
  auto longer = listenAbstract(bytesIn(longest + "n"));
  REQUIRE_FALSE(longer.ok());
  CHECK(longer.failure().error == ENAMETOOLONG);
}

TEST_CASE("connections stay in a queue with room for one") {
  const auto name = uniqueName();
  auto listener = listenAbstract(bytesIn(name));
  REQUIRE(listener.ok());
  const auto first = openClient();
  const auto second = openClient();
  CHECK(connectTo(name, first) == 0);
  CHECK(connectTo(name, second) == EAGAIN);
}

}  // namespace sockdiag::test
