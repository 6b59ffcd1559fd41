// Released memory, until it is reused or returned to the system.
//
// The runtime frees an ArrayBuffer when its collector finds it dead. That is late. The collector
// runs when the JS heap has grown, which large values do not cause; and a window that the last
// command moved keeps its buffer alive. So the owner of a large buffer releases it here. The buffer
// is kept for the next request of its size (spare-memory.ts), or detached. Then its memory is free
// at once, and every view of it is empty.
//
// It happens between commands, never within one, because a reply may still be made of a value that
// was just removed. It does not happen while the buffer is held, for instance by a socket that has
// not taken all of it yet.

import type { Source } from '../bytes/bytes.ts'
import { CHECKED } from '../invariant.ts'
import { happened, RESTLESS } from '../restless.ts'
import { setImmediate } from '../time/real-time.ts'
import { detach } from './detach.ts'
import { type SpareMemory, spareMemory } from './spare-memory.ts'

/** Smaller buffers are left to the collector: detaching one costs 3 µs, as much as a command. */
const DETACHED_BYTES_MIN = 16 * 1024
/** More than this does not wait for the end of a pipeline or script that goes on discarding. */
const WAITING_BYTES_MAX = 32 * 1024 * 1024
/**
 * Reusable buffers wait for the end of the running command only, up to this many bytes. Otherwise
 * new memory would be allocated meanwhile.
 */
const USABLE_BYTES_MAX = 256 * 1024

/**
 * How many holders a buffer has, and whether it is to be discarded when the last one releases it.
 */
interface Held {
  holders: number
  isDiscarded: boolean
}

export class Discarded {
  /** Bytes that wait to be given back. */
  #bytes = 0
  /** Buffers that may be kept for reuse. */
  #small: ArrayBuffer[] = []
  #smallBytes = 0
  /**
   * Buffers that are too large to be kept. Weakly held, because the collector may be faster when
   * immediates are late.
   */
  #large: WeakRef<ArrayBuffer>[] = []
  readonly #held = new WeakMap<ArrayBufferLike, Held>()
  readonly #spare: SpareMemory
  readonly #giveBack = (): void => this.giveBack()

  constructor(spare: SpareMemory) {
    this.#spare = spare
  }

  /**
   * Releases a source that is read at most until the running command ends. A very small one, or a
   * part of a larger buffer, is ignored.
   */
  add(source: Source): void {
    if (source.isWhole) this.#add(source.u8.buffer as ArrayBuffer)
  }

  #add(buffer: ArrayBuffer): void {
    const { byteLength } = buffer
    const isSmall = this.#spare.wants(byteLength)
    if (!isSmall && byteLength < DETACHED_BYTES_MIN) return
    const held = this.#held.get(buffer)
    if (held !== undefined) {
      held.isDiscarded = true
      return
    }
    if (this.#small.length + this.#large.length === 0) setImmediate(this.#giveBack)
    if (isSmall) {
      this.#small.push(buffer)
      this.#smallBytes += byteLength
    } else {
      this.#large.push(new WeakRef(buffer))
    }
    this.#bytes += byteLength
  }

  /** Keeps a buffer unchanged until `release`, even if its owner discards it. */
  hold(buffer: ArrayBufferLike): void {
    const held = this.#held.get(buffer)
    if (held === undefined) this.#held.set(buffer, { holders: 1, isDiscarded: false })
    else held.holders++
  }

  /** Ends a `hold`. */
  release(buffer: ArrayBufferLike): void {
    const held = this.#held.get(buffer)
    if (held === undefined || --held.holders > 0) return
    this.#held.delete(buffer)
    if (held.isDiscarded) this.#add(buffer as ArrayBuffer)
  }

  /** True when too much waits to wait for the end of the turn. */
  get isMuch(): boolean {
    return this.#bytes > 0 && (RESTLESS || this.#smallBytes >= USABLE_BYTES_MAX || this.#bytes > WAITING_BYTES_MAX)
  }

  /** Gives back the waiting buffers. Must not be called while a command runs. */
  giveBack(): void {
    if (CHECKED && this.#bytes > 0) happened('memory discarded')
    const small = this.#small
    const large = this.#large
    this.#small = []
    this.#large = []
    this.#smallBytes = 0
    this.#bytes = 0
    for (const buffer of small) if (!this.#spare.keep(buffer) && buffer.byteLength >= DETACHED_BYTES_MIN) detach(buffer)
    for (const reference of large) {
      const buffer = reference.deref()
      if (buffer !== undefined) detach(buffer)
    }
  }
}

/** One for the process, because an immediate never runs within a command of any engine. */
export const discarded = new Discarded(spareMemory)
