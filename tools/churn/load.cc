#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <queue>
#include <random>
#include <vector>

#include "record.h"

namespace churn {

namespace {

constexpr int kAtOnce = 64;
constexpr int kConnectionsPerPhase = 1000;
constexpr std::int64_t kLongestNs = 300'000'000;

struct Target {
  const char* address;
  int port;
};

constexpr std::array kLocal{Target{"::ffff:127.0.0.1", kDualStackPort},
                            Target{"::1", kDualStackPort}, Target{"::ffff:127.0.0.1", kIpv4Port},
                            Target{"::1", kIpv6Port}};
constexpr std::array kRemote{Target{"::ffff:10.9.0.1", kDualStackPort},
                             Target{"fd09::1", kDualStackPort},
                             Target{"::ffff:10.9.0.1", kIpv4Port}, Target{"fd09::1", kIpv6Port}};

struct Open {
  std::int64_t end;
  int descriptor;
  Entry entry;
  bool operator<(const Open& other) const { return end > other.end; }
};

Open connectTo(const Target& target, std::int64_t lifetimeNs) {
  Open open{};
  // IPv4 connections are made from an IPv6 socket: on the wire and on the server they are IPv4.
  open.descriptor = ::socket(AF_INET6, SOCK_STREAM, 0);
  if (open.descriptor < 0) fail("socket");
  const auto server = address(target.address, target.port);
  open.entry.connecting = nowNs();
  if (::connect(open.descriptor, reinterpret_cast<const sockaddr*>(&server), sizeof(server)) < 0) {
    fail("connect");
  }
  open.entry.connected = nowNs();
  open.end = open.entry.connected + lifetimeNs;
  sockaddr_in6 own{};
  socklen_t size = sizeof(own);
  ::getsockname(open.descriptor, reinterpret_cast<sockaddr*>(&own), &size);
  open.entry.serverPort = static_cast<std::uint16_t>(target.port);
  open.entry.clientPort = ntohs(own.sin6_port);
  std::memcpy(open.entry.clientAddress.data(), &own.sin6_addr, sizeof(own.sin6_addr));
  return open;
}

void close(Shared& shared, Open open) {
  open.entry.closing = nowNs();
  ::close(open.descriptor);
  const auto index = shared.count.fetch_add(1);
  if (index >= kMaxEntries) fail("too many connections");
  shared.entries.at(index) = open.entry;
}

/// During half of the time connections only end, so that there are polls without a dump.
bool mayOpen() {
  constexpr std::int64_t kSlotNs = 128'000'000;
  return nowNs() / kSlotNs % 2 == 0;
}

void waitForCheck(Shared& shared) {
  const int before = shared.quietsChecked;
  ++shared.quietClients;
  while (shared.quietsChecked == before) ::usleep(1000);
}

}  // namespace

void makeLoad(Shared& shared, int count, unsigned seed, bool fromOtherNamespace) {
  while (!shared.checkersAreReady) ::usleep(1000);
  std::mt19937 random{seed};
  const auto& targets = fromOtherNamespace ? kRemote : kLocal;
  std::priority_queue<Open> open;
  const auto closeOldest = [&] {
    const auto wait = open.top().end - nowNs();
    if (wait > 0) ::usleep(static_cast<useconds_t>(wait / 1000));
    close(shared, open.top());
    open.pop();
  };
  for (int made = 0; made < count; ++made) {
    while (static_cast<int>(open.size()) >= kAtOnce || (!mayOpen() && !open.empty())) {
      closeOldest();
    }
    while (!open.empty() && open.top().end <= nowNs()) closeOldest();
    // Half of them last less than 30 ms, some no time at all.
    const auto longest = random() % 2 == 0 ? kLongestNs : kLongestNs / 10;
    const auto lifetime = random() % 8 == 0 ? 0 : static_cast<std::int64_t>(random()) % longest;
    open.push(connectTo(targets.at(random() % targets.size()), lifetime));
    if (made % kConnectionsPerPhase == kConnectionsPerPhase - 1) {
      while (!open.empty()) closeOldest();
      waitForCheck(shared);
    }
  }
  while (!open.empty()) closeOldest();
  ++shared.clientsDone;
  std::_Exit(0);
}

}  // namespace churn
