// How BITFIELD, GETBIT and SETBIT read the position of a bit.

import { ERR } from '../../protocol/errors.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { parseInteger } from '../../util/numbers/numbers.ts'
import type { Call } from '../call.ts'

const HASH_SIGN = 35
const digits = new Bytes()

/**
 * Reads argument `i` as a bit's position within the longest string allowed; `#n`, where fields of
 * `bits` bits are meant, is the n-th of them. Throws ERR.bitOffset.
 */
export function bitOffset(call: Call, i: number, bits = 0): number {
  const word = call.args.bytes(i)
  let offset: number | bigint | undefined
  if (bits > 0 && word.length > 0 && word.at(0) === HASH_SIGN) {
    offset = parseInteger(digits.set(word.source, word.start + 1, word.length - 1))
    if (offset === undefined) throw ERR.bitOffset
    // Redis multiplies in 64 bits and sees no overflow: BITFIELD k GET u8 #4611686018427387904
    // reads bit 0.
    const product = Number(offset) * bits
    offset = Number.isSafeInteger(product) ? product : BigInt.asIntN(64, BigInt(offset) * BigInt(bits))
  } else {
    offset = parseInteger(word)
  }
  if (offset === undefined || offset < 0) throw ERR.bitOffset
  // The journal holds only offsets that were allowed when they were written.
  if (Number(offset) >= 8 * call.stringBytesMax) throw ERR.bitOffset
  return Number(offset)
}
