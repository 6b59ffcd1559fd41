import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LuaTable } from '../../../src/scripting/lua/table.ts'

/** V8's hash of an integer that is a key of a Map (ComputeUnseededHash): it has no secret. */
function unseededHash(key: number): number {
  let hash = key | 0
  hash = (~hash + (hash << 15)) | 0
  hash ^= hash >>> 12
  hash = (hash + (hash << 2)) | 0
  hash ^= hash >>> 4
  hash = Math.imul(hash, 2057)
  return (hash ^ (hash >>> 16)) & 0x3fffffff
}

/** Returns the processor time of adding keys to a table and finding them again. */
function time(keys: readonly number[]): number {
  const table = new LuaTable()
  const before = process.cpuUsage()
  for (const key of keys) table.set(key, key)
  let found = 0
  for (const key of keys) if (table.get(key) === key) found++
  const { user } = process.cpuUsage(before)
  expect(found).toBe(keys.length)
  return user
}

describe('numbers as keys of a table', () => {
  test('are found, whatever numbers they are', () => {
    const number = fc.oneof(
      fc.double({ noNaN: true }),
      fc.integer(),
      fc.integer({ min: -20, max: 20 }),
      fc.constantFrom(0, -0, 0.5, 2 ** 31, -(2 ** 31), 2 ** 32, 2 ** 53, Number.MIN_VALUE),
    )
    fc.assert(
      fc.property(
        fc.array(fc.tuple(number, fc.option(fc.nat(), { nil: undefined })), { maxLength: 1500, size: 'max' }),
        (pairs) => {
          const table = new LuaTable()
          const model = new Map<number, number>()
          for (const [key, value] of pairs) {
            table.set(key, value)
            if (value === undefined) model.delete(key)
            else model.set(key, value)
          }
          for (const [key] of pairs) expect(table.get(key)).toBe(model.get(key))
          for (const other of [0.25, 77, 1e300]) expect(table.get(other)).toBe(model.get(other))
          let count = 0
          for (let at = table.nextPosition(0); at !== 0; at = table.nextPosition(at)) count++
          expect(count).toBe(model.size)
        },
      ),
      { numRuns: 40 },
    )
  })

  test('cannot be chosen to collide', () => {
    const chosen: number[] = []
    for (let i = 1000; chosen.length < 8_000; i++) if ((unseededHash(i) & 0x3fff) === 77) chosen.push(i)
    const last = chosen[chosen.length - 1]!
    // The same number of keys over the same range, in an order without pattern.
    const others = chosen.map((_, i) => 1000 + ((i * 7919) % 8_000) * Math.floor(last / 8_000))
    time(others)
    expect(time(chosen)).toBeLessThan(5 * time(others) + 10_000)
  })
})
