import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Bytes } from '../../src/util/bytes.ts'
import { addLongDouble, formatLongDouble, parseLongDouble } from '../../src/util/long-double.ts'
import {
  addInteger,
  formatDouble,
  INT64_MAX,
  INT64_MIN,
  parseDouble,
  parseInteger,
  writeInteger,
} from '../../src/util/numbers.ts'

test('every 64-bit integer is read back from its canonical text, as a number where it is safe', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: INT64_MIN, max: INT64_MAX }), (value) => {
      const read = parseInteger(Bytes.from(value.toString()))
      expect(BigInt(read!)).toBe(value)
      expect(typeof read).toBe(
        Number.isSafeInteger(Number(value)) && BigInt(Number(value)) === value ? 'number' : 'bigint',
      )
    }),
  )
})

test.each([
  '',
  '-',
  '-0',
  '00',
  '01',
  '+1',
  ' 1',
  '1 ',
  '1e3',
  '9223372036854775808',
  '-9223372036854775809',
  '123456789012345678901',
])('%j is no integer', (text) => {
  expect(parseInteger(Bytes.from(text))).toBeUndefined()
})

test('writeInteger writes what String writes', () => {
  const u8 = Buffer.alloc(32)
  fc.assert(
    fc.property(fc.maxSafeInteger(), (value) => {
      const length = writeInteger(value, u8, 3)
      expect(u8.toString('latin1', 3, 3 + length)).toBe(String(value))
    }),
  )
})

test('addition leaves int64 as undefined', () => {
  expect(addInteger(INT64_MAX, 1)).toBeUndefined()
  expect(addInteger(INT64_MIN, -1)).toBeUndefined()
  expect(addInteger(Number.MAX_SAFE_INTEGER, 1)).toBe(9007199254740992n)
  expect(addInteger(9007199254740992n, -1)).toBe(9007199254740991)
})

test.each([
  ['1', 1],
  ['-1.5e3', -1500],
  ['.5', 0.5],
  ['5.', 5],
  ['0x10', 16],
  ['0x1p-1', 0.5],
  ['inf', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
])('parseDouble reads %j', (text, value) => {
  expect(parseDouble(text)).toBe(value)
})

test.each(['', ' 1', '1 ', 'nan', '1e', 'e5', '.', '0x', '1e400', '1_000'])('parseDouble refuses %j', (text) => {
  expect(parseDouble(text)).toBeUndefined()
})

test('a printed double reads back as itself', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true }), (value) => {
      expect(Object.is(Number(formatDouble(value).replace('inf', 'Infinity')), value)).toBe(true)
    }),
  )
})

// Each line was answered by redis-server: SET k <a>, INCRBYFLOAT k <b>.
test.each([
  ['0.1', '0.2', '0.3'],
  ['1e20', '1', '100000000000000000000'],
  ['1e-20', '1', '1'],
  ['123456789.123456789', '987654321.987654321', '1111111111.11111110995989293'],
  ['3.0e3', '200', '3200'],
  ['1', '-1', '0'],
  ['0.00000000000000001', '0', '0.00000000000000001'],
])('INCRBYFLOAT arithmetic: %s + %s = %s', (a, b, sum) => {
  expect(formatLongDouble(addLongDouble(parseLongDouble(a)!, parseLongDouble(b)!)!)).toBe(sum)
})
