// The engine: it makes its rooms, hands each the rooms that it needs, and does nothing else.
// docs/architecture.md draws the rooms.
//
// An engine knows no sockets and no files: an embedded user runs exactly this.

import { Config } from '../config/config.ts'
import type { Database } from '../store/keyspace/database.ts'
import { assert } from '../util/assert.ts'
import type { Source } from '../util/bytes/bytes.ts'
import { HashKey } from '../util/tables/keyed-hash.ts'
import type { Client } from './clients/client.ts'
import { ClientsRoom } from './clients/room.ts'
import type { Origin, Transport } from './clients/transport.ts'
import { ConditionsRoom } from './conditions/room.ts'
import { DataRoom } from './data/room.ts'
import { EffectsRoom } from './effects/room.ts'
import type { EngineOptions } from './engine-options.ts'
import { Environment } from './environment.ts'
import { FiguresRoom } from './figures/room.ts'
import type { Parts } from './parts.ts'
import { RequestsRoom } from './requests/room.ts'
import { CommandTable } from './spec/command-table.ts'
import { UpkeepRoom } from './upkeep/room.ts'
import { Blocking } from './waiting/blocking.ts'

export class Engine<P extends Parts = Parts> {
  readonly config: Config
  readonly commands: CommandTable
  /** The clocks, chance, the log and the event loop. */
  readonly environment: Environment
  /** The program around the engine, and the parts of the layers above it. */
  readonly parts: P
  /** Reasons to refuse or postpone a request. */
  readonly conditions: ConditionsRoom
  /** Counters and durations. */
  readonly figures: FiguresRoom
  /** The databases, and the handlers of a change. */
  readonly data: DataRoom
  /** The sinks of effects, the journal's progress, this server's role. */
  readonly effects: EffectsRoom
  /** Connections, users, subscriptions, caches of clients. */
  readonly clients: ClientsRoom
  /** Parked clients. */
  readonly blocking: Blocking
  /** Expiry, memory, eviction: work without a request. */
  readonly upkeep: UpkeepRoom
  /** The way of a request, from bytes to the reply. */
  readonly requests: RequestsRoom

  /**
   * Calls `makeParts` when all rooms are there. If that throws, the rooms are stopped and the error
   * is passed on.
   */
  constructor(options: EngineOptions, makeParts: (engine: Engine) => P) {
    const hashKey = options.hashKey ?? HashKey.draw()
    this.config = options.config ?? new Config()
    this.commands = new CommandTable(options.commands, ({ spec }) => spec.isOffered?.(this.config) ?? true)
    // A room reads the rooms above it while it is made, and any other from then on.
    this.environment = new Environment(options)
    this.conditions = new ConditionsRoom(this)
    this.figures = new FiguresRoom(this)
    this.data = new DataRoom(this, hashKey)
    this.effects = new EffectsRoom(this)
    this.clients = new ClientsRoom(this, hashKey)
    this.blocking = new Blocking(this)
    this.upkeep = new UpkeepRoom(this, options.processBytes)
    this.requests = new RequestsRoom(this)
    this.#forgetClientsThatAreGone()
    try {
      this.parts = makeParts(this)
    } catch (error) {
      this.#stopRooms()
      throw error
    }
    // The role is taken at once: in a replica no key expires before the primary says so.
    this.parts.replication?.takeRole()
    if (this.parts.cluster !== null) this.requests.serveSlotsOf(this.parts.cluster)
  }

  /**
   * Forgets a client that is gone. The order matters: the waiter leaves before the watches are
   * cleared.
   */
  #forgetClientsThatAreGone(): void {
    const { blocking, clients, conditions, data, effects } = this
    const { gone } = clients.connected
    gone.add((client) => blocking.release(client))
    gone.add(({ watched }) => data.watches.clear(watched))
    gone.add((client) => clients.tracking.forget(client))
    gone.add((client) => clients.pubSub.remove(client))
    gone.add((client) => clients.monitors.remove(client))
    gone.add((client) => clients.maintenance.remove(client))
    gone.add((client) => conditions.pause.forget(client))
    gone.add((client) => conditions.heldKeys.forget(client))
    gone.add((client) => clients.outputLimits.forget(client))
    gone.add((client) => effects.durability.forget(client))
    gone.add((client) => clients.memory.forget(client))
  }

  // ── the front door: what a transport or an embedded user calls ───────────

  get databases(): readonly Database[] {
    return this.data.dataset.databases
  }

  /** Takes a new client in. */
  connect(transport: Transport, origin: Origin = 'client'): Client {
    return this.clients.connected.connect(transport, origin)
  }

  /**
   * Takes bytes [start, end) that came from a client; the buffer may be reused afterwards. With
   * `alone`, the turn ends with them.
   */
  receive(client: Client, source: Source, start: number, end: number, alone = false): void {
    this.requests.incoming.receive(client, source, start, end, alone)
  }

  /** Resumes served clients, writes the journal, and sends each client its replies. */
  endTurn(): void {
    this.requests.turn.end()
  }

  /** Forgets a client whose peer has closed the connection. */
  disconnect(client: Client): void {
    this.clients.connected.disconnect(client)
  }

  /** Cancels all timers and closes all clients; nothing keeps the process alive afterwards. */
  stop(): void {
    this.parts.channels?.stop()
    this.#stopRooms()
  }

  #stopRooms(): void {
    this.conditions.pause.stop()
    this.upkeep.stop()
    this.clients.stop()
    this.figures.pauses.stop()
    for (const client of [...this.clients.connected.values()]) this.clients.connected.close(client, 'now')
    assert(this.clients.connected.size === 0, 'an engine that has stopped has no clients')
  }
}
