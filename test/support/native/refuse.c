// Runs a command to which the kernel refuses netlink's sock_diag, by a seccomp filter:
//
//   refuse always ERRNO COMMAND…   from the start: no such socket can be made;
//   refuse FILE ERRNO COMMAND…     as long as FILE exists: no such socket can be made, and nothing
//                                  be sent on one that is open.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define UNLESS(value, skipped) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skipped)
#define IF(value, skipped) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, skipped, 0)
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, action)

_Noreturn static void die(const char *call) {
  perror(call);
  exit(1);
}

// What a Node.js process sends by sendmsg and sendto goes to netlink alone: the rest is written.
static int install(unsigned action, unsigned send_action, unsigned flags) {
  struct sock_filter code[] = {
      LOAD(arch),        UNLESS(ARCH, 9),           LOAD(nr),
      IF(__NR_sendmsg, 8), IF(__NR_sendto, 7),      UNLESS(__NR_socket, 5),
      LOAD(args[0]),     UNLESS(AF_NETLINK, 3),     LOAD(args[2]),
      UNLESS(NETLINK_SOCK_DIAG, 1), RETURN(action), RETURN(SECCOMP_RET_ALLOW),
      RETURN(send_action),
  };
  struct sock_fprog program = {.len = sizeof(code) / sizeof(*code), .filter = code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) die("prctl");
  int result = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
  if (result < 0) die("seccomp");
  return result;
}

static void judge(int notifications, const char *file, int error) {
  struct seccomp_notif_sizes sizes;
  if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) != 0) die("seccomp sizes");
  struct seccomp_notif *call = calloc(1, sizes.seccomp_notif);
  struct seccomp_notif_resp *answer = calloc(1, sizes.seccomp_notif_resp);
  for (;;) {
    memset(call, 0, sizes.seccomp_notif);
    if (ioctl(notifications, SECCOMP_IOCTL_NOTIF_RECV, call) != 0) continue;
    memset(answer, 0, sizes.seccomp_notif_resp);
    answer->id = call->id;
    if (access(file, F_OK) == 0) {
      answer->error = -error;
    } else {
      answer->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    }
    ioctl(notifications, SECCOMP_IOCTL_NOTIF_SEND, answer);
  }
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  int error = atoi(argv[2]);
  if (strcmp(argv[1], "always") == 0) {
    install(SECCOMP_RET_ERRNO | (unsigned)error, SECCOMP_RET_ALLOW, 0);
  } else {
    int notifications = install(SECCOMP_RET_USER_NOTIF, SECCOMP_RET_USER_NOTIF,
                                SECCOMP_FILTER_FLAG_NEW_LISTENER);
    // The judge is the child, so that the command keeps the pid.
    if (fork() == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (int fd = 0; fd <= 2; ++fd) close(fd);
      judge(notifications, argv[1], error);
    }
    close(notifications);
  }
  execvp(argv[3], argv + 3);
  die(argv[3]);
}
