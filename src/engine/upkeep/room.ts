// The upkeep: work without a request. Keys expire, memory is counted and freed, keys are evicted,
// tests ask for faults.

import { RESTLESS } from '../../util/restless.ts'
import { Eviction, type EvictionHost } from './eviction.ts'
import { Faults, type FaultsHost } from './faults.ts'
import { Memory, type MemoryHost } from './memory.ts'
import { ReplicaExpiry, type ReplicaExpiryHost } from './replica-expiry.ts'
import { type RestlessHost, RestlessHousekeeping } from './restless-housekeeping.ts'
import { TimedWork, type TimedWorkHost } from './timed-work.ts'

export type UpkeepRoomHost = TimedWorkHost & MemoryHost & EvictionHost & ReplicaExpiryHost & RestlessHost & FaultsHost

export class UpkeepRoom {
  readonly timedWork: TimedWork
  readonly memory: Memory
  readonly eviction: Eviction
  /** The keys that a writable replica expires by itself. */
  readonly replicaExpiry: ReplicaExpiry
  /** Null unless housekeeping never rests, for tests. */
  readonly restless: RestlessHousekeeping | null
  readonly #host: UpkeepRoomHost
  #faults: Faults | null = null

  /** `processBytes` measures the process; undefined where other programs share it. */
  constructor(host: UpkeepRoomHost, processBytes: (() => number) | undefined) {
    this.#host = host
    this.timedWork = new TimedWork(host)
    this.memory = new Memory(host, processBytes)
    this.replicaExpiry = new ReplicaExpiry(host)
    this.eviction = new Eviction(host)
    this.restless = RESTLESS ? new RestlessHousekeeping(host) : null
  }

  /** Null until a test asks for faults. */
  get faults(): Faults | null {
    return this.#faults
  }

  /** Returns the faults on demand, for tests; makes them at the first call. */
  withFaults(): Faults {
    this.#faults ??= new Faults(this.#host)
    return this.#faults
  }

  /** Cancels timers. */
  stop(): void {
    this.timedWork.stop()
    this.eviction.stop()
    this.memory.stop()
  }
}
