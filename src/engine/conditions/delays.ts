// The conditions under which a request is postponed: every request, or one that concerns certain
// keys.

import { Condition } from './condition.ts'

export class Delays {
  /** CLIENT PAUSE, a failover, a shutdown: pause.ts. */
  readonly paused: Condition
  /**
   * A snapshot may have large values to write, and a client that changes one waits:
   * persistence/snapshot/background-saving.ts.
   */
  readonly snapshot: Condition
  /** Some keys are frozen, and a client that changes one waits: frozen-keys.ts. */
  readonly keysHeld: Condition

  constructor(state: { special: number }) {
    this.paused = new Condition(state, 1 << 3)
    this.snapshot = new Condition(state, 1 << 5)
    this.keysHeld = new Condition(state, 1 << 13)
  }
}
