import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { combineBits, countBits, findBit, invertBits } from '../../src/util/bitops.ts'
import { Bytes, Source } from '../../src/util/bytes.ts'

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

  test('are combined and inverted byte by byte, and nothing behind is touched', () => {
    const arrays = fc.oneof(fc.uint8Array({ maxLength: 70 }), fc.uint8Array({ minLength: 500, maxLength: 700 }))
    fc.assert(
      fc.property(arrays, fc.constantFrom('AND', 'OR', 'XOR', 'NOT'), fc.nat(3), (array, operation, start) => {
        const others = array.map((byte) => (byte * 7 + 13) & 255)
        const window = (bytes: Uint8Array, at: number) =>
          new Bytes(new Source(Buffer.concat([Buffer.alloc(at, 9), bytes])), at, bytes.length)
        const target = new Source(Buffer.alloc(array.length + 2, 77))
        if (operation === 'NOT') invertBits(target, window(others, start), array.length)
        else combineBits(operation as 'AND', target, window(array, 4), window(others, start), array.length)
        const expected = array.map((byte, i) => {
          if (operation === 'AND') return byte & others[i]!
          if (operation === 'OR') return byte | others[i]!
          return operation === 'XOR' ? byte ^ others[i]! : ~others[i]!
        })
        expect(target.u8).toEqual(Buffer.from([...expected, 77, 77]))
      }),
    )
  })

  test('are found behind pages of others', () => {
    for (const bit of [0, 1] as const) {
      for (const at of [0, 16383, 16384, 40000, 49151]) {
        const u8 = Buffer.alloc(49152, bit === 1 ? 0 : 0xff)
        u8[at] = bit === 1 ? 1 : 0xfe
        expect(findBit(new Source(u8), 0, 0, 8 * u8.length, bit)).toBe(8 * at + 7)
      }
    }
  })
})
