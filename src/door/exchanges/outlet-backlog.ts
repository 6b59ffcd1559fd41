// The bytes that an outlet was given and the system has not taken yet.

import { nextTick } from '../../util/time/real-time.ts'

export class OutletBacklog {
  bytes = 0
  #drained: (() => void)[] = []

  add(bytes: number): void {
    this.bytes += bytes
  }

  /** Takes bytes off, and tells those that wait for the end of the backlog. */
  taken(bytes: number): void {
    this.bytes -= bytes
    if (this.bytes > 0) return
    const drained = this.#drained
    this.#drained = []
    for (const tell of drained) tell()
  }

  /** Calls `tell` once there is no backlog; in a later step if there is none now. */
  whenDrained(tell: () => void): void {
    if (this.bytes === 0) nextTick(tell)
    else this.#drained.push(tell)
  }
}
