// How long a string may become.

import type { Call } from '../../engine/requests/call.ts'
import { ERR } from '../../protocol/errors.ts'

/** Throws when a string of `length` bytes is more than `proto-max-bulk-len` allows. */
export function checkStringLength(call: Call, length: number): void {
  if (length > call.stringBytesMax) throw ERR.stringTooLong
}
