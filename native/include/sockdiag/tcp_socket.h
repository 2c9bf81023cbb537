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

/// No port of a socket's own; asked for, it stands for all.
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

/// As inet_ntop writes it; an IPv4-mapped address stays `::ffff:a.b.c.d`.
AddressText toText(const InetAddress& address);

/// A TCP socket as struct inet_diag_msg (linux/inet_diag.h) describes it.
struct TcpSocket {
  SocketState state;
  SocketAddress local;
  SocketAddress peer;
  /// Index of the network interface that the socket is bound to, 0 for none. Part of its name in a
  /// lookup.
  std::uint32_t boundInterface;
  /// 0 while no process has accepted the connection; `uid` says nothing then.
  std::uint32_t inode;
  std::uint32_t uid;
  /// Names this socket and no other until the next boot.
  std::uint64_t cookie;
  /// How often data or a probe was sent again without an answer up to now.
  std::uint8_t unanswered;

  // From struct tcp_info (linux/tcp.h). Empty means unknown: the kernel is older than the field, or
  // the socket listens and has no traffic.
  std::optional<std::uint64_t> bytesReceived;
  std::optional<std::uint64_t> bytesAcked;
  std::optional<std::uint32_t> lastDataSentMs;
  std::optional<std::uint32_t> lastDataReceivedMs;
  std::optional<std::uint32_t> lastAckReceivedMs;
};

/// What was asked for, and what the kernel must therefore answer with.
struct TcpQuery {
  /// AF_UNSPEC for either.
  std::uint8_t family;
  /// kAnyPort for each.
  Port localPort;
  StateMask states = kVisibleStates;
};

/// Reads one struct inet_diag_msg with its attributes. EBADMSG if a length lies, or if the socket
/// is of another family or port: such an answer is to another question.
///
/// Nothing for a socket in a state that was not asked for, although the kernel filters by state: it
/// looks at the state once to filter and once more, without a lock, to fill in the message
/// (net/ipv4/inet_diag.c), and a connection that ends in between arrives with its new state. It is
/// no client any more, and no reason to distrust the rest.
///
/// Nothing either for a handshake that has no socket yet: to who asks for SYN_RECV the kernel lists
/// its requests, too (inet_req_diag_fill in the same file, which writes no INET_DIAG_SHUTDOWN).
Result<std::optional<TcpSocket>> parseTcpSocket(Bytes payload, const TcpQuery& query);

/// Reads the same message as it is sent when a socket is freed: its state is no longer that of a
/// connection, and its bytes are those of its whole life. Where it has forgotten its peer
/// (tcp_disconnect in net/ipv4/tcp.c), its zeros are no counts.
Result<TcpSocket> parseDestroyed(Bytes payload);

}  // namespace sockdiag
