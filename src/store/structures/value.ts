// A value as the keyspace sees it. Every structure has a type and a size, and can be freed.

import type { Source } from '../../util/bytes/bytes.ts'
import type { Arena, MemoryHolder } from '../memory/arena.ts'
import type { StructureHost } from './encoding-limits.ts'

/** Redis's type names, as TYPE answers them. */
export type TypeName = 'string' | 'list' | 'set' | 'zset' | 'hash' | 'stream'

/** Type codes in an entry's META word. */
export const TYPE_STRING = 0
export const TYPE_LIST = 1
export const TYPE_SET = 2
export const TYPE_ZSET = 3
export const TYPE_HASH = 4
export const TYPE_STREAM = 5

export const TYPE_NAMES: readonly TypeName[] = ['string', 'list', 'set', 'zset', 'hash', 'stream']

/**
 * A structure under a key. Its memory lies in the database's arena. The code that removes it calls
 * `free`.
 */
export interface Value extends MemoryHolder {
  readonly type: number
  /** Number of elements, members, fields or entries. */
  readonly length: number
  /**
   * The answer of OBJECT ENCODING: the encoding that Redis would use, whatever the form is here. It
   * may depend on the value's past.
   */
  readonly encoding: string
  /** The dictionary of the members or fields, when the value has one. */
  readonly table?: MemberTable | undefined
  /**
   * Makes an independent copy whose memory lies in `arena`. `host` is that of the copy's database,
   * when that is another one.
   */
  copy(arena: Arena, host?: StructureHost): Value
  /**
   * Moves blocks out of chunks that are being emptied (compaction.ts), a few hundred at most, from
   * position `from` on; 0 = the first. Returns the position to continue from, or 0 when all blocks
   * were looked at. Elements keep their positions. Blocks of forms that cannot be moved stay.
   * Throws ArenaFull.
   */
  moveBlocks(from: number): number
  /**
   * Walks the whole structure in the checked build (util/invariant.ts). Throws AssertionFailure.
   */
  check?(): void
}

/** The part of a `Dictionary` that looking ahead needs. */
export interface MemberTable {
  readonly count: number
  fetchMembers(source: Source, starts: Int32Array, lengths: Int32Array, count: number): void
}

/** The class of a structure, as in `getForRead(key, List)`. */
export interface ValueClass<T extends Value> {
  readonly type: number
  readonly prototype: T
}
