// The codes of the RDB format. Their readers and writers show what each stands for.

/** The version that is written, as redis-server 7.2 writes it. */
export const RDB_VERSION_WRITTEN = 11
/** The newest version that is read. */
export const RDB_VERSION_MAX = 12

export const TYPE = {
  string: 0,
  /** Elements as strings. */
  list: 1,
  set: 2,
  /** Scores as text. */
  zsetText: 3,
  hash: 4,
  /** Scores as doubles. */
  zset: 5,
  modulePreRelease: 6,
  module: 7,
  hashZipmap: 9,
  listZiplist: 10,
  setIntset: 11,
  zsetZiplist: 12,
  hashZiplist: 13,
  /** Nodes, each a ziplist. */
  listQuicklist: 14,
  streamV1: 15,
  hashListpack: 16,
  zsetListpack: 17,
  /** Nodes, each a plain element or a listpack. */
  listQuicklist2: 18,
  streamV2: 19,
  setListpack: 20,
  streamV3: 21,
  hashExpiringPreRelease: 22,
  hashExpiringListpackPreRelease: 23,
  hashExpiring: 24,
  hashExpiringListpack: 25,
} as const

export const OPCODE = {
  slotInfo: 244,
  function: 245,
  functionPreRelease: 246,
  moduleAuxiliary: 247,
  idle: 248,
  frequency: 249,
  auxiliary: 250,
  resize: 251,
  expiryMs: 252,
  expirySeconds: 253,
  selectDatabase: 254,
  end: 255,
} as const

/**
 * Encodings of a string that does not begin with its length: the low six bits of its first byte.
 */
export const ENCODED_INT8 = 0
export const ENCODED_INT16 = 1
export const ENCODED_INT32 = 2
export const ENCODED_LZF = 3

/**
 * A larger hash, set or sorted set is written element by element, whatever its encoding here: a
 * listpack is made in one go. A server that reads it makes it a listpack again where its settings
 * say so.
 */
export const LISTPACK_ELEMENTS_MAX = 2048
export const LISTPACK_BYTES_MAX = 128 * 1024

/** A quicklist2 node's container. */
export const NODE_PLAIN = 1
export const NODE_PACKED = 2
