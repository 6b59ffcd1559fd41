// A value as the keyspace sees it: every structure has a type and a size, and can be freed.

import type { Bytes, Source } from '../../util/bytes/bytes.ts'
import type { Arena, Holder } from '../memory/arena.ts'
import type { ElementCursor } from './element-cursor.ts'
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

/** What the elements of a type consist of: what `Value.elements` sets. */
export interface ElementKind {
  /** The command that adds elements to a key: each as its score, if it has one, and its words. */
  readonly added: string
  /** Words of an element. */
  readonly words: 1 | 2
  readonly hasScore: boolean
  /** By what elements are ordered; none = a set of equals, in whatever order they lie. */
  readonly order: 'position' | 'score' | 'none'
}

/** What differs between types for code that treats all of them alike. */
export interface ValueKind {
  readonly name: TypeName
  /**
   * undefined = a value is not a row of elements: code that looks into values has a way of its own
   * for it.
   */
  readonly elements?: ElementKind
  /** True when a value without elements exists. */
  readonly mayBeEmpty?: boolean
  /** The row of INFO keysizes; undefined = such keys are not counted. */
  readonly sizes?: string
}

/** By type code. The names of sizes are those of Redis 8, which does not count streams. */
export const VALUE_KINDS: readonly ValueKind[] = [
  { name: 'string', sizes: 'strings_sizes' },
  {
    name: 'list',
    sizes: 'lists_items',
    elements: { added: 'RPUSH', words: 1, hasScore: false, order: 'position' },
  },
  { name: 'set', sizes: 'sets_items', elements: { added: 'SADD', words: 1, hasScore: false, order: 'none' } },
  { name: 'zset', sizes: 'zsets_items', elements: { added: 'ZADD', words: 1, hasScore: true, order: 'score' } },
  { name: 'hash', sizes: 'hashes_items', elements: { added: 'HSET', words: 2, hasScore: false, order: 'none' } },
  { name: 'stream', mayBeEmpty: true },
]

export const TYPE_NAMES: readonly TypeName[] = VALUE_KINDS.map(({ name }) => name)

/** A structure that lives under a key. Its memory lies in the database's arena; whoever removes it calls `free`. */
export interface Value extends Holder {
  readonly type: number
  /** Elements, members, fields or entries in it. */
  readonly length: number
  /** What OBJECT ENCODING answers: what Redis would use, whatever lies underneath. It may depend on the value's past. */
  readonly encoding: string
  /** The table that the members or fields are in, where there are many. */
  readonly table?: MemberTable | undefined
  /**
   * Returns a cursor before the first element that points these windows at each; undefined where
   * the type's record has no `elements`.
   */
  elements?(word: Bytes, second: Bytes): ElementCursor
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

/** What a look ahead and DEBUG want of a `Dictionary`. */
export interface MemberTable {
  readonly count: number
  fetchMembers(source: Source, starts: Int32Array, lengths: Int32Array, count: number): void
  /** Entry `i` = how many buckets hold `i` members. */
  chains(): readonly number[]
}

/** The class of a structure: what `getForRead(key, List)` names. */
export interface ValueClass<T extends Value> {
  readonly type: number
  readonly prototype: T
}
