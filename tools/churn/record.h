#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>

// Shared by the processes of the churn test.

namespace churn {

inline std::int64_t nowNs() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

[[noreturn]] inline void fail(const char* what) {
  std::perror(what);
  std::_Exit(2);
}

/// One connection, recorded by its client: the ground truth.
struct Entry {
  std::uint16_t serverPort;
  std::uint16_t clientPort;
  std::array<std::uint8_t, 16> clientAddress;  // IPv4 addresses are mapped.
  std::int64_t connecting;
  std::int64_t connected;
  std::int64_t closing;
};

inline constexpr std::size_t kMaxEntries = 200'000;

struct Shared {
  std::atomic<std::size_t> count;
  /// The number of client processes that have no open connection and wait, and how often they were
  /// asked to continue.
  std::atomic<int> quietClients;
  std::atomic<int> quietsChecked;
  std::atomic<int> clientsDone;
  std::atomic<bool> serverIsReady;
  std::atomic<bool> checkersAreReady;
  std::atomic<bool> serverMayEnd;
  std::array<Entry, kMaxEntries> entries;
};

inline Shared& share() {
  void* memory =
      ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fail("mmap");
  return *static_cast<Shared*>(memory);
}

inline sockaddr_in6 address(const char* text, int port) {
  sockaddr_in6 result{};
  result.sin6_family = AF_INET6;
  result.sin6_port = htons(static_cast<std::uint16_t>(port));
  if (::inet_pton(AF_INET6, text, &result.sin6_addr) != 1) fail(text);
  return result;
}

inline constexpr int kDualStackPort = 1234;
inline constexpr int kIpv4Port = 1235;
inline constexpr int kIpv6Port = 1236;
inline constexpr std::array kPorts{kDualStackPort, kIpv4Port, kIpv6Port};

/// Accepts on all ports, and closes each connection when its client does.
[[noreturn]] void serve(Shared& shared);

/// Makes `count` connections to the targets, for 0 to 300 ms each. After every thousand it closes
/// all and waits until the checker has polled.
[[noreturn]] void makeLoad(Shared& shared, int count, unsigned seed, bool fromOtherNamespace);

}  // namespace churn
