#include "sockdiag/exchange.h"

#include <doctest/doctest.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include "scripted_transport.h"

namespace sockdiag::test {

namespace {

class CollectingSink final : public DumpSink {
 public:
  void restart() override { payloads.clear(); }
  Status add(Bytes payload) override {
    if (refused) return malformed();
    payloads.emplace_back(payload.begin(), payload.end());
    return Done{};
  }

  std::vector<Buffer> payloads;
  bool refused = false;
};

struct Fixture {
  explicit Fixture(std::vector<std::vector<Event>> scripts) : transport(std::move(scripts)) {}

  Status dump() { return exchange.dump(unixDumpRequest(maskOf(SocketState::kListen), 0), sink); }

  void checkFails(const char* operation, int error) {
    const auto status = dump();
    REQUIRE_FALSE(status.ok());
    CHECK(status.failure().operation == doctest::String{operation});
    CHECK(status.failure().error == error);
  }

  ScriptedTransport transport;
  Exchange exchange{transport};
  CollectingSink sink;
};

using Buffers = std::vector<Buffer>;

const Buffer kOne = hex("01 00 00 00");
const Buffer kTwo = hex("02 00 00 00");

Event socketEvent(std::uint32_t sequence, const Buffer& payload, std::uint16_t flags = 0) {
  return {.bytes = message(SOCK_DIAG_BY_FAMILY, sequence, payload, flags)};
}
Event doneEvent(std::uint32_t sequence, std::uint16_t flags = 0) {
  return {.bytes = done(sequence, 0, flags)};
}
std::vector<Event> interruptedScript(std::uint32_t sequence) {
  return {socketEvent(sequence, kOne, NLM_F_DUMP_INTR), doneEvent(sequence)};
}

}  // namespace

TEST_CASE("a reply of several datagrams is read to its end") {
  Fixture fixture{{{socketEvent(1, kOne), socketEvent(1, kTwo), doneEvent(1)}}};
  CHECK(fixture.dump().ok());
  CHECK(fixture.sink.payloads == Buffers{kOne, kTwo});
  CHECK(fixture.transport.drops == 0);
}

TEST_CASE("every request has its own sequence number") {
  Fixture fixture{{{doneEvent(1)}, {doneEvent(2)}}};
  CHECK(fixture.dump().ok());
  CHECK(fixture.dump().ok());
  CHECK(readAt<nlmsghdr>(fixture.transport.requests.at(0))->nlmsg_seq == 1);
  CHECK(readAt<nlmsghdr>(fixture.transport.requests.at(1))->nlmsg_seq == 2);
}

TEST_CASE("datagrams from other processes are ignored, even truncated ones") {
  Fixture fixture{{{
      {.bytes = message(SOCK_DIAG_BY_FAMILY, 1, kTwo), .senderPort = 4711},
      {.bytes = done(1), .senderPort = 4711},
      {.bytes = done(1), .senderPort = 4711, .truncated = true},
      socketEvent(1, kOne),
      doneEvent(1),
  }}};
  CHECK(fixture.dump().ok());
  CHECK(fixture.sink.payloads == Buffers{kOne});
}

TEST_CASE("the reply to an earlier request is ignored") {
  Fixture fixture{
      {{doneEvent(1)}, {socketEvent(1, kTwo), doneEvent(1), socketEvent(2, kOne), doneEvent(2)}}};
  CHECK(fixture.dump().ok());
  CHECK(fixture.dump().ok());
  CHECK(fixture.sink.payloads == Buffers{kOne});
}

TEST_CASE("a truncated datagram is an error, even if its messages are complete") {
  Fixture fixture{{{{.bytes = done(1), .truncated = true}}}};
  fixture.checkFails(kDumpOperation, EMSGSIZE);
}

TEST_CASE("a missing reply ends in ETIMEDOUT after a bounded time") {
  Fixture fixture{{{socketEvent(1, kOne)}}};
  fixture.checkFails("recvmsg", ETIMEDOUT);
  CHECK(fixture.transport.waited == kReplyTimeout);
  CHECK(fixture.transport.drops == 1);
}

TEST_CASE("a flood of datagrams from other processes ends in ETIMEDOUT too") {
  Fixture fixture{{{}}};
  fixture.transport.flood = done(1);
  fixture.checkFails("recvmsg", ETIMEDOUT);
}

TEST_CASE("a process that was stopped for long still reads the reply that arrived meanwhile") {
  auto late = doneEvent(1);
  late.stopped = std::chrono::hours{1};
  Fixture fixture{{{socketEvent(1, kOne), late}}};
  CHECK(fixture.dump().ok());

  // This may happen any number of times, as long as usable datagrams arrive.
  auto lateSocket = socketEvent(1, kOne);
  lateSocket.stopped = std::chrono::hours{1};
  Fixture often{{{lateSocket, lateSocket, lateSocket, late}}};
  CHECK(often.dump().ok());

  Fixture afterForeign{{{{.bytes = done(1), .senderPort = 4711},
                         {.bytes = done(1), .senderPort = 4711, .stopped = std::chrono::hours{1}},
                         doneEvent(1)}}};
  CHECK(afterForeign.dump().ok());
}

TEST_CASE("an interrupted dump is repeated as a whole") {
  for (const auto& interrupted : {
           interruptedScript(1),
           {socketEvent(1, kOne), doneEvent(1, NLM_F_DUMP_INTR)},
           {{.bytes = joined({message(SOCK_DIAG_BY_FAMILY, 1, kOne, NLM_F_DUMP_INTR), done(1)})}},
       }) {
    Fixture fixture{{interrupted, {socketEvent(2, kTwo), doneEvent(2)}}};
    CHECK(fixture.dump().ok());
    CHECK(fixture.sink.payloads == Buffers{kTwo});
    CHECK(fixture.transport.drops == 0);
  }
}

TEST_CASE("a dump that is interrupted repeatedly fails in the end") {
  Fixture lucky{{interruptedScript(1), interruptedScript(2), interruptedScript(3), {doneEvent(4)}}};
  CHECK(lucky.dump().ok());

  Fixture fixture{{interruptedScript(1),
                   interruptedScript(2),
                   interruptedScript(3),
                   interruptedScript(4),
                   {doneEvent(5)}}};
  fixture.checkFails(kDumpOperation, EINTR);
  CHECK(fixture.transport.requests.size() == 4);
}

TEST_CASE("after ENOBUFS the dump is repeated on a new socket") {
  for (const auto& outOfMemory :
       {Event{.bytes = {}, .error = ENOBUFS}, Event{.bytes = refusal(1, -ENOBUFS)}}) {
    Fixture fixture{{{socketEvent(1, kOne), outOfMemory}, {socketEvent(2, kTwo), doneEvent(2)}}};
    CHECK(fixture.dump().ok());
    CHECK(fixture.sink.payloads == Buffers{kTwo});
    CHECK(fixture.transport.drops == 1);
  }
}

TEST_CASE("repeated ENOBUFS is an error") {
  Fixture fixture{{}};
  fixture.transport.sendError = ENOBUFS;
  fixture.checkFails("sendmsg", ENOBUFS);
  CHECK(fixture.transport.requests.size() == 4);
}

TEST_CASE("any other failure is reported at once, and the next request uses a new socket") {
  Fixture refused{{{{.bytes = refusal(1, -ENOENT)}}, {doneEvent(2)}}};
  refused.checkFails("NLMSG_ERROR", ENOENT);
  CHECK(refused.transport.requests.size() == 1);
  CHECK(refused.transport.drops == 1);
  CHECK(refused.dump().ok());

  Fixture atEnd{{{socketEvent(1, kOne), {.bytes = done(1, -EINVAL)}}}};
  atEnd.checkFails("NLMSG_DONE", EINVAL);

  Fixture lost{{{{.bytes = {}, .error = EBADF}}}};
  lost.checkFails("recvmsg", EBADF);
  CHECK(lost.transport.drops == 1);

  Fixture badSocket{{{socketEvent(1, kOne), doneEvent(1)}}};
  badSocket.sink.refused = true;
  badSocket.checkFails(kDumpOperation, EBADMSG);
  CHECK(badSocket.transport.drops == 1);
}

TEST_CASE("an acknowledgement does not end a dump") {
  Fixture fixture{{{{.bytes = refusal(1, 0)}, socketEvent(1, kOne), doneEvent(1)}}};
  CHECK(fixture.dump().ok());
  CHECK(fixture.sink.payloads == Buffers{kOne});
}

}  // namespace sockdiag::test
