// HTTP within a program that has a server of its own: `broker.http()` for Node's,
// `broker.fetch()` for the fetch API's.
//
// The program's server decides which hosts it serves, so Host is not checked here. Pages of
// other sites are refused as on a port.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Engine } from '../commands/call.ts'
import { Door } from '../door/door.ts'
import type { Authorize, Connection } from '../door/exchanges/exchange.ts'
import { FetchExchange } from '../door/exchanges/fetch-exchange.ts'
import { NodeExchange } from '../door/exchanges/node-exchange.ts'
import { SocketConnection } from '../door/exchanges/socket-connection.ts'

/** The rights of a request: the channels that it may hear and publish to, as patterns. */
export interface Permission {
  readonly subscribe?: readonly string[]
  readonly publish?: readonly string[]
  /** Allows commands, too, as far as the user's ACL does. Default: no. */
  readonly commands?: boolean
  /** The ACL user; default: `default`. */
  readonly user?: string
  /** The time when the rights end. Streams end then, too. */
  readonly expires?: Date
}

export interface HttpOptions<R> {
  /**
   * The beginning of the routes in the program's URLs, such as `/events`. Not needed in frameworks
   * that cut it off.
   */
  readonly base?: string
  /**
   * Decides on the rights of a request; undefined refuses it. Without this function the request's
   * own password, token or ticket counts.
   */
  readonly authorize?: (request: R) => Permission | undefined | Promise<Permission | undefined>
}

/** Handles a request of Node's HTTP server. */
export type NodeHandler = (request: IncomingMessage, response: ServerResponse) => void

export class HttpHandlers {
  readonly #engine: Engine
  readonly #connections = new WeakMap<object, Connection>()
  #made: Door | undefined = undefined

  constructor(engine: Engine) {
    this.#engine = engine
  }

  node({ base = '', authorize }: HttpOptions<IncomingMessage> = {}): NodeHandler {
    return (request, response) => {
      const decide = authorize && authorizing(() => authorize(request))
      const url = request.url ?? '/'
      const exchange = new NodeExchange(request, response, this.#connectionOf(request), {
        authorize: decide,
        url: below(base, url),
      })
      void this.#door.take(exchange)
    }
  }

  fetch(request: Request, { base = '', authorize }: HttpOptions<Request> = {}): Promise<Response> {
    const decide = authorize && authorizing(() => authorize(request))
    const exchange = new FetchExchange(request, below(base, new URL(request.url).pathname), decide)
    void this.#door.take(exchange)
    return exchange.response
  }

  close(): void {
    this.#made?.close()
  }

  get #door(): Door {
    this.#made ??= new Door(this.#engine)
    return this.#made
  }

  #connectionOf({ socket }: IncomingMessage): Connection {
    const found = this.#connections.get(socket)
    if (found !== undefined) return found
    const made = new SocketConnection(socket)
    this.#connections.set(socket, made)
    return made
  }
}

function below(base: string, url: string): string {
  if (base === '' || !url.startsWith(base)) return url
  const rest = url.slice(base.length)
  return rest.startsWith('/') ? rest : `/${rest}`
}

function authorizing(decide: () => Permission | undefined | Promise<Permission | undefined>): Authorize {
  return async () => {
    const permission = await decide()
    if (permission === undefined) return undefined
    const { commands = false, expires, publish = [], subscribe = [], user = 'default' } = permission
    return {
      user,
      proof: 'signed',
      grants: commands ? undefined : { subscribe: subscribe.map(latin1Of), publish: publish.map(latin1Of) },
      expiresMs: expires?.getTime() ?? Number.POSITIVE_INFINITY,
    }
  }
}

/** The engine's form of a name: one character for each byte. */
function latin1Of(name: string): string {
  return Buffer.from(name, 'utf8').toString('latin1')
}
