#pragma once

#include <cstdint>
#include <optional>

#include "sockdiag/bytes.h"
#include "sockdiag/result.h"
#include "sockdiag/tcp_socket.h"

namespace sockdiag {

/// What was asked for, and what the kernel must therefore answer with.
struct TcpQuestion {
  std::uint8_t family;
  Port localPort;
};

/// Reads one struct inet_diag_msg with its attributes. EBADMSG if a length lies, or if the socket
/// is of another family or port: such an answer is to another question.
///
/// Nothing for a socket in any other state than LISTEN or ESTABLISHED, although the kernel filters
/// by state: it looks at the state once to filter and once more, without a lock, to fill in the
/// message (net/ipv4/inet_diag.c), and a connection that ends in between arrives with its new
/// state. It is no client any more, and no reason to distrust the rest.
Result<std::optional<TcpSocket>> parseTcpSocket(Bytes payload, const TcpQuestion& question);

}  // namespace sockdiag
