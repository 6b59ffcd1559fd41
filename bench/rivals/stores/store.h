// A store of keys and values in a file or in memory, as `measure.c` asks it. Each library has a file of its own that says how.

#ifndef STORE_H
#define STORE_H

#include <stdbool.h>
#include <stddef.h>

/** Opens the store in a directory that is empty. `durable`: what is changed between `begin_changes` and `end_changes` is on disk when that returns. */
void store_open(const char *directory, bool durable);
void store_close(void);

/** Changes that belong together, of one key or of many: a transaction, where the library has them. */
void begin_changes(void);
void end_changes(void);
void store_set(const char *key, size_t key_bytes, const char *value, size_t value_bytes);
void store_delete(const char *key, size_t key_bytes);

/** Reads that belong together. */
void begin_reads(void);
void end_reads(void);
/** Returns how long the value is; it is read to its end. */
size_t store_get(const char *key, size_t key_bytes);
/** Visits every key and value, and returns how many there were. */
long store_iterate(void);

/** Ends the program, saying what went wrong. */
void fail(const char *what);
/** Reads a value: a byte of each 64, so that nobody has it without having looked at it. */
void look_at(const char *bytes, size_t count);

#endif
