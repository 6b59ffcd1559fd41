// The *after* side of the gate (invariant 6): the handlers that are told when a value has changed.
//
// WATCH, keyspace events and durability add a handler while they need it, and remove it afterwards.
// While there is no handler, a change costs one look at `told`.

import type { EventName } from '../../config/event-flags.ts'
import type { Database } from '../../store/keyspace/database.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import { type Handler, Handlers } from '../../util/tables/handlers.ts'

/** The arguments of a handler. The key is a window that is valid during the call. */
export type Change = [db: Database, key: Bytes, event: EventName]

export class Changes {
  /** The function to call with each change; null while there is no handler. */
  told: Handler<Change> | null = null
  readonly observers = new Handlers<Change>((slot) => {
    this.#slot = slot
    this.#tell()
  })
  #slot: Handler<Change> | null = null
  #silent = false

  /** Calls no handler from now on: data is being loaded, and its changes happened long ago. */
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
