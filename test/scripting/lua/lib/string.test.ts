// The string library without a redis-server, and with functions as arguments.

import { afterEach, describe, expect, test } from 'vitest'
import { all } from '../../../../src/scripting/lua/calling-convention.ts'
import { LuaError } from '../../../../src/scripting/lua/errors.ts'
import { format } from '../../../../src/scripting/lua/lib/format.ts'
import { stringLibrary } from '../../../../src/scripting/lua/lib/string.ts'
import { meter, SCRIPT_MEMORY_BYTES_MAX } from '../../../../src/scripting/lua/script-meter.ts'
import { LuaTable } from '../../../../src/scripting/lua/table.ts'
import type { LuaFunction, LuaValue } from '../../../../src/scripting/lua/value.ts'

function string(name: string, ...args: LuaValue[]): readonly LuaValue[] {
  return all((stringLibrary.getString(name) as LuaFunction)(...args))
}

function message(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof LuaError) return String(error.value)
    throw error
  }
  return 'no error'
}

afterEach(() => meter.begin(undefined, SCRIPT_MEMORY_BYTES_MAX))

describe('patterns', () => {
  test.each([
    ['THE (quick) fox', '%((%a+)%)', ['quick']],
    ['2026-11-21', '(%d+)-(%d+)-(%d+)', ['2026', '11', '21']],
    ['  trim  ', '^%s*(.-)%s*$', ['trim']],
    ['say "hi" \'ho\'', '(["\'])(.-)%1', ['"', 'hi']],
    ['f(a(b)c)d', '%b()', ['(a(b)c)']],
    ['THE quick', '%f[%a]%a+%f[%A]', ['THE']],
    ['abc', '()b()', [2, 3]],
    ['a.b', '[^.]*$', ['b']],
  ])('%j matches %j', (subject, pattern, captures) => {
    expect(string('match', subject, pattern)).toEqual(captures)
  })

  test('of a hundred thousand optional items match without overflowing anything', () => {
    const length = 100_000
    expect(string('find', 'a'.repeat(length), 'a?'.repeat(length))).toEqual([1, length])
    expect(string('find', 'a'.repeat(length), '.-'.repeat(length))).toEqual([1, 0])
  })

  test('that would run for ages can be interrupted', () => {
    let ticks = 0
    meter.begin(() => {
      if (++ticks === 20) throw new Error('killed')
    }, SCRIPT_MEMORY_BYTES_MAX)
    expect(() => string('find', 'a'.repeat(1000), `${'a-'.repeat(40)}b`)).toThrow('killed')
    ticks = 0
    expect(() => string('find', '('.repeat(50_000), '%b()')).toThrow('killed')
    // The next match is not disturbed.
    expect(string('find', 'xab', 'a-b')).toEqual([2, 3])
  })
})

describe('gmatch', () => {
  test('walks over all matches, captures and empty ones included', () => {
    const seen: (readonly LuaValue[])[] = []
    const next = string('gmatch', 'k1=v1, k2=', '(%w+)=(%w*)')[0] as LuaFunction
    for (let found = all(next()); found.length > 0; found = all(next())) seen.push(found)
    expect(seen).toEqual([
      ['k1', 'v1'],
      ['k2', ''],
    ])
    expect(all(next())).toEqual([])
  })

  test('takes a caret as a character and steps over empty matches', () => {
    const next = string('gmatch', 'ab', 'x*')[0] as LuaFunction
    expect([next(), next(), next(), all(next()).length]).toEqual(['', '', '', 0])
    expect(all((string('gmatch', 'a^b', '^b')[0] as LuaFunction)())).toEqual(['^b'])
  })
})

describe('gsub', () => {
  test('calls a function with all captures, which may use patterns itself', () => {
    const swap: LuaFunction = (key, value) => {
      string('gsub', 'something else', '(%w)(%w)', '%2%1')
      return `${value}:${key}`
    }
    expect(string('gsub', 'a=1 b=2', '(%w)=(%w)', swap)).toEqual(['1:a 2:b', 2])
  })

  test('keeps the match when the function answers nil, false or nothing', () => {
    expect(string('gsub', 'abc', '%w', (c) => (c === 'a' ? undefined : c === 'b' ? false : []))).toEqual(['abc', 3])
    expect(message(() => string('gsub', 'abc', '%w', () => true))).toBe('invalid replacement value (a boolean)')
  })

  test('asks a table, its __index too', () => {
    const table = new LuaTable()
    table.metatable = new LuaTable()
    table.metatable.set('__index', (_: LuaValue, key: LuaValue) => `<${key}>`)
    table.set('a', 7)
    expect(string('gsub', 'ab', '%w', table)).toEqual(['7<b>', 2])
  })
})

describe('format', () => {
  test.each([
    ['%5.1f|%-8s|%+d|%#x', [2.71, 'ab', 5, 255], '  2.7|ab      |+5|0xff'],
    ['%.0f %.0f %.0f', [0.5, 1.5, 2.5], '0 2 2'],
    ['%.3f', [2 ** 70], '1180591620717411303424.000'],
    ['%.14g %g', [0.1, 1e20], '0.1 1e+20'],
    ['%d %u %x', [-1, -1, -1], '-1 18446744073709551615 ffffffffffffffff'],
    ['%5d|%-5d|%05d|%5.3d', [42, 42, 42, 42], '   42|42   |00042|  042'],
    ['%q', ['a"\\\n\0\r'], '"a\\"\\\\\\\n\\000\\r"'],
    ['%s and %s', [1, 'x'.repeat(200)], `1 and ${'x'.repeat(200)}`],
    ['%5.1f|%-6f|%f', [1 / 0, -1 / 0, 0], '  inf|-inf  |0.000000'],
    ['100%%', [], '100%'],
  ] as const)('%j', (text, values, expected) => {
    expect(format(text, [text, ...values])).toBe(expected)
  })

  test('raises the errors that C would', () => {
    expect(message(() => string('format', '%d', 'x'))).toBe("bad argument #2 to 'format' (number expected, got string)")
    expect(message(() => string('format', '%y', 1))).toBe("invalid option '%y' to 'format'")
  })
})

describe('memory', () => {
  test('string.rep beyond the limit is refused before it is built', () => {
    meter.begin(undefined, 1 << 20)
    expect(message(() => string('rep', 'x', 1e9))).toBe('not enough memory')
    expect(string('rep', 'ab', 3)).toEqual(['ababab'])
  })

  test('a NUL, a byte beyond ASCII and a number are characters, bytes and text', () => {
    expect(string('len', 'a\0\xff')).toEqual([3])
    expect(string('upper', 'aé\xff')).toEqual(['Aé\xff'])
    expect(string('rep', 12.5, 2)).toEqual(['12.512.5'])
  })

  test('string.dump shows the header of byte code, and refuses a native function', () => {
    expect(string('dump', () => undefined)).toEqual(['\x1bLuaQ\0\x01\x04\x08\x04\x08\0'])
    expect(message(() => string('dump', stringLibrary.get('len')!))).toBe('unable to dump given function')
  })
})
