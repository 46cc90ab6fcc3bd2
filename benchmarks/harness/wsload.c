/* Hold thousands of WebSocket connections, read all that comes, and say when which message had reached everybody.

   Between: benchmarks/fanout/generator.py (compiles and drives it by stdin and stdout) and a server on 127.0.0.1.
   Shape: one thread, one epoll. A message carries `~<number>,<CLOCK_MONOTONIC ns when it was published>~` anywhere in
   its text; numbers count up by one. Everything a viewer reads is parsed in place, frames are never copied unless one
   is torn between two reads.
   Told (stdin, one line each): `mark` begin counting anew · `echo` say {"done": number} when the last viewer has read
   a message, `quiet` no longer · `stall` the first --stalled viewers read no more · `votes RATE FRAME` viewer by viewer sends FRAME,
   its `#` replaced by the viewer's number · `report` · end of file ends it.
   Units: histograms in µs, 64 buckets an octave (1.6 %); *_ms of what was slowest.
   Invariant: each viewer calls from one of many addresses in 127/8, PER_ADDRESS of them from each, as limits per
   address ask. One that was refused before it was in comes again after RETRY_MS.
   Why C: a Python reader costs 10 times the send it measures; on two cores it would be the bottleneck. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PER_ADDRESS 40
#define RETRY_MS 250
#define READ_BYTES (256 * 1024)
#define STALLED_RECEIVE_BYTES 4096
#define BUCKETS 2048
#define RING 8192 /* messages that may be under way at once */
#define CODES 16

enum state { IDLE, CONNECTING, SHAKING, WAITING, IN, GONE };

struct viewer {
  int fd;
  enum state state;
  bool is_stalled;
  uint32_t held, room; /* torn frame: bytes held, bytes allocated */
  char *torn;
  int64_t last; /* newest number read, -1 before the first */
  int64_t since_ns; /* handshake began; vote sent; next try */
};

struct message { int64_t number, slowest_ns; uint32_t readers; };

static struct viewer *viewers;
static struct message ring[RING];
static struct sockaddr_in targets[16];
static int target_count, viewer_count, at_once = 256, stalled_count, nap_us = 200, poll_fd;
static enum { PLAIN, OURS, SOCKETIO } dialect;
static char **paths, *one_path = "/", *origin;
static int in_count, under_way, next_viewer;
static bool is_echoing;
static char buffer[READ_BYTES + 1];

static struct {
  uint64_t delivered, frames, bytes, duplicates, missing, lost, refused, acks, vote_errors;
  uint32_t latency[BUCKETS], ack[BUCKETS], join[BUCKETS];
  double slowest_ms[RING];
  int broadcasts, codes[CODES], code_counts[CODES];
  int64_t began_ns;
  double cpu_s; /* this program's own, when counting began */
} seen;

static struct { int64_t next_ns, every_ns; int next; char frame[1024]; } votes = {.next = -1};

static int64_t now_ns(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static double cpu_s(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void die(const char *what) {
  fprintf(stderr, "wsload: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int bucket(int64_t ns) {
  uint64_t us = ns < 0 ? 0 : (uint64_t)ns / 1000;
  int shift = us < 128 ? 0 : 63 - __builtin_clzll(us) - 6;
  int index = shift * 64 + (int)(us >> shift);
  return index < BUCKETS ? index : BUCKETS - 1;
}

static void note_code(int code) {
  for (int i = 0; i < CODES; i++)
    if (seen.codes[i] == code || seen.code_counts[i] == 0) {
      seen.codes[i] = code;
      seen.code_counts[i]++;
      return;
    }
}

/* The arithmetic of a message, by itself so that `judge` can be tested without a socket. */
static void count_message(struct viewer *viewer, int64_t number, int64_t at_ns, int64_t now, int readers_needed) {
  if (number <= viewer->last) {
    seen.duplicates++;
    return;
  }
  if (viewer->last >= 0) seen.missing += number - viewer->last - 1;
  viewer->last = number;
  seen.delivered++;
  seen.latency[bucket(now - at_ns)]++;
  struct message *message = &ring[number % RING];
  if (message->number != number) *message = (struct message){.number = number};
  if (now - at_ns > message->slowest_ns) message->slowest_ns = now - at_ns;
  if (++message->readers < (uint32_t)readers_needed) return;
  if (seen.broadcasts < RING) seen.slowest_ms[seen.broadcasts++] = message->slowest_ns / 1e6;
  if (is_echoing) printf("{\"done\": %ld}\n", (long)number), fflush(stdout);
}

static bool send_frame(struct viewer *viewer, int opcode, const char *text, size_t length) {
  char frame[1100]; /* masked with the key 0, which leaves the text as it is */
  size_t head = length < 126 ? 6 : 8;
  if (head + length > sizeof frame) return false;
  frame[0] = (char)(0x80 | opcode);
  if (length < 126) frame[1] = (char)(0x80 | length);
  else frame[1] = (char)0xFE, frame[2] = (char)(length >> 8), frame[3] = (char)length;
  memset(frame + head - 4, 0, 4);
  memcpy(frame + head, text, length);
  return send(viewer->fd, frame, head + length, MSG_NOSIGNAL) == (ssize_t)(head + length);
}

static void leave(struct viewer *viewer, int64_t now) {
  if (viewer->fd >= 0) close(viewer->fd);
  viewer->fd = -1;
  viewer->held = 0;
  if (viewer->state == IN) {
    seen.lost++;
    in_count--;
    viewer->state = GONE;
  } else {
    seen.refused++;
    under_way--;
    viewer->state = IDLE;
    viewer->since_ns = now + RETRY_MS * 1000000LL + (rand() % RETRY_MS) * 1000000LL;
    if (viewer - viewers < next_viewer) next_viewer = (int)(viewer - viewers);
  }
}

static void joined(struct viewer *viewer, int64_t now) {
  if (viewer->state == IN) return;
  viewer->state = IN;
  under_way--;
  seen.join[bucket(now - viewer->since_ns)]++;
  if (++in_count == viewer_count) {
    printf("{\"joined\": %d, \"seconds\": %.4f, \"refused\": %lu}\n", in_count, (now - seen.began_ns) / 1e9,
           (unsigned long)seen.refused);
    fflush(stdout);
  }
}

static bool begins(const char *text, size_t length, const char *what) {
  return length >= strlen(what) && memcmp(text, what, strlen(what)) == 0;
}

static void read_text(struct viewer *viewer, char *text, size_t length, int64_t now) {
  seen.frames++;
  char *mark = memchr(text, '~', length);
  if (mark) {
    char *end, *rest;
    char kept = text[length];
    text[length] = 0; /* strtoll must not run into the next frame */
    int64_t number = strtoll(mark + 1, &end, 10);
    int64_t at_ns = *end == ',' ? strtoll(end + 1, &rest, 10) : 0;
    text[length] = kept;
    if (at_ns) count_message(viewer, number, at_ns, now, in_count);
    return;
  }
  if (dialect == SOCKETIO) {
    if (length == 1 && text[0] == '2') send_frame(viewer, 1, "3", 1);
    else if (viewer->state == WAITING && text[0] == '0') send_frame(viewer, 1, "40", 2);
    else if (viewer->state == WAITING && begins(text, length, "40")) joined(viewer, now);
    return;
  }
  if (dialect != OURS) return;
  if (viewer->state == WAITING && memmem(text, length, "session_state", 13)) joined(viewer, now);
  else if (votes.next >= 0 && memmem(text, length, "\"vote_ack\"", 10)) {
    seen.acks++;
    seen.ack[bucket(now - viewer->since_ns)]++;
  } else if (memmem(text, length, "\"type\":\"error\"", 14)) {
    if (!seen.vote_errors++) fprintf(stderr, "wsload: first error: %.*s\n", (int)length, text);
    if (viewer->state == WAITING) leave(viewer, now); /* comes again, as a client would */
  }
}

/* Returns how many bytes were whole frames; -1: the other side closes. */
static ssize_t read_frames(struct viewer *viewer, char *data, size_t length, int64_t now) {
  size_t at = 0;
  while (length - at >= 2) {
    unsigned char *head = (unsigned char *)data + at;
    size_t size = head[1] & 0x7F, header = 2;
    if (size == 126) {
      if (length - at < 4) break;
      size = (size_t)head[2] << 8 | head[3], header = 4;
    } else if (size == 127) {
      if (length - at < 10) break;
      size = 0, header = 10;
      for (int i = 2; i < 10; i++) size = size << 8 | head[i];
    }
    if (length - at < header + size) break;
    char *text = data + at + header;
    switch (head[0] & 0x0F) {
    case 1: case 2: read_text(viewer, text, size, now); break;
    case 8: note_code(size >= 2 ? (unsigned char)text[0] << 8 | (unsigned char)text[1] : 1005); return -1;
    case 9: send_frame(viewer, 10, text, size); break;
    }
    if (viewer->fd < 0) return (ssize_t)length;
    at += header + size;
  }
  return (ssize_t)at;
}

static void keep(struct viewer *viewer, const char *rest, size_t length) {
  if (length > viewer->room) {
    viewer->room = (uint32_t)length + 512;
    viewer->torn = realloc(viewer->torn, viewer->room);
  }
  memcpy(viewer->torn, rest, length);
  viewer->held = (uint32_t)length;
}

static void shaken(struct viewer *viewer, int64_t now) {
  viewer->state = WAITING;
  if (dialect == PLAIN) joined(viewer, now);
  else if (dialect == OURS && !send_frame(viewer, 1, "{\"type\":\"join\"}", 15)) leave(viewer, now);
}

static void readable(struct viewer *viewer) {
  for (;;) {
    size_t held = viewer->held;
    if (held) memcpy(buffer, viewer->torn, held);
    ssize_t got = recv(viewer->fd, buffer + held, READ_BYTES - held, 0);
    int64_t now = now_ns();
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
      if (viewer->state == IN) note_code(1006);
      leave(viewer, now);
      return;
    }
    size_t length = held + (size_t)got, used = 0;
    bool is_full = length == READ_BYTES;
    seen.bytes += (uint64_t)got;
    viewer->held = 0;
    if (viewer->state == SHAKING) {
      char *end = memmem(buffer, length, "\r\n\r\n", 4);
      if (!end) { keep(viewer, buffer, length); return; }
      if (!begins(buffer, length, "HTTP/1.1 101")) {
        int status = atoi(buffer + 9);
        if (seen.refused < 3) fprintf(stderr, "wsload: refused with %.40s\n", buffer);
        note_code(status);
        leave(viewer, now);
        return;
      }
      used = (size_t)(end - buffer) + 4;
      shaken(viewer, now);
      if (viewer->fd < 0) return;
    }
    ssize_t whole = read_frames(viewer, buffer + used, length - used, now);
    if (whole < 0) { leave(viewer, now); return; }
    used += (size_t)whole;
    if (used < length) keep(viewer, buffer + used, length - used);
    if (!is_full) return; /* level-triggered: more of it wakes us again */
  }
}

static void writable(struct viewer *viewer) {
  int failed = 0;
  socklen_t size = sizeof failed;
  getsockopt(viewer->fd, SOL_SOCKET, SO_ERROR, &failed, &size);
  char request[2048];
  const char *path = paths ? paths[viewer - viewers] : one_path;
  int length = snprintf(request, sizeof request,
      "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n%s%s%s"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
      path, origin ? "Origin: " : "", origin ? origin : "", origin ? "\r\n" : "");
  if (failed || send(viewer->fd, request, (size_t)length, MSG_NOSIGNAL) != length) { leave(viewer, now_ns()); return; }
  viewer->state = SHAKING;
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)(viewer - viewers)};
  epoll_ctl(poll_fd, EPOLL_CTL_MOD, viewer->fd, &event);
}

static void begin(struct viewer *viewer, int64_t now) {
  int index = (int)(viewer - viewers), on = 1, small = STALLED_RECEIVE_BYTES;
  viewer->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (viewer->fd < 0) die("socket (ulimit -n?)");
  setsockopt(viewer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(viewer->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  if (index < stalled_count) setsockopt(viewer->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  int home = index / PER_ADDRESS;
  struct sockaddr_in from = {.sin_family = AF_INET};
  from.sin_addr.s_addr = htonl(127u << 24 | (uint32_t)(100 + home / (250 * 250) % 100) << 16 |
                               (uint32_t)(1 + home / 250 % 250) << 8 | (uint32_t)(1 + home % 250));
  if (bind(viewer->fd, (struct sockaddr *)&from, sizeof from)) die("bind");
  viewer->state = CONNECTING;
  viewer->since_ns = now;
  under_way++;
  if (connect(viewer->fd, (struct sockaddr *)&targets[index % target_count], sizeof targets[0]) && errno != EINPROGRESS) {
    leave(viewer, now);
    return;
  }
  struct epoll_event event = {.events = EPOLLOUT, .data.u32 = (uint32_t)index};
  if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, viewer->fd, &event)) die("epoll_ctl");
}

static void begin_some(int64_t now) {
  int first_idle = -1;
  for (int i = next_viewer; i < viewer_count && under_way < at_once; i++) {
    if (viewers[i].state != IDLE) continue;
    if (viewers[i].since_ns > now) { if (first_idle < 0) first_idle = i; continue; }
    next_viewer = i + 1;
    begin(&viewers[i], now);
    if (viewers[i].state == IDLE && first_idle < 0) first_idle = i;
  }
  if (first_idle >= 0) next_viewer = first_idle;
}

static void vote_some(int64_t now) {
  while (votes.next >= 0 && votes.next < viewer_count && votes.next_ns <= now) {
    struct viewer *viewer = &viewers[votes.next];
    char text[1100];
    char *hash = strchr(votes.frame, '#');
    int length = hash ? snprintf(text, sizeof text, "%.*s%d%s", (int)(hash - votes.frame), votes.frame, votes.next, hash + 1)
                      : snprintf(text, sizeof text, "%s", votes.frame);
    viewer->since_ns = votes.next_ns; /* from when it was due: a generator that is late must not hide it */
    if (viewer->state == IN) send_frame(viewer, 1, text, (size_t)length);
    votes.next++;
    votes.next_ns += votes.every_ns;
  }
}

static void print_histogram(const char *name, const uint32_t *counts) {
  printf(", \"%s\": [", name);
  bool is_first = true;
  for (int i = 0; i < BUCKETS; i++)
    if (counts[i]) printf("%s[%d, %u]", is_first ? "" : ", ", i, counts[i]), is_first = false;
  printf("]");
}

static void report(void) {
  printf("{\"delivered\": %lu, \"frames\": %lu, \"bytes\": %lu, \"duplicates\": %lu, \"missing\": %lu, \"lost\": %lu, "
         "\"refused\": %lu, \"acks\": %lu, \"errors\": %lu, \"in\": %d, \"seconds\": %.6f, \"cpu_s\": %.6f",
         (unsigned long)seen.delivered, (unsigned long)seen.frames, (unsigned long)seen.bytes, (unsigned long)seen.duplicates,
         (unsigned long)seen.missing, (unsigned long)seen.lost, (unsigned long)seen.refused, (unsigned long)seen.acks,
         (unsigned long)seen.vote_errors, in_count, (now_ns() - seen.began_ns) / 1e9, cpu_s() - seen.cpu_s);
  printf(", \"codes\": {");
  for (int i = 0; i < CODES && seen.code_counts[i]; i++) printf("%s\"%d\": %d", i ? ", " : "", seen.codes[i], seen.code_counts[i]);
  printf("}, \"slowest_ms\": [");
  for (int i = 0; i < seen.broadcasts; i++) printf("%s%.3f", i ? ", " : "", seen.slowest_ms[i]);
  printf("]");
  print_histogram("latency", seen.latency);
  print_histogram("ack", seen.ack);
  print_histogram("join", seen.join);
  printf("}\n");
  fflush(stdout);
}

static void stall(void) {
  for (int i = 0; i < stalled_count; i++)
    if (viewers[i].state == IN) {
      epoll_ctl(poll_fd, EPOLL_CTL_DEL, viewers[i].fd, NULL);
      viewers[i].is_stalled = true;
      in_count--;
    }
}

static void told(char *line) {
  if (begins(line, strlen(line), "mark")) memset(&seen, 0, sizeof seen), seen.began_ns = now_ns(), seen.cpu_s = cpu_s();
  else if (begins(line, strlen(line), "echo")) is_echoing = true;
  else if (begins(line, strlen(line), "quiet")) is_echoing = false;
  else if (begins(line, strlen(line), "stall")) stall();
  else if (begins(line, strlen(line), "report")) report();
  else if (begins(line, strlen(line), "votes ")) {
    char *frame;
    votes.every_ns = (int64_t)(1e9 / strtod(line + 6, &frame));
    snprintf(votes.frame, sizeof votes.frame, "%s", frame + 1);
    votes.next = 0;
    votes.next_ns = now_ns();
  } else fprintf(stderr, "wsload: told %s\n", line);
}

static void hear(void) {
  static char text[4096];
  static size_t held;
  ssize_t got = read(0, text + held, sizeof text - 1 - held);
  if (got <= 0) exit(0);
  held += (size_t)got;
  text[held] = 0;
  char *line = text, *end;
  while ((end = strchr(line, '\n'))) *end = 0, told(line), line = end + 1;
  held -= (size_t)(line - text);
  memmove(text, line, held);
}

/* `wsload judge`: lines of `viewer number at_ns now_ns` from stdin, then a report; what the unit tests ask. */
static int judge(int needed) {
  viewers = calloc((size_t)needed, sizeof *viewers);
  for (int i = 0; i < needed; i++) viewers[i].last = -1;
  int viewer;
  long number, at, now;
  while (scanf("%d %ld %ld %ld", &viewer, &number, &at, &now) == 4) count_message(&viewers[viewer], number, at, now, needed);
  report();
  return 0;
}

static void read_paths(const char *name) {
  FILE *file = fopen(name, "r");
  if (!file) die(name);
  paths = calloc((size_t)viewer_count, sizeof *paths);
  char line[1024];
  for (int i = 0; i < viewer_count; i++) {
    if (!fgets(line, sizeof line, file)) die("too few paths");
    line[strcspn(line, "\n")] = 0;
    paths[i] = strdup(line);
  }
  fclose(file);
}

static void read_arguments(int count, char **given) {
  const char *paths_file = NULL;
  for (int i = 1; i + 1 < count; i += 2) {
    char *name = given[i], *value = given[i + 1];
    if (!strcmp(name, "--ports")) {
      for (char *port = strtok(value, ","); port && target_count < 16; port = strtok(NULL, ",")) {
        targets[target_count] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
        targets[target_count++].sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      }
    } else if (!strcmp(name, "--viewers")) viewer_count = atoi(value);
    else if (!strcmp(name, "--dialect")) dialect = !strcmp(value, "ours") ? OURS : !strcmp(value, "socketio") ? SOCKETIO : PLAIN;
    else if (!strcmp(name, "--path")) one_path = value;
    else if (!strcmp(name, "--paths")) paths_file = value;
    else if (!strcmp(name, "--origin")) origin = value;
    else if (!strcmp(name, "--at-once")) at_once = atoi(value);
    else if (!strcmp(name, "--stalled")) stalled_count = atoi(value);
    else if (!strcmp(name, "--nap-us")) nap_us = atoi(value);
    else fprintf(stderr, "wsload: %s is no option\n", name), exit(2);
  }
  if (!target_count || !viewer_count) fprintf(stderr, "wsload: --ports and --viewers are needed\n"), exit(2);
  if (paths_file) read_paths(paths_file);
}

int main(int count, char **given) {
  for (int i = 0; i < RING; i++) ring[i].number = -1;
  if (count == 3 && !strcmp(given[1], "judge")) return judge(atoi(given[2]));
  read_arguments(count, given);
  signal(SIGPIPE, SIG_IGN);
  viewers = calloc((size_t)viewer_count, sizeof *viewers);
  for (int i = 0; i < viewer_count; i++) viewers[i].fd = -1, viewers[i].last = -1;
  poll_fd = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event input = {.events = EPOLLIN, .data.u32 = UINT32_MAX}, events[512];
  epoll_ctl(poll_fd, EPOLL_CTL_ADD, 0, &input);
  seen.began_ns = now_ns();
  for (;;) {
    if (in_count < viewer_count && under_way < at_once && next_viewer < viewer_count) begin_some(now_ns());
    if (votes.next >= 0) vote_some(now_ns());
    int ready = epoll_wait(poll_fd, events, 512, nap_us < 0 ? 1 : 0);
    for (int i = 0; i < ready; i++) {
      if (events[i].data.u32 == UINT32_MAX) { hear(); continue; }
      struct viewer *viewer = &viewers[events[i].data.u32];
      if (viewer->fd < 0) continue;
      if (viewer->state == CONNECTING) writable(viewer);
      else readable(viewer);
    }
    if (ready == 0 && nap_us > 0) {
      struct timespec nap = {.tv_nsec = nap_us * 1000L};
      nanosleep(&nap, NULL);
    }
  }
}
