// Closing the gaps that removed values leave in the arena.
//
// Slabs serve one size of blocks each. Where values of another size take the place
// of those that were there, the old slabs stay in memory half empty, and no slab
// goes back to the system before its chunk is empty. So when gaps have become much,
// the arena chooses chunks to be emptied, and one walk over the entries moves the
// blocks of keys, with the strings in them, and those of structures out of those
// chunks. Who looks at a key does so by its entry, and asks its structure where an
// element lies, so nobody notices. Large strings lie in no chunk.
//
// What cannot be moved (value.ts) stays where it is: a chunk that has some of it
// stays, too, and takes new blocks again when the walk is over. A snapshot reads
// structures in slices and remembers where it was: the walk rests while there is one.

import { assert } from '../../util/assert.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { happened, RESTLESS } from '../../util/restless.ts'
import type { Numbered } from '../../util/tables/numbered.ts'
import { digestOf } from '../keyspace/data-digest.ts'
import { TYPE_MASK } from '../keyspace/entry-meta.ts'
import { KEY, type Keyspace, META, VALUE } from '../keyspace/keyspace.ts'
import type { Strings } from '../keyspace/strings.ts'
import { TYPE_STRING, type Value } from '../structures/value.ts'
import type { Arena } from './arena.ts'

/** A walk that closes fewer gaps was not worth while: the next one waits until there are so many bytes more of them. */
const WORTH_BYTES_MIN = 8 * 1024 * 1024

/** What `step` counts some blocks of a structure as: they take as long as so many entries. */
const STRUCTURE_ENTRIES = RESTLESS ? 1 : 16

/**
 * In the checked build the digest of a structure must be the same before and after a step: of one in so many, and of all that are not
 * long where housekeeping never rests.
 */
const DIGESTED_EVERY = 16
const DIGESTED_LENGTH_MAX = 1000

export interface CompactionHost {
  /** Non-null while somebody is told of changes before they are made: a snapshot. */
  readonly beforeChange: unknown
}

export class Compaction {
  readonly #host: CompactionHost
  readonly #arena: Arena
  readonly #keys: Keyspace
  readonly #strings: Strings
  readonly #structures: Numbered<Value>
  /** The entry that is looked at next. */
  #next = 0
  /** Where in its structure to go on. */
  #within = 0
  #isWalking = false
  /** Gaps when the walk began. */
  #gapBytesBefore = 0
  /** Gaps that could not be closed; less when they have become fewer since. 0 = the last walk was worth while. */
  #gapBytesLeft = 0

  constructor(host: CompactionHost, arena: Arena, keys: Keyspace, strings: Strings, structures: Numbered<Value>) {
    this.#host = host
    this.#arena = arena
    this.#keys = keys
    this.#strings = strings
    this.#structures = structures
  }

  /** True while there is something for `step` to do. */
  get isDue(): boolean {
    if (this.#host.beforeChange !== null) return false
    if (this.#isWalking) return true
    const { gapBytes, hasGaps } = this.#arena
    if (gapBytes < this.#gapBytesLeft) this.#gapBytesLeft = gapBytes
    return hasGaps && (this.#gapBytesLeft === 0 || gapBytes > this.#gapBytesLeft + WORTH_BYTES_MIN)
  }

  /** Looks at `max` entries, fewer if some are large, and moves those that are in the way. */
  step(max: number): void {
    const arena = this.#arena
    const keys = this.#keys
    assert(this.#host.beforeChange === null, 'nobody reads structures in slices')
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
    this.#gapBytesLeft = sawAll && this.#gapBytesBefore - gapBytes < WORTH_BYTES_MIN ? gapBytes : 0
  }

  /** There are chunks to be emptied, and room for what is in them. A state that is kept meanwhile ends the emptying. */
  get #isUseful(): boolean {
    return this.#arena.isEmptying && this.#arena.hasRoom
  }

  /** Bytes of an entry's string, where that lies in the block of its key. */
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
    assert(this.#digestOfKey(entry, content) === before, 'a key that is moved keeps its name and its string')
  }

  #moveStructure(entry: number): number {
    const structure = this.#structures.get(this.#keys.word(entry, VALUE))
    const isAlways = RESTLESS && structure.length < DIGESTED_LENGTH_MAX
    const isLooked = CHECKED && (isAlways || this.#next % DIGESTED_EVERY === 0)
    const before = isLooked ? digestOf(structure) : ''
    const next = structure.moveBlocks(this.#within)
    if (!isLooked) return next
    happened('structure moved')
    assert(digestOf(structure) === before, 'a structure that is moved keeps its elements (invariant 14)')
    return next
  }

  /** The key of an entry, and its string where that lies in the same block. */
  #digestOfKey(entry: number, content: number): string {
    const key = this.#keys.keyOf(entry, new Bytes())
    const string = new Bytes(key.source, this.#keys.roomStart(entry), content)
    return `${key.hash} ${digestOf(key)} ${digestOf(string)}`
  }
}
