#include <sched.h>
#include <sys/prctl.h>

#include <csignal>
#include <deque>
#include <random>
#include <string>
#include <string_view>

#include "checker.h"

// Exactness under churn: native-churn [tracked|overflow|no-counter] [connections]
//
// Clients in this network namespace and in another one connect to a server and disconnect. A
// tracker of each port is compared with plain dumps at every poll, and with the clients' own
// record.

namespace {

using namespace churn;

void run(const std::string& command) {
  if (std::system(command.c_str()) != 0) fail(command.c_str());
}

template <typename Body>
pid_t inProcess(Body body) {
  const pid_t child = ::fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    body();
  }
  return child;
}

/// In its own network namespace, at the other end of a veth pair.
[[noreturn]] void makeRemoteLoad(Shared& shared, int count, std::atomic<int>& stage) {
  if (::unshare(CLONE_NEWNET) != 0) fail("unshare");
  stage = 1;
  while (stage != 2) ::usleep(1000);
  run("ip link set lo up && ip addr add 10.9.0.2/24 dev far && ip addr add fd09::2/64 dev far nodad"
      " && ip link set far up");
  stage = 3;
  makeLoad(shared, count, 2, true);
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const std::string_view mode = argc > 1 ? argv[1] : "tracked";
  const int count = argc > 2 ? std::atoi(argv[2]) : 2000;
  if (::unshare(CLONE_NEWNET) != 0) {
    std::puts("not tested: no permission to make a network namespace");
    return 0;
  }
  run("ip link set lo up && echo '1024 65000' > /proc/sys/net/ipv4/ip_local_port_range");

  auto& shared = share();
  auto& stage = *new (::mmap(nullptr, sizeof(std::atomic<int>), PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0)) std::atomic<int>{0};
  const pid_t remote = inProcess([&] { makeRemoteLoad(shared, count / 2, stage); });
  while (stage != 1) ::usleep(1000);
  run("ip link add near type veth peer name far netns " + std::to_string(remote) +
      " && ip addr add 10.9.0.1/24 dev near && ip addr add fd09::1/64 dev near nodad"
      " && ip link set near up");
  stage = 2;
  while (stage != 3) ::usleep(1000);
  inProcess([&] { serve(shared); });
  while (!shared.serverIsReady) ::usleep(1000);
  inProcess([&] { makeLoad(shared, count - count / 2, 1, false); });

  const bool isOverflow = mode == "overflow";
  const char* const snmp = mode == "no-counter" ? "/nowhere" : sockdiag::kThreadNetSnmp;
  sockdiag::SharedKernel kernel{snmp,
                                isOverflow ? 1 : sockdiag::DestroyEventSocket::kReceiveBufferBytes};
  std::deque<TrackerChecker> checkers;
  for (const int port : kPorts) checkers.emplace_back(port, kernel);

  for (auto& checker : checkers) checker.poll();
  shared.checkersAreReady = true;

  constexpr int kClientProcesses = 2;
  std::mt19937 random{3};
  while (shared.clientsDone < kClientProcesses) {
    for (auto& checker : checkers) checker.poll();
    ::usleep(static_cast<useconds_t>(random() % 8'000));
    if (shared.quietClients + shared.clientsDone == kClientProcesses && shared.quietClients > 0) {
      // The server's sockets close slightly later than the clients'.
      ::usleep(100'000);
      for (auto& checker : checkers) checker.checkQuiet();
      shared.quietClients = 0;
      ++shared.quietsChecked;
    }
  }
  ::usleep(300'000);
  for (auto& checker : checkers) {
    checker.checkQuiet();
    checker.checkRecord(shared, !isOverflow);
  }
  shared.serverMayEnd = true;
  int faults = 0;
  for (auto& checker : checkers) {
    checker.report();
    faults += checker.faults();
  }
  std::printf("%s: %zu connections, %d faults\n", argc > 1 ? argv[1] : "tracked",
              shared.count.load(), faults);
  return faults == 0 ? 0 : 1;
}
