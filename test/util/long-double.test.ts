import { describe, expect, test } from 'vitest'
import { Bytes } from '../../src/util/bytes/bytes.ts'
import {
  addLongDouble,
  formatLongDouble,
  longDoubleToNumber,
  parseLongDouble,
} from '../../src/util/numbers/long-double.ts'

function add(a: string, b: string): string | undefined {
  const sum = addLongDouble(parseLongDouble(a)!, parseLongDouble(b)!)
  return sum && formatLongDouble(sum)
}

describe('extended precision', () => {
  // Each line was answered by redis-server: SET k <a>, INCRBYFLOAT k <b>.
  test.each([
    ['-0.0', '0', '0'],
    ['-1e-30', '0', '0'],
    ['18446744073709551615', '0.5', '18446744073709551616'],
    ['18446744073709551616', '1', '18446744073709551616'],
    ['18446744073709551617', '0', '18446744073709551616'],
    ['9223372036854775807', '0.25', '9223372036854775807'],
    ['0.5', '0.000000000000000005', '0.5'],
    ['0', '0.000000000000000005', '0'],
    ['0', '0.000000000000000015', '0.00000000000000002'],
    ['0', '0.0000000000000000050001', '0.00000000000000001'],
    ['0', '0.000000000000000014999', '0.00000000000000001'],
    ['-0.000000000000000005', '0', '0'],
    ['1.1', '2.2', '3.3'],
    ['1e17', '0.1', '100000000000000000.1015625'],
    ['0x1.8p1', '0x10', '19'],
    ['0x.8', '.5', '1'],
    ['5.', '-.25e1', '2.5'],
    ['0xffffffffffffffffff', '0', '4722366482869645213696'],
    ['1e-4950', '1', '1'],
    ['3.14159265358979323846', '0', '3.14159265358979324'],
    ['2.718281828459045', '1e-17', '2.71828182845904501'],
    ['1e25', '-1e25', '0'],
    ['1e25', '1', '10000000000000000000000000'],
    ['1e-10', '1e10', '10000000000'],
    ['4503599627370497.5', '0', '4503599627370497.5'],
    ['99999999999999999999.999', '0.001', '100000000000000000000'],
    ['1.18973149535723176502e40', '0', '11897314953572317650713456900994106392576'],
  ])('%s + %s is %s', (a, b, sum) => {
    expect(add(a, b)).toBe(sum)
  })

  test('reads bytes as it reads text', () => {
    expect(formatLongDouble(parseLongDouble(Bytes.from('-12.50'))!)).toBe('-12.5')
  })

  test('ends at 2^16384: what rounds to it is no number, and a sum beyond it is infinite', () => {
    const largest = '1.18973149535723176502e4932'
    expect(add(largest, '0')).toMatch(/^118973149535723176502\d{4912}$/)
    expect(parseLongDouble('1.18973149535723176505e4932')).toBeDefined()
    expect(parseLongDouble('1.18973149535723176506e4932')).toBeUndefined()
    expect(add(largest, largest)).toBe('inf')
    expect(add(`-${largest}`, `-${largest}`)).toBe('-inf')
  })

  test('ends below at 2^-16445: half of it is no number, more than half is the smallest', () => {
    expect(parseLongDouble('1.9e-4951')).toMatchObject({ significand: 1n, exponent: -16445 })
    expect(parseLongDouble('1.8e-4951')).toBeUndefined()
    expect(parseLongDouble('0e-99999')).toMatchObject({ significand: 0n })
  })

  test('knows infinities, whose difference is nothing', () => {
    expect(add('inf', '1')).toBe('inf')
    expect(add('1', '-Infinity')).toBe('-inf')
    expect(add('inf', '+INF')).toBe('inf')
    expect(add('inf', '-inf')).toBeUndefined()
  })

  test.each([
    ['', 'nothing'],
    [' 1', 'a blank before'],
    ['1 ', 'a blank behind'],
    ['nan', 'not a number'],
    ['.', 'a point alone'],
    ['1e', 'an exponent without digits'],
    ['0x', 'hexadecimal without digits'],
    ['0x.p1', 'hexadecimal without digits'],
    ['1e99999999999999999999', 'too large'],
    ['1e-99999999999999999999', 'too small'],
    ['0x1p99999999999999999999', 'too large'],
    ['1'.repeat(5120), 'more than Redis looks at'],
  ])('%j is refused: %s', (text) => {
    expect(parseLongDouble(text)).toBeUndefined()
  })

  test('narrows to the nearest double', () => {
    for (const text of ['0.1', '-2.5', '1e308', '5e-324', '0']) {
      expect(longDoubleToNumber(parseLongDouble(text)!)).toBe(Number(text))
    }
    // Between two doubles, to the even one.
    expect(longDoubleToNumber(parseLongDouble('9007199254740993')!)).toBe(9007199254740992)
    expect(longDoubleToNumber(parseLongDouble('9007199254740995')!)).toBe(9007199254740996)
    expect(longDoubleToNumber(parseLongDouble('1e400')!)).toBe(Number.POSITIVE_INFINITY)
    expect(longDoubleToNumber(parseLongDouble('-1e400')!)).toBe(Number.NEGATIVE_INFINITY)
    expect(longDoubleToNumber(parseLongDouble('1e-400')!)).toBe(0)
  })
})
