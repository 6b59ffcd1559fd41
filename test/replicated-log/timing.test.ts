// The durations of leases, and the assumption about clocks that they rest on.

import { expect, onTestFinished, test } from 'vitest'
import { assertTiming, CLOCK_DRIFT, silenceOf, TIMING } from '../../src/replicated-log/timing.ts'
import { TestClient } from '../support/engine.ts'
import { Cluster } from './cluster.ts'

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

/**
 * A leader with a slow clock stands still until a node with a fast one leads and has another value.
 * Returns the reply of the former leader at the moment when it goes on.
 */
async function saidByFormerLeader(slow: number, fast: number): Promise<string> {
  const cluster = new Cluster()
  onTestFinished(() => cluster.stop())
  const first = cluster.start('slow', undefined, slow)
  expect(await cluster.leader()).toBe(first)
  const second = cluster.start('fast', undefined, fast)
  await cluster.pass(500)
  await cluster.ask(first, 'SET', 'key', 'old')
  const client = new TestClient(first.engine, 2)
  first.clock.pause()
  for (let waitedMs = 0; second.node?.state !== 'leading' && waitedMs < 2000; waitedMs += 5) await cluster.pass(5)
  expect(await cluster.ask(second, 'SET', 'key', 'new')).toBe('+OK\r\n')
  first.clock.resume()
  return client.ask('GET', 'key')
}

test('a leader that stood still answers nothing old, whose clock is almost as slow as is assumed', async () => {
  expect(await saidByFormerLeader(0.87, 1.13)).not.toContain('old')
  expect(await saidByFormerLeader(1, 1 + CLOCK_DRIFT - 0.01)).not.toContain('old')
})

test('the assumption is needed: clocks that differ by more let it answer what is old', async () => {
  expect(await saidByFormerLeader(0.4, 1.6)).toContain('old')
})
