// A value as the keyspace sees it. Every structure has a type and a size, and can be freed.

import type { Bytes, Source } from '../../util/bytes/bytes.ts'
import type { Arena, MemoryHolder } from '../memory/arena.ts'
import type { ElementCursor } from './element-cursor.ts'
import type { StructureSettings } from './encoding-limits.ts'

/** Redis's type names, as TYPE answers them. */
export type TypeName = 'string' | 'list' | 'set' | 'zset' | 'hash' | 'stream'

/** Type codes in an entry's META word. */
export const TYPE_STRING = 0
export const TYPE_LIST = 1
export const TYPE_SET = 2
export const TYPE_ZSET = 3
export const TYPE_HASH = 4
export const TYPE_STREAM = 5

/** The parts of an element of a type, which `Value.elements` sets. */
export interface ElementKind {
  /** The command that adds elements to a key: each as its score, if it has one, and its words. */
  readonly added: string
  /** Words of an element. */
  readonly words: 1 | 2
  readonly hasScore: boolean
  /** By what elements are ordered; none = a set of equals, in whatever order they lie. */
  readonly order: 'position' | 'score' | 'none'
}

/** The properties of a type that code for all types needs. */
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
   * Returns a cursor before the first element that points these windows at each; undefined where
   * the type's record has no `elements`.
   */
  elements?(word: Bytes, second: Bytes): ElementCursor
  /**
   * Makes an independent copy whose memory lies in `arena`. `host` is that of the copy's database,
   * when that is another one.
   */
  copy(arena: Arena, host?: StructureSettings): Value
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

/** The part of a `Dictionary` that a look ahead and DEBUG use. */
export interface MemberTable {
  readonly count: number
  fetchMembers(source: Source, starts: Int32Array, lengths: Int32Array, count: number): void
  /** Entry `i` = how many buckets hold `i` members. */
  chains(): readonly number[]
}

/** The class of a structure, as in `getForRead(key, List)`. */
export interface ValueClass<T extends Value> {
  readonly type: number
  readonly prototype: T
}
