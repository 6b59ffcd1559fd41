// Replies that must wait until what they show is durable (appendfsync always).
//
// A client that wrote waits for its own bytes. A client that read a key whose last
// change is not durable yet waits for that change: what was shown may not be
// undone by a power cut. Which keys those are is kept in a small table of hash
// slots → offset of the last change; two keys in one slot only make a reader
// wait for an fsync that is under way anyhow.

import type { Client } from './client.ts'
import type { Engine } from './engine.ts'

const SLOTS = 4096

export class Durability {
  readonly #engine: Engine
  /** Hash slot → journal offset after the last change of a key there. */
  readonly #offsets = new Float64Array(SLOTS)
  #changed: number[] = []
  #held: Client[] = []

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** A key was looked at: its reader waits if it changed and the change is not durable yet. */
  readonly looked = (hash: number): void => {
    const offset = this.#offsets[hash & (SLOTS - 1)]!
    if (offset > this.#engine.journal.durable) this.#wait(offset)
  }

  /** Something that depends on every key was shown (KEYS, DBSIZE, SCAN). */
  lookedEverywhere(): void {
    const { journal } = this.#engine
    if (journal.waits && journal.appended > journal.durable) this.#wait(journal.appended)
  }

  #wait(offset: number): void {
    const client = this.#engine.currentClient
    if (client !== undefined && client.waitsForOffset < offset) client.waitsForOffset = offset
  }

  /** A key changed; its bytes are not in the journal yet. */
  changed(hash: number): void {
    this.#changed.push(hash & (SLOTS - 1))
  }

  /** A key expired; its DEL was just appended. */
  expired(hash: number): void {
    this.#offsets[hash & (SLOTS - 1)] = this.#engine.journal.appended
  }

  /** The effects of a client's command were appended. */
  wrote(client: Client): void {
    const offset = this.#engine.journal.appended
    for (let i = 0; i < this.#changed.length; i++) this.#offsets[this.#changed[i]!] = offset
    this.#changed.length = 0
    if (client.waitsForOffset < offset) client.waitsForOffset = offset
  }

  /** Keeps a client's output until the journal has caught up. */
  hold(client: Client): void {
    client.takeCopy()
    if (!client.heldForDurability) {
      client.heldForDurability = true
      this.#held.push(client)
    }
  }

  /** Lets go of those whose offset is durable by now; they are flushed with this turn. */
  settle(): void {
    if (this.#held.length === 0) return
    const { durable } = this.#engine.journal
    const held = this.#held
    this.#held = []
    for (const client of held) {
      if (client.closed) continue
      if (client.waitsForOffset > durable) {
        this.#held.push(client)
        continue
      }
      client.heldForDurability = false
      if (!client.queuedForFlush) {
        client.queuedForFlush = true
        this.#engine.flushQueue.push(client)
      }
    }
  }
}
