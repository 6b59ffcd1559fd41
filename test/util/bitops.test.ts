import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { combineBits, countBits, findBit, invertBits } from '../../src/util/bitops.ts'
import { Source } from '../../src/util/bytes.ts'

const bitsOf = (bytes: Uint8Array): number[] =>
  [...bytes].flatMap((byte) => Array.from({ length: 8 }, (_, i) => (byte >> (7 - i)) & 1))

/** A source with other bytes before and behind. */
const within = (bytes: Uint8Array): Source => new Source(Buffer.from([255, 0, 255, ...bytes, 170, 255, 0, 255, 255]))

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.uint8Array({ minLength: 120, maxLength: 400 }),
  // Long stretches of one value, with a single other byte somewhere.
  fc.tuple(fc.nat(300), fc.constantFrom(0, 255), fc.nat(255), fc.nat(299)).map(([length, fill, other, at]) => {
    const array = new Uint8Array(length).fill(fill)
    if (at < length) array[at] = other
    return array
  }),
)

describe('bits of byte strings', () => {
  test('are counted as one by one', () => {
    fc.assert(
      fc.property(bytes, (array) => {
        const expected = bitsOf(array).reduce((sum, bit) => sum + bit, 0)
        expect(countBits(within(array), 3, array.length)).toBe(expected)
      }),
    )
  })

  test('are found as one by one, between any two positions', () => {
    fc.assert(
      fc.property(bytes, fc.constantFrom<0 | 1>(0, 1), fc.nat(3300), fc.nat(3300), (array, bit, a, b) => {
        const bits = bitsOf(array)
        const to = Math.min(bits.length, b)
        const from = Math.min(a, to)
        const index = bits.slice(from, to).indexOf(bit)
        expect(findBit(within(array), 3, from, to, bit)).toBe(index === -1 ? -1 : from + index)
      }),
    )
  })

  test('are combined and inverted byte by byte, and nothing beside is touched', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), fc.constantFrom('AND', 'OR', 'XOR', 'NOT'), (array, operation) => {
        const other = array.map((byte) => (byte * 7 + 13) & 255)
        const target = within(array)
        if (operation === 'NOT') invertBits(target, 3, within(other), 3, array.length)
        else combineBits(operation as 'AND', target, 3, within(other), 3, array.length)
        const expected = array.map((byte, i) => {
          if (operation === 'AND') return byte & other[i]!
          if (operation === 'OR') return byte | other[i]!
          return operation === 'XOR' ? byte ^ other[i]! : ~other[i]!
        })
        expect(target.u8).toEqual(within(expected).u8)
      }),
    )
  })
})
