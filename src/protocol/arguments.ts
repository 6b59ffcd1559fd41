// The arguments of one request, as windows on the bytes they arrived in.
//
// One object per reader is reused for every request: the parser moves its windows, the command
// reads them. `bytes(i)` returns the window itself; a caller copies bytes that must outlive the
// command.

import { itemAt } from '../util/array-reads.ts'
import { Bytes, copyBytes, Source } from '../util/bytes/bytes.ts'
import type { CopySpace } from '../util/bytes/copy-space.ts'
import { parseInteger } from '../util/numbers/numbers.ts'
import { ERR } from './errors.ts'

/** Words that one command replaces at most: an id, and the options that trim a stream. */
const REPLACED_MAX = 4

/** The replaced words as they came. */
class ReplacedWords {
  count = 0
  readonly indices: number[] = []
  readonly windows = Array.from({ length: REPLACED_MAX }, () => new Bytes())
}

export class Arguments {
  /** Number of arguments, the command's name included. */
  length = 0
  /**
   * The request's own bytes when it came as one whole RESP array, for the journal to copy. rawEnd =
   * 0 when it did not.
   */
  rawSource: Source | undefined = undefined
  rawStart = 0
  rawEnd = 0
  #windows: Bytes[] = []
  #replaced: ReplacedWords | undefined = undefined

  /** Builds arguments over copies of latin1 strings, for callers inside the process. */
  static of(words: readonly string[]): Arguments {
    const args = new Arguments()
    args.assign(words)
    return args
  }

  /** Replaces the content by copies of latin1 strings. */
  assign(words: readonly string[]): void {
    let total = 0
    for (const word of words) total += word.length
    const source = Source.allocate(total)
    let at = 0
    for (let i = 0; i < words.length; i++) {
      const word = itemAt(words, i)
      source.u8.write(word, at, 'latin1')
      this.window(i).set(source, at, word.length)
      at += word.length
    }
    this.length = words.length
    this.rawEnd = 0
  }

  /**
   * Replaces the content by windows over the given buffers, which must stay unchanged while they
   * are in use.
   */
  assignBuffers(words: readonly Buffer[]): void {
    for (let i = 0; i < words.length; i++) this.window(i).set(new Source(itemAt(words, i)), 0, itemAt(words, i).length)
    this.length = words.length
    this.rawEnd = 0
  }

  /** Returns window `i`, growing the pool; for the parser. */
  window(i: number): Bytes {
    const windows = this.#windows
    while (windows.length <= i) windows.push(new Bytes())
    return itemAt(windows, i)
  }

  /** Returns argument `i`; the window is valid until the command ends. */
  bytes(i: number): Bytes {
    return itemAt(this.#windows, i)
  }

  /** Bytes of the request as it came; 0 when it did not come as one whole. */
  get rawBytes(): number {
    return this.rawEnd === 0 ? 0 : this.rawEnd - this.rawStart
  }

  /**
   * Bytes of the request on the wire: those it came in, or would have come in where its arguments
   * were gathered elsewhere.
   */
  get wireBytes(): number {
    if (this.rawEnd !== 0) return this.rawBytes
    let bytes = `*${this.length}\r\n`.length
    for (let i = 0; i < this.length; i++) {
      const { length } = itemAt(this.#windows, i)
      bytes += `$${length}\r\n`.length + length + 2
    }
    return bytes
  }

  /** Bytes of all arguments together. */
  get contentBytes(): number {
    let bytes = 0
    for (let i = 0; i < this.length; i++) bytes += itemAt(this.#windows, i).length
    return bytes
  }

  /**
   * Tells whether argument `i` was read into a buffer of its own, which the command may keep
   * instead of copying it.
   */
  owns(i: number): boolean {
    const window = itemAt(this.#windows, i)
    // Only the parser's buffer for a big argument is exactly the argument and its line end.
    return window.start === 0 && window.source.u8.length === window.length + 2
  }

  /** Replaces argument `i` for observers of the request that come later. */
  replace(i: number, source: Source, start: number, length: number): void {
    const window = itemAt(this.#windows, i)
    const replaced = this.#replaced ?? new ReplacedWords()
    this.#replaced = replaced
    const place = replaced.count % REPLACED_MAX
    replaced.indices[place] = i
    itemAt(replaced.windows, place).set(window.source, window.start, window.length)
    replaced.count = place + 1
    window.set(source, start, length)
  }

  /** Forgets the originals of words that were replaced so far. */
  forgetReplaced(): void {
    if (this.#replaced !== undefined) this.#replaced.count = 0
  }

  /**
   * Returns argument `i` as it came, if that is still known; the window is valid until the command
   * ends.
   */
  original(i: number): Bytes {
    const replaced = this.#replaced
    if (replaced !== undefined) {
      for (let place = 0; place < replaced.count; place++) {
        if (replaced.indices[place] === i) return itemAt(replaced.windows, place)
      }
    }
    return this.bytes(i)
  }

  /** Returns argument `i` as a latin1 string. */
  string(i: number): string {
    return itemAt(this.#windows, i).toString()
  }

  equalsIgnoreCase(i: number, upperCase: string): boolean {
    return itemAt(this.#windows, i).equalsIgnoreCase(upperCase)
  }

  /**
   * Reads argument `i` as a signed 64-bit integer: a number while safe, else a bigint. Throws
   * ERR.notInteger.
   */
  integer(i: number): number | bigint {
    const value = parseInteger(itemAt(this.#windows, i))
    if (value === undefined) throw ERR.notInteger
    return value
  }

  /** Tells whether the words of both are the same. */
  equals(other: Arguments): boolean {
    if (this.length !== other.length) return false
    for (let i = 0; i < this.length; i++) if (!itemAt(this.#windows, i).equals(other.bytes(i))) return false
    return true
  }

  /**
   * Copies all arguments into memory of their own (a parked call), or into a space for many
   * (MULTI's queue).
   */
  copy(space?: CopySpace): Arguments {
    const bytes = this.contentBytes
    let at = space === undefined ? 0 : space.reserve(bytes)
    const source = space?.source ?? Source.allocate(bytes)
    const copy = new Arguments()
    for (let i = 0; i < this.length; i++) {
      const from = itemAt(this.#windows, i)
      copyBytes(source, at, from.source, from.start, from.length)
      copy.window(i).set(source, at, from.length)
      at += from.length
    }
    copy.length = this.length
    return copy
  }

  /** Lets go of buffers that large requests left behind. */
  release(): void {
    if (this.#windows.length > 64) this.#windows.length = 64
    this.rawSource = undefined
    this.rawEnd = 0
  }
}
