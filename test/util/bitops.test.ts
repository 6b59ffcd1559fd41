import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { combineBits, countBits, findBit, invertBits } from '../../src/util/bytes/bitops.ts'
import { Bytes, Source } from '../../src/util/bytes/bytes.ts'

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

  const combined = (operation: 'AND' | 'OR' | 'XOR' | 'NOT', x: number, y: number): number => {
    if (operation === 'AND') return x & y
    if (operation === 'OR') return x | y
    return operation === 'XOR' ? x ^ y : ~y & 0xff
  }
  /** A window on a copy that begins `at` bytes into its memory, with other bytes around it. */
  const placed = (bytes: Uint8Array, at: number): Bytes => {
    const u8 = Buffer.alloc(at + bytes.length + 2, 77)
    u8.set(bytes, at)
    return new Bytes(new Source(u8), at, bytes.length)
  }

  test('are combined and inverted byte by byte, and nothing around is touched', () => {
    const lengths = fc.oneof(fc.nat(70), fc.integer({ min: 500, max: 700 }), fc.integer({ min: 16380, max: 16500 }))
    // Where all begin at a multiple of eight or of four bytes larger words are used.
    const starts = fc.oneof(fc.constant([8, 0, 16]), fc.constant([4, 8, 0]), fc.tuple(fc.nat(9), fc.nat(9), fc.nat(9)))
    const operations = fc.constantFrom<'AND' | 'OR' | 'XOR' | 'NOT'>('AND', 'OR', 'XOR', 'NOT')
    fc.assert(
      fc.property(lengths, fc.nat(1e6), operations, starts, (length, seed, operation, [first, second, third]) => {
        const a = Uint8Array.from({ length }, (_, i) => Math.imul(i + seed, 0x9e3779b1) >>> 24)
        const b = Uint8Array.from({ length }, (_, i) => Math.imul(i + seed, 0x85ebca6b) >>> 23)
        const target = placed(new Uint8Array(length), first!)
        if (operation === 'NOT') invertBits(target, placed(b, third!), length)
        else combineBits(operation, target, placed(a, second!), placed(b, third!), length)
        const expected = placed(
          Uint8Array.from(a, (byte, i) => combined(operation, byte, b[i]!)),
          first!,
        )
        expect(target.source.u8.equals(expected.source.u8)).toBe(true)
      }),
    )
  })

  test('are combined where they are', () => {
    for (const length of [5, 600, 16399]) {
      const a = Uint8Array.from({ length }, (_, i) => i * 7)
      const b = Uint8Array.from({ length }, (_, i) => i * 11 + 3)
      for (const into of [0, 1]) {
        const windows = [placed(a, 8), placed(b, 8)] as const
        combineBits('XOR', windows[into]!, windows[0], windows[1], length)
        expect(windows[into]!.toBuffer().equals(Buffer.from(a.map((byte, i) => byte ^ b[i]!)))).toBe(true)
      }
    }
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
