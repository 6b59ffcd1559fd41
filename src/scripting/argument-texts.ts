// The texts a script was called with last, by place.
//
// A queue's scripts are called with the same key names and options again and again. Comparing a text with the one that stood
// there last time takes 10 ns, making a string of it 30 to 80 and garbage; and a string that is met again is flat and knows
// its hash. The first run remembers nothing: many scripts have no other.

import { type Bytes, copyBytes, equalBytes, Source } from '../util/bytes/bytes.ts'
import { textOf } from '../util/bytes/text.ts'

/** Places that are remembered; BullMQ's scripts have up to 16 keys. */
const PLACES = 16
/** After so many different texts in a row a place is left alone, for it holds a job's own key … */
const CHANGES_MAX = 8
/** … until it was passed by so many times. */
const PASSES_MAX = 1000

export class ArgumentTexts {
  #bytes: Source | undefined = undefined
  readonly #texts: string[] = []
  readonly #changes: number[] = []
  readonly #textBytesMax: number
  #hasRun = false

  /** Texts longer than `textBytesMax` are not remembered. */
  constructor(textBytesMax: number) {
    this.#textBytesMax = textBytesMax
  }

  /** Returns a window's text, `place` ≥ 0 being what tells it from others of the call. */
  text(place: number, window: Bytes): string {
    const { source, start, length } = window
    if (place >= PLACES || length > this.#textBytesMax) return textOf(source.u8, start, length)
    const bytes = this.#bytes ?? this.#begin(place)
    if (bytes === undefined) return textOf(source.u8, start, length)
    const changes = this.#changes[place]!
    if (changes >= CHANGES_MAX) {
      this.#changes[place] = changes > PASSES_MAX ? 0 : changes + 1
      return textOf(source.u8, start, length)
    }
    const at = place * this.#textBytesMax
    const known = this.#texts[place]!
    if (known.length === length && equalBytes(bytes, at, source, start, length)) {
      if (changes > 0) this.#changes[place] = 0
      return known
    }
    this.#changes[place] = changes + 1
    const text = textOf(source.u8, start, length)
    this.#texts[place] = text
    copyBytes(bytes, at, source, start, length)
    return text
  }

  #begin(place: number): Source | undefined {
    if (place > 0) return undefined
    if (!this.#hasRun) {
      this.#hasRun = true
      return undefined
    }
    const bytes = Source.allocate(PLACES * this.#textBytesMax)
    this.#bytes = bytes
    for (let i = 0; i < PLACES; i++) {
      this.#texts.push('')
      this.#changes.push(0)
    }
    return bytes
  }
}
