// Memory that nobody reads any more, on its way back to the system.
//
// The runtime frees an ArrayBuffer when its collector finds it dead. That is late:
// the collector comes when the JS heap has grown, which large values do not make
// it do; and a window that the last command moved keeps its buffer alive. So
// whoever owns a large buffer and is done with it says so here, and it is
// detached: its memory is free at once, and whoever still holds a view of it holds
// an empty one.
//
// It happens between commands, never within one: a reply may still be made of a
// value that has just been removed.

import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { Source } from './bytes.ts'
import { setImmediate } from './real-time.ts'

/** Smaller buffers are left to the collector: detaching one costs 3 µs, as much as a command. */
const DISCARDED_BYTES_MIN = 16 * 1024
/** More than this does not wait for the end of a pipeline or script that goes on discarding. */
const WAITING_BYTES_MAX = 32 * 1024 * 1024

class Discarded {
  /** Bytes that wait to be given back. */
  bytes = 0
  /** Weakly held: where immediates are long in coming, the collector may be faster. */
  #buffers: WeakRef<ArrayBuffer>[] = []
  /** A port that is closed: what is sent to it is detached, as the standard has it, and freed for want of a receiver. */
  #nowhere: MessagePort | undefined = undefined
  readonly #giveBack = (): void => this.giveBack()

  /** Takes a source that is read no longer than the running command; a small one, or a part of a larger buffer, is ignored. */
  add(source: Source): void {
    const { buffer, byteLength } = source.u8
    if (byteLength < DISCARDED_BYTES_MIN || buffer.byteLength !== byteLength) return
    if (this.#buffers.length === 0) setImmediate(this.#giveBack)
    this.#buffers.push(new WeakRef(buffer as ArrayBuffer))
    this.bytes += byteLength
  }

  /** True when what waits is too much to wait for the end of the turn. */
  get isMuch(): boolean {
    return this.bytes > WAITING_BYTES_MAX
  }

  /** Frees what waits; not to be called while a command runs. */
  giveBack(): void {
    if (this.#nowhere === undefined) {
      const { port1 } = new MessageChannel()
      port1.close()
      this.#nowhere = port1
    }
    const buffers = this.#buffers
    this.#buffers = []
    this.bytes = 0
    for (const reference of buffers) {
      const buffer = reference.deref()
      if (buffer !== undefined) this.#nowhere.postMessage(buffer, [buffer])
    }
  }
}

/** One for the process: an immediate finds no engine within a command. */
export const discarded = new Discarded()
