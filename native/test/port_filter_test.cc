#include "sockdiag/port_filter.h"

#include <doctest/doctest.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

#include <algorithm>
#include <vector>

#include "recorded.h"
#include "support.h"

namespace sockdiag::test {

namespace {

/// Runs the program as the kernel does: whether it passes this message.
bool passes(const List<sock_filter>& program, const Buffer& event) {
  std::uint32_t accumulator = 0;
  for (std::size_t next = 0; next < program.size(); ++next) {
    const auto& [code, jt, jf, k] = program[next];
    switch (code) {
      case BPF_LD | BPF_H | BPF_ABS:
        accumulator = std::to_integer<std::uint32_t>(event.at(k)) << 8 |
                      std::to_integer<std::uint32_t>(event.at(k + 1));
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        next += accumulator == k ? jt : jf;
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        next += accumulator >= k ? jt : jf;
        break;
      case BPF_JMP | BPF_JA:
        next += k;
        break;
      case BPF_RET | BPF_K:
        return k != 0;
      default:
        FAIL("an unexpected instruction");
    }
  }
  FAIL("the program has no end");
  return false;
}

/// The ports of all 65,536 that pass.
std::vector<Port> passing(const std::vector<Port>& ports) {
  const auto program = portFilter(ports);
  REQUIRE(program.ok());
  auto event = message(SOCK_DIAG_BY_FAMILY, 0, recordedTcpConnection());
  constexpr auto kAt =
      sizeof(nlmsghdr) + offsetof(inet_diag_msg, id) + offsetof(inet_diag_sockid, idiag_sport);
  std::vector<Port> passed;
  for (std::uint32_t port = 0; port <= UINT16_MAX; ++port) {
    event[kAt] = static_cast<std::byte>(port >> 8);
    event[kAt + 1] = static_cast<std::byte>(port);
    if (passes(program.value(), event)) passed.push_back(Port{static_cast<std::uint16_t>(port)});
  }
  return passed;
}

std::vector<Port> everyNth(std::size_t step, std::size_t count) {
  std::vector<Port> ports;
  for (std::size_t i = 1; i <= count; ++i)
    ports.push_back(Port{static_cast<std::uint16_t>(i * step)});
  return ports;
}

}  // namespace

TEST_CASE("the filter passes exactly its ports, however many they are") {
  CHECK(passing({}).empty());
  for (const std::size_t count : {1U, 64U, 65U, 129U, 3000U}) {
    CAPTURE(count);
    const auto ports = everyNth(21, count);
    CHECK(passing(ports) == ports);
  }
  const std::vector<Port> edges{Port{1}, Port{255}, Port{256}, Port{UINT16_MAX}};
  CHECK(passing(edges) == edges);
}

TEST_CASE("the filter of a thousand ports needs little more than an instruction for each") {
  CHECK(portFilter(everyNth(7, 1000)).value().size() < 1100);
}

}  // namespace sockdiag::test
