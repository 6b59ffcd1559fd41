import { describe, expect, test } from 'vitest'
import type { Arguments } from '../../src/protocol/arguments.ts'
import { WordArguments } from '../../src/protocol/word-arguments.ts'

function wordsOf(args: Arguments): string[] {
  return Array.from({ length: args.length }, (_, i) => args.bytes(i).toBuffer().toString('utf8'))
}

/** Short and long ones, of one byte a character and of several. */
const TEXTS = [
  '',
  'x',
  'ü',
  'a'.repeat(16),
  'a'.repeat(17),
  '€'.repeat(30),
  'b'.repeat(10_900),
  '😀'.repeat(9000),
  'c'.repeat(40_000),
]

describe('words of a call', () => {
  test('of any length are what was said, again and again', () => {
    const words = new WordArguments()
    for (let round = 0; round < 20; round++) {
      const request = TEXTS.slice(round % TEXTS.length).concat(TEXTS)
      words.begin('COMMAND')
      for (const text of request) words.text(text)
      expect(wordsOf(words.args)).toEqual(['COMMAND', ...request])
      words.release()
    }
  })

  test('a name that is said twice running is the same word; any name may be', () => {
    const words = new WordArguments()
    for (const name of ['GET', 'GET', 'get', '', '', 'n'.repeat(40_000), 'n'.repeat(40_000), 'GET', 'ü', 'ü']) {
      words.begin(name)
      words.text('key')
      expect(wordsOf(words.args)).toEqual([name, 'key'])
      words.release()
    }
  })

  test('bytes are copied; long ones are the command’s own', () => {
    const words = new WordArguments()
    const short = Buffer.from([0, 255])
    const long = Buffer.alloc(40_000, 7)
    words.begin('SET')
    words.bytes(short)
    words.bytes(long)
    short.fill(1)
    long.fill(1)
    expect(words.args.bytes(1).toBuffer()).toEqual(Buffer.from([0, 255]))
    expect(words.args.bytes(2).toBuffer()).toEqual(Buffer.alloc(40_000, 7))
    expect([words.args.owns(1), words.args.owns(2)]).toEqual([false, true])
    expect(words.args.rawBytes).toBe(0)
  })
})
