// How long a leader may be silent, and what follows from it. The clocks of two nodes may run
// differently by up to a third.

export interface Timing {
  /** How long a leader may reply after it sent its last acknowledged record. */
  readonly leaseMs: number
  /** How often a leader writes a lease record. */
  readonly heartbeatMs: number
  /**
   * A follower that has read nothing for this long may take over. Longer than a lease, by the
   * difference that clocks may have.
   */
  readonly silenceMs: number
  /** The wait before a refused request to the log is repeated. */
  readonly retryMs: number
}

export const TIMING: Timing = { leaseMs: 2000, heartbeatMs: 500, silenceMs: 3000, retryMs: 200 }
