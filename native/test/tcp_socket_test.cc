#include "sockdiag/tcp_socket.h"

#include <doctest/doctest.h>
#include <linux/bpf.h>
#include <linux/inet_diag.h>
#include <linux/tcp.h>
#include <sys/socket.h>

#include "recorded.h"

namespace sockdiag::test {

namespace {

constexpr TcpQuery kQuery{.family = AF_INET6, .localPort = Port{12345}};

TcpSocket parsed(const Buffer& payload, TcpQuery query = kQuery) {
  const auto socket = parseTcpSocket(payload, query);
  REQUIRE(socket.ok());
  REQUIRE(socket.value().has_value());
  return *socket.value();
}

void checkMalformed(const Buffer& payload, TcpQuery query = kQuery) {
  const auto socket = parseTcpSocket(payload, query);
  REQUIRE_FALSE(socket.ok());
  CHECK(socket.failure().error == EBADMSG);
}

/// The recorded connection with a tcp_info of only `size` bytes, as from an older kernel.
Buffer withTcpInfoOf(std::size_t size) {
  const auto connection = recordedTcpConnection();
  const Buffer info(connection.begin() + kRecordedTcpInfoAt,
                    connection.begin() + static_cast<std::ptrdiff_t>(kRecordedTcpInfoAt + size));
  return joined({prefix(connection, sizeof(inet_diag_msg)), attribute(INET_DIAG_INFO, info)});
}

doctest::String text(const InetAddress& address) { return {toText(address).data()}; }

}  // namespace

TEST_CASE("an accepted connection from an IPv4 client of a dual-stack listener") {
  const auto socket = parsed(recordedTcpConnection());
  CHECK(socket.state == SocketState::kEstablished);
  CHECK(text(socket.local.address) == "::ffff:127.0.0.1");
  CHECK(socket.local.port == Port{12345});
  CHECK(text(socket.peer.address) == "::ffff:127.0.0.1");
  CHECK(socket.peer.port == Port{37792});
  CHECK(socket.inode == 21156);
  CHECK(socket.uid == 0);
  CHECK(socket.cookie == 0x1007);
  CHECK(socket.bytesReceived == 5U);
  CHECK(socket.bytesAcked == 2U);
  CHECK(socket.lastDataSentMs == 48U);
  CHECK(socket.lastDataReceivedMs == 48U);
  CHECK(socket.lastAckReceivedMs == 48U);
}

TEST_CASE("each field is read from its own offset") {
  const auto at = [](std::size_t offset) { return kRecordedTcpInfoAt + offset; };
  auto payload = recordedTcpConnection();
  payload = patched(payload, offsetof(inet_diag_msg, idiag_retrans), bytesOf(std::uint8_t{3}));
  payload = patched(payload, offsetof(inet_diag_msg, idiag_uid), bytesOf(1000U));
  payload =
      patched(payload, offsetof(inet_diag_msg, id.idiag_cookie), hex("01 00 00 00 02 00 00 00"));
  payload = patched(payload, at(offsetof(tcp_info, tcpi_last_data_sent)), bytesOf(11U));
  payload = patched(payload, at(offsetof(tcp_info, tcpi_last_data_recv)), bytesOf(12U));
  payload = patched(payload, at(offsetof(tcp_info, tcpi_last_ack_recv)), bytesOf(13U));
  payload = patched(payload, at(offsetof(tcp_info, tcpi_bytes_received)), bytesOf(1ULL << 40));
  const auto socket = parsed(payload);
  CHECK(socket.unanswered == 3);
  CHECK(socket.uid == 1000);
  CHECK(socket.cookie == 0x2'0000'0001);
  CHECK(socket.lastDataSentMs == 11U);
  CHECK(socket.lastDataReceivedMs == 12U);
  CHECK(socket.lastAckReceivedMs == 13U);
  CHECK(socket.bytesReceived == 1ULL << 40);
}

TEST_CASE("an IPv4 connection that has not been accepted yet") {
  const auto socket = parsed(hex(R"(
    02 01 00 00                                     # AF_INET, ESTABLISHED
    04 d2 e5 4a                                     # idiag_sport 1234, idiag_dport 58698
    0a 00 00 01 00 00 00 00 00 00 00 00 00 00 00 00 # idiag_src 10.0.0.1
    0a 00 00 02 00 00 00 00 00 00 00 00 00 00 00 00 # idiag_dst 10.0.0.2
    00 00 00 00                                     # idiag_if
    07 10 00 00 00 00 00 00                         # idiag_cookie
    00 00 00 00 00 00 00 00 00 00 00 00             # idiag_expires, idiag_rqueue, idiag_wqueue
    00 00 00 00                                     # idiag_uid
    00 00 00 00                                     # idiag_inode
  )"),
                             {.family = AF_INET, .localPort = Port{1234}});
  CHECK(socket.inode == 0);
  CHECK(text(socket.local.address) == "10.0.0.1");
  CHECK(text(socket.peer.address) == "10.0.0.2");
  CHECK(socket.peer.port == Port{58698});
  CHECK_FALSE(socket.bytesReceived.has_value());
}

TEST_CASE("a listener has unknown counts, not zeros") {
  const auto socket = parsed(recordedTcpListener());
  CHECK(socket.state == SocketState::kListen);
  CHECK(text(socket.local.address) == "::");
  CHECK(socket.inode == 21154);
  CHECK_FALSE(socket.bytesReceived.has_value());
  CHECK_FALSE(socket.lastAckReceivedMs.has_value());
}

TEST_CASE("fields missing from an older kernel's tcp_info are unknown") {
  CHECK(parsed(withTcpInfoOf(136)).bytesReceived == 5U);
  CHECK_FALSE(parsed(withTcpInfoOf(135)).bytesReceived.has_value());
  CHECK(parsed(withTcpInfoOf(128)).bytesAcked == 2U);
  // Linux 4.0 and older: up to tcpi_total_retrans.
  const auto old = parsed(withTcpInfoOf(104));
  CHECK_FALSE(old.bytesAcked.has_value());
  CHECK(old.lastDataSentMs == 48U);
  CHECK_FALSE(parsed(withTcpInfoOf(47)).lastDataSentMs.has_value());
  CHECK_FALSE(parsed(withTcpInfoOf(0)).lastAckReceivedMs.has_value());
}

TEST_CASE("a connection that ended while the kernel filled in its message is omitted") {
  for (const auto state : {BPF_TCP_CLOSE, BPF_TCP_CLOSE_WAIT}) {
    const auto socket =
        parseTcpSocket(patched(recordedTcpConnection(), offsetof(inet_diag_msg, idiag_state),
                               bytesOf(static_cast<std::uint8_t>(state))),
                       kQuery);
    REQUIRE(socket.ok());
    CHECK_FALSE(socket.value().has_value());
  }
}

TEST_CASE("in SYN_RECV, if requested, sockets are returned and connection requests are omitted") {
  constexpr TcpQuery kTracked{.family = AF_INET6,
                              .localPort = Port{12345},
                              .states = kVisibleStates | maskOf(SocketState::kSynReceived)};
  const auto socket = patched(recordedTcpConnection(), offsetof(inet_diag_msg, idiag_state),
                              bytesOf(static_cast<std::uint8_t>(SocketState::kSynReceived)));
  CHECK(parseTcpSocket(socket, kTracked).value()->state == SocketState::kSynReceived);
  CHECK_FALSE(parseTcpSocket(socket, kQuery).value().has_value());
  // A connection request has the fixed part, and for privileged callers its mark.
  const auto request = joined(
      {prefix(socket, sizeof(inet_diag_msg)), attribute(INET_DIAG_MARK, hex("00 00 00 00"))});
  CHECK_FALSE(parseTcpSocket(request, kTracked).value().has_value());
}

TEST_CASE("without a requested family, either one matches") {
  const auto socket =
      parseTcpSocket(recordedTcpConnection(), {.family = AF_UNSPEC, .localPort = Port{12345}});
  CHECK(socket.value()->local.address.family == AF_INET6);
  checkMalformed(patched(recordedTcpConnection(), 0, hex("01")),
                 {.family = AF_UNSPEC, .localPort = Port{12345}});
}

TEST_CASE("without a requested port, any port matches") {
  const auto socket =
      parseTcpSocket(recordedTcpConnection(), {.family = AF_INET6, .localPort = kAnyPort});
  CHECK(socket.value()->local.port == Port{12345});
}

TEST_CASE("a socket of another port or family does not match the query") {
  checkMalformed(recordedTcpConnection(), {.family = AF_INET6, .localPort = Port{1234}});
  checkMalformed(recordedTcpConnection(), {.family = AF_INET6, .localPort = Port{0x3930}});
  checkMalformed(recordedTcpConnection(), {.family = AF_INET, .localPort = Port{12345}});
}

TEST_CASE("a payload cut within its fixed part is an error") {
  for (std::size_t size = 0; size < sizeof(inet_diag_msg); ++size) {
    CAPTURE(size);
    checkMalformed(prefix(recordedTcpConnection(), size));
  }
}

TEST_CASE("a payload cut within an attribute is an error") {
  const auto whole = recordedTcpConnection();
  for (auto size = kRecordedTcpInfoAt - 3; size < whole.size(); ++size) {
    CAPTURE(size);
    checkMalformed(prefix(whole, size));
  }
}

}  // namespace sockdiag::test
