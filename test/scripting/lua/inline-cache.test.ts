// The compiler’s knowledge about tables and functions is dropped when it is no longer true. lua5.1
// is compared in corpus/fields.lua; these tests cover the features of this runtime: read-only
// tables, shapes, sources of any size.

import { describe, expect, test } from 'vitest'
import { LuaRuntime } from '../../../src/scripting/lua/runtime.ts'
import { EMPTY_SHAPE, shapeOf } from '../../../src/scripting/lua/shape.ts'
import { exchange, LuaTable } from '../../../src/scripting/lua/table.ts'
import type { LuaFunction } from '../../../src/scripting/lua/value.ts'
import { runHere } from './lua51.ts'

describe('shapes', () => {
  test('tables with the same keys in the same order share one, others do not', () => {
    const [a, b, c] = [new LuaTable(), new LuaTable(), new LuaTable()]
    for (const key of ['p', 'q']) a.set(key, 1)
    for (const key of ['p', 'q']) b.set(key, 2)
    for (const key of ['q', 'p']) c.set(key, 3)
    expect(a.shape).toBe(b.shape)
    expect(a.shape).not.toBe(c.shape)
    b.set('r', 4)
    expect([a.get('r'), b.get('r')]).toEqual([undefined, 4])
    a.set('s', 5)
    expect([a.get('r'), a.get('s'), b.get('s'), b.get('r')]).toEqual([undefined, 5, undefined, 4])
  })

  test('a key that comes twice has no shape', () => {
    expect(shapeOf(['a', 'b', 'a'])).toBeUndefined()
    expect(shapeOf([])).toBe(EMPTY_SHAPE)
  })

  test('any number of different keys leaves a bounded tree', () => {
    const lost: number[] = []
    for (let i = 0; i < 50_000; i++) {
      const table = new LuaTable()
      table.set(`first ${i}`, i)
      table.set('second', i)
      if (table.get(`first ${i}`) !== i) lost.push(i)
    }
    expect(lost).toEqual([])
    expect(EMPTY_SHAPE.followers!.size).toBeLessThanOrEqual(64)
  })

  test('exchanged contents take their shapes along', () => {
    const [a, b] = [new LuaTable(), new LuaTable()]
    a.set('x', 1)
    b.set('y', 2)
    b.set(1, 'first')
    exchange(a, b)
    expect([a.get('x'), a.get('y'), a.get(1), b.get('x'), b.get('y'), b.get(1)]).toEqual([
      undefined,
      2,
      'first',
      1,
      undefined,
      undefined,
    ])
  })
})

describe('read-only tables', () => {
  test('a site that has written to a table stops once the table is read-only', () => {
    const runtime = new LuaRuntime()
    const [write] = runtime.run(runtime.compile('return function(t, v) t.x = v end', 'user_script'))
    const table = new LuaTable()
    const other = new LuaTable()
    for (let i = 1; i < 5; i++) {
      runtime.run(write as LuaFunction, [table, i])
      runtime.run(write as LuaFunction, [other, i])
    }
    table.readonly = true
    expect(() => runtime.run(write as LuaFunction, [table, 9])).toThrow('Attempt to modify a readonly table')
    runtime.run(write as LuaFunction, [other, 9])
    expect([table.get('x'), other.get('x')]).toEqual([4, 9])
    expect(() => runtime.run(write as LuaFunction, [table, undefined])).toThrow('Attempt to modify a readonly table')
  })

  test('an element or a new field of a read-only table cannot be written either', () => {
    const runtime = new LuaRuntime()
    const locked = LuaTable.of([1, 2])
    locked.readonly = true
    runtime.globals.set('locked', locked)
    for (const statement of ['locked[1] = 5', 'locked[#locked + 1] = 5', 'locked.y = 5', 'locked[{}] = 5']) {
      expect(() => runtime.run(runtime.compile(statement, 'user_script'))).toThrow(
        'user_script:1: Attempt to modify a readonly table',
      )
    }
    expect([locked.get(1), locked.length(), locked.get('y')]).toEqual([1, 2, undefined])
  })

  test('functions of read-only globals are cached, and forgotten when the globals are exchanged', () => {
    const runtime = new LuaRuntime()
    const { globals } = runtime
    const library = new LuaTable()
    library.set('f', () => 'one')
    library.readonly = true
    globals.set('lib', library)
    globals.readonly = true
    const main = runtime.compile('return lib.f()', 'user_script')
    for (let i = 0; i < 3; i++) expect(runtime.run(main)).toEqual(['one'])
    const others = new LuaTable()
    const otherLibrary = new LuaTable()
    otherLibrary.set('f', () => 'two')
    others.set('lib', otherLibrary)
    exchange(globals, others)
    expect(runtime.run(main)).toEqual(['two'])
    otherLibrary.set('f', () => 'three')
    expect(runtime.run(main)).toEqual(['three'])
    exchange(globals, others)
    expect(runtime.run(main)).toEqual(['one'])
  })
})

describe('sources of any size', () => {
  const padding = `--[==[ ${'blah "]] '.repeat(40_000)}\n]==]\n`

  test('a large source is read like a small one', () => {
    const program = 'local s = "a\\"b" .. [[x\ny]] print(s, 0x10, 1e2, .5, s ~= nil) -- end'
    expect(runHere(padding + program)).toBe(runHere(program))
    expect(runHere(program)).toBe('a"bx\ny\t16\t100\t0.5\ttrue')
  })

  test.each([
    ['x = "abc', `unfinished string near '<eof>'`],
    ['x = "abc\\', `unfinished string near '<eof>'`],
    ['x = "abc\ny = 1', `unfinished string near '"abc'`],
    ['x = [==[ abc ]=]', `unfinished long string near '<eof>'`],
    ['--[[ abc ]', `unfinished long comment near '<eof>'`],
    ['x = [=abc', `invalid long string delimiter near '[='`],
    ['x = 3..2', `malformed number near '3..2'`],
    ['x = "\\400"', `escape sequence too large near '"'`],
  ])('an error of the lexer has its line in a large source, too: %j', (text, message) => {
    expect(runHere(text)).toBe(`error: user_script:1: ${message}`)
    expect(runHere(padding + text)).toBe(`error: user_script:3: ${message}`)
  })

  test.each(['[[', '"\\', "'", '--[[', '[=[', '(', '.', '\\'])('many times %s takes no time', (piece) => {
    const started = performance.now()
    expect(runHere(piece.repeat(300_000))).toMatch(/^error: user_script:1: /)
    expect(performance.now() - started).toBeLessThan(2000)
  })
})
