// The pace of an audit beside clients: a slice of a millisecond, then the loop's other work.
//
// - Commands come in at every turn: it rests until it takes a fifth of the time.
// - Commands came in since the last slice, but not at every turn: the loop sleeps for a
//   millisecond.
// - No commands came in: the next slice follows at once.
//
// One command of the log is replayed in one go, as it was when its client sent it.

import type { Clock } from '../../util/time/clock.ts'
import type { ReplayPace } from '../log/replay.ts'

/** Duration of a slice. */
const SLICE_MS = 1
/** Rest after a slice while commands come in at every turn, in slices. */
const REST_SLICES = 4
/** Commands between two looks at the clock. */
const COMMANDS_PER_LOOK = 8
/** Bytes of a snapshot that are parsed in one go: some tenths of a millisecond. */
const CHUNK_BYTES = 16 * 1024

export interface PaceOptions {
  readonly workClock: Clock
  readonly stats: { readonly commandsProcessed: number }
  /** Runs a function after the events of this turn of the loop. */
  readonly later: (run: () => void) => void
  /** Runs a function after a rest in which the loop may sleep. */
  readonly rested: (run: () => void) => void
  /** Called after each slice; its exception ends the work. */
  readonly check: () => void
}

export class Pace implements ReplayPace {
  readonly sliceMs = SLICE_MS
  readonly commandsPerLook = COMMANDS_PER_LOOK
  readonly chunkBytes = CHUNK_BYTES
  /** Slices so far, and the longest of them. */
  slices = 0
  longestSliceMs = 0
  readonly #options: PaceOptions
  #beganMs: number

  constructor(options: PaceOptions) {
    this.#options = options
    this.#beganMs = options.workClock.monotonic()
  }

  /** Begins a slice: the loop was free until now. */
  begin(): void {
    this.#beganMs = this.#options.workClock.monotonic()
  }

  /** True when the slice is over; asked between two pieces of work. */
  get isOver(): boolean {
    return this.#options.workClock.monotonic() - this.#beganMs >= SLICE_MS
  }

  /** Rests, if the slice is over. */
  async rest(): Promise<void> {
    const { check, later, workClock, rested, stats } = this.#options
    const endMs = workClock.monotonic()
    const tookMs = endMs - this.#beganMs
    if (tookMs < SLICE_MS) return
    this.slices++
    if (tookMs > this.longestSliceMs) this.longestSliceMs = tookMs
    const served = stats.commandsProcessed
    let seen = served
    do {
      seen = stats.commandsProcessed
      await new Promise<void>((resolve) => later(resolve))
    } while (stats.commandsProcessed !== seen && workClock.monotonic() - endMs < REST_SLICES * tookMs)
    if (stats.commandsProcessed !== served) await new Promise<void>((resolve) => rested(resolve))
    check()
    this.#beganMs = workClock.monotonic()
  }
}
