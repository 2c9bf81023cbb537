// Abstract unix sockets (unix(7)) whose names end where they end, as Go makes them: Node.js 20 fills
// them up with zeros. `abstract listen NAME` accepts and holds, `abstract connect NAME` stays
// connected.
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int failed(const char *call) {
  perror(call);
  return 1;
}

static void say(const char *what, int fd) {
  struct stat status;
  fstat(fd, &status);
  printf("%s %lu\n", what, (unsigned long)status.st_ino);
}

int main(int argc, char **argv) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (argc != 3 || strlen(argv[2]) >= sizeof(address.sun_path)) return 2;
  memcpy(address.sun_path + 1, argv[2], strlen(argv[2]));
  socklen_t size = offsetof(struct sockaddr_un, sun_path) + 1 + (socklen_t)strlen(argv[2]);
  int made = socket(AF_UNIX, SOCK_STREAM, 0);
  if (made < 0) return failed("socket");
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (strcmp(argv[1], "connect") == 0) {
    if (connect(made, (struct sockaddr *)&address, size) < 0) return failed("connect");
    say("connected", made);
    for (;;) pause();
  }
  if (bind(made, (struct sockaddr *)&address, size) < 0) return failed("bind");
  if (listen(made, 16) < 0) return failed("listen");
  say("listening", made);
  for (;;) {
    int accepted = accept(made, NULL, NULL);
    if (accepted < 0) return failed("accept");
    say("accepted", accepted);
  }
}
