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
  /** The time of the data: expiry, timeouts and TIME read it. Default: the machine's. */
  clock?: Clock
  /**
   * The time that the engine's own work takes, with its pauses: the disk's, memory's, a script's.
   * Default: as `clock`.
   */
  workClock?: Clock
  random?: Random
  /** Default: drawn from the system's entropy. */
  hashKey?: HashKey
  log?: Log
  /**
   * Returns the bytes that the process holds, where the process is the engine's own. Default: used
   * memory is only the bytes that the engine counts.
   */
  processBytes?: () => number
  /**
   * True when the event loop serves this engine's clients alone. Then the loop may wait for the
   * disk, if all clients would. Default: false.
   */
  ownsLoop?: boolean
  /** Calls a function after the events of this turn of the loop; default `setImmediate`. */
  later?: (run: () => void) => void
}
