// Released buffers, for the next requests of about their size.
//
// A new buffer of 256 KiB costs its pages, one fault each. The runtime also counts its bytes: every
// 64 MB it collects the whole heap. That is 15 ms of threads, which values of that size cause about
// sixty times a second. A server that replaces values releases one buffer for each that it takes,
// so a few are enough.
//
// Buffers lie in rows by size, eight rows for each power of two. A request gets the newest buffer
// of its row, if that is large enough, or one of the next row. At most a quarter of it is more than
// was asked for. When there was no request for a while, all buffers return to the system.

import { itemAt } from '../array-reads.ts'
import { assert } from '../assert.ts'
import { Source } from '../bytes/bytes.ts'
import { CHECKED } from '../invariant.ts'
import { happened, RESTLESS } from '../restless.ts'
import { setTimeout } from '../time/real-time.ts'
import { detach } from './detach.ts'

/** Smaller buffers cost little more than the request for them. */
export const SPARE_BYTES_MIN = RESTLESS ? 64 : 1024
/** Larger buffers are not kept: a few of them would fill KEPT_BYTES_MAX. */
export const SPARE_BYTES_MAX = 1024 * 1024
/**
 * The most bytes that are kept. It is less than `used_memory` counts as garbage
 * (engine/upkeep/memory.ts).
 */
const KEPT_BYTES_MAX = 8 * 1024 * 1024
/** Buffers are not kept longer than this without a request. */
const UNUSED_MS = 1000

const SPARE_POWER_MIN = Math.log2(SPARE_BYTES_MIN)

/** In the checked build: each byte of a spare buffer, and of a buffer that was just handed out. */
const KEPT_BYTE = 0xdb
const LENT_BYTE = 0xa5

export class SpareMemory {
  /** Bytes of all kept buffers. */
  bytes = 0
  readonly #rows: ArrayBuffer[][] = []
  readonly #later: (run: () => void, milliseconds: number) => void
  #isLooking = false
  #wasAsked = false
  readonly #look = (): void => this.#lookForUse()

  /** `later` runs a function after a number of milliseconds. */
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

  /** Keeps a buffer that is no longer read; false when it is too small, too large, or too much. */
  keep(buffer: ArrayBuffer): boolean {
    const { byteLength } = buffer
    if (!this.wants(byteLength)) return false
    const row = rowOf(byteLength)
    while (this.#rows.length <= row) this.#rows.push([])
    itemAt(this.#rows, row).push(buffer)
    if (CHECKED) new Uint8Array(buffer).fill(KEPT_BYTE)
    this.bytes += byteLength
    if (!this.#isLooking) this.#lookLater()
    return true
  }

  /** Tells whether a buffer of this size would be kept. */
  wants(bytes: number): boolean {
    return bytes >= SPARE_BYTES_MIN && bytes <= SPARE_BYTES_MAX && this.bytes + bytes <= KEPT_BYTES_MAX
  }

  /** Returns all buffers to the system. */
  clear(): void {
    for (const row of this.#rows) {
      for (const buffer of row) detach(buffer)
      row.length = 0
    }
    this.bytes = 0
  }

  #takeFrom(row: number, length: number): ArrayBuffer | undefined {
    const buffers = this.#rows[row]
    if (buffers === undefined || buffers.length === 0 || itemAt(buffers, buffers.length - 1).byteLength < length)
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

/**
 * Returns the number of the row for buffers of a size: its power of two, and the eighth of that.
 */
function rowOf(bytes: number): number {
  const power = 31 - Math.clz32(bytes)
  return ((power - SPARE_POWER_MIN) << 3) + ((bytes >>> (power - 3)) & 7)
}

/**
 * In the checked build: asserts that a buffer was not written to since it was released, and fills
 * it, so that old content is not read.
 */
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
