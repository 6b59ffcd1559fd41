// Buffers that were given back, for those who ask for one of about that size next.
//
// A new buffer of 256 KiB costs its pages, one fault each, and the runtime counts its bytes: every 64 MB it collects the whole
// heap, 15 ms of threads that values of that size bring about sixty times a second. A server that replaces values gives back
// one buffer for each that it takes, so a few are enough.
//
// What is kept lies in rows by size, eight rows to a power of two. Whoever asks gets the buffer that came last to his row, if it
// is large enough, or to the next one: at most a quarter of it is more than was asked for. When nobody has asked for a while all
// go back to the system.

import { assert } from '../assert.ts'
import { Source } from '../bytes/bytes.ts'
import { CHECKED } from '../invariant.ts'
import { happened, RESTLESS } from '../restless.ts'
import { setTimeout } from '../time/real-time.ts'
import { detach } from './detach.ts'

/** Smaller buffers cost little more than the request that they are for. */
export const SPARE_BYTES_MIN = RESTLESS ? 64 : 1024
/** Larger buffers are not kept: a few of them would fill KEPT_BYTES_MAX. */
export const SPARE_BYTES_MAX = 1024 * 1024
/** All that is kept. Less than what `used_memory` takes for garbage (engine/upkeep/memory.ts). */
const KEPT_BYTES_MAX = 8 * 1024 * 1024
/** What nobody has asked for that long is not kept. */
const UNUSED_MS = 1000

const SPARE_POWER_MIN = Math.log2(SPARE_BYTES_MIN)

/** In the checked build: each byte of a buffer that nobody has, and of one that somebody was just given. */
const KEPT_BYTE = 0xdb
const LENT_BYTE = 0xa5

export class SpareMemory {
  /** Bytes of all that is kept. */
  bytes = 0
  readonly #rows: ArrayBuffer[][] = []
  readonly #later: (run: () => void, milliseconds: number) => void
  #isLooking = false
  #wasAsked = false
  readonly #look = (): void => this.#lookForUse()

  /** `later` runs a function after so many milliseconds. */
  constructor(later = (run: () => void, milliseconds: number): void => void setTimeout(run, milliseconds).unref()) {
    this.#later = later
  }

  /** Returns a source of `length` bytes, in memory of its own; the content is undefined. */
  take(length: number): Source {
    if (length < SPARE_BYTES_MIN || length > SPARE_BYTES_MAX) return Source.allocate(length)
    this.#wasAsked = true
    const row = rowOf(length)
    const buffer = this.#takeFrom(row, length) ?? this.#takeFrom(row + 1, length)
    if (buffer === undefined) return Source.allocate(length)
    if (CHECKED) lend(buffer)
    return new Source(Buffer.from(buffer, 0, length), true)
  }

  /** Keeps a buffer that nobody reads any more; false when it is too small, too large, or too much. */
  keep(buffer: ArrayBuffer): boolean {
    const { byteLength } = buffer
    if (!this.wants(byteLength)) return false
    const row = rowOf(byteLength)
    while (this.#rows.length <= row) this.#rows.push([])
    this.#rows[row]!.push(buffer)
    if (CHECKED) new Uint8Array(buffer).fill(KEPT_BYTE)
    this.bytes += byteLength
    if (!this.#isLooking) this.#lookLater()
    return true
  }

  /** Tells whether a buffer of so many bytes would be kept. */
  wants(bytes: number): boolean {
    return bytes >= SPARE_BYTES_MIN && bytes <= SPARE_BYTES_MAX && this.bytes + bytes <= KEPT_BYTES_MAX
  }

  /** Gives everything back to the system. */
  clear(): void {
    for (const row of this.#rows) {
      for (const buffer of row) detach(buffer)
      row.length = 0
    }
    this.bytes = 0
  }

  #takeFrom(row: number, length: number): ArrayBuffer | undefined {
    const buffers = this.#rows[row]
    if (buffers === undefined || buffers.length === 0 || buffers[buffers.length - 1]!.byteLength < length)
      return undefined
    const buffer = buffers.pop()!
    this.bytes -= buffer.byteLength
    return buffer
  }

  #lookLater(): void {
    this.#isLooking = true
    this.#wasAsked = false
    this.#later(this.#look, UNUSED_MS)
  }

  #lookForUse(): void {
    this.#isLooking = false
    if (!this.#wasAsked) this.clear()
    else if (this.bytes > 0) this.#lookLater()
  }
}

/** Number of the row for buffers of so many bytes: the power of two, and in which eighth from there. */
function rowOf(bytes: number): number {
  const power = 31 - Math.clz32(bytes)
  return ((power - SPARE_POWER_MIN) << 3) + ((bytes >>> (power - 3)) & 7)
}

/** In the checked build: sees that nobody has written to a buffer since it was given back, and leaves nothing in it to be read. */
function lend(buffer: ArrayBuffer): void {
  const u8 = new Uint8Array(buffer)
  assert(
    u8.every((byte) => byte === KEPT_BYTE),
    'memory that was given back is written to by its former owner no more',
  )
  u8.fill(LENT_BYTE)
  happened('spare memory lent')
}

/** One for the process. */
export const spareMemory = new SpareMemory()
