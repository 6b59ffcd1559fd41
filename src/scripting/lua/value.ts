// Operations on any Lua value: its type's name, its text, its number.

import { parseDigits } from '../../util/numbers/numbers.ts'
import { type LuaError, runtimeError } from './errors.ts'
import { general } from './lib/printf.ts'
import { LONG_NUMBER_LENGTH, shortenNumber } from './long-number.ts'
import { meter } from './script-meter.ts'
import { LuaTable, LuaThread, LuaUserdata, type LuaValue } from './table.ts'

export { type LuaFunction, type LuaGenerator, type LuaResult, LuaThread, LuaUserdata, type LuaValue } from './table.ts'

export function typeName(value: LuaValue): string {
  switch (typeof value) {
    case 'undefined':
      return 'nil'
    case 'boolean':
      return 'boolean'
    case 'number':
      return 'number'
    case 'string':
      return 'string'
    case 'function':
      return 'function'
    default:
      return value instanceof LuaTable ? 'table' : value instanceof LuaThread ? 'thread' : 'userdata'
  }
}

/** Formats a number like `%.14g`. */
export function formatNumber(value: number): string {
  if (value % 1 === 0 && value < 1e14 && value > -1e14) return value === 0 && 1 / value < 0 ? '-0' : String(value)
  if (value === Number.POSITIVE_INFINITY) return 'inf'
  if (value === Number.NEGATIVE_INFINITY) return '-inf'
  // The NaN of 0/0 has its sign bit set on x86; JavaScript cannot tell the two NaNs apart.
  if (Number.isNaN(value)) return '-nan'
  const size = Math.abs(value)
  if (size >= 1e-4 && size < 1e14) {
    // The shortest digits that read back as this number are those of %.14g, if there are no more
    // than 14.
    const text = String(value)
    if (text.length <= 15) return text
  }
  const text = general(size, 14)
  return value < 0 ? `-${text}` : text
}

/**
 * The texts that objects show as their addresses. A new runtime begins with none
 * (`resetAddresses`).
 */
const addresses = {
  known: new WeakMap<object, string>(),
  next: 0x55d0c0de1000,
}

/** Returns a text like an address, unique to the object, for tostring. */
export function addressOf(value: object): string {
  let address = addresses.known.get(value)
  if (address === undefined) {
    addresses.next += 0x40
    address = `0x${addresses.next.toString(16)}`
    addresses.known.set(value, address)
  }
  return address
}

/** Restarts the addresses, so that a new runtime shows the same ones again. */
export function resetAddresses(): void {
  addresses.known = new WeakMap()
  addresses.next = 0x55d0c0de1000
}

/** tostring without metatables. */
export function rawToString(value: LuaValue): string {
  switch (typeof value) {
    case 'undefined':
      return 'nil'
    case 'boolean':
      return value ? 'true' : 'false'
    case 'number':
      return formatNumber(value)
    case 'string':
      return value
    case 'function':
      return `function: ${addressOf(value)}`
    default:
      if (value instanceof LuaUserdata) return `userdata: ${value.address}`
      return `${typeName(value)}: ${addressOf(value)}`
  }
}

const SPACE = '[ \\t\\n\\v\\f\\r]*'
// No two parts may match the same digits: a failing match would try every way to share them.
const DECIMAL = new RegExp(`^${SPACE}[+-]?(?:\\d+(?:\\.\\d*)?|\\.\\d+)(?:[eE][+-]?\\d+)?${SPACE}$`)
const HEXADECIMAL = new RegExp(`^${SPACE}([+-]?)0[xX]([0-9a-fA-F]*)(?:\\.([0-9a-fA-F]*))?(?:[pP]([+-]?\\d+))?${SPACE}$`)
const NAMED = new RegExp(`^${SPACE}([+-]?)(inf(?:inity)?|nan(?:\\([0-9a-zA-Z_]*\\))?)${SPACE}$`, 'i')

/**
 * Parses a number (decimal, hexadecimal, `inf`, `nan`, spaces around); returns undefined for other
 * texts.
 */
export function stringToNumber(text: string): number | undefined {
  const digits = parseDigits(text)
  if (digits >= 0) return digits
  meter.spendOn(text)
  // As for strtod, the text ends at a zero byte.
  const zero = text.indexOf('\0')
  const whole = zero < 0 ? text : text.slice(0, zero)
  const spelled = whole.length > LONG_NUMBER_LENGTH ? shortenNumber(whole) : whole
  if (DECIMAL.test(spelled)) return Number(spelled)
  const hex = HEXADECIMAL.exec(spelled)
  const fraction = hex?.[3] ?? ''
  const hexDigits = (hex?.[2] ?? '') + fraction
  if (hex !== null && hexDigits.length > 0) {
    let value = 0
    for (let i = 0; i < hexDigits.length; i++) {
      if (--meter.steps < 0) meter.tick()
      value = value * 16 + Number.parseInt(hexDigits.charAt(i), 16)
    }
    value *= 2 ** (Number(hex[4] ?? 0) - 4 * fraction.length)
    return hex[1] === '-' ? -value : value
  }
  const named = NAMED.exec(spelled)
  if (named === null) return undefined
  if (named[2]?.toLowerCase().startsWith('nan')) return Number.NaN
  return named[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
}

/**
 * Returns the number that a value is or spells, as arithmetic coerces it; undefined when there is
 * none.
 */
export function toNumber(value: LuaValue): number | undefined {
  if (typeof value === 'number') return value
  return typeof value === 'string' ? stringToNumber(value) : undefined
}

/** Returns a string as itself and a number as text; undefined for other types. */
export function toStringCoerced(value: LuaValue): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' ? formatNumber(value) : undefined
}

/** Throws `attempt to <what> <name> (a <type> value)`; the name is omitted when empty. */
export function typeError(what: string, value: LuaValue, name: string): never {
  const type = typeName(value)
  runtimeError(name === '' ? `attempt to ${what} a ${type} value` : `attempt to ${what} ${name} (a ${type} value)`)
}

/** Returns the value that was raised. Errors do not know Lua values; their makers give them one. */
export function raisedValue(error: LuaError): LuaValue {
  return error.value as LuaValue
}
