// Repeated payloads are copied from a cache: unpacking one must give the same tables as reading it
// again.

import { expect, test } from 'vitest'
import { cmsgpackLibrary } from '../../../../src/scripting/lua/lib/cmsgpack.ts'
import { createEngine } from '../../../support/engine.ts'
import { runtimeWithPrint } from '../lua51.ts'

test('each time a payload is unpacked the tables are new ones', () => {
  const client = createEngine().connect()
  const script = `
    local packed = cmsgpack.pack({ name = 'x', list = { 1, 2, { deep = 'y' } }, nothing = { } })
    for round = 1, 50 do
      local t = cmsgpack.unpack(packed)
      if t.name ~= 'x' or #t.list ~= 3 or t.list[3].deep ~= 'y' or next(t.nothing) ~= nil or t.more ~= nil then return round end
      t.name = 'changed'
      t.list[3].deep = 'changed'
      t.list[4] = 4
      t.nothing[1] = 1
      t.more = 'more'
    end
    return 'same'`
  for (let i = 0; i < 3; i++) expect(client.ask('EVAL', script, 0)).toBe('$4\r\nsame\r\n')
})

test('payloads of one length, told apart by any one byte, are not confused', () => {
  const client = createEngine().connect()
  const script = `
    local wrong = 0
    for round = 1, 4 do
      for place = 1, 40 do
        local text = ('.'):rep(place - 1) .. 'x' .. ('.'):rep(40 - place)
        local packed = cmsgpack.pack({ text = text, at = place })
        for _ = 1, 3 do
          local t = cmsgpack.unpack(packed)
          if t.text ~= text or t.at ~= place then wrong = wrong + 1 end
        end
      end
    end
    return wrong`
  expect(client.ask('EVAL', script, 0)).toBe(':0\r\n')
})

test('a table with holes, many levels, tables as keys and several values are unchanged', () => {
  const client = createEngine().connect()
  const script = `
    local seen = {}
    for round = 1, 5 do
      local holes = cmsgpack.unpack('\\149\\1\\192\\192\\192\\5\\5\\5'..'\\6')
      local map = cmsgpack.unpack('\\130\\129\\161a\\1\\161b\\161c\\161d')
      local deep = cmsgpack.unpack(('\\145'):rep(20) .. '\\1')
      for key, value in pairs(map) do
        if type(key) == 'table' then seen[#seen + 1] = key.a .. value; key.a = 'changed' end
      end
      local levels = 0
      while type(deep) == 'table' do deep, levels = deep[1], levels + 1 end
      local first, second, third = cmsgpack.unpack('\\129\\161a\\1\\129\\161b\\2\\7\\7\\7')
      seen[#seen + 1] = #holes .. '/' .. levels .. '/' .. first.a .. second.b .. third
    end
    return seen`
  const replies = client.ask('EVAL', script, 0)
  const lines = replies.split('\r\n').filter((line) => line !== '' && !/^[*$]/.test(line))
  expect(lines).toHaveLength(10)
  for (let i = 2; i < lines.length; i++) expect(lines[i]).toBe(lines[i % 2])
  expect(lines[0]).toBe('1b')
  expect(lines[1]).toMatch(/^\d\/20\/127$/)
})

test('a copy is charged like a payload that is read', () => {
  const runtime = runtimeWithPrint([], { memoryBytesMax: 8 * 1024 * 1024 })
  runtime.addLibrary('cmsgpack', cmsgpackLibrary)
  const script = `
    local packed = cmsgpack.pack({ a = 1, b = { 1, 2, 3, 4, 5, 6, 7, 8 } })
    local kept = {}
    while true do kept[#kept + 1] = cmsgpack.unpack(packed) end`
  expect(() => runtime.run(runtime.compile(script, 'user_script'))).toThrow('not enough memory')
})
