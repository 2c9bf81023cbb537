#include <doctest/doctest.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "kernel_sockets.h"
#include "sockdiag/sock_diag.h"

// Unix sockets against this machine's kernel.

namespace sockdiag::test {

namespace {

Bytes bytes(std::string_view text) { return std::as_bytes(std::span{text}); }

std::string abstractName(std::string_view suffix) {
  return std::string(1, '\0') + "sockdiag-test-" + std::to_string(::getpid()) + std::string(suffix);
}

/// A closed client stays in the queue, and needs no descriptor.
void queueClients(std::string_view name, int count) {
  for (int i = 0; i < count; ++i) connectToUnix(name);
}

int maxBacklog() {
  int value = 0;
  std::ifstream{"/proc/sys/net/core/somaxconn"} >> value;
  return value;
}

}  // namespace

TEST_CASE("a unix client is reported as queued, then accepted, then gone") {
  const auto name = abstractName("");
  const UniqueFd listener = listenOnUnix(name, 16, SOCK_STREAM);
  SockDiag sockDiag;

  UniqueFd client = connectToUnix(name);
  queueClients(name, 1);
  const auto queued = sockDiag.unixSockets(bytes(name));
  REQUIRE(queued.ok());
  REQUIRE(queued.value().listeners.size() == 1);
  CHECK(queued.value().listeners[0].inode == inodeOf(listener));
  CHECK(std::ranges::equal(queued.value().listeners[0].queuedPeerInodes,
                           std::vector<std::uint32_t>{inodeOf(client), 0}));
  CHECK(queued.value().accepted.empty());

  const UniqueFd accepted{::accept(listener.get(), nullptr, nullptr)};
  const auto connected = sockDiag.unixSockets(bytes(name));
  REQUIRE(connected.value().accepted.size() == 1);
  CHECK(connected.value().accepted[0].inode == inodeOf(accepted));
  CHECK(connected.value().accepted[0].peerInode == inodeOf(client));
  CHECK(connected.value().listeners[0].queuedPeerInodes.size() == 1);

  client.reset();
  CHECK(sockDiag.unixSockets(bytes(name)).value().accepted[0].peerInode == 0);
}

TEST_CASE("paths of up to the full 108 bytes are found, with and without a trailing NUL") {
  std::string folder = (std::filesystem::temp_directory_path() / "sockdiag-XXXXXX").string();
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  for (const std::size_t length : {folder.size() + 2, std::size_t{107}, std::size_t{108}}) {
    CAPTURE(length);
    const auto path = folder + '/' + std::string(length - folder.size() - 1, 'x');
    const UniqueFd listener = listenOnUnix(path, 16, SOCK_STREAM);
    const UniqueFd client = connectToUnix(path);
    SockDiag sockDiag;
    for (const auto& asked : {path, path + '\0'}) {
      const auto sockets = sockDiag.unixSockets(bytes(asked));
      REQUIRE(sockets.ok());
      REQUIRE(sockets.value().listeners.size() == 1);
      CHECK(sockets.value().listeners[0].inode == inodeOf(listener));
      CHECK(sockets.value().listeners[0].queuedPeerInodes.size() == 1);
    }
    CHECK(sockDiag.unixSockets(bytes(path).first(length - 1)).value().listeners.empty());
  }
  std::filesystem::remove_all(folder);
}

TEST_CASE("the first request on a new socket lists a long queue completely") {
  constexpr int kClients = 3000;
  if (maxBacklog() < kClients) {
    MESSAGE("not tested: net.core.somaxconn is ", maxBacklog());
    return;
  }
  const auto name = abstractName("-long");
  const UniqueFd listener = listenOnUnix(name, kClients, SOCK_STREAM);
  queueClients(name, kClients);
  SockDiag sockDiag;
  const auto sockets = sockDiag.unixSockets(bytes(name));
  REQUIRE(sockets.ok());
  REQUIRE(sockets.value().listeners.size() == 1);
  CHECK(sockets.value().listeners[0].queuedPeerInodes.size() == kClients);
}

TEST_CASE("a queue too long for the kernel to list is an error, and does not affect other names") {
  // In a new thread, because unshare() changes only the calling thread's namespace.
  std::thread([] {
    constexpr int kClients = 9000;
    if (::unshare(CLONE_NEWNET) != 0) {
      MESSAGE("not tested: no permission to make a network namespace");
      return;
    }
    std::ofstream{"/proc/sys/net/core/somaxconn"} << kClients;
    if (maxBacklog() != kClients) {
      MESSAGE("not tested: no permission to raise net.core.somaxconn");
      return;
    }
    const auto longName = abstractName("-too-long");
    const UniqueFd longListener = listenOnUnix(longName, kClients, SOCK_STREAM);
    queueClients(longName, kClients);
    const auto name = abstractName("-idle");
    const UniqueFd listener = listenOnUnix(name, 16, SOCK_STREAM);

    SockDiag sockDiag;
    const auto tooLong = sockDiag.unixSockets(bytes(longName));
    REQUIRE_FALSE(tooLong.ok());
    CHECK(tooLong.failure().operation == doctest::String{kDumpOperation});
    CHECK(tooLong.failure().error == EMSGSIZE);
    CHECK(sockDiag.unixSockets(bytes(name)).value().listeners.size() == 1);
  }).join();
}

}  // namespace sockdiag::test
