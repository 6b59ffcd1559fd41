// The arguments that SCAN, HSCAN, SSCAN and ZSCAN share: cursors, counts, patterns.

import type { Options } from '../../engine/requests/options.ts'
import type { ArgSpec } from '../../engine/spec/command.ts'
import { ERR } from '../../protocol/errors.ts'
import type { Reply } from '../../protocol/reply.ts'
import { itemAt } from '../../util/array-reads.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import { Glob } from '../../util/bytes/glob.ts'
import { parseInteger } from '../../util/numbers/numbers.ts'

const CURSOR_MAX = 18446744073709551615n

/** The arguments of a scan within a structure. */
export const STRUCTURE_SCAN_ARGS = [
  { name: 'key', type: 'key' },
  { name: 'cursor', type: 'integer' },
  { name: 'pattern', type: 'pattern', token: 'MATCH', optional: true },
  { name: 'count', type: 'integer', token: 'COUNT', optional: true },
] as const satisfies ArgSpec[]

/** The options that every scan accepts. */
export class ScanOptions {
  count = 10
  /** Undefined: everything matches. */
  glob: Glob | undefined = undefined

  /** Reads the option at the cursor if it is COUNT or MATCH, and returns true then. */
  take(options: Options): boolean {
    if (options.is('COUNT') && options.has(1)) {
      this.count = readScanCount(options.bytes())
    } else if (options.is('MATCH') && options.has(1)) {
      const glob = new Glob(options.string())
      this.glob = glob.isEverything ? undefined : glob
    } else {
      return false
    }
    return true
  }
}

/** Replies for a missing structure. Redis reads the options only if there is something to scan. */
export function replyNothingToScan(reply: Reply): void {
  reply.array(2)
  reply.text('0')
  reply.array(0)
}

/** Reads a count. Counts beyond 2^53 are rounded, since no table is that large. */
function readScanCount(text: Bytes): number {
  const count = parseInteger(text)
  if (count === undefined) throw ERR.notInteger
  if (count < 1) throw ERR.syntax
  return Math.min(Number(count), Number.MAX_SAFE_INTEGER)
}

/**
 * Reads a cursor as C's strtoul does: it accepts a sign, ends at a NUL, and reads empty text as 0.
 * A cursor beyond the last entry ends the scan.
 */
export function parseCursor(text: string): number {
  const nul = text.indexOf('\0')
  if (nul !== -1) text = text.slice(0, nul)
  const match = /^([+-]?)(\d+)$/.exec(text)
  if (match === null) {
    if (text === '') return 0
    throw ERR.invalidCursor
  }
  const value = BigInt(itemAt(match, 2))
  if (value > CURSOR_MAX) throw ERR.invalidCursor
  return Number(match[1] === '-' ? BigInt.asUintN(64, -value) : value)
}
