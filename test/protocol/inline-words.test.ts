import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Arguments } from '../../src/protocol/arguments.ts'
import { readPlainWords, splitInline } from '../../src/protocol/inline-words.ts'
import { Source } from '../../src/util/bytes/bytes.ts'

/** The words that the windows show, undefined where they were not moved. */
function plainWords(line: string): string[] | undefined {
  const args = new Arguments()
  const source = new Source(Buffer.from(`##${line}##`, 'latin1'))
  if (!readPlainWords(args, source, 2, 2 + line.length)) return undefined
  return Array.from({ length: args.length }, (_, i) => args.string(i))
}

describe('splitInline reads words as redis-cli and redis.conf write them', () => {
  const cases: [string, string[] | undefined][] = [
    ['', []],
    ['   ', []],
    ['a b\tc', ['a', 'b', 'c']],
    // Skipped in front of a word, a part of it behind its first letter.
    ['\va\vb \fc\f', ['a\vb', 'c\f']],
    ['a\rb', ['a', 'b']],
    ['"a"\vb', ['a', 'b']],
    ['""', ['']],
    ["''", ['']],
    ['"\\n\\r\\t\\b\\a\\\\\\q"', ['\n\r\t\b\x07\\q']],
    ['"\\x00\\xff\\xFg"', ['\0\xffxFg']],
    ["'\\n\\''", ["\\n'"]],
    ['a"b c"', ['ab c']],
    ['"a" "b"', ['a', 'b']],
    ['"a"b', undefined],
    ['"', undefined],
    ['"a\\', undefined],
    ["'a\\'", undefined],
  ]
  for (const [line, words] of cases) {
    test(JSON.stringify(line), () => expect(splitInline(line)).toEqual(words))
  }
})

describe('readPlainWords moves windows over the words of a line', () => {
  test('as splitInline reads them, unless there are quotes', () => {
    const letters = fc.constantFrom('a', 'B', '7', ' ', '\t', '\v', '\f', '\r', '\\', '\xff', '"', "'")
    fc.assert(
      fc.property(fc.string({ unit: letters, maxLength: 12 }), (line) => {
        expect(plainWords(line)).toEqual(/["']/.test(line) ? undefined : splitInline(line))
      }),
    )
  })

  test('a window that is moved forgets the hash of what it showed', () => {
    const args = new Arguments()
    args.window(0).hash = 17
    readPlainWords(args, new Source(Buffer.from('PING')), 0, 4)
    expect(args.bytes(0).hash).toBe(0)
  })
})
