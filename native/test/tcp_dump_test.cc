#include "sockdiag/tcp_dump.h"

#include <doctest/doctest.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

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

}  // namespace

TEST_CASE("both families' sockets are in one result") {
  ScriptedTransport transport{{
      {{.bytes = socketMessage(1, asFamily(AF_INET, recordedTcpListener()))}, {.bytes = done(1)}},
      {{.bytes = joined(
            {socketMessage(2, recordedTcpListener()), socketMessage(2, recordedTcpConnection())})},
       {.bytes = done(2)}},
  }};
  Conversation conversation{transport};
  const auto sockets = dumpTcp(conversation, Port{12345});
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

TEST_CASE("a second family that is asked again does not cost the first one its sockets") {
  ScriptedTransport transport{{
      {{.bytes = socketMessage(1, asFamily(AF_INET, recordedTcpListener()))}, {.bytes = done(1)}},
      {{.bytes = socketMessage(2, recordedTcpListener(), NLM_F_DUMP_INTR)}, {.bytes = done(2)}},
      {{.bytes = socketMessage(3, recordedTcpListener())}, {.bytes = done(3)}},
  }};
  Conversation conversation{transport};
  CHECK(dumpTcp(conversation, Port{12345}).value().size() == 2);
}

TEST_CASE("if either family fails, the whole call fails") {
  ScriptedTransport first{{{{.bytes = refusal(1, -ENOENT)}}, {{.bytes = done(2)}}}};
  ScriptedTransport second{{{{.bytes = done(1)}}, {{.bytes = refusal(2, -ENOENT)}}}};
  for (auto* transport : {&first, &second}) {
    Conversation conversation{*transport};
    const auto sockets = dumpTcp(conversation, Port{12345});
    REQUIRE_FALSE(sockets.ok());
    CHECK(sockets.failure().error == ENOENT);
  }
}

}  // namespace sockdiag::test
