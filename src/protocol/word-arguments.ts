// Arguments of a request that no bytes came for: a caller in this process says its words, which are
// written one behind the other, without the lengths and line ends of a request.
//
// One object serves all callers of a process. The words lie in one stretch of memory that is used
// again. A long word gets memory of its own, as one that a connection sends: the command may keep
// it.

import { Source } from '../util/bytes/bytes.ts'
import { writeUtf8 } from '../util/bytes/text.ts'
import { Arguments } from './arguments.ts'
import { BIG_BULK_BYTES_MIN } from './limits.ts'

const SCRATCH_BYTES = 64 * 1024
/**
 * Longer texts are handed to the runtime, which takes 70 ns for 64 characters; the loop takes 3 ns
 * for each.
 */
const SHORT_TEXT_MAX = 16
/** The most bytes of one character of a JavaScript string in UTF-8. */
const UTF8_BYTES_MAX = 3
/** Behind a long word, where the end of its line would be: `Arguments.owns` looks for it. */
const LINE_END_BYTES = 2
/** Windows that are kept on the memory of a burst would keep that memory, too. */
const NOTHING = Source.allocate(0)

export class WordArguments {
  readonly args = new Arguments()
  #source = Source.allocate(SCRATCH_BYTES)
  #at = 0
  #count = 0
  #hasOwnMemory = false
  /**
   * The command that stands at the beginning of the memory: programs call the same one again and
   * again.
   */
  #name = ''
  #nameBytes = 0

  /** Begins another request with the name of its command. */
  begin(name: string): void {
    this.#count = 0
    this.args.rawEnd = 0
    if (name === this.#name && name !== '') {
      this.#add(this.#source, 0, this.#nameBytes)
      return
    }
    this.#at = 0
    const source = this.#source
    this.text(name)
    this.#name = source === this.#source && this.#at > 0 ? name : ''
    this.#nameBytes = this.#at
  }

  /** Adds a word of text, as UTF-8. */
  text(text: string): void {
    const { length } = text
    if (length > SHORT_TEXT_MAX) {
      this.#longText(text)
      return
    }
    if (this.#at + UTF8_BYTES_MAX * length > this.#source.u8.length) this.#grow()
    const { u8, view } = this.#source
    const at = this.#at
    // Four characters at a time take 19 ns for 16 characters, and one at a time 27.
    let all = 0
    let i = 0
    for (; i + 4 <= length; i += 4) {
      const a = text.charCodeAt(i)
      const b = text.charCodeAt(i + 1)
      const c = text.charCodeAt(i + 2)
      const d = text.charCodeAt(i + 3)
      all |= a | b | c | d
      view.setInt32(at + i, a | (b << 8) | (c << 16) | (d << 24), true)
    }
    for (; i < length; i++) {
      const code = text.charCodeAt(i)
      all |= code
      u8[at + i] = code
    }
    this.#add(this.#source, at, all > 127 ? writeUtf8(u8, text, at) : length)
  }

  /** Adds a word of bytes, which are copied. */
  bytes(bytes: Uint8Array): void {
    const { length } = bytes
    if (length >= BIG_BULK_BYTES_MIN) {
      this.#addOwn(length).u8.set(bytes, 0)
      return
    }
    if (this.#at + length > this.#source.u8.length) this.#grow()
    this.#source.u8.set(bytes, this.#at)
    this.#add(this.#source, this.#at, length)
  }

  /** Lets go of memory that this request alone needed. */
  release(): void {
    if (!this.#hasOwnMemory) return
    this.#hasOwnMemory = false
    for (let i = 0; i < this.#count; i++) this.args.window(i).set(NOTHING, 0, 0)
    this.args.release()
  }

  #longText(text: string): void {
    const bytesMax = UTF8_BYTES_MAX * text.length
    if (bytesMax >= BIG_BULK_BYTES_MIN) {
      const bytes = Buffer.byteLength(text)
      this.#addOwn(bytes).u8.write(text, 0, 'utf8')
      return
    }
    if (this.#at + bytesMax > this.#source.u8.length) this.#grow()
    this.#add(this.#source, this.#at, writeUtf8(this.#source.u8, text, this.#at))
  }

  #add(source: Source, start: number, length: number): void {
    this.args.window(this.#count++).set(source, start, length)
    this.args.length = this.#count
    this.#at = start + length
  }

  #addOwn(length: number): Source {
    const source = Source.allocate(length + LINE_END_BYTES)
    this.#hasOwnMemory = true
    this.args.window(this.#count++).set(source, 0, length)
    this.args.length = this.#count
    return source
  }

  /** Goes on in other memory; the words that are there stay where they are. */
  #grow(): void {
    this.#hasOwnMemory = true
    this.#source = Source.allocate(SCRATCH_BYTES)
    this.#at = 0
    this.#name = ''
  }
}
