// How long a leader may be silent, and what follows from it.
//
// No node may take over while a lease runs. A lease runs from the sending of a record, by the clock
// of the leader; the silence runs from the reading of that record, which is later, by the clock of
// the follower. So this is assumed, and nothing else:
//
//   The clocks of two nodes run at rates that differ by less than CLOCK_DRIFT. Real ones differ by
//   less than a thousandth. Where both clocks of a leader stand still (a virtual machine that is
//   paused with them), its reads may be as old as the pause, and its writes are refused by the log.
//
// Nothing is assumed of pauses, of delays on the way to the log, or of the scheduler. A leader that
// stalls has no lease when it goes on, and a follower that stalls takes over later. A silence that is
// short costs changes of the leader that were not needed, never an answer that is not true.
//
// The leader writes the length of its lease into its records, and followers wait for the silence
// that belongs to it. So nodes whose versions have other durations may be on one log.

import { assert } from '../util/assert.ts'

export interface Timing {
  /** How long a leader may reply after it sent its last acknowledged record. */
  readonly leaseMs: number
  /** The longest lease of a leader that does not tell, or that is not known. */
  readonly leaseMsMax: number
  /** How often a leader writes a lease record. */
  readonly heartbeatMs: number
  /** The wait before a refused request to the log is repeated. */
  readonly retryMs: number
}

/**
 * A lease outlasts a delay of two heartbeats and the sync of a slow disk. The durations were 2 s and
 * 500 ms before, and records of that time do not tell.
 */
export const TIMING: Timing = { leaseMs: 900, leaseMsMax: 2000, heartbeatMs: 200, retryMs: 100 }

/** The rates of two clocks differ by less than this part. */
export const CLOCK_DRIFT = 1 / 3
/** A silence is this much longer than the lease that it outlasts. */
const SILENCE_PER_LEASE = 1.5

/** A follower that has read nothing for this long may take over from a leader with that lease. */
export function silenceOf(leaseMs: number): number {
  const silenceMs = SILENCE_PER_LEASE * leaseMs
  assert(silenceMs > leaseMs * (1 + CLOCK_DRIFT), 'a silence outlasts a lease, by the most that two clocks differ')
  return silenceMs
}

/** Checks durations that fit each other. */
export function assertTiming({ heartbeatMs, leaseMs, leaseMsMax, retryMs }: Timing): void {
  assert(leaseMs > 0 && leaseMs <= leaseMsMax, 'no lease is longer than the longest')
  assert(2 * heartbeatMs < leaseMs, 'a lease is renewed before it ends, even if one renewal is lost')
  assert(retryMs < silenceOf(leaseMs) - leaseMs, 'the log is asked again before another node takes over')
}
