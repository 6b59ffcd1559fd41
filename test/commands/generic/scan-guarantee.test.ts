// The guarantee of SCAN, HSCAN, SSCAN and ZSCAN: who is there from the first call to the last is returned, however many come and go between.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createEngine, type TestClient } from '../../support/engine.ts'

interface Family {
  scan(cursor: string, count: number): (string | number)[]
  add(names: string[]): (string | number)[]
  remove(names: string[]): (string | number)[]
  /** What is done first. */
  before?: (string | number)[]
  /** What stands in a reply for a name; as it is, where this is left out. */
  shown?: (name: string) => string
  /** Replies with names and, each behind its name, something else. */
  pairs: boolean
}

const FAMILIES: Record<string, Family> = {
  SCAN: {
    scan: (cursor, count) => ['SCAN', cursor, 'COUNT', count],
    add: (names) => ['MSET', ...names.flatMap((name) => [name, 'v'])],
    remove: (names) => ['DEL', ...names],
    pairs: false,
  },
  HSCAN: {
    scan: (cursor, count) => ['HSCAN', 'k', cursor, 'COUNT', count],
    add: (names) => ['HSET', 'k', ...names.flatMap((name) => [name, 'v'])],
    remove: (names) => ['HDEL', 'k', ...names],
    pairs: true,
  },
  SSCAN: {
    scan: (cursor, count) => ['SSCAN', 'k', cursor, 'COUNT', count],
    add: (names) => ['SADD', 'k', ...names],
    remove: (names) => ['SREM', 'k', ...names],
    pairs: false,
  },
  // One long name makes it a table of Redis's, however few there are.
  'HSCAN with a long name': {
    before: ['HSET', 'k', 'x'.repeat(65), 'v'],
    scan: (cursor, count) => ['HSCAN', 'k', cursor, 'COUNT', count],
    add: (names) => ['HSET', 'k', ...names.flatMap((name) => [name, 'v'])],
    remove: (names) => ['HDEL', 'k', ...names],
    pairs: true,
  },
  'SSCAN with a long name': {
    before: ['SADD', 'k', 'x'.repeat(65)],
    scan: (cursor, count) => ['SSCAN', 'k', cursor, 'COUNT', count],
    add: (names) => ['SADD', 'k', ...names],
    remove: (names) => ['SREM', 'k', ...names],
    pairs: false,
  },
  'ZSCAN with a long name': {
    before: ['ZADD', 'k', 5, 'x'.repeat(65)],
    scan: (cursor, count) => ['ZSCAN', 'k', cursor, 'COUNT', count],
    add: (names) => ['ZADD', 'k', ...names.flatMap((name, i) => [i % 17, name])],
    remove: (names) => ['ZREM', 'k', ...names],
    pairs: true,
  },
  'SSCAN of integers': {
    scan: (cursor, count) => ['SSCAN', 'k', cursor, 'COUNT', count],
    add: (names) => ['SADD', 'k', ...names.map(integerOf)],
    remove: (names) => ['SREM', 'k', ...names.map(integerOf)],
    shown: integerOf,
    pairs: false,
  },
  ZSCAN: {
    scan: (cursor, count) => ['ZSCAN', 'k', cursor, 'COUNT', count],
    add: (names) => ['ZADD', 'k', ...names.flatMap((name, i) => [i, name])],
    remove: (names) => ['ZREM', 'k', ...names],
    pairs: true,
  },
}

function integerOf(name: string): string {
  return (name.startsWith('s') ? '' : '1000') + name.slice(1)
}

const names = (letter: string, first: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${letter}${first + i}`)

/** Between two calls so many of the others, from a number on, come or go. */
const burst = fc.record({
  add: fc.boolean(),
  first: fc.nat(3000),
  count: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 200, max: 1500 })),
})

describe.each(Object.entries(FAMILIES))('%s', (_name, family) => {
  const walk = (client: TestClient, count: number, between: () => void): Set<string> => {
    const met = new Set<string>()
    let cursor = '0'
    do {
      const [next, ...found] = [...client.ask(...family.scan(cursor, count)).matchAll(/\$\d+\r\n(.*?)\r\n/g)].map(
        (match) => match[1]!,
      )
      for (let i = 0; i < found.length; i += family.pairs ? 2 : 1) met.add(found[i]!)
      cursor = next!
      between()
    } while (cursor !== '0')
    return met
  }

  test('returns who stays, while tables grow by thousands, shrink, and encodings change', () => {
    fc.assert(
      fc.property(
        // Few stay in the small form until others come; many are a table from the beginning.
        fc.constantFrom(3, 60, 120, 700),
        fc.constantFrom(0, 5, 400),
        fc.constantFrom(1, 7, 10, 100),
        fc.array(burst, { minLength: 1, maxLength: 12 }),
        (staying, others, count, bursts) => {
          const client = createEngine().connect()
          const stay = names('s', 0, staying)
          if (family.before !== undefined) client.ask(...family.before)
          client.ask(...family.add(stay))
          if (others > 0) client.ask(...family.add(names('o', 0, others)))
          let calls = 0
          const met = walk(client, count, () => {
            const next = bursts[calls++]
            if (next === undefined) return
            const some = names('o', next.first, next.count)
            client.ask(...(next.add ? family.add(some) : family.remove(some)))
          })
          const { shown = (name: string) => name } = family
          expect(stay.filter((name) => !met.has(shown(name)))).toEqual([])
        },
      ),
      { numRuns: 17 },
    )
  })
})
