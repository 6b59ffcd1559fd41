// Up to where Redis holds a value in its small forms: what OBJECT ENCODING says follows from it, and from the value's past. And
// where it divides a stream.
//
// One object for all databases. Whoever runs them keeps it as the settings say; a
// structure reads it when it is about to grow or has shrunk.

import type { HashKey } from '../../util/tables/keyed-hash.ts'

export const LISTPACK_SIZE_DEFAULT = -2

export class EncodingLimits {
  readonly list = {
    /** list-max-listpack-size: elements, or, negative, one of five numbers of bytes. */
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
  /** Of one node of a stream; 0 = as much as may be. */
  readonly stream = {
    /** stream-node-max-bytes */
    nodeBytes: 4096,
    /** stream-node-max-entries */
    nodeEntries: 100,
  }
}

/** The things that all structures share, whichever database they lie in. */
export interface StructureHost {
  /** The key of every hash: windows remember theirs. */
  readonly hashKey: HashKey
  readonly limits: EncodingLimits
}
