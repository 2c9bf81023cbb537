#include "sockdiag/tcp_counters.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "kernel_sockets.h"

namespace sockdiag::test {

namespace {

struct TemporaryFile {
  TemporaryFile() { ::close(::mkstemp(path.data())); }
  ~TemporaryFile() { std::filesystem::remove(path); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  /// Overwrites it in place, as /proc does.
  void write(const std::string& text) const { std::ofstream{path} << text; }
  void writeCount(int count) const {
    write("Tcp: PassiveOpens\nTcp: " + std::to_string(count) + "\n");
  }

  std::string path = (std::filesystem::temp_directory_path() / "snmp-XXXXXX").string();
};

}  // namespace

TEST_CASE("the file is read again each time, and stays open") {
  const TemporaryFile file;
  file.writeCount(5);
  TcpCounterFile counter{file.path.c_str()};
  CHECK(counter.read().value().passiveOpens == 5);
  file.writeCount(6);
  std::filesystem::remove(file.path);
  CHECK(counter.read().value().passiveOpens == 6);
  counter.drop();
  CHECK(counter.read().failure().error == ENOENT);
}

TEST_CASE("a file that is missing or malformed is an error until it is readable") {
  const TemporaryFile file;
  TcpCounterFile counter{file.path.c_str()};
  CHECK(counter.read().failure().error == EBADMSG);
  std::filesystem::remove(file.path);
  const auto missing = counter.read();
  CHECK(missing.failure().operation == doctest::String{"open"});
  CHECK(missing.failure().error == ENOENT);
  file.writeCount(7);
  CHECK(counter.read().value().passiveOpens == 7);
}

TEST_CASE("the kernel counts incoming connections of a listener, not the client's outgoing ones") {
  TcpCounterFile counter{kThreadNetSnmp};
  const UniqueFd listener = listenOnLoopback();
  const auto before = counter.read();
  REQUIRE(before.ok());
  const UniqueFd client = connectTo(localPort(listener));
  CHECK(counter.read().value().passiveOpens == before.value().passiveOpens + 1);
}

TEST_CASE("the kernel counts a segment for each byte that comes alone") {
  TcpCounterFile counter{kThreadNetSnmp};
  const UniqueFd listener = listenOnLoopback();
  const UniqueFd client = connectTo(localPort(listener));
  for (int i = 0; i < 3; ++i) {
    const auto before = counter.read().value().segments;
    REQUIRE(before.has_value());
    REQUIRE(::write(client.get(), "x", 1) == 1);
    CHECK(*counter.read().value().segments > *before);
  }
}

namespace {

// From Linux 6.18, with one line after the Tcp lines.
constexpr std::string_view kRecorded =
    "Ip: Forwarding DefaultTTL InReceives\n"
    "Ip: 2 64 49558\n"
    "IcmpMsg: OutType3\n"
    "IcmpMsg: 8\n"
    "Tcp: RtoAlgorithm RtoMin MaxConn ActiveOpens PassiveOpens EstabResets InSegs OutSegs\n"
    "Tcp: 1 200 -1 971 559 49 7000 8000\n"
    "Udp: InDatagrams NoPorts\n";

std::optional<TcpCounters> parseAll(std::string_view text) {
  return tcpCountersIn(std::as_bytes(std::span{text}));
}

std::optional<std::uint64_t> parse(std::string_view text) {
  const auto counters = parseAll(text);
  return counters ? std::optional{counters->passiveOpens} : std::nullopt;
}

std::string replaced(std::string_view what, std::string_view with) {
  std::string text{kRecorded};
  return text.replace(text.find(what), what.size(), with);
}

}  // namespace

TEST_CASE("the counter is found by name in any column") {
  CHECK(parse(kRecorded) == 559U);
  CHECK(parse("Tcp: PassiveOpens\nTcp: 0\n") == 0U);
  CHECK(parse("Tcp: A PassiveOpens B\nTcp: -1 18446744073709551615 3\n") == UINT64_MAX);
  CHECK(parse("TcpExt: PassiveOpens\nTcpExt: 1\nTcp: PassiveOpens\nTcp: 2\n") == 2U);
}

TEST_CASE("segments are those received and those sent, if both are told") {
  CHECK(parseAll(kRecorded)->segments == 15000U);
  CHECK_FALSE(parseAll(replaced("InSegs", "XSegs"))->segments.has_value());
  CHECK_FALSE(parseAll(replaced("8000", "80x0"))->segments.has_value());
}

TEST_CASE("a text without the counter gives no number, not zero") {
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

TEST_CASE("a number too large for 64 bits gives no number, not a truncated one") {
  CHECK_FALSE(parse(replaced("559", "18446744073709551616")).has_value());
  CHECK_FALSE(parse(replaced("559", "99999999999999999999559")).has_value());
}

TEST_CASE("a text cut before the end of the line of values gives no number") {
  const auto end = kRecorded.find("\nUdp");
  for (std::size_t size = 0; size <= kRecorded.size(); ++size) {
    CAPTURE(size);
    CHECK(parse(kRecorded.substr(0, size)).has_value() == (size > end));
  }
}

}  // namespace sockdiag::test
