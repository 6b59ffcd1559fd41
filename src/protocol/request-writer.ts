// Writes requests: `*<words>`, then `$<length>` and the bytes of each word.
//
// Every part of this program that writes requests, or effects in their form, does it here. Those
// are the journal, the replicas' stream, the replicated log, and bases of the append-only file that
// are made of commands. Slot moves, MIGRATE, the client program and callers within the process
// write here, too. The writer owns one stretch of memory that grows, is passed on at a stroke and
// is used again.

import { itemAt } from '../util/array-reads.ts'
import { Bytes, copyBytes, Source } from '../util/bytes/bytes.ts'
import { writeLatin1, writeUtf8 } from '../util/bytes/text.ts'
import { CHECKED } from '../util/invariant.ts'
import { happened, RESTLESS } from '../util/restless.ts'
import type { Arguments } from './arguments.ts'

/** Enough for the writes of a usual turn. */
const BUFFER_BYTES = RESTLESS ? 8 : 64 * 1024
/** A larger buffer is let go after a burst. */
const BUFFER_BYTES_KEPT_MAX = RESTLESS ? 64 : 1024 * 1024
/** Longer texts go to the runtime; for shorter ones a loop is faster than the call. */
const SHORT_LATIN1_MAX = 24
const SHORT_UTF8_MAX = 64
/** A type byte, 20 digits, CR LF. */
const HEADER_BYTES_MAX = 24
const LINE_END_BYTES = 2

const [STAR, DOLLAR, ZERO, CR, LF] = [42, 36, 48, 13, 10]

/** A word of a command that the engine makes up; text is latin1, numbers are printed. */
export type Word = string | number | bigint | Bytes

export class RequestWriter {
  length = 0
  #source: Source

  constructor(bytes = BUFFER_BYTES) {
    this.#source = Source.allocate(bytes)
  }

  /** The memory; the first `length` bytes count. */
  get u8(): Buffer {
    return this.#source.u8
  }

  /** The same memory, for readers that want a source. Growing replaces it. */
  get source(): Source {
    return this.#source
  }

  // ── requests ─────────────────────────────────────────────────────────────

  /** Appends a request: its own bytes when it came whole, else its words encoded again. */
  request(args: Arguments): void {
    const { rawEnd, rawStart, rawSource } = args
    if (rawEnd !== 0 && rawSource !== undefined) {
      this.copy(rawSource, rawStart, rawEnd - rawStart)
      return
    }
    this.begin(args.length)
    for (let i = 0; i < args.length; i++) this.bytes(args.bytes(i))
  }

  /** Appends a command in the engine's words. */
  command(words: readonly Word[]): void {
    this.begin(words.length)
    for (let i = 0; i < words.length; i++) {
      const word = itemAt(words, i)
      if (word instanceof Bytes) this.bytes(word)
      else this.latin1(typeof word === 'string' ? word : String(word))
    }
  }

  // ── their words ──────────────────────────────────────────────────────────

  /** Begins a request of this many words, which the caller appends next. */
  begin(words: number): void {
    this.#header(STAR, words)
  }

  bytes(bytes: Bytes): void {
    this.#header(DOLLAR, bytes.length)
    this.copy(bytes.source, bytes.start, bytes.length)
    this.lineEnd()
  }

  u8Array(bytes: Uint8Array): void {
    this.#header(DOLLAR, bytes.length)
    this.#room(bytes.length)
    this.#source.u8.set(bytes, this.length)
    this.length += bytes.length
    this.lineEnd()
  }

  latin1(text: string): void {
    this.#header(DOLLAR, text.length)
    if (text.length <= SHORT_LATIN1_MAX) {
      this.raw(text)
    } else {
      this.#room(text.length)
      this.length += writeLatin1(this.#source.u8, text, this.length)
    }
    this.lineEnd()
  }

  /** Appends a word as UTF-8. A short one is written byte by byte, unless it is not ASCII. */
  utf8(text: string): void {
    const { length } = text
    if (length > SHORT_UTF8_MAX) {
      this.#longUtf8(text)
      return
    }
    const before = this.length
    this.#room(HEADER_BYTES_MAX + length + LINE_END_BYTES)
    const at = this.#headerAt(before, DOLLAR, length)
    const { u8 } = this.#source
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code > 127) {
        this.#longUtf8(text)
        return
      }
      u8[at + i] = code
    }
    u8[at + length] = CR
    u8[at + length + 1] = LF
    this.length = at + length + LINE_END_BYTES
  }

  #longUtf8(text: string): void {
    const bytes = Buffer.byteLength(text)
    this.#header(DOLLAR, bytes)
    this.#room(bytes)
    this.length += writeUtf8(this.#source.u8, text, this.length)
    this.lineEnd()
  }

  /**
   * Begins a word of this many bytes, which the caller appends with `copy`, and ends with
   * `lineEnd`.
   */
  beginWord(bytes: number): void {
    this.#header(DOLLAR, bytes)
  }

  lineEnd(): void {
    this.#room(LINE_END_BYTES)
    const { u8 } = this.#source
    u8[this.length] = CR
    u8[this.length + 1] = LF
    this.length += LINE_END_BYTES
  }

  // ── bytes ────────────────────────────────────────────────────────────────

  /** Appends bytes that are requests already, or an annotation. */
  raw(latin1: string): void {
    this.#room(latin1.length)
    const { u8 } = this.#source
    for (let i = 0; i < latin1.length; i++) u8[this.length++] = latin1.charCodeAt(i)
  }

  /** Inserts bytes at `at`; the bytes from there on move up. */
  insert(at: number, latin1: string): void {
    const end = this.length
    this.#room(latin1.length)
    this.#source.u8.copyWithin(at + latin1.length, at, end)
    this.length = at
    this.raw(latin1)
    this.length = end + latin1.length
  }

  /** Appends the content of another writer. */
  append(other: RequestWriter): void {
    this.copy(other.#source, 0, other.length)
  }

  /** Appends bytes as they are. */
  copy(source: Source, start: number, length: number): void {
    this.#room(length)
    copyBytes(this.#source, this.length, source, start, length)
    this.length += length
  }

  /** Starts over, giving back the memory of a burst. */
  clear(): void {
    this.length = 0
    if (this.#source.u8.length > BUFFER_BYTES_KEPT_MAX) this.#source = Source.allocate(BUFFER_BYTES)
  }

  #header(type: number, value: number): void {
    this.#room(HEADER_BYTES_MAX)
    this.length = this.#headerAt(this.length, type, value)
  }

  /**
   * Writes a type byte, a length and the end of the line where there is room; returns where they
   * end.
   */
  #headerAt(start: number, type: number, value: number): number {
    const { u8 } = this.#source
    let at = start
    u8[at++] = type
    if (value < 10) {
      u8[at++] = ZERO + value
    } else {
      let digits = 2
      for (let bound = 100; value >= bound; bound *= 10) digits++
      for (let i = at + digits - 1; i >= at; i--) {
        const quotient = Math.floor(value / 10)
        u8[i] = ZERO + value - quotient * 10
        value = quotient
      }
      at += digits
    }
    u8[at] = CR
    u8[at + 1] = LF
    return at + LINE_END_BYTES
  }

  #room(bytes: number): void {
    const needed = this.length + bytes
    if (needed <= this.#source.u8.length) return
    if (CHECKED) happened('request writer grown')
    const grown = Source.allocate(Math.max(needed, 2 * this.#source.u8.length))
    this.#source.u8.copy(grown.u8, 0, 0, this.length)
    this.#source = grown
  }
}

/** Encodes one request in memory of its own. Text is latin1, or UTF-8 where the caller says so. */
export function encodeRequest(words: readonly (Word | Uint8Array)[], text: 'latin1' | 'utf8' = 'latin1'): Buffer {
  let bytes = HEADER_BYTES_MAX
  for (const word of words) bytes += HEADER_BYTES_MAX + bytesMaxOf(word) + LINE_END_BYTES
  const writer = new RequestWriter(bytes)
  writer.begin(words.length)
  for (const word of words) {
    if (word instanceof Bytes) writer.bytes(word)
    else if (word instanceof Uint8Array) writer.u8Array(word)
    else if (text === 'utf8') writer.utf8(String(word))
    else writer.latin1(String(word))
  }
  return writer.u8.subarray(0, writer.length)
}

function bytesMaxOf(word: Word | Uint8Array): number {
  return typeof word === 'string' ? 3 * word.length : typeof word === 'object' ? word.length : HEADER_BYTES_MAX
}
