// The command clients of each connection: one for each of its users, for as long as the connection
// lives.

import type { Engine } from '../../commands/call.ts'
import type { Connection, Exchange } from '../exchanges/exchange.ts'
import type { Visitor } from '../rights/visitor.ts'
import { CommandClient } from './command-client.ts'

/**
 * A proxy may bring several users through one connection; beyond this number the oldest client
 * ends.
 */
const USERS_OF_CONNECTION_MAX = 8

export class CommandClients {
  readonly #engine: Engine
  readonly #ofConnection = new WeakMap<Connection, Map<string, CommandClient>>()

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /**
   * Returns the client of a visitor, of which there is one for each database: the caller selects
   * it.
   * Its password or name is checked each time. Throws HttpError.
   */
  of(exchange: Exchange, visitor: Visitor, database = 0): CommandClient {
    const clients = this.#clientsOf(exchange.connection)
    const name = `${typeof visitor.proof === 'string' ? visitor.proof : 'password'} ${database} ${visitor.user}`
    const found = clients.get(name)
    if (found !== undefined && !found.isClosed) {
      found.prove(visitor)
      return found
    }
    const made = new CommandClient(this.#engine, exchange, visitor)
    this.#makeRoom(clients)
    clients.set(name, made)
    return made
  }

  #clientsOf(connection: Connection): Map<string, CommandClient> {
    const found = this.#ofConnection.get(connection)
    if (found !== undefined) return found
    const made = new Map<string, CommandClient>()
    this.#ofConnection.set(connection, made)
    connection.onClose(() => {
      for (const client of made.values()) client.end()
    })
    return made
  }

  #makeRoom(clients: Map<string, CommandClient>): void {
    if (clients.size < USERS_OF_CONNECTION_MAX) return
    const [oldest] = clients
    if (oldest === undefined) return
    clients.delete(oldest[0])
    oldest[1].end()
  }
}
