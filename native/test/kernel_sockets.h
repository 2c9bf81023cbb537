#pragma once

#include <cstdint>
#include <string_view>

#include "sockdiag/file_descriptor.h"
#include "sockdiag/tcp_socket.h"

// Real sockets for tests against the real kernel. A failed step ends the test.

namespace sockdiag::test {

/// On 127.0.0.1; for port 0 the kernel chooses one. Other sockets may listen on the same port.
UniqueFd listenOnLoopback(Port port = Port{0});
UniqueFd connectTo(Port port);
Port localPort(const UniqueFd& socket);
std::uint32_t inodeOf(const UniqueFd& socket);

/// `name` is sun_path: a path, or NUL and an abstract name.
UniqueFd listenOnUnix(std::string_view name, int backlog, int type);
UniqueFd connectToUnix(std::string_view name);

/// The number of netlink descriptors of this process.
int netlinkSockets();
void closeNetlinkSockets();

}  // namespace sockdiag::test
