// The state of the server: conditions under which a command may not simply run. Each condition
// begins and ends.
//
// A condition belongs to the one room that begins and ends it; any room may ask if it holds.
// `special` gathers all of them in one number. So one look at it tells that a command may run.

import { Condition } from './condition.ts'
import { Delays } from './delays.ts'
import { READ_ONLY, Refusals } from './refusals.ts'

const CLUSTERED = 1 << 14

export class ServerState {
  /** 0 while no condition holds. Only conditions write it. */
  special = 0
  readonly refusals = new Refusals(this)
  readonly delays = new Delays(this)
  /** Data is being loaded: loading.ts. */
  readonly loading = new Condition(this, 1 << 0)
  /** `maxmemory` sets a limit: eviction.ts. */
  readonly memoryLimited = new Condition(this, 1 << 1)
  /** A slow script keeps all other clients waiting: scripting/scripts.ts. */
  readonly busy = new Condition(this, 1 << 4)
  /** More keys are tracked than `tracking-table-max-keys` allows: tracking.ts. */
  readonly tracksTooMuch = new Condition(this, 1 << 7)
  /** A test has asked for faults that concern commands: faults.ts. */
  readonly faulty = new Condition(this, 1 << 11)
  /**
   * The link to the primary is down, and the settings refuse reads of data that may be out of date:
   * role.ts.
   */
  readonly stale = new Condition(this, 1 << 9)
  /** Data is being loaded beside the data that clients read: loading.ts. */
  readonly loadingBeside = new Condition(this, 1 << 10)
  /** This server is a node of a cluster, so keys may belong to another node: redirection.ts. */
  readonly clustered = new Condition(this, CLUSTERED)

  /** No condition holds but `clustered`. */
  get isOnlyClustered(): boolean {
    return this.special === CLUSTERED
  }

  /** No condition holds but `readOnly`. */
  get isOnlyReadOnly(): boolean {
    return this.special === READ_ONLY
  }
}
