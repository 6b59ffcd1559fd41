// GET /v1/socket with an Upgrade: the parameters of /v1/subscribe, over WebSocket. Without a
// channel it only publishes.
//
//   ack=manual   with a name: only {"ack":id} moves its place; what was not acknowledged comes again

import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { WebSocketServer } from 'ws'
import type { Engine } from '../../commands/call.ts'
import type { CommandClients } from '../clients/command-clients.ts'
import { ErrorReply } from '../clients/json-replies.ts'
import type { Exchange } from '../exchanges/exchange.ts'
import { HttpError } from '../exchanges/http-error.ts'
import { checkPublish, type Visitor } from '../rights/visitor.ts'
import { checkLeads } from '../routes/leader.ts'
import { checkName, latin1Of } from '../routes/names.ts'
import type { StreamOpening } from '../streams/stream-opening.ts'
import { requestOf } from '../streams/subscribe.ts'
import { type SocketRequest, WebSocketStream } from './web-socket-stream.ts'

/** A request to change to WebSocket, as Node hands it over. */
export interface Upgrade {
  readonly request: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
}

export class WebSockets {
  readonly #engine: Engine
  readonly #clients: CommandClients
  readonly #opening: StreamOpening
  /** Undefined until the first one comes. */
  #server: Promise<WebSocketServer> | undefined = undefined

  constructor(engine: Engine, clients: CommandClients, opening: StreamOpening) {
    this.#engine = engine
    this.#clients = clients
    this.#opening = opening
  }

  /** Changes to WebSocket. Rejects with HttpError. */
  async take(exchange: Exchange, visitor: Visitor, upgrade: Upgrade): Promise<void> {
    if (exchange.path !== '/v1/socket') throw new HttpError(404, 'WebSocket is at /v1/socket')
    this.#server ??= this.#load()
    const server = await this.#server
    const isSubscribing = exchange.query.has('channel') || exchange.query.has('pattern')
    const { client, release } = isSubscribing
      ? await this.#subscribe(exchange, visitor)
      : { client: undefined, release: this.#admit(exchange, visitor) }
    const { head, request, socket } = upgrade
    let isOpen = false
    server.handleUpgrade(request, socket, head, (webSocket) => {
      isOpen = true
      new WebSocketStream(this.#engine, webSocket, this.#opening.streams, {
        client,
        release,
        expiresMs: visitor.expiresMs,
        publish: (asked) => this.#publish(exchange, visitor, asked),
      })
    })
    if (isOpen) return
    // The handshake is none, which was answered, or the other side is gone.
    release()
    client?.leave()
  }

  #subscribe(exchange: Exchange, visitor: Visitor): ReturnType<StreamOpening['subscribe']> {
    const acknowledges = exchange.query.get('ack') === 'manual'
    return this.#opening.subscribe(exchange, visitor, { ...requestOf(exchange), acknowledges })
  }

  /** One that only publishes: its visitor is checked now. */
  #admit(exchange: Exchange, visitor: Visitor): () => void {
    this.#clients.of(exchange, visitor)
    return this.#opening.streams.admit(exchange.ip, visitor.user)
  }

  async #load(): Promise<WebSocketServer> {
    const { WebSocketServer } = await import('ws')
    const { config } = this.#engine
    const maxPayload = config.get('http-max-body')
    const options = { noServer: true, maxPayload, perMessageDeflate: false, clientTracking: false }
    const server = new WebSocketServer(options)
    config.onChange('http-max-body', (bytes) => {
      server.options.maxPayload = bytes
    })
    return server
  }

  async #publish(exchange: Exchange, visitor: Visitor, asked: SocketRequest): Promise<object> {
    const { publish: channel, message, key } = asked
    try {
      if (typeof channel !== 'string' || typeof message !== 'string')
        throw new HttpError(400, 'publish names a channel, and message is a text')
      checkName(channel)
      checkPublish(visitor, latin1Of(channel))
      const options = typeof key === 'string' ? ['ID', key] : []
      const client = this.#clients.of(exchange, visitor)
      checkLeads(this.#engine, exchange)
      const [reply] = await client.run([['PUBLISH', channel, message, ...options]], 'utf8')
      return reply instanceof ErrorReply ? { error: reply.message } : { receivers: Number(reply) }
    } catch (error) {
      if (error instanceof HttpError) return { error: error.message }
      this.#engine.environment.log.error({ error }, 'a message over WebSocket failed')
      return { error: 'the server failed: see its log' }
    }
  }
}
