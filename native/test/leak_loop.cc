#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "namespace.h"
#include "sockdiag/kernel_tcp_view.h"
#include "sockdiag/tcp_tracker.h"

// leak-loop [polls]: polls one tracker, with one short connection every thousand polls, and
// compares descriptors and resident memory after a tenth of the polls with those at the end.

namespace {

struct Use {
  std::ptrdiff_t descriptors;
  long residentPages;
};

Use now() {
  long total = 0;
  long resident = 0;
  std::ifstream{"/proc/self/statm"} >> total >> resident;
  const std::filesystem::directory_iterator open{"/proc/self/fd"};
  return {.descriptors = std::distance(begin(open), end(open)), .residentPages = resident};
}

bool poll(sockdiag::TcpTracker& tracker, long times, int listener, const sockaddr* address,
          socklen_t size) {
  for (long i = 0; i < times; ++i) {
    if (i % 1000 == 0) {
      const sockdiag::UniqueFd client{::socket(AF_INET, SOCK_STREAM, 0)};
      if (::connect(client.get(), address, size) != 0) return false;
      const sockdiag::UniqueFd accepted{::accept(listener, nullptr, nullptr)};
      if (!tracker.poll().ok() || tracker.sockets().value().size() != 2) return false;
    }
    if (!tracker.poll().ok()) return false;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  const long polls = argc > 1 ? std::atol(argv[1]) : 20'000;
  if (!sockdiag::test::enterOwnNetwork()) {
    std::puts("not tested: no permission to make a network namespace");
    return 0;
  }
  const sockdiag::UniqueFd listener{::socket(AF_INET, SOCK_STREAM, 0)};
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  auto* const address = reinterpret_cast<sockaddr*>(&storage);
  if (::listen(listener.get(), 16) != 0 || ::getsockname(listener.get(), address, &size) != 0) {
    return 2;
  }
  // The port has the same offset in the addresses of both families.
  const auto port = static_cast<sockdiag::Port>(
      __builtin_bswap16(reinterpret_cast<const std::uint16_t*>(&storage)[1]));

  sockdiag::SharedKernel kernel;
  sockdiag::KernelTcpView view{kernel, port};
  sockdiag::TcpTracker tracker{view};
  if (!poll(tracker, polls / 10, listener.get(), address, size)) return 2;
  const auto early = now();
  if (!poll(tracker, polls - polls / 10, listener.get(), address, size)) return 2;
  const auto late = now();
  std::printf("%ld polls: descriptors %td -> %td, resident pages %ld -> %ld\n", polls,
              early.descriptors, late.descriptors, early.residentPages, late.residentPages);
  // Sanitizers allocate a part of their own memory late.
  constexpr long kGrownPages = 1024;
  const bool hasGrown = late.descriptors != early.descriptors ||
                        late.residentPages > early.residentPages + kGrownPages;
  return hasGrown ? 1 : 0;
}
