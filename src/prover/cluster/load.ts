// A part of the load on a cluster under test, in one round: clients that use it, and what must be
// there afterwards.

import type { TrialProcess } from './trial-process.ts'

export interface Load {
  start(): void
  /** Stops requests until `goOn`, and resolves when all clients have their replies. */
  fallQuiet(): Promise<void>
  goOn(): void
  /** Ends the clients when they have their replies. */
  stop(): Promise<void>
  /**
   * Returns the contradictions between the replies that clients got and the contents of the cluster,
   * which is well and has no other clients then. All of these brokers have the keys.
   */
  problems(brokers: readonly TrialProcess[]): Promise<string[]>
  /** The keys to remove in the end. */
  readonly keys: readonly string[]
}
