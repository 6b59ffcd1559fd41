// The eleven things with hiredis. THINGS names those to do. Version 0.14 has neither TLS nor
// Sentinels nor a cluster mode: OpenSSL reads and writes here, and a few lines follow the leader and MOVED.

#include <hiredis/hiredis.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_MAX = 512, PLACES_MAX = 8, LINE_MAX_BYTES = 256 };

typedef struct { char host[64]; int port; } Place;

static redisContext *redis;
static char line[TEXT_MAX];

static const char *env(const char *name) {
    const char *value = getenv(name);
    if (value == NULL) exit((fprintf(stderr, "%s is not set\n", name), 1));
    return value;
}

static Place place_of(const char *address) {
    Place place;
    if (sscanf(address, "%63[^:]:%d", place.host, &place.port) != 2) exit((fprintf(stderr, "no address: %s\n", address), 1));
    return place;
}

/** The places in a variable; returns how many. */
static int places_of(const char *variable, Place places[PLACES_MAX]) {
    char text[TEXT_MAX];
    int count = 0;
    snprintf(text, sizeof text, "%s", env(variable));
    for (char *rest = text, *address; count < PLACES_MAX && (address = strsep(&rest, ",")) != NULL;) places[count++] = place_of(address);
    return count;
}

static redisContext *connect_to(const char *host, int port) {
    // docs: connect
    redisContext *redis = redisConnect(host, port);
    if (redis == NULL || redis->err) exit((fprintf(stderr, "no connection\n"), 1));
    // docs: end
    return redis;
}

static redisContext *connection(void) {
    Place place = place_of(env("RESPITE_ADDRESS"));
    return connect_to(place.host, place.port);
}

/** Asks, and ends the program when there is no reply. */
static redisReply *ask(redisContext *client, const char *format, ...) {
    va_list words;
    va_start(words, format);
    redisReply *reply = redisvCommand(client, format, words);
    va_end(words);
    if (reply == NULL) exit((fprintf(stderr, "%s: %s\n", format, client->errstr), 1));
    if (reply->type == REDIS_REPLY_ERROR) exit((fprintf(stderr, "%s: %s\n", format, reply->str), 1));
    return reply;
}

static void done_with(redisReply *reply) { freeReplyObject(reply); }

static long long number(redisReply *reply) {
    long long value = reply->type == REDIS_REPLY_INTEGER ? reply->integer : atoll(reply->str);
    freeReplyObject(reply);
    return value;
}

/** Subscribes, by name if one is given. */
static redisContext *listen_to(const char *channel, const char *name) {
    redisContext *subscriber = connection();
    if (name != NULL) done_with(ask(subscriber, "CLIENT SETNAME %s", name));
    done_with(ask(subscriber, "SUBSCRIBE %s", channel));
    return subscriber;
}

static void next_of(redisContext *subscriber, char message[TEXT_MAX]) {
    redisReply *reply;
    if (redisGetReply(subscriber, (void **)&reply) != REDIS_OK) exit((fprintf(stderr, "%s\n", subscriber->errstr), 1));
    snprintf(message, TEXT_MAX, "%s", reply->element[2]->str);
    freeReplyObject(reply);
}

static void join(char *text, const char *word, const char *between) {
    size_t length = strlen(text);
    snprintf(text + length, TEXT_MAX - length, "%s%s", length == 0 ? "" : between, word);
}

static const char *channel(void) {
    redisContext *subscriber = listen_to("news", NULL);
    char one[TEXT_MAX], two[TEXT_MAX];
    // docs: publish
    freeReplyObject(redisCommand(redis, "PUBLISH news %s", "hello"));
    freeReplyObject(redisCommand(redis, "PUBLISH news %s", "world"));
    // docs: end
    next_of(subscriber, one);
    next_of(subscriber, two);
    redisFree(subscriber);
    join(line, one, "");
    join(line, two, ", ");
    return line;
}

/** Remembers an id; returns false when it is known already. */
static int is_new(char *seen, const char *id) {
    char marked[TEXT_MAX], all[TEXT_MAX * 2];
    snprintf(marked, sizeof marked, " %.100s ", id);
    snprintf(all, sizeof all, " %s ", seen);
    if (strstr(all, marked) != NULL) return 0;
    join(seen, id, " ");
    return 1;
}

static void billing(redisContext *subscriber, char *seen, int more) {
    // docs: name
    redisReply *reply;
    freeReplyObject(redisCommand(subscriber, "CLIENT SETNAME billing"));
    freeReplyObject(redisCommand(subscriber, "SUBSCRIBE orders.eu"));
    while (more > 0 && redisGetReply(subscriber, (void **)&reply) == REDIS_OK) {
        if (is_new(seen, reply->element[2]->str)) more--; // A message may come again: its id tells.
        freeReplyObject(reply);
    }
    // docs: end
    redisFree(subscriber);
}

static const char *name(void) {
    char seen[TEXT_MAX] = "";
    billing(connection(), seen, 0); // From now on the name is known.
    done_with(ask(redis, "PUBLISH orders.eu 1"));
    done_with(ask(redis, "PUBLISH orders.eu 2"));
    billing(connection(), seen, 2);
    join(line, seen, "");
    done_with(ask(redis, "PUBLISH orders.eu 3"));
    done_with(ask(redis, "PUBLISH orders.eu 4"));
    billing(connection(), seen, 2);
    join(line, "away", ", ");
    join(line, seen + strlen("1 2 "), ", ");
    return line;
}

static int by_text(const void *one, const void *other) { return strcmp(*(char *const *)one, *(char *const *)other); }

static const char *group(void) {
    redisContext *members[2] = {listen_to("$share/workers/jobs", NULL), listen_to("$share/workers/jobs", NULL)};
    struct pollfd waiting[2] = {{members[0]->fd, POLLIN, 0}, {members[1]->fd, POLLIN, 0}};
    char heard[6][TEXT_MAX], *order[6];
    int counts[2] = {0, 0};
    for (int i = 1; i <= 6; i++) done_with(ask(redis, "PUBLISH jobs %d", i));
    for (int count = 0; count < 6;) {
        poll(waiting, 2, -1);
        for (int i = 0; i < 2 && count < 6; i++) {
            if (!(waiting[i].revents & POLLIN)) continue;
            redisReply *reply = NULL;
            redisBufferRead(members[i]);
            while (count < 6 && redisGetReplyFromReader(members[i], (void **)&reply) == REDIS_OK && reply != NULL) {
                snprintf(heard[count], TEXT_MAX, "%s", reply->element[2]->str);
                order[count] = heard[count];
                count++;
                counts[i]++;
                freeReplyObject(reply);
                reply = NULL;
            }
        }
    }
    qsort(order, 6, sizeof order[0], by_text);
    for (int i = 0; i < 6; i++) join(line, order[i], " ");
    join(line, counts[0] > 0 && counts[1] > 0 ? "by both members" : "by one member", ", ");
    redisFree(members[0]);
    redisFree(members[1]);
    return line;
}

static const char *schedule(void) {
    redisContext *subscriber = listen_to("orders.later", NULL);
    char message[TEXT_MAX];
    done_with(ask(redis, "PUBLISH orders.later later IN 500ms"));
    done_with(ask(redis, "PUBLISH orders.later now"));
    done_with(ask(redis, "PUBLISH orders.later once ID order-1"));
    done_with(ask(redis, "PUBLISH orders.later once ID order-1")); // Published already.
    do {
        next_of(subscriber, message);
        join(line, message, ", ");
    } while (strcmp(message, "later") != 0);
    redisFree(subscriber);
    return line;
}

static const char *queue(void) {
    char left[TEXT_MAX];
    done_with(ask(redis, "RPUSH queue a b c"));
    while (1) {
        redisReply *job = ask(redis, "BLMOVE queue doing LEFT RIGHT 0.1");
        if (job->type == REDIS_REPLY_NIL) {
            freeReplyObject(job);
            break;
        }
        join(line, job->str, " ");
        done_with(ask(redis, "LREM doing 1 %s", job->str));
        freeReplyObject(job);
    }
    snprintf(left, sizeof left, "then nothing, %lld unfinished", number(ask(redis, "LLEN doing")));
    join(line, left, ", ");
    return line;
}

static const char *stream(void) {
    char text[LINE_MAX_BYTES];
    done_with(ask(redis, "XGROUP CREATE log readers 0 MKSTREAM"));
    done_with(ask(redis, "XADD log * text one"));
    done_with(ask(redis, "XADD log * text two"));
    redisReply *read = ask(redis, "XREADGROUP GROUP readers ada COUNT 10 STREAMS log >");
    redisReply *entries = read->element[0]->element[1];
    done_with(ask(redis, "XACK log readers %s", entries->element[0]->element[0]->str));
    redisReply *pending = ask(redis, "XPENDING log readers");
    const char *one = entries->element[0]->element[1]->element[1]->str;
    const char *two = entries->element[1]->element[1]->element[1]->str;
    snprintf(text, sizeof text, "%.50s %.50s, %lld pending", one, two, pending->element[0]->integer);
    join(line, text, "");
    freeReplyObject(pending);
    freeReplyObject(read);
    return line;
}

static const char *transaction(void) {
    redisContext *other = connection();
    int refused = 0;
    char text[LINE_MAX_BYTES];
    done_with(ask(redis, "SET balance 10"));
    while (1) {
        done_with(ask(redis, "WATCH balance"));
        long long balance = number(ask(redis, "GET balance"));
        if (refused == 0) done_with(ask(other, "SET balance 12"));
        done_with(ask(redis, "MULTI"));
        done_with(ask(redis, "SET balance %lld", balance + 3));
        redisReply *done = ask(redis, "EXEC");
        int was_refused = done->type == REDIS_REPLY_NIL;
        freeReplyObject(done);
        if (!was_refused) break;
        refused++;
    }
    redisFree(other);
    snprintf(text, sizeof text, refused == 1 ? "refused once" : "refused %d times", refused);
    join(line, text, "");
    snprintf(text, sizeof text, "then %lld", number(ask(redis, "GET balance")));
    join(line, text, ", ");
    return line;
}

static const char *script(void) {
    const char *text = "return redis.call('INCRBY', KEYS[1], ARGV[1])";
    long long first = number(ask(redis, "EVAL %s 1 stock 7", text));
    redisReply *hash = ask(redis, "SCRIPT LOAD %s", text);
    long long second = number(ask(redis, "EVALSHA %s 1 stock 5", hash->str));
    freeReplyObject(hash);
    snprintf(line, sizeof line, "%lld, then %lld by its hash", first, second);
    return line;
}

/** Asks over TLS: OpenSSL carries the bytes, hiredis writes the request and reads the reply. */
static redisReply *ask_over(SSL *ssl, redisReader *reader, const char *format, ...) {
    char *request, bytes[4096];
    redisReply *reply = NULL;
    va_list words;
    va_start(words, format);
    int length = redisvFormatCommand(&request, format, words);
    va_end(words);
    if (SSL_write(ssl, request, length) != length) exit((fprintf(stderr, "TLS: nothing was written\n"), 1));
    redisFreeCommand(request);
    while (redisReaderGetReply(reader, (void **)&reply) == REDIS_OK && reply == NULL) {
        int read = SSL_read(ssl, bytes, sizeof bytes);
        if (read <= 0) exit((fprintf(stderr, "TLS: nothing was read\n"), 1));
        redisReaderFeed(reader, bytes, read);
    }
    return reply;
}

static const char *tls(void) {
    Place place = place_of(env("RESPITE_TLS_ADDRESS"));
    redisContext *client = connect_to(place.host, place.port);
    SSL_CTX *trust = SSL_CTX_new(TLS_client_method());
    SSL_CTX_load_verify_locations(trust, env("RESPITE_TLS_CA"), NULL);
    SSL_CTX_set_verify(trust, SSL_VERIFY_PEER, NULL);
    SSL *ssl = SSL_new(trust);
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), place.host);
    SSL_set_fd(ssl, client->fd);
    if (SSL_connect(ssl) != 1) exit((fprintf(stderr, "TLS: the server is not trusted\n"), 1));
    redisReader *reader = redisReaderCreate();
    done_with(ask_over(ssl, reader, "AUTH %s %s", env("RESPITE_USER"), env("RESPITE_PASSWORD")));
    redisReply *own = ask_over(ssl, reader, "SET app:1 x");
    redisReply *others = ask_over(ssl, reader, "SET other x");
    others->str[strcspn(others->str, " ")] = '\0';
    snprintf(line, sizeof line, "%.50s in its keys, %.50s outside", own->str, others->str);
    freeReplyObject(own);
    freeReplyObject(others);
    redisReaderFree(reader);
    SSL_free(ssl);
    SSL_CTX_free(trust);
    redisFree(client);
    return line;
}

/** Connects to the leader that a Sentinel tells; returns NULL when none is known. */
static redisContext *leader(void) {
    Place places[PLACES_MAX];
    struct timeval patience = {1, 0};
    int count = places_of("RESPITE_SENTINELS", places);
    for (int i = 0; i < count; i++) {
        redisContext *found = NULL, *sentinel = redisConnectWithTimeout(places[i].host, places[i].port, patience);
        if (sentinel == NULL) continue;
        if (!sentinel->err) {
            redisSetTimeout(sentinel, patience);
            redisReply *reply = redisCommand(sentinel, "SENTINEL GET-MASTER-ADDR-BY-NAME %s", env("RESPITE_SHARD"));
            if (reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2)
                found = redisConnectWithTimeout(reply->element[0]->str, atoi(reply->element[1]->str), patience);
            if (reply != NULL) freeReplyObject(reply);
        }
        redisFree(sentinel);
        if (found != NULL) return found;
    }
    return NULL;
}

// docs: failover
static redisReply *persist(redisContext **client, const char *format, const char *id) {
    while (1) {
        if (*client == NULL) *client = leader(); // A Sentinel tells it.
        redisReply *reply = *client == NULL ? NULL : redisCommand(*client, format, id);
        if (reply != NULL && reply->type != REDIS_REPLY_ERROR) return reply;
        if (reply != NULL) freeReplyObject(reply);
        if (*client != NULL) redisFree(*client);
        *client = NULL; // There is no leader yet, or the connection has ended.
        usleep(20000);
    }
}
// docs: end

static const char *failover(void) {
    redisContext *client = NULL;
    char publish[LINE_MAX_BYTES], length[LINE_MAX_BYTES], id[32];
    snprintf(publish, sizeof publish, "PUBLISH orders.%s order ID %%s", env("RESPITE_TAG"));
    snprintf(length, sizeof length, "XLEN channel:{orders.%s}", env("RESPITE_TAG"));
    char ready[LINE_MAX_BYTES], go[LINE_MAX_BYTES];
    snprintf(ready, sizeof ready, "SET {%s}ready %%s", env("RESPITE_TAG"));
    snprintf(go, sizeof go, "GET {%s}go", env("RESPITE_TAG"));
    done_with(persist(&client, ready, "failover"));
    long long sent = 0;
    for (int more = 10; more > 0; sent++) {
        snprintf(id, sizeof id, "%lld", sent);
        done_with(persist(&client, publish, id));
        redisReply *said = persist(&client, go, NULL);
        if (said->type == REDIS_REPLY_STRING && strcmp(said->str, "failover") == 0) more--;
        freeReplyObject(said);
    }
    long long kept = number(persist(&client, length, NULL));
    redisFree(client);
    if (kept == sent) return "every message is kept once";
    snprintf(line, sizeof line, "%lld messages of %lld are kept", kept, sent);
    return line;
}

/** Asks a node of the cluster, and the one that MOVED names. */
static redisReply *ask_cluster(redisContext **node, const char *format, const char *key) {
    while (1) {
        redisReply *reply = redisCommand(*node, format, key);
        if (reply == NULL) exit((fprintf(stderr, "%s\n", (*node)->errstr), 1));
        Place place;
        if (reply->type != REDIS_REPLY_ERROR) return reply;
        if (sscanf(reply->str, "MOVED %*d %63[^:]:%d", place.host, &place.port) != 2)
            exit((fprintf(stderr, "%s\n", reply->str), 1));
        freeReplyObject(reply);
        redisFree(*node);
        *node = connect_to(place.host, place.port);
    }
}

static const char *slots(void) {
    Place places[PLACES_MAX];
    places_of("RESPITE_NODES", places);
    redisContext *node = connect_to(places[0].host, places[0].port);
    char ready[LINE_MAX_BYTES], go[LINE_MAX_BYTES], count[LINE_MAX_BYTES];
    snprintf(ready, sizeof ready, "{%s}ready", env("RESPITE_TAG"));
    snprintf(go, sizeof go, "{%s}go", env("RESPITE_TAG"));
    snprintf(count, sizeof count, "{%s}count", env("RESPITE_TAG"));
    done_with(ask_cluster(&node, "SET %s slots", ready));
    long long written = 0;
    for (int is_done = 0; !is_done; written += !is_done) {
        redisReply *said = ask_cluster(&node, "GET %s", go);
        is_done = strcmp(said->str, "slots") == 0;
        freeReplyObject(said);
        if (!is_done) done_with(ask_cluster(&node, "INCR %s", count));
    }
    long long found = number(ask_cluster(&node, "INCR %s", count)) - 1;
    redisFree(node);
    if (found == written) return "every write is there";
    snprintf(line, sizeof line, "%lld of %lld writes are there", found, written);
    return line;
}

int main(int count, char **words) {
    static const struct { const char *name; const char *(*run)(void); } THINGS[] = {
        {"channel", channel}, {"name", name}, {"group", group}, {"schedule", schedule}, {"queue", queue}, {"stream", stream},
        {"transaction", transaction}, {"script", script}, {"tls", tls}, {"failover", failover}, {"slots", slots},
    };
    if (count > 1 && strcmp(words[1], "--version") == 0) {
        printf("%d.%d.%d\n", HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH);
        return 0;
    }
    redis = connection();
    char wanted[TEXT_MAX];
    snprintf(wanted, sizeof wanted, "%s", env("THINGS"));
    for (char *rest = wanted, *thing; (thing = strsep(&rest, ",")) != NULL;) {
        for (size_t i = 0; i < sizeof THINGS / sizeof THINGS[0]; i++) {
            if (strcmp(thing, THINGS[i].name) != 0) continue;
            line[0] = '\0';
            printf("%s: %s\n", thing, THINGS[i].run());
        }
    }
    redisFree(redis);
    return 0;
}
