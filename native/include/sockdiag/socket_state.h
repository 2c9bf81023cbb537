#pragma once

#include <linux/bpf.h>

#include <cstdint>

namespace sockdiag {

// include/net/tcp_states.h is not exported to user space, and netinet/tcp.h and linux/tcp.h exclude
// each other. linux/bpf.h repeats the states, and net/ipv4/tcp.c asserts at build time that they
// are equal. AF_UNIX sockets use the same numbers (net/unix/af_unix.c).
enum class SocketState : std::uint8_t {
  kEstablished = BPF_TCP_ESTABLISHED,
  kSynReceived = BPF_TCP_SYN_RECV,
  kListen = BPF_TCP_LISTEN,
};

/// A set of states, as in dump requests.
enum class StateMask : std::uint32_t {};

constexpr StateMask maskOf(SocketState state) {
  return static_cast<StateMask>(1U << static_cast<unsigned>(state));
}

constexpr StateMask operator|(StateMask left, StateMask right) {
  return static_cast<StateMask>(static_cast<std::uint32_t>(left) |
                                static_cast<std::uint32_t>(right));
}

constexpr bool contains(StateMask states, SocketState state) {
  const auto number = static_cast<unsigned>(state);
  return number < 32 && (static_cast<std::uint32_t>(states) >> number & 1U) != 0;
}

/// The states that are reported: listeners and connections.
inline constexpr StateMask kVisibleStates =
    maskOf(SocketState::kEstablished) | maskOf(SocketState::kListen);

}  // namespace sockdiag
