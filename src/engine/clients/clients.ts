// The connected clients: they come, get a number, and go.
//
// A room that keeps something about a client takes a seat at `gone`, and forgets it there.

import type { Config } from '../../config/config.ts'
import { type Handler, Handlers } from '../../util/tables/handlers.ts'
import type { ServerState } from '../conditions/state.ts'
import type { Stats } from '../figures/stats.ts'
import type { UnitClock } from '../upkeep/unit-clock.ts'
import { Client, type ClientHost, type Origin, type Transport } from './client.ts'
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
  /** Told of each client that is gone, before it is forgotten here. */
  readonly gone = new Handlers<[client: Client]>((slot) => {
    this.#gone = slot
  })
  #gone: Handler<[client: Client]> | null = null
  readonly #host: ClientsHost
  /** The few parts that clients use themselves: a client looks for them with every request. */
  #neighbours: ClientHost | undefined = undefined
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
    const { unitClock } = this.#host.environment
    const { state } = this.#host.conditions
    const { stats } = this.#host.figures
    const { users } = this.#host.clients
    // A slow script, during which connections are accepted, keeps its own time.
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

  /** All rooms are there when the first client comes. */
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
    this.#host.requests.turn.flushSoon(client)
  }
}
