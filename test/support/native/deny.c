// Runs a command to which the kernel refuses some system calls with one error, by a seccomp filter, as
// the profiles of container runtimes do:
//
//   deny ERRNO CALL… -- COMMAND…
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
  const char *name;
  unsigned number;
} calls[] = {
    {"clone3", __NR_clone3},
    {"close_range", __NR_close_range},
    {"copy_file_range", __NR_copy_file_range},
    {"epoll_pwait2", __NR_epoll_pwait2},
    {"faccessat2", __NR_faccessat2},
    {"getrandom", __NR_getrandom},
    {"io_uring_setup", __NR_io_uring_setup},
    {"membarrier", __NR_membarrier},
    {"openat2", __NR_openat2},
    {"pidfd_open", __NR_pidfd_open},
    {"pkey_alloc", __NR_pkey_alloc},
    {"preadv2", __NR_preadv2},
    {"prlimit64", __NR_prlimit64},
    {"rseq", __NR_rseq},
    {"sched_getaffinity", __NR_sched_getaffinity},
    {"statx", __NR_statx},
};

static unsigned number_of(const char *name) {
  for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); ++i) {
    if (strcmp(calls[i].name, name) == 0) return calls[i].number;
  }
  fprintf(stderr, "deny: no such call: %s\n", name);
  exit(2);
  // For tcc, which does not know that exit() does not return.
  return 0;
}

static void deny(unsigned number, unsigned error) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {.len = sizeof(code) / sizeof(*code), .filter = code};
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    perror("deny: prctl");
    exit(1);
  }
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  unsigned error = (unsigned)atoi(argv[1]);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 1;
  int i = 2;
  for (; i < argc && strcmp(argv[i], "--") != 0; ++i) deny(number_of(argv[i]), error);
  if (i + 1 >= argc) return 2;
  execvp(argv[i + 1], argv + i + 1);
  perror(argv[i + 1]);
  return 1;
}
