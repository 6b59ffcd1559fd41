import { beforeEach, describe, expect, test } from 'vitest'
import { createEngine, type TestClient, type TestEngine } from '../../support/engine.ts'
import { listen } from '../generic/listen.ts'

let engine: TestEngine
let two: TestClient
let three: TestClient

beforeEach(() => {
  engine = createEngine()
  two = engine.connect(2)
  three = engine.connect(3)
})

const bulks = (reply: string): string[] => [...reply.matchAll(/\$\d+\r\n(.*?)\r\n/gs)].map((match) => match[1]!)

/** One set in each form: integers, packed, a dictionary. */
const FORMS: [string, string[]][] = [
  ['integers', ['1', '2', '3', '4', '5', '6', '7', '8']],
  ['a few texts', ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']],
  ['a table', Array.from({ length: 40 }, (_, i) => `${i}${'x'.repeat(70)}`)],
]

/** The chi-square statistic of counts that should all be alike. */
function chiSquare(counts: Map<string, number>, choices: number, draws: number): number {
  const expected = draws / choices
  let sum = (choices - counts.size) * expected
  for (const count of counts.values()) sum += (count - expected) ** 2 / expected
  return sum
}

/** Beyond this the statistic is with choices - 1 degrees of freedom once in ten thousand (Wilson and Hilferty's approximation). */
function chiSquareMax(choices: number): number {
  const degrees = choices - 1
  const d = 2 / (9 * degrees)
  return degrees * (1 - d + 3.72 * Math.sqrt(d)) ** 3
}

describe.each(FORMS)('chance, with %s', (_name, members) => {
  const tally = (replies: Iterable<string>): Map<string, number> => {
    const counts = new Map<string, number>()
    for (const reply of replies) for (const member of bulks(reply)) counts.set(member, (counts.get(member) ?? 0) + 1)
    for (const member of counts.keys()) expect(members).toContain(member)
    return counts
  }
  const fair = (counts: Map<string, number>, draws: number): void =>
    expect(chiSquare(counts, members.length, draws)).toBeLessThan(chiSquareMax(members.length))

  beforeEach(() => {
    two.ask('SADD', 'k', ...members)
    engine.journal.take()
  })

  test('SRANDMEMBER draws every member as often', () => {
    const draws = Array.from({ length: 4000 }, () => two.ask('SRANDMEMBER', 'k'))
    fair(tally(draws), 4000)
    fair(tally([two.ask('SRANDMEMBER', 'k', -4000)]), 4000)
    expect(engine.journal.take()).toEqual([])
  })

  test.each([2, 3, 7])('SRANDMEMBER draws %i different members, every one as often', (count) => {
    const replies = Array.from({ length: 1000 }, () => two.ask('SRANDMEMBER', 'k', count))
    for (const reply of replies) expect(new Set(bulks(reply)).size).toBe(count)
    fair(tally(replies), 1000 * count)
  })

  test.each([undefined, 3])('SPOP draws every member as often', (count) => {
    const replies: string[] = []
    for (let i = 0; i < 1000; i++) {
      const reply = count === undefined ? two.ask('SPOP', 'k') : two.ask('SPOP', 'k', count)
      const popped = bulks(reply)
      expect(new Set(popped).size).toBe(count ?? 1)
      const line = engine.journal.take()
      expect(line).toEqual([`0 SREM k ${popped.join(' ')}`])
      expect(two.ask('SCARD', 'k')).toBe(`:${members.length - popped.length}\r\n`)
      two.ask('SADD', 'k', ...popped)
      engine.journal.take()
      replies.push(reply)
    }
    fair(tally(replies), 1000 * (count ?? 1))
  })
})

describe('SPOP', () => {
  test('removes the key with the last member, and says so', () => {
    two.ask('SADD', 'k', 'a')
    const events = listen(engine)
    engine.journal.take()
    expect(two.ask('SPOP', 'k')).toBe('$1\r\na\r\n')
    expect(events()).toEqual(['0 spop k', '0 del k'])
    expect(engine.journal.take()).toEqual(['0 SREM k a'])
    expect(two.ask('SPOP', 'k')).toBe('$-1\r\n')
    expect(three.ask('SPOP', 'k')).toBe('_\r\n')
    expect(three.ask('SPOP', 'k', 3)).toBe('~0\r\n')
  })

  test('of at least everything is journaled as the removal of the key', () => {
    two.ask('SADD', 'k', 1, 2, 3)
    const events = listen(engine)
    engine.journal.take()
    expect(three.ask('SPOP', 'k', 3)).toBe('~3\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n')
    expect(events()).toEqual(['0 spop k', '0 del k'])
    expect(engine.journal.take()).toEqual(['0 DEL k'])
    two.ask('CONFIG', 'SET', 'lazyfree-lazy-server-del', 'yes')
    two.ask('SADD', 'k', 1)
    engine.journal.take()
    two.ask('SPOP', 'k', 10)
    expect(engine.journal.take()).toEqual(['0 UNLINK k'])
  })

  test('of very many is journaled in several SREMs of one unit, which replay', () => {
    const all = Array.from({ length: 5000 }, (_, i) => `m${i}`)
    two.ask('SADD', 'k', ...all)
    engine.journal.take()
    const popped = bulks(two.ask('SPOP', 'k', 3000))
    const lines = engine.journal.take()
    expect(lines.map((line) => line.split(' ').length - 3)).toEqual([-2, 1024, 1024, 952, -2])
    expect([lines[0], lines.at(-1)]).toEqual(['MULTI', 'EXEC'])
    expect(lines.slice(1, -1).flatMap((line) => line.split(' ').slice(3))).toEqual(popped)
    expect(two.ask('SCARD', 'k')).toBe(':2000\r\n')
  })

  test('of a member too long for a block is journaled too', () => {
    const long = 'x'.repeat(70_000)
    two.ask('SADD', 'k', long)
    engine.journal.take()
    two.ask('SPOP', 'k')
    expect(engine.journal.take()).toEqual([`0 SREM k ${long}`])
  })

  test('refuses counts that are none', () => {
    two.ask('SADD', 'k', 1)
    expect(three.ask('SPOP', 'k', 0)).toBe('~0\r\n')
    expect(two.ask('SPOP', 'k', -1)).toBe('-ERR value is out of range, must be positive\r\n')
    expect(two.ask('SPOP', 'k', 'x')).toBe('-ERR value is out of range, must be positive\r\n')
    expect(two.ask('SPOP', 'k', 1, 2)).toBe('-ERR syntax error\r\n')
  })
})

describe('SRANDMEMBER', () => {
  test('of at least everything gives the set in its order, as an array', () => {
    two.ask('SADD', 'k', 3, 1, 2)
    expect(three.ask('SRANDMEMBER', 'k', 3)).toBe('*3\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n')
    expect(three.ask('SRANDMEMBER', 'k', '9223372036854775807')).toBe('*3\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n')
  })

  test('answers nothing of nothing', () => {
    expect(two.ask('SRANDMEMBER', 'k')).toBe('$-1\r\n')
    expect(three.ask('SRANDMEMBER', 'k')).toBe('_\r\n')
    expect(two.ask('SRANDMEMBER', 'k', -5)).toBe('*0\r\n')
    two.ask('SADD', 'k', 'a')
    expect(two.ask('SRANDMEMBER', 'k', 0)).toBe('*0\r\n')
    expect(two.ask('SRANDMEMBER', 'k', -2)).toBe('*2\r\n$1\r\na\r\n$1\r\na\r\n')
  })

  test('refuses counts that are none, or too many', () => {
    two.ask('SADD', 'k', 'a')
    expect(two.ask('SRANDMEMBER', 'k', 'x')).toBe('-ERR value is not an integer or out of range\r\n')
    expect(two.ask('SRANDMEMBER', 'k', '-9223372036854775808')).toBe(
      '-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807\r\n',
    )
    expect(two.ask('SRANDMEMBER', 'k', '-9223372036854775807')).toBe('-ERR value is out of range\r\n')
    expect(two.ask('SRANDMEMBER', 'k', 1, 2)).toBe('-ERR syntax error\r\n')
  })
})
