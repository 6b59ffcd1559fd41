// When the disk was in step last: the end of the last sync, and the age of the oldest bytes that
// no sync covers. The clock is read once a turn that leaves such bytes, and once a sync.

import type { JournalTimes } from '../../engine/effects/journal.ts'
import type { Clock } from '../../util/time/clock.ts'

export class SyncTimes implements JournalTimes {
  readonly #clock: Clock
  // All by the monotonic clock.
  #endedMs: number | undefined = undefined
  #beganMs = 0
  #oldestMs: number | undefined = undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get sinceSyncMs(): number | undefined {
    return this.#endedMs === undefined ? undefined : this.#clock.monotonic() - this.#endedMs
  }

  get unsyncedForMs(): number | undefined {
    return this.#oldestMs === undefined ? undefined : this.#clock.monotonic() - this.#oldestMs
  }

  /** There are bytes that no sync covers. */
  noteBytes(): void {
    this.#oldestMs ??= this.#clock.monotonic()
  }

  noteBegin(monotonicMs: number): void {
    this.#beganMs = monotonicMs
  }

  /** A sync has succeeded. Bytes that it does not cover are as old as its beginning, at most. */
  noteEnd(isBehind: boolean): void {
    this.#endedMs = this.#clock.monotonic()
    this.#oldestMs = isBehind ? this.#beganMs : undefined
  }
}
