// GDBM, which is what became of DBM. Durable: synced after each change.

#include "store.h"

#include <gdbm.h>
#include <stdio.h>
#include <stdlib.h>

static GDBM_FILE database;
static bool is_durable;

void store_open(const char *directory, bool durable) {
  char path[4096];
  snprintf(path, sizeof(path), "%s/store.gdbm", directory);
  is_durable = durable;
  database = gdbm_open(path, 0, GDBM_NEWDB, 0600, NULL);
  if (database == NULL) fail(gdbm_strerror(gdbm_errno));
}

void store_close(void) { gdbm_close(database); }

void begin_changes(void) {}

void end_changes(void) {
  if (is_durable && gdbm_sync(database) != 0) fail(gdbm_db_strerror(database));
}

static datum datum_of(const char *bytes, size_t count) {
  datum made = {(char *)bytes, (int)count};
  return made;
}

void store_set(const char *key, size_t key_bytes, const char *value, size_t value_bytes) {
  if (gdbm_store(database, datum_of(key, key_bytes), datum_of(value, value_bytes), GDBM_REPLACE) != 0) fail(gdbm_db_strerror(database));
}

void store_delete(const char *key, size_t key_bytes) {
  if (gdbm_delete(database, datum_of(key, key_bytes)) != 0) fail(gdbm_db_strerror(database));
}

void begin_reads(void) {}
void end_reads(void) {}

static size_t read_value(datum key) {
  datum value = gdbm_fetch(database, key);
  if (value.dptr == NULL) return 0;
  look_at(value.dptr, value.dsize);
  free(value.dptr);
  return value.dsize;
}

size_t store_get(const char *key, size_t key_bytes) { return read_value(datum_of(key, key_bytes)); }

long store_iterate(void) {
  long count = 0;
  for (datum key = gdbm_firstkey(database); key.dptr != NULL;) {
    read_value(key);
    count++;
    datum next = gdbm_nextkey(database, key);
    free(key.dptr);
    key = next;
  }
  return count;
}
