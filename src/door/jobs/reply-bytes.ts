// Replies in RESP2 as bytes: where they end, and the strings in them.

import { isUtf8 } from 'node:buffer'
import { byteAt } from '../../util/array-reads.ts'
import { statusOf } from '../clients/error-status.ts'
import { HttpError } from '../exchanges/http-error.ts'

const [CR, MINUS, COLON, PLUS, DOLLAR, STAR, ZERO] = [13, 45, 58, 43, 36, 42, 48]
const LINE_END_BYTES = 2

/** Returns where a reply ends that begins at `at`; -1 = its end has not come yet. */
export function endOfReply(bytes: Buffer, at: number): number {
  let left = 1
  let end = at
  while (left > 0) {
    const line = bytes.indexOf(CR, end)
    if (line < 0 || line + 1 >= bytes.length) return -1
    const type = byteAt(bytes, end)
    left--
    if (type === STAR) left += Math.max(0, numberIn(bytes, end + 1, line))
    const length = type === DOLLAR ? numberIn(bytes, end + 1, line) : -1
    end = line + LINE_END_BYTES
    if (length >= 0) end += length + LINE_END_BYTES
    if (end > bytes.length) return -1
  }
  return end
}

/**
 * Returns the strings of a reply that is an array, as latin1; undefined stands for nil. Throws
 * HttpError for an error.
 */
export function stringsIn(bytes: Buffer, at: number): (string | undefined)[] {
  const line = bytes.indexOf(CR, at)
  if (byteAt(bytes, at) === MINUS) throw errorIn(bytes, at)
  if (byteAt(bytes, at) !== STAR) return [stringAt(bytes, at)]
  const strings: (string | undefined)[] = []
  const count = numberIn(bytes, at + 1, line)
  let next = line + LINE_END_BYTES
  for (let i = 0; i < count; i++) {
    strings.push(stringAt(bytes, next))
    next = endOfReply(bytes, next)
  }
  return strings
}

/**
 * Returns the value of a reply: bytes that are no text are `{"base64":…}`, an error within an array
 * is `{"error":…}`. An error itself is an HttpError.
 */
export function valueIn(bytes: Buffer, at: number): unknown {
  return isError(bytes, at) ? errorIn(bytes, at) : partIn(bytes, at)
}

function partIn(bytes: Buffer, at: number): unknown {
  const line = bytes.indexOf(CR, at)
  switch (byteAt(bytes, at)) {
    case MINUS:
      return { error: bytes.toString('utf8', at + 1, line) }
    case COLON: {
      const digits = bytes.toString('latin1', at + 1, line)
      return Number.isSafeInteger(Number(digits)) ? Number(digits) : digits
    }
    case PLUS:
      return bytes.toString('utf8', at + 1, line)
    case STAR:
      return partsIn(bytes, line + LINE_END_BYTES, numberIn(bytes, at + 1, line))
    default: {
      const length = numberIn(bytes, at + 1, line)
      if (length < 0) return null
      const string = bytes.subarray(line + LINE_END_BYTES, line + LINE_END_BYTES + length)
      return isUtf8(string) ? string.toString('utf8') : { base64: string.toString('base64') }
    }
  }
}

function partsIn(bytes: Buffer, at: number, count: number): unknown[] | null {
  if (count < 0) return null
  const parts: unknown[] = []
  for (let next = at; parts.length < count; next = endOfReply(bytes, next)) parts.push(partIn(bytes, next))
  return parts
}

/** Returns the refusal that a reply is. */
export function errorIn(bytes: Buffer, at: number): HttpError {
  const text = bytes.toString('utf8', at + 1, bytes.indexOf(CR, at))
  return new HttpError(statusOf(text), text)
}

export function isError(bytes: Buffer, at: number): boolean {
  return byteAt(bytes, at) === MINUS
}

function stringAt(bytes: Buffer, at: number): string | undefined {
  const line = bytes.indexOf(CR, at)
  const type = byteAt(bytes, at)
  if (type === COLON || type === PLUS) return bytes.toString('latin1', at + 1, line)
  if (type !== DOLLAR) return undefined
  const length = numberIn(bytes, at + 1, line)
  return length < 0 ? undefined : bytes.toString('latin1', line + LINE_END_BYTES, line + LINE_END_BYTES + length)
}

function numberIn(bytes: Buffer, start: number, end: number): number {
  if (byteAt(bytes, start) === MINUS) return -1
  let number = 0
  for (let i = start; i < end; i++) number = number * 10 + byteAt(bytes, i) - ZERO
  return number
}
