// many_clients COUNT: listens on port 1234. At the first line of standard input COUNT clients come and
// are accepted, at the second all leave; each is answered with a line when it is done.
#define _GNU_SOURCE
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

static int checked(int result, const char *call) {
  if (result < 0) {
    perror(call);
    exit(1);
  }
  return result;
}

static void come(const struct sockaddr_in *where, int count) {
  for (int i = 0; i < count; ++i) {
    int client = checked(socket(AF_INET, SOCK_STREAM, 0), "socket");
    // Of one address, the second half of the ports is slow to be found.
    struct sockaddr_in from = {.sin_family = AF_INET};
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + (unsigned)(i / 10000));
    int yes = 1;
    checked(setsockopt(client, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof(yes)), "setsockopt");
    checked(bind(client, (const struct sockaddr *)&from, sizeof(from)), "bind");
    checked(connect(client, (const struct sockaddr *)where, sizeof(*where)), "connect");
    checked((int)send(client, preface, sizeof(preface) - 1, 0), "send");
  }
  pause();
}

int main(int argc, char **argv) {
  int count = argc > 1 ? atoi(argv[1]) : 0;
  struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons(1234)};
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int *accepted = calloc((size_t)count + 1, sizeof(*accepted));
  int listener = checked(socket(AF_INET, SOCK_STREAM, 0), "socket");
  checked(bind(listener, (const struct sockaddr *)&where, sizeof(where)), "bind");
  checked(listen(listener, 4096), "listen");
  puts("listening");
  fflush(stdout);

  getchar();
  pid_t clients = checked(fork(), "fork");
  if (clients == 0) come(&where, count);
  for (int i = 0; i < count; ++i) accepted[i] = checked(accept(listener, NULL, NULL), "accept");
  puts("come");
  fflush(stdout);

  getchar();
  kill(clients, SIGKILL);
  waitpid(clients, NULL, 0);
  for (int i = 0; i < count; ++i) close(accepted[i]);
  puts("left");
  fflush(stdout);
  for (;;) pause();
}
