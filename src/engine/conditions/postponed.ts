// Postponed requests: the client keeps its request, nothing more is read from it, and it goes on at
// the end of a turn.
//
// CLIENT PAUSE postpones (pause.ts), frozen keys do (frozen-keys.ts), and so does a snapshot that
// must write a large value before it changes (persistence/snapshot/large-changes.ts). A request
// that is tried again may be postponed again.

import type { Arguments } from '../../protocol/arguments.ts'
import { assert } from '../../util/assert.ts'
import type { Client } from '../clients/client.ts'

export interface PostponedHost {
  readonly requests: {
    readonly turn: { resumeSoon(client: Client): void }
  }
}

export class PostponedClients {
  readonly #host: PostponedHost
  /** In order of arrival. */
  readonly #clients = new Set<Client>()

  constructor(host: PostponedHost) {
    this.#host = host
  }

  /** Postpones a client's current request. Copies the arguments. */
  add(client: Client, args: Arguments): void {
    assert(client.requests.postponed === undefined, 'invariant 1: a client has one request that is put off')
    assert(!client.requests.parked && !client.connection.closed, 'invariant 1: a client waits for one thing')
    client.paused = true
    client.requests.postponed = args.copy()
    this.#clients.add(client)
  }

  /** Lets all of them try again at this turn's end, in order of arrival. */
  resume(): void {
    // They stay paused until then: bytes that they have sent since come after the postponed
    // request.
    for (const client of this.#clients) {
      assert(client.paused || client.connection.closed, 'invariant 1: a client waits while its request is postponed')
      this.#host.requests.turn.resumeSoon(client)
    }
    this.#clients.clear()
  }

  /** Forgets a client that is gone. */
  forget(client: Client): void {
    client.requests.postponed = undefined
    this.#clients.delete(client)
  }
}
