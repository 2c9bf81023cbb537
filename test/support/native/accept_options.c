// Preloaded into a process, gives each TCP connection that it accepts the keep-alives that Go gives
// them, and where $USER_TIMEOUT_MS is set, that limit for data and keep-alives without an answer.
#define _GNU_SOURCE
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void set(int socket, int level, int option, int value) {
  setsockopt(socket, level, option, &value, sizeof value);
}

int accept4(int listener, struct sockaddr *restrict address, socklen_t *restrict length,
            int flags) {
  int socket = (int)syscall(SYS_accept4, listener, address, length, flags);
  const char *limit = getenv("USER_TIMEOUT_MS");
  if (socket < 0) return socket;
  set(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set(socket, IPPROTO_TCP, TCP_KEEPIDLE, 15);
  set(socket, IPPROTO_TCP, TCP_KEEPINTVL, 15);
  if (limit != NULL) set(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, atoi(limit));
  return socket;
}
