// Replies that must wait until what they show is safe.
//
// Who wrote waits for the bytes of the write (invariant 3): under appendfsync
// `always` until they are synced, otherwise until they are in the file, which they
// are by the turn's end unless the disk refuses them.
//
// Under `always` who read waits too, if a key looked at has a change that is not
// synced yet: what was shown may not be undone by a power cut. Which keys those
// are is kept in a small table, hash slot → offset of the last change; two keys in
// one slot only make a reader wait for an fsync that is under way anyhow. Reads of
// other keys never wait, nor do messages: a subscriber who hears of a write and
// then reads the key waits there.
//
// Journal offsets become durable by whole turns, so any offset within a turn's
// bytes stands for all of them. That is why the change of a key can be noted
// before its bytes are appended, and a transaction's command before EXEC is.

import type { Client } from './client.ts'
import { ENGINE_JOURNAL_FAILED, type Engine } from './engine.ts'
import type { Journal } from './journal.ts'

const SLOTS = 4096

export class Durability {
  readonly #engine: Engine
  /** Hash slot → an offset within the bytes of the last change of a key there. */
  readonly #offsets = new Float64Array(SLOTS)
  /** As if it stood in every slot: a whole database changed. */
  #everywhere = 0
  /** Clients whose output is kept back. */
  readonly #held = new Set<Client>()
  /** How far the journal was durable when they were last looked through. */
  #settledTo = 0

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** Gives the engine a journal, and has it follow the journal's progress and failures from then on. */
  follow(journal: Journal): void {
    const engine = this.#engine
    engine.journal = journal
    const follow = (): void => {
      if (journal.failure === undefined) engine.state &= ~ENGINE_JOURNAL_FAILED
      else engine.state |= ENGINE_JOURNAL_FAILED
      engine.updateObserving()
      engine.endTurnSoon()
    }
    journal.onProgress(follow)
    follow()
  }

  /** A key was looked at: its reader waits if it changed and the change is not durable yet. */
  readonly looked = (hash: number): void => {
    const { journal } = this.#engine
    const offset = Math.max(this.#offsets[hash & (SLOTS - 1)]!, this.#everywhere)
    if (offset > journal.durable) this.#wait(journal, offset)
  }

  /** Something that depends on every key was shown (KEYS, DBSIZE, SCAN). */
  lookedEverywhere(): void {
    const { journal } = this.#engine
    if (journal.waits && journal.appended > journal.durable) this.#wait(journal, journal.appended)
  }

  #wait(journal: Journal, offset: number): void {
    const client = this.#engine.currentClient
    // A change that was not journaled after all has nothing to wait for beyond what is there.
    const reached = Math.min(offset, journal.appended)
    if (client !== undefined && client.waitsForOffset < reached) client.waitsForOffset = reached
  }

  /** A key changed; its bytes are not in the journal yet. */
  changed(hash: number): void {
    this.#offsets[hash & (SLOTS - 1)] = this.#engine.journal.appended + 1
  }

  /** A whole database changed; the bytes are not in the journal yet. */
  changedEverywhere(): void {
    this.#everywhere = this.#engine.journal.appended + 1
  }

  /** The effects of a client's command were appended. */
  wrote(client: Client): void {
    client.waitsForOffset = this.#engine.journal.appended
  }

  /** Clients whose replies wait at the moment. */
  get heldClients(): number {
    return this.#held.size
  }

  /** Keeps a client's output until the journal has caught up. */
  hold(client: Client): void {
    client.keepOutput()
    client.heldForDurability = true
    this.#held.add(client)
    this.#settledTo = this.#engine.journal.durable
  }

  /** A client is gone. */
  forget(client: Client): void {
    if (client.heldForDurability) this.#held.delete(client)
  }

  /** Lets go of those whose offset is durable by now; they are flushed with this turn. */
  settle(): void {
    if (this.#held.size === 0) return
    const { durable } = this.#engine.journal
    // Most turns end while the same fsync is still under way.
    if (durable === this.#settledTo) return
    this.#settledTo = durable
    for (const client of this.#held) {
      if (client.waitsForOffset > durable) continue
      this.#held.delete(client)
      client.heldForDurability = false
      if (!client.queuedForFlush) {
        client.queuedForFlush = true
        this.#engine.flushQueue.push(client)
      }
    }
  }
}
