#pragma once

#include <cstdint>
#include <optional>

#include "sockdiag/bytes.h"
#include "sockdiag/result.h"
#include "sockdiag/tcp_socket.h"

namespace sockdiag {

/// What was asked for, and what the kernel must therefore answer with.
struct TcpQuestion {
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
Result<std::optional<TcpSocket>> parseTcpSocket(Bytes payload, const TcpQuestion& question);

/// Reads the same message as it is sent when a socket is freed: its state is no longer that of a
/// connection, and its bytes are those of its whole life. Where it has forgotten its peer
/// (tcp_disconnect in net/ipv4/tcp.c), its zeros are no counts.
Result<TcpSocket> parseDestroyed(Bytes payload);

}  // namespace sockdiag
