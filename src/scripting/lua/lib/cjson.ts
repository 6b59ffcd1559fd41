// The cjson library: its functions, and the settings that they share. Decoding and encoding have
// files of their own.
//
// `cjson.new()` makes a library with settings of its own, as in lua-cjson. A script's settings on
// the shared library stay for later scripts, as in Redis.

import { argumentError, argumentTypeError, expectInt, expectString, library } from '../library.ts'
import type { LuaTable } from '../table.ts'
import { type LuaValue, toStringCoerced } from '../value.ts'
import { type DecodeSettings, decodeJson, JSON_NULL } from './cjson-decode.ts'
import { ENCODE_DEFAULTS, type EncodeSettings, encodeJson } from './cjson-encode.ts'

interface Settings extends EncodeSettings, DecodeSettings {
  /** Only remembered: there is no buffer to keep. */
  encodeKeepBuffer: boolean
}

/** The largest value of C's int. */
const INT_MAX = 0x7fffffff
const DECODE_DEPTH_DEFAULT = 1000

/** Makes a cjson library with default settings. */
export function createCjson(): LuaTable {
  const settings: Settings = {
    ...ENCODE_DEFAULTS,
    encodeKeepBuffer: true,
    decodeMaxDepth: DECODE_DEPTH_DEFAULT,
    decodeInvalidNumbers: true,
  }
  return library({
    _NAME: 'cjson',
    _VERSION: '2.1.0',
    null: JSON_NULL,
    encode(value) {
      if (arguments.length !== 1) argumentError(1, 'encode', 'expected 1 argument')
      return encodeJson(value, settings)
    },
    decode(text) {
      if (arguments.length !== 1) argumentError(1, 'decode', 'expected 1 argument')
      return decodeJson(typeof text === 'string' ? text : expectString(text, 1, 'decode', 1), settings)
    },
    new: createCjson,
    encode_max_depth(depth) {
      limitArguments(arguments.length, 1, 'encode_max_depth')
      settings.encodeMaxDepth = integerSetting(depth, 1, 'encode_max_depth', settings.encodeMaxDepth, 1, INT_MAX)
      return settings.encodeMaxDepth
    },
    decode_max_depth(depth) {
      limitArguments(arguments.length, 1, 'decode_max_depth')
      settings.decodeMaxDepth = integerSetting(depth, 1, 'decode_max_depth', settings.decodeMaxDepth, 1, INT_MAX)
      return settings.decodeMaxDepth
    },
    encode_number_precision(precision) {
      const name = 'encode_number_precision'
      limitArguments(arguments.length, 1, name)
      settings.encodeNumberPrecision = integerSetting(precision, 1, name, settings.encodeNumberPrecision, 1, 14)
      return settings.encodeNumberPrecision
    },
    encode_sparse_array(convert, ratio, safe) {
      const name = 'encode_sparse_array'
      limitArguments(arguments.length, 3, name)
      settings.encodeSparseConvert = choiceSetting(convert, name, Number(settings.encodeSparseConvert), ON_OFF) === 1
      settings.encodeSparseRatio = integerSetting(ratio, 2, name, settings.encodeSparseRatio, 0, INT_MAX)
      settings.encodeSparseSafe = integerSetting(safe, 3, name, settings.encodeSparseSafe, 0, INT_MAX)
      return [settings.encodeSparseConvert, settings.encodeSparseRatio, settings.encodeSparseSafe]
    },
    encode_invalid_numbers(choice) {
      const name = 'encode_invalid_numbers'
      limitArguments(arguments.length, 1, name)
      const chosen = choiceSetting(choice, name, settings.encodeInvalidNumbers, ON_OFF_NULL)
      settings.encodeInvalidNumbers = chosen
      return chosen === 2 ? 'null' : chosen === 1
    },
    decode_invalid_numbers(choice) {
      const name = 'decode_invalid_numbers'
      limitArguments(arguments.length, 1, name)
      settings.decodeInvalidNumbers = choiceSetting(choice, name, Number(settings.decodeInvalidNumbers), ON_OFF) === 1
      return settings.decodeInvalidNumbers
    },
    encode_keep_buffer(choice) {
      const name = 'encode_keep_buffer'
      limitArguments(arguments.length, 1, name)
      settings.encodeKeepBuffer = choiceSetting(choice, name, Number(settings.encodeKeepBuffer), ON_OFF) === 1
      return settings.encodeKeepBuffer
    },
  })
}

const ON_OFF = ['off', 'on']
const ON_OFF_NULL = ['off', 'on', 'null']

function limitArguments(count: number, most: number, name: string): void {
  if (count > most) argumentError(most + 1, name, 'found too many arguments')
}

/**
 * A number to set, or nil to leave it. The error of a value out of range names argument 1,
 * whichever it was.
 */
function integerSetting(value: LuaValue, at: number, name: string, now: number, min: number, max: number): number {
  if (value === undefined) return now
  const wanted = expectInt(value, at, name, at)
  if (wanted < min || wanted > max) argumentError(1, name, `expected integer between ${min} and ${max}`)
  return wanted
}

/** A word or a boolean to set, or nil to leave it. */
function choiceSetting(value: LuaValue, name: string, now: number, choices: readonly string[]): number {
  if (value === undefined) return now
  if (typeof value === 'boolean') return Number(value)
  const word = toStringCoerced(value) ?? argumentTypeError(value, 1, name, 'string', 1)
  const chosen = choices.indexOf(word)
  return chosen >= 0 ? chosen : argumentError(1, name, `invalid option '${word}'`)
}
