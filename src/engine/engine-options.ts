// The parts of an engine that a program, or a test, may hand in.

import type { Config } from '../config/config.ts'
import type { Random } from '../util/numbers/random.ts'
import type { HashKey } from '../util/tables/keyed-hash.ts'
import type { Clock } from '../util/time/clock.ts'
import type { Log } from './log.ts'
import type { CommandCatalog } from './spec/command-catalog.ts'

export interface EngineOptions {
  commands: CommandCatalog
  config?: Config
  /** The time that the data is in: when keys expire, who has waited long enough, what TIME says. Default: the machine's. */
  clock?: Clock
  /** The time that work takes, its pauses included: the disk's, memory's, a script's. Default: as `clock`. */
  workClock?: Clock
  random?: Random
  /** Default: drawn from the system's entropy. */
  hashKey?: HashKey
  log?: Log
  /** Tells what the process holds, where it is the engine's own; default: only what the engine counts itself is used memory. */
  processBytes?: () => number
  /** The event loop serves nobody but this engine's clients: it may wait for the disk where all of them would. Default false. */
  ownsLoop?: boolean
  /** Runs something after the events of this turn of the loop; default setImmediate. */
  later?: (run: () => void) => void
}
