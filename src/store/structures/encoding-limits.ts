// The settings for small encodings: up to which size Redis keeps a value in a small form. OBJECT
// ENCODING answers from them, and from the value's past. They also say how large the nodes of a
// stream become.
//
// One object serves all databases. The engine updates it when a setting changes; a structure reads
// it when it is about to grow or has shrunk.

import type { HashKey } from '../../util/tables/keyed-hash.ts'

export const LISTPACK_SIZE_DEFAULT = -2

export class EncodingLimits {
  readonly list = {
    /** list-max-listpack-size: a number of elements, or, negative, one of five numbers of bytes. */
    listpackSize: LISTPACK_SIZE_DEFAULT,
  }
  readonly hash = {
    /** hash-max-listpack-entries */
    entries: 512,
    /** hash-max-listpack-value */
    value: 64,
  }
  readonly set = {
    /** set-max-intset-entries */
    integers: 512,
    /** set-max-listpack-entries */
    entries: 128,
    /** set-max-listpack-value */
    value: 64,
  }
  readonly sortedSet = {
    /** zset-max-listpack-entries */
    entries: 128,
    /** zset-max-listpack-value */
    value: 64,
  }
  /** Limits of one node of a stream; 0 = none. */
  readonly stream = {
    /** stream-node-max-bytes */
    nodeBytes: 4096,
    /** stream-node-max-entries */
    nodeEntries: 100,
  }
}

/** Shared by all structures of all databases. */
export interface StructureSettings {
  /** The key of every hash. Windows remember hashes made with it. */
  readonly hashKey: HashKey
  readonly limits: EncodingLimits
}
