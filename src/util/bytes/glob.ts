// Redis's glob patterns: * ? [abc] [^a] [a-z] and \ for the next character.
//
// A pattern is compiled once into elements that match exactly one byte each, and stars between
// them. After a mismatch only the last star is tried further along the text, because an earlier
// star cannot help where a later one failed. So a match costs at most the pattern's elements times
// the text's bytes.
//
// Details of redis-server on which clients may rely: an unclosed class ends with the pattern; [z-a]
// means [a-z]; [] matches no byte and [^] any byte; bytes are signed in ranges, so [a-\xff] means
// [\xff-a]; * does not match the empty text (callers that mean everything ask `isEverything`
// first).

import { byteAt, itemAt } from '../array-reads.ts'
import type { Bytes } from './bytes.ts'

/** A pattern with more stars than this matches nothing, because Redis bounds its recursion so. */
const STARS_MAX = 1000

/** Elements: 0–255 are bytes, from CLASS on they are classes by number. */
const ANY = 256
const STAR = 257
const CLASS = 258

const CHAR_STAR = 42
const CHAR_DASH = 45
const CHAR_QUESTION = 63
const CHAR_OPEN = 91
const CHAR_BACKSLASH = 92
const CHAR_CLOSE = 93
const CHAR_CARET = 94

/** The byte as which each byte is compared: itself, or its lower case. */
const EXACT = Uint8Array.from({ length: 256 }, (_, byte) => byte)
const FOLDED = EXACT.map((byte) => (byte >= 65 && byte <= 90 ? byte + 32 : byte))

/** The text that is being matched. Matching calls nothing else, so one is enough. */
const scratch = {
  /** Texts up to this length are matched without allocating. */
  text: Buffer.allocUnsafeSlow(256),
}

/** A compiled pattern. Pattern and text are latin1 strings, a character for each byte, or bytes. */
export class Glob {
  /** True for `*` alone, which Redis's commands take for "no pattern". */
  readonly isEverything: boolean
  readonly #elements: number[] = []
  /** For each class, 1 for each byte in it. */
  readonly #classes: Uint8Array[] = []
  readonly #fold: Uint8Array

  constructor(pattern: string, case_: 'exact' | 'ignored' = 'exact') {
    this.isEverything = pattern === '*'
    this.#fold = case_ === 'exact' ? EXACT : FOLDED
    this.#compile(pattern)
  }

  /** Tells whether a latin1 string matches. */
  matches(text: string): boolean {
    if (text.length > scratch.text.length) scratch.text = Buffer.allocUnsafeSlow(2 * text.length)
    scratch.text.write(text, 0, 'latin1')
    return this.#match(scratch.text, 0, text.length)
  }

  /** Tells whether bytes match, without making a string of them. */
  matchesBytes(text: Bytes): boolean {
    return this.#match(text.source.u8, text.start, text.start + text.length)
  }

  #match(u8: Buffer, start: number, end: number): boolean {
    const elements = this.#elements
    if (start === end) return elements.length === 0
    const fold = this.#fold
    let e = 0
    let t = start
    let starE = -1
    let starT = 0
    let stars = 0
    while (t < end) {
      if (e < elements.length) {
        const element = itemAt(elements, e)
        if (element === STAR) {
          if (++e === elements.length) return true
          if (++stars > STARS_MAX) return false
          starE = e
          starT = t
          continue
        }
        const byte = byteAt(u8, t)
        const found =
          element < ANY ? element === fold[byte] : element === ANY || itemAt(this.#classes, element - CLASS)[byte] === 1
        if (found) {
          e++
          t++
          continue
        }
      }
      if (starE === -1) return false
      e = starE
      t = ++starT
    }
    // A longer match of the last star would leave even less text for the rest.
    if (e < elements.length && elements[e] === STAR) e++
    return e === elements.length
  }

  #compile(pattern: string): void {
    const elements = this.#elements
    for (let p = 0; p < pattern.length; p++) {
      const char = pattern.charCodeAt(p)
      if (char === CHAR_STAR) {
        if (elements.at(-1) !== STAR) elements.push(STAR)
      } else if (char === CHAR_QUESTION) {
        elements.push(ANY)
      } else if (char === CHAR_OPEN) {
        p = this.#compileClass(pattern, p + 1)
      } else {
        if (char === CHAR_BACKSLASH && p + 1 < pattern.length) p++
        elements.push(byteAt(this.#fold, pattern.charCodeAt(p)))
      }
    }
  }

  /**
   * Compiles the class whose content begins at `p`; returns where it ends: at its bracket, or at
   * the pattern's last character.
   */
  #compileClass(pattern: string, start: number): number {
    const fold = this.#fold
    const members = new Uint8Array(256)
    let p = start
    const negated = pattern.charCodeAt(p) === CHAR_CARET
    if (negated) p++
    for (; p < pattern.length; p++) {
      const from = pattern.charCodeAt(p)
      if (from === CHAR_BACKSLASH && p + 1 < pattern.length) {
        // Redis minds the case of escaped characters even when it ignores case.
        members[pattern.charCodeAt(++p)] = 1
      } else if (from === CHAR_CLOSE) {
        break
      } else if (p + 2 < pattern.length && pattern.charCodeAt(p + 1) === CHAR_DASH) {
        addRange(members, from, pattern.charCodeAt(p + 2), fold)
        p += 2
      } else {
        addRange(members, from, from, fold)
      }
    }
    if (negated) for (let byte = 0; byte < 256; byte++) members[byte]! ^= 1
    this.#elements.push(CLASS + this.#classes.length)
    this.#classes.push(members)
    return p
  }
}

/** Adds a range of bytes, compared as signed chars after folding. */
function addRange(members: Uint8Array, from: number, to: number, fold: Uint8Array): void {
  if (from === to && fold === EXACT) {
    members[from] = 1
    return
  }
  // The ends are ordered before they are folded: with case ignored, [a-Z] is [Z-a], folded to the
  // empty [z-a].
  const swapped = signed(from) > signed(to)
  const low = signed(byteAt(fold, swapped ? to : from))
  const high = signed(byteAt(fold, swapped ? from : to))
  for (let byte = 0; byte < 256; byte++) {
    const value = signed(byteAt(fold, byte))
    if (value >= low && value <= high) members[byte] = 1
  }
}

function signed(byte: number): number {
  return byte >= 128 ? byte - 256 : byte
}

/**
 * Tells whether a latin1 string matches a pattern that is used only once. Other patterns should be
 * compiled and kept.
 */
export function globMatch(pattern: string, text: string): boolean {
  return new Glob(pattern).matches(text)
}

/** Returns the part of a pattern before its first special character. */
export function literalPrefix(pattern: string): string {
  for (let i = 0; i < pattern.length; i++) {
    switch (pattern.charCodeAt(i)) {
      case 42: // *
      case 63: // ?
      case 91: // [
      case 92: // \
        return pattern.slice(0, i)
    }
  }
  return pattern
}
