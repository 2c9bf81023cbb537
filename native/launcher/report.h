// Strings and error messages without a libc.
#pragma once

#include <linux/limits.h>

#include "system_calls.h"

// What shells return for a command that cannot be found or run.
enum { kNotStarted = 127 };

typedef struct {
  char text[PATH_MAX];
} Path;

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

static void AddBytes(const char* text, unsigned long length) {
  for (unsigned long i = 0; i < length && line.length < sizeof(line.text); ++i) {
    line.text[line.length++] = text[i];
  }
}

static void AddText(const char* text) { AddBytes(text, Length(text)); }

static void AddNumber(long number) {
  if (number >= 10) {
    AddNumber(number / 10);
  }
  const char digit = (char)('0' + number % 10);
  AddBytes(&digit, 1);
}

static const char* TargetOf(Path* target, const char* path) {
  const long length = ReadLink(path, target->text, PATH_MAX - 1);
  target->text[length < 0 ? 0 : length] = '\0';
  return target->text;
}

// Writes to standard error, which is not shown for a hook, and to that of process 1, which is the
// pod's log.
static void Report(const char* message, const char* detail, long error) {
  line.length = 0;
  AddText("buildkit-drain: ");
  AddText(message);
  AddText(detail);
  if (error != 0) {
    AddText(" (errno ");
    AddNumber(-error);
    AddText(")");
  }
  AddText("\n");
  Write(2, line.text, line.length);
  static Path own, log;
  if (!IsSame(TargetOf(&own, "/proc/self/fd/2"), TargetOf(&log, "/proc/1/fd/2"))) {
    const long file = OpenToAppend("/proc/1/fd/2");
    if (file >= 0) {
      Write((int)file, line.text, line.length);
    }
  }
}

_Noreturn static void Fail(const char* message, const char* detail, long error) {
  Report(message, detail, error);
  Exit(kNotStarted);
}
