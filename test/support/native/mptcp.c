// Multipath TCP, which Node.js can't speak: `mptcp listen PORT` accepts and holds, `mptcp connect
// PORT` connects over IPv4 and stays connected. Each prints its inodes, or its local port.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static int failed(const char *call) {
  perror(call);
  return 1;
}

static unsigned long inode_of(int fd) {
  struct stat status;
  return fstat(fd, &status) == 0 ? (unsigned long)status.st_ino : 0;
}

static int listen_and_hold(in_port_t port) {
  // As Go's `:1234`: one socket for IPv6 and IPv4.
  struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = port};
  int listener = socket(AF_INET6, SOCK_STREAM, IPPROTO_MPTCP);
  if (listener < 0) return failed("socket");
  if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0) return failed("bind");
  if (listen(listener, 16) < 0) return failed("listen");
  printf("listening %lu\n", inode_of(listener));
  for (;;) {
    int accepted = accept(listener, NULL, NULL);
    if (accepted < 0) return failed("accept");
    printf("accepted %lu\n", inode_of(accepted));
  }
}

static int connect_and_stay(in_port_t port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = port};
  socklen_t size = sizeof(address);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int client = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
  if (client < 0) return failed("socket");
  if (connect(client, (struct sockaddr *)&address, size) < 0) return failed("connect");
  if (getsockname(client, (struct sockaddr *)&address, &size) < 0) return failed("getsockname");
  printf("connected %d\n", ntohs(address.sin_port));
  for (;;) pause();
}

int main(int argc, char **argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (argc != 3) return 2;
  in_port_t port = htons((in_port_t)atoi(argv[2]));
  return strcmp(argv[1], "listen") == 0 ? listen_and_hold(port) : connect_and_stay(port);
}
