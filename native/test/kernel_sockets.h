#pragma once

#include <cstdint>
#include <string_view>

#include "sockdiag/file_descriptor.h"
#include "sockdiag/tcp_socket.h"

// Real sockets for the tests that ask the real kernel. A step that fails ends the test.

namespace sockdiag::test {

/// On 127.0.0.1; port 0 is one of the kernel's choice. Others may listen on the same one.
UniqueFd listenOnLoopback(Port port = Port{0});
UniqueFd connectTo(Port port);
Port localPort(const UniqueFd& socket);
std::uint32_t inodeOf(const UniqueFd& socket);

/// `name` as sun_path has it: a path, or NUL and an abstract name.
UniqueFd listenOnUnix(std::string_view name, int backlog, int type);
UniqueFd connectToUnix(std::string_view name);

/// This process's NETLINK descriptors.
int netlinkSockets();
void closeNetlinkSockets();

}  // namespace sockdiag::test
