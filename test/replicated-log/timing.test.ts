// The durations of leases, and the assumption about clocks that they rest on.

import { expect, test } from 'vitest'
import { assertTiming, CLOCK_DRIFT, silenceOf, TIMING } from '../../src/replicated-log/timing.ts'

test('a lease by the slowest clock has ended before a silence by the fastest clock', () => {
  for (const leaseMs of [TIMING.leaseMs, TIMING.leaseMsMax]) {
    // The rates of two clocks are 1 and 1 + CLOCK_DRIFT at most.
    expect(silenceOf(leaseMs) / (1 + CLOCK_DRIFT)).toBeGreaterThan(leaseMs)
  }
})

test('durations that do not fit each other are refused', () => {
  expect(() => assertTiming(TIMING)).not.toThrow()
  expect(() => assertTiming({ ...TIMING, leaseMs: TIMING.leaseMsMax + 1 })).toThrow('longer than the longest')
  expect(() => assertTiming({ ...TIMING, heartbeatMs: TIMING.leaseMs / 2 })).toThrow('renewed before it ends')
  expect(() => assertTiming({ ...TIMING, retryMs: TIMING.leaseMs / 2 })).toThrow('asked again')
})
