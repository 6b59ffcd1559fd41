// The conditions under which writes are refused.

import { Condition } from './condition.ts'

/** The bit of `readOnly`. */
export const READ_ONLY = 1 << 8

export class Refusals {
  /** The journal cannot be written: durability.ts. */
  readonly journalFailed: Condition
  /**
   * The last snapshot failed and the settings refuse writes then:
   * persistence/snapshot/background-saving.ts.
   */
  readonly saveFailed: Condition
  /**
   * Fewer replicas are up to date than `min-replicas-to-write` asks for: replication/replicas.ts.
   */
  readonly tooFewReplicas: Condition
  /**
   * The replicated log lacks a write that is older than `log-max-lag` allows:
   * effects/durability.ts.
   */
  readonly logBehind: Condition
  /** This server follows a primary, and its clients may not write: role.ts. */
  readonly readOnly: Condition

  constructor(state: { special: number }) {
    this.journalFailed = new Condition(state, 1 << 2)
    this.saveFailed = new Condition(state, 1 << 6)
    this.tooFewReplicas = new Condition(state, 1 << 12)
    this.logBehind = new Condition(state, 1 << 15)
    this.readOnly = new Condition(state, READ_ONLY)
  }
}
