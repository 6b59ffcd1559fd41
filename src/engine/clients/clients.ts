// The connected clients: each gets a number when it connects, and is forgotten when it goes.
//
// A room that keeps something about a client adds a handler to `gone`, and forgets it there.

import type { Config } from '../../config/config.ts'
import { assert } from '../../util/assert.ts'
import { type Handler, Handlers } from '../../util/tables/handlers.ts'
import type { ServerState } from '../conditions/state.ts'
import type { Stats } from '../figures/stats.ts'
import type { UnitClock } from '../upkeep/unit-clock.ts'
import { Client, type ClientHost } from './client.ts'
import type { Origin, Transport } from './transport.ts'
import type { Users } from './users.ts'

export interface ClientsHost {
  readonly config: Config
  readonly environment: { readonly unitClock: UnitClock }
  readonly conditions: { readonly state: ServerState }
  readonly figures: { readonly stats: Stats }
  readonly data: { readonly dataset: ClientHost['dataset'] }
  readonly clients: {
    readonly users: Users
    readonly memory: { note(client: Client): void }
    readonly outputLimits: ClientHost['outputLimits']
  }
  readonly requests: Pick<ClientHost, 'dispatch' | 'runner' | 'replies' | 'turn'>
  readonly upkeep: { readonly timedWork: ClientHost['timedWork'] }
}

export class Clients {
  /** Called with each client that is gone, before it is forgotten here. */
  readonly gone = new Handlers<[client: Client]>((slot) => {
    this.#gone = slot
  })
  #gone: Handler<[client: Client]> | null = null
  readonly #host: ClientsHost
  /** The few parts that clients use themselves. They are looked at for every request. */
  #neighbours: ClientHost | undefined = undefined
  readonly #byId = new Map<number, Client>()
  #nextId = 1

  constructor(host: ClientsHost) {
    this.#host = host
  }

  /** The number of connected clients, without replays. */
  get size(): number {
    return this.#byId.size
  }

  get(id: number): Client | undefined {
    return this.#byId.get(id)
  }

  /** Returns the connected clients, in order of arrival. */
  values(): IterableIterator<Client> {
    return this.#byId.values()
  }

  /** Makes a client for a new connection. */
  connect(transport: Transport, origin: Origin = 'client'): Client {
    const { unitClock } = this.#host.environment
    const { state } = this.#host.conditions
    const { stats } = this.#host.figures
    const { users } = this.#host.clients
    // Connections are accepted during a slow script, too, which keeps its reading of the clock
    // (invariant 2).
    if (!state.busy.holds) unitClock.pass()
    const client = new Client(this.#neighboursOfClients(), this.#nextId++, transport, origin, unitClock.now())
    if (origin === 'client') users.greet(client)
    if (origin !== 'replay') {
      this.#byId.set(client.id, client)
      stats.connectionsReceived++
      this.#host.clients.memory.note(client)
    }
    return client
  }

  /** Gathers the parts at the first client, because all rooms exist by then. */
  #neighboursOfClients(): ClientHost {
    if (this.#neighbours !== undefined) return this.#neighbours
    const { clients, config, data, figures, requests, upkeep } = this.#host
    this.#neighbours = {
      config,
      users: clients.users,
      stats: figures.stats,
      dataset: data.dataset,
      dispatch: requests.dispatch,
      runner: requests.runner,
      replies: requests.replies,
      turn: requests.turn,
      outputLimits: clients.outputLimits,
      timedWork: upkeep.timedWork,
    }
    return this.#neighbours
  }

  /** Forgets everything about a client whose connection has ended. */
  disconnect(client: Client): void {
    if (client.connection.closed) return
    client.connection.closed = true
    client.dropOutput()
    if (this.#gone !== null) this.#gone(client)
    this.#byId.delete(client.id)
    client.paused = false
    assert(!client.requests.parked, 'invariant 1: a client that is gone waits for nothing')
    assert(client.watched.names.size === 0, 'a client that is gone watches no key')
    assert(client.subscriptions.size === 0, 'a client that is gone has no subscription')
    assert(client.requests.postponed === undefined, 'a client that is gone has no request that is postponed')
    assert(client.bytes.counted === 0 && client.bytes.prefixes === 0, 'used memory counts no client that is gone')
  }

  /** Ends a connection from this side: after its replies have left, or at once. */
  close(client: Client, when: 'flushed' | 'now'): void {
    if (client.connection.closed) return
    if (when === 'now') {
      this.disconnect(client)
      client.connection.transport.close('now')
      return
    }
    client.connection.closing = true
    this.#host.requests.turn.flushSoon(client)
  }
}
