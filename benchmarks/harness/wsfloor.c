/* The floor: what the cheapest possible server costs, one send() of a prebuilt frame to each socket and nothing else.

   Between: benchmarks/fanout (starts it on a port) and wsload.c (the viewers).
   Shape: a connection of path /publish is the publisher: the text of each of its frames goes to everybody else. The
   others are viewers; what they send is thrown away. One thread, one epoll, as any server with one core.
   Invariant: a viewer whose socket is full misses the message (it is counted by wsload): the floor never waits. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define FDS 20000
#define ANSWER "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
               "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n" /* of RFC 6455's sample key, which wsload sends */

static enum { NEW, VIEWER, PUBLISHER } kind[FDS];
static int viewers[FDS], place[FDS], count;
static char input[65536], frame[65536];
static size_t held;

static void broadcast(const char *text, size_t length) {
  size_t head = length < 126 ? 2 : 4;
  frame[0] = (char)0x81;
  if (length < 126) frame[1] = (char)length;
  else frame[1] = 126, frame[2] = (char)(length >> 8), frame[3] = (char)length;
  memcpy(frame + head, text, length);
  for (int i = 0; i < count; i++) send(viewers[i], frame, head + length, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void drop(int fd) {
  if (kind[fd] == VIEWER) {
    viewers[place[fd]] = viewers[--count];
    place[viewers[place[fd]]] = place[fd];
  }
  close(fd);
}

static void published(int fd) {
  ssize_t got = recv(fd, input + held, sizeof input - held, 0);
  if (got <= 0) { drop(fd); return; }
  held += (size_t)got;
  size_t at = 0;
  while (held - at >= 6) {
    unsigned char *head = (unsigned char *)input + at;
    size_t size = head[1] & 0x7F, header = size == 126 ? 8 : 6;
    if (held - at < header) break;
    if (size == 126) size = (size_t)head[2] << 8 | head[3];
    if (held - at < header + size) break;
    for (size_t i = 0; i < size; i++) input[at + header + i] ^= (char)head[header - 4 + i % 4];
    broadcast(input + at + header, size);
    at += header + size;
  }
  held -= at;
  memmove(input, input + at, held);
}

static void greeted(int fd) {
  char request[4096];
  ssize_t got = recv(fd, request, sizeof request - 1, 0);
  if (got <= 0) { close(fd); return; }
  request[got] = 0;
  if (send(fd, ANSWER, sizeof ANSWER - 1, MSG_NOSIGNAL) < 0) { close(fd); return; }
  if (!strncmp(request, "GET /publish ", 13)) { kind[fd] = PUBLISHER; return; }
  kind[fd] = VIEWER;
  place[fd] = count;
  viewers[count++] = fd;
}

int main(int argument_count, char **given) {
  int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1, poll_fd = epoll_create1(0);
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argument_count > 1 ? given[1] : "0"))};
  here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr *)&here, sizeof here) || listen(listener, 4096)) { perror("wsfloor"); return 1; }
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[256];
  epoll_ctl(poll_fd, EPOLL_CTL_ADD, listener, &event);
  for (;;) {
    int ready = epoll_wait(poll_fd, events, 256, -1);
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd;
      if (fd == listener) {
        int accepted = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        if (accepted < 0 || accepted >= FDS) { if (accepted >= 0) close(accepted); continue; }
        setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        kind[accepted] = NEW;
        struct epoll_event one = {.events = EPOLLIN, .data.fd = accepted};
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, accepted, &one);
      } else if (kind[fd] == NEW) greeted(fd);
      else if (kind[fd] == PUBLISHER) published(fd);
      else if (recv(fd, input + held, sizeof input - held, 0) <= 0) drop(fd);
    }
  }
}
