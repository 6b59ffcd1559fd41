// Long texts, built and gone through piece by piece.
//
// Three habits of V8 make whatever is done to a long text at once a danger. A regular expression that replaces keeps a list
// of all matches, and past its largest array V8 ends the process. A text put together from little pieces is a rope, of 32
// bytes a piece. And a native function is not interrupted: while it runs nobody is heard. So libraries build texts with a
// `TextBuilder`, which makes each 16 KB of rope one piece, and go through long ones in slices, counting steps between them.

import { meter, notEnoughMemory, TEXT_BYTES_MAX } from './meter.ts'

/** What is converted or searched at once. */
const SLICE_LENGTH = 1 << 16

/** So much of a text under construction may be a rope. */
export const ROPE_LENGTH_MAX = 1 << 14

/** Characters of a text that are looked for natively. V8's search takes the product of both lengths where a text repeats itself. */
const NEEDLE_LENGTH_MAX = 256

/** A text that grows. Charges what it holds. */
export class TextBuilder {
  #text = ''
  #tail = ''

  get length(): number {
    return this.#text.length + this.#tail.length
  }

  add(piece: string): void {
    const { length } = piece
    if (length >= ROPE_LENGTH_MAX) this.#addLong(piece)
    else {
      this.#tail += piece
      if (this.#tail.length >= ROPE_LENGTH_MAX) this.#seal()
    }
  }

  /** The text; the builder is empty again. */
  finish(): string {
    const tail = this.#tail
    meter.charge(tail.length)
    const text = this.#text === '' ? tail : this.#text + tail
    this.#text = ''
    this.#tail = ''
    return text
  }

  #addLong(piece: string): void {
    const { length } = piece
    if (this.length + length > TEXT_BYTES_MAX) throw notEnoughMemory()
    if (this.#tail !== '') this.#seal()
    meter.charge(length)
    meter.look(piece)
    // Asking for a character makes a rope one piece.
    piece.charCodeAt(0)
    this.#text += piece
  }

  #seal(): void {
    const tail = this.#tail
    meter.charge(tail.length)
    meter.spend(tail.length >> 6)
    if (this.length > TEXT_BYTES_MAX) throw notEnoughMemory()
    // Asking for a character makes a rope one piece.
    tail.charCodeAt(0)
    this.#text += tail
    this.#tail = ''
  }
}

/** Adds a part of a text that is mostly short: only long ones need a builder, which is returned. */
export function gather(built: TextBuilder | undefined, part: string): TextBuilder {
  const builder = built ?? new TextBuilder()
  builder.add(part)
  return builder
}

/** The text that was gathered, and its last part. */
export function finish(built: TextBuilder | undefined, last: string): string {
  if (built === undefined) {
    meter.charge(last.length)
    return last
  }
  built.add(last)
  return built.finish()
}

/** What `convert` makes of a text, of which it takes a slice at a time; the results are put together in the same order. */
export function convertSlices(text: string, convert: (slice: string) => string): string {
  if (text.length <= SLICE_LENGTH) return convert(text)
  const built = new TextBuilder()
  for (let at = 0; at < text.length; at += SLICE_LENGTH) {
    // A regular expression that replaces each character takes 200 ns for it.
    meter.spend(SLICE_LENGTH >> 2)
    built.add(convert(text.substring(at, at + SLICE_LENGTH)))
  }
  return built.finish()
}

/** As `text.indexOf(wanted, from)`, counting steps. */
export function indexOfLong(text: string, wanted: string, from: number): number {
  if (text.length - from <= SLICE_LENGTH && wanted.length <= NEEDLE_LENGTH_MAX) return text.indexOf(wanted, from)
  const isShort = wanted.length <= NEEDLE_LENGTH_MAX
  const needle = isShort ? wanted : wanted.substring(0, NEEDLE_LENGTH_MAX)
  const end = text.length - wanted.length
  // Of each slice, matches that begin in it.
  for (let start = from; start <= end; start += SLICE_LENGTH) {
    meter.spend(SLICE_LENGTH >> 8)
    const slice = text.substring(start, start + SLICE_LENGTH + needle.length - 1)
    for (let at = slice.indexOf(needle); at >= 0 && start + at <= end; at = slice.indexOf(needle, at + 1)) {
      if (isShort || startsWithLong(text, wanted, start + at)) return start + at
    }
  }
  return -1
}

function startsWithLong(text: string, wanted: string, at: number): boolean {
  meter.spend(wanted.length >> 6)
  return text.startsWith(wanted, at)
}
