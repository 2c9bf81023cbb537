#include "recorded.h"

namespace sockdiag::test {

Buffer recordedTcpListener() {
  return hex(R"(
    0a                                              # idiag_family AF_INET6
    0a                                              # idiag_state LISTEN
    00 00                                           # idiag_timer, idiag_retrans
    30 39                                           # idiag_sport 12345
    00 00                                           # idiag_dport 0
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 # idiag_src ::
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 # idiag_dst ::
    00 00 00 00                                     # idiag_if
    06 10 00 00 00 00 00 00                         # idiag_cookie 0x1006
    00 00 00 00                                     # idiag_expires
    00 00 00 00                                     # idiag_rqueue
    80 00 00 00                                     # idiag_wqueue
    00 00 00 00                                     # idiag_uid
    a2 52 00 00                                     # idiag_inode 21154
    05 00 08 00                                     # rta_len 5, INET_DIAG_SHUTDOWN
    00 00 00 00
    05 00 0b 00                                     # rta_len 5, INET_DIAG_SKV6ONLY
    00 00 00 00
    08 00 0f 00                                     # rta_len 8, INET_DIAG_MARK
    00 00 00 00
    0c 00 15 00                                     # rta_len 12, INET_DIAG_CGROUP_ID
    01 00 00 00 00 00 00 00
    06 00 16 00                                     # rta_len 6, INET_DIAG_SOCKOPT
    12 00 00 00
    1c 01 02 00                                     # rta_len 284, INET_DIAG_INFO
    0a 00 00 00 00 00 00 00                         # tcpi_state to tcpi_fastopen_client_fail
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 # tcpi_rto to tcpi_rcv_mss
    00 00 00 00 80 00 00 00 00 00 00 00 00 00 00 00 # tcpi_unacked to tcpi_fackets
    00 00 00 00
    00 00 00 00                                     # tcpi_last_data_sent
    00 00 00 00                                     # tcpi_last_ack_sent
    00 00 00 00                                     # tcpi_last_data_recv
    00 00 00 00                                     # tcpi_last_ack_recv
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 # tcpi_pmtu to tcpi_total_retrans
    00 00 00 00 0a 00 00 00 00 00 00 00 03 00 00 00
    00 00 00 00 00 00 00 00 00 00 00 00
    ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff # tcpi_pacing_rate, tcpi_max_pacing_rate
    00 00 00 00 00 00 00 00                         # tcpi_bytes_acked
    00 00 00 00 00 00 00 00                         # tcpi_bytes_received
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 # tcpi_segs_out to the end
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
  )");
}

Buffer recordedTcpConnection() {
  return hex(R"(
    0a                                              # idiag_family AF_INET6
    01                                              # idiag_state ESTABLISHED
    00 00                                           # idiag_timer, idiag_retrans
    30 39                                           # idiag_sport 12345
    93 a0                                           # idiag_dport 37792
    00 00 00 00 00 00 00 00 00 00 ff ff 7f 00 00 01 # idiag_src ::ffff:127.0.0.1
    00 00 00 00 00 00 00 00 00 00 ff ff 7f 00 00 01 # idiag_dst ::ffff:127.0.0.1
    00 00 00 00                                     # idiag_if
    07 10 00 00 00 00 00 00                         # idiag_cookie 0x1007
    00 00 00 00                                     # idiag_expires
    05 00 00 00                                     # idiag_rqueue
    00 00 00 00                                     # idiag_wqueue
    00 00 00 00                                     # idiag_uid
    a4 52 00 00                                     # idiag_inode 21156
    05 00 08 00                                     # rta_len 5, INET_DIAG_SHUTDOWN
    00 00 00 00
    08 00 0f 00                                     # rta_len 8, INET_DIAG_MARK
    00 00 00 00
    0c 00 15 00                                     # rta_len 12, INET_DIAG_CGROUP_ID
    01 00 00 00 00 00 00 00
    06 00 16 00                                     # rta_len 6, INET_DIAG_SOCKOPT
    12 00 00 00
    1c 01 02 00                                     # rta_len 284, INET_DIAG_INFO
    01 00 00 00 00 07 aa 01                         # tcpi_state to tcpi_fastopen_client_fail
    e0 1c 03 00 40 9c 00 00 00 80 00 00 18 02 00 00 # tcpi_rto to tcpi_rcv_mss
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 # tcpi_unacked to tcpi_fackets
    00 00 00 00
    30 00 00 00                                     # tcpi_last_data_sent
    00 00 00 00                                     # tcpi_last_ack_sent
    30 00 00 00                                     # tcpi_last_data_recv
    30 00 00 00                                     # tcpi_last_ack_recv
    ff ff 00 00 cb ff 00 00 3a 00 00 00 21 00 00 00 # tcpi_pmtu to tcpi_total_retrans
    ff ff ff 7f 0b 00 00 00 cb ff 00 00 03 00 00 00
    00 00 00 00 cb ff 00 00 00 00 00 00
    00 72 6f 73 05 00 00 00 ff ff ff ff ff ff ff ff # tcpi_pacing_rate, tcpi_max_pacing_rate
    02 00 00 00 00 00 00 00                         # tcpi_bytes_acked
    05 00 00 00 00 00 00 00                         # tcpi_bytes_received
    02 00 00 00 04 00 00 00 00 00 00 00 04 00 00 00 # tcpi_segs_out to the end
    01 00 00 00 01 00 00 00 00 00 48 e8 01 00 00 00
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
    00 00 00 00 00 00 00 00 02 00 00 00 00 00 00 00
    02 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 01 00
    00 00 01 00 00 00 00 00 00 00 00 00 00 00 00 00
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
  )");
}

Buffer recordedUnixListener() {
  return hex(R"(
    01                                              # udiag_family AF_UNIX
    01                                              # udiag_type SOCK_STREAM
    0a                                              # udiag_state LISTEN
    00                                              # pad
    a6 52 00 00                                     # udiag_ino 21158
    09 10 00 00 00 00 00 00                         # udiag_cookie
    11 00 00 00                                     # rta_len 17, UNIX_DIAG_NAME
    2f 74 6d 70 2f 62 64 2e 73 6f 63 6b 00 00 00 00 # "/tmp/bd.sock", NUL, padding
    0c 00 03 00                                     # rta_len 12, UNIX_DIAG_ICONS
    00 00 00 00 a9 52 00 00
    0c 00 04 00                                     # rta_len 12, UNIX_DIAG_RQLEN
    02 00 00 00 03 00 00 00                         # udiag_rqueue, udiag_wqueue
    05 00 06 00                                     # rta_len 5, UNIX_DIAG_SHUTDOWN
    00 00 00 00
  )");
}

Buffer recordedAcceptedUnixSocket() {
  return hex(R"(
    01                                              # udiag_family AF_UNIX
    01                                              # udiag_type SOCK_STREAM
    01                                              # udiag_state ESTABLISHED
    00                                              # pad
    aa 52 00 00                                     # udiag_ino 21162
    0b 10 00 00 00 00 00 00                         # udiag_cookie
    11 00 00 00                                     # rta_len 17, UNIX_DIAG_NAME
    2f 74 6d 70 2f 62 64 2e 73 6f 63 6b 00 00 00 00 # "/tmp/bd.sock", NUL, padding
    08 00 02 00                                     # rta_len 8, UNIX_DIAG_PEER
    a7 52 00 00
    0c 00 04 00                                     # rta_len 12, UNIX_DIAG_RQLEN
    00 00 00 00 00 00 00 00                         # udiag_rqueue, udiag_wqueue
    05 00 06 00                                     # rta_len 5, UNIX_DIAG_SHUTDOWN
    00 00 00 00
  )");
}

Buffer recordedUnixClient() {
  return hex(R"(
    01                                              # udiag_family AF_UNIX
    01                                              # udiag_type SOCK_STREAM
    01                                              # udiag_state ESTABLISHED
    00                                              # pad
    a7 52 00 00                                     # udiag_ino 21159
    08 10 00 00 00 00 00 00                         # udiag_cookie
    08 00 02 00                                     # rta_len 8, UNIX_DIAG_PEER
    aa 52 00 00
    0c 00 04 00                                     # rta_len 12, UNIX_DIAG_RQLEN
    00 00 00 00 00 00 00 00                         # udiag_rqueue, udiag_wqueue
    05 00 06 00                                     # rta_len 5, UNIX_DIAG_SHUTDOWN
    00 00 00 00
  )");
}

}  // namespace sockdiag::test
