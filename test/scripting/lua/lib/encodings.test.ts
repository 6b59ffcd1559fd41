// cjson, cmsgpack, struct and bit without a redis-server: one line for each behaviour that scripts
// may rely on.

import { describe, expect, test } from 'vitest'
import { all } from '../../../../src/scripting/lua/calling-convention.ts'
import { LuaTable } from '../../../../src/scripting/lua/table.ts'
import type { LuaFunction, LuaValue } from '../../../../src/scripting/lua/value.ts'
import { call, libraries, luaValue, ours, type Plain, pairs, sequence } from './library-oracle.ts'

/** Calls a function and returns its first result, or an error’s text. */
function ask(path: string, ...args: Plain[]): LuaValue {
  const { library, name } = call(path)
  const answer = ours(call(path, ...args))
  if (answer.startsWith('error: ')) return answer
  return all((libraries()[library]!.getString(name) as LuaFunction)(...args.map(luaValue)))[0]
}

describe('cjson.encode', () => {
  test.each<[Plain, string]>([
    [sequence(1, 2.5, 'x', true, null), '[1,2.5,"x",true,null]'],
    [pairs(['b', 1], ['a', sequence()]), '{"b":1,"a":{}}'],
    [pairs([1, 'x'], [3, 'z']), '["x",null,"z"]'],
    ['/"\\\b\f\n\r\t\x01\x7f\xe9', '"\\/\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u007f\xe9"'],
    [123456789012345, '1.2345678901234e+14'],
    [1e14, '1e+14'],
    [99999999999999, '99999999999999'],
    [undefined, 'null'],
    [pairs([11, 1]), 'error: Cannot serialise table: excessively sparse array'],
    [1 / 0, 'error: Cannot serialise number: must not be NaN or Inf'],
    [pairs([true, 1]), 'error: Cannot serialise boolean: table key must be a number or string'],
  ])('%j', (value, expected) => {
    expect(ask('cjson.encode', value)).toBe(expected)
  })
})

describe('cjson.decode', () => {
  test.each<[string, string]>([
    ['{"a":[1,{"b":null}],"c":"x"}', "#0{'61'=#2{1=1,2=#0{'62'=userdata}},'63'='78'}"],
    ['"\\u20ac\\ud83d\\ude00\\/"', "'e282acf09f98802f'"],
    ['{"a":1,"a":2}', "#0{'61'=2}"],
    ['[1,]', 'error: Expected value but found T_ARR_END at character 4'],
    ['{"a" 1}', 'error: Expected colon but found T_NUMBER at character 6'],
    ['"abc', 'error: Expected value but found unexpected end of string at character 5'],
    ['', 'error: Expected value but found T_END at character 1'],
    ['1 2', 'error: Expected the end but found T_NUMBER at character 3'],
    ['0x10', '16'],
  ])('%j', (text, expected) => {
    expect(ours(call('cjson.decode', text))).toBe(expected)
  })

  test('settings belong to one library; cjson.new() has its own', () => {
    const { cjson } = libraries()
    const other = all((cjson!.getString('new') as LuaFunction)())[0] as LuaTable
    expect(all((cjson!.getString('encode_max_depth') as LuaFunction)(5))).toEqual([5])
    expect(all((other.getString('encode_max_depth') as LuaFunction)())).toEqual([1000])
    expect(other.getString('null')).toBe(cjson!.getString('null'))
  })
})

describe('cmsgpack', () => {
  test.each<[Plain, string]>([
    [sequence(1, -1, 'ab', false), '\x94\x01\xff\xa2ab\xc2'],
    [sequence(), '\x90'],
    [pairs(['k', 200]), '\x81\xa1k\xcc\xc8'],
    [pairs([1, 1], [3, 3]), '\x82\x01\x01\x03\x03'],
    [0.5, '\xca\x3f\x00\x00\x00'],
    [0.1, '\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a'],
    [2 ** 40, '\xcf\x00\x00\x01\x00\x00\x00\x00\x00'],
    [null, '\xc0'],
  ])('packs %j, and unpacks it again', (value, packed) => {
    expect(ask('cmsgpack.pack', value)).toBe(packed)
    const expected = value === null ? 'nil' : ours(call('cmsgpack.unpack', ask('cmsgpack.pack', value) as string))
    expect(ours(call('cmsgpack.unpack', packed))).toBe(expected)
  })

  test('unpacks BullMQ’s arguments: an array with options as a map with nils', () => {
    expect(ours(call('cmsgpack.unpack', '\x93\xa7bull:q:\xa0\xc0'))).toBe("#2{1='62756c6c3a713a',2=''}")
    expect(ours(call('cmsgpack.unpack', '\x83\xa2fp\xc0\xa5delay\x05\xa2fp\xc3'))).toBe(
      "#0{'64656c6179'=5,'6670'=true}",
    )
  })

  test('a later nil removes a field', () => {
    expect(ours(call('cmsgpack.unpack', '\x83\xa1a\x01\xa1b\x02\xa1a\xc0'))).toBe("#0{'62'=2}")
  })

  test('offsets: the next one, -1 at the end', () => {
    expect(ours(call('cmsgpack.unpack_one', '\x01\x02', 0))).toBe('1 1')
    expect(ours(call('cmsgpack.unpack_limit', '\x01\x02', 5, 1))).toBe('-1 2')
    expect(ours(call('cmsgpack.unpack', '\xc1'))).toBe('error: Bad data format in input.')
    expect(ours(call('cmsgpack.unpack', '\xa5ab'))).toBe('error: Missing bytes in input.')
  })
})

test('decoded tables have the capacities of tables filled one by one, which # shows once there are holes', () => {
  const three = luaValueOf('cjson.decode', '[1,2,3]')
  three.set(2, undefined)
  expect(three.length()).toBe(1)
  const five = luaValueOf('cmsgpack.unpack', '\x95\x01\x02\x03\x04\x05')
  for (const key of [4, 5, 2]) five.set(key, undefined)
  expect(five.length()).toBe(1)
  expect(luaValueOf('cmsgpack.unpack', '\x95\x01\xc0\x03\xc0\x05').length()).toBe(1)
  expect(luaValueOf('cmsgpack.unpack', '\x98\x01\x02\xc0\x04\x05\x06\x07\xc0').length()).toBe(7)
})

function luaValueOf(path: string, text: string): LuaTable {
  const value = ask(path, text)
  if (!(value instanceof LuaTable)) throw new Error(`${path} gave no table`)
  return value
}

test.each<[string, Plain[], string]>([
  ['struct.pack', ['>I2<i4', 258, -2], "'0102feffffff'"],
  ['struct.pack', ['!4bi', 1, 2], "'0100000002000000'"],
  ['struct.unpack', ['bc0', '\x02abc'], "'6162' 4"],
  ['struct.unpack', ['<h', '\xff\xff'], '-1 3'],
  ['struct.size', ['!8bi3d'], '16'],
  ['struct.pack', ['i'], "error: bad argument #2 to 'pack' (number expected, got nil)"],
  ['bit.band', [0xff, 0x0f], '15'],
  ['bit.lshift', [1, 31], '-2147483648'],
  ['bit.rshift', [-1, 28], '15'],
  ['bit.rol', [0x12345678, 12], '1164411171'],
  ['bit.bswap', [0x12345678], '2018915346'],
  ['bit.tohex', [255, -4], "'30304646'"],
  ['bit.tobit', [2 ** 32 + 1], '1'],
  ['bit.bor', [], "error: bad argument #1 to 'bor' (number expected, got no value)"],
])('%s%j is %s', (path, args, expected) => {
  expect(ours(call(path, ...args))).toBe(expected)
})
