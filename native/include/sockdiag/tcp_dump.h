#pragma once

#include <vector>

#include "sockdiag/address.h"
#include "sockdiag/conversation.h"
#include "sockdiag/result.h"
#include "sockdiag/tcp_socket.h"

namespace sockdiag {

/// All LISTEN and ESTABLISHED sockets with this local port, both families: a listener on `[::]`
/// shows its IPv4 clients under AF_INET6. Fails if either family fails.
Result<std::vector<TcpSocket>> dumpTcp(Conversation& conversation, Port localPort);

}  // namespace sockdiag
