// What surrounds an engine: time, chance, the log and the event loop. All of it may be handed in, so a test owns it.

import { Random } from '../util/numbers/random.ts'
import { type Clock, systemClock } from '../util/time/clock.ts'
import { nextTick, setImmediate } from '../util/time/real-time.ts'
import type { EngineOptions } from './engine-options.ts'
import { type Log, silentLog } from './log.ts'
import { UnitClock } from './upkeep/unit-clock.ts'

export class Environment {
  /** The time that the data is in. */
  readonly clock: Clock
  /** The time that work takes. */
  readonly workClock: Clock
  /** The time as a unit sees it: one reading of `clock`. */
  readonly unitClock: UnitClock
  readonly random: Random
  readonly log: Log
  /** 40 hexadecimal digits, new at each start. */
  readonly runId: string
  readonly startedMs: number
  /** The event loop serves this engine's clients only. */
  readonly ownsLoop: boolean
  /** Runs something after the events of this turn of the loop. */
  readonly later: (run: () => void) => void
  /** Runs something before the loop goes on, behind what runs now. */
  readonly soon: (run: () => void) => void

  constructor(options: EngineOptions) {
    this.clock = options.clock ?? systemClock
    this.workClock = options.workClock ?? this.clock
    this.unitClock = new UnitClock(this.clock)
    this.random = options.random ?? new Random()
    this.log = options.log ?? silentLog
    // A test may have seeded `random`. Two engines still get two names.
    this.runId = new Random().hex(40)
    this.startedMs = this.clock.now()
    this.ownsLoop = options.ownsLoop === true
    this.later = options.later ?? ((run) => setImmediate(run))
    this.soon = options.later ?? ((run) => nextTick(run))
  }
}
