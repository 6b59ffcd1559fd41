// The surroundings of an engine: time, chance, the log and the event loop. A test may hand in each.

import { Random } from '../util/numbers/random.ts'
import { type Clock, systemClock } from '../util/time/clock.ts'
import { nextTick, setImmediate } from '../util/time/real-time.ts'
import type { EngineOptions } from './engine-options.ts'
import { type Log, silentLog } from './log.ts'
import { UnitClock } from './upkeep/unit-clock.ts'

export class Environment {
  /** The time of the data. */
  readonly clock: Clock
  /** The time that the engine's own work takes. */
  readonly workClock: Clock
  /** The time as a unit sees it: one reading of `clock`. */
  readonly unitClock: UnitClock
  readonly random: Random
  readonly log: Log
  /** 40 hexadecimal digits, new at each start. */
  readonly runId: string
  readonly startedMs: number
  /** True when the event loop serves this engine's clients alone. */
  readonly ownsLoop: boolean
  /** Calls a function after the events of this turn of the loop. */
  readonly later: (run: () => void) => void
  /** Runs something before the loop goes on, behind what runs now. */
  readonly soon: (run: () => void) => void

  constructor(options: EngineOptions) {
    this.clock = options.clock ?? systemClock
    this.workClock = options.workClock ?? this.clock
    this.unitClock = new UnitClock(this.clock)
    this.random = options.random ?? new Random()
    this.log = options.log ?? silentLog
    // Two engines get two ids, even when tests give both the same seeded `random`.
    this.runId = new Random().hex(40)
    this.startedMs = this.clock.now()
    this.ownsLoop = options.ownsLoop === true
    this.later = options.later ?? ((run) => setImmediate(run))
    this.soon = options.later ?? ((run) => nextTick(run))
  }
}
