import { expect, test } from 'vitest'
import { LineReader } from '../../src/protocol/line-reader.ts'

test('lines are read whole, cut anywhere, with the bytes behind them left alone', () => {
  const bytes = Buffer.from('+OK\r\n\n-no\nrest', 'latin1')
  for (let cut = 0; cut <= bytes.length; cut++) {
    const lines: string[] = []
    const reader = new LineReader(10)
    for (const piece of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
      for (let at = 0; at < piece.length && at !== -1; ) {
        at = reader.feed(piece, at)
        if (at !== -1) lines.push(reader.line)
      }
    }
    expect(lines).toEqual(['+OK', '', '-no'])
    expect(reader.isCut).toBe(false)
  }
})

test('of a line that is too long the beginning is kept', () => {
  const reader = new LineReader(4)
  expect(reader.feed(Buffer.from('1234'), 0)).toBe(-1)
  expect(reader.isCut).toBe(false)
  expect(reader.feed(Buffer.from('5'), 0)).toBe(-1)
  expect(reader.isCut).toBe(true)
  expect(reader.feed(Buffer.from('6\nab\n'), 0)).toBe(2)
  expect(reader.line).toBe('1234')
  expect(reader.isCut).toBe(true)
  expect(reader.feed(Buffer.from('6\nab\n'), 2)).toBe(5)
  expect(reader.line).toBe('ab')
  expect(reader.isCut).toBe(false)
})
