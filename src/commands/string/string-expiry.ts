// Expiry times in SET, GETEX, SETEX and PSETEX: relative or absolute, in seconds or milliseconds,
// always positive.

import type { Options } from '../../engine/requests/options.ts'
import { ERR } from '../../protocol/errors.ts'
import type { Call } from '../call.ts'
import { readExpiry } from '../generic/expiry-times.ts'

/** The form of an expiry time: the option's name in SET. */
export type ExpiryUnit = 'EX' | 'PX' | 'EXAT' | 'PXAT'

/** Returns the unit of the current option; undefined if it is not an expiry time. */
export function expiryUnit(options: Options): ExpiryUnit | undefined {
  if (options.is('EX')) return 'EX'
  if (options.is('PX')) return 'PX'
  if (options.is('EXAT')) return 'EXAT'
  return options.is('PXAT') ? 'PXAT' : undefined
}

/**
 * Reads argument `i` as a point in time in Unix milliseconds. Throws ERR.notInteger,
 * ERR.invalidExpire (not positive, too large).
 */
export function readPositiveExpiry(call: Call, i: number, unit: ExpiryUnit): number | bigint {
  if (call.args.integer(i) <= 0) throw ERR.invalidExpire(call.command.name)
  const unitMs = unit === 'EX' || unit === 'EXAT' ? 1000 : 1
  const baseMs = unit === 'EX' || unit === 'PX' ? call.now() : 0
  return readExpiry(call, i, unitMs, baseMs)
}
