// Shared bytes are handed to a connection in bounded amounts: no more at a time than it takes, or
// than other work can wait for.

import { expect, test } from 'vitest'
import type { Transport } from '../../src/engine/clients/transport.ts'
import { Sender } from '../../src/replication/sender.ts'

const ROW_BYTES = 3_000_000
const TURN_BYTES_MAX = 512 * 1024

/**
 * A sender of contiguous bytes, and its connection, which takes everything at once while it is
 * `quick`.
 */
function sending(quick: boolean) {
  const bytes = Buffer.alloc(ROW_BYTES, 'x')
  const turns: (() => void)[] = []
  const drained: (() => void)[] = []
  const sent: number[] = []
  const transport = {
    write: ({ length }: Buffer) => {
      sent.push(length)
      return quick
    },
    whenDrained: (run: () => void) => drained.push(run),
  } as unknown as Transport
  const sender = new Sender({
    transport,
    bytes: { end: ROW_BYTES, slice: (offset) => bytes.subarray(offset) },
    offset: 0,
    now: () => 0,
    later: (run) => turns.push(run),
    moved() {},
  })
  return { drained, sender, sent, turns }
}

test('a connection that takes everything is handed a bounded number of bytes in a turn', () => {
  const { sender, sent, turns } = sending(true)
  sender.pump()
  for (let handed = 0; turns.length > 0; handed = sender.offset) {
    expect(sender.offset - handed).toBeLessThanOrEqual(TURN_BYTES_MAX)
    // Called again within the turn, it still waits for the next one.
    sender.pump()
    expect(turns).toHaveLength(1)
    turns.shift()!()
  }
  expect(sent.reduce((sum, length) => sum + length)).toBe(ROW_BYTES)
  expect(sender.waits).toBe(false)
})

test('a connection that is slow is handed the next bytes when it has taken the ones before', () => {
  const { drained, sender, sent, turns } = sending(false)
  sender.pump(700_000)
  expect([sent.length, drained.length, sender.neededFrom]).toEqual([1, 1, 0])
  drained.shift()!()
  expect(sent.reduce((sum, length) => sum + length)).toBe(700_000)
  expect(sender.waits).toBe(true)
  sender.stop()
  drained.shift()!()
  expect([sent.length, turns.length]).toEqual([2, 0])
})
