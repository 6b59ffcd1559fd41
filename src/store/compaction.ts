// Closing the gaps that removed values leave in the arena.
//
// Slabs serve one size of blocks each. Where values of another size take the place
// of those that were there, the old slabs stay in memory half empty, and no slab
// goes back to the system before its chunk is empty. So when gaps have become much,
// the arena chooses chunks to be emptied, and one walk over the entries moves the
// blocks of keys, with the strings in them, out of those chunks. Who looks at a key
// does so by its entry, so nobody notices. Large strings lie in no chunk.
//
// Blocks of structures stay where they are: a chunk that has some stays, too, and
// takes new blocks again when the walk is over.

import type { Arena } from './arena.ts'
import { TYPE_MASK } from './entry-meta.ts'
import { KEY, type Keyspace, META } from './keyspace.ts'
import type { Strings } from './strings.ts'
import { TYPE_STRING } from './value.ts'

/** A walk that closes fewer gaps was not worth while: the next one waits until there are so many bytes more of them. */
const WORTH_BYTES_MIN = 8 * 1024 * 1024

export class Compaction {
  readonly #arena: Arena
  readonly #keys: Keyspace
  readonly #strings: Strings
  /** The entry that is looked at next. */
  #next = 0
  #isWalking = false
  /** Gaps when the walk began. */
  #gapBytesBefore = 0
  /** Gaps that could not be closed; less when they have become fewer since. 0 = the last walk was worth while. */
  #gapBytesLeft = 0

  constructor(arena: Arena, keys: Keyspace, strings: Strings) {
    this.#arena = arena
    this.#keys = keys
    this.#strings = strings
  }

  /** True while there is something for `step` to do. */
  get isDue(): boolean {
    if (this.#isWalking) return true
    const { gapBytes, hasGaps } = this.#arena
    if (gapBytes < this.#gapBytesLeft) this.#gapBytesLeft = gapBytes
    return hasGaps && (this.#gapBytesLeft === 0 || gapBytes > this.#gapBytesLeft + WORTH_BYTES_MIN)
  }

  /** Looks at `max` entries, and moves those that are in the way. */
  step(max: number): void {
    const arena = this.#arena
    const keys = this.#keys
    if (!this.#isWalking) {
      if (keys.isFilling || !arena.beginEmptying()) {
        this.#gapBytesLeft = arena.gapBytes
        return
      }
      this.#isWalking = true
      this.#gapBytesBefore = arena.gapBytes
      this.#next = 0
    }
    const end = Math.min(keys.entriesEnd, this.#next + max)
    for (; this.#next < end && this.#isUseful; this.#next++) {
      const ref = keys.word(this.#next, KEY)
      if (ref > 0 && arena.isLeaving(ref)) keys.moveBlock(this.#next, this.#contentBytes(this.#next))
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
    const isString = (this.#keys.word(entry, META) & TYPE_MASK) === TYPE_STRING
    return isString && !this.#strings.isLarge(entry) ? this.#strings.lengthOf(entry) : 0
  }
}
