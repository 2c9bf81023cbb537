#include "sockdiag/port_filter.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>

namespace sockdiag {

namespace {

using Program = List<sock_filter>;

/// A conditional jump reaches at most 255 instructions ahead.
constexpr std::size_t kMostInList = 64;

Status append(Program& program, std::uint16_t code, std::uint32_t operand, std::size_t ifTrue = 0,
              std::size_t ifFalse = 0) {
  return program.append({.code = code,
                         .jt = static_cast<__u8>(ifTrue),
                         .jf = static_cast<__u8>(ifFalse),
                         .k = operand});
}

constexpr std::uint16_t kReturn = BPF_RET | BPF_K;

Status appendList(Program& program, std::span<const Port> ports) {
  constexpr std::uint32_t kWhole = UINT32_MAX;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const auto toPass = ports.size() - i;
    const auto port = static_cast<std::uint32_t>(ports[i]);
    if (auto added = append(program, BPF_JMP | BPF_JEQ | BPF_K, port, toPass); !added.ok()) {
      return added;
    }
  }
  if (auto added = append(program, kReturn, 0); !added.ok()) return added;
  return append(program, kReturn, kWhole);
}

Status appendSearch(Program& program, std::span<const Port> ports) {
  if (ports.size() <= kMostInList) return appendList(program, ports);
  const auto half = ports.size() / 2;
  const auto middle = static_cast<std::uint32_t>(ports[half]);
  if (auto added = append(program, BPF_JMP | BPF_JGE | BPF_K, middle, 0, 1); !added.ok()) {
    return added;
  }
  // Its distance can be longer than that of a conditional jump.
  const auto jumpAt = program.size();
  if (auto added = append(program, BPF_JMP | BPF_JA, 0); !added.ok()) return added;
  if (auto below = appendSearch(program, ports.first(half)); !below.ok()) return below;
  program[jumpAt].k = static_cast<std::uint32_t>(program.size() - jumpAt - 1);
  return appendSearch(program, ports.subspan(half));
}

}  // namespace

Result<List<sock_filter>> portFilter(std::span<const Port> ports) {
  constexpr auto kPortAt = static_cast<std::uint32_t>(
      sizeof(nlmsghdr) + offsetof(inet_diag_msg, id) + offsetof(inet_diag_sockid, idiag_sport));
  Program program;
  // BPF loads in network byte order, which the port is in.
  auto appended = append(program, BPF_LD | BPF_H | BPF_ABS, kPortAt);
  if (appended.ok()) appended = appendSearch(program, ports);
  if (!appended.ok()) return appended.failure();
  return program;
}

}  // namespace sockdiag
