import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Bytes } from '../../src/util/bytes/bytes.ts'
import { Glob, globMatch } from '../../src/util/bytes/glob.ts'

/** The same rules, written down as slowly as possible: every star tries every length. */
function naiveMatch(pattern: string, text: string): boolean {
  return text === '' ? pattern === '' : naiveFrom(pattern, text)
}

function naiveFrom(pattern: string, text: string): boolean {
  if (pattern === '') return text === ''
  if (pattern[0] === '*') return naiveFrom(pattern.slice(1), text) || (text !== '' && naiveFrom(pattern, text.slice(1)))
  if (text === '') return false
  const { accepts, rest } = naiveElement(pattern)
  return accepts(text[0]!) && naiveFrom(rest, text.slice(1))
}

function naiveElement(pattern: string): { accepts: (char: string) => boolean; rest: string } {
  if (pattern[0] === '?') return { accepts: () => true, rest: pattern.slice(1) }
  if (pattern[0] === '\\' && pattern.length > 1) return { accepts: (c) => c === pattern[1], rest: pattern.slice(2) }
  if (pattern[0] !== '[') return { accepts: (c) => c === pattern[0], rest: pattern.slice(1) }
  let rest = pattern.slice(1)
  const negated = rest[0] === '^'
  if (negated) rest = rest.slice(1)
  const ranges: [number, number][] = []
  const signed = (char: string) => (char.charCodeAt(0) << 24) >> 24
  while (rest !== '' && rest[0] !== ']') {
    if (rest[0] === '\\' && rest.length > 1) {
      ranges.push([signed(rest[1]!), signed(rest[1]!)])
      rest = rest.slice(2)
    } else if (rest.length > 2 && rest[1] === '-') {
      ranges.push([signed(rest[0]!), signed(rest[2]!)])
      rest = rest.slice(3)
    } else {
      ranges.push([signed(rest[0]!), signed(rest[0]!)])
      rest = rest.slice(1)
    }
  }
  const accepts = (c: string) =>
    ranges.some(([a, b]) => signed(c) >= Math.min(a, b) && signed(c) <= Math.max(a, b)) !== negated
  return { accepts, rest: rest.slice(1) }
}

describe('answers as redis-server does', () => {
  test.each([
    ['*', 'anything', true],
    ['', '', true],
    ['', 'a', false],
    ['h?llo', 'hello', true],
    ['h?llo', 'hllo', false],
    ['h[ae]llo', 'hallo', true],
    ['h[^e]llo', 'hello', false],
    ['h[a-c]llo', 'hbllo', true],
    ['h[c-a]llo', 'hbllo', true],
    ['a*c*e', 'abcde', true],
    ['a*c*e', 'abcd', false],
    ['a**', 'a', true],
    ['\\*', '*', true],
    ['\\*', 'x', false],
    ['a\\', 'a\\', true],
    ['[\\]]', ']', true],
    ['[]', ']', false],
    ['[^]', 'x', true],
    ['[^]', 'xy', false],
    ['[ab', 'b', true],
    ['[', '[', false],
    ['[a-', '-', true],
    ['[a-]', '_', true],
    ['*\xff', 'a\xff', true],
  ])('%j on %j is %j', (pattern, text, expected) => {
    expect(globMatch(pattern, text)).toBe(expected)
  })

  test('the empty text matches only the empty pattern, not even a star', () => {
    expect(['*', '**', '?', '[^a]'].map((pattern) => globMatch(pattern, ''))).toEqual([false, false, false, false])
    expect(new Glob('*').isEverything).toBe(true)
    expect(new Glob('**').isEverything).toBe(false)
  })

  test('bytes are signed in a range, so that one reaching across 127 turns around', () => {
    expect(globMatch('[a-\xff]', 'b')).toBe(false)
    expect(globMatch('[a-\xff]', '\x05')).toBe(true)
    expect(globMatch('[\x80-\xff]', '\x90')).toBe(true)
  })

  test('more than a thousand stars match nothing', () => {
    expect(globMatch(`${'*a'.repeat(1000)}`, 'a'.repeat(1000))).toBe(true)
    expect(globMatch(`${'*a'.repeat(1001)}`, 'a'.repeat(1001))).toBe(false)
  })
})

test('every pattern matches as the slow definition says, as text and as bytes', () => {
  const alphabet = fc.constantFrom(...'aab[]^-\\*?\xff\x80'.split(''))
  const strings = (maxLength: number) => fc.array(alphabet, { maxLength }).map((chars) => chars.join(''))
  fc.assert(
    fc.property(strings(10), strings(7), (pattern, text) => {
      const expected = naiveMatch(pattern, text)
      const glob = new Glob(pattern)
      expect(glob.matches(text)).toBe(expected)
      const window = Bytes.from(`[${text}]`)
      window.set(window.source, 1, text.length)
      expect(glob.matchesBytes(window)).toBe(expected)
    }),
    { numRuns: 5000 },
  )
})

describe('with case ignored', () => {
  test.each([
    ['MAX*', 'maxmemory', true],
    ['max*', 'MAXMEMORY', true],
    ['[A-C]x', 'bX', true],
    ['[^a]', 'A', false],
    ['\xc4', '\xe4', false],
  ])('%j on %j is %j', (pattern, text, expected) => {
    expect(new Glob(pattern, 'ignored').matches(text)).toBe(expected)
  })

  test('an escaped character in a class keeps its case, and a range is put in order before it is folded', () => {
    expect(new Glob('[\\A]', 'ignored').matches('a')).toBe(false)
    expect(new Glob('[a-Z]', 'ignored').matches('m')).toBe(false)
  })
})

test('a pattern of many stars on a long text that almost matches takes no exponential time', () => {
  const pattern = `${'a*'.repeat(500)}b`
  const text = 'a'.repeat(20_000)
  const before = performance.now()
  expect(globMatch(pattern, text)).toBe(false)
  expect(performance.now() - before).toBeLessThan(2000)
})

test('a text longer than any before is matched whole', () => {
  expect(new Glob('a*z').matches(`a${'\xe9'.repeat(5000)}z`)).toBe(true)
  expect(new Glob('a*z').matches(`a${'z'.repeat(9000)}y`)).toBe(false)
})
