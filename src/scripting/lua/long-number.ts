// Numbers that are spelled with very many characters.
//
// A regular expression and JavaScript's own conversion take a second or two for a hundred million
// digits or spaces, and no client is served meanwhile. So a long text is first shortened to one
// that spells the same number. Digits beyond the first 800 significant ones only matter if not all
// are zero.

import { meter } from './script-meter.ts'

/** Longer texts are shortened. */
export const LONG_NUMBER_LENGTH = 1024

/** No double needs more digits: 767 distinguish any two neighbours and the middle between them. */
const SIGNIFICANT_DIGITS_MAX = 800
/** Larger exponents count as infinite, whatever the digits are. */
const EXPONENT_MAX = 1e15
/**
 * Mask of the characters between two reports to the meter. 16 characters take the time of a step.
 */
const REPORT_MASK = 4095
const REPORT_STEPS = 256

const ZERO = 48
const NINE = 57
const POINT = 46

/**
 * Spells the decimal number of a text in few characters, without spaces. Other texts are returned
 * without their spaces.
 */
export function shortenNumber(text: string): string {
  let start = 0
  while (start < text.length && isSpace(text.charCodeAt(start))) count(++start)
  let end = text.length
  while (end > start && isSpace(text.charCodeAt(end - 1))) count(--end)
  const trimmed = text.substring(start, end)
  return trimmed.length <= LONG_NUMBER_LENGTH ? trimmed : (shortenDecimal(trimmed) ?? trimmed)
}

function shortenDecimal(text: string): string | undefined {
  let at = 0
  const sign = text[0] === '-' ? '-' : ''
  if (sign !== '' || text[0] === '+') at++
  let digits = ''
  let rest = ''
  let exponent = 0
  let any = false
  let inFraction = false
  for (; at < text.length; at++) {
    count(at)
    const code = text.charCodeAt(at)
    if (code === POINT && !inFraction) {
      inFraction = true
      continue
    }
    if (code < ZERO || code > NINE) break
    any = true
    if (code === ZERO && digits === '') {
      if (inFraction) exponent--
    } else if (digits.length < SIGNIFICANT_DIGITS_MAX) {
      digits += String.fromCharCode(code)
      if (inFraction) exponent--
    } else {
      if (code !== ZERO) rest = '1'
      if (!inFraction) exponent++
    }
  }
  if (!any) return undefined
  if (at < text.length) {
    const spelled = readExponent(text, at)
    if (spelled === undefined) return undefined
    exponent += spelled
  }
  if (digits === '') return `${sign}0`
  return rest === '' ? `${sign}${digits}e${exponent}` : `${sign}${digits}${rest}e${exponent - 1}`
}

/**
 * Parses the exponent from `from` to the end of the text; returns undefined when there is something
 * else.
 */
function readExponent(text: string, from: number): number | undefined {
  if (text[from] !== 'e' && text[from] !== 'E') return undefined
  const sign = text[from + 1]
  let at = sign === '-' || sign === '+' ? from + 2 : from + 1
  if (at === text.length) return undefined
  let value = 0
  for (; at < text.length; at++) {
    count(at)
    const digit = text.charCodeAt(at) - ZERO
    if (!(digit >= 0 && digit <= 9)) return undefined
    value = Math.min(value * 10 + digit, EXPONENT_MAX)
  }
  return sign === '-' ? -value : value
}

/** Reports the work of walking characters, every now and then. */
function count(at: number): void {
  if ((at & REPORT_MASK) === 0) meter.spend(REPORT_STEPS)
}

function isSpace(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13)
}
