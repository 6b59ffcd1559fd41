// How long a leader may be silent, and what follows from it. One clock's seconds are taken to be another's within a third.

export interface Timing {
  /** For so long from the sending of its last acknowledged record a leader answers. */
  readonly leaseMs: number
  /** So often a leader says that it leads. */
  readonly heartbeatMs: number
  /** Who has read nothing for so long may take over. Longer than a lease, by what clocks may differ. */
  readonly silenceMs: number
  /** What the log has refused is tried again. */
  readonly retryMs: number
}

export const TIMING: Timing = { leaseMs: 2000, heartbeatMs: 500, silenceMs: 3000, retryMs: 200 }
