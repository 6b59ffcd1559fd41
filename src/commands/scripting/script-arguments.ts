// Arguments that EVAL, EVALSHA and FCALL share: how many keys there are, and their specs.

import type { ArgSpec } from '../../engine/spec/command.ts'
import { ERR, type ReplyError } from '../../protocol/errors.ts'
import type { Call } from '../call.ts'

export const KEYS_AND_ARGUMENTS: readonly ArgSpec[] = [
  { name: 'numkeys', type: 'integer' },
  { name: 'key', type: 'key', optional: true, multiple: true },
  { name: 'arg', type: 'string', optional: true, multiple: true },
]

const TOO_MANY = ERR.of("Number of keys can't be greater than number of args")
const NEGATIVE = ERR.of("Number of keys can't be negative")

/**
 * Reads argument 2, the number of keys that follow. `malformed` is the error for text that is no
 * number.
 */
export function keyCount(call: Call, malformed: ReplyError = ERR.notInteger): number {
  let count: number | bigint
  try {
    count = call.args.integer(2)
  } catch {
    throw malformed
  }
  if (count > call.args.length - 3) throw TOO_MANY
  if (count < 0) throw NEGATIVE
  return Number(count)
}
