// Reads ranges of scores and of members: `(1 +inf`, `[a (b`, `- +`.

import { ERR } from '../../protocol/errors.ts'
import type { LexBound, LexRange, ScoreRange } from '../../store/sorted-set/sorted-set-range.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import { parseDouble } from '../../util/numbers/numbers.ts'
import type { Call } from '../call.ts'
import { parseScore } from './sorted-set-arguments.ts'

const PARENTHESIS = 40
const BRACKET = 91
const PLUS = 43
const MINUS = 45

/** Reads two arguments as the ends of a range of scores. Throws ERR.scoreRange. */
export function readScoreRange(call: Call, min: number, max: number, range: ScoreRange): void {
  const from = call.args.bytes(min)
  const to = call.args.bytes(max)
  range.minExclusive = from.length > 0 && from.at(0) === PARENTHESIS
  range.min = readBound(from, range.minExclusive)
  range.maxExclusive = to.length > 0 && to.at(0) === PARENTHESIS
  range.max = readBound(to, range.maxExclusive)
}

function readBound(bytes: Bytes, exclusive: boolean): number {
  if (!exclusive) {
    const score = parseScore(bytes)
    if (score !== undefined) return score
  }
  return readLoosely(bytes.toString().slice(exclusive ? 1 : 0))
}

/**
 * Reads a bound exactly as C's strtod does, as in Redis. It may have leading blanks, it ends at a
 * NUL, and empty text is 0. A number outside a double's range is infinite or 0 (ZCOUNT k "" "
 * 1e400").
 */
function readLoosely(text: string): number {
  const nul = text.indexOf('\0')
  const terminated = nul === -1 ? text : text.slice(0, nul)
  if (terminated === '') return 0
  const number = terminated.replace(/^[ \t\n\v\f\r]+/, '')
  const value = parseDouble(number)
  if (value !== undefined) return value
  const decimal = /^([+-]?)(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.exec(number)
  if (decimal !== null) return Number(number)
  const hexadecimal = /^([+-]?)0x(?:[\da-f]+\.?[\da-f]*|\.[\da-f]+)(?:p([+-]?)\d+)?$/i.exec(number)
  if (hexadecimal === null) throw ERR.scoreRange
  // Hexadecimal numbers, and numbers beyond a double: the exponent's sign decides between infinity
  // and 0.
  const magnitude = hexadecimal[2] === '-' ? 0 : Number.POSITIVE_INFINITY
  return hexadecimal[1] === '-' ? -magnitude : magnitude
}

/**
 * Reads two arguments as the ends of a range of members. The range holds windows on them. Throws
 * ERR.lexRange.
 */
export function readLexRange(call: Call, min: number, max: number, range: LexRange): void {
  readLexBound(call.args.bytes(min), range.min)
  readLexBound(call.args.bytes(max), range.max)
}

function readLexBound(bytes: Bytes, bound: LexBound): void {
  const first = bytes.length > 0 ? bytes.at(0) : 0
  bound.exclusive = first === PARENTHESIS
  if (first === PARENTHESIS || first === BRACKET) {
    bound.infinite = 0
    bound.member.set(bytes.source, bytes.start + 1, bytes.length - 1)
    return
  }
  // A NUL ends these words, too: "+\0x" is "+".
  if ((first !== PLUS && first !== MINUS) || (bytes.length > 1 && bytes.at(1) !== 0)) throw ERR.lexRange
  bound.infinite = first === PLUS ? 1 : -1
}
