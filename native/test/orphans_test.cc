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

constexpr pid_t kNobody = 0x7fffffff;

}  // namespace

TEST_CASE("without any child there is nothing to reap") { CHECK(reaped(kNobody) == 0); }

TEST_CASE("all dead children but the own one are reaped, and none is waited for") {
  const pid_t living = ::fork();
  if (living == 0) {
    ::pause();
    ::_exit(0);
  }
  startAndEnd();
  startAndEnd();
  CHECK(reaped(kNobody) == 2);
  CHECK(reaped(kNobody) == 0);

  const pid_t own = startAndEnd();
  CHECK(reaped(own) == 0);
  CHECK(isLeft(own));
  int status = 0;
  CHECK(::waitpid(own, &status, 0) == own);
  CHECK(WEXITSTATUS(status) == 7);

  ::kill(living, SIGKILL);
  ::waitpid(living, nullptr, 0);
}

TEST_CASE("one that died behind the own one is reaped when that is gone") {
  const pid_t own = startAndEnd();
  const pid_t orphan = startAndEnd();
  reaped(own);
  CHECK(isLeft(own));
  ::waitpid(own, nullptr, 0);
  reaped(own);
  CHECK_FALSE(isLeft(orphan));
}

}  // namespace sockdiag::test
