// Measures a store and prints how much it does in a second, as one line of JSON.
//
//   measure DIRECTORY KEYS MILLISECONDS FILL_MILLISECONDS fast|durable
//
// It is filled with KEYS keys, and then asked for MILLISECONDS each. What is durable is only changed: reads are the same. A store that is not full
// within FILL_MILLISECONDS reports nothing but {}.

#include "store.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KEY_BYTES 16
#define VALUE_BYTES 64
/** How many keys belong together where it is not one. */
#define MANY 100
#define FILL_AT_A_TIME 1000

static volatile unsigned looked_at;
static long keys;
static double milliseconds;

void fail(const char *what) {
  fprintf(stderr, "measure: %s\n", what);
  exit(1);
}

void look_at(const char *bytes, size_t count) {
  for (size_t i = 0; i < count; i += 64) looked_at += (unsigned char)bytes[i];
}

static double now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

/** Writes the key of a number. Numbers that follow each other have keys that lie far from each other. */
static void write_key(char *key, long number) {
  uint32_t spread = (uint32_t)(number + 1) * 0x9e3779b1u;
  memcpy(key, "key:", 4);
  for (int i = KEY_BYTES - 1; i >= 4; i--, spread /= 10) key[i] = '0' + spread % 10;
}

static long any_number(void) {
  static uint64_t state = 88172645463325252ULL;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (long)(state % (uint64_t)keys);
}

static char value[VALUE_BYTES];

static void set(long number) {
  char key[KEY_BYTES];
  write_key(key, number);
  store_set(key, KEY_BYTES, value, VALUE_BYTES);
}

static void get(long number) {
  char key[KEY_BYTES];
  write_key(key, number);
  if (store_get(key, KEY_BYTES) != VALUE_BYTES) fail("a key is not there");
}

static void report(const char *name, long count, double began_ms) {
  static bool has_reported = false;
  printf("%s\"%s\":%.0f", has_reported ? "," : "", name, count * 1e3 / (now_ms() - began_ms));
  has_reported = true;
}

static void measure_sets(const char *name, long at_a_time) {
  double began = now_ms();
  long count = 0;
  for (; now_ms() - began < milliseconds; count += at_a_time) {
    begin_changes();
    for (long i = 0; i < at_a_time; i++) set(any_number());
    end_changes();
  }
  report(name, count, began);
}

static void measure_gets(const char *name, long at_a_time) {
  double began = now_ms();
  long count = 0;
  for (; now_ms() - began < milliseconds; count += at_a_time) {
    begin_reads();
    for (long i = 0; i < at_a_time; i++) get(any_number());
    end_reads();
  }
  report(name, count, began);
}

static void measure_iteration(void) {
  double began = now_ms();
  long count = 0;
  while (now_ms() - began < milliseconds) {
    long found = store_iterate();
    if (found != keys) fail("an iteration did not find every key");
    count += found;
  }
  report("iterate", count, began);
}

/** One by one, half of what there is at most. */
static void measure_deletes(void) {
  double began = now_ms();
  long count = 0;
  for (; count < keys / 2 && now_ms() - began < milliseconds; count++) {
    char key[KEY_BYTES];
    write_key(key, count);
    begin_changes();
    store_delete(key, KEY_BYTES);
    end_changes();
  }
  report("delete", count, began);
}

int main(int count, char **words) {
  if (count != 6) fail("usage: measure DIRECTORY KEYS MILLISECONDS FILL_MILLISECONDS fast|durable");
  keys = atol(words[2]);
  milliseconds = atof(words[3]);
  double fill_milliseconds = atof(words[4]);
  bool durable = strcmp(words[5], "durable") == 0;
  memset(value, 'v', sizeof(value));
  store_open(words[1], durable);
  double began = now_ms();
  printf("{");
  for (long i = 0; i < keys; i += FILL_AT_A_TIME) {
    if (now_ms() - began > fill_milliseconds) {
      printf("}\n");
      return 0;
    }
    begin_changes();
    for (long j = i; j < keys && j < i + FILL_AT_A_TIME; j++) set(j);
    end_changes();
  }
  report("insert", keys, began);
  measure_sets("set", 1);
  measure_sets("setMany", MANY);
  if (!durable) {
    measure_gets("get", 1);
    measure_gets("getMany", MANY);
    measure_iteration();
    measure_deletes();
  }
  printf("}\n");
  store_close();
  return 0;
}
