#include <doctest/doctest.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include <cerrno>

#include "scripted_transport.h"
#include "sockdiag/exchange.h"

namespace sockdiag::test {

namespace {

class CollectingSink final : public LookupSink {
 public:
  Status found(std::size_t index, Bytes payload) override {
    if (refused) return malformed();
    answers.emplace_back(index, std::to_integer<int>(payload[0]));
    return Done{};
  }
  Status gone(std::size_t index) override {
    answers.emplace_back(index, -1);
    return Done{};
  }

  std::vector<std::pair<std::size_t, int>> answers;
  bool refused = false;
};

struct Fixture {
  explicit Fixture(std::vector<std::vector<Event>> scripts) : transport(std::move(scripts)) {}

  Status lookUp(std::size_t count) {
    return exchange.lookUp(
        count, [](std::size_t /*index*/) { return tcpLookupRequest({}, Traffic::kLeftOut); }, sink);
  }

  void checkFails(std::size_t count, int error) {
    const auto status = lookUp(count);
    REQUIRE_FALSE(status.ok());
    CHECK(status.failure().error == error);
    CHECK(transport.drops == 1);
  }

  ScriptedTransport transport;
  Exchange exchange{transport};
  CollectingSink sink;
};

using Answers = std::vector<std::pair<std::size_t, int>>;

Event found(std::uint32_t sequence, const char* payload) {
  return {.bytes = message(SOCK_DIAG_BY_FAMILY, sequence, hex(payload))};
}
Event gone(std::uint32_t sequence) { return {.bytes = refusal(sequence, -ENOENT)}; }

}  // namespace

TEST_CASE("several lookups are sent together, each with its own sequence number and reply") {
  Fixture fixture{{{found(1, "0a"), gone(2), found(3, "0c")}}};
  CHECK(fixture.lookUp(3).ok());
  CHECK(fixture.sink.answers == Answers{{0, 0x0a}, {1, -1}, {2, 0x0c}});
  REQUIRE(fixture.transport.requests.size() == 1);
  const auto& sent = fixture.transport.requests[0];
  std::size_t at = 0;
  for (std::uint32_t sequence = 1; sequence <= 3; ++sequence) {
    const auto header = readAt<nlmsghdr>(sent, at);
    REQUIRE(header.has_value());
    CHECK(header->nlmsg_seq == sequence);
    CHECK(header->nlmsg_flags == NLM_F_REQUEST);
    at += header->nlmsg_len;
  }
  CHECK(at == sent.size());
}

TEST_CASE("more lookups than fit in one datagram are sent in batches") {
  std::vector<Event> first;
  for (std::uint32_t sequence = 1; sequence <= kMaxLookupsPerSend; ++sequence) {
    first.push_back(gone(sequence));
  }
  Fixture fixture{{first, {found(kMaxLookupsPerSend + 1, "0a")}}};
  CHECK(fixture.lookUp(kMaxLookupsPerSend + 1).ok());
  CHECK(fixture.transport.requests.size() == 2);
  CHECK(fixture.sink.answers.size() == kMaxLookupsPerSend + 1);
  CHECK(fixture.sink.answers.back() == std::pair{kMaxLookupsPerSend, 0x0a});

  Fixture none{{}};
  CHECK(none.lookUp(0).ok());
  CHECK(none.transport.requests.empty());
}

TEST_CASE("replies to other lookups, and from other processes, are ignored") {
  auto foreign = found(1, "0b");
  foreign.senderPort = 4711;
  Fixture fixture{{{found(7, "0b"), gone(0), foreign, found(1, "0a")}}};
  CHECK(fixture.lookUp(1).ok());
  CHECK(fixture.sink.answers == Answers{{0, 0x0a}});

  // The second lookup's reply is used neither for the first lookup nor, out of order, for its own.
  Fixture swapped{{{found(2, "0b"), found(1, "0a")}}};
  swapped.checkFails(2, ETIMEDOUT);
  CHECK(swapped.sink.answers == Answers{{0, 0x0a}});
}

TEST_CASE("any errno except ENOENT fails all lookups") {
  Fixture refused{{{gone(1), {.bytes = refusal(2, -EPERM)}, found(3, "0a")}}};
  refused.checkFails(3, EPERM);
  Fixture lost{{{{.bytes = {}, .error = ENOBUFS}}}};
  lost.checkFails(1, ENOBUFS);
  Fixture silent{{{gone(1)}}};
  silent.checkFails(2, ETIMEDOUT);
  Fixture unsent{{}};
  unsent.transport.sendError = EBADF;
  unsent.checkFails(1, EBADF);
}

TEST_CASE(
    "a reply that is not a socket, is truncated or is rejected by the sink fails all lookups") {
  Fixture ended{{{{.bytes = done(1)}}}};
  ended.checkFails(1, EBADMSG);
  Fixture acknowledged{{{{.bytes = refusal(1, 0)}}}};
  acknowledged.checkFails(1, EBADMSG);
  auto cut = found(1, "0a");
  cut.truncated = true;
  Fixture truncated{{{cut}}};
  truncated.checkFails(1, EMSGSIZE);
  Fixture unwanted{{{found(1, "0a")}}};
  unwanted.sink.refused = true;
  unwanted.checkFails(1, EBADMSG);
}

}  // namespace sockdiag::test
