// Preloaded into a process, makes calls of libc fail by the rules in the file $FAULTS, which may change at
// any time. test/support/faults.ts writes them and has the words of a rule.
//
// The file's first page has a generation, the rules as text, and the generation again; the second counts for
// each rule how often it has struck.
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/netlink.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { kPage = 4096, kRules = 32, kDescriptors = 4096, kPath = 64 };

struct control {
  _Atomic uint32_t generation;
  char text[kPage - 2 * sizeof(uint32_t)];
  _Atomic uint32_t confirmed;
  _Atomic uint32_t strikes[kRules];
};

struct rule {
  char call[16];
  char caller[8];
  char subject[kPath];
  char when[8];
  long n;
  char effect[16];
  long value;
  long calls;
};

static struct control *control;
static struct rule rules[kRules];
static int rule_count;
static uint32_t parsed;
static _Atomic int malloc_rules;
static unsigned long long dice = 88172645463325252ULL;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char paths[kDescriptors][kPath];
static char is_events[kDescriptors];

extern void *__libc_malloc(size_t size);
// AddressSanitizer's, where that is loaded.
__attribute__((weak)) extern void *__interceptor_malloc(size_t size);

#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name) {
  void *found = dlsym(RTLD_NEXT, name);
  if (found == NULL) abort();
  return found;
}

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("FAULTS");
  int fd = path == NULL ? -1 : REAL(open)(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void *mapped = mmap(NULL, 2 * kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapped != MAP_FAILED) control = mapped;
  REAL(close)(fd);
}

static void parse(void) {
  uint32_t generation = atomic_load(&control->generation);
  char text[sizeof(control->text)];
  if (generation != atomic_load(&control->confirmed)) return;  // It is being written.
  memcpy(text, control->text, sizeof(text));
  parsed = generation;
  rule_count = 0;
  int of_malloc = 0;
  char *rest = NULL;
  for (char *line = strtok_r(text, "\n", &rest); line != NULL && rule_count < kRules;
       line = strtok_r(NULL, "\n", &rest)) {
    struct rule *rule = &rules[rule_count];
    memset(rule, 0, sizeof(*rule));
    if (sscanf(line, "%15s %7s %63s %7s %ld %15s %ld", rule->call, rule->caller, rule->subject,
               rule->when, &rule->n, rule->effect, &rule->value) != 7) {
      continue;
    }
    of_malloc |= strcmp(rule->call, "malloc") == 0;
    ++rule_count;
  }
  atomic_store(&malloc_rules, of_malloc);
}

static ElfW(Addr) addon_from, addon_to;

static int find_addon(struct dl_phdr_info *info, size_t size, void *data) {
  (void)size;
  (void)data;
  if (strstr(info->dlpi_name, "buildkit-drain.node") == NULL) return 0;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr) *header = &info->dlpi_phdr[i];
    if (header->p_type != PT_LOAD || (header->p_flags & PF_X) == 0) continue;
    addon_from = info->dlpi_addr + header->p_vaddr;
    addon_to = addon_from + header->p_memsz;
  }
  return 1;
}

static int in_addon(void *caller) {
  if (addon_to == 0) dl_iterate_phdr(find_addon, NULL);
  return (ElfW(Addr))caller >= addon_from && (ElfW(Addr))caller < addon_to;
}

static int is_due(struct rule *rule) {
  long call = ++rule->calls;
  if (strcmp(rule->when, "first") == 0) return call <= rule->n;
  if (strcmp(rule->when, "from") == 0) return call >= rule->n;
  if (strcmp(rule->when, "every") == 0) return call % rule->n == 0;
  if (strcmp(rule->when, "odds") == 0) {
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return (long)(dice % 1000) < rule->n;
  }
  return 1;
}

static int is_about(const struct rule *rule, int fd, const char *path, size_t size) {
  const char *subject = rule->subject;
  int is_socket_known = fd >= 0 && fd < kDescriptors;
  if (strcmp(subject, "any") == 0) return 1;
  if (strcmp(subject, "events") == 0) return is_socket_known && is_events[fd];
  if (strcmp(subject, "questions") == 0) return is_socket_known && !is_events[fd];
  if (strcmp(rule->call, "malloc") == 0) return size >= (size_t)atol(subject);
  if (path == NULL && is_socket_known) path = paths[fd];
  return path != NULL && strncmp(path, subject, strlen(subject)) == 0;
}

/// The effect of the first rule that strikes; an empty word if none does.
static struct rule struck(const char *call, void *caller, int fd, const char *path, size_t size) {
  struct rule result = {0};
  if (control == NULL) return result;
  int error = errno;
  pthread_mutex_lock(&lock);
  if (atomic_load(&control->generation) != parsed) parse();
  for (int i = 0; i < rule_count; ++i) {
    struct rule *rule = &rules[i];
    if (strcmp(rule->call, call) != 0 || !is_about(rule, fd, path, size)) continue;
    if (strcmp(rule->caller, "any") != 0 &&
        in_addon(caller) != (strcmp(rule->caller, "addon") == 0)) {
      continue;
    }
    if (!is_due(rule)) continue;
    atomic_fetch_add(&control->strikes[i], 1);
    result = *rule;
    break;
  }
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}

static int is(struct rule rule, const char *effect) { return strcmp(rule.effect, effect) == 0; }

static int fail(struct rule rule) {
  errno = (int)rule.value;
  return -1;
}

#define STRIKE(call, fd, path, size) \
  struct rule rule = struck(call, __builtin_return_address(0), fd, path, size)

int socket(int domain, int type, int protocol) {
  STRIKE("socket", -1, domain == AF_UNIX ? "unix" : "other", 0);
  if (is(rule, "errno")) return fail(rule);
  int fd = REAL(socket)(domain, type, protocol);
  if (fd >= 0 && fd < kDescriptors) {
    is_events[fd] = 0;
    paths[fd][0] = 0;
  }
  return fd;
}

int bind(int fd, const struct sockaddr *address, socklen_t size) {
  STRIKE("bind", fd, address->sa_family == AF_UNIX ? "unix" : "other", 0);
  if (is(rule, "errno")) return fail(rule);
  int result = REAL(bind)(fd, address, size);
  if (result == 0 && fd < kDescriptors) is_events[fd] = address->sa_family == AF_NETLINK;
  return result;
}

int listen(int fd, int backlog) {
  STRIKE("listen", fd, NULL, 0);
  return is(rule, "errno") ? fail(rule) : REAL(listen)(fd, backlog);
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t size) {
  STRIKE("setsockopt", fd, NULL, 0);
  return is(rule, "errno") ? fail(rule) : REAL(setsockopt)(fd, level, option, value, size);
}

/// The sequence number of the latest request.
static uint32_t asked;

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
  STRIKE("sendmsg", fd, NULL, 0);
  if (is(rule, "errno")) return fail(rule);
  if (is(rule, "lost")) return (ssize_t)message->msg_iov[0].iov_len;
  asked = ((struct nlmsghdr *)message->msg_iov[0].iov_base)->nlmsg_seq;
  return REAL(sendmsg)(fd, message, flags);
}

static void each_header(char *bytes, ssize_t size, void (*change)(struct nlmsghdr *)) {
  while (size >= (ssize_t)sizeof(struct nlmsghdr)) {
    struct nlmsghdr *header = (struct nlmsghdr *)bytes;
    ssize_t length = NLMSG_ALIGN(header->nlmsg_len);
    change(header);
    if (length < (ssize_t)sizeof(*header)) return;
    bytes += length;
    size -= length;
  }
}

static void next_sequence(struct nlmsghdr *header) { ++header->nlmsg_seq; }
static void interrupted(struct nlmsghdr *header) { header->nlmsg_flags |= NLM_F_DUMP_INTR; }
static void unknown_type(struct nlmsghdr *header) { header->nlmsg_type = 999; }
static void false_length(struct nlmsghdr *header) { header->nlmsg_len = 0xffff; }

/// Replaces the datagram, with the same sequence number.
static ssize_t verdict(char *bytes, uint16_t type, int error) {
  struct nlmsghdr *header = (struct nlmsghdr *)bytes;
  size_t payload = type == NLMSG_ERROR ? sizeof(struct nlmsgerr) : sizeof(int);
  header->nlmsg_type = type;
  header->nlmsg_flags = 0;
  header->nlmsg_len = (uint32_t)NLMSG_LENGTH(payload);
  memset(NLMSG_DATA(header), 0, payload);
  *(int *)NLMSG_DATA(header) = -error;
  return header->nlmsg_len;
}

/// Before the answer comes an end of it: from another process, or of an earlier answer.
static ssize_t false_end(struct rule rule, struct msghdr *message) {
  struct nlmsghdr *header = message->msg_iov[0].iov_base;
  memset(header, 0, sizeof(*header));
  header->nlmsg_seq = is(rule, "stale-end") ? asked - 1 : asked;
  ((struct sockaddr_nl *)message->msg_name)->nl_pid = is(rule, "stale-end") ? 0 : 4711;
  message->msg_flags = 0;
  return verdict(message->msg_iov[0].iov_base, NLMSG_DONE, 0);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
  STRIKE("recvmsg", fd, NULL, 0);
  if (is(rule, "errno")) return fail(rule);
  if (is(rule, "forged-end") || is(rule, "stale-end")) return false_end(rule, message);
  ssize_t size = REAL(recvmsg)(fd, message, flags);
  if (size < (ssize_t)sizeof(struct nlmsghdr) || rule.effect[0] == 0) return size;
  char *bytes = message->msg_iov[0].iov_base;
  struct sockaddr_nl *sender = message->msg_name;
  if (is(rule, "swallow")) {
    errno = EAGAIN;
    return -1;
  }
  if (is(rule, "empty")) return 0;
  if (is(rule, "cut")) return size > rule.value ? size - rule.value : 0;
  if (is(rule, "truncated")) message->msg_flags |= MSG_TRUNC;
  if (is(rule, "sender")) sender->nl_pid = 4711;
  if (is(rule, "sequence")) each_header(bytes, size, next_sequence);
  if (is(rule, "interrupted")) each_header(bytes, size, interrupted);
  if (is(rule, "type")) each_header(bytes, size, unknown_type);
  if (is(rule, "length")) each_header(bytes, size, false_length);
  if (is(rule, "error")) return verdict(bytes, NLMSG_ERROR, (int)rule.value);
  if (is(rule, "done")) return verdict(bytes, NLMSG_DONE, (int)rule.value);
  return size;
}

int poll(struct pollfd *fds, nfds_t count, int timeout) {
  STRIKE("poll", -1, NULL, 0);
  if (is(rule, "errno")) return fail(rule);
  if (is(rule, "ready")) {
    fds[0].revents = POLLIN;
    return 1;
  }
  return REAL(poll)(fds, count, timeout);
}

static int opened(int fd, const char *path) {
  if (fd >= 0 && fd < kDescriptors) {
    is_events[fd] = 0;
    snprintf(paths[fd], kPath, "%s", path);
  }
  return fd;
}

int open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  int mode = va_arg(rest, int);
  va_end(rest);
  STRIKE("open", -1, path, 0);
  return is(rule, "errno") ? fail(rule) : opened(REAL(open)(path, flags, mode), path);
}

int open64(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  int mode = va_arg(rest, int);
  va_end(rest);
  STRIKE("open", -1, path, 0);
  return is(rule, "errno") ? fail(rule) : opened(REAL(open64)(path, flags, mode), path);
}

static size_t limited(struct rule rule, size_t size) {
  return is(rule, "short") && size > (size_t)rule.value ? (size_t)rule.value : size;
}

ssize_t read(int fd, void *buffer, size_t size) {
  STRIKE("read", fd, NULL, 0);
  if (is(rule, "errno")) return fail(rule);
  return is(rule, "end") ? 0 : REAL(read)(fd, buffer, limited(rule, size));
}

ssize_t pread(int fd, void *buffer, size_t size, off_t offset) {
  STRIKE("pread", fd, NULL, 0);
  if (is(rule, "errno")) return fail(rule);
  return is(rule, "end") ? 0 : REAL(pread)(fd, buffer, limited(rule, size), offset);
}

ssize_t pread64(int fd, void *buffer, size_t size, off64_t offset) {
  STRIKE("pread", fd, NULL, 0);
  if (is(rule, "errno")) return fail(rule);
  return is(rule, "end") ? 0 : REAL(pread64)(fd, buffer, limited(rule, size), offset);
}

int close(int fd) {
  STRIKE("close", fd, NULL, 0);
  int result = REAL(close)(fd);
  return is(rule, "errno") ? fail(rule) : result;
}

ssize_t readlink(const char *path, char *buffer, size_t size) {
  STRIKE("readlink", -1, path, 0);
  return is(rule, "errno") ? fail(rule) : REAL(readlink)(path, buffer, size);
}

int scandir64(const char *path, struct dirent64 ***names, int (*select)(const struct dirent64 *),
              int (*compare)(const struct dirent64 **, const struct dirent64 **)) {
  STRIKE("scandir", -1, path, 0);
  return is(rule, "errno") ? fail(rule) : REAL(scandir64)(path, names, select, compare);
}

long syscall(long number, ...) {
  va_list rest;
  va_start(rest, number);
  long a = va_arg(rest, long), b = va_arg(rest, long), c = va_arg(rest, long);
  long d = va_arg(rest, long), e = va_arg(rest, long), f = va_arg(rest, long);
  va_end(rest);
  // libuv's way to stat().
  if (number == SYS_statx) {
    STRIKE("statx", -1, (const char *)b, 0);
    if (is(rule, "errno")) return fail(rule);
  }
  return REAL(syscall)(number, a, b, c, d, e, f);
}

void *malloc(size_t size) {
  if (control != NULL &&
      (atomic_load(&malloc_rules) || atomic_load(&control->generation) != parsed)) {
    STRIKE("malloc", -1, NULL, size);
    if (is(rule, "errno")) {
      errno = ENOMEM;
      return NULL;
    }
  }
  return __interceptor_malloc != NULL ? __interceptor_malloc(size) : __libc_malloc(size);
}
