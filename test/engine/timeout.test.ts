import { expect, test } from 'vitest'
import { createEngine } from '../support/engine.ts'

test.each([
  ['nan', '-ERR timeout is not a float or out of range\r\n'],
  ['1e', '-ERR timeout is not a float or out of range\r\n'],
  ['', '-ERR timeout is not a float or out of range\r\n'],
  ['-1', '-ERR timeout is negative\r\n'],
  ['-1e400', '-ERR timeout is negative\r\n'],
  ['-inf', '-ERR timeout is negative\r\n'],
  ['1e18', '-ERR timeout is out of range\r\n'],
  ['1e400', '-ERR timeout is out of range\r\n'],
  ['inf', '-ERR timeout is out of range\r\n'],
])('a timeout of %j is refused', (timeout, error) => {
  expect(createEngine().connect().ask('BLPOP', 'k', timeout)).toBe(error)
})

test.each([
  ['0', undefined],
  ['-0.0001', undefined],
  ['0.001', 1],
  ['0x1p-1', 500],
  // Less than any double, but not nothing.
  ['1e-400', 1],
])('a timeout of %j lasts %s ms', (timeout, lastsMs) => {
  const { clock, connect } = createEngine()
  const client = connect()
  expect(client.ask('BLPOP', 'k', timeout)).toBe('')
  clock.advance((lastsMs ?? 1e9) - 1)
  expect(client.received()).toBe('')
  clock.advance(1)
  expect(client.received()).toBe(lastsMs === undefined ? '' : '*-1\r\n')
})
