#include "sockdiag/orphans.h"

#include <sys/wait.h>

#include <cerrno>

namespace sockdiag {

Result<std::uint64_t> reapOrphans(pid_t own) {
  std::uint64_t reaped = 0;
  for (;;) {
    siginfo_t dead{};
    // WNOWAIT: only its pid tells whether to reap it here.
    if (::waitid(P_ALL, 0, &dead, WEXITED | WNOHANG | WNOWAIT) != 0) {
      // ECHILD: there are no children.
      return errno == ECHILD ? Result{reaped} : Result<std::uint64_t>{Failure{"waitid", errno}};
    }
    if (dead.si_pid == 0 || dead.si_pid == own) return reaped;
    if (::waitid(P_PID, static_cast<id_t>(dead.si_pid), &dead, WEXITED | WNOHANG) != 0) {
      return Failure{"waitid", errno};
    }
    ++reaped;
  }
}

}  // namespace sockdiag
