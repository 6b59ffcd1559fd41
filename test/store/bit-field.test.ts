import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addToField, type FieldType, readField, setField, writeField } from '../../src/store/derived/bit-field.ts'
import { Bytes } from '../../src/util/bytes/bytes.ts'
import { narrow } from '../../src/util/numbers/numbers.ts'

const types = fc.oneof(
  fc.integer({ min: 1, max: 64 }).map((bits): FieldType => ({ signed: true, bits })),
  fc.integer({ min: 1, max: 63 }).map((bits): FieldType => ({ signed: false, bits })),
)
const overflows = fc.constantFrom('WRAP' as const, 'SAT' as const, 'FAIL' as const)
/** Any 64-bit integer, those near powers of two most of all. */
const operands = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc
    .tuple(fc.integer({ min: 0, max: 63 }), fc.integer({ min: -2, max: 2 }), fc.boolean())
    .map(([bits, near, negative]) => BigInt.asIntN(64, (negative ? -1n : 1n) * 2n ** BigInt(bits) + BigInt(near))),
)

const limits = ({ signed, bits }: FieldType): [bigint, bigint] =>
  signed ? [-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1) - 1n] : [0n, 2n ** BigInt(bits) - 1n]

describe('a field', () => {
  test('holds what was written, and its neighbours keep their bits', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 20, maxLength: 20 }),
        types,
        fc.nat(90),
        operands,
        (start, type, offset, any) => {
          const value = narrow(type.signed ? BigInt.asIntN(type.bits, any) : BigInt.asUintN(type.bits, any))!
          const bytes = Bytes.over(Buffer.from(start))
          const bitsBefore = bitString(bytes)
          writeField(bytes, offset, type, value)
          expect(readField(bytes, offset, type)).toBe(value)
          const pattern = BigInt.asUintN(type.bits, BigInt(value)).toString(2).padStart(type.bits, '0')
          expect(bitString(bytes)).toBe(bitsBefore.slice(0, offset) + pattern + bitsBefore.slice(offset + type.bits))
        },
      ),
      { numRuns: 1000 },
    )
  })

  test('reads zeros behind the end of the string', () => {
    const bytes = Bytes.from('\xff')
    expect(readField(bytes, 4, { signed: false, bits: 8 })).toBe(0xf0)
    expect(readField(bytes, 100, { signed: true, bits: 64 })).toBe(0)
    expect(readField(bytes, 0, { signed: true, bits: 64 })).toBe(-72057594037927936n)
  })

  test('incremented wraps, stays at its limit or fails, as exact arithmetic says', () => {
    fc.assert(
      fc.property(types, operands, operands, overflows, (type, any, increment, overflow) => {
        const old = type.signed ? BigInt.asIntN(type.bits, any) : BigInt.asUintN(type.bits, any)
        const [min, max] = limits(type)
        const sum = old + increment
        let expected: bigint | undefined = sum
        if (sum < min || sum > max) {
          if (overflow === 'FAIL') expected = undefined
          else if (overflow === 'SAT') expected = sum < min ? min : max
          else expected = type.signed ? BigInt.asIntN(type.bits, sum) : BigInt.asUintN(type.bits, sum)
        }
        expect(addToField(type, narrow(old)!, narrow(increment)!, overflow)).toBe(
          expected === undefined ? undefined : narrow(expected),
        )
      }),
      { numRuns: 3000 },
    )
  })

  test('set to a number that does not fit does the same; to an unsigned one a negative number is a huge one', () => {
    expect(setField({ signed: false, bits: 8 }, -1, 'SAT')).toBe(255)
    expect(setField({ signed: false, bits: 8 }, -2, 'WRAP')).toBe(254)
    expect(setField({ signed: true, bits: 8 }, -1000, 'SAT')).toBe(-128)
    expect(setField({ signed: true, bits: 8 }, 200, 'WRAP')).toBe(-56)
    expect(setField({ signed: true, bits: 8 }, 128, 'FAIL')).toBeUndefined()
    expect(setField({ signed: true, bits: 8 }, -128, 'FAIL')).toBe(-128)
    // Redis's own arithmetic overflows here.
    expect(setField({ signed: true, bits: 8 }, -(2n ** 63n), 'SAT')).toBe(127)
    expect(setField({ signed: true, bits: 64 }, -(2n ** 63n), 'FAIL')).toBe(-(2n ** 63n))
  })
})

function bitString(bytes: Bytes): string {
  return [...bytes.toBuffer()].map((byte) => byte.toString(2).padStart(8, '0')).join('')
}
