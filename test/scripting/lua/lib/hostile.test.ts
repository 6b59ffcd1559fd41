// For any arguments a library returns values or raises a Lua error. It never throws an exception of
// JavaScript, and never returns JavaScript’s objects.

import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { all } from '../../../../src/scripting/lua/calling-convention.ts'
import { LuaError } from '../../../../src/scripting/lua/errors.ts'
import { meter, SCRIPT_MEMORY_BYTES_MAX } from '../../../../src/scripting/lua/script-meter.ts'
import { LuaTable } from '../../../../src/scripting/lua/table.ts'
import { type LuaFunction, LuaThread, LuaUserdata, type LuaValue } from '../../../../src/scripting/lua/value.ts'
import { libraries } from './library-oracle.ts'

/** Steps a single call may take before it counts as endless; random input is short. */
const TICKS_MAX = 40

beforeEach(() => {
  let ticks = 0
  meter.begin(() => {
    if (++ticks > TICKS_MAX) throw new LuaError('too long')
  }, SCRIPT_MEMORY_BYTES_MAX)
})
afterEach(() => meter.begin(undefined, SCRIPT_MEMORY_BYTES_MAX))

/**
 * Calls a function and returns its results, undefined for a Lua error. Any other thrown value fails
 * the test.
 */
function survive(library: string, name: string, ...args: LuaValue[]): readonly LuaValue[] | undefined {
  try {
    return all((libraries()[library]!.getString(name) as LuaFunction)(...args))
  } catch (error) {
    if (error instanceof LuaError) return undefined
    throw error
  }
}

const PLAIN = new Set(['undefined', 'boolean', 'number'])

function expectPlain(value: LuaValue, depth = 0): void {
  if (value instanceof LuaTable) {
    if (depth > 50) return
    for (let at = value.nextPosition(0); at !== 0; at = value.nextPosition(at)) {
      expectPlain(value.keyAt(at), depth + 1)
      expectPlain(value.valueAt(at), depth + 1)
    }
    return
  }
  if (value instanceof LuaUserdata) return
  const isPlain = typeof value === 'string' ? /^[\0-\xff]*$/.test(value) : PLAIN.has(typeof value)
  if (!isPlain) expect.fail(`${String(value)} is no value of Lua's`)
}

const bytes = fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array).toString('latin1'))
const names = fc.constantFrom('__proto__', 'constructor', 'prototype', 'toString', 'valueOf', 'hasOwnProperty')

describe('malformed input', () => {
  test.each([
    [
      'cjson',
      'decode',
      fc.oneof(
        bytes,
        fc.json().map((text) => text.slice(0, -1)),
        bytes.map((text) => `["${text}`),
      ),
    ],
    ['cmsgpack', 'unpack', bytes],
    ['cmsgpack', 'unpack_one', bytes],
    ['struct', 'size', bytes],
  ] as const)('%s.%s gives plain values or a Lua error', (library, name, input) => {
    fc.assert(
      fc.property(input, (text) => {
        for (const value of survive(library, name, text) ?? []) expectPlain(value)
      }),
      { numRuns: process.env.SOAK ? 2000 : 500 },
    )
  })

  test.each([
    ['struct', 'unpack'],
    ['struct', 'pack'],
    ['string', 'format'],
    ['string', 'match'],
    ['string', 'find'],
  ])('%s.%s takes two texts of random bytes', (library, name) => {
    fc.assert(
      fc.property(bytes, bytes, (first, second) => {
        for (const value of survive(library, name, first, second, second, first) ?? []) expectPlain(value)
      }),
      { numRuns: process.env.SOAK ? 1500 : 400 },
    )
  })

  test('a length beyond the data costs nothing', () => {
    for (const message of [
      '\xdd\xff\xff\xff\xff',
      '\xdf\xff\xff\xff\xff',
      '\xdb\xff\xff\xff\xff',
      '\xdc\xff\xff\x01',
    ]) {
      expect(survive('cmsgpack', 'unpack', message)).toBeUndefined()
    }
    expect(survive('struct', 'unpack', 'c2147483647', 'abc')).toBeUndefined()
    expect(survive('struct', 'pack', 'c2147483647', 'abc')).toBeUndefined()
  })
})

describe('nesting', () => {
  test.each([
    ['cjson', 'decode', '['],
    ['cjson', 'decode', '{"a":'],
    ['cmsgpack', 'unpack', '\x91'],
    ['cmsgpack', 'unpack', '\x81\x01'],
  ])('%s.%s stops before the stack does, however deep %j goes', (library, name, opener) => {
    const own = libraries()
    all((own.cjson!.getString('decode_max_depth') as LuaFunction)(2 ** 31 - 1))
    const run = own[library]!.getString(name) as LuaFunction
    expect(() => run(opener.repeat(200_000))).toThrow(LuaError)
  })

  test('encoders stop too, also at cycles', () => {
    const own = libraries()
    all((own.cjson!.getString('encode_max_depth') as LuaFunction)(2 ** 31 - 1))
    const ring = new LuaTable()
    ring.set('ring', ring)
    expect(() => (own.cjson!.getString('encode') as LuaFunction)(ring)).toThrow(/excessive nesting/)
    expect(all((own.cmsgpack!.getString('pack') as LuaFunction)(ring))[0]).toMatch(/^(\x81\xa4ring){16}\xc0$/)
  })

  test('a table that contains itself many times over is not written out for ever', () => {
    let table = LuaTable.of(['x'])
    for (let i = 0; i < 60; i++) table = LuaTable.of([table, table])
    meter.begin(() => {
      throw new LuaError('interrupted')
    }, SCRIPT_MEMORY_BYTES_MAX)
    expect(survive('cjson', 'encode', table)).toBeUndefined()
  })
})

describe('JavaScript stays out of reach', () => {
  test('a decoded object has only the keys of its text', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.oneof(names, fc.string({ maxLength: 3 })), fc.integer()), names, (object, name) => {
        const table = survive('cjson', 'decode', Buffer.from(JSON.stringify(object)).toString('latin1'))![0] as LuaTable
        expect(table.get(name)).toBe(Object.hasOwn(object, name) ? object[name] : undefined)
      }),
    )
  })

  test('"__proto__" is a key like any other, there and back', () => {
    const text = '{"__proto__":{"x":1}}'
    const table = survive('cjson', 'decode', text)![0]!
    expect(survive('cjson', 'encode', table)).toEqual([text])
    expect(survive('cmsgpack', 'pack', table)).toEqual(['\x81\xa9__proto__\x81\xa1x\x01'])
    expect(({} as { x?: number }).x).toBeUndefined()
  })

  test('libraries hold functions, numbers, strings, cjson.null and nothing else', () => {
    for (const table of Object.values(libraries())) {
      for (let at = table.nextPosition(0); at !== 0; at = table.nextPosition(at)) {
        const member = table.valueAt(at)
        const isKnown = typeof member === 'function' || typeof member === 'string' || member instanceof LuaUserdata
        expect(isKnown && !(member instanceof LuaThread), String(table.keyAt(at))).toBe(true)
      }
      for (const name of ['__proto__', 'constructor', 'toString']) expect(table.get(name)).toBeUndefined()
    }
  })
})
