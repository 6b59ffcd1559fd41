// The part of a string that BITCOUNT and BITPOS read, given in bytes or bits.

import { ERR } from '../../protocol/errors.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'

export type Unit = 'BYTE' | 'BIT'

/** Reads the unit of a range. Throws ERR.syntax. */
export function rangeUnit(word: Bytes): Unit {
  if (word.equalsIgnoreCase('BIT')) return 'BIT'
  if (word.equalsIgnoreCase('BYTE')) return 'BYTE'
  throw ERR.syntax
}

/**
 * Turns a position that may count from the end of `length` units into one from the beginning, at
 * least 0.
 */
export function fromBeginning(position: number | bigint, length: number): number {
  const index = Number(position)
  return Math.max(0, index < 0 ? length + index : index)
}
