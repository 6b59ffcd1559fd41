import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NameMap, NameSet } from '../../src/util/tables/name-map.ts'

const long = 'x'.repeat(16_384)
const name = fc.oneof(
  fc.string({ maxLength: 2 }),
  fc.nat({ max: 20 }).map(String),
  fc.constantFrom('', ':1', '1', '1a', long, `${long}y`, `:${long}`, long.slice(1), '0'.repeat(16_384)),
)

test('a map of names holds what a Map holds, whatever the names', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(name, fc.option(fc.nat(), { nil: undefined })), { maxLength: 60 }), (steps) => {
      const map = new NameMap<number>()
      const model = new Map<string, number>()
      for (const [key, value] of steps) {
        if (value === undefined) expect(map.delete(key)).toBe(model.delete(key))
        else {
          map.set(key, value)
          model.set(key, value)
        }
        expect(map.size).toBe(model.size)
        expect([...map.keys()].sort()).toEqual([...model.keys()].sort())
      }
      for (const [key] of steps) {
        expect(map.get(key)).toBe(model.get(key))
        expect(map.has(key)).toBe(model.has(key))
      }
      map.clear()
      expect([...map.keys()]).toEqual([])
    }),
  )
})

test('a set may lose its names while they are walked', () => {
  const set = new NameSet()
  for (const each of ['a', '1', '2', 'b', long]) set.add(each)
  for (const each of set) expect(set.delete(each)).toBe(true)
  expect(set.size).toBe(0)
})

/** Processor time of adding names and asking for them. */
function time(names: readonly string[]): number {
  const set = new NameSet()
  const before = process.cpuUsage()
  for (const each of names) set.add(each)
  let found = 0
  for (const each of names) if (set.has(each)) found++
  const { user } = process.cpuUsage(before)
  expect(found).toBe(names.length)
  return user
}

test('long names of one length cost as much each, however many there are', () => {
  const bytes = Buffer.alloc(16_384, '.')
  // Built as a client's are: flat, and each without a hash.
  const names = (count: number): string[] =>
    Array.from({ length: count }, (_, i) => {
      bytes.write(`${i}`.padStart(6, 'n'), 'latin1')
      return bytes.toString('latin1')
    })
  // The least of some: the first compiles, and the machine may be busy.
  const least = (count: number): number => Math.min(...Array.from({ length: 4 }, () => time(names(count))))
  expect(least(2000)).toBeLessThan(3.5 * least(1000))
})
