#include "sockdiag/orphans.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace sockdiag::test {

namespace {

pid_t startAndEnd() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(7);
  siginfo_t dead{};
  ::waitid(P_PID, static_cast<id_t>(child), &dead, WEXITED | WNOWAIT);
  return child;
}

bool isLeft(pid_t child) {
  siginfo_t dead{};
  return ::waitid(P_PID, static_cast<id_t>(child), &dead, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         dead.si_pid == child;
}

std::uint64_t reaped(pid_t own) {
  auto count = reapOrphans(own);
  REQUIRE(count.ok());
  return count.value();
}

constexpr pid_t kNoPid = 0x7fffffff;

}  // namespace

TEST_CASE("without children there is nothing to reap") { CHECK(reaped(kNoPid) == 0); }

TEST_CASE("all dead children except our own are reaped, without waiting for others") {
  const pid_t living = ::fork();
  if (living == 0) {
    ::pause();
    ::_exit(0);
  }
  startAndEnd();
  startAndEnd();
  CHECK(reaped(kNoPid) == 2);
  CHECK(reaped(kNoPid) == 0);

  const pid_t own = startAndEnd();
  CHECK(reaped(own) == 0);
  CHECK(isLeft(own));
  int status = 0;
  CHECK(::waitpid(own, &status, 0) == own);
  CHECK(WEXITSTATUS(status) == 7);

  ::kill(living, SIGKILL);
  ::waitpid(living, nullptr, 0);
}

TEST_CASE("a child that died after our own is reaped once our own is gone") {
  const pid_t own = startAndEnd();
  const pid_t orphan = startAndEnd();
  reaped(own);
  CHECK(isLeft(own));
  ::waitpid(own, nullptr, 0);
  reaped(own);
  CHECK_FALSE(isLeft(orphan));
}

}  // namespace sockdiag::test
