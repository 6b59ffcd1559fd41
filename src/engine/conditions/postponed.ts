// Requests put off: a client keeps the one it sent, is not read from meanwhile, and goes on in its turn when it may.
//
// CLIENT PAUSE postpones (pause.ts), and so does a snapshot that must write a large value before it changes
// (persistence/snapshot/large-changes.ts). A request that is tried again may be postponed once more.

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
  /** In the order in which they came. */
  readonly #clients = new Set<Client>()

  constructor(host: PostponedHost) {
    this.#host = host
  }

  /** Puts off a client's current request. Copies the arguments. */
  add(client: Client, args: Arguments): void {
    assert(client.postponedRequest === undefined, 'invariant 1: a client has one request that is put off')
    client.paused = true
    client.postponedRequest = args.copy()
    this.#clients.add(client)
  }

  /** Lets all of them try again at this turn's end, in the order in which they came. */
  resume(): void {
    // Until then they are not read from: what they have sent since comes after the request that was put off.
    for (const client of this.#clients) this.#host.requests.turn.resumeSoon(client)
    this.#clients.clear()
  }

  /** The client is gone. */
  forget(client: Client): void {
    client.postponedRequest = undefined
    this.#clients.delete(client)
  }
}
