// Caches the texts of a script's arguments by their index.
//
// A queue's scripts are called with the same key names and options again and again. Comparing an
// argument with the cached text takes 10 ns; making a string takes 30 to 80 and leaves garbage. A
// string that is reused is also flat and has its hash. The first run caches nothing, because many
// scripts run only once.

import { type Bytes, copyBytes, equalBytes, Source } from '../util/bytes/bytes.ts'
import { textOf } from '../util/bytes/text.ts'

/** Indexes that are cached. BullMQ's scripts have up to 16 keys. */
const PLACES = 16
/**
 * After this many different texts in a row an index is skipped, because it holds a job's own key …
 */
const CHANGES_MAX = 8
/** … until it was skipped this many times. */
const PASSES_MAX = 1000

export class ArgumentTexts {
  #bytes: Source | undefined = undefined
  readonly #texts: string[] = []
  readonly #changes: number[] = []
  readonly #textBytesMax: number
  #hasRun = false

  /** Longer texts than `textBytesMax` are not cached. */
  constructor(textBytesMax: number) {
    this.#textBytesMax = textBytesMax
  }

  /** Returns the text of a window; `place` ≥ 0 is the argument's index. */
  text(place: number, window: Bytes): string {
    const { source, start, length } = window
    if (place >= PLACES || length > this.#textBytesMax) return textOf(source.u8, start, length)
    const bytes = this.#bytes ?? this.#begin(place)
    if (bytes === undefined) return textOf(source.u8, start, length)
    const changes = this.#changes[place] ?? 0
    if (changes >= CHANGES_MAX) {
      this.#changes[place] = changes > PASSES_MAX ? 0 : changes + 1
      return textOf(source.u8, start, length)
    }
    const at = place * this.#textBytesMax
    const known = this.#texts[place] ?? ''
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
