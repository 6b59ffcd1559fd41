// How long a group of writes waits for company: never for ever.

import { expect, test } from 'vitest'
import { CommitPace } from '../../src/persistence/log/commit-pace.ts'
import { SimWorld } from '../replicated-log/sim-clock.ts'

test('a group that waits for company goes when the timer has run, however early that was', async () => {
  const world = new SimWorld()
  const early = {
    now: () => world.now(),
    monotonic: () => world.monotonic(),
    after: (delayMs: number, run: () => void) => world.after(Math.trunc(delayMs), run),
  }
  let verdict = ''
  const pace = new CommitPace(early, false, () => {
    verdict = pace.verdict(3)
  })
  pace.syncedAside(60, 10)
  // The first look finds somebody, the second nobody more.
  expect([pace.verdict(3), pace.verdict(3)]).toEqual(['looks', 'waits'])
  await world.runTo(10)
  expect(verdict).toBe('goes')
})

test('company is waited for as long as half a sync takes', async () => {
  const world = new SimWorld()
  const pace = new CommitPace(world, false, () => {})
  for (let i = 0; i < 100; i++) pace.syncedAside(3, 10)
  expect([pace.verdict(3), pace.verdict(3)]).toEqual(['looks', 'waits'])
  await world.runTo(1.4)
  expect(pace.verdict(3)).toBe('waits')
  await world.runTo(1.6)
  expect(pace.verdict(3)).toBe('goes')
})
