// Expiry times as commands read and print them.
//
// They are signed 64-bit milliseconds. The expiry heap holds doubles, so times beyond the year
// 287396 (2^53 ms) are kept approximately. Only the last one, 2^63 - 1, is printed exactly.

import { ERR } from '../../protocol/errors.ts'
import { INT64_MAX, INT64_MIN, narrow } from '../../util/numbers/numbers.ts'
import type { Call } from '../call.ts'

/** Arguments up to this value, in seconds from now, stay exact as doubles. */
const SMALL_MAX = 4e12

/**
 * Reads argument `i`, in units of `unitMs` counted from `baseMs`, as Unix milliseconds. Throws
 * ERR.notInteger, ERR.invalidExpire.
 */
export function readExpiry(call: Call, i: number, unitMs: 1 | 1000, baseMs: number): number | bigint {
  const value = call.args.integer(i)
  // A clock may have fractions of a millisecond; times in the journal are whole.
  baseMs = Math.floor(baseMs)
  if (typeof value === 'number' && value <= SMALL_MAX && value >= -SMALL_MAX) return value * unitMs + baseMs
  const unit = BigInt(unitMs)
  let time = BigInt(value)
  if (time > INT64_MAX / unit || time < INT64_MIN / unit) throw ERR.invalidExpire(call.command.name)
  time *= unit
  if (time > INT64_MAX - BigInt(baseMs)) throw ERR.invalidExpire(call.command.name)
  return narrow(time + BigInt(baseMs))!
}

/**
 * Returns an expiry, counted from `baseMs`, as a whole number of ms or, rounded to the nearest, of
 * seconds.
 */
export function showExpiry(expiryMs: number, baseMs: number, unitMs: 1 | 1000): number | bigint {
  const left = Math.max(0, expiryMs - baseMs)
  if (left <= Number.MAX_SAFE_INTEGER - 500) return unitMs === 1 ? left : Math.floor((left + 500) / 1000)
  const time = BigInt(expiryMs)
  const exact = (time > INT64_MAX ? INT64_MAX : time) - BigInt(baseMs)
  return unitMs === 1 ? exact : narrow((exact + 500n) / 1000n)!
}
