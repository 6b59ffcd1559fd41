// How long a string may become.

import { ERR } from '../../protocol/errors.ts'
import type { Call } from '../call.ts'

/** Throws when a string of `length` bytes is more than `proto-max-bulk-len` allows. */
export function checkStringLength(call: Call, length: number): void {
  if (length > call.stringBytesMax) throw ERR.stringTooLong
}
