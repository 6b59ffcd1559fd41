// The longest allowed string.

import { ERR } from '../../protocol/errors.ts'
import type { Call } from '../call.ts'

/** Throws if a string of `length` bytes is longer than `proto-max-bulk-len` allows. */
export function checkStringLength(call: Call, length: number): void {
  if (length > call.stringBytesMax) throw ERR.stringTooLong
}
