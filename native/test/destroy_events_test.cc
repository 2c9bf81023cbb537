#include "sockdiag/destroy_events.h"

#include <doctest/doctest.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>

#include <cerrno>

#include "recorded.h"
#include "scripted_transport.h"

namespace sockdiag::test {

namespace {

constexpr Port kPort{12345};

class CollectingSink final : public DestroyedSink {
 public:
  void destroyed(const TcpSocket& socket) override { sockets.push_back(socket); }

  std::vector<TcpSocket> sockets;
};

/// As the kernel multicasts it: without a request, so without a sequence number.
Event event(const Buffer& payload) { return {.bytes = message(SOCK_DIAG_BY_FAMILY, 0, payload)}; }

struct Taken {
  explicit Taken(std::vector<Event> events) : transport{{std::move(events)}} {
    static_cast<void>(transport.send({}));
    result.emplace(takeDestroyed(transport, sink));
  }

  EventLoss loss() const { return result->value(); }

  ScriptedTransport transport;
  CollectingSink sink;
  std::optional<Result<EventLoss>> result;
};

}  // namespace

TEST_CASE("destroyed sockets are reported with their ports and cookie") {
  const Taken taken{{event(recordedTcpConnection()), event(recordedTcpListener())}};
  CHECK(taken.loss() == EventLoss::kNone);
  REQUIRE(taken.sink.sockets.size() == 2);
  CHECK(taken.sink.sockets[0].local.port == kPort);
  CHECK(taken.sink.sockets[0].peer.port == Port{37792});
  CHECK(taken.sink.sockets[1].peer.port == Port{0});
  CHECK(taken.sink.sockets[1].cookie == 0x1006);
}

TEST_CASE("destroyed sockets are reported with their bytes, unless they lost their peer address") {
  const auto peerPortAt = offsetof(inet_diag_msg, id) + offsetof(inet_diag_sockid, idiag_dport);
  const Taken taken{{event(recordedTcpConnection()),
                     event(patched(recordedTcpConnection(), peerPortAt, hex("00 00"))),
                     event(prefix(recordedTcpConnection(), sizeof(inet_diag_msg)))}};
  REQUIRE(taken.sink.sockets.size() == 3);
  CHECK(taken.sink.sockets[0].bytesReceived == 5U);
  CHECK_FALSE(taken.sink.sockets[1].bytesReceived);
  CHECK_FALSE(taken.sink.sockets[2].bytesReceived);
}

TEST_CASE("events from other processes are ignored") {
  auto foreign = event(recordedTcpConnection());
  foreign.senderPort = 4711;
  auto foreignCut = foreign;
  foreignCut.truncated = true;
  const Taken taken{{foreign, foreignCut, event(recordedTcpConnection())}};
  CHECK(taken.loss() == EventLoss::kNone);
  CHECK(taken.sink.sockets.size() == 1);
}

TEST_CASE("an overflow is a loss, and the remaining events are read") {
  const Taken taken{{{.bytes = {}, .error = ENOBUFS}, event(recordedTcpConnection())}};
  CHECK(taken.loss() == EventLoss::kSome);
  CHECK(taken.sink.sockets.size() == 1);
}

TEST_CASE("an event that cannot be parsed is a loss") {
  auto cut = event(recordedTcpConnection());
  cut.truncated = true;
  CHECK(Taken{{cut}}.loss() == EventLoss::kSome);
  CHECK(Taken{{event(prefix(recordedTcpConnection(), 71))}}.loss() == EventLoss::kSome);
  CHECK(Taken{{{.bytes = hex("01 02 03")}}}.loss() == EventLoss::kSome);
}

TEST_CASE("any other error of the socket is an error") {
  const Taken taken{{{.bytes = {}, .error = EBADF}}};
  REQUIRE_FALSE(taken.result->ok());
  CHECK(taken.result->failure().error == EBADF);
}

TEST_CASE("the number of events per call is bounded") {
  const std::vector<Event> flood(kMaxEventsPerCall + 10, event(recordedTcpConnection()));
  const Taken taken{flood};
  CHECK(taken.sink.sockets.size() == kMaxEventsPerCall);
}

}  // namespace sockdiag::test
