import fc from 'fast-check'
import { expect, test } from 'vitest'
import { partialSort } from '../../src/util/numbers/partial-sort.ts'

test('the positions asked for hold what they would hold were all sorted, and nothing is lost', () => {
  const numbers = fc.oneof(
    fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 200 }),
    fc.array(fc.integer({ min: -1000, max: 1000 }), { maxLength: 200 }),
    fc.integer({ min: 0, max: 150 }).map((n) => Array.from({ length: n }, (_, i) => i)),
  )
  fc.assert(
    fc.property(numbers, fc.nat(199), fc.nat(199), (values, a, b) => {
      const items = Int32Array.from(values)
      const sorted = Int32Array.from(values).sort()
      const [first, last] = [Math.min(a, b), Math.max(a, b)]
      partialSort(items, (x, y) => x - y, first, last)
      expect([...items.slice(first, last + 1)]).toEqual([...sorted.slice(first, last + 1)])
      expect(items.sort()).toEqual(sorted)
    }),
    { numRuns: 1000 },
  )
})
