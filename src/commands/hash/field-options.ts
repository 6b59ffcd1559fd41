// The options of HGETEX and HSETEX: an expiry time, a condition, and at the end all fields.

import type { ArgSpec } from '../../engine/spec/command.ts'
import { ERR, printable } from '../../protocol/errors.ts'
import { parseInteger } from '../../util/numbers/numbers.ts'
import type { Call } from '../call.ts'
import { readFieldExpiry } from './field-arguments.ts'

const COUNT_INVALID = ERR.of('invalid number of fields')
const COUNT_MISMATCH = ERR.of('wrong number of arguments')
const EXPIRY_MISSING = ERR.of('missing expire time')
const ONE_CONDITION = ERR.of('Only one of FXX or FNX arguments can be specified')

export const expirations: readonly ArgSpec[] = [
  { name: 'seconds', type: 'integer', token: 'EX' },
  { name: 'milliseconds', type: 'integer', token: 'PX' },
  { name: 'unix-time-seconds', type: 'unix-time', token: 'EXAT' },
  { name: 'unix-time-milliseconds', type: 'unix-time', token: 'PXAT' },
]

export interface FieldOptions {
  /** The expiry time of the fields. `keep` stands for PERSIST or KEEPTTL. */
  expiry: number | 'keep' | undefined
  condition: 'FNX' | 'FXX' | undefined
  /** Index of the first field, and the number of fields. */
  first: number
  count: number
}

/**
 * Reads the arguments between the key and the fields. `keep` is the option that stands beside the
 * expiry times; a field takes `width` arguments.
 */
export function readFieldOptions(call: Call, keep: 'PERSIST' | 'KEEPTTL', width: 1 | 2): FieldOptions {
  const { args } = call
  const found: FieldOptions = { expiry: undefined, condition: undefined, first: 0, count: 0 }
  const options = call.options(2)
  let expiryAt = 0
  let unitMs: 1 | 1000 = 1
  let relative = false
  while (options.next()) {
    if (options.is('FIELDS')) {
      const count = options.has(1) ? parseInteger(options.bytes()) : undefined
      if (count === undefined || count < 1) throw COUNT_INVALID
      found.first = options.index + 1
      found.count = Number(count)
      if (found.first + width * found.count !== args.length) throw COUNT_MISMATCH
      if (expiryAt !== 0) found.expiry = readFieldExpiry(call, expiryAt, unitMs, relative ? call.now() : 0)
      return found
    }
    if (width === 2 && (options.is('FNX') || options.is('FXX'))) {
      if (found.condition !== undefined) throw ONE_CONDITION
      found.condition = options.is('FNX') ? 'FNX' : 'FXX'
    } else if (options.is(keep)) {
      if (expiryAt !== 0 || found.expiry !== undefined) throw onlyOne(keep)
      found.expiry = 'keep'
    } else if (options.is('EX') || options.is('PX') || options.is('EXAT') || options.is('PXAT')) {
      if (expiryAt !== 0 || found.expiry !== undefined) throw onlyOne(keep)
      unitMs = options.is('EX') || options.is('EXAT') ? 1000 : 1
      relative = options.is('EX') || options.is('PX')
      if (!options.has(1)) throw EXPIRY_MISSING
      options.bytes()
      expiryAt = options.index
    } else {
      throw ERR.of(`unknown argument: ${printable(args.string(options.index), 128)}`)
    }
  }
  throw ERR.of('missing FIELDS argument')
}

function onlyOne(keep: string) {
  return ERR.of(`Only one of EX, PX, EXAT, PXAT or ${keep} arguments can be specified`)
}
