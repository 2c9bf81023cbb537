#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <string_view>
#include <vector>

#include "sockdiag/tcp_socket.h"

// The sockets that record.cc records. They stay open until closeSockets().

namespace sockdiag::fuzz {

/// Ends the process with the error of errno if a step failed.
void check(bool works, const char* what);

struct TcpAddress {
  sockaddr_in6 storage{};
  socklen_t size = sizeof(storage);
};

Port portOf(const TcpAddress& address);

/// Listeners with IPv4, IPv6, mapped and MPTCP connections; returns the listeners' addresses.
std::vector<TcpAddress> makeTcpSockets();

/// A socket with this sun_path, with `accepted` accepted and `queued` queued clients.
void makeUnixSockets(std::string_view name, int type, int accepted, int queued);

void closeSockets();

}  // namespace sockdiag::fuzz
