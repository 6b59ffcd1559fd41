import fc from 'fast-check'
import { expect, test } from 'vitest'
import { StableOrder } from '../../src/util/numbers/stable-order.ts'

test('numbers are put in order either way, equal ones as they stood', () => {
  const order = new StableOrder()
  const numbers = fc.array(fc.oneof(fc.integer({ min: 0, max: 5 }), fc.double({ noNaN: true })), { maxLength: 700 })
  fc.assert(
    fc.property(numbers, fc.constantFrom<1 | -1>(1, -1), (array, sign) => {
      const expected = array
        .map((_, i) => i)
        .sort((a, b) => (array[a]! === array[b]! ? a - b : sign * (array[a]! < array[b]! ? -1 : 1)))
      const found = order.sort(Float64Array.from(array), array.length, sign)
      expect([...found.subarray(0, array.length)]).toEqual(expected)
    }),
  )
  order.clear()
  expect([...order.sort(Float64Array.of(2, 1), 2, 1).subarray(0, 2)]).toEqual([1, 0])
})
