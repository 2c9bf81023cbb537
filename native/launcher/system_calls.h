// The launcher's system calls, without a libc. On failure they return a negative errno, as the
// kernel does.
#pragma once

#include <asm/fcntl.h>
#include <asm/signal.h>
#include <asm/unistd.h>
#include <linux/sched.h>
#include <linux/time_types.h>

static inline long call4(long number, long first, long second, long third, long fourth) {
#if defined(__x86_64__)
  register long r10 __asm__("r10") = fourth;
  long result = 0;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "0"(number), "D"(first), "S"(second), "d"(third), "r"(r10)
                   : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = first;
  register long x1 __asm__("x1") = second;
  register long x2 __asm__("x2") = third;
  register long x3 __asm__("x3") = fourth;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory", "cc");
  return x0;
#else
#error "The launcher is for x86-64 and AArch64."
#endif
}

enum { kCurrentDirectory = -100 };  // AT_FDCWD of <fcntl.h>, a libc header.

static inline long ReadLink(const char* path, char* target, unsigned long size) {
  return call4(__NR_readlinkat, kCurrentDirectory, (long)path, (long)target, (long)size);
}

// Zero if the file exists and can be reached.
static inline long CheckExists(const char* path) {
  return call4(__NR_faccessat, kCurrentDirectory, (long)path, 0, 0);
}

static inline long CurrentDirectory(char* path, unsigned long size) {
  return call4(__NR_getcwd, (long)path, (long)size, 0, 0);
}

static inline long Execute(const char* path, char** arguments, char** environment) {
  return call4(__NR_execve, (long)path, (long)arguments, (long)environment, 0);
}

static inline void Write(int file, const char* text, unsigned long length) {
  call4(__NR_write, file, (long)text, (long)length, 0);
}

// Does not wait for a reader if it is a pipe.
static inline long OpenToAppend(const char* path) {
  return call4(__NR_openat, kCurrentDirectory, (long)path,
               O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
}

// With an invalid size: starts nothing, and returns EINVAL if clone3 is allowed.
static inline long TryClone3(void) { return call4(__NR_clone3, 0, 0, 0, 0); }

// Returns in the parent when the child has exited.
static inline long ForkAndWait(void) { return call4(__NR_clone, CLONE_VFORK | SIGCHLD, 0, 0, 0); }

static inline void TakeStatus(long pid, int* status) { call4(__NR_wait4, pid, (long)status, 0, 0); }

static inline void Sleep(long nanoseconds) {
  const struct __kernel_old_timespec time = {.tv_sec = 0, .tv_nsec = nanoseconds};
  call4(__NR_nanosleep, (long)&time, 0, 0, 0);
}

_Noreturn static inline void Exit(int code) {
  for (;;) {
    call4(__NR_exit_group, code, 0, 0, 0);
  }
}
