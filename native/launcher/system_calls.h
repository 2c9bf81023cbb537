// The few system calls that the launcher makes, without a libc. They return a negative errno where
// they fail, as the kernel does.
#pragma once

#include <asm/unistd.h>

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

enum { kCurrentDirectory = -100 };  // AT_FDCWD, from <fcntl.h>, which is a libc's.

static inline long ReadLink(const char* path, char* target, unsigned long size) {
  return call4(__NR_readlinkat, kCurrentDirectory, (long)path, (long)target, (long)size);
}

// Zero where the file is there and can be reached.
static inline long CheckExists(const char* path) {
  return call4(__NR_faccessat, kCurrentDirectory, (long)path, 0, 0);
}

static inline long CurrentDirectory(char* path, unsigned long size) {
  return call4(__NR_getcwd, (long)path, (long)size, 0, 0);
}

static inline long Execute(const char* path, char** arguments, char** environment) {
  return call4(__NR_execve, (long)path, (long)arguments, (long)environment, 0);
}

static inline void WriteError(const char* text, unsigned long length) {
  call4(__NR_write, 2, (long)text, (long)length, 0);
}

_Noreturn static inline void Exit(int code) {
  for (;;) {
    call4(__NR_exit_group, code, 0, 0, 0);
  }
}
