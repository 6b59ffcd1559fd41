// What chance chooses: every element as often as any other, in each encoding, one at a time and many, by a seeded source.

import { describe, expect, test } from 'vitest'
import { createEngine, type TestClient } from '../../support/engine.ts'

const WORDS = (count: number, length: number): string[] =>
  Array.from({ length: count }, (_, i) => `m${i}`.padEnd(length, '-'))

/** How a structure of these elements is made, by the encoding that OBJECT ENCODING tells. */
const FORMS: [what: string, encoding: string, names: string[], make: (c: TestClient, names: string[]) => void][] = [
  ['a hash', 'listpack', WORDS(20, 3), (c, names) => c.ask('HSET', 'k', ...names.flatMap((name) => [name, 'v']))],
  ['a hash', 'hashtable', WORDS(50, 70), (c, names) => c.ask('HSET', 'k', ...names.flatMap((name) => [name, 'v']))],
  ['a hash whose other fields expired', 'hashtable', WORDS(50, 70), hashOfWhichMuchExpired],
  ['a set', 'intset', Array.from({ length: 30 }, (_, i) => String(i * 1000)), (c, names) => c.ask('SADD', 'k', ...names)],
  ['a set', 'listpack', WORDS(30, 3), (c, names) => c.ask('SADD', 'k', ...names)],
  ['a set', 'hashtable', WORDS(50, 70), (c, names) => c.ask('SADD', 'k', ...names)],
  ['a set that was larger', 'hashtable', WORDS(50, 3), setThatWasLarger],
  ['a sorted set', 'listpack', WORDS(30, 3), (c, names) => c.ask('ZADD', 'k', ...names.flatMap((name, i) => [i, name]))],
  ['a sorted set', 'skiplist', WORDS(50, 70), (c, names) => c.ask('ZADD', 'k', ...names.flatMap((name) => [1, name]))],
] // biome-ignore format: a table

function hashOfWhichMuchExpired(c: TestClient, names: string[]): void {
  const others = names.map((name) => `other ${name}`)
  c.ask('HSET', 'k', ...[...names, ...others].flatMap((name) => [name, 'v']))
  c.ask('HPEXPIREAT', 'k', 1, 'FIELDS', others.length, ...others)
}

function setThatWasLarger(c: TestClient, names: string[]): void {
  const others = Array.from({ length: 600 }, (_, i) => `other ${i}`)
  c.ask('SADD', 'k', ...others, ...names)
  c.ask('SREM', 'k', ...others)
}

const COMMANDS: Record<string, string> = { hash: 'HRANDFIELD', set: 'SRANDMEMBER', zset: 'ZRANDMEMBER' }

const bulks = (reply: string): string[] => [...reply.matchAll(/\$\d+\r\n(.*?)\r\n/gs)].map((match) => match[1]!)

/** Beyond this the chi-square statistic of even chances is once in ten thousand (Wilson and Hilferty's approximation). */
function chiSquareMax(choices: number): number {
  const degrees = choices - 1
  const d = 2 / (9 * degrees)
  return degrees * (1 - d + 3.72 * Math.sqrt(d)) ** 3
}

function expectEven(drawn: Iterable<string>, choices: readonly string[]): void {
  const counts = new Map(choices.map((name) => [name, 0]))
  let draws = 0
  for (const name of drawn) {
    const count = counts.get(name)
    if (count === undefined) expect.fail(`${name} was drawn, which is not there`)
    counts.set(name, count + 1)
    draws++
  }
  const expected = draws / choices.length
  expect(expected).toBeGreaterThan(20)
  let statistic = 0
  for (const count of counts.values()) statistic += (count - expected) ** 2 / expected
  expect(statistic).toBeLessThan(chiSquareMax(choices.length))
}

describe.each(FORMS)('from %s (%s)', (_what, encoding, names, make) => {
  const setUp = () => {
    const client = createEngine().connect()
    make(client, names)
    expect(client.ask('OBJECT', 'ENCODING', 'k')).toContain(encoding)
    const type = client.ask('TYPE', 'k').slice(1, -2)
    return { client, type, command: COMMANDS[type]! }
  }
  const many = (count: number, draw: () => string): string[] => Array.from({ length: count }, draw).flatMap(bulks)

  test('one at a time', () => {
    const { client, command } = setUp()
    expectEven(
      many(names.length * 60, () => client.ask(command, 'k')),
      names,
    )
  })

  test('many, the same more than once', () => {
    const { client, command } = setUp()
    expectEven(bulks(client.ask(command, 'k', -names.length * 100)), names)
    expectEven(
      many(names.length * 20, () => client.ask(command, 'k', -5)),
      names,
    )
  })

  test.each([0.1, 0.3, 0.5, 0.9])('a part of %f of them, all different', (part) => {
    const { client, command } = setUp()
    const count = Math.round(names.length * part)
    const replies = Array.from({ length: Math.ceil(60 / part) }, () => bulks(client.ask(command, 'k', count)))
    for (const reply of replies) expect(new Set(reply).size).toBe(count)
    expectEven(replies.flat(), names)
  })

  test('more than there are gives each once', () => {
    const { client, command } = setUp()
    expect(bulks(client.ask(command, 'k', 1000)).sort()).toEqual([...names].sort())
    expect(bulks(client.ask(command, 'k', names.length)).sort()).toEqual([...names].sort())
    expect(client.ask(command, 'k', 0)).toBe('*0\r\n')
  })

  test('the members that SPOP takes', () => {
    const { client, type } = setUp()
    if (type !== 'set') return expect(client.ask('SPOP', 'k')).toMatch(/^-WRONGTYPE/)
    for (const count of [[], [3], [Math.round(names.length * 0.8)]]) {
      const taken: string[] = []
      while (taken.length < names.length * 60) {
        const popped = bulks(client.ask('SPOP', 'k', ...count))
        client.ask('SADD', 'k', ...popped)
        taken.push(...popped)
      }
      expectEven(taken, names)
    }
  })
})

describe('RANDOMKEY', () => {
  test.each([
    ['few keys', 20, 0, 0],
    ['many keys', 600, 0, 0],
    ['keys among which as many were deleted', 100, 100, 0],
    ['keys among many that expire', 100, 0, 300],
  ])('chooses among %s evenly', (_what, count, deleted, expired) => {
    const { clock, connect } = createEngine({ 'active-expire-enabled': 'no' })
    const client = connect()
    const names = WORDS(count, 0)
    for (const name of names) client.ask('SET', name, 'v')
    for (let i = 0; i < deleted; i++) client.ask('SET', `deleted ${i}`, 'v')
    for (let i = 0; i < deleted; i++) client.ask('DEL', `deleted ${i}`)
    for (let i = 0; i < expired; i++) client.ask('SET', `expired ${i}`, 'v', 'PX', 10)
    clock.advance(20)
    expectEven(
      Array.from({ length: count * 40 }, () => bulks(client.ask('RANDOMKEY'))[0]!),
      names,
    )
  })
})
