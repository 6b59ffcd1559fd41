// Puts load on a cache over loopback, in whatever protocol it speaks, and prints what it saw as one line of JSON.
//
//   load PORT CLIENTS DEPTH KEYS requests COUNT         PROTOCOL REPLIES REQUEST   so many requests
//   load PORT CLIENTS DEPTH KEYS milliseconds DURATION  PROTOCOL REPLIES REQUEST   for so long, after a third of that for warming up
//
// PROTOCOL is redis or memcached (text and meta), REPLIES how many replies a request has. A request is given as its bytes. Twelve @ in it stand for
// the number of a key, drawn at random each time; twelve % for the next number, 0, 1, 2, …; twelve # for the number before once more. Each client
// sends DEPTH requests in one piece, waits for all their replies, and sends the next. What the program itself costs is the same for all protocols:
// it copies bytes, and finds the ends of replies. A reply that says that something went wrong, or was not there, ends it.

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS_MAX 1024
#define DIGITS 12
/** Replies to a batch that have not been looked at yet: 256 requests with replies of 4 KiB. */
#define READ_BYTES (1024 * 1024)
/** Latencies are counted by the microsecond, up to a second; what took longer is counted as a second. */
#define LATENCY_US_MAX 1000000

struct client {
  int socket;
  long awaited;
  uint64_t sent_at_us;
  size_t length;
  char *bytes;
};

static struct client clients[CLIENTS_MAX];
static long depth, keys, replies_a_request;
/** Requests that are left to send; -1 = it is time that ends the run. */
static long to_send = -1;
static const char *request;
static size_t request_bytes;
static char *batch;
/** All replies, and those since the run is warm: only they are counted by how long they took. */
static long replies, counted;
static uint32_t latencies[LATENCY_US_MAX + 1];
static bool is_warm;

static void fail(const char *what) {
  fprintf(stderr, "load: %s%s%s\n", what, errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
  exit(1);
}

static uint64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/** xorshift64*: the same numbers in every run. */
static uint64_t random_number(void) {
  static uint64_t state = 88172645463325252ULL;
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return state * 2685821657736338717ULL;
}

// ── requests ────────────────────────────────────────────────────────────────

static void write_digits(char *at, long number) {
  for (int i = DIGITS - 1; i >= 0; i--, number /= 10) at[i] = '0' + number % 10;
}

static void write_request(char *to) {
  static long number, next;
  memcpy(to, request, request_bytes);
  for (size_t i = 0; i + DIGITS <= request_bytes; i++) {
    char kind = request[i];
    if (kind != '@' && kind != '%' && kind != '#') continue;
    if (kind == '@') number = (long)(random_number() % (uint64_t)keys);
    if (kind == '%') number = next++ % keys;
    write_digits(to + i, number);
    i += DIGITS - 1;
  }
}

/** Sends a batch; false = everything has been sent. */
static bool send_batch(struct client *client) {
  long count = depth;
  if (to_send >= 0 && to_send < count) count = to_send;
  if (count == 0) return false;
  if (to_send >= 0) to_send -= count;
  for (long i = 0; i < count; i++) write_request(batch + i * request_bytes);
  client->awaited = count * replies_a_request;
  client->sent_at_us = now_us();
  for (size_t done = 0, length = count * request_bytes; done < length;) {
    ssize_t written = send(client->socket, batch + done, length - done, MSG_NOSIGNAL);
    if (written < 0) fail("send");
    done += written;
  }
  return true;
}

// ── replies ─────────────────────────────────────────────────────────────────

/** Returns where the line that begins here ends, behind its line feed; null = it is not all there. */
static const char *line_end(const char *at, const char *end) {
  const char *feed = memchr(at, '\n', end - at);
  return feed == NULL ? NULL : feed + 1;
}

static bool begins(const char *at, const char *end, const char *word) {
  size_t length = strlen(word);
  return (size_t)(end - at) >= length && memcmp(at, word, length) == 0;
}

static const char *behind_bytes(const char *at, const char *end, long count) {
  return end - at >= count + 2 ? at + count + 2 : NULL;
}

/** Returns the end of a reply of Redis's protocol. */
static const char *redis_reply_end(const char *at, const char *end) {
  const char *next = line_end(at, end);
  if (next == NULL) return NULL;
  if (*at == '-' || begins(at, end, "$-1")) fail(*at == '-' ? strndup(at, next - at) : "a key is not there");
  if (*at == '$') return behind_bytes(next, end, strtol(at + 1, NULL, 10));
  if (*at == '*') {
    for (long i = strtol(at + 1, NULL, 10); i > 0 && next != NULL; i--) next = redis_reply_end(next, end);
  }
  return next;
}

/** Returns the end of a reply of either of memcached's protocols: `VA` begins a value of the meta protocol, `VALUE` one of several of the other. */
static const char *memcached_reply_end(const char *at, const char *end) {
  bool found = false;
  for (;;) {
    const char *next = line_end(at, end);
    if (next == NULL) return NULL;
    if (begins(at, end, "VA ")) return behind_bytes(next, end, strtol(at + 3, NULL, 10));
    if (!begins(at, end, "VALUE ")) {
      // What is not there answers with a bare END, or with EN; what went wrong with words that have ERROR or NOT_ in them, or with two letters.
      static const char *const bad[] = {"ERROR", "CLIENT_ERROR", "SERVER_ERROR", "NOT_", "NF", "NS", "EN\r"};
      for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) if (begins(at, end, bad[i])) fail(strndup(at, next - at));
      if (begins(at, end, "END") && !found) fail("a key is not there");
      return next;
    }
    // VALUE key flags bytes
    const char *word = memchr(at + 6, ' ', next - at - 6);
    word = memchr(word + 1, ' ', next - word - 1);
    at = behind_bytes(next, end, strtol(word + 1, NULL, 10));
    if (at == NULL) return NULL;
    found = true;
  }
}

static const char *(*reply_end)(const char *at, const char *end);

/** Takes what has come; false = the client has sent and heard everything. */
static bool read_replies(struct client *client) {
  ssize_t count = recv(client->socket, client->bytes + client->length, READ_BYTES - client->length, 0);
  if (count <= 0) fail("the connection was closed");
  client->length += count;
  const char *at = client->bytes, *end = client->bytes + client->length;
  uint64_t took_us = now_us() - client->sent_at_us;
  if (took_us > LATENCY_US_MAX) took_us = LATENCY_US_MAX;
  while (at < end && client->awaited > 0) {
    const char *next = reply_end(at, end);
    if (next == NULL) break;
    at = next;
    client->awaited--;
    replies++;
    if (is_warm) {
      latencies[took_us]++;
      counted++;
    }
  }
  client->length = end - at;
  if (client->length > 0) memmove(client->bytes, at, client->length);
  return client->awaited > 0 || send_batch(client);
}

// ── the run ─────────────────────────────────────────────────────────────────

static void open_client(struct client *client, int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  client->socket = socket(AF_INET, SOCK_STREAM, 0);
  int yes = 1;
  setsockopt(client->socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
  if (connect(client->socket, (struct sockaddr *)&address, sizeof(address)) != 0) fail("connect");
  client->bytes = malloc(READ_BYTES);
  if (client->bytes == NULL) fail("memory");
}

static double percentile_ms(double percent) {
  uint64_t wanted = (uint64_t)(counted * percent / 100), seen = 0;
  for (long us = 0; us <= LATENCY_US_MAX; us++) {
    seen += latencies[us];
    if (seen > wanted) return us / 1000.0;
  }
  return 0;
}

int main(int count, char **words) {
  if (count != 10) {
    fprintf(stderr, "usage: load PORT CLIENTS DEPTH KEYS requests|milliseconds NUMBER redis|memcached REPLIES REQUEST\n");
    return 1;
  }
  int port = atoi(words[1]);
  long client_count = atol(words[2]);
  depth = atol(words[3]);
  keys = atol(words[4]);
  bool has_count = strcmp(words[5], "requests") == 0;
  long amount = atol(words[6]);
  reply_end = strcmp(words[7], "redis") == 0 ? redis_reply_end : memcached_reply_end;
  replies_a_request = atol(words[8]);
  request = words[9];
  request_bytes = strlen(request);
  batch = malloc(depth * request_bytes);
  if (client_count > CLIENTS_MAX || batch == NULL) fail("too many clients, or too little memory");
  if (has_count) to_send = amount;

  int events = epoll_create1(0);
  long clients_left = 0;
  for (long i = 0; i < client_count; i++) {
    open_client(&clients[i], port);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &clients[i]};
    epoll_ctl(events, EPOLL_CTL_ADD, clients[i].socket, &event);
  }
  uint64_t began_us = now_us(), counted_from_us = began_us;
  uint64_t warm_us = has_count ? 0 : (uint64_t)amount * 1000 / 3;
  uint64_t end_us = has_count ? UINT64_MAX : began_us + warm_us + (uint64_t)amount * 1000;
  is_warm = has_count;
  for (long i = 0; i < client_count; i++) if (send_batch(&clients[i])) clients_left++;
  while (clients_left > 0) {
    struct epoll_event ready[CLIENTS_MAX];
    int found = epoll_wait(events, ready, CLIENTS_MAX, 1000);
    if (found < 0 && errno != EINTR) fail("epoll_wait");
    for (int i = 0; i < found; i++) if (!read_replies(ready[i].data.ptr)) clients_left--;
    uint64_t now = now_us();
    if (!is_warm && now >= began_us + warm_us) {
      is_warm = true;
      counted_from_us = now;
    }
    // A machine that is very busy may have answered nothing yet.
    if (now >= end_us && counted > 0) break;
  }
  if (counted == 0) fail("nothing was answered in that time");
  double seconds = (now_us() - counted_from_us) / 1e6;
  printf("{\"perSecond\":%.0f,\"p50Ms\":%.3f,\"p99Ms\":%.3f,\"replies\":%ld}\n", counted / seconds, percentile_ms(50), percentile_ms(99), replies);
  return 0;
}
