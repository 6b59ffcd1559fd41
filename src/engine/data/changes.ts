// The *after* side of the gate (invariant 6): who wants to hear that a value has changed.
//
// WATCH, keyspace events and durability take a seat while they have a
// reason to listen, and leave when they have none. While nobody sits here, a
// change costs one look at `told`.

import type { EventName } from '../../config/event-flags.ts'
import type { Database } from '../../store/keyspace/database.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import { type Handler, Handlers } from '../../util/tables/handlers.ts'

/** What is told of a change. The key is a window that is valid during the call. */
export type Change = [db: Database, key: Bytes, event: EventName]

export class Changes {
  /** To be called with each change; null while nobody listens. */
  told: Handler<Change> | null = null
  readonly observers = new Handlers<Change>((slot) => {
    this.#slot = slot
    this.#tell()
  })
  #slot: Handler<Change> | null = null
  #silent = false

  /** Tells nobody of what follows: data is being loaded, and what is loaded happened long ago. */
  silence(): void {
    this.#silent = true
    this.#tell()
  }

  /** Ends the silence. */
  speak(): void {
    this.#silent = false
    this.#tell()
  }

  get silent(): boolean {
    return this.#silent
  }

  #tell(): void {
    this.told = this.#silent ? null : this.#slot
  }
}
