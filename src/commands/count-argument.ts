// Counts as arguments. Every wrong value gives the same error.

import type { ReplyError } from '../protocol/errors.ts'
import { parseInteger } from '../util/numbers/numbers.ts'
import type { Call } from './call.ts'

/** Reads argument `i` as an integer of at least `min`. For any other text it throws `error`. */
export function readCount(call: Call, i: number, min: number, error: ReplyError): number {
  const value = parseInteger(call.args.bytes(i))
  if (value === undefined || value < min) throw error
  return Number(value)
}
