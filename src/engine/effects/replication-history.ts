// Which history of changes this data has lived, and how far it has got: what a replica and its primary compare.
//
// A history has an id, and every byte that is sent to replicas advances its offset. Who
// was a replica and is promoted begins a history of its own, and remembers the
// one it shared with the others up to that point (PSYNC2), so that they may go
// on from where they are.

import type { Bytes } from '../../util/bytes/bytes.ts'
import type { Random } from '../../util/numbers/random.ts'

/** The id of no history. */
export const NO_HISTORY = '0'.repeat(40)

/** A state of a history, and the database that its stream had selected: enough to go on from there. */
export interface HistoryPosition {
  readonly id: string
  readonly offset: number
  readonly database: number
}

/** A key that was left out while the data was loaded: it is in the files, and its time was up. */
export interface DroppedKey {
  readonly database: number
  readonly key: Bytes
}

/** What the files say the data is, and what it has not of that: who goes on from there is told first. */
export interface FoundPosition extends HistoryPosition {
  readonly dropped?: readonly DroppedKey[]
  /** Bytes of the stream that told of keys dropped before those, of which no backlog is kept. */
  readonly forgottenBytes?: number
}

export class ReplicationHistory {
  /** 40 hexadecimal digits. */
  id: string
  /** Bytes of the stream so far, those before this process included. */
  offset = 0
  /** The history that this one goes on from, NO_HISTORY when there is none. */
  secondId = NO_HISTORY
  /** The first offset that is not in it any more; -1 without one. */
  secondOffset = -1
  /** What the files say the data that was loaded from them is. */
  found: FoundPosition | undefined = undefined
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
    this.id = random.hex(40)
  }

  /** Begins a history that nobody shares: what anybody else has is of no use for going on. */
  beginAnew(): void {
    this.id = this.#random.hex(40)
    this.#forgetSecond()
  }

  /** Goes on from where an earlier process stopped, under an id of our own: who shared that history may go on, too. */
  resume({ id, offset, forgottenBytes = 0 }: FoundPosition): void {
    this.secondId = id
    this.secondOffset = offset + 1
    this.offset = offset + forgottenBytes
  }

  /** Begins a history of its own that goes on from this one: a replica is promoted. */
  fork(): void {
    this.secondId = this.id
    this.secondOffset = this.offset + 1
    this.id = this.#random.hex(40)
  }

  /** Takes over a primary's history at the offset of the data that came from it. */
  adopt(id: string, offset: number): void {
    this.id = id
    this.offset = offset
    this.#forgetSecond()
  }

  /** The primary we follow was promoted: our history becomes the second one. */
  continueAs(id: string): void {
    if (id === this.id) return
    this.secondId = this.id
    this.secondOffset = this.offset + 1
    this.id = id
  }

  #forgetSecond(): void {
    this.secondId = NO_HISTORY
    this.secondOffset = -1
  }
}
