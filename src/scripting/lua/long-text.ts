// Long texts, built and read piece by piece.
//
// Three habits of V8 make any work on a whole long text dangerous. A replacing regular expression
// keeps a list of all matches, and past its largest array V8 ends the process. A text joined from
// small pieces is a rope of 32 bytes a piece. And a native function cannot be interrupted, so no
// client is served while it runs. So libraries build texts with a `TextBuilder`, which flattens
// each 16 KB of rope. They read long texts in slices, and count steps between slices.

import { meter, notEnoughMemory, TEXT_BYTES_MAX } from './script-meter.ts'

/** Characters converted or searched in one slice. */
const SLICE_LENGTH = 1 << 16

/** Characters of a text under construction that may be a rope. */
export const ROPE_LENGTH_MAX = 1 << 14

/**
 * Longest text that is searched natively. V8's search takes the product of both lengths for
 * repetitive texts.
 */
const NEEDLE_LENGTH_MAX = 256

/** A text that grows. It charges the meter for its characters. */
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

  /** Returns the text and empties the builder. */
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
    // Reading a character flattens the rope.
    piece.charCodeAt(0)
    this.#text += piece
  }

  #seal(): void {
    const tail = this.#tail
    meter.charge(tail.length)
    meter.spend(tail.length >> 6)
    if (this.length > TEXT_BYTES_MAX) throw notEnoughMemory()
    // Reading a character flattens the rope.
    tail.charCodeAt(0)
    this.#text += tail
    this.#tail = ''
  }
}

/**
 * Adds a part to a text. Short texts are joined directly; a long one needs a builder, which is
 * returned.
 */
export function gather(built: TextBuilder | undefined, part: string): TextBuilder {
  const builder = built ?? new TextBuilder()
  builder.add(part)
  return builder
}

/** Returns the gathered text with its last part. */
export function finish(built: TextBuilder | undefined, last: string): string {
  if (built === undefined) {
    meter.charge(last.length)
    return last
  }
  built.add(last)
  return built.finish()
}

/** Converts a text a slice at a time, and joins the results in order. */
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

/** Does the same as `text.indexOf(wanted, from)`, and counts steps. */
export function indexOfLong(text: string, wanted: string, from: number): number {
  if (text.length - from <= SLICE_LENGTH && wanted.length <= NEEDLE_LENGTH_MAX) return text.indexOf(wanted, from)
  const isShort = wanted.length <= NEEDLE_LENGTH_MAX
  const needle = isShort ? wanted : wanted.substring(0, NEEDLE_LENGTH_MAX)
  const end = text.length - wanted.length
  // Finds the matches that begin in each slice.
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
