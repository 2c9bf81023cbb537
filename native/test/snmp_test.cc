#include "sockdiag/snmp.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace sockdiag::test {

namespace {

// Linux 6.18, cut after the Tcp lines but for one.
constexpr std::string_view kRecorded =
    "Ip: Forwarding DefaultTTL InReceives\n"
    "Ip: 2 64 49558\n"
    "IcmpMsg: OutType3\n"
    "IcmpMsg: 8\n"
    "Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets\n"
    "Tcp: 1 200 120000 -1 971 559 1 49\n"
    "Udp: InDatagrams NoPorts\n";

std::optional<std::uint64_t> parse(std::string_view text) {
  return passiveOpensIn(std::as_bytes(std::span{text}));
}

std::string replaced(std::string_view what, std::string_view with) {
  std::string text{kRecorded};
  return text.replace(text.find(what), what.size(), with);
}

}  // namespace

TEST_CASE("the counter is found by its name, wherever its column is") {
  CHECK(parse(kRecorded) == 559U);
  CHECK(parse("Tcp: PassiveOpens\nTcp: 0\n") == 0U);
  CHECK(parse("Tcp: A PassiveOpens B\nTcp: -1 18446744073709551615 3\n") == UINT64_MAX);
  CHECK(parse("TcpExt: PassiveOpens\nTcpExt: 1\nTcp: PassiveOpens\nTcp: 2\n") == 2U);
}

TEST_CASE("a text without the counter has no number, rather than zero") {
  CHECK_FALSE(parse("").has_value());
  CHECK_FALSE(parse("\n\n").has_value());
  CHECK_FALSE(parse("Tcp: PassiveOpens\n").has_value());
  CHECK_FALSE(parse("Tcp: \nTcp: \n").has_value());
  CHECK_FALSE(parse("Tcp: A PassiveOpens\nTcp: 1\n").has_value());
  CHECK_FALSE(parse("Udp: PassiveOpens\nUdp: 1\n").has_value());
  CHECK_FALSE(parse(replaced("PassiveOpens", "PassiveOpen")).has_value());
  CHECK_FALSE(parse(replaced("PassiveOpens", "XPassiveOpens")).has_value());
  CHECK_FALSE(parse(replaced("559", "-559")).has_value());
  CHECK_FALSE(parse(replaced("559", "55x")).has_value());
  CHECK_FALSE(parse(replaced("559", "")).has_value());
}

TEST_CASE("a number too large for 64 bits is none, rather than what is left of it") {
  CHECK_FALSE(parse(replaced("559", "18446744073709551616")).has_value());
  CHECK_FALSE(parse(replaced("559", "99999999999999999999559")).has_value());
}

TEST_CASE("a text that is cut before the end of the values' line has no number") {
  const auto end = kRecorded.find("\nUdp");
  for (std::size_t size = 0; size <= kRecorded.size(); ++size) {
    CAPTURE(size);
    CHECK(parse(kRecorded.substr(0, size)).has_value() == (size > end));
  }
}

}  // namespace sockdiag::test
