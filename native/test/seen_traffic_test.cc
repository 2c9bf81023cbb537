#include "sockdiag/seen_traffic.h"

#include <doctest/doctest.h>

#include <vector>

#include "tracker_fixture.h"

namespace sockdiag::test {

namespace {

TcpSocket connection(std::uint64_t cookie) {
  auto result = socket(kEstablished, cookie);
  result.bytesReceived = 100;
  result.bytesAcked = 50;
  result.unanswered = 2;
  result.lastAckReceivedMs = 7000;
  return result;
}

/// Whether a change of the second of two connections is noticed.
template <typename Change>
bool isNoticed(Change change) {
  List<TcpSocket> sockets;
  for (const auto cookie : {10, 11}) {
    REQUIRE(sockets.append(connection(static_cast<std::uint64_t>(cookie))).ok());
  }
  SeenTraffic seen;
  REQUIRE(seen.remember(sockets).ok());
  std::vector<TcpSocket> now{connection(10), connection(11)};
  CHECK_FALSE(seen.hasMoved(now));
  change(now[1]);
  return seen.hasMoved(now);
}

}  // namespace

TEST_CASE("traffic has moved when a byte has, or what is unanswered") {
  CHECK(isNoticed([](TcpSocket& now) { now.bytesReceived = 101; }));
  CHECK(isNoticed([](TcpSocket& now) { now.bytesAcked = 51; }));
  CHECK(isNoticed([](TcpSocket& now) { now.unanswered = 3; }));
  CHECK(isNoticed([](TcpSocket& now) { now.unanswered = 0; }));
}

TEST_CASE("traffic has moved when the peer has answered while something was unanswered") {
  CHECK(isNoticed([](TcpSocket& now) { now.lastAckReceivedMs = 6999; }));
  CHECK_FALSE(isNoticed([](TcpSocket& now) { now.lastAckReceivedMs = 9000; }));

  auto answered = connection(10);
  answered.unanswered = 0;
  List<TcpSocket> sockets;
  REQUIRE(sockets.append(answered).ok());
  SeenTraffic seen;
  REQUIRE(seen.remember(sockets).ok());
  answered.lastAckReceivedMs = 0;
  CHECK_FALSE(seen.hasMoved(std::vector<TcpSocket>{answered}));
}

TEST_CASE("traffic that is unknown may have moved") {
  CHECK(isNoticed([](TcpSocket& now) { now.bytesReceived.reset(); }));
  CHECK(isNoticed([](TcpSocket& now) { now.bytesAcked.reset(); }));
  CHECK(isNoticed([](TcpSocket& now) { now.lastAckReceivedMs.reset(); }));

  auto unknown = connection(10);
  unknown.bytesReceived.reset();
  List<TcpSocket> sockets;
  REQUIRE(sockets.append(unknown).ok());
  SeenTraffic seen;
  REQUIRE(seen.remember(sockets).ok());
  CHECK(seen.hasMoved(std::vector<TcpSocket>{unknown}));
}

TEST_CASE("the traffic of other sockets tells nothing of those that were read") {
  CHECK(isNoticed([](TcpSocket& now) { now.cookie = 12; }));
  CHECK(isNoticed([](TcpSocket& now) { now.state = kSynReceived; }));

  List<TcpSocket> sockets;
  REQUIRE(sockets.append(connection(10)).ok());
  REQUIRE(sockets.append(socket(kListen, 1)).ok());
  SeenTraffic seen;
  CHECK(seen.hasMoved(std::vector<TcpSocket>{connection(10)}));
  REQUIRE(seen.remember(sockets).ok());
  using Sockets = std::vector<TcpSocket>;
  CHECK_FALSE(seen.hasMoved(Sockets{socket(kSynReceived, 9), connection(10), socket(kListen, 1)}));
  CHECK(seen.hasMoved(Sockets{}));
  CHECK(seen.hasMoved(Sockets{connection(10), connection(11)}));
}

}  // namespace sockdiag::test
