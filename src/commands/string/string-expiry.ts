// Expiries as SET, GETEX, SETEX and PSETEX read them: relative or absolute, in seconds or milliseconds.

import type { Call } from '../../engine/call.ts'
import { ERR } from '../../protocol/errors.ts'
import { INT64_MAX } from '../../util/numbers.ts'

/** How an expiry is given: the option's name, as in SET. */
export type ExpiryUnit = 'EX' | 'PX' | 'EXAT' | 'PXAT'

/** Arguments up to here, in seconds and counted from now, stay exact as numbers. */
const SMALL_MAX = 4e12

/** Reads argument `i` as a point in time in Unix milliseconds. Throws ERR.notInteger, ERR.invalidExpire (not positive, too large). */
export function readExpiry(call: Call, i: number, unit: ExpiryUnit): number {
  const value = call.args.integer(i)
  const unitMs = unit === 'EX' || unit === 'EXAT' ? 1000 : 1
  const baseMs = unit === 'EX' || unit === 'PX' ? Math.floor(call.now()) : 0
  if (value <= 0) throw ERR.invalidExpire(call.command.name)
  if (typeof value === 'number' && value <= SMALL_MAX) return value * unitMs + baseMs
  const time = BigInt(value) * BigInt(unitMs) + BigInt(baseMs)
  if (time > INT64_MAX) throw ERR.invalidExpire(call.command.name)
  return Number(time)
}
