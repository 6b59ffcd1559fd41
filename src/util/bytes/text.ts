// Short texts from bytes.
//
// A call into the runtime to decode latin1 takes 65 ns for any length. Adding character after
// character allocates a string for each, and a chain of strings from thirteen on. All characters in
// one call of fromCharCode make one flat string in 15 to 30 ns, so there is a line for each length.

import { byteAt } from '../array-reads.ts'

/** Length up to which `textOf` has a line. */
const SHORT_TEXT_MAX = 16

const { fromCharCode } = String

/**
 * What `toString` and `write` call in the end. Called at once, a text takes 10 ns less where one
 * place decodes, and up to 50 ns less where many do.
 */
interface NativeBuffer extends Buffer {
  latin1Slice(start: number, end: number): string
  utf8Slice(start: number, end: number): string
  latin1Write(text: string, start: number, bytesMax: number): number
  utf8Write(text: string, start: number, bytesMax: number): number
}

/** Returns bytes as a latin1 string (one character for each byte), not as a chain. */
export function textOf(u8: Buffer, start: number, length: number): string {
  return length <= SHORT_TEXT_MAX
    ? shortTextOf(u8, start, length)
    : (u8 as NativeBuffer).latin1Slice(start, start + length)
}

/** Returns bytes as text in UTF-8. */
export function utf8Of(u8: Buffer, start: number, length: number): string {
  return length <= SHORT_TEXT_MAX && isAscii(u8, start, start + length)
    ? shortTextOf(u8, start, length)
    : (u8 as NativeBuffer).utf8Slice(start, start + length)
}

/** Writes a text of latin1 characters, which fits; returns its length in bytes. */
export function writeLatin1(u8: Buffer, text: string, start: number): number {
  return (u8 as NativeBuffer).latin1Write(text, start, u8.length - start)
}

/** Writes a text in UTF-8, which fits; returns its length in bytes. */
export function writeUtf8(u8: Buffer, text: string, start: number): number {
  return (u8 as NativeBuffer).utf8Write(text, start, u8.length - start)
}

function isAscii(u8: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (byteAt(u8, i) > 127) return false
  return true
}

function shortTextOf(u: Buffer, i: number, length: number): string {
  switch (length) {
    case 0:
      return ''
    case 1:
      return fromCharCode(byteAt(u, i))
    case 2:
      return fromCharCode(byteAt(u, i), byteAt(u, i + 1))
    case 3:
      return fromCharCode(byteAt(u, i), byteAt(u, i + 1), byteAt(u, i + 2))
    case 4:
      return fromCharCode(byteAt(u, i), byteAt(u, i + 1), byteAt(u, i + 2), byteAt(u, i + 3))
    case 5:
      return fromCharCode(byteAt(u, i), byteAt(u, i + 1), byteAt(u, i + 2), byteAt(u, i + 3), byteAt(u, i + 4))
    case 6:
      return fromCharCode(
        byteAt(u, i),
        byteAt(u, i + 1),
        byteAt(u, i + 2),
        byteAt(u, i + 3),
        byteAt(u, i + 4),
        byteAt(u, i + 5),
      )
    case 7:
      return fromCharCode(
        byteAt(u, i),
        byteAt(u, i + 1),
        byteAt(u, i + 2),
        byteAt(u, i + 3),
        byteAt(u, i + 4),
        byteAt(u, i + 5),
        byteAt(u, i + 6),
      )
    case 8:
      return fromCharCode(
        byteAt(u, i),
        byteAt(u, i + 1),
        byteAt(u, i + 2),
        byteAt(u, i + 3),
        byteAt(u, i + 4),
        byteAt(u, i + 5),
        byteAt(u, i + 6),
        byteAt(u, i + 7),
      )
    case 9:
      return fromCharCode(
        byteAt(u, i),
        byteAt(u, i + 1),
        byteAt(u, i + 2),
        byteAt(u, i + 3),
        byteAt(u, i + 4),
        byteAt(u, i + 5),
        byteAt(u, i + 6),
        byteAt(u, i + 7),
        byteAt(u, i + 8),
      )
    case 10:
      return fromCharCode(
        byteAt(u, i),
        byteAt(u, i + 1),
        byteAt(u, i + 2),
        byteAt(u, i + 3),
        byteAt(u, i + 4),
        byteAt(u, i + 5),
        byteAt(u, i + 6),
        byteAt(u, i + 7),
        byteAt(u, i + 8),
        byteAt(u, i + 9),
      )
    case 11:
      return fromCharCode(
        byteAt(u, i),
        byteAt(u, i + 1),
        byteAt(u, i + 2),
        byteAt(u, i + 3),
        byteAt(u, i + 4),
        byteAt(u, i + 5),
        byteAt(u, i + 6),
        byteAt(u, i + 7),
        byteAt(u, i + 8),
        byteAt(u, i + 9),
        byteAt(u, i + 10),
      )
    case 12:
      return fromCharCode(
        byteAt(u, i),
        byteAt(u, i + 1),
        byteAt(u, i + 2),
        byteAt(u, i + 3),
        byteAt(u, i + 4),
        byteAt(u, i + 5),
        byteAt(u, i + 6),
        byteAt(u, i + 7),
        byteAt(u, i + 8),
        byteAt(u, i + 9),
        byteAt(u, i + 10),
        byteAt(u, i + 11),
      )
    case 13:
      return fromCharCode(
        byteAt(u, i),
        byteAt(u, i + 1),
        byteAt(u, i + 2),
        byteAt(u, i + 3),
        byteAt(u, i + 4),
        byteAt(u, i + 5),
        byteAt(u, i + 6),
        byteAt(u, i + 7),
        byteAt(u, i + 8),
        byteAt(u, i + 9),
        byteAt(u, i + 10),
        byteAt(u, i + 11),
        byteAt(u, i + 12),
      )
    case 14:
      return fromCharCode(
        byteAt(u, i),
        byteAt(u, i + 1),
        byteAt(u, i + 2),
        byteAt(u, i + 3),
        byteAt(u, i + 4),
        byteAt(u, i + 5),
        byteAt(u, i + 6),
        byteAt(u, i + 7),
        byteAt(u, i + 8),
        byteAt(u, i + 9),
        byteAt(u, i + 10),
        byteAt(u, i + 11),
        byteAt(u, i + 12),
        byteAt(u, i + 13),
      )
    case 15:
      return fromCharCode(
        byteAt(u, i),
        byteAt(u, i + 1),
        byteAt(u, i + 2),
        byteAt(u, i + 3),
        byteAt(u, i + 4),
        byteAt(u, i + 5),
        byteAt(u, i + 6),
        byteAt(u, i + 7),
        byteAt(u, i + 8),
        byteAt(u, i + 9),
        byteAt(u, i + 10),
        byteAt(u, i + 11),
        byteAt(u, i + 12),
        byteAt(u, i + 13),
        byteAt(u, i + 14),
      )
    case 16:
      return fromCharCode(
        byteAt(u, i),
        byteAt(u, i + 1),
        byteAt(u, i + 2),
        byteAt(u, i + 3),
        byteAt(u, i + 4),
        byteAt(u, i + 5),
        byteAt(u, i + 6),
        byteAt(u, i + 7),
        byteAt(u, i + 8),
        byteAt(u, i + 9),
        byteAt(u, i + 10),
        byteAt(u, i + 11),
        byteAt(u, i + 12),
        byteAt(u, i + 13),
        byteAt(u, i + 14),
        byteAt(u, i + 15),
      )
    default:
      return ''
  }
}

/** Returns a text as C prints it: up to the first zero byte. */
export function upToZero(text: string): string {
  const zero = text.indexOf('\0')
  return zero === -1 ? text : text.slice(0, zero)
}

/** Lower-cases the ASCII letters, as C does. Other bytes of a latin1 string are unchanged. */
export function lowerCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}
