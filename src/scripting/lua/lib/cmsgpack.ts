// The cmsgpack library: pack, unpack, unpack_one, unpack_limit. Packing and unpacking have files of
// their own.

import { NONE, results, VALUES_MAX } from '../calling-convention.ts'
import { runtimeError } from '../errors.ts'
import { argumentError, expectInteger, expectString, library } from '../library.ts'
import { finish, gather, ROPE_LENGTH_MAX, type TextBuilder } from '../long-text.ts'
import { meter } from '../script-meter.ts'
import { LuaTable } from '../table.ts'
import type { LuaResult, LuaValue } from '../value.ts'
import { remember, remembered } from './cmsgpack-cache.ts'
import { packValue } from './cmsgpack-pack.ts'
import { unpackValues } from './cmsgpack-unpack.ts'

const BYTES_PER_STEP = 32

/**
 * Reads `limit` values from an offset; returns the next offset (-1 at the end), then the values.
 */
function unpackFrom(text: string, limit: number, offset: number): LuaResult {
  // The messages print 32 bits; the one about the limit prints the length.
  if (offset < 0 || limit < 0) {
    runtimeError(`Invalid request to unpack with offset of ${offset | 0} and limit of ${text.length}.`)
  }
  if (offset > text.length) runtimeError(`Start offset ${offset | 0} greater than input length ${text.length}.`)
  if (limit === 0 && offset === 0) return unpackAll(text)
  const values: LuaValue[] = [-1]
  meter.charge(text.length - offset)
  const end = unpackValues(text, offset, Math.min(limit, VALUES_MAX), values)
  if (values.length > VALUES_MAX) tooMany()
  if (end < text.length) values[0] = end
  return values
}

function unpackAll(text: string): LuaResult {
  meter.charge(text.length)
  meter.spend(1 + Math.floor(text.length / BYTES_PER_STEP))
  const known = remembered(text)
  if (known !== undefined) return known
  const values: LuaValue[] = []
  unpackValues(text, 0, VALUES_MAX, values)
  if (values.length >= VALUES_MAX) tooMany()
  const only = values.length === 1 ? values[0] : undefined
  if (only instanceof LuaTable) remember(text, only)
  return values.length === 0 ? NONE : results(values)
}

function tooMany(): never {
  runtimeError('stack overflow (too many return values at once; use unpack_one or unpack_limit instead.)')
}

export const cmsgpackLibrary: LuaTable = library({
  _NAME: 'cmsgpack',
  _VERSION: 'lua-cmsgpack 0.4.0',
  _COPYRIGHT: 'Copyright (C) 2012, Salvatore Sanfilippo',
  _DESCRIPTION: 'MessagePack C implementation for Lua',
  pack(...values) {
    if (values.length === 0) argumentError(0, 'pack', 'MessagePack pack needs input.')
    let built: TextBuilder | undefined
    let text = ''
    for (let i = 0; i < values.length; i++) {
      text += packValue(values[i], 0)
      if (text.length >= ROPE_LENGTH_MAX) {
        built = gather(built, text)
        text = ''
      }
    }
    return finish(built, text)
  },
  unpack(text) {
    return unpackAll(typeof text === 'string' ? text : expectString(text, 1, 'unpack', arguments.length))
  },
  unpack_one(text, offset) {
    const from = offset === undefined ? 0 : expectInteger(offset, 2, 'unpack_one', 2)
    return unpackFrom(expectString(text, 1, 'unpack_one', arguments.length), 1, from)
  },
  unpack_limit(text, limit, offset) {
    const count = expectInteger(limit, 2, 'unpack_limit', arguments.length)
    const from = offset === undefined ? 0 : expectInteger(offset, 3, 'unpack_limit', 3)
    return unpackFrom(expectString(text, 1, 'unpack_limit', arguments.length), count, from)
  },
})
