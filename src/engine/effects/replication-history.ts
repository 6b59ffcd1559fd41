// The history of the data and its offset, which a replica and its primary compare.
//
// A history has an id, and each byte that is sent to replicas advances its offset. A replica that
// is promoted begins a history of its own. It remembers the one that it shared with the other
// replicas up to that offset (PSYNC2), so that these can go on from where they are.

import type { Bytes } from '../../util/bytes/bytes.ts'
import type { Random } from '../../util/numbers/random.ts'

/** The id of no history. */
export const NO_HISTORY = '0'.repeat(40)

/**
 * An offset of a history, and the database that its stream had selected: enough to go on from
 * there.
 */
export interface HistoryPosition {
  readonly id: string
  readonly offset: number
  readonly database: number
}

/** A key in the files whose time was up, so that it was not loaded. */
export interface DroppedKey {
  readonly database: number
  readonly key: Bytes
}

/**
 * The position of the data in the files. `dropped` keys are missing in memory: a replica that goes
 * on from there is told of them first.
 */
export interface FoundPosition extends HistoryPosition {
  readonly dropped?: readonly DroppedKey[]
  /** Bytes of the stream that told of earlier dropped keys, which no backlog has. */
  readonly forgottenBytes?: number
}

export class ReplicationHistory {
  /** 40 hexadecimal digits. */
  id: string
  /** Bytes of the stream so far, with those before this process. */
  offset = 0
  /** The history that this one goes on from, NO_HISTORY when there is none. */
  secondId = NO_HISTORY
  /** The first offset that the second history does not share; -1 without one. */
  secondOffset = -1
  /** The position that the loaded files name. */
  found: FoundPosition | undefined = undefined
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
    this.id = random.hex(40)
  }

  /** Begins a new history that no other server shares. No replica can go on from its own data. */
  beginAnew(): void {
    this.id = this.#random.hex(40)
    this.#forgetSecond()
  }

  /**
   * Goes on from the position of an earlier process, under a new id. Replicas that shared its
   * history may go on, too.
   */
  resume({ id, offset, forgottenBytes = 0 }: FoundPosition): void {
    this.secondId = id
    this.secondOffset = offset + 1
    this.offset = offset + forgottenBytes
  }

  /** Begins a history that goes on from this one: a replica is promoted. */
  fork(): void {
    this.secondId = this.id
    this.secondOffset = this.offset + 1
    this.id = this.#random.hex(40)
  }

  /** Takes over a primary's history at the offset of its data. */
  adopt(id: string, offset: number): void {
    this.id = id
    this.offset = offset
    this.#forgetSecond()
  }

  /** Takes the new id of a primary that was promoted: our history becomes the second one. */
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
