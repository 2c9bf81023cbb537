// What Debian's libstdc++.a wants of glibc and musl 1.2.3 does not have. Linked with it, it makes the
// libstdc++.so.6 that Bun needs under musl, which Debian has none for.
#include <stddef.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

char __libc_single_threaded = 0;

unsigned int arc4random(void) {
  unsigned int number;
  if (getrandom(&number, sizeof number, 0) != sizeof number) {
    abort();
  }
  return number;
}

size_t __strftime_l(char *text, size_t size, const char *format, const struct tm *time,
                    void *locale) {
  (void)locale;
  return strftime(text, size, format, time);
}

// What threads leave behind is left behind.
int __cxa_thread_atexit_impl(void (*destroy)(void *), void *object, void *library) {
  (void)destroy, (void)object, (void)library;
  return 0;
}

// No exception is caught: Bun is built without them.
int _dl_find_object(void *address, void *found) {
  (void)address, (void)found;
  return -1;
}
