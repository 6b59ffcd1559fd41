// Tokyo Cabinet's hash table in memory: what a hash table of C does in the place of ours, with nothing on disk.

#include "store.h"

#include <stdint.h>
#include <stdlib.h>
#include <tcutil.h>

#define BUCKETS 1000000

static TCMDB *database;

void store_open(const char *directory, bool durable) {
  (void)directory;
  if (durable) fail("nothing in memory is durable");
  database = tcmdbnew2(BUCKETS);
}

void store_close(void) { tcmdbdel(database); }

void begin_changes(void) {}
void end_changes(void) {}

void store_set(const char *key, size_t key_bytes, const char *value, size_t value_bytes) {
  tcmdbput(database, key, key_bytes, value, value_bytes);
}

void store_delete(const char *key, size_t key_bytes) {
  if (!tcmdbout(database, key, key_bytes)) fail("a key to delete is not there");
}

void begin_reads(void) {}
void end_reads(void) {}

size_t store_get(const char *key, size_t key_bytes) {
  int value_bytes;
  char *value = tcmdbget(database, key, key_bytes, &value_bytes);
  if (value == NULL) return 0;
  look_at(value, value_bytes);
  free(value);
  return value_bytes;
}

long store_iterate(void) {
  long count = 0;
  int key_bytes, value_bytes;
  char *key;
  tcmdbiterinit(database);
  while ((key = tcmdbiternext(database, &key_bytes)) != NULL) {
    char *value = tcmdbget(database, key, key_bytes, &value_bytes);
    look_at(value, value_bytes);
    free(value);
    free(key);
    count++;
  }
  return count;
}
