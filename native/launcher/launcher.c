// Starts Node.js out of the folder that this file is in, with the folder's own dynamic loader and
// libraries: it needs no shell, no libc and no /proc of the image, and works at any path. Built
// with PROGRAM, the path of a script in the folder, it runs that; without, it is that folder's
// `node`. The loader can't be named in Node.js itself, since that would take a fixed path.
#include <linux/auxvec.h>
#include <linux/errno.h>
#include <linux/limits.h>

#include "system_calls.h"

#define LOADER "runtime/" LOADER_NAME
#define NODE "runtime/node"

// What shells return for a command that can't be found or run.
enum { kNotStarted = 127, kMostLinks = 40 };

// Node.js is started with as few threads as it can be: its own, one for timers of V8, and one
// worker. It would make a worker for each processor but one, and at least four, and one to wait for
// SIGUSR1, at which it opens a debugger. Without its workers it neither starts nor ends.
#define ONE_WORKER "--v8-pool-size=1"
#define NO_DEBUGGER "--disable-sigusr1"
enum { kThreads = 3 };

// How long others may take all processes that there may be: a minute.
enum { kTries = 600, kBetweenTries = 100 * 1000 * 1000 };

typedef struct {
  char text[PATH_MAX];
} Path;

// Static, because together they are more than a thread's stack may have.
static Path folder, loader, node, program, libraries, link;

static unsigned long Length(const char* text) {
  unsigned long length = 0;
  while (text[length] != '\0') {
    length += 1;
  }
  return length;
}

static int StartsWith(const char* text, const char* start) {
  while (*start != '\0' && *text == *start) {
    text += 1;
    start += 1;
  }
  return *start == '\0';
}

static int IsSame(const char* one, const char* other) {
  return StartsWith(one, other) && StartsWith(other, one);
}

static struct {
  char text[2 * PATH_MAX];
  unsigned long length;
} line;

static void SayBytes(const char* text, unsigned long length) {
  for (unsigned long i = 0; i < length && line.length < sizeof(line.text); ++i) {
    line.text[line.length++] = text[i];
  }
}

static void Say(const char* text) { SayBytes(text, Length(text)); }

static void SayNumber(long number) {
  if (number >= 10) {
    SayNumber(number / 10);
  }
  const char digit = (char)('0' + number % 10);
  SayBytes(&digit, 1);
}

static const char* TargetOf(Path* target, const char* path) {
  const long length = ReadLink(path, target->text, PATH_MAX - 1);
  target->text[length < 0 ? 0 : length] = '\0';
  return target->text;
}

// To standard error, which of a hook nobody sees, and to that of process 1, which is the pod's log.
static void SayLine(const char* what, const char* path, long error) {
  line.length = 0;
  Say("buildkit-drain: ");
  Say(what);
  Say(path);
  if (error != 0) {
    Say(" (errno ");
    SayNumber(-error);
    Say(")");
  }
  Say("\n");
  Write(2, line.text, line.length);
  static Path own, log;
  if (!IsSame(TargetOf(&own, "/proc/self/fd/2"), TargetOf(&log, "/proc/1/fd/2"))) {
    const long file = OpenToAppend("/proc/1/fd/2");
    if (file >= 0) {
      Write((int)file, line.text, line.length);
    }
  }
}

_Noreturn static void Fail(const char* what, const char* path, long error) {
  SayLine(what, path, error);
  Exit(kNotStarted);
}

// Appends, and fails where a path gets longer than the kernel takes.
static void Append(Path* path, const char* text) {
  const unsigned long before = Length(path->text);
  const unsigned long added = Length(text);
  if (before + added >= PATH_MAX) {
    Fail("this path is too long: ", path->text, -ENAMETOOLONG);
  }
  for (unsigned long i = 0; i <= added; ++i) {
    path->text[before + i] = text[i];
  }
}

static void Set(Path* path, const char* text) {
  path->text[0] = '\0';
  Append(path, text);
}

// Leaves the folder of a file, with its slash; nothing where the path has none.
static void CutFileName(Path* path) {
  unsigned long end = Length(path->text);
  while (end > 0 && path->text[end - 1] != '/') {
    end -= 1;
  }
  path->text[end] = '\0';
}

// Finds the folder of a file, behind all links that lead to the file.
static void FindFolder(const char* started_as) {
  Set(&folder, started_as);
  for (int links = 0; links < kMostLinks; ++links) {
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
      Fail("the current folder can't be found", "", length);
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

static void Need(const char* path) {
  const long error = CheckExists(path);
  if (error != 0) {
    Fail("the folder must be whole, but this can't be found in it: ", path, error);
  }
}

// Its files are found by where it is, and what it is started by may have been opened before, as by
// fexecve: then only /proc tells where it is.
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
      Fail("the path of the folder must have no colon and no semicolon: ", folder.text, 0);
    }
  }
  Need(InFolder(&loader, LOADER));
  Need(InFolder(&node, NODE));
  InFolder(&libraries, "runtime");
#ifdef PROGRAM
  Need(InFolder(&program, PROGRAM));
#endif
}

// Whether so many processes may run beside this one at the same time: each starts the next.
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

// Where Node.js can't have its threads it aborts, or hangs for ever without a word.
static void NeedThreads(void) {
  if (TryClone3() == -EPERM) {
    Fail(
        "no thread can be started, since this container's seccomp profile answers EPERM to "
        "clone3: ",
        "take a newer container runtime, or a profile that allows clone3 or answers ENOSYS", 0);
  }
  long error = TryProcesses(kThreads - 1);
  if (error != 0) {
    SayLine("3 processes or threads are needed, and no more may be started here: ",
            "trying again for a minute", error);
  }
  for (int tries = 0; error != 0; ++tries) {
    if (tries == kTries) {
      Fail("3 processes or threads are needed, and no more could be started here for a minute: ",
           "raise the limit of this pod (podPidsLimit of the kubelet) or user (ulimit -u)", error);
    }
    Sleep(kBetweenTries);
    error = TryProcesses(kThreads - 1);
  }
}

// What of the image's environment would keep this Node.js from starting: the loader's settings,
// which are for the image's own libraries (with LD_TRACE_LOADED_OBJECTS it ends at once, with 0),
// options and configuration for another Node.js and OpenSSL, and the channel of another parent.
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

static char** KeepOf(char** environment) {
  char** end = environment;
  for (char** each = environment; *each != 0; ++each) {
    if (IsKept(*each)) {
      *end++ = *each;
    }
  }
  *end = 0;
  return environment;
}

// Called by the entry point with the stack as the kernel has made it: the number of arguments, the
// arguments, the environment and the auxiliary vector, each ended by a zero.
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
    Fail("it was started without a name", "", 0);
  }
  FindFiles(started_as);
  NeedThreads();

#ifdef PROGRAM
  char* name = "buildkit-drain";
#else
  char* name = arguments[0];
#endif
  // Its own name for the loader too, so that lists of processes show it and not the loader's.
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
  const long error = Execute(loader.text, all, KeepOf(environment));
  Fail("this can't be run: ", loader.text, error);
}

#if defined(__x86_64__)
__asm__(
    ".globl _start\n_start:\n  xor %ebp, %ebp\n  mov %rsp, %rdi\n  and $-16, %rsp\n  call "
    "Launch\n");
#else
__asm__(".globl _start\n_start:\n  mov x29, #0\n  mov x0, sp\n  bl Launch\n");
#endif
