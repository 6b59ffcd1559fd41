// Closes the gaps that removed values leave in the arena.
//
// A slab serves blocks of one size. Where values of another size replace earlier ones, the old
// slabs stay in memory half empty, and no slab returns to the system before its whole chunk is
// empty. When gaps have become large, the arena chooses chunks to empty. One walk over the entries
// then moves blocks out of those chunks: the blocks of keys, with the strings in them, and the
// blocks of structures. Readers find a key by its entry and ask its structure where an element
// lies, so a move is invisible to them. Large strings lie in no chunk.
//
// A block that cannot be moved (value.ts) stays. Its chunk stays too, and serves allocations again
// when the walk is over. A snapshot reads structures in slices and remembers positions in them, so
// the walk rests while a snapshot is running.

import { assert } from '../../util/assert.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { happened, RESTLESS } from '../../util/restless.ts'
import type { NumberedTable } from '../../util/tables/numbered-table.ts'
import { digestOf } from '../keyspace/data-digest.ts'
import { TYPE_MASK } from '../keyspace/entry-meta.ts'
import { KEY, type Keyspace, META, VALUE } from '../keyspace/keyspace.ts'
import type { Strings } from '../keyspace/strings.ts'
import { TYPE_STRING, type Value } from '../structures/value.ts'
import type { Arena } from './arena.ts'

/**
 * A walk that closed fewer bytes of gaps did not pay. The next walk then waits until gaps have
 * grown by as many bytes.
 */
const WORTH_BYTES_MIN = 8 * 1024 * 1024

/** One step over a structure's blocks counts as this many entries, because it takes as long. */
const STRUCTURE_ENTRIES = RESTLESS ? 1 : 16

/**
 * In the checked build, one structure in this many is digested before and after a step; the digest
 * must not change. In the restless mode that holds for all structures up to this length.
 */
const DIGESTED_EVERY = 16
const DIGESTED_LENGTH_MAX = 1000

/** The part of the reports of a database that compaction looks at. */
export interface ChangeReports {
  /** Not null while a snapshot is told of each change before it is made. */
  readonly beforeChange: unknown
}

export class Compaction {
  readonly #reports: ChangeReports
  readonly #arena: Arena
  readonly #keys: Keyspace
  readonly #strings: Strings
  readonly #structures: NumberedTable<Value>
  /** The next entry to look at. */
  #next = 0
  /** Where to continue within the structure of that entry. */
  #within = 0
  #isWalking = false
  /** Bytes of gaps when the walk began. */
  #gapBytesBefore = 0
  /**
   * Bytes of gaps that the last walk could not close, lowered when gaps shrink; 0 when the last
   * walk paid.
   */
  #gapBytesLeft = 0

  constructor(
    reports: ChangeReports,
    arena: Arena,
    keys: Keyspace,
    strings: Strings,
    structures: NumberedTable<Value>,
  ) {
    this.#reports = reports
    this.#arena = arena
    this.#keys = keys
    this.#strings = strings
    this.#structures = structures
  }

  /** True while there is work for `step`. */
  get isDue(): boolean {
    if (this.#reports.beforeChange !== null) return false
    if (this.#isWalking) return true
    const { gapBytes, hasGaps } = this.#arena
    if (gapBytes < this.#gapBytesLeft) this.#gapBytesLeft = gapBytes
    return hasGaps && (this.#gapBytesLeft === 0 || gapBytes > this.#gapBytesLeft + WORTH_BYTES_MIN)
  }

  /**
   * Looks at `max` entries, or fewer if some are large, and moves the blocks that are in chunks to
   * empty.
   */
  step(max: number): void {
    const arena = this.#arena
    const keys = this.#keys
    assert(this.#reports.beforeChange === null, 'structures move while no part reads them in slices')
    if (!this.#isWalking) {
      if (keys.isFilling || !arena.beginEmptying()) {
        this.#gapBytesLeft = arena.gapBytes
        return
      }
      this.#isWalking = true
      this.#gapBytesBefore = arena.gapBytes
      this.#next = 0
      this.#within = 0
    }
    let left = max
    while (left > 0 && this.#next < keys.entriesEnd && this.#isUseful) {
      const entry = this.#next
      const ref = keys.word(entry, KEY)
      if (ref > 0 && arena.isLeaving(ref)) this.#moveKey(entry)
      const isStructure = ref !== 0 && !this.#isString(entry)
      this.#within = isStructure ? this.#moveStructure(entry) : 0
      if (this.#within === 0) this.#next++
      left -= isStructure ? STRUCTURE_ENTRIES : 1
    }
    const sawAll = this.#next >= keys.entriesEnd
    if (!sawAll && this.#isUseful) return
    this.#isWalking = false
    arena.endEmptying()
    const { gapBytes } = arena
    // A slab of each size in use is a gap that every walk would move into a new chunk, for ever.
    // In the restless mode walks go on.
    const isInterrupted = arena.era > 0 || !arena.hasRoom || (RESTLESS && !sawAll)
    this.#gapBytesLeft = !isInterrupted && this.#gapBytesBefore - gapBytes < WORTH_BYTES_MIN ? gapBytes : 0
  }

  /**
   * True while there are chunks to empty and room for their blocks. Keeping a state ends the
   * emptying.
   */
  get #isUseful(): boolean {
    return this.#arena.isEmptying && this.#arena.hasRoom
  }

  /** Size in bytes of an entry's string when it is stored in the same block as its key. */
  #contentBytes(entry: number): number {
    return this.#isString(entry) && !this.#strings.isLarge(entry) ? this.#strings.lengthOf(entry) : 0
  }

  #isString(entry: number): boolean {
    return (this.#keys.word(entry, META) & TYPE_MASK) === TYPE_STRING
  }

  #moveKey(entry: number): void {
    const content = this.#contentBytes(entry)
    const before = CHECKED ? this.#digestOfKey(entry, content) : ''
    this.#keys.moveBlock(entry, content)
    if (!CHECKED) return
    happened('block moved')
    assert(
      this.#digestOfKey(entry, content) === before,
      'invariant 14: a key that is moved keeps its name and its string',
    )
  }

  #moveStructure(entry: number): number {
    const structure = this.#structures.get(this.#keys.word(entry, VALUE))
    const isAlways = RESTLESS && structure.length < DIGESTED_LENGTH_MAX
    const isLooked = CHECKED && (isAlways || this.#next % DIGESTED_EVERY === 0)
    const before = isLooked ? digestOf(structure) : ''
    const next = structure.moveBlocks(this.#within)
    if (!isLooked) return next
    happened('structure moved')
    assert(digestOf(structure) === before, 'invariant 14: a structure that is moved keeps its elements')
    return next
  }

  /** A digest of an entry's key, and of its string when it lies in the same block. */
  #digestOfKey(entry: number, content: number): string {
    const key = this.#keys.keyOf(entry, new Bytes())
    const string = new Bytes(key.source, this.#keys.roomStart(entry), content)
    return `${key.hash} ${digestOf(key)} ${digestOf(string)}`
  }
}
