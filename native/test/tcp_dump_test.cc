#include "sockdiag/tcp_dump.h"

#include <doctest/doctest.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include <cerrno>

#include "recorded.h"
#include "scripted_transport.h"

namespace sockdiag::test {

namespace {

Buffer socketMessage(std::uint32_t sequence, const Buffer& payload, std::uint16_t flags = 0) {
  return message(SOCK_DIAG_BY_FAMILY, sequence, payload, flags);
}

Buffer asFamily(std::uint8_t family, const Buffer& payload) {
  return patched(payload, offsetof(inet_diag_msg, idiag_family), bytesOf(family));
}

/// Earlier content, which a dump must discard.
List<TcpSocket> two() {
  List<TcpSocket> sockets;
  for (int i = 0; i < 2; ++i) CHECK(sockets.append({}).ok());
  return sockets;
}

Result<List<TcpSocket>> dumped(ScriptedTransport& transport) {
  Exchange exchange{transport};
  auto sockets = two();
  auto status = dumpTcp(exchange, Port{12345}, kVisibleStates, Traffic::kIncluded, sockets);
  if (!status.ok()) return status.failure();
  return sockets;
}

}  // namespace

TEST_CASE("the result contains the sockets of both families") {
  ScriptedTransport transport{{
      {{.bytes = socketMessage(1, asFamily(AF_INET, recordedTcpListener()))}, {.bytes = done(1)}},
      {{.bytes = joined(
            {socketMessage(2, recordedTcpListener()), socketMessage(2, recordedTcpConnection())})},
       {.bytes = done(2)}},
  }};
  const auto sockets = dumped(transport);
  REQUIRE(sockets.ok());
  REQUIRE(sockets.value().size() == 3);
  CHECK(sockets.value()[0].local.address.family == AF_INET);
  CHECK(sockets.value()[1].local.address.family == AF_INET6);
  CHECK(sockets.value()[2].state == SocketState::kEstablished);

  const auto family = [&](std::size_t request) {
    return std::to_integer<int>(transport.requests.at(request).at(sizeof(nlmsghdr)));
  };
  CHECK(family(0) == AF_INET);
  CHECK(family(1) == AF_INET6);
}

TEST_CASE("a repeated dump of the second family keeps the sockets of the first") {
  ScriptedTransport transport{{
      {{.bytes = socketMessage(1, asFamily(AF_INET, recordedTcpListener()))}, {.bytes = done(1)}},
      {{.bytes = socketMessage(2, recordedTcpListener(), NLM_F_DUMP_INTR)}, {.bytes = done(2)}},
      {{.bytes = socketMessage(3, recordedTcpListener())}, {.bytes = done(3)}},
  }};
  CHECK(dumped(transport).value().size() == 2);
}

TEST_CASE("if either family fails, the whole call fails") {
  ScriptedTransport first{{{{.bytes = refusal(1, -ENOENT)}}, {{.bytes = done(2)}}}};
  ScriptedTransport second{{{{.bytes = done(1)}}, {{.bytes = refusal(2, -ENOENT)}}}};
  for (auto* transport : {&first, &second}) {
    const auto sockets = dumped(*transport);
    REQUIRE_FALSE(sockets.ok());
    CHECK(sockets.failure().error == ENOENT);
  }
}

namespace {

constexpr std::uint16_t kOlderForm = TCPDIAG_GETSOCK;

struct DumperFixture {
  explicit DumperFixture(std::vector<std::vector<Event>> scripts) : transport(std::move(scripts)) {}

  Status dump() { return dumper.dump(Port{12345}, kVisibleStates, Traffic::kLeftOut, sockets); }
  std::uint16_t typeOf(std::size_t request) const {
    return readAt<nlmsghdr>(transport.requests.at(request))->nlmsg_type;
  }

  ScriptedTransport transport;
  Exchange exchange{transport};
  TcpDumper dumper{exchange};
  List<TcpSocket> sockets = two();
};

std::vector<Event> refused(std::uint32_t sequence, int error) {
  return {{.bytes = refusal(sequence, -error)}};
}
std::vector<Event> empty(std::uint32_t sequence) { return {{.bytes = done(sequence)}}; }

}  // namespace

TEST_CASE("one pass returns both families") {
  DumperFixture fixture{
      {{{.bytes = joined({message(kOlderForm, 1, asFamily(AF_INET, recordedTcpListener())),
                          message(kOlderForm, 1, recordedTcpConnection())})},
        {.bytes = done(1)}},
       empty(2)}};
  REQUIRE(fixture.dump().ok());
  REQUIRE(fixture.sockets.size() == 2);
  CHECK(fixture.sockets[0].local.address.family == AF_INET);
  CHECK(fixture.sockets[1].local.address.family == AF_INET6);
  CHECK(fixture.typeOf(0) == kOlderForm);
  REQUIRE(fixture.dump().ok());
  CHECK(fixture.sockets.empty());
}

TEST_CASE("a socket of a third family does not match the request") {
  DumperFixture fixture{
      {{{.bytes = message(kOlderForm, 1, asFamily(AF_UNIX, recordedTcpListener()))}}}};
  CHECK(fixture.dump().failure().error == EBADMSG);
}

TEST_CASE("if the older form is refused, two dumps replace it until the reset") {
  for (const int error : {EOPNOTSUPP, EINVAL, ENOENT}) {
    DumperFixture fixture{{refused(1, error), empty(2), empty(3), empty(4), empty(5), empty(6)}};
    REQUIRE(fixture.dump().ok());
    CHECK(fixture.typeOf(1) == SOCK_DIAG_BY_FAMILY);
    REQUIRE(fixture.dump().ok());
    REQUIRE(fixture.transport.requests.size() == 5);
    CHECK(fixture.typeOf(3) == SOCK_DIAG_BY_FAMILY);
    fixture.dumper.reset();
    REQUIRE(fixture.dump().ok());
    CHECK(fixture.typeOf(5) == kOlderForm);
  }
}

TEST_CASE("if both forms fail, or with any other error, the older form is tried again") {
  DumperFixture missing{{refused(1, ENOENT), refused(2, ENOENT), empty(3)}};
  CHECK(missing.dump().failure().error == ENOENT);
  REQUIRE(missing.dump().ok());
  CHECK(missing.typeOf(2) == kOlderForm);

  DumperFixture denied{{refused(1, EPERM), empty(2), empty(3)}};
  CHECK(denied.dump().failure().error == EPERM);
  CHECK(denied.transport.requests.size() == 1);
}

}  // namespace sockdiag::test
