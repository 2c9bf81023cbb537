#pragma once

#include <netinet/in.h>

#include <array>
#include <cstddef>
#include <cstdint>

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

}  // namespace sockdiag
