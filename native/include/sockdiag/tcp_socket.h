#pragma once

#include <netinet/in.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "sockdiag/bytes.h"
#include "sockdiag/result.h"
#include "sockdiag/socket_state.h"

namespace sockdiag {

/// A TCP port in host byte order.
enum class Port : std::uint16_t {};

/// No local port; in a query, any port.
inline constexpr Port kAnyPort{0};

/// An IP address: 4 bytes (AF_INET) or 16 (AF_INET6) in network byte order, the rest zero.
struct InetAddress {
  int family;
  std::array<std::byte, sizeof(in6_addr)> bytes;
};

struct SocketAddress {
  InetAddress address;
  Port port;
};

/// NUL-terminated.
using AddressText = std::array<char, INET6_ADDRSTRLEN>;

/// As formatted by inet_ntop; an IPv4-mapped address stays `::ffff:a.b.c.d`.
AddressText toText(const InetAddress& address);

/// A TCP socket as struct inet_diag_msg (linux/inet_diag.h) describes it.
struct TcpSocket {
  SocketState state;
  SocketAddress local;
  SocketAddress peer;
  /// Index of the network interface that the socket is bound to, 0 if none. A lookup must give it.
  std::uint32_t boundInterface;
  /// 0 until a process has accepted the connection; `uid` is meaningless until then.
  std::uint32_t inode;
  std::uint32_t uid;
  /// Unique among all sockets until the next boot.
  std::uint64_t cookie;
  /// Retransmissions and probes sent since the last acknowledgement.
  std::uint8_t unanswered;

  // From struct tcp_info (linux/tcp.h). Empty means unknown: the kernel is too old for the field,
  // or the socket is a listener.
  std::optional<std::uint64_t> bytesReceived;
  std::optional<std::uint64_t> bytesAcked;
  std::optional<std::uint32_t> lastDataSentMs;
  std::optional<std::uint32_t> lastDataReceivedMs;
  std::optional<std::uint32_t> lastAckReceivedMs;
};

inline bool isListener(const TcpSocket& socket) { return socket.state == SocketState::kListen; }
inline bool isConnection(const TcpSocket& socket) {
  return socket.state == SocketState::kEstablished;
}
inline bool isVisible(const TcpSocket& socket) { return contains(kVisibleStates, socket.state); }

/// What was requested, and what every socket of the reply must match.
struct TcpQuery {
  /// AF_UNSPEC for either family.
  std::uint8_t family;
  /// kAnyPort for all ports.
  Port localPort;
  StateMask states = kVisibleStates;
};

/// Parses one struct inet_diag_msg with its attributes. EBADMSG if a length is inconsistent, or if
/// the socket has another family or port than requested.
///
/// Empty for a socket in a state that was not requested, although the kernel filters by state: it
/// reads the state once to filter and again, without a lock, to fill in the message
/// (net/ipv4/inet_diag.c), so a connection that ends in between is sent with its new state. It is
/// no longer a client, and the rest of the reply is valid.
///
/// Also empty for a handshake that has no socket yet: a request for SYN_RECV lists the kernel's
/// connection requests too (inet_req_diag_fill in the same file, which writes no
/// INET_DIAG_SHUTDOWN).
Result<std::optional<TcpSocket>> parseTcpSocket(Bytes payload, const TcpQuery& query);

/// Parses the same message as sent when a socket is freed: its state is no longer that of a
/// connection, and its byte counts are those of its whole life. If the socket has lost its peer
/// address (tcp_disconnect in net/ipv4/tcp.c), its counts are unknown, not zero.
Result<TcpSocket> parseDestroyed(Bytes payload);

}  // namespace sockdiag
