// Cursors and counts as SCAN, HSCAN, SSCAN and ZSCAN read them.

import { ERR } from '../../protocol/errors.ts'
import type { Bytes } from '../../util/bytes.ts'
import { parseInteger } from '../../util/numbers.ts'

const CURSOR_MAX = 18446744073709551615n

/** Reads a count; those beyond 2^53 mean everything as well as 2^53 does. */
export function readScanCount(text: Bytes): number {
  const count = parseInteger(text)
  if (count === undefined) throw ERR.notInteger
  if (count < 1) throw ERR.syntax
  return Math.min(Number(count), Number.MAX_SAFE_INTEGER)
}

/** Reads a cursor as C's strtoul does, which takes a sign, ends at a NUL, and for nothing at all is 0. Larger than any entry is the end. */
export function parseCursor(text: string): number {
  const nul = text.indexOf('\0')
  if (nul !== -1) text = text.slice(0, nul)
  const match = /^([+-]?)(\d+)$/.exec(text)
  if (match === null) {
    if (text === '') return 0
    throw ERR.invalidCursor
  }
  const value = BigInt(match[2]!)
  if (value > CURSOR_MAX) throw ERR.invalidCursor
  return Number(match[1] === '-' ? BigInt.asUintN(64, -value) : value)
}
