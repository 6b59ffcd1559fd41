// LMDB. Every change is a transaction. Fast: the system writes when it likes. Durable: each commit is synced.

#include "store.h"

#include <lmdb.h>
#include <stdint.h>

#define MAP_BYTES ((size_t)4 * 1024 * 1024 * 1024)

static MDB_env *environment;
static MDB_dbi database;
static MDB_txn *transaction;
/** Is kept from one read to the next, as programs keep it. */
static MDB_txn *reading;

static void check(int status) {
  if (status != 0) fail(mdb_strerror(status));
}

void store_open(const char *directory, bool durable) {
  check(mdb_env_create(&environment));
  check(mdb_env_set_mapsize(environment, MAP_BYTES));
  check(mdb_env_open(environment, directory, durable ? 0 : MDB_NOSYNC, 0600));
  check(mdb_txn_begin(environment, NULL, 0, &transaction));
  check(mdb_dbi_open(transaction, NULL, MDB_CREATE, &database));
  check(mdb_txn_commit(transaction));
}

void store_close(void) {
  if (reading != NULL) mdb_txn_abort(reading);
  mdb_env_close(environment);
}

void begin_changes(void) { check(mdb_txn_begin(environment, NULL, 0, &transaction)); }

void end_changes(void) { check(mdb_txn_commit(transaction)); }

void store_set(const char *key, size_t key_bytes, const char *value, size_t value_bytes) {
  MDB_val its_key = {key_bytes, (void *)key}, its_value = {value_bytes, (void *)value};
  check(mdb_put(transaction, database, &its_key, &its_value, 0));
}

void store_delete(const char *key, size_t key_bytes) {
  MDB_val its_key = {key_bytes, (void *)key};
  check(mdb_del(transaction, database, &its_key, NULL));
}

void begin_reads(void) {
  if (reading == NULL) check(mdb_txn_begin(environment, NULL, MDB_RDONLY, &reading));
  else check(mdb_txn_renew(reading));
}

void end_reads(void) { mdb_txn_reset(reading); }

size_t store_get(const char *key, size_t key_bytes) {
  MDB_val its_key = {key_bytes, (void *)key}, value;
  if (mdb_get(reading, database, &its_key, &value) != 0) return 0;
  look_at(value.mv_data, value.mv_size);
  return value.mv_size;
}

long store_iterate(void) {
  MDB_cursor *cursor;
  MDB_val key, value;
  long count = 0;
  begin_reads();
  check(mdb_cursor_open(reading, database, &cursor));
  for (; mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0; count++) look_at(value.mv_data, value.mv_size);
  mdb_cursor_close(cursor);
  end_reads();
  return count;
}
