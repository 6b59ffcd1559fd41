// Written by scripts/typed-commands.ts (npm run docs) of the commands' specs. Changes here are lost.

import type { Word } from '../argument-checks.ts'
import type { CommandReply } from '../caller.ts'

/** How a reply is told: as a promise, or at once. */
export type Telling = 'promised' | 'at-once'
/** A reply as it is told. */
export type Told<T extends Telling, R> = T extends 'promised' ? Promise<R> : R
/** One word, or several. */
export type Words = Word | readonly Word[]
/** Two words each, such as fields and values: an object, a Map, or rows. For members with scores: member to score, or rows of score, member. */
export type Pairs = Readonly<Record<string, Word>> | ReadonlyMap<Word, Word> | readonly (readonly Word[])[]

/** Every command as a method. `S` is what strings of replies are, `T` how replies are told. */
export interface TypedCommands<S, T extends Telling> {
  /**
   * Adds bytes at the end of a string, creating it if needed.
   *
   * Reply: integer: the length of the string afterwards.
   */
  append(key: Word, value: Word): Told<T, number>

  /**
   * Takes one from the integer under a key; a missing key counts as 0.
   *
   * Reply: integer: the value afterwards.
   */
  decr(key: Word): Told<T, number | bigint>

  /**
   * Takes an integer from the one under a key; a missing key counts as 0.
   *
   * Reply: integer: the value afterwards.
   */
  decrby(key: Word, decrement: Word): Told<T, number | bigint>

  /**
   * Returns the string under a key.
   *
   * Reply: bulk string: the value; nil when the key does not exist.
   */
  get(key: Word): Told<T, S | null>

  /**
   * Returns the string under a key and removes the key.
   *
   * Reply: bulk string: the value; nil when the key does not exist.
   */
  getdel(key: Word): Told<T, S | null>

  /**
   * Returns the string under a key and sets or drops its expiry.
   *
   * Reply: bulk string: the value; nil when the key does not exist.
   */
  getex(key: Word, options?: { EX?: Word; PX?: Word; EXAT?: Word; PXAT?: Word; PERSIST?: boolean }): Told<T, S | null>

  /**
   * Returns part of a string, by first and last position.
   *
   * Reply: bulk string: the part, empty when there is none.
   */
  getrange(key: Word, start: Word, end: Word): Told<T, S | null>

  /**
   * Replaces the string under a key and returns the old one.
   *
   * Reply: bulk string: the old value; nil when the key did not exist.
   *
   * @deprecated `SET` with the `!GET` argument
   */
  getset(key: Word, value: Word): Told<T, S | null>

  /**
   * Adds one to the integer under a key; a missing key counts as 0.
   *
   * Reply: integer: the value afterwards.
   */
  incr(key: Word): Told<T, number | bigint>

  /**
   * Adds an integer to the one under a key; a missing key counts as 0.
   *
   * Reply: integer: the value afterwards.
   */
  incrby(key: Word, increment: Word): Told<T, number | bigint>

  /**
   * Adds a decimal number to the one under a key; a missing key counts as 0.
   *
   * Reply: bulk string: the value afterwards.
   */
  incrbyfloat(key: Word, increment: Word): Told<T, S | null>

  /**
   * Finds the longest common subsequence of two strings.
   *
   * Reply: bulk string: the sequence; with LEN its length; with IDX a map of matches and length.
   */
  lcs(key1: Word, key2: Word, options?: { LEN?: boolean; IDX?: boolean; MINMATCHLEN?: Word; WITHMATCHLEN?: boolean }): Told<T, CommandReply<S>>

  /**
   * Returns the strings under several keys.
   *
   * Reply: array: for each key its value, nil when it does not exist or holds no string.
   */
  mget(key: Words): Told<T, (S | null)[]>

  /**
   * Sets several keys to strings.
   *
   * Reply: OK.
   */
  mset(data: Pairs): Told<T, string>

  /**
   * Sets several keys to strings if none of them exists.
   *
   * Reply: integer: 1 when all were set, 0 when one existed and none was set.
   */
  msetnx(data: Pairs): Told<T, number>

  /**
   * Sets a key to a string that expires after some milliseconds.
   *
   * Reply: OK.
   *
   * @deprecated `SET` with the `PX` argument
   */
  psetex(key: Word, milliseconds: Word, value: Word): Told<T, string>

  /**
   * Sets a key to a string, with conditions and an expiry if wanted.
   *
   * Reply: OK; nil when the condition did not hold; with GET the old value or nil.
   */
  set(key: Word, value: Word, options?: { NX?: boolean; XX?: boolean; GET?: boolean; EX?: Word; PX?: Word; EXAT?: Word; PXAT?: Word; KEEPTTL?: boolean }): Told<T, string | S | null>

  /**
   * Sets a key to a string that expires after some seconds.
   *
   * Reply: OK.
   *
   * @deprecated `SET` with the `EX` argument
   */
  setex(key: Word, seconds: Word, value: Word): Told<T, string>

  /**
   * Sets a key to a string if the key does not exist.
   *
   * Reply: integer: 1 when the key was set, 0 when it existed.
   *
   * @deprecated `SET` with the `NX` argument
   */
  setnx(key: Word, value: Word): Told<T, number>

  /**
   * Overwrites part of a string from an offset on, lengthening it with zeros if needed.
   *
   * Reply: integer: the length of the string afterwards.
   */
  setrange(key: Word, offset: Word, value: Word): Told<T, number>

  /**
   * Returns the length of a string in bytes.
   *
   * Reply: integer: the length, 0 when the key does not exist.
   */
  strlen(key: Word): Told<T, number>

  /**
   * Returns part of a string; the old name of GETRANGE.
   *
   * Reply: bulk string: the part, empty when there is none.
   *
   * @deprecated `GETRANGE`
   */
  substr(key: Word, start: Word, end: Word): Told<T, S | null>

  /**
   * Adds elements at the head of a list, creating it if needed.
   *
   * Reply: integer: the length of the list after the push.
   */
  lpush(key: Word, element: Words): Told<T, number>

  /**
   * Adds elements at the tail of a list, creating it if needed.
   *
   * Reply: integer: the length of the list after the push.
   */
  rpush(key: Word, element: Words): Told<T, number>

  /**
   * Adds elements at the head of a list that exists.
   *
   * Reply: integer: the length of the list after the push, 0 when there is no list.
   */
  lpushx(key: Word, element: Words): Told<T, number>

  /**
   * Adds elements at the tail of a list that exists.
   *
   * Reply: integer: the length of the list after the push, 0 when there is no list.
   */
  rpushx(key: Word, element: Words): Told<T, number>

  /**
   * Removes elements at the head of a list and returns them.
   *
   * Reply: bulk string: the element; an array of them with a count; nil when there is no list.
   */
  lpop(key: Word, options?: { count?: Word }): Told<T, S | S[] | null>

  /**
   * Removes elements at the tail of a list and returns them.
   *
   * Reply: bulk string: the element; an array of them with a count; nil when there is no list.
   */
  rpop(key: Word, options?: { count?: Word }): Told<T, S | S[] | null>

  /**
   * Removes elements from the first list that has any and returns them.
   *
   * Reply: array: the key and an array of its elements; nil when no list has any.
   */
  lmpop(key: Words, where: 'LEFT' | 'RIGHT', options?: { COUNT?: Word }): Told<T, CommandReply<S>>

  /**
   * Removes elements from the first list that has any and returns them, waiting for one if needed.
   *
   * Reply: array: the key and an array of its elements; nil when no list has any.
   */
  blmpop(timeout: Word, key: Words, where: 'LEFT' | 'RIGHT', options?: { COUNT?: Word }): Told<T, CommandReply<S>>

  /**
   * Removes the element at the head of the first list that has one, waiting for one if needed.
   *
   * Reply: array: the key and the element; nil when the time was up.
   */
  blpop(key: Words, timeout: Word): Told<T, [S, S] | null>

  /**
   * Removes the element at the tail of the first list that has one, waiting for one if needed.
   *
   * Reply: array: the key and the element; nil when the time was up.
   */
  brpop(key: Words, timeout: Word): Told<T, [S, S] | null>

  /**
   * Moves an element from an end of one list to an end of another and returns it.
   *
   * Reply: bulk string: the element; nil when there is no source.
   */
  lmove(source: Word, destination: Word, wherefrom: 'LEFT' | 'RIGHT', whereto: 'LEFT' | 'RIGHT'): Told<T, S | null>

  /**
   * Moves the last element of a list to the head of another and returns it.
   *
   * Reply: bulk string: the element; nil when there is no source.
   *
   * @deprecated `LMOVE` with the `RIGHT` and `LEFT` arguments
   */
  rpoplpush(source: Word, destination: Word): Told<T, S | null>

  /**
   * Moves an element from an end of one list to an end of another and returns it, waiting for one
   * if needed.
   *
   * Reply: bulk string: the element; nil when the time was up.
   */
  blmove(source: Word, destination: Word, wherefrom: 'LEFT' | 'RIGHT', whereto: 'LEFT' | 'RIGHT', timeout: Word): Told<T, S | null>

  /**
   * Moves the last element of a list to the head of another and returns it, waiting for one if
   * needed.
   *
   * Reply: bulk string: the element; nil when the time was up.
   *
   * @deprecated `BLMOVE` with the `RIGHT` and `LEFT` arguments
   */
  brpoplpush(source: Word, destination: Word, timeout: Word): Told<T, S | null>

  /**
   * Returns the length of a list.
   *
   * Reply: integer: the number of elements, 0 when there is no list.
   */
  llen(key: Word): Told<T, number>

  /**
   * Returns an element of a list by its index.
   *
   * Reply: bulk string: the element; nil when there is none.
   */
  lindex(key: Word, index: Word): Told<T, S | null>

  /**
   * Replaces an element of a list by its index.
   *
   * Reply: status: OK.
   */
  lset(key: Word, index: Word, element: Word): Told<T, string>

  /**
   * Inserts an element before or after the first one equal to a pivot.
   *
   * Reply: integer: the length of the list after the insertion, -1 without such a pivot, 0 without
   * a list.
   */
  linsert(key: Word, where: 'BEFORE' | 'AFTER', pivot: Word, element: Word): Told<T, CommandReply<S>>

  /**
   * Returns the elements of a list between two indices.
   *
   * Reply: array: the elements, empty when there are none.
   */
  lrange(key: Word, start: Word, stop: Word): Told<T, S[]>

  /**
   * Removes all elements of a list that are not between two indices.
   *
   * Reply: status: OK.
   */
  ltrim(key: Word, start: Word, stop: Word): Told<T, string>

  /**
   * Removes elements equal to a value: the first ones, the last ones or all.
   *
   * Reply: integer: how many were removed.
   */
  lrem(key: Word, count: Word, element: Word): Told<T, number>

  /**
   * Returns the index of an element of a list, or of several equal ones.
   *
   * Reply: integer: the index, nil when there is none; with COUNT an array of indices.
   */
  lpos(key: Word, element: Word, options?: { RANK?: Word; COUNT?: Word; MAXLEN?: Word }): Told<T, CommandReply<S>>

  /**
   * Sets fields of a hash, creating it if needed.
   *
   * Reply: integer: how many of the fields are new.
   */
  hset(key: Word, data: Pairs): Told<T, number>

  /**
   * Sets fields of a hash, creating it if needed.
   *
   * Reply: OK.
   *
   * @deprecated `HSET` with multiple field-value pairs
   */
  hmset(key: Word, data: Pairs): Told<T, string>

  /**
   * Sets a field of a hash if the field does not exist.
   *
   * Reply: integer: 1 when set, 0 when the field exists.
   */
  hsetnx(key: Word, field: Word, value: Word): Told<T, number>

  /**
   * Returns the value of a field of a hash.
   *
   * Reply: bulk string: the value; nil when there is no such field.
   */
  hget(key: Word, field: Word): Told<T, S | null>

  /**
   * Returns the values of several fields of a hash.
   *
   * Reply: array: the values, nil for each field that does not exist.
   */
  hmget(key: Word, field: Words): Told<T, (S | null)[]>

  /**
   * Tells whether a field of a hash exists.
   *
   * Reply: integer: 1 when it exists, else 0.
   */
  hexists(key: Word, field: Word): Told<T, number>

  /**
   * Returns how many bytes the value of a field of a hash has.
   *
   * Reply: integer: the length, 0 when there is no such field.
   */
  hstrlen(key: Word, field: Word): Told<T, number>

  /**
   * Returns how many fields a hash has.
   *
   * Reply: integer: the number of fields, 0 when there is no hash.
   */
  hlen(key: Word): Told<T, number>

  /**
   * Removes fields of a hash.
   *
   * Reply: integer: how many were removed.
   */
  hdel(key: Word, field: Words): Told<T, number>

  /**
   * Returns all fields of a hash with their values.
   *
   * Reply: map: fields and values, empty when there is no hash.
   */
  hgetall(key: Word): Told<T, Map<S, S>>

  /**
   * Returns all fields of a hash.
   *
   * Reply: array: the fields, empty when there is no hash.
   */
  hkeys(key: Word): Told<T, S[]>

  /**
   * Returns all values of a hash.
   *
   * Reply: array: the values, empty when there is no hash.
   */
  hvals(key: Word): Told<T, S[]>

  /**
   * Adds an integer to the one in a field of a hash; a missing field counts as 0.
   *
   * Reply: integer: the value afterwards.
   */
  hincrby(key: Word, field: Word, increment: Word): Told<T, number | bigint>

  /**
   * Adds a decimal number to the one in a field of a hash; a missing field counts as 0.
   *
   * Reply: bulk string: the value afterwards.
   */
  hincrbyfloat(key: Word, field: Word, increment: Word): Told<T, S | null>

  /**
   * Returns fields of a hash, chosen by chance.
   *
   * Reply: bulk string: a field, nil when there is no hash; with a count an array of fields, or of
   * fields and values.
   */
  hrandfield(key: Word, options?: { count?: Word; WITHVALUES?: boolean }): Told<T, S | CommandReply<S>[] | null>

  /**
   * Walks through the fields of a hash, a few a call.
   *
   * Reply: array: the next cursor (0 = the end), and an array of fields and values.
   */
  hscan(key: Word, cursor: Word, options?: { MATCH?: Word; COUNT?: Word; NOVALUES?: boolean }): Told<T, [cursor: S, fields: S[]]>

  /**
   * Lets fields of a hash expire after some seconds.
   *
   * Reply: array: for each field 1 when set, 0 when the condition does not hold, 2 when the time is
   * past and the field gone, -2 when there is none.
   */
  hexpire(key: Word, seconds: Word, field: Words, options?: { NX?: boolean; XX?: boolean; GT?: boolean; LT?: boolean }): Told<T, CommandReply<S>>

  /**
   * Lets fields of a hash expire after some milliseconds.
   *
   * Reply: array: for each field 1 when set, 0 when the condition does not hold, 2 when the time is
   * past and the field gone, -2 when there is none.
   */
  hpexpire(key: Word, milliseconds: Word, field: Words, options?: { NX?: boolean; XX?: boolean; GT?: boolean; LT?: boolean }): Told<T, CommandReply<S>>

  /**
   * Lets fields of a hash expire at a point in time, in Unix seconds.
   *
   * Reply: array: for each field 1 when set, 0 when the condition does not hold, 2 when the time is
   * past and the field gone, -2 when there is none.
   */
  hexpireat(key: Word, unixTimeSeconds: Word, field: Words, options?: { NX?: boolean; XX?: boolean; GT?: boolean; LT?: boolean }): Told<T, CommandReply<S>>

  /**
   * Lets fields of a hash expire at a point in time, in Unix milliseconds.
   *
   * Reply: array: for each field 1 when set, 0 when the condition does not hold, 2 when the time is
   * past and the field gone, -2 when there is none.
   */
  hpexpireat(key: Word, unixTimeMilliseconds: Word, field: Words, options?: { NX?: boolean; XX?: boolean; GT?: boolean; LT?: boolean }): Told<T, CommandReply<S>>

  /**
   * Returns how many seconds fields of a hash have to live.
   *
   * Reply: array: for each field the seconds left, -1 when it never expires, -2 when there is none.
   */
  httl(key: Word, field: Words): Told<T, CommandReply<S>>

  /**
   * Returns how many milliseconds fields of a hash have to live.
   *
   * Reply: array: for each field the milliseconds left, -1 when it never expires, -2 when there is
   * none.
   */
  hpttl(key: Word, field: Words): Told<T, CommandReply<S>>

  /**
   * Returns when fields of a hash expire, in Unix seconds.
   *
   * Reply: array: for each field the time, -1 when it never expires, -2 when there is none.
   */
  hexpiretime(key: Word, field: Words): Told<T, CommandReply<S>>

  /**
   * Returns when fields of a hash expire, in Unix milliseconds.
   *
   * Reply: array: for each field the time, -1 when it never expires, -2 when there is none.
   */
  hpexpiretime(key: Word, field: Words): Told<T, CommandReply<S>>

  /**
   * Drops the expiry of fields of a hash.
   *
   * Reply: array: for each field 1 when it expires no more, -1 when it never did, -2 when there is
   * none.
   */
  hpersist(key: Word, field: Words): Told<T, CommandReply<S>>

  /**
   * Returns the values of fields of a hash and removes the fields.
   *
   * Reply: array: the values, nil for each field that does not exist.
   */
  hgetdel(key: Word, field: Words): Told<T, CommandReply<S>>

  /**
   * Returns the values of fields of a hash and sets or drops their expiry.
   *
   * Reply: array: the values, nil for each field that does not exist.
   */
  hgetex(key: Word, field: Words, options?: { EX?: Word; PX?: Word; EXAT?: Word; PXAT?: Word; PERSIST?: boolean }): Told<T, CommandReply<S>>

  /**
   * Sets fields of a hash together with their expiry.
   *
   * Reply: integer: 1 when all are set, 0 when the condition does not hold.
   */
  hsetex(key: Word, data: Pairs, options?: { FNX?: boolean; FXX?: boolean; EX?: Word; PX?: Word; EXAT?: Word; PXAT?: Word; KEEPTTL?: boolean }): Told<T, number>

  /**
   * Counts the bits that are set in a string or in a part of it.
   *
   * Reply: integer: the number of bits that are set.
   */
  bitcount(key: Word, options?: { start?: Word; end?: Word; BYTE?: boolean; BIT?: boolean }): Told<T, number>

  /**
   * Reads, sets and increments integers of any width within a string.
   *
   * Reply: array: for each operation the value read, the one before SET or the one after INCRBY;
   * nil where FAIL kept it.
   */
  bitfield(key: Word, options?: { operation?: readonly Word[] }): Told<T, CommandReply<S>>

  /**
   * Reads integers of any width within a string.
   *
   * Reply: array: the value of each field.
   */
  bitfieldRo(key: Word, options?: { GET?: Pairs }): Told<T, CommandReply<S>>

  /**
   * Combines strings bit by bit and stores the result.
   *
   * Reply: integer: the length of the result, which is that of the longest string.
   */
  bitop(operation: 'AND' | 'OR' | 'XOR' | 'NOT', destkey: Word, key: Words): Told<T, number>

  /**
   * Finds the first bit of a string, or of a part of it, that is set or clear.
   *
   * Reply: integer: the position, counted from the beginning of the string; -1 when there is none.
   */
  bitpos(key: Word, bit: Word, options?: { start?: Word; end?: Word; BYTE?: boolean; BIT?: boolean }): Told<T, CommandReply<S>>

  /**
   * Returns one bit of a string.
   *
   * Reply: integer: the bit, 0 beyond the end of the string.
   */
  getbit(key: Word, offset: Word): Told<T, number>

  /**
   * Sets or clears one bit of a string, lengthening it with zeros if needed.
   *
   * Reply: integer: what the bit was before.
   */
  setbit(key: Word, offset: Word, value: Word): Told<T, number>

  /**
   * Adds elements to a HyperLogLog, creating it if needed.
   *
   * Reply: integer: 1 when a register changed or the key was created, else 0.
   */
  pfadd(key: Word, options?: { element?: Words }): Told<T, CommandReply<S>>

  /**
   * Estimates how many different elements were added to HyperLogLogs.
   *
   * Reply: integer: the estimate, 0 when no key exists.
   */
  pfcount(key: Words): Told<T, number>

  /**
   * Shows or changes the inner representation of a HyperLogLog, for tests.
   *
   * Reply: depends on the subcommand: GETREG an array of registers, DECODE text, ENCODING a status,
   * TODENSE an integer.
   */
  pfdebug(subcommand: Word, key: Word): Told<T, CommandReply<S>>

  /**
   * Merges HyperLogLogs into one, which takes part itself if it exists.
   *
   * Reply: OK.
   */
  pfmerge(destkey: Word, options?: { sourcekey?: Words }): Told<T, string>

  /**
   * Checks the HyperLogLog implementation, for tests.
   *
   * Reply: OK, or an error that says what is wrong.
   */
  pfselftest(): Told<T, CommandReply<S>>

  /**
   * Adds members to a sorted set at places given by longitude and latitude.
   *
   * Reply: integer: how many members are new, with `CH` how many are new or moved.
   */
  geoadd(key: Word, data: readonly (readonly Word[])[], options?: { NX?: boolean; XX?: boolean; CH?: boolean }): Told<T, CommandReply<S>>

  /**
   * Returns the distance between two members.
   *
   * Reply: bulk string: the distance; nil when a member is missing.
   */
  geodist(key: Word, member1: Word, member2: Word, options?: { M?: boolean; KM?: boolean; FT?: boolean; MI?: boolean }): Told<T, S | null>

  /**
   * Returns the places of members as standard geohash strings.
   *
   * Reply: array: 11 characters for each member, nil for one that is missing.
   */
  geohash(key: Word, options?: { member?: Words }): Told<T, CommandReply<S>>

  /**
   * Returns the longitude and latitude of members.
   *
   * Reply: array: longitude and latitude for each member, nil for one that is missing.
   */
  geopos(key: Word, options?: { member?: Words }): Told<T, CommandReply<S>>

  /**
   * Finds the members within a circle around a place.
   *
   * Reply: array: the members, with what the options add to each; with `STORE` or `STOREDIST` how
   * many were stored.
   *
   * @deprecated `GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument
   */
  georadius(key: Word, longitude: Word, latitude: Word, radius: Word, unit: 'M' | 'KM' | 'FT' | 'MI', options?: { WITHCOORD?: boolean; WITHDIST?: boolean; WITHHASH?: boolean; COUNT?: Word; ANY?: boolean; ASC?: boolean; DESC?: boolean; STORE?: Word; STOREDIST?: Word }): Told<T, CommandReply<S>>

  /**
   * Finds the members within a circle around a place, without storing them.
   *
   * Reply: array: the members, with what the options add to each.
   *
   * @deprecated `GEOSEARCH` with the `BYRADIUS` argument
   */
  georadiusRo(key: Word, longitude: Word, latitude: Word, radius: Word, unit: 'M' | 'KM' | 'FT' | 'MI', options?: { WITHCOORD?: boolean; WITHDIST?: boolean; WITHHASH?: boolean; COUNT?: Word; ANY?: boolean; ASC?: boolean; DESC?: boolean }): Told<T, CommandReply<S>>

  /**
   * Finds the members within a circle around one of them.
   *
   * Reply: array: the members, with what the options add to each; with `STORE` or `STOREDIST` how
   * many were stored.
   *
   * @deprecated `GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments
   */
  georadiusbymember(key: Word, member: Word, radius: Word, unit: 'M' | 'KM' | 'FT' | 'MI', options?: { WITHCOORD?: boolean; WITHDIST?: boolean; WITHHASH?: boolean; COUNT?: Word; ANY?: boolean; ASC?: boolean; DESC?: boolean; STORE?: Word; STOREDIST?: Word }): Told<T, CommandReply<S>>

  /**
   * Finds the members within a circle around one of them, without storing them.
   *
   * Reply: array: the members, with what the options add to each.
   *
   * @deprecated `GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments
   */
  georadiusbymemberRo(key: Word, member: Word, radius: Word, unit: 'M' | 'KM' | 'FT' | 'MI', options?: { WITHCOORD?: boolean; WITHDIST?: boolean; WITHHASH?: boolean; COUNT?: Word; ANY?: boolean; ASC?: boolean; DESC?: boolean }): Told<T, CommandReply<S>>

  /**
   * Finds the members within a circle or a box.
   *
   * Reply: array: the members, with what the options add to each.
   */
  geosearch(key: Word, options?: { FROMMEMBER?: Word; FROMLONLAT?: readonly [longitude: Word, latitude: Word]; BYRADIUS?: Word; M?: boolean; KM?: boolean; FT?: boolean; MI?: boolean; BYBOX?: Word; height?: Word; ASC?: boolean; DESC?: boolean; COUNT?: Word; ANY?: boolean; WITHCOORD?: boolean; WITHDIST?: boolean; WITHHASH?: boolean }): Told<T, CommandReply<S>>

  /**
   * Stores the members within a circle or a box.
   *
   * Reply: integer: how many members were stored.
   */
  geosearchstore(destination: Word, source: Word, options?: { FROMMEMBER?: Word; FROMLONLAT?: readonly [longitude: Word, latitude: Word]; BYRADIUS?: Word; M?: boolean; KM?: boolean; FT?: boolean; MI?: boolean; BYBOX?: Word; height?: Word; ASC?: boolean; DESC?: boolean; COUNT?: Word; ANY?: boolean; STOREDIST?: boolean }): Told<T, number>

  /**
   * Adds members to a sorted set or changes their scores, creating it if needed.
   *
   * Reply: integer: how many members are new, with `CH` how many are new or changed; with `INCR`
   * the new score, nil when the options forbade it.
   */
  zadd(key: Word, data: Pairs, options?: { NX?: boolean; XX?: boolean; GT?: boolean; LT?: boolean; CH?: boolean; INCR?: boolean }): Told<T, number | null>

  /**
   * Adds to the score of a member of a sorted set, creating both if needed.
   *
   * Reply: double: the new score.
   */
  zincrby(key: Word, increment: Word, member: Word): Told<T, number>

  /**
   * Removes members from a sorted set.
   *
   * Reply: integer: how many members were removed.
   */
  zrem(key: Word, member: Words): Told<T, number>

  /**
   * Removes the members between two ranks of a sorted set.
   *
   * Reply: integer: how many members were removed.
   */
  zremrangebyrank(key: Word, start: Word, stop: Word): Told<T, number>

  /**
   * Removes the members between two scores of a sorted set.
   *
   * Reply: integer: how many members were removed.
   */
  zremrangebyscore(key: Word, min: Word, max: Word): Told<T, number>

  /**
   * Removes the members between two members of a sorted set whose scores are all equal.
   *
   * Reply: integer: how many members were removed.
   */
  zremrangebylex(key: Word, min: Word, max: Word): Told<T, number>

  /**
   * Removes the members with the lowest scores of a sorted set and returns them.
   *
   * Reply: array: the members removed, with their scores.
   */
  zpopmin(key: Word, options?: { count?: Word }): Told<T, CommandReply<S>>

  /**
   * Removes the members with the highest scores of a sorted set and returns them.
   *
   * Reply: array: the members removed, with their scores.
   */
  zpopmax(key: Word, options?: { count?: Word }): Told<T, CommandReply<S>>

  /**
   * Removes members from the first sorted set that has any and returns them.
   *
   * Reply: array: the key and an array of members with their scores; nil when no sorted set has
   * any.
   */
  zmpop(key: Words, where: 'MIN' | 'MAX', options?: { COUNT?: Word }): Told<T, CommandReply<S>>

  /**
   * Removes the member with the lowest score of the first sorted set that has any, waiting for one
   * if needed.
   *
   * Reply: array: the key, the member and its score; nil when the time was up.
   */
  bzpopmin(key: Words, timeout: Word): Told<T, CommandReply<S>>

  /**
   * Removes the member with the highest score of the first sorted set that has any, waiting for one
   * if needed.
   *
   * Reply: array: the key, the member and its score; nil when the time was up.
   */
  bzpopmax(key: Words, timeout: Word): Told<T, CommandReply<S>>

  /**
   * Removes members from the first sorted set that has any and returns them, waiting for one if
   * needed.
   *
   * Reply: array: the key and an array of members with their scores; nil when no sorted set has
   * any.
   */
  bzmpop(timeout: Word, key: Words, where: 'MIN' | 'MAX', options?: { COUNT?: Word }): Told<T, CommandReply<S>>

  /**
   * Returns the number of members of a sorted set.
   *
   * Reply: integer: the number of members, 0 when there is no sorted set.
   */
  zcard(key: Word): Told<T, number>

  /**
   * Returns the score of a member of a sorted set.
   *
   * Reply: double: the score, nil when there is no such member.
   */
  zscore(key: Word, member: Word): Told<T, number | null>

  /**
   * Returns the scores of several members of a sorted set.
   *
   * Reply: array: a score or nil for each member.
   */
  zmscore(key: Word, member: Words): Told<T, (number | null)[]>

  /**
   * Returns the rank of a member of a sorted set, the lowest score being first.
   *
   * Reply: integer: the rank, nil when there is no such member; with `WITHSCORE` an array of the
   * rank and the score.
   */
  zrank(key: Word, member: Word, options?: { WITHSCORE?: boolean }): Told<T, number | CommandReply<S>[] | null>

  /**
   * Returns the rank of a member of a sorted set, the highest score being first.
   *
   * Reply: integer: the rank, nil when there is no such member; with `WITHSCORE` an array of the
   * rank and the score.
   */
  zrevrank(key: Word, member: Word, options?: { WITHSCORE?: boolean }): Told<T, number | CommandReply<S>[] | null>

  /**
   * Counts the members between two scores of a sorted set.
   *
   * Reply: integer: how many members are in the range.
   */
  zcount(key: Word, min: Word, max: Word): Told<T, number>

  /**
   * Counts the members between two members of a sorted set whose scores are all equal.
   *
   * Reply: integer: how many members are in the range.
   */
  zlexcount(key: Word, min: Word, max: Word): Told<T, number>

  /**
   * Returns the members of a range of a sorted set.
   *
   * Reply: array: the members; with `WITHSCORES` their scores too.
   */
  zrange(key: Word, start: Word, stop: Word, options?: { BYSCORE?: boolean; BYLEX?: boolean; REV?: boolean; LIMIT?: readonly [offset: Word, count: Word]; WITHSCORES?: boolean }): Told<T, CommandReply<S>>

  /**
   * Returns the members between two ranks of a sorted set, the highest score first.
   *
   * Reply: array: the members; with `WITHSCORES` their scores too.
   *
   * @deprecated `ZRANGE` with the `REV` argument
   */
  zrevrange(key: Word, start: Word, stop: Word, options?: { WITHSCORES?: boolean }): Told<T, CommandReply<S>>

  /**
   * Returns the members between two scores of a sorted set.
   *
   * Reply: array: the members; with `WITHSCORES` their scores too.
   *
   * @deprecated `ZRANGE` with the `BYSCORE` argument
   */
  zrangebyscore(key: Word, min: Word, max: Word, options?: { WITHSCORES?: boolean; LIMIT?: readonly [offset: Word, count: Word] }): Told<T, CommandReply<S>>

  /**
   * Returns the members between two scores of a sorted set, the highest score first.
   *
   * Reply: array: the members; with `WITHSCORES` their scores too.
   *
   * @deprecated `ZRANGE` with the `REV` and `BYSCORE` arguments
   */
  zrevrangebyscore(key: Word, max: Word, min: Word, options?: { WITHSCORES?: boolean; LIMIT?: readonly [offset: Word, count: Word] }): Told<T, CommandReply<S>>

  /**
   * Returns the members between two members of a sorted set whose scores are all equal.
   *
   * Reply: array: the members.
   *
   * @deprecated `ZRANGE` with the `BYLEX` argument
   */
  zrangebylex(key: Word, min: Word, max: Word, options?: { LIMIT?: readonly [offset: Word, count: Word] }): Told<T, CommandReply<S>>

  /**
   * Returns the members between two members of a sorted set whose scores are all equal, the last
   * first.
   *
   * Reply: array: the members.
   *
   * @deprecated `ZRANGE` with the `REV` and `BYLEX` arguments
   */
  zrevrangebylex(key: Word, max: Word, min: Word, options?: { LIMIT?: readonly [offset: Word, count: Word] }): Told<T, CommandReply<S>>

  /**
   * Stores the members of a range of a sorted set under another key.
   *
   * Reply: integer: how many members were stored.
   */
  zrangestore(dst: Word, src: Word, min: Word, max: Word, options?: { BYSCORE?: boolean; BYLEX?: boolean; REV?: boolean; LIMIT?: readonly [offset: Word, count: Word] }): Told<T, number>

  /**
   * Returns members of a sorted set at random.
   *
   * Reply: bulk string: a member, nil when there is no sorted set; with a count an array of
   * members.
   */
  zrandmember(key: Word, options?: { count?: Word; WITHSCORES?: boolean }): Told<T, CommandReply<S>>

  /**
   * Walks through the members of a sorted set and their scores, a few a call.
   *
   * Reply: array: the next cursor (0 = the end), and an array of members and scores.
   */
  zscan(key: Word, cursor: Word, options?: { MATCH?: Word; COUNT?: Word }): Told<T, [cursor: S, members: S[]]>

  /**
   * Returns the members that are in any of several sorted sets.
   *
   * Reply: array: the members; with `WITHSCORES` their scores too.
   */
  zunion(key: Words, options?: { WEIGHTS?: Words; AGGREGATE?: 'SUM' | 'MIN' | 'MAX'; WITHSCORES?: boolean }): Told<T, CommandReply<S>>

  /**
   * Returns the members that are in all of several sorted sets.
   *
   * Reply: array: the members; with `WITHSCORES` their scores too.
   */
  zinter(key: Words, options?: { WEIGHTS?: Words; AGGREGATE?: 'SUM' | 'MIN' | 'MAX'; WITHSCORES?: boolean }): Told<T, CommandReply<S>>

  /**
   * Returns the members of a sorted set that are in none of several others.
   *
   * Reply: array: the members; with `WITHSCORES` their scores too.
   */
  zdiff(key: Words, options?: { WITHSCORES?: boolean }): Told<T, CommandReply<S>>

  /**
   * Counts the members that are in all of several sorted sets.
   *
   * Reply: integer: how many members all have, at most the limit if that is not 0.
   */
  zintercard(key: Words, options?: { LIMIT?: Word }): Told<T, number>

  /**
   * Stores the members that are in any of several sorted sets under another key.
   *
   * Reply: integer: how many members were stored.
   */
  zunionstore(destination: Word, key: Words, options?: { WEIGHTS?: Words; AGGREGATE?: 'SUM' | 'MIN' | 'MAX' }): Told<T, number>

  /**
   * Stores the members that are in all of several sorted sets under another key.
   *
   * Reply: integer: how many members were stored.
   */
  zinterstore(destination: Word, key: Words, options?: { WEIGHTS?: Words; AGGREGATE?: 'SUM' | 'MIN' | 'MAX' }): Told<T, number>

  /**
   * Stores the members of a sorted set that are in none of several others under another key.
   *
   * Reply: integer: how many members were stored.
   */
  zdiffstore(destination: Word, key: Words): Told<T, number>

  /**
   * Adds members to a set, creating it if needed.
   *
   * Reply: integer: how many members are new.
   */
  sadd(key: Word, member: Words): Told<T, number>

  /**
   * Returns the number of members of a set.
   *
   * Reply: integer: the number of members, 0 when there is no set.
   */
  scard(key: Word): Told<T, number>

  /**
   * Returns what is in one set and in none of several others.
   *
   * Reply: set: the members of the first that no other has.
   */
  sdiff(key: Words): Told<T, Set<S>>

  /**
   * Stores what is in one set and in none of several others in a key.
   *
   * Reply: integer: the number of members stored.
   */
  sdiffstore(destination: Word, key: Words): Told<T, number>

  /**
   * Returns what several sets have in common.
   *
   * Reply: set: the members that all of them have.
   */
  sinter(key: Words): Told<T, Set<S>>

  /**
   * Counts what several sets have in common, up to a limit.
   *
   * Reply: integer: the number of members that all of them have.
   */
  sintercard(key: Words, options?: { LIMIT?: Word }): Told<T, number>

  /**
   * Stores what several sets have in common in a key.
   *
   * Reply: integer: the number of members stored.
   */
  sinterstore(destination: Word, key: Words): Told<T, number>

  /**
   * Tells whether a set has a member.
   *
   * Reply: integer: 1 when it has, 0 when it has not or there is no set.
   */
  sismember(key: Word, member: Word): Told<T, CommandReply<S>>

  /**
   * Returns all members of a set.
   *
   * Reply: set: the members, none when there is no set.
   */
  smembers(key: Word): Told<T, Set<S>>

  /**
   * Tells of each of several members whether a set has it.
   *
   * Reply: array: 1 or 0 for each member, in the order they were asked for.
   */
  smismember(key: Word, member: Words): Told<T, number[]>

  /**
   * Moves a member from one set to another.
   *
   * Reply: integer: 1 when moved, 0 when the source has no such member.
   */
  smove(source: Word, destination: Word, member: Word): Told<T, number>

  /**
   * Removes members from a set by chance and returns them.
   *
   * Reply: bulk string: the member, nil when there is no set; with a count the set of them.
   */
  spop(key: Word, options?: { count?: Word }): Told<T, S | Set<S> | null>

  /**
   * Returns members of a set, chosen by chance.
   *
   * Reply: bulk string: a member, nil when there is no set; with a count an array of them.
   */
  srandmember(key: Word, options?: { count?: Word }): Told<T, S | S[] | null>

  /**
   * Removes members from a set.
   *
   * Reply: integer: how many members were removed.
   */
  srem(key: Word, member: Words): Told<T, number>

  /**
   * Walks through the members of a set, a few a call.
   *
   * Reply: array: the next cursor (0 = the end), and an array of members.
   */
  sscan(key: Word, cursor: Word, options?: { MATCH?: Word; COUNT?: Word }): Told<T, [cursor: S, members: S[]]>

  /**
   * Returns what is in any of several sets.
   *
   * Reply: set: the members that any of them has.
   */
  sunion(key: Words): Told<T, Set<S>>

  /**
   * Stores what is in any of several sets in a key.
   *
   * Reply: integer: the number of members stored.
   */
  sunionstore(destination: Word, key: Words): Told<T, number>

  /**
   * Adds an entry to a stream, creating it if needed.
   *
   * Reply: bulk string: the id of the entry; nil with NOMKSTREAM when there is no stream.
   */
  xadd(key: Word, idSelector: Word, data: Pairs, options?: { NOMKSTREAM?: boolean; MAXLEN?: boolean; MINID?: boolean; '='?: boolean; '~'?: boolean; threshold?: Word; LIMIT?: Word }): Told<T, S | null>

  /**
   * Removes the oldest entries of a stream.
   *
   * Reply: integer: how many entries were removed.
   */
  xtrim(key: Word, strategy: 'MAXLEN' | 'MINID', threshold: Word, options?: { '='?: boolean; '~'?: boolean; LIMIT?: Word }): Told<T, number>

  /**
   * Removes entries of a stream.
   *
   * Reply: integer: how many entries were removed.
   */
  xdel(key: Word, id: Words): Told<T, number>

  /**
   * Returns how many entries a stream has.
   *
   * Reply: integer: the number of entries, 0 when there is no stream.
   */
  xlen(key: Word): Told<T, number>

  /**
   * Returns the entries whose ids lie in a range.
   *
   * Reply: array: the entries, each an array of its id and an array of fields and values.
   */
  xrange(key: Word, start: Word, end: Word, options?: { COUNT?: Word }): Told<T, CommandReply<S>>

  /**
   * Returns the entries whose ids lie in a range, the last first.
   *
   * Reply: array: the entries, each an array of its id and an array of fields and values.
   */
  xrevrange(key: Word, end: Word, start: Word, options?: { COUNT?: Word }): Told<T, CommandReply<S>>

  /**
   * Returns the entries behind given ids of one or more streams, waiting for some if asked to.
   *
   * Reply: array (RESP3: map): the streams that have some, each with an array of entries; nil when
   * none has.
   */
  xread(key: Words, id: Words, options?: { COUNT?: Word; BLOCK?: Word }): Told<T, CommandReply<S>>

  /**
   * Delivers entries that are new to a group to one of its consumers, waiting for some if asked to.
   *
   * Reply: array (RESP3: map): the streams that have some, each with an array of entries; nil when
   * none has.
   */
  xreadgroup(group: Word, consumer: Word, key: Words, id: Words, options?: { COUNT?: Word; BLOCK?: Word; NOACK?: boolean }): Told<T, CommandReply<S>>

  /**
   * Acknowledges entries: they are no longer pending in their group.
   *
   * Reply: integer: how many entries were pending and are no longer.
   */
  xack(key: Word, group: Word, id: Words): Told<T, number>

  /**
   * Tells what was delivered to a group and not acknowledged.
   *
   * Reply: array: how many, the first and last id, and the consumers with how many each; or for
   * each entry its id, its consumer, milliseconds since its delivery, and how often it was
   * delivered.
   */
  xpending(key: Word, group: Word, options?: { IDLE?: Word; start?: Word; end?: Word; count?: Word; consumer?: Word }): Told<T, CommandReply<S>>

  /**
   * Makes pending entries of a group those of another consumer.
   *
   * Reply: array: the entries claimed; with JUSTID their ids.
   */
  xclaim(key: Word, group: Word, consumer: Word, minIdleTime: Word, id: Words, options?: { IDLE?: Word; TIME?: Word; RETRYCOUNT?: Word; FORCE?: boolean; JUSTID?: boolean; LASTID?: Word }): Told<T, CommandReply<S>>

  /**
   * Makes pending entries that waited too long those of another consumer.
   *
   * Reply: array: the id to go on from, the entries claimed (with JUSTID their ids), ids that were
   * pending and deleted.
   */
  xautoclaim(key: Word, group: Word, consumer: Word, minIdleTime: Word, start: Word, options?: { COUNT?: Word; JUSTID?: boolean }): Told<T, CommandReply<S>>

  /**
   * Sets the last id of a stream and its counters; for replicas and journals.
   *
   * Reply: OK.
   */
  xsetid(key: Word, lastId: Word, options?: { ENTRIESADDED?: Word; MAXDELETEDID?: Word }): Told<T, string>

  /**
   * Adds a consumer group to a stream.
   *
   * Reply: OK.
   */
  xgroupCreate(key: Word, group: Word, idSelector: Word, options?: { MKSTREAM?: boolean; ENTRIESREAD?: Word }): Told<T, string>

  /**
   * Has a group read on behind another id.
   *
   * Reply: OK.
   */
  xgroupSetid(key: Word, group: Word, idSelector: Word, options?: { ENTRIESREAD?: Word }): Told<T, string>

  /**
   * Removes a consumer group, with its consumers and what is pending.
   *
   * Reply: integer: 1, or 0 when there was no such group.
   */
  xgroupDestroy(key: Word, group: Word): Told<T, CommandReply<S>>

  /**
   * Adds a consumer to a group.
   *
   * Reply: integer: 1, or 0 when it was there already.
   */
  xgroupCreateconsumer(key: Word, group: Word, consumer: Word): Told<T, CommandReply<S>>

  /**
   * Removes a consumer from a group, with what is pending for it.
   *
   * Reply: integer: how many entries were pending for it.
   */
  xgroupDelconsumer(key: Word, group: Word, consumer: Word): Told<T, number>

  /**
   * Explains the subcommands of XGROUP.
   *
   * Reply: array: lines of text.
   */
  xgroupHelp(): Told<T, CommandReply<S>>

  /**
   * Tells about a stream; with FULL about all that belongs to it.
   *
   * Reply: map: counters, ids, and the first and last entry; with FULL entries, groups and their
   * consumers.
   */
  xinfoStream(key: Word, options?: { FULL?: boolean; COUNT?: Word }): Told<T, CommandReply<S>>

  /**
   * Lists the groups of a stream.
   *
   * Reply: array: of each group a map: name, consumers, pending, last-delivered-id, entries-read,
   * lag.
   */
  xinfoGroups(key: Word): Told<T, CommandReply<S>>

  /**
   * Lists the consumers of a group.
   *
   * Reply: array: of each consumer a map: name, pending, idle (milliseconds since it asked),
   * inactive (since it was given something, -1 never).
   */
  xinfoConsumers(key: Word, group: Word): Told<T, CommandReply<S>>

  /**
   * Explains the subcommands of XINFO.
   *
   * Reply: array: lines of text.
   */
  xinfoHelp(): Told<T, CommandReply<S>>

  /**
   * Copies the value of a key to another key.
   *
   * Reply: integer: 1 when copied, 0 when there is no source, or a destination already.
   */
  copy(source: Word, destination: Word, options?: { DB?: Word; REPLACE?: boolean }): Told<T, CommandReply<S>>

  /**
   * Removes keys.
   *
   * Reply: integer: keys that existed and were removed.
   */
  del(key: Words): Told<T, number>

  /**
   * Gives the value of a key as bytes that RESTORE understands.
   *
   * Reply: bulk string: the value in the format of RDB files, version and checksum behind it; nil
   * when there is none.
   */
  dump(key: Word): Told<T, S | null>

  /**
   * Counts which of the given keys exist.
   *
   * Reply: integer: keys that exist, repetitions counted.
   */
  exists(key: Words): Told<T, number>

  /**
   * Lets a key expire after some seconds.
   *
   * Reply: integer: 1 when set, 0 when there is no such key or a condition does not hold.
   */
  expire(key: Word, seconds: Word, options?: { NX?: boolean; XX?: boolean; GT?: boolean; LT?: boolean }): Told<T, CommandReply<S>>

  /**
   * Lets a key expire at a point in time, in Unix seconds.
   *
   * Reply: integer: 1 when set, 0 when there is no such key or a condition does not hold.
   */
  expireat(key: Word, unixTimeSeconds: Word, options?: { NX?: boolean; XX?: boolean; GT?: boolean; LT?: boolean }): Told<T, CommandReply<S>>

  /**
   * Tells when a key expires, in Unix seconds.
   *
   * Reply: integer: Unix seconds; -1 = never, -2 = no such key.
   */
  expiretime(key: Word): Told<T, CommandReply<S>>

  /**
   * Returns every key whose name matches a pattern.
   *
   * Reply: array: names, in no particular order.
   */
  keys(pattern: Word): Told<T, S[]>

  /**
   * Moves keys to another server, or copies them there.
   *
   * Reply: status: OK; NOKEY when there is none of the keys.
   */
  migrate(host: Word, port: Word, keySelector: Word, destinationDb: Word, timeout: Word, options?: { COPY?: boolean; REPLACE?: boolean; AUTH?: Word; AUTH2?: readonly [username: Word, password: Word]; KEYS?: Words }): Told<T, CommandReply<S>>

  /**
   * Moves a key to another database.
   *
   * Reply: integer: 1 when moved, 0 when there is no such key here or one there already.
   */
  move(key: Word, db: Word): Told<T, CommandReply<S>>

  /**
   * Names the form in which a value is held.
   *
   * Reply: bulk string: the encoding; nil when the key does not exist.
   */
  objectEncoding(key: Word): Told<T, S | null>

  /**
   * Tells how often a key is used, on a logarithmic scale.
   *
   * Reply: integer: 0 to 255; nil when the key does not exist.
   */
  objectFreq(key: Word): Told<T, number | null>

  /**
   * Tells for how many seconds a key was not used.
   *
   * Reply: integer: seconds; nil when the key does not exist.
   */
  objectIdletime(key: Word): Told<T, number | null>

  /**
   * Tells how many names share a value.
   *
   * Reply: integer: 2147483647 for small integers, 1 for the rest; nil when the key does not exist.
   */
  objectRefcount(key: Word): Told<T, number | null>

  /**
   * Says how the subcommands are used.
   *
   * Reply: array: lines of text.
   */
  objectHelp(): Told<T, CommandReply<S>>

  /**
   * Removes the expiry of a key.
   *
   * Reply: integer: 1 when there was an expiry, 0 when not or no such key.
   */
  persist(key: Word): Told<T, CommandReply<S>>

  /**
   * Lets a key expire after some milliseconds.
   *
   * Reply: integer: 1 when set, 0 when there is no such key or a condition does not hold.
   */
  pexpire(key: Word, milliseconds: Word, options?: { NX?: boolean; XX?: boolean; GT?: boolean; LT?: boolean }): Told<T, CommandReply<S>>

  /**
   * Lets a key expire at a point in time, in Unix milliseconds.
   *
   * Reply: integer: 1 when set, 0 when there is no such key or a condition does not hold.
   */
  pexpireat(key: Word, unixTimeMilliseconds: Word, options?: { NX?: boolean; XX?: boolean; GT?: boolean; LT?: boolean }): Told<T, CommandReply<S>>

  /**
   * Tells when a key expires, in Unix milliseconds.
   *
   * Reply: integer: Unix milliseconds; -1 = never, -2 = no such key.
   */
  pexpiretime(key: Word): Told<T, CommandReply<S>>

  /**
   * Tells how many milliseconds a key has left.
   *
   * Reply: integer: milliseconds; -1 = never expires, -2 = no such key.
   */
  pttl(key: Word): Told<T, CommandReply<S>>

  /**
   * Returns a key chosen by chance.
   *
   * Reply: bulk string: a key; nil when there is none.
   */
  randomkey(): Told<T, S | null>

  /**
   * Gives a key another name, replacing what bore it.
   *
   * Reply: OK.
   */
  rename(key: Word, newkey: Word): Told<T, string>

  /**
   * Gives a key another name if no key bears it.
   *
   * Reply: integer: 1 when renamed, 0 when the new name was taken.
   */
  renamenx(key: Word, newkey: Word): Told<T, number>

  /**
   * Creates a key from bytes that DUMP gave.
   *
   * Reply: OK.
   */
  restore(key: Word, ttl: Word, serializedValue: Word, options?: { REPLACE?: boolean; ABSTTL?: boolean; IDLETIME?: Word; FREQ?: Word }): Told<T, string>

  /**
   * Walks through the keys of the database, a few a call.
   *
   * Reply: array: the next cursor (0 = the end), and an array of names.
   */
  scan(cursor: Word, options?: { MATCH?: Word; COUNT?: Word; TYPE?: Word }): Told<T, [cursor: S, keys: S[]]>

  /**
   * Returns the elements of a list, a set or a sorted set in order, or stores them.
   *
   * Reply: array: the elements, or what `GET` names for them; with `STORE` integer: how many were
   * stored.
   */
  sort(key: Word, options?: { BY?: Word; LIMIT?: readonly [offset: Word, count: Word]; GET?: Words; ASC?: boolean; DESC?: boolean; ALPHA?: boolean; STORE?: Word }): Told<T, CommandReply<S>>

  /**
   * Returns the elements of a list, a set or a sorted set in order.
   *
   * Reply: array: the elements, or what `GET` names for them.
   */
  sortRo(key: Word, options?: { BY?: Word; LIMIT?: readonly [offset: Word, count: Word]; GET?: Words; ASC?: boolean; DESC?: boolean; ALPHA?: boolean }): Told<T, CommandReply<S>>

  /**
   * Counts as a use of keys without reading them.
   *
   * Reply: integer: keys that exist, repetitions counted.
   */
  touch(key: Words): Told<T, number>

  /**
   * Tells how many seconds a key has left.
   *
   * Reply: integer: seconds; -1 = never expires, -2 = no such key.
   */
  ttl(key: Word): Told<T, CommandReply<S>>

  /**
   * Names the type of the value under a key.
   *
   * Reply: status: string, list, set, zset, hash or stream; none when the key does not exist.
   */
  type(key: Word): Told<T, CommandReply<S>>

  /**
   * Removes keys without making others wait for large values.
   *
   * Reply: integer: keys that existed and were removed.
   */
  unlink(key: Words): Told<T, number>

  /**
   * Waits until replicas have the writes of this client.
   *
   * Reply: integer: replicas that have them.
   */
  wait(numreplicas: Word, timeout: Word): Told<T, number>

  /**
   * Waits until the writes of this client are synced to the append-only file.
   *
   * Reply: array: 1 when they are synced here, else 0; replicas on which they are.
   */
  waitaof(numlocal: Word, numreplicas: Word, timeout: Word): Told<T, CommandReply<S>>

  /**
   * Runs a Lua script as one unit.
   *
   * Reply: a value: what the script returns; its tables' fields say what they become.
   */
  eval(script: Word, options?: { key?: Words; arg?: Words }): Told<T, CommandReply<S>>

  /**
   * Runs a Lua script that may only read.
   *
   * Reply: a value: what the script returns; its tables' fields say what they become.
   */
  evalRo(script: Word, options?: { key?: Words; arg?: Words }): Told<T, CommandReply<S>>

  /**
   * Runs a Lua script that is known here already, by its SHA-1.
   *
   * Reply: a value: what the script returns; its tables' fields say what they become.
   */
  evalsha(sha1: Word, options?: { key?: Words; arg?: Words }): Told<T, CommandReply<S>>

  /**
   * Runs a Lua script that may only read and is known here already, by its SHA-1.
   *
   * Reply: a value: what the script returns; its tables' fields say what they become.
   */
  evalshaRo(sha1: Word, options?: { key?: Words; arg?: Words }): Told<T, CommandReply<S>>

  /**
   * Runs a function as one unit.
   *
   * Reply: a value: what the function returns.
   */
  fcall(name: Word, options?: { key?: Words; arg?: Words }): Told<T, CommandReply<S>>

  /**
   * Runs a function that may only read.
   *
   * Reply: a value: what the function returns.
   */
  fcallRo(name: Word, options?: { key?: Words; arg?: Words }): Told<T, CommandReply<S>>

  /**
   * Removes a library and its functions.
   *
   * Reply: OK.
   */
  functionDelete(libraryName: Word): Told<T, string>

  /**
   * Gives every library in a form that FUNCTION RESTORE takes.
   *
   * Reply: bulk string: the payload.
   */
  functionDump(): Told<T, S | null>

  /**
   * Removes every library of functions.
   *
   * Reply: OK.
   */
  functionFlush(options?: { ASYNC?: boolean; SYNC?: boolean }): Told<T, string>

  /**
   * Explains the subcommands of FUNCTION.
   *
   * Reply: array: lines of text.
   */
  functionHelp(): Told<T, CommandReply<S>>

  /**
   * Ends the function that is running.
   *
   * Reply: OK; its caller gets an error.
   */
  functionKill(): Told<T, CommandReply<S>>

  /**
   * Lists the libraries of functions.
   *
   * Reply: array: a map for each library.
   */
  functionList(options?: { LIBRARYNAME?: Word; WITHCODE?: boolean }): Told<T, CommandReply<S>>

  /**
   * Loads a library of functions.
   *
   * Reply: bulk string: the library's name.
   */
  functionLoad(functionCode: Word, options?: { REPLACE?: boolean }): Told<T, S | null>

  /**
   * Loads the libraries in a payload of FUNCTION DUMP.
   *
   * Reply: OK.
   */
  functionRestore(serializedValue: Word, options?: { FLUSH?: boolean; APPEND?: boolean; REPLACE?: boolean }): Told<T, string>

  /**
   * Tells which function is running and how many there are.
   *
   * Reply: map: running_script and engines.
   */
  functionStats(): Told<T, CommandReply<S>>

  /**
   * Sets how scripts are debugged; there is no debugger here.
   *
   * Reply: OK for NO; an error otherwise.
   */
  scriptDebug(mode: 'YES' | 'SYNC' | 'NO'): Told<T, CommandReply<S>>

  /**
   * Tells which scripts are known here, by their SHA-1.
   *
   * Reply: array: 1 for each that is known, 0 for each that is not.
   */
  scriptExists(sha1: Words): Told<T, CommandReply<S>>

  /**
   * Forgets every script.
   *
   * Reply: OK.
   */
  scriptFlush(options?: { ASYNC?: boolean; SYNC?: boolean }): Told<T, string>

  /**
   * Explains the subcommands of SCRIPT.
   *
   * Reply: array: lines of text.
   */
  scriptHelp(): Told<T, CommandReply<S>>

  /**
   * Ends the script that is running.
   *
   * Reply: OK; its caller gets an error.
   */
  scriptKill(): Told<T, CommandReply<S>>

  /**
   * Compiles a Lua script for EVALSHA.
   *
   * Reply: bulk string: the SHA-1 of the script.
   */
  scriptLoad(script: Word): Told<T, S | null>

  /**
   * Sends a message to the subscribers of a channel.
   *
   * Reply: integer: how many received the message; a client that listens in two ways counts twice;
   * or text: the id of a message that is scheduled.
   */
  publish(channel: Word, message: Word, options?: { ID?: Word; IN?: Word; AT?: Word }): Told<T, number | S>

  /**
   * Sends a message to the subscribers of a shard channel.
   *
   * Reply: integer: how many received the message; or text: the id of a message that is scheduled.
   */
  spublish(shardchannel: Word, message: Word, options?: { ID?: Word; IN?: Word; AT?: Word }): Told<T, number | S>

  /**
   * Lists the channels that have subscribers; patterns do not count.
   *
   * Reply: array of channels, in no particular order.
   */
  pubsubChannels(options?: { pattern?: Word }): Told<T, CommandReply<S>>

  /**
   * Counts the subscribers of channels; those by pattern are not included.
   *
   * Reply: array: each channel followed by its number of subscribers.
   */
  pubsubNumsub(options?: { channel?: Words }): Told<T, CommandReply<S>>

  /**
   * Counts the different patterns that have subscribers.
   *
   * Reply: integer.
   */
  pubsubNumpat(): Told<T, number>

  /**
   * Lists the shard channels that have subscribers.
   *
   * Reply: array of channels, in no particular order.
   */
  pubsubShardchannels(options?: { pattern?: Word }): Told<T, CommandReply<S>>

  /**
   * Counts the subscribers of shard channels.
   *
   * Reply: array: each shard channel followed by its number of subscribers.
   */
  pubsubShardnumsub(options?: { shardchannel?: Words }): Told<T, CommandReply<S>>

  /**
   * Explains the subcommands of PUBSUB.
   *
   * Reply: array: lines of text.
   */
  pubsubHelp(): Told<T, CommandReply<S>>

  /**
   * Lists the channels that have messages which a rule keeps.
   *
   * Reply: array: the channels, in no particular order.
   */
  channelList(options?: { pattern?: Word; SHARD?: boolean }): Told<T, CommandReply<S>>

  /**
   * Tells about a channel: its rule, what it keeps and who listens.
   *
   * Reply: map: rule, messages, bytes, first-id, last-id, subscribers, remembered, away, scheduled,
   * missed.
   */
  channelInfo(channel: Word, options?: { SHARD?: boolean }): Told<T, CommandReply<S>>

  /**
   * Returns the kept messages of a channel whose ids lie in a range.
   *
   * Reply: array: the messages, each an array of its id and its text, and the id under which it was
   * scheduled if it was.
   */
  channelHistory(channel: Word, from: Word, to: Word, options?: { COUNT?: Word; REV?: boolean; SHARD?: boolean }): Told<T, CommandReply<S>>

  /**
   * Lists who is remembered of a channel or a pattern, and how far each has heard.
   *
   * Reply: array: a map for each: user, name, connected, connections, place, lag.
   */
  channelSubscribers(channel: Word, options?: { SHARD?: boolean; PATTERN?: boolean }): Told<T, CommandReply<S>>

  /**
   * Counts the messages that a remembered subscriber, or each of them, has not heard yet.
   *
   * Reply: integer, nil where the subscriber is not remembered; without one array: user, name and
   * count of each.
   */
  channelLag(channel: Word, options?: { user?: Word; name?: Word; SHARD?: boolean; PATTERN?: boolean }): Told<T, CommandReply<S>>

  /**
   * Says that everything up to a message was heard.
   *
   * Reply: integer: 1, or 0 when as much was acknowledged before.
   */
  channelAck(channel: Word, id: Word, options?: { PATTERN?: Word; SHARD?: boolean }): Told<T, CommandReply<S>>

  /**
   * Has a remembered subscriber go on behind a message, at a time, at the first message, or behind
   * the last.
   *
   * Reply: OK.
   */
  channelSeek(channel: Word, user: Word, name: Word, aim: Word, options?: { SHARD?: boolean; PATTERN?: boolean }): Told<T, string>

  /**
   * Forgets how far a subscriber has heard. One that is connected goes on hearing what is
   * published.
   *
   * Reply: integer: 1, or 0 when nothing was remembered of it.
   */
  channelForget(channel: Word, user: Word, name: Word, options?: { SHARD?: boolean; PATTERN?: boolean }): Told<T, CommandReply<S>>

  /**
   * Removes old messages of a channel.
   *
   * Reply: integer: how many messages were removed.
   */
  channelTrim(channel: Word, options?: { MAXLEN?: Word; MINID?: Word; SHARD?: boolean }): Told<T, number>

  /**
   * Returns the scheduled messages of a channel, in the order in which they will be published.
   *
   * Reply: array: the messages, each an array of its id, when it is due (Unix milliseconds) and its
   * text.
   */
  channelPending(channel: Word, options?: { COUNT?: Word; SHARD?: boolean }): Told<T, CommandReply<S>>

  /**
   * Takes a scheduled message back.
   *
   * Reply: integer: 1; 0 when no message of this id waits.
   */
  channelCancel(channel: Word, id: Word, options?: { SHARD?: boolean }): Told<T, CommandReply<S>>

  /**
   * Explains the subcommands of CHANNEL.
   *
   * Reply: array: lines of text.
   */
  channelHelp(): Told<T, CommandReply<S>>

  /**
   * Answers PONG, or with the message it was given.
   *
   * Reply: status PONG, or bulk string: the message.
   */
  ping(options?: { message?: Word }): Told<T, string | S>

  /**
   * Answers with the message it was given.
   *
   * Reply: bulk string: the message.
   */
  echo(message: Word): Told<T, S | null>

  /**
   * Returns the number of this connection.
   *
   * Reply: integer; later connections have higher ones.
   */
  clientId(): Told<T, CommandReply<S>>

  /**
   * Describes this connection.
   *
   * Reply: text: a line of field=value pairs.
   */
  clientInfo(): Told<T, S | null>

  /**
   * Describes the open connections, one a line.
   *
   * Reply: text: a line of field=value pairs for each connection.
   */
  clientList(options?: { TYPE?: 'NORMAL' | 'MASTER' | 'REPLICA' | 'PUBSUB'; ID?: Words }): Told<T, S | null>

  /**
   * Returns the name of this connection.
   *
   * Reply: bulk string: the name; nil when it has none.
   */
  clientGetname(): Told<T, S | null>

  /**
   * Names this connection; the empty name takes the name away.
   *
   * Reply: status OK.
   */
  clientSetname(connectionName: Word): Told<T, string>

  /**
   * Says which library this connection belongs to.
   *
   * Reply: status OK.
   */
  clientSetinfo(options?: { 'LIB-NAME'?: Word; 'LIB-VER'?: Word }): Told<T, string>

  /**
   * Ends connections.
   *
   * Reply: status OK for an address, integer: how many ended for filters.
   */
  clientKill(options?: { oldFormat?: Word; newFormat?: readonly Word[] }): Told<T, string>

  /**
   * Lets commands wait for some milliseconds.
   *
   * Reply: status OK.
   */
  clientPause(timeout: Word, options?: { WRITE?: boolean; ALL?: boolean }): Told<T, string>

  /**
   * Ends a pause: postponed commands go on.
   *
   * Reply: status OK.
   */
  clientUnpause(): Told<T, string>

  /**
   * Lets a client that waits for something go on, as if its time were up or with an error.
   *
   * Reply: integer: 1 when the client was waiting, 0 when not.
   */
  clientUnblock(clientId: Word, options?: { TIMEOUT?: boolean; ERROR?: boolean }): Told<T, number>

  /**
   * Protects this connection from being closed when clients use too much memory.
   *
   * Reply: status OK.
   */
  clientNoEvict(enabled: 'ON' | 'OFF'): Told<T, string>

  /**
   * Chooses whether what this connection looks at counts as used.
   *
   * Reply: status OK.
   */
  clientNoTouch(enabled: 'ON' | 'OFF'): Told<T, string>

  /**
   * Returns the number of the connection that is told of changes instead of this one.
   *
   * Reply: integer: the connection, 0 for this one, -1 when no connection is told.
   */
  clientGetredir(): Told<T, number>

  /**
   * Tells how this connection caches.
   *
   * Reply: map: flags, redirect, prefixes.
   */
  clientTrackinginfo(): Told<T, CommandReply<S>>

  /**
   * Says what this connection understands: `message-ids`, kept messages that carry their ids.
   *
   * Reply: status OK.
   */
  clientCapa(capability: Words): Told<T, string>

  /**
   * Chooses whether this connection is told of handovers and of slots that move, before they do.
   *
   * Reply: status OK.
   */
  clientMaintNotifications(enabled: 'ON' | 'OFF', options?: { parameter?: Pairs }): Told<T, string>

  /**
   * Explains the subcommands of CLIENT.
   *
   * Reply: array: lines of text.
   */
  clientHelp(): Told<T, CommandReply<S>>

  /**
   * Gives slots without an owner to this node.
   *
   * Reply: status: OK.
   */
  clusterAddslots(slot: Words): Told<T, string>

  /**
   * Gives ranges of slots without an owner to this node.
   *
   * Reply: status: OK.
   */
  clusterAddslotsrange(range: Pairs): Told<T, string>

  /**
   * Gives this node an epoch above all that it knows.
   *
   * Reply: status: BUMPED or STILL, and the epoch.
   */
  clusterBumpepoch(): Told<T, CommandReply<S>>

  /**
   * Ends all moves of slots from this shard; slots that have not gone stay.
   *
   * Reply: status: OK.
   */
  clusterCancelmoves(): Told<T, string>

  /**
   * Counts the nodes that report a node as failing: none, because nodes do not talk with each
   * other.
   *
   * Reply: integer: 0.
   */
  clusterCountFailureReports(nodeId: Word): Told<T, number>

  /**
   * Counts the keys of a slot that are here.
   *
   * Reply: integer: number of keys.
   */
  clusterCountkeysinslot(slot: Word): Told<T, number>

  /**
   * Takes slots from their owner, as far as this node knows.
   *
   * Reply: status: OK.
   */
  clusterDelslots(slot: Words): Told<T, string>

  /**
   * Takes ranges of slots from their owner, as far as this node knows.
   *
   * Reply: status: OK.
   */
  clusterDelslotsrange(range: Pairs): Told<T, string>

  /**
   * Is refused: nodes do not talk with each other.
   *
   * Reply: error.
   */
  clusterFailover(options?: { FORCE?: boolean; TAKEOVER?: boolean }): Told<T, CommandReply<S>>

  /**
   * Takes all slots from this node.
   *
   * Reply: status: OK.
   */
  clusterFlushslots(): Told<T, string>

  /**
   * Has this node forget another.
   *
   * Reply: status: OK.
   */
  clusterForget(nodeId: Word): Told<T, string>

  /**
   * Names keys of a slot that are here.
   *
   * Reply: array: names of keys.
   */
  clusterGetkeysinslot(slot: Word, count: Word): Told<T, CommandReply<S>>

  /**
   * Explains the subcommands of CLUSTER.
   *
   * Reply: array: lines of text.
   */
  clusterHelp(): Told<T, CommandReply<S>>

  /**
   * Tells how the cluster is, as this node sees it.
   *
   * Reply: text: lines of name and value.
   */
  clusterInfo(): Told<T, S | null>

  /**
   * Returns the slot of a key.
   *
   * Reply: integer: the slot.
   */
  clusterKeyslot(key: Word): Told<T, number>

  /**
   * Describes the connections between this node and others: there are none.
   *
   * Reply: array: empty.
   */
  clusterLinks(): Told<T, CommandReply<S>>

  /**
   * Is refused: the nodes that a node knows stand in its file.
   *
   * Reply: error.
   */
  clusterMeet(ip: Word, port: Word, options?: { clusterBusPort?: Word }): Told<T, CommandReply<S>>

  /**
   * Tells which slots are moved between shards, and how far that is.
   *
   * Reply: array: a map for each move, with its id, the shards, the slots, those that are left, its
   * state, keys that have gone and keys that were copied, and why it is tried again.
   */
  clusterMoves(): Told<T, CommandReply<S>>

  /**
   * Begins to move slots, with their keys, to another shard.
   *
   * Reply: status: OK, they begin to move.
   */
  clusterMoveslots(shardName: Word, range: Pairs): Told<T, string>

  /**
   * Returns the id of this node.
   *
   * Reply: text: 40 hexadecimal digits.
   */
  clusterMyid(): Told<T, S | null>

  /**
   * Returns the id of the shard that this node is part of.
   *
   * Reply: text: 40 hexadecimal digits.
   */
  clusterMyshardid(): Told<T, S | null>

  /**
   * Describes all nodes that this one knows.
   *
   * Reply: text: a line for each node.
   */
  clusterNodes(): Told<T, S | null>

  /**
   * Prepares for keys that another shard brings here; asked by its leader.
   *
   * Reply: integer: keys that are still in the way, 0 = they may be brought; without arguments the
   * version of the map.
   */
  clusterReceive(options?: { moveId?: Word; epoch?: Word; range?: Pairs }): Told<T, CommandReply<S>>

  /**
   * Describes the replicas of a node.
   *
   * Reply: array: a line for each replica.
   */
  clusterReplicas(nodeId: Word): Told<T, CommandReply<S>>

  /**
   * Makes this node a replica of another.
   *
   * Reply: status: OK.
   */
  clusterReplicate(nodeId: Word): Told<T, string>

  /**
   * Has this node forget the cluster.
   *
   * Reply: status: OK.
   */
  clusterReset(options?: { HARD?: boolean; SOFT?: boolean }): Told<T, string>

  /**
   * Writes what this node knows of the cluster to disk.
   *
   * Reply: status: OK.
   */
  clusterSaveconfig(): Told<T, string>

  /**
   * Gives a new node its epoch.
   *
   * Reply: status: OK.
   */
  clusterSetConfigEpoch(configEpoch: Word): Told<T, string>

  /**
   * Gives a slot to a node, or lets its keys move.
   *
   * Reply: status: OK.
   */
  clusterSetslot(slot: Word, options?: { IMPORTING?: Word; MIGRATING?: Word; NODE?: Word; STABLE?: boolean }): Told<T, string>

  /**
   * Tells which slots and which nodes the shards have.
   *
   * Reply: array: for each shard a map of slots and nodes.
   */
  clusterShards(): Told<T, CommandReply<S>>

  /**
   * Describes the replicas of a node.
   *
   * Reply: array: a line for each replica.
   *
   * @deprecated `CLUSTER REPLICAS`
   */
  clusterSlaves(nodeId: Word): Told<T, CommandReply<S>>

  /**
   * Tells which nodes serve which slots.
   *
   * Reply: array: for each range first and last slot, then the nodes.
   *
   * @deprecated `CLUSTER SHARDS`
   */
  clusterSlots(): Told<T, CommandReply<S>>

  /**
   * Tells the categories of commands, or the commands of one.
   *
   * Reply: array: names of categories, or of commands.
   */
  aclCat(options?: { category?: Word }): Told<T, CommandReply<S>>

  /**
   * Removes users and ends their connections.
   *
   * Reply: integer: how many users there were of these names.
   */
  aclDeluser(username: Words): Told<T, number>

  /**
   * Tells whether a user may run a command, without running it.
   *
   * Reply: status OK, or text: what the user may not do.
   */
  aclDryrun(username: Word, command: Word, options?: { arg?: Words }): Told<T, CommandReply<S>>

  /**
   * Makes a password that cannot be guessed.
   *
   * Reply: text: hexadecimal digits, one for every four bits.
   */
  aclGenpass(options?: { bits?: Word }): Told<T, S | null>

  /**
   * Tells the rules of a user.
   *
   * Reply: map: flags, hashes of passwords, commands, keys, channels, selectors; nil when there is
   * no such user.
   */
  aclGetuser(username: Word): Told<T, CommandReply<S>>

  /**
   * Explains the subcommands of ACL.
   *
   * Reply: array: lines of text.
   */
  aclHelp(): Told<T, CommandReply<S>>

  /**
   * Tells all users with their rules.
   *
   * Reply: array: a line of the ACL file for each user.
   */
  aclList(): Told<T, CommandReply<S>>

  /**
   * Replaces the users by those of the ACL file: all of them, or none when something is wrong with
   * one.
   *
   * Reply: status: OK.
   */
  aclLoad(): Told<T, string>

  /**
   * Tells what users were refused lately, or forgets it.
   *
   * Reply: array: a map for each entry; with RESET status OK.
   */
  aclLog(options?: { count?: Word; RESET?: boolean }): Told<T, CommandReply<S>>

  /**
   * Writes the users into the ACL file.
   *
   * Reply: status: OK.
   */
  aclSave(): Told<T, string>

  /**
   * Makes a user, or changes its rules.
   *
   * Reply: status: OK.
   */
  aclSetuser(username: Word, options?: { rule?: Words }): Told<T, string>

  /**
   * Tells the names of all users.
   *
   * Reply: array: names.
   */
  aclUsers(): Told<T, CommandReply<S>>

  /**
   * Tells the name of the user of this connection.
   *
   * Reply: text: the name.
   */
  aclWhoami(): Told<T, S | null>

  /**
   * Begins to rewrite the append-only file, as short as the data allows.
   *
   * Reply: status: whether it has begun or will begin when nothing else is under way.
   */
  bgrewriteaof(): Told<T, CommandReply<S>>

  /**
   * Begins a snapshot and replies at once.
   *
   * Reply: status: whether it has begun or will begin when nothing else is under way.
   */
  bgsave(options?: { SCHEDULE?: boolean }): Told<T, CommandReply<S>>

  /**
   * Returns what there is to know of all commands.
   *
   * Reply: array: a description of each command.
   */
  command(): Told<T, CommandReply<S>>

  /**
   * Returns how many commands there are.
   *
   * Reply: integer: number of commands, subcommands not counted.
   */
  commandCount(): Told<T, number>

  /**
   * Returns the documentation of some commands, or of all.
   *
   * Reply: map: commands and their documentation; unknown names are left out.
   */
  commandDocs(options?: { commandName?: Words }): Told<T, CommandReply<S>>

  /**
   * Returns the keys of a command that is written out.
   *
   * Reply: array: keys.
   */
  commandGetkeys(command: Word, options?: { arg?: Words }): Told<T, CommandReply<S>>

  /**
   * Returns the keys of a command that is written out, and what would happen to each.
   *
   * Reply: array: pairs of a key and its flags.
   */
  commandGetkeysandflags(command: Word, options?: { arg?: Words }): Told<T, CommandReply<S>>

  /**
   * Explains the subcommands of COMMAND.
   *
   * Reply: array: lines of text.
   */
  commandHelp(): Told<T, CommandReply<S>>

  /**
   * Returns what there is to know of some commands, or of all.
   *
   * Reply: array: a description of each command, nil for one that does not exist.
   */
  commandInfo(options?: { commandName?: Words }): Told<T, CommandReply<S>>

  /**
   * Returns the names of commands.
   *
   * Reply: array: names, those of subcommands too.
   */
  commandList(options?: { MODULE?: Word; ACLCAT?: Word; PATTERN?: Word }): Told<T, CommandReply<S>>

  /**
   * Returns the values of settings.
   *
   * Reply: map: settings and their values.
   */
  configGet(parameter: Words): Told<T, CommandReply<S>>

  /**
   * Explains the subcommands of CONFIG.
   *
   * Reply: array: lines of text.
   */
  configHelp(): Told<T, CommandReply<S>>

  /**
   * Sets the counters that INFO shows back to zero.
   *
   * Reply: status: OK.
   */
  configResetstat(): Told<T, string>

  /**
   * Writes the settings in force into the config file.
   *
   * Reply: status: OK.
   */
  configRewrite(): Told<T, string>

  /**
   * Changes settings while the server runs.
   *
   * Reply: status: OK.
   */
  configSet(data: Pairs): Told<T, string>

  /**
   * Returns how many keys the selected database has.
   *
   * Reply: integer: number of keys.
   */
  dbsize(): Told<T, number>

  /**
   * Holds what tests of clients and of this server need.
   *
   * Reply: depends on the subcommand.
   */
  debug(): Told<T, CommandReply<S>>

  /**
   * Hands the place of this server over to one of its replicas.
   *
   * Reply: status: OK, it has begun.
   */
  failover(options?: { TO?: readonly Word[]; ABORT?: boolean; TIMEOUT?: Word }): Told<T, string>

  /**
   * Removes every key of every database.
   *
   * Reply: status: OK.
   */
  flushall(options?: { ASYNC?: boolean; SYNC?: boolean }): Told<T, string>

  /**
   * Removes every key of the selected database.
   *
   * Reply: status: OK.
   */
  flushdb(options?: { ASYNC?: boolean; SYNC?: boolean }): Told<T, string>

  /**
   * Returns the state of the server and its counters.
   *
   * Reply: verbatim text: lines of field:value under # headings.
   */
  info(options?: { section?: Words }): Told<T, S>

  /**
   * Says when the last snapshot was complete.
   *
   * Reply: integer: Unix time in seconds.
   */
  lastsave(): Told<T, number>

  /**
   * Says in words what was slow and what can be done about it.
   *
   * Reply: verbatim string: the report.
   */
  latencyDoctor(): Told<T, S>

  /**
   * Draws the slow events of a kind.
   *
   * Reply: verbatim string: the chart.
   */
  latencyGraph(event: Word): Told<T, S>

  /**
   * Explains the subcommands of LATENCY.
   *
   * Reply: array: lines of text.
   */
  latencyHelp(): Told<T, CommandReply<S>>

  /**
   * Returns how the times of commands are distributed.
   *
   * Reply: map: for each command that was called a map of `calls` and `histogram_usec`, a map of
   * microseconds and counts.
   */
  latencyHistogram(options?: { command?: Words }): Told<T, CommandReply<S>>

  /**
   * Returns the slow events of a kind.
   *
   * Reply: array: an array for each second with such an event: Unix time, milliseconds of the
   * slowest.
   */
  latencyHistory(event: Word): Told<T, CommandReply<S>>

  /**
   * Returns the latest slow event of each kind.
   *
   * Reply: array: an array for each kind of event: its name, Unix time, milliseconds, the most
   * milliseconds ever.
   */
  latencyLatest(): Told<T, CommandReply<S>>

  /**
   * Forgets the slow events of some kinds, or all.
   *
   * Reply: integer: kinds of events that were forgotten.
   */
  latencyReset(options?: { event?: Words }): Told<T, number>

  /**
   * Draws a picture and tells the version.
   *
   * Reply: verbatim text: the picture and the version.
   */
  lolwut(options?: { VERSION?: Word }): Told<T, S>

  /**
   * Says in words whether something is wrong with the memory.
   *
   * Reply: verbatim string: the findings.
   */
  memoryDoctor(): Told<T, S>

  /**
   * Explains the subcommands of MEMORY.
   *
   * Reply: array: lines of text.
   */
  memoryHelp(): Told<T, CommandReply<S>>

  /**
   * Describes the allocator of keys and values, and the heap beneath everything else.
   *
   * Reply: verbatim string: lines of text.
   */
  memoryMallocStats(): Told<T, S>

  /**
   * Gives memory that is not needed back to the system.
   *
   * Reply: OK.
   */
  memoryPurge(): Told<T, string>

  /**
   * Tells where the memory of the server is.
   *
   * Reply: map: names and numbers, for each database a map of its own.
   */
  memoryStats(): Told<T, CommandReply<S>>

  /**
   * Returns how many bytes a key and its value take.
   *
   * Reply: integer: bytes; nil when the key does not exist.
   */
  memoryUsage(key: Word, options?: { SAMPLES?: Word }): Told<T, number | null>

  /**
   * Explains the subcommands of MODULE.
   *
   * Reply: array: lines of text.
   */
  moduleHelp(): Told<T, CommandReply<S>>

  /**
   * Returns the loaded modules: there are none.
   *
   * Reply: array: always empty.
   */
  moduleList(): Told<T, CommandReply<S>>

  /**
   * Would load a module; there are none.
   *
   * Reply: an error: there are no modules.
   */
  moduleLoad(path: Word, options?: { arg?: Words }): Told<T, CommandReply<S>>

  /**
   * Would load a module with settings of its own; there are none.
   *
   * Reply: an error: there are no modules.
   */
  moduleLoadex(path: Word, options?: { CONFIG?: Pairs; ARGS?: Words }): Told<T, CommandReply<S>>

  /**
   * Would remove a module; there are none.
   *
   * Reply: an error: there are no modules.
   */
  moduleUnload(name: Word): Told<T, CommandReply<S>>

  /**
   * Makes this connection a replica that goes on at an offset if that can be.
   *
   * Reply: none: the stream of changes follows, with a snapshot before it where that is needed.
   */
  psync(replicationid: Word, offset: Word): Told<T, CommandReply<S>>

  /**
   * Takes what a replica says of itself.
   *
   * Reply: status OK; nothing to ACK and GETACK.
   */
  replconf(): Told<T, CommandReply<S>>

  /**
   * Follows a primary, or is one itself.
   *
   * Reply: status: OK.
   */
  replicaof(options?: { host?: Word; port?: Word; NO?: boolean; ONE?: boolean }): Told<T, string>

  /**
   * Creates a key from bytes that DUMP gave, although its slot is not served here yet.
   *
   * Reply: OK.
   */
  restoreAsking(key: Word, ttl: Word, serializedValue: Word, options?: { REPLACE?: boolean; ABSTTL?: boolean; IDLETIME?: Word; FREQ?: Word }): Told<T, string>

  /**
   * Tells whether this server leads or follows.
   *
   * Reply: array: master, its offset, and address, port and offset of each replica; or slave, its
   * primary, the state of the link and its offset.
   */
  role(): Told<T, CommandReply<S>>

  /**
   * Writes a snapshot and replies when it is on the disk.
   *
   * Reply: status: OK.
   */
  save(): Told<T, string>

  /**
   * Makes everything durable and ends the server.
   *
   * Reply: status: OK if ABORT was given; otherwise the connection closes.
   */
  shutdown(options?: { NOSAVE?: boolean; SAVE?: boolean; NOW?: boolean; FORCE?: boolean; ABORT?: boolean }): Told<T, CommandReply<S>>

  /**
   * Follows a primary, or is one itself.
   *
   * Reply: status: OK.
   *
   * @deprecated `REPLICAOF`
   */
  slaveof(options?: { host?: Word; port?: Word; NO?: boolean; ONE?: boolean }): Told<T, string>

  /**
   * Returns the commands that took longest, the newest first.
   *
   * Reply: array: an array for each entry: id, Unix time, microseconds, the words, the client’s
   * address and name.
   */
  slowlogGet(options?: { count?: Word }): Told<T, CommandReply<S>>

  /**
   * Explains the subcommands of SLOWLOG.
   *
   * Reply: array: lines of text.
   */
  slowlogHelp(): Told<T, CommandReply<S>>

  /**
   * Returns how many slow commands are kept.
   *
   * Reply: integer: number of entries.
   */
  slowlogLen(): Told<T, number>

  /**
   * Forgets the slow commands that are kept.
   *
   * Reply: status: OK.
   */
  slowlogReset(): Told<T, string>

  /**
   * Exchanges the contents of two databases.
   *
   * Reply: status: OK.
   */
  swapdb(index1: Word, index2: Word): Told<T, string>

  /**
   * Makes this connection a replica that is sent everything.
   *
   * Reply: none: the stream of changes follows, with a snapshot before it where that is needed.
   */
  sync(): Told<T, CommandReply<S>>

  /**
   * Returns the server's time.
   *
   * Reply: array: Unix seconds, and the microseconds within that second.
   */
  time(): Told<T, [seconds: S, microseconds: S]>

  /**
   * Tells whether the primary of the shard of that name is up.
   *
   * Reply: status: OK and a sentence.
   */
  sentinelCkquorum(masterName: Word): Told<T, string>

  /**
   * Tells where the primary of the shard of that name is.
   *
   * Reply: array: address and port; nil for another name, and while there is no leader.
   */
  sentinelGetMasterAddrByName(masterName: Word): Told<T, CommandReply<S>>

  /**
   * Explains the subcommands of SENTINEL.
   *
   * Reply: array: lines of text.
   */
  sentinelHelp(): Told<T, CommandReply<S>>

  /**
   * Returns what INFO says here.
   *
   * Reply: array: for each name that is known the name, then pairs of age and text.
   */
  sentinelInfoCache(nodename: Words): Told<T, CommandReply<S>>

  /**
   * Tells whether a primary is down, as this node sees it.
   *
   * Reply: array: 1 if it is down, `*` for no vote, 0.
   */
  sentinelIsMasterDownByAddr(ip: Word, port: Word, currentEpoch: Word, runid: Word): Told<T, CommandReply<S>>

  /**
   * Describes the primary of the shard of that name.
   *
   * Reply: map: names and values.
   */
  sentinelMaster(masterName: Word): Told<T, CommandReply<S>>

  /**
   * Describes the primary of the shard.
   *
   * Reply: array: a map for each, of which there is one.
   */
  sentinelMasters(): Told<T, CommandReply<S>>

  /**
   * Returns the id of this node as one that answers.
   *
   * Reply: text: 40 hexadecimal digits.
   */
  sentinelMyid(): Told<T, S | null>

  /**
   * Describes the replicas of the shard of that name.
   *
   * Reply: array: a map for each.
   */
  sentinelReplicas(masterName: Word): Told<T, CommandReply<S>>

  /**
   * Describes the other nodes that can be asked.
   *
   * Reply: array: a map for each.
   */
  sentinelSentinels(masterName: Word): Told<T, CommandReply<S>>

  /**
   * Describes the replicas of the shard of that name.
   *
   * Reply: array: a map for each.
   *
   * @deprecated `SENTINEL REPLICAS`
   */
  sentinelSlaves(masterName: Word): Told<T, CommandReply<S>>
}
