// Work that waits for a quiet moment of the loop.

import { expect, test } from 'vitest'
import { whenIdle } from '../../src/util/time/idle-work.ts'
import { eventually } from '../support/server.ts'

test('waits as long as the loop has much to do', async () => {
  const shares = [1, 0.5, 0.05]
  let ran = 0
  whenIdle(
    () => ran++,
    () => {
      expect(ran).toBe(0)
      return shares.shift()!
    },
  )
  await eventually(() => ran > 0)
  expect([ran, shares]).toEqual([1, []])
})

test('a loop that only waits is quiet; what was called off does not run', async () => {
  const ran: string[] = []
  const callOff = whenIdle(() => ran.push('never'))
  whenIdle(() => ran.push('soon'))
  callOff()
  await eventually(() => ran.length > 0)
  expect(ran).toEqual(['soon'])
})
