// The connected clients: they come, get a number, and go.
//
// A room that keeps something about a client takes a seat at `gone`, and forgets it there.

import { type Handler, Handlers } from '../../util/tables/handlers.ts'
import type { ServerState } from '../conditions/state.ts'
import type { Stats } from '../figures/stats.ts'
import type { UnitClock } from '../upkeep/unit-clock.ts'
import { Client, type ClientHost, type Origin, type Transport } from './client.ts'
import type { Users } from './users.ts'

export interface ClientsHost extends ClientHost {
  readonly unitClock: UnitClock
  readonly state: ServerState
  readonly stats: Stats
  readonly users: Users
  readonly clientMemory: { note(client: Client): void }
}

export class Clients {
  /** Told of each client that is gone, before it is forgotten here. */
  readonly gone = new Handlers<[client: Client]>((slot) => {
    this.#gone = slot
  })
  #gone: Handler<[client: Client]> | null = null
  readonly #host: ClientsHost
  readonly #byId = new Map<number, Client>()
  #nextId = 1

  constructor(host: ClientsHost) {
    this.#host = host
  }

  /** Number of clients connected; replays do not count. */
  get size(): number {
    return this.#byId.size
  }

  get(id: number): Client | undefined {
    return this.#byId.get(id)
  }

  /** All of them, in the order in which they came. */
  values(): IterableIterator<Client> {
    return this.#byId.values()
  }

  /** Takes a new client in. */
  connect(transport: Transport, origin: Origin = 'client'): Client {
    const { unitClock, state, stats, users } = this.#host
    // A slow script, during which connections are accepted, keeps its own time.
    if (!state.busy.holds) unitClock.pass()
    const client = new Client(this.#host, this.#nextId++, transport, origin, unitClock.now())
    if (origin === 'client') users.greet(client)
    if (origin !== 'replay') {
      this.#byId.set(client.id, client)
      stats.connectionsReceived++
      this.#host.clientMemory.note(client)
    }
    return client
  }

  /** The other side is gone: everything about the client is forgotten. */
  disconnect(client: Client): void {
    if (client.closed) return
    client.closed = true
    client.dropOutput()
    if (this.#gone !== null) this.#gone(client)
    this.#byId.delete(client.id)
    client.paused = false
  }

  /** Ends a connection from this side: after its replies have left, or at once. */
  close(client: Client, when: 'flushed' | 'now'): void {
    if (client.closed) return
    if (when === 'now') {
      this.disconnect(client)
      client.transport.close('now')
      return
    }
    client.closing = true
    this.#host.turn.flushSoon(client)
  }
}
