#include "sockdiag/request.h"

#include <doctest/doctest.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>

#include "support.h"

namespace sockdiag::test {

namespace {

constexpr auto kBothStates = maskOf(SocketState::kEstablished) | maskOf(SocketState::kListen);

Buffer bytesOfRequest(Request request, std::uint32_t sequence) {
  request.setSequence(sequence);
  return {request.bytes().begin(), request.bytes().end()};
}

}  // namespace

TEST_CASE("a TCP dump requests one family, one local port, two states and the tcp_info") {
  CHECK(bytesOfRequest(tcpDumpRequest(AF_INET6, Port{1234}, kBothStates, Traffic::kIncluded),
                       0x01020304) == hex(R"(
    48 00 00 00                                     # nlmsg_len 72
    14 00                                           # nlmsg_type SOCK_DIAG_BY_FAMILY
    01 03                                           # nlmsg_flags NLM_F_REQUEST | NLM_F_DUMP
    04 03 02 01                                     # nlmsg_seq
    00 00 00 00                                     # nlmsg_pid: the kernel knows whose socket it is
    0a                                              # sdiag_family AF_INET6
    06                                              # sdiag_protocol IPPROTO_TCP
    02                                              # idiag_ext: bit INET_DIAG_INFO - 1
    00                                              # pad
    02 04 00 00                                     # idiag_states: 1 << 1 | 1 << 10
    04 d2                                           # idiag_sport 1234, network order
    00 00                                           # idiag_dport: any
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 # idiag_src
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 # idiag_dst
    00 00 00 00                                     # idiag_if
    00 00 00 00 00 00 00 00                         # idiag_cookie
  )"));
}

TEST_CASE("traffic can be left out of a TCP dump") {
  const auto bytes =
      bytesOfRequest(tcpDumpRequest(AF_INET, Port{1234}, kBothStates, Traffic::kLeftOut), 1);
  CHECK(bytes.at(18) == std::byte{0});
}

TEST_CASE("a dump of both families requests one local port and two states") {
  CHECK(bytesOfRequest(tcpBothFamiliesRequest(Port{1234}, kBothStates, Traffic::kLeftOut),
                       0x01020304) == hex(R"(
    4c 00 00 00                                     # nlmsg_len 76
    12 00                                           # nlmsg_type TCPDIAG_GETSOCK
    01 03                                           # nlmsg_flags NLM_F_REQUEST | NLM_F_DUMP
    04 03 02 01                                     # nlmsg_seq
    00 00 00 00                                     # nlmsg_pid
    00 00 00 00                                     # idiag_family, _src_len, _dst_len, _ext
    04 d2                                           # idiag_sport 1234, network order
    00 00                                           # idiag_dport: any
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 # idiag_src
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 # idiag_dst
    00 00 00 00                                     # idiag_if
    00 00 00 00 00 00 00 00                         # idiag_cookie
    02 04 00 00                                     # idiag_states: 1 << 1 | 1 << 10
    00 00 00 00                                     # idiag_dbs
  )"));
}

TEST_CASE("a dump of both families can include the traffic") {
  const auto bytes =
      bytesOfRequest(tcpBothFamiliesRequest(Port{1234}, kBothStates, Traffic::kIncluded), 1);
  CHECK(bytes.at(19) == std::byte{2});
}

TEST_CASE("a lookup identifies a socket by addresses, ports, interface and cookie") {
  TcpSocket socket{};
  socket.state = SocketState::kEstablished;
  socket.local = {.address = {.family = AF_INET6, .bytes = {std::byte{0xfd}, std::byte{1}}},
                  .port = Port{1234}};
  socket.peer = {.address = {.family = AF_INET6, .bytes = {std::byte{0xfd}, std::byte{2}}},
                 .port = Port{50000}};
  socket.boundInterface = 3;
  socket.cookie = 0x1122334455667788;
  CHECK(bytesOfRequest(tcpLookupRequest(socket, Traffic::kIncluded), 0x01020304) == hex(R"(
    48 00 00 00                                     # nlmsg_len 72
    14 00                                           # nlmsg_type SOCK_DIAG_BY_FAMILY
    01 00                                           # nlmsg_flags NLM_F_REQUEST
    04 03 02 01                                     # nlmsg_seq
    00 00 00 00                                     # nlmsg_pid
    0a                                              # sdiag_family AF_INET6
    06                                              # sdiag_protocol IPPROTO_TCP
    02                                              # idiag_ext: bit INET_DIAG_INFO - 1
    00                                              # pad
    02 00 00 00                                     # idiag_states
    04 d2                                           # idiag_sport 1234
    c3 50                                           # idiag_dport 50000
    fd 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 # idiag_src
    fd 02 00 00 00 00 00 00 00 00 00 00 00 00 00 00 # idiag_dst
    03 00 00 00                                     # idiag_if
    88 77 66 55 44 33 22 11                         # idiag_cookie, its lower half first
  )"));
  CHECK(bytesOfRequest(tcpLookupRequest(socket, Traffic::kLeftOut), 1).at(18) == std::byte{0});
}

TEST_CASE("a unix dump requests states and attributes") {
  const auto show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_ICONS | UDIAG_SHOW_RQLEN;
  CHECK(bytesOfRequest(unixDumpRequest(kBothStates, show), 7) == hex(R"(
    28 00 00 00                                     # nlmsg_len 40
    14 00                                           # nlmsg_type SOCK_DIAG_BY_FAMILY
    01 03                                           # nlmsg_flags NLM_F_REQUEST | NLM_F_DUMP
    07 00 00 00                                     # nlmsg_seq
    00 00 00 00                                     # nlmsg_pid
    01                                              # sdiag_family AF_UNIX
    00                                              # sdiag_protocol: must be 0
    00 00                                           # pad
    02 04 00 00                                     # udiag_states
    00 00 00 00                                     # udiag_ino: any
    1d 00 00 00                                     # udiag_show
    00 00 00 00 00 00 00 00                         # udiag_cookie
  )"));
}

}  // namespace sockdiag::test
