import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Bytes } from '../../src/util/bytes/bytes.ts'
import { addLongDouble, formatLongDouble, parseLongDouble } from '../../src/util/numbers/long-double.ts'
import {
  addInteger,
  formatDouble,
  formatDouble17,
  INT64_MAX,
  INT64_MIN,
  parseDouble,
  parseInteger,
  writeDouble,
  writeInteger,
} from '../../src/util/numbers/numbers.ts'

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

test.each([
  ['1e-400', 'it would become zero'],
  ['0x1p-1080', 'it would become zero'],
  ['0x1p1024', 'it is too large'],
  ['0x1.fffffffffffff8p1023', 'it rounds to something too large'],
  ['0x1p99999999999999999999', 'it is too large'],
])('parseDouble refuses %j: %s', (text) => {
  expect(parseDouble(text)).toBeUndefined()
})

test.each([
  ['0e-400', 0],
  ['-0x0p99999', -0],
  ['0x1.00000000000008p0', 1],
  ['0x1.000000000000080000000001p0', 1.0000000000000002],
  ['0x1.8p-1074', 1e-323],
  ['0x0.80000001p-1074', 5e-324],
])('parseDouble rounds %j once, to the even of two as near', (text, value) => {
  expect(parseDouble(text)).toBe(value)
})

test.each([
  [0, '0'],
  [-0, '-0'],
  [3, '3'],
  [-17.5, '-17.5'],
  [0.1, '0.1'],
  [0.1 + 0.2, '0.30000000000000004'],
  [0.00001, '0.00001'],
  [1e-7, '1e-7'],
  [1.5e-7, '1.5e-7'],
  [1234567.1234567, '1.2345671234567e+6'],
  [1e18, '1000000000000000000'],
  [2 ** 62, '4611686018427387904'],
  [12345678901234567000, '12345678901234567000'],
  [1e20, '1e+20'],
  // Not the fewest or not the nearest digits: redis-server 7.2.6 prints these.
  [1.33e22, '13299999999999999000000'],
  [1599335822906459.8, '1599335822906459.7'],
  [-1.25e100, '-1.25e+100'],
  [5e-324, '5e-324'],
  [Number.MAX_VALUE, '1.7976931348623157e+308'],
  [Number.POSITIVE_INFINITY, 'inf'],
  [Number.NEGATIVE_INFINITY, '-inf'],
  [Number.NaN, 'nan'],
])('%d is printed as Redis 7.2 prints it: %s', (value, text) => {
  expect(formatDouble(value)).toBe(text)
})

test('a printed double reads back as itself', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true }), (value) => {
      expect(Object.is(Number(formatDouble(value).replace('inf', 'Infinity')), value)).toBe(true)
    }),
  )
})

test('writeDouble writes what formatDouble prints', () => {
  const u8 = Buffer.alloc(32)
  fc.assert(
    fc.property(fc.double(), (value) => {
      expect(u8.toString('latin1', 3, 3 + writeDouble(value, u8, 3))).toBe(formatDouble(value))
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

// Each was printed by redis-server 7.0, whose doubles are `%.17g`.
test.each([
  ['0.1', '0.10000000000000001'],
  ['0.5', '0.5'],
  ['1e20', '1e+20'],
  ['1e16', '10000000000000000'],
  ['1.7976931348623157e308', '1.7976931348623157e+308'],
  ['5e-324', '4.9406564584124654e-324'],
  ['-0.0001', '-0.0001'],
  ['0.00001', '1.0000000000000001e-05'],
  ['123456789012345678', '1.2345678901234568e+17'],
  ['-576058178495147.625', '-576058178495147.62'],
  ['576058178495147.875', '576058178495147.88'],
])('%s with seventeen digits is %s', (text, printed) => {
  expect(formatDouble17(Number(text))).toBe(printed)
})
