#include "sockdiag/netlink_message.h"

#include <doctest/doctest.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

#include <array>
#include <climits>

#include "support.h"

namespace sockdiag::test {

namespace {

using Kind = Reply::Kind;

constexpr std::uint32_t kSequence = 7;

Result<std::optional<Reply>> first(const Buffer& datagram) {
  return Replies{datagram, kSequence}.next();
}

void checkFails(const Buffer& datagram, const char* operation, int error) {
  const auto reply = first(datagram);
  REQUIRE_FALSE(reply.ok());
  CHECK(reply.failure().operation == doctest::String{operation});
  CHECK(reply.failure().error == error);
}

void checkMalformed(const Buffer& datagram) { checkFails(datagram, kDumpOperation, EBADMSG); }

void checkIs(const Buffer& datagram, Kind kind) {
  const auto reply = first(datagram);
  REQUIRE(reply.ok());
  REQUIRE(reply.value().has_value());
  CHECK(reply.value()->kind == kind);
}

const Buffer kPayload = hex("01 02 03 04 05");

}  // namespace

TEST_CASE("messages are returned one by one, without padding, up to the end of the datagram") {
  const auto datagram =
      joined({message(SOCK_DIAG_BY_FAMILY, kSequence, kPayload), done(kSequence)});
  Replies replies{datagram, kSequence};
  const auto socket = replies.next();
  REQUIRE(socket.ok());
  CHECK(socket.value()->kind == Kind::kSocket);
  CHECK(Buffer(socket.value()->payload.begin(), socket.value()->payload.end()) == kPayload);
  CHECK(replies.next().value()->kind == Kind::kEnd);
  CHECK_FALSE(replies.next().value().has_value());
}

TEST_CASE("a reply to another request is skipped") {
  const auto stale = joined({message(SOCK_DIAG_BY_FAMILY, kSequence - 1, kPayload),
                             done(kSequence - 1), refusal(kSequence + 1, -ENOENT)});
  CHECK_FALSE(first(stale).value().has_value());
  checkIs(joined({stale, message(SOCK_DIAG_BY_FAMILY, kSequence, kPayload)}), Kind::kSocket);
}

TEST_CASE("the kernel's errno is in NLMSG_ERROR or NLMSG_DONE") {
  checkFails(refusal(kSequence, -ENOENT), "NLMSG_ERROR", ENOENT);
  checkFails(done(kSequence, -EINVAL), "NLMSG_DONE", EINVAL);
}

TEST_CASE("NLMSG_ERROR with error 0 is an acknowledgement and does not end the dump") {
  checkIs(refusal(kSequence, 0), Kind::kNothing);
}

TEST_CASE("NLMSG_NOOP is skipped, NLMSG_OVERRUN and unknown types are errors") {
  checkIs(message(NLMSG_NOOP, kSequence, {}), Kind::kNothing);
  checkMalformed(message(NLMSG_OVERRUN, kSequence, {}));
  checkMalformed(message(SOCK_DESTROY, kSequence, kPayload));
}

TEST_CASE("NLM_F_DUMP_INTR is reported for every type of message") {
  for (const auto& datagram :
       {message(SOCK_DIAG_BY_FAMILY, kSequence, kPayload, NLM_F_DUMP_INTR),
        message(NLMSG_NOOP, kSequence, {}, NLM_F_DUMP_INTR), done(kSequence, 0, NLM_F_DUMP_INTR)}) {
    CHECK(first(datagram).value()->interrupted);
  }
  CHECK_FALSE(first(done(kSequence, 0, NLM_F_MULTI)).value()->interrupted);
}

TEST_CASE("a datagram cut at any place is an error") {
  const auto whole = message(SOCK_DIAG_BY_FAMILY, kSequence, hex("01 02 03 04"));
  for (std::size_t size = 1; size < whole.size(); ++size) {
    CAPTURE(size);
    checkMalformed(prefix(whole, size));
  }
  CHECK_FALSE(first({}).value().has_value());
}

TEST_CASE("bytes after the last message must be a message") {
  const auto datagram = joined({message(SOCK_DIAG_BY_FAMILY, kSequence, {}), hex("00 00 00 00")});
  Replies replies{datagram, kSequence};
  CHECK(replies.next().ok());
  CHECK_FALSE(replies.next().ok());
}

TEST_CASE("an inconsistent length is an error, with any sequence number") {
  for (const std::uint32_t sequence : {kSequence, kSequence + 1}) {
    const auto whole = message(SOCK_DIAG_BY_FAMILY, sequence, hex("01 02 03 04"));
    for (const std::uint32_t length : {0U, 1U, 15U, 21U, 0x7fffffffU, 0xffffffffU}) {
      CAPTURE(length);
      checkMalformed(patched(whole, 0, bytesOf(length)));
    }
  }
}

TEST_CASE("a status that is too short, or not an errno, is malformed") {
  checkMalformed(message(NLMSG_DONE, kSequence, hex("00 00 00")));
  checkMalformed(message(NLMSG_DONE, kSequence, {}));
  checkMalformed(message(NLMSG_ERROR, kSequence, hex("fe ff ff ff")));
  checkMalformed(done(kSequence, 1));
  checkMalformed(refusal(kSequence, 1));
  checkMalformed(done(kSequence, -4096));
  checkMalformed(refusal(kSequence, INT_MIN));
  checkFails(done(kSequence, -4095), "NLMSG_DONE", 4095);
}

TEST_CASE("attributes are returned one by one, without padding") {
  const auto bytes = joined({attribute(8, hex("aa")), attribute(2, hex("01 02 03 04"))});
  Attributes attributes{bytes};
  const auto one = attributes.next();
  CHECK(one.value()->type == 8);
  CHECK(one.value()->payload.size() == 1);
  const auto two = attributes.next();
  CHECK(two.value()->type == 2);
  CHECK(two.value()->payload.size() == 4);
  CHECK_FALSE(attributes.next().value().has_value());
}

TEST_CASE("the flags are removed from an attribute's type") {
  CHECK(Attributes{attribute(2 | NLA_F_NESTED, {})}.next().value()->type == 2);
}

TEST_CASE("the last attribute may lack padding") {
  const auto bytes = hex("05 00 08 00 aa");
  Attributes attributes{bytes};
  CHECK(attributes.next().ok());
  CHECK_FALSE(attributes.next().value().has_value());
}

TEST_CASE("an attribute cut at any place is an error") {
  const auto whole = attribute(2, hex("01 02 03 04"));
  for (std::size_t size = 1; size < whole.size(); ++size) {
    CAPTURE(size);
    const auto next = Attributes{prefix(whole, size)}.next();
    REQUIRE_FALSE(next.ok());
    CHECK(next.failure().error == EBADMSG);
  }
}

TEST_CASE("an inconsistent attribute length is an error") {
  const auto whole = attribute(2, hex("01 02 03 04"));
  for (const auto length : std::to_array<std::uint16_t>({0, 1, 3, 9, 0xffff})) {
    CAPTURE(length);
    CHECK_FALSE(Attributes{patched(whole, 0, bytesOf(length))}.next().ok());
  }
}

}  // namespace sockdiag::test
