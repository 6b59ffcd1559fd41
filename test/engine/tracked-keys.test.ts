import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TrackedKeys } from '../../src/engine/tracking/tracked-keys.ts'
import { findOverlap, OwnPrefixes, TrackedPrefixes } from '../../src/engine/tracking/tracked-prefixes.ts'
import { Bytes } from '../../src/util/bytes/bytes.ts'
import { Random } from '../../src/util/numbers/random.ts'
import { HASH_KEY } from '../support/structure-host.ts'

describe('tracked keys', () => {
  const steps = fc.array(
    fc.record({
      kind: fc.constantFrom('add', 'add', 'add', 'add', 'take', 'random', 'leave', 'clear'),
      key: fc.constantFrom('a', 'b', 'c', ''),
      reader: fc.nat(400),
    }),
    { maxLength: 500 },
  )

  test('tell exactly those who read a key and are still there, as sets in a Map would', () => {
    fc.assert(
      fc.property(steps, (actions) => {
        const keys = new TrackedKeys<number>(HASH_KEY)
        const model = new Map<string, Set<number>>()
        const numbers = new Map<number, number>()
        const random = new Random(1)
        let gone = new Set<number>()
        let next = 0
        const ids = new Map<number, number>()
        for (const { kind, key, reader } of actions) {
          // Who comes again is somebody else.
          if (!ids.has(reader)) ids.set(reader, next++)
          const id = ids.get(reader)!
          if (kind === 'add') {
            if (!numbers.has(id)) numbers.set(id, keys.join(id))
            keys.add(Bytes.from(key), numbers.get(id)!)
            model.set(key, (model.get(key) ?? new Set()).add(id))
          } else if (kind === 'leave') {
            if (numbers.has(id)) keys.part(numbers.get(id)!)
            gone.add(id)
            ids.delete(reader)
          } else if (kind === 'clear') {
            keys.clear()
            model.clear()
          } else if (kind === 'take' || model.size === 0) {
            const told: number[] = []
            keys.take(Bytes.from(key), (one) => told.push(one))
            expect(new Set(told)).toEqual(new Set([...(model.get(key) ?? [])].filter((one) => !gone.has(one))))
            model.delete(key)
          } else {
            const told: number[] = []
            let drawn: string | undefined
            const before = keys.size
            keys.takeRandom(random, (one, of) => {
              told.push(one)
              drawn = of.toString()
            })
            expect(keys.size).toBe(before - 1)
            // A key of those who are all gone is not named: it is the one that is missing.
            drawn ??= [...model.keys()].find((name) => [...model.get(name)!].every((one) => gone.has(one)))!
            expect(new Set(told)).toEqual(new Set([...model.get(drawn)!].filter((one) => !gone.has(one))))
            if (told.length > 0) model.delete(drawn)
            else {
              keys.clear()
              model.clear()
            }
          }
          expect(keys.size).toBe(model.size)
          expect(keys.items).toBe([...model.values()].reduce((sum, { size }) => sum + size, 0))
        }
        gone = new Set()
      }),
      { numRuns: 50 },
    )
  })

  test('a key that all of ten thousand read takes a bit for each', () => {
    const keys = new TrackedKeys<number>(HASH_KEY)
    const key = Bytes.from('hot')
    const numbers = Array.from({ length: 10_000 }, (_, i) => keys.join(i))
    for (const number of numbers) keys.add(key, number)
    for (const number of numbers) keys.add(key, number)
    expect(keys.items).toBe(10_000)
    expect(keys.usedBytes).toBeLessThan(20_000)
    const told = new Set<number>()
    keys.take(key, (reader) => told.add(reader))
    expect(told.size).toBe(10_000)
    expect(keys.size).toBe(0)
  })

  test('the number of a reader that is gone is given again only when no key has it', () => {
    const keys = new TrackedKeys<string>(HASH_KEY)
    const first = keys.join('first')
    keys.add(Bytes.from('k'), first)
    keys.part(first)
    const second = keys.join('second')
    expect(second).not.toBe(first)
    keys.take(Bytes.from('k'), () => expect.fail('nobody is there who read it'))
    expect(keys.join('third')).toBe(first)
  })
})

describe('tracked prefixes', () => {
  const name = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 4 })

  test('a change is noted under every prefix of its key and no other', () => {
    fc.assert(
      fc.property(fc.uniqueArray(name), fc.array(name), (names, changed) => {
        const prefixes = new TrackedPrefixes<number, number>()
        names.forEach((prefix, i) => {
          prefixes.add(prefix, i)
        })
        for (const key of changed) expect(prefixes.note(key, 1)).toBe(names.some((prefix) => key.startsWith(prefix)))
        const due = prefixes.takeDue().map(({ prefix, changed }) => [prefix, [...changed.keys()].sort()])
        const expected = [...names]
          .sort()
          .map((prefix) => [prefix, [...new Set(changed.filter((key) => key.startsWith(prefix)))].sort()])
          .filter(([, keys]) => keys!.length > 0)
        expect(due).toEqual(expected)
        names.forEach((prefix, i) => {
          prefixes.remove(prefix, i)
        })
        expect(prefixes.size).toBe(0)
        expect(prefixes.note('a', 1)).toBe(false)
      }),
    )
  })

  test('the overlap that is found is the one that Redis finds, trying all', () => {
    fc.assert(
      fc.property(fc.array(name), fc.array(name), (wanted, given) => {
        const existing = new OwnPrefixes()
        for (const prefix of wanted) if (existing.overlapping(prefix) === undefined) existing.add(prefix)
        const overlaps = (one: string, other: string) => one.startsWith(other) || other.startsWith(one)
        let expected: ReturnType<typeof findOverlap>
        given.forEach((prefix, i) => {
          const other = [...existing.names()].sort().find((one) => overlaps(one, prefix))
          const later = given.slice(i + 1).find((one) => overlaps(one, prefix))
          if (other !== undefined) expected ??= { given: prefix, other, otherIs: 'existing' }
          else if (later !== undefined) expected ??= { given: prefix, other: later, otherIs: 'given' }
        })
        expect(findOverlap(given, existing)).toEqual(expected)
      }),
    )
  })

  test('a hundred thousand prefixes in one request, and a change among them, take no time to speak of', () => {
    const given = Array.from({ length: 100_000 }, (_, i) => `prefix:${i}:`)
    const began = process.cpuUsage()
    expect(findOverlap(given, new OwnPrefixes())).toBeUndefined()
    const prefixes = new TrackedPrefixes<number, number>()
    for (const prefix of given) prefixes.add(prefix, 1)
    for (let i = 0; i < 1000; i++) prefixes.note(`prefix:${i}:key`, 1)
    expect(prefixes.takeDue()).toHaveLength(1000)
    const { user } = process.cpuUsage(began)
    expect(user / 1000).toBeLessThan(3000)
  })
})
