// Tokyo Cabinet's hash database, sized for the keys that come (its own advice: one to four buckets a key). Durable: synced after each change.

#include "store.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <tchdb.h>

#define BUCKETS 2000000
#define MAPPED_BYTES (512 * 1024 * 1024)

static TCHDB *database;
static bool is_durable;

void store_open(const char *directory, bool durable) {
  char path[4096];
  snprintf(path, sizeof(path), "%s/store.tch", directory);
  is_durable = durable;
  database = tchdbnew();
  tchdbtune(database, BUCKETS, -1, -1, HDBTLARGE);
  tchdbsetxmsiz(database, MAPPED_BYTES);
  if (!tchdbopen(database, path, HDBOWRITER | HDBOCREAT)) fail(tchdberrmsg(tchdbecode(database)));
}

void store_close(void) { tchdbclose(database); }

void begin_changes(void) {}

void end_changes(void) {
  if (is_durable && !tchdbsync(database)) fail(tchdberrmsg(tchdbecode(database)));
}

void store_set(const char *key, size_t key_bytes, const char *value, size_t value_bytes) {
  if (!tchdbput(database, key, key_bytes, value, value_bytes)) fail(tchdberrmsg(tchdbecode(database)));
}

void store_delete(const char *key, size_t key_bytes) {
  if (!tchdbout(database, key, key_bytes)) fail(tchdberrmsg(tchdbecode(database)));
}

void begin_reads(void) {}
void end_reads(void) {}

size_t store_get(const char *key, size_t key_bytes) {
  int value_bytes;
  char *value = tchdbget(database, key, key_bytes, &value_bytes);
  if (value == NULL) return 0;
  look_at(value, value_bytes);
  free(value);
  return value_bytes;
}

long store_iterate(void) {
  long count = 0;
  TCXSTR *key = tcxstrnew(), *value = tcxstrnew();
  tchdbiterinit(database);
  while (tchdbiternext3(database, key, value)) {
    look_at(tcxstrptr(value), tcxstrsize(value));
    count++;
  }
  tcxstrdel(key);
  tcxstrdel(value);
  return count;
}
