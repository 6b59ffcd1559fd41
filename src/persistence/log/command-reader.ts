// Reads commands out of an append-only file: large reads, windows on one buffer, exact offsets.
//
// The format is RESP arrays of bulks, with annotation lines (`#TS:1700000000\r\n`) between
// commands. The request parser would not do: it is lenient (inline requests, empty arrays). Here a
// byte out of place means that the file is damaged, and the error must say its offset.
//
//   buffer:   kept …… | read so far, not parsed …… | free
//             ↑ keep   ↑ at                         ↑ end
//
// `next` is synchronous and answers false when it needs `fill`. A caller that wants to go back
// later says so with `keep`: `fill` may drop the bytes before it.

import type { Arguments } from '../../protocol/arguments.ts'
import { byteAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { Source } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import type { DiskFile } from '../disk/disk.ts'

/** The file's bytes break the format. */
export class DamagedFile extends Error {
  readonly offset: number

  constructor(offset: number, problem: string) {
    super(problem)
    this.offset = offset
  }
}

const STAR = 42
const DOLLAR = 36
const HASH = 35
const CR = 13
const LF = 10

/** One megabyte for each read, so that the system call's cost does not show. */
const READ_BYTES = 1024 * 1024
/** A count or length line has at most this many bytes; longer ones are damage. */
const NUMBER_BYTES_MAX = 20
/** An annotation line is short; a longer one is damage. */
const ANNOTATION_BYTES_MAX = 1024

/** `#number` found no complete line. */
const INCOMPLETE = -1

export class CommandReader {
  readonly size: number
  /** Gets the text of each annotation line, without its newline; its exception ends `next`. */
  onAnnotation: ((text: string) => void) | undefined = undefined
  readonly #file: Pick<DiskFile, 'read'>
  #source: Source
  /** File offset of the buffer's first byte. */
  #base: number
  #at = 0
  #end = 0
  /**
   * Bytes that must be in the buffer, from #at on, for the next command to be whole; 0 = unknown.
   */
  #needed = 0
  /** Where a number's line ends. */
  #lineEnd = 0

  /** Reads from `offset` on; `size` is the file's. */
  constructor(file: Pick<DiskFile, 'read'>, size: number, offset = 0, bufferBytes = Math.min(READ_BYTES, size)) {
    this.#file = file
    this.size = size
    this.#base = offset
    this.#source = Source.allocate(Math.max(16, bufferBytes))
  }

  /** File offset of the next command. */
  get offset(): number {
    return this.#base + this.#at
  }

  /** True when every byte of the file is in the buffer or behind it. */
  get reachedEnd(): boolean {
    return this.#base + this.#end >= this.size
  }

  /** Returns the byte at `offset`, or undefined when it is not in the buffer. */
  peek(offset: number): number | undefined {
    const index = offset - this.#base
    return index >= 0 && index < this.#end ? this.#source.u8[index] : undefined
  }

  /** Goes to a place in the buffer, backwards or forwards. */
  seek(offset: number): void {
    assert(offset >= this.#base && offset <= this.#base + this.#end, 'a reader goes to a place in its buffer')
    this.#at = offset - this.#base
    this.#needed = 0
  }

  /**
   * Reads the next command into `args`, as windows on the buffer that are valid until `fill`.
   * Returns false when the command is not all there.
   *
   * Throws DamagedFile.
   */
  next(args: Arguments): boolean {
    const { u8 } = this.#source
    const end = this.#end
    while (this.#at < end && u8[this.#at] === HASH) if (!this.#skipAnnotation()) return false
    let at = this.#at
    if (at >= end) return false
    if (u8[at] !== STAR)
      throw this.#damaged(at, `a command should begin here, but there is ${quoteByte(byteAt(u8, at))}`)
    const count = this.#number(at + 1)
    if (count === INCOMPLETE) return false
    if (count === 0) throw this.#damaged(at, 'a command has no words')
    at = this.#lineEnd
    for (let i = 0; i < count; i++) {
      if (at >= end) return false
      if (u8[at] !== DOLLAR)
        throw this.#damaged(at, `a word should begin here, but there is ${quoteByte(byteAt(u8, at))}`)
      const length = this.#number(at + 1)
      if (length === INCOMPLETE) return false
      const start = this.#lineEnd
      at = start + length + 2
      if (at > end) {
        this.#needed = at - this.#at
        return false
      }
      if (u8[at - 2] !== CR || u8[at - 1] !== LF) {
        const wrong = u8[at - 2] === CR ? at - 1 : at - 2
        throw this.#damaged(wrong, `a word of ${length} bytes should end here, but it does not`)
      }
      const window = args.window(i)
      window.source = this.#source
      window.start = start
      window.length = length
      window.hash = 0
    }
    if (CHECKED) assert(at > this.#at && at <= end, 'a command lies in the bytes that were read')
    args.length = count
    args.rawEnd = 0
    this.#at = at
    this.#needed = 0
    return true
  }

  /**
   * Reads more of the file, keeping the buffer's content from `keep` (an offset) on. Returns false
   * at the end of the file.
   */
  async fill(keep: number): Promise<boolean> {
    if (this.reachedEnd) return false
    assert(keep >= this.#base && keep <= this.offset, 'the bytes that are kept are in the buffer and not parsed')
    const from = keep - this.#base
    let source = this.#source
    const kept = this.#end - from
    // For a command longer than the buffer: its length is believed only as far as the file reaches.
    const wanted = Math.min(this.#at - from + this.#needed, this.size - keep)
    const capacity = Math.max(kept > source.u8.length / 2 ? 2 * source.u8.length : source.u8.length, wanted)
    if (capacity > source.u8.length) source = Source.allocate(capacity)
    this.#source.u8.copy(source.u8, 0, from, this.#end)
    this.#source = source
    this.#base = keep
    this.#at -= from
    this.#end = kept
    const read = await this.#file.read(source.u8, kept, source.u8.length - kept, keep + kept)
    assert(read <= source.u8.length - kept, 'a disk reads no more than was asked for')
    this.#end += read
    return read > 0
  }

  #skipAnnotation(): boolean {
    const newline = this.#source.u8.indexOf(LF, this.#at)
    const length = (newline === -1 || newline >= this.#end ? this.#end : newline + 1) - this.#at
    if (length > ANNOTATION_BYTES_MAX) throw this.#damaged(this.#at, 'an annotation line does not end')
    if (newline === -1 || newline >= this.#end) return false
    this.onAnnotation?.(this.#source.u8.toString('latin1', this.#at, newline))
    this.#at = newline + 1
    return true
  }

  /** Reads a decimal line at `at`. Sets #lineEnd and returns the value, or INCOMPLETE. */
  #number(at: number): number {
    const { u8 } = this.#source
    const end = this.#end
    let value = 0
    let i = at
    for (; i < end; i++) {
      const digit = byteAt(u8, i) - 48
      if (digit < 0 || digit > 9) break
      value = value * 10 + digit
    }
    if (i - at > NUMBER_BYTES_MAX) throw this.#damaged(at, 'a number is too long')
    if (i >= end) return INCOMPLETE
    if (u8[i] !== CR || i === at)
      throw this.#damaged(i, `a number should stand here, but there is ${quoteByte(byteAt(u8, i))}`)
    if (i + 1 >= end) return INCOMPLETE
    if (u8[i + 1] !== LF) throw this.#damaged(i + 1, 'a line does not end as it should')
    if (!Number.isSafeInteger(value)) throw this.#damaged(at, 'a number is too large')
    this.#lineEnd = i + 2
    return value
  }

  #damaged(index: number, problem: string): DamagedFile {
    return new DamagedFile(this.#base + index, problem)
  }
}

function quoteByte(byte: number): string {
  return byte >= 32 && byte < 127
    ? `'${String.fromCharCode(byte)}'`
    : `the byte 0x${byte.toString(16).padStart(2, '0')}`
}
