// A value as the keyspace sees it: every structure has a type and a size, and can be freed.

import type { Source } from '../../util/bytes/bytes.ts'
import type { Arena, Holder } from '../memory/arena.ts'
import type { StructureHost } from './encoding-limits.ts'

/** Redis's type names, as TYPE answers them. */
export type TypeName = 'string' | 'list' | 'set' | 'zset' | 'hash' | 'stream'

/** Type codes as they stand in an entry's META word. */
export const TYPE_STRING = 0
export const TYPE_LIST = 1
export const TYPE_SET = 2
export const TYPE_ZSET = 3
export const TYPE_HASH = 4
export const TYPE_STREAM = 5

export const TYPE_NAMES: readonly TypeName[] = ['string', 'list', 'set', 'zset', 'hash', 'stream']

/** A structure that lives under a key. Its memory lies in the database's arena; whoever removes it calls `free`. */
export interface Value extends Holder {
  readonly type: number
  /** Elements, members, fields or entries in it. */
  readonly length: number
  /** What OBJECT ENCODING answers: what Redis would use, whatever lies underneath. It may depend on the value's past. */
  readonly encoding: string
  /** The table that the members or fields are in, where there are many. */
  readonly table?: MemberTable | undefined
  /** Makes an independent copy whose memory lies in `arena`; `host` = that of the database it goes to, if it is another's. */
  copy(arena: Arena, host?: StructureHost): Value
  /**
   * Moves blocks out of chunks that are being emptied (compaction.ts), a few hundred at most, from place `from` on; 0 = the first.
   * Returns the place to go on from, 0 when all were looked at. No element gets another place, and what forms of a structure
   * cannot be moved stays. Throws ArenaFull.
   */
  moveBlocks(from: number): number
  /** Walks the whole structure in the checked build (util/invariant.ts). Throws AssertionFailure. */
  check?(): void
}

/** What a look ahead wants of a `Dictionary`. */
export interface MemberTable {
  readonly count: number
  fetchMembers(source: Source, starts: Int32Array, lengths: Int32Array, count: number): void
}

/** The class of a structure: what `getForRead(key, List)` names. */
export interface ValueClass<T extends Value> {
  readonly type: number
  readonly prototype: T
}
