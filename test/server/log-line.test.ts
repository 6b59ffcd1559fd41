import { expect, test } from 'vitest'
import { formatLine } from '../../src/server/process/log-line.ts'

const time = Date.UTC(2026, 0, 2, 3, 4, 5, 6)

test('a line is time, level, message and details', () => {
  const line = formatLine({ time, level: 30, msg: 'is ready', address: '127.0.0.1:6379', keys: 3, data: '/my data' })
  expect(line).toBe('2026-01-02T03:04:05.006Z info is ready address=127.0.0.1:6379 keys=3 data="/my data"\n')
})

test('a line stays one line, whatever is in it', () => {
  const error = { message: 'm', stack: 'Error: m\n  at x' }
  const line = formatLine({ time, level: 50, msg: 'a\r\nb', error, s: 'c\nd' })
  expect(line).toBe('2026-01-02T03:04:05.006Z error a b error="Error: m\\n  at x" s="c\\nd"\n')
})

test('a terminal is told nothing by what clients chose', () => {
  const msg = 'red \x1b[31m, \x9b31m, \x7f, \0'
  const line = formatLine({ time, level: 30, msg, word: 'a\x1b[2Jb', text: 'a \x9b2J', error: { stack: 'E\x1b\x85' } })
  expect(line).toBe(
    '2026-01-02T03:04:05.006Z info red \\u001b[31m, \\u009b31m, \\u007f, \\u0000 word=a\\u001b[2Jb text="a \\u009b2J" error="E\\u001b\\u0085"\n',
  )
})
