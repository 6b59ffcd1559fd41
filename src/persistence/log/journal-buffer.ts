// Commands on their way to the file: one stretch of memory that grows, is written at a stroke and used again.

import type { Word } from '../../engine/effects/effects.ts'
import type { Arguments } from '../../protocol/arguments.ts'
import { Bytes, copyBytes, Source } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { happened, RESTLESS } from '../../util/restless.ts'

/** Enough for the writes of a usual turn. */
const BUFFER_BYTES = RESTLESS ? 8 : 64 * 1024
/** A larger buffer is let go after a burst. */
const BUFFER_BYTES_KEPT_MAX = RESTLESS ? 64 : 1024 * 1024
/** Longer texts are handed to the runtime; below it a loop is faster than the call. */
const SHORT_TEXT_MAX = 24
/** A type byte, 20 digits, CR LF. */
const HEADER_BYTES_MAX = 24

const MULTI = '*1\r\n$5\r\nMULTI\r\n'
const EXEC = '*1\r\n$4\r\nEXEC\r\n'

export class JournalBuffer {
  length = 0
  /** Where the open unit begins, -1 = none is open; and how many commands it has. */
  #unitAt = -1
  #unitCommands = 0
  #source = Source.allocate(BUFFER_BYTES)

  /** The memory; the first `length` bytes count. */
  get u8(): Buffer {
    return this.#source.u8
  }

  /** Appends a request: its own bytes when it came whole, else encoded anew. */
  request(args: Arguments): void {
    if (this.#unitAt !== -1) this.#countInUnit()
    const { rawEnd, rawStart, rawSource } = args
    if (rawEnd !== 0 && rawSource !== undefined) {
      this.copy(rawSource, rawStart, rawEnd - rawStart)
      return
    }
    this.#header(42, args.length)
    for (let i = 0; i < args.length; i++) this.#bulk(args.bytes(i))
  }

  /** Appends a command; text is latin1, numbers are printed. */
  command(words: readonly Word[]): void {
    if (this.#unitAt !== -1) this.#countInUnit()
    this.#header(42, words.length)
    for (let i = 0; i < words.length; i++) {
      const word = words[i]!
      if (word instanceof Bytes) this.#bulk(word)
      else this.#text(typeof word === 'string' ? word : String(word))
    }
  }

  /** Opens a unit. MULTI and EXEC stand around what follows, if that is more than one command: one is a unit by itself, as in Redis. */
  beginUnit(): void {
    this.#unitAt = this.length
    this.#unitCommands = 0
  }

  endUnit(): void {
    if (this.#unitCommands > 1) this.raw(EXEC)
    this.#unitAt = -1
  }

  /** Forgets that a unit is open; the caller takes its bytes back. */
  abandonUnit(): void {
    this.#unitAt = -1
  }

  /** The second command moves the first one: most units have no second. */
  #countInUnit(): void {
    if (++this.#unitCommands !== 2) return
    const at = this.#unitAt
    const end = this.length
    this.#room(MULTI.length)
    this.#source.u8.copyWithin(at + MULTI.length, at, end)
    this.length = at
    this.raw(MULTI)
    this.length = end + MULTI.length
  }

  /** Appends bytes that are already a command. */
  raw(latin1: string): void {
    this.#room(latin1.length)
    const { u8 } = this.#source
    for (let i = 0; i < latin1.length; i++) u8[this.length++] = latin1.charCodeAt(i)
  }

  /** Appends what another buffer holds. */
  append(other: JournalBuffer): void {
    this.copy(other.#source, 0, other.length)
  }

  /** Appends bytes that are requests already. */
  copy(source: Source, start: number, length: number): void {
    this.#room(length)
    copyBytes(this.#source, this.length, source, start, length)
    this.length += length
  }

  /** Starts over, giving back what a burst took. */
  clear(): void {
    this.length = 0
    if (this.#source.u8.length > BUFFER_BYTES_KEPT_MAX) this.#source = Source.allocate(BUFFER_BYTES)
  }

  #bulk(bytes: Bytes): void {
    this.#header(36, bytes.length)
    this.copy(bytes.source, bytes.start, bytes.length)
    this.#newline()
  }

  #text(latin1: string): void {
    this.#header(36, latin1.length)
    if (latin1.length <= SHORT_TEXT_MAX) {
      this.raw(latin1)
    } else {
      this.#room(latin1.length)
      this.length += this.#source.u8.write(latin1, this.length, 'latin1')
    }
    this.#newline()
  }

  #header(type: number, value: number): void {
    this.#room(HEADER_BYTES_MAX)
    const { u8 } = this.#source
    let at = this.length
    u8[at++] = type
    if (value < 10) {
      u8[at++] = 48 + value
    } else {
      let digits = 2
      for (let bound = 100; value >= bound; bound *= 10) digits++
      for (let i = at + digits - 1; i >= at; i--) {
        const quotient = Math.floor(value / 10)
        u8[i] = 48 + value - quotient * 10
        value = quotient
      }
      at += digits
    }
    u8[at] = 13
    u8[at + 1] = 10
    this.length = at + 2
  }

  #newline(): void {
    this.#room(2)
    const { u8 } = this.#source
    u8[this.length] = 13
    u8[this.length + 1] = 10
    this.length += 2
  }

  #room(bytes: number): void {
    const needed = this.length + bytes
    if (needed <= this.#source.u8.length) return
    if (CHECKED) happened('journal buffer grown')
    const grown = Source.allocate(Math.max(needed, 2 * this.#source.u8.length))
    this.#source.u8.copy(grown.u8, 0, 0, this.length)
    this.#source = grown
  }
}
