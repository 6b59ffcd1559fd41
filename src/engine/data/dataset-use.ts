// The use of keys in all databases: how it is measured, and how often keys were found.

import type { KeyUse } from '../../store/keyspace/database-host.ts'
import type { UnitClock } from '../upkeep/unit-clock.ts'

export class DatasetUse implements KeyUse {
  frequency: ((frequency: number, accessWord: number) => number) | null = null
  touches = true
  hits = 0
  misses = 0
  readonly #unitClock: UnitClock

  constructor(unitClock: UnitClock) {
    this.#unitClock = unitClock
  }

  get accessSeconds(): number {
    return this.#unitClock.seconds
  }
}
