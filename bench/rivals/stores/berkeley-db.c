// Berkeley DB's B-tree with a cache that holds all of it. Fast: without transactions, written when it is closed. Durable: with transactions, whose
// log is synced at each commit.

#include "store.h"

#include <db.h>
#include <stdio.h>
#include <string.h>

#define CACHE_BYTES (512 * 1024 * 1024)
/** A commit of a hundred changes holds a lock for each page. */
#define LOCKS_MAX 100000

static DB_ENV *environment;
static DB *database;
static DB_TXN *transaction;
static bool is_durable;

static void check(int status) {
  if (status != 0) fail(db_strerror(status));
}

void store_open(const char *directory, bool durable) {
  is_durable = durable;
  check(db_env_create(&environment, 0));
  check(environment->set_cachesize(environment, 0, CACHE_BYTES, 1));
  check(environment->set_lk_max_locks(environment, LOCKS_MAX));
  check(environment->set_lk_max_objects(environment, LOCKS_MAX));
  u_int32_t transactions = durable ? DB_INIT_TXN | DB_INIT_LOG | DB_INIT_LOCK : 0;
  check(environment->open(environment, directory, DB_CREATE | DB_PRIVATE | DB_INIT_MPOOL | transactions, 0600));
  check(db_create(&database, environment, 0));
  check(database->open(database, NULL, "store.db", NULL, DB_BTREE, DB_CREATE | (durable ? DB_AUTO_COMMIT : 0), 0600));
}

void store_close(void) {
  check(database->close(database, 0));
  check(environment->close(environment, 0));
}

void begin_changes(void) {
  if (is_durable) check(environment->txn_begin(environment, NULL, &transaction, 0));
}

void end_changes(void) {
  if (is_durable) check(transaction->commit(transaction, DB_TXN_SYNC));
  transaction = NULL;
}

static DBT thing(const void *bytes, size_t count) {
  DBT made;
  memset(&made, 0, sizeof(made));
  made.data = (void *)bytes;
  made.size = count;
  return made;
}

void store_set(const char *key, size_t key_bytes, const char *value, size_t value_bytes) {
  DBT its_key = thing(key, key_bytes), its_value = thing(value, value_bytes);
  check(database->put(database, transaction, &its_key, &its_value, 0));
}

void store_delete(const char *key, size_t key_bytes) {
  DBT its_key = thing(key, key_bytes);
  check(database->del(database, transaction, &its_key, 0));
}

void begin_reads(void) {}
void end_reads(void) {}

size_t store_get(const char *key, size_t key_bytes) {
  DBT its_key = thing(key, key_bytes), value = thing(NULL, 0);
  if (database->get(database, NULL, &its_key, &value, 0) != 0) return 0;
  look_at(value.data, value.size);
  return value.size;
}

long store_iterate(void) {
  DBC *cursor;
  DBT key = thing(NULL, 0), value = thing(NULL, 0);
  long count = 0;
  check(database->cursor(database, NULL, &cursor, 0));
  for (; cursor->get(cursor, &key, &value, DB_NEXT) == 0; count++) look_at(value.data, value.size);
  check(cursor->close(cursor));
  return count;
}
