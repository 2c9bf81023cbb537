#include "checker.h"

#include <algorithm>
#include <cstring>
#include <map>

namespace churn {

namespace {

using sockdiag::SocketState;
using sockdiag::TcpSocket;

// The server's sockets lag behind the clients' clock by the time that the machine needs to carry a
// segment from one process to the other, which is noticeable under load.
constexpr std::int64_t kSlackNs = 50'000'000;

std::string nameOf(const std::array<std::uint8_t, 16>& address, std::uint16_t port) {
  const std::string bytes{reinterpret_cast<const char*>(address.data()), address.size()};
  return bytes + std::to_string(port);
}

std::string nameOf(const TcpSocket& socket) {
  std::array<std::uint8_t, 16> address{};
  const auto& bytes = socket.peer.address.bytes;
  if (socket.peer.address.family == AF_INET) {
    address[10] = address[11] = 0xff;
    std::memcpy(&address[12], bytes.data(), 4);
  } else {
    std::memcpy(address.data(), bytes.data(), address.size());
  }
  return nameOf(address, static_cast<std::uint16_t>(socket.peer.port));
}

template <typename Set>
bool has(const Set& set, const typename Set::key_type& key) {
  return set.find(key) != set.end();
}

}  // namespace

void TrackerChecker::fault(const char* what) {
  if (++faults_ <= 10) std::printf("port %d: %s\n", static_cast<int>(port_), what);
}

TrackerChecker::Clients TrackerChecker::dumped() {
  Clients clients;
  const auto sockets = plain_.tcpSockets(port_);
  if (!sockets.ok()) {
    fault("a plain dump failed");
    return clients;
  }
  for (const auto& socket : sockets.value()) {
    if (socket.state == SocketState::kEstablished) clients.insert(socket.cookie);
  }
  return clients;
}

void TrackerChecker::poll() {
  const auto before = dumped();
  Poll poll{.start = nowNs(), .end = 0, .clients = {}};
  const bool isDone = tracker_.poll().ok();
  poll.end = nowNs();
  const auto after = dumped();
  if (!isDone) {
    fault("a poll failed");
    return;
  }
  ++reasons_.at(static_cast<std::size_t>(tracker_.reason()));

  Clients tracked;
  std::size_t listeners = 0;
  const auto kept = tracker_.sockets();
  for (const auto& socket : kept.value()) {
    if (socket.state == SocketState::kListen) {
      ++listeners;
      continue;
    }
    tracked.insert(socket.cookie);
    everSeen_.insert(socket.cookie);
    poll.clients.push_back(nameOf(socket));
    // It may have existed only between the two dumps; then the clients' record must have it.
    if (!has(before, socket.cookie) && !has(after, socket.cookie)) ++neitherBeforeNorAfter_;
  }
  if (listeners != 1) fault("the listener was missed");
  for (const auto cookie : before) {
    if (has(after, cookie) && !has(tracked, cookie)) fault("a connection in both dumps was missed");
  }
  polls_.push_back(std::move(poll));
}

void TrackerChecker::checkQuiet() {
  if (!tracker_.poll().ok()) return fault("a poll failed in a quiet phase");
  if (tracker_.sockets().value().size() != 1) fault("a connection was reported in a quiet phase");
}

void TrackerChecker::checkRecord(const Shared& shared, bool allEventsReceived) {
  std::map<std::string, std::vector<const Entry*>> groundTruth;
  for (std::size_t i = 0; i < shared.count; ++i) {
    const auto& entry = shared.entries.at(i);
    if (entry.serverPort != static_cast<std::uint16_t>(port_)) continue;
    groundTruth[nameOf(entry.clientAddress, entry.clientPort)].push_back(&entry);
    ++made_;
  }
  std::map<std::string, std::vector<const Poll*>> results;
  for (const auto& poll : polls_) {
    for (const auto& client : poll.clients) {
      results[client].push_back(&poll);
      const auto known = groundTruth.find(client);
      const bool isTrue =
          known != groundTruth.end() && std::ranges::any_of(known->second, [&](const Entry* entry) {
            return entry->connecting <= poll.end && poll.start <= entry->closing + kSlackNs;
          });
      if (!isTrue) fault("a connection was reported that did not exist");
    }
  }
  for (const auto& [client, entries] : groundTruth) {
    const auto& seen = results[client];
    for (const auto* entry : entries) {
      const auto from =
          std::ranges::lower_bound(polls_, entry->connected + kSlackNs, {}, &Poll::start);
      for (auto poll = from; poll != polls_.end() && poll->end < entry->closing; ++poll) {
        if (std::ranges::find(seen, &*poll) == seen.end()) fault("a connection was missed");
      }
    }
  }
  const auto accounted = everSeen_.size() + tracker_.seenBetweenPolls();
  if (accounted > made_) fault("more connections were seen or counted than were made");
  if (allEventsReceived && accounted < made_) fault("a connection was neither seen nor counted");
}

void TrackerChecker::report() const {
  std::printf("port %d: %zu connections, %zu seen, %llu between polls; %zu polls:",
              static_cast<int>(port_), made_, everSeen_.size(),
              static_cast<unsigned long long>(tracker_.seenBetweenPolls()), polls_.size());
  for (std::size_t i = 0; i < reasons_.size(); ++i) {
    if (reasons_.at(i) > 0) {
      std::printf(" %s %d", sockdiag::toText(static_cast<sockdiag::PollReason>(i)), reasons_.at(i));
    }
  }
  std::printf("; in neither dump %d; %d faults\n", neitherBeforeNorAfter_, faults_);
}

}  // namespace churn
