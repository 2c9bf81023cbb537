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

TEST_CASE("a TCP dump asks for one family, one local port, two states and the tcp_info") {
  CHECK(bytesOfRequest(tcpDumpRequest(AF_INET6, Port{1234}, kBothStates), 0x01020304) == hex(R"(
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

TEST_CASE("a unix dump asks for states and attributes") {
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
