// Starts the Node.js in this file's folder, with the dynamic loader and libraries of that folder.
// It needs no shell, libc or /proc of the image, and works at any path. If built with PROGRAM, the
// path of a script in the folder, it runs that script; otherwise it acts as the folder's `node`.
// The loader cannot be named in the Node.js executable itself, because that requires a fixed path.
#include <linux/auxvec.h>
#include <linux/errno.h>

#include "report.h"
#include "system_calls.h"

#define LOADER "runtime/" LOADER_NAME
#define NODE "runtime/node"

// As the kernel's MAXSYMLINKS.
enum { kMaxLinks = 40 };

// Node.js runs with the minimum of threads: the main thread, one for V8's timers, and one worker.
// By default it starts at least four workers, and a thread that opens the debugger on SIGUSR1. With
// no worker at all it neither starts nor exits.
#define ONE_WORKER "--v8-pool-size=1"
#define NO_DEBUGGER "--disable-sigusr1"
enum { kThreads = 3 };

// How long to retry while the process limit is used up: one minute.
enum { kTries = 600, kRetryDelay = 100 * 1000 * 1000 };

// Static, because together they may exceed the stack limit.
static Path folder, loader, node, program, libraries, link;

// Fails if the path becomes longer than the kernel accepts.
static void Append(Path* path, const char* text) {
  const unsigned long before = Length(path->text);
  const unsigned long added = Length(text);
  if (before + added >= PATH_MAX) {
    Fail("path too long: ", path->text, -ENAMETOOLONG);
  }
  for (unsigned long i = 0; i <= added; ++i) {
    path->text[before + i] = text[i];
  }
}

static void Set(Path* path, const char* text) {
  path->text[0] = '\0';
  Append(path, text);
}

// Removes the file name and keeps the slash before it. Empty if the path has no slash.
static void CutFileName(Path* path) {
  unsigned long end = Length(path->text);
  while (end > 0 && path->text[end - 1] != '/') {
    end -= 1;
  }
  path->text[end] = '\0';
}

// Finds the folder of a file, following symbolic links.
static void FindFolder(const char* started_as) {
  Set(&folder, started_as);
  for (int links = 0; links < kMaxLinks; ++links) {
    const long length = ReadLink(folder.text, link.text, PATH_MAX - 1);
    if (length < 0) {
      break;
    }
    link.text[length] = '\0';
    if (link.text[0] == '/') {
      folder.text[0] = '\0';
    } else {
      CutFileName(&folder);
    }
    Append(&folder, link.text);
  }
  CutFileName(&folder);
  if (folder.text[0] != '/') {
    Set(&link, folder.text);
    const long length = CurrentDirectory(folder.text, PATH_MAX);
    if (length < 0) {
      Fail("cannot determine the current directory", "", length);
    }
    Append(&folder, "/");
    Append(&folder, link.text);
  }
}

static const char* InFolder(Path* path, const char* name) {
  Set(path, folder.text);
  Append(path, name);
  return path->text;
}

static void Require(const char* path) {
  const long error = CheckExists(path);
  if (error != 0) {
    Fail("incomplete installation, file not found: ", path, error);
  }
}

// Finds the files next to this one. If it was started from a descriptor (fexecve), only /proc has
// its path.
static void FindFiles(const char* started_as) {
  FindFolder(started_as);
  if (CheckExists(InFolder(&loader, LOADER)) != 0) {
    const long length = ReadLink("/proc/self/exe", link.text, PATH_MAX - 1);
    if (length > 0) {
      link.text[length] = '\0';
      Set(&program, link.text);
      FindFolder(program.text);
    }
  }
  for (const char* each = folder.text; *each != '\0'; ++each) {
    if (*each == ':' || *each == ';') {
      Fail("the installation path must not contain a colon or semicolon: ", folder.text, 0);
    }
  }
  Require(InFolder(&loader, LOADER));
  Require(InFolder(&node, NODE));
  InFolder(&libraries, "runtime");
#ifdef PROGRAM
  Require(InFolder(&program, PROGRAM));
  Require(InFolder(&program, STARTER));
#endif
}

// Checks that this many processes can run in addition to this one: each starts the next.
static long TryProcesses(int count) {
  if (count == 0) {
    return 0;
  }
  const long pid = ForkAndWait();
  if (pid == 0) {
    Exit((int)-TryProcesses(count - 1));
  }
  if (pid < 0) {
    return pid;
  }
  int status = 0;
  TakeStatus(pid, &status);
  return -(status >> 8);
}

// Without its threads Node.js aborts, or hangs forever without a message.
static void WaitForThreads(void) {
  if (TryClone3() == -EPERM) {
    Fail(
        "cannot start threads, because this container's seccomp profile returns EPERM for clone3: ",
        "use a newer container runtime, or a profile that allows clone3 or returns ENOSYS", 0);
  }
  long error = TryProcesses(kThreads - 1);
  if (error != 0) {
    Report("cannot start the 3 processes or threads that Node.js needs: ",
           "retrying for one minute", error);
  }
  for (int tries = 0; error != 0; ++tries) {
    if (tries == kTries) {
      Fail("cannot start the 3 processes or threads that Node.js needs, gave up after one minute: ",
           "raise the limit of this pod (podPidsLimit of the kubelet) or user (ulimit -u)", error);
    }
    Sleep(kRetryDelay);
    error = TryProcesses(kThreads - 1);
  }
}

// Drops variables of the image that could keep this Node.js from starting: the loader's settings,
// which are for the image's own libraries (with LD_TRACE_LOADED_OBJECTS it exits at once, with 0),
// options for another Node.js or OpenSSL, and the IPC channel of another parent process.
static int IsKept(const char* variable) {
  if (StartsWith(variable, "LD_") || StartsWith(variable, "NODE_OPTIONS=") ||
      StartsWith(variable, "OPENSSL_CONF=")) {
    return 0;
  }
#ifdef PROGRAM
  return !StartsWith(variable, "NODE_CHANNEL_FD=");
#else
  return 1;
#endif
}

static char** FilterEnvironment(char** environment) {
  char** end = environment;
  for (char** each = environment; *each != 0; ++each) {
    if (IsKept(*each)) {
      *end++ = *each;
    }
  }
  *end = 0;
  return environment;
}

// Called by the entry point with the initial stack: the number of arguments, the arguments, the
// environment and the auxiliary vector, each terminated by a zero.
__attribute__((used)) _Noreturn void Launch(long* stack) {
  const long count = *stack;
  char** arguments = (char**)(stack + 1);
  char** environment = arguments + count + 1;
  char** end = environment;
  while (*end != 0) {
    end += 1;
  }
  const char* started_as = 0;
  for (const unsigned long* each = (const unsigned long*)(end + 1); each[0] != AT_NULL; each += 2) {
    if (each[0] == AT_EXECFN) {
      started_as = (const char*)each[1];
    }
  }
  if (started_as == 0 || count < 1) {
    Fail("started without a program name", "", 0);
  }
  FindFiles(started_as);
  WaitForThreads();

#ifdef PROGRAM
  char* name = "buildkit-drain";
#else
  char* name = arguments[0];
#endif
  // The loader also gets this name, so that process lists show it and not the loader's.
  char* start[] = {
      name,         "--inhibit-cache", "--library-path", libraries.text, "--argv0",
      name,         node.text,         ONE_WORKER,       NO_DEBUGGER,
#ifdef PROGRAM
      program.text,
#endif
  };
  const long start_count = (long)(sizeof(start) / sizeof(start[0]));
  char* all[start_count + count];
  for (long i = 0; i < start_count; ++i) {
    all[i] = start[i];
  }
  for (long i = 1; i <= count; ++i) {
    all[start_count + i - 1] = arguments[i];
  }
  const long error = Execute(loader.text, all, FilterEnvironment(environment));
  Fail("cannot execute ", loader.text, error);
}

#if defined(__x86_64__)
__asm__(
    ".globl _start\n_start:\n  xor %ebp, %ebp\n  mov %rsp, %rdi\n  and $-16, %rsp\n  call "
    "Launch\n");
#else
__asm__(".globl _start\n_start:\n  mov x29, #0\n  mov x0, sp\n  bl Launch\n");
#endif
