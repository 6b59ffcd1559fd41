// The door: takes requests over HTTP, asks who sends them, and hands them to their routes.
//
//   request ─▶ host? origin? how often? ─▶ who? (gatekeeper) ─▶ route ─▶ a client of the engine ─▶
// answer
//
// It knows no socket: `listening/` brings Node's requests, and a program may bring its own.

import type { Engine } from '../commands/call.ts'
import type { HttpFigures } from '../engine/figures/http-figures.ts'
import { CommandClients } from './clients/command-clients.ts'
import { ConsoleDoor } from './console/console-door.ts'
import type { Exchange } from './exchanges/exchange.ts'
import { errorBody, HttpError } from './exchanges/http-error.ts'
import { JSON_HEADERS } from './exchanges/json-headers.ts'
import { answerPreflight, checkHost, checkOrigin, type Standing } from './exchanges/origins.ts'
import { RateLimits } from './exchanges/rate-limits.ts'
import { Hub } from './mercure/hub.ts'
import type { RemoteServer } from './remote/remote-server.ts'
import { Gatekeeper } from './rights/gatekeeper.ts'
import type { Visitor } from './rights/visitor.ts'
import { CommandsRoute } from './routes/commands.ts'
import { checkName, segmentsOf } from './routes/names.ts'
import { PublishRoute } from './routes/publish.ts'
import { QueuesRoute } from './routes/queues.ts'
import { answerTicket } from './routes/ticket.ts'
import { type Upgrade, WebSockets } from './sockets/web-sockets.ts'
import { MonitorStream } from './streams/monitor-stream.ts'
import { OpenStreams } from './streams/open-streams.ts'
import { StreamOpening } from './streams/stream-opening.ts'
import { SubscribeRoute } from './streams/subscribe.ts'
import { answerUpstashStream, isUpstashStream } from './streams/upstash-subscribe.ts'

export class Door {
  readonly figures: HttpFigures
  readonly gatekeeper: Gatekeeper
  readonly #engine: Engine
  readonly #rates: RateLimits
  readonly #clients: CommandClients
  readonly #streams: OpenStreams
  readonly #opening: StreamOpening
  readonly #webSockets: WebSockets
  readonly #hub: Hub
  readonly #publish: PublishRoute
  readonly #subscribe: SubscribeRoute
  readonly #queues: QueuesRoute
  readonly #commands: CommandsRoute
  /** Undefined while the console is off. */
  #console: ConsoleDoor | undefined = undefined
  readonly #remote: RemoteServer | undefined
  #isClosed = false

  /**
   * `withConsole`: there is a console, whatever the setting says: of this engine, or of another
   * server. Throws TokenKeysError.
   */
  constructor(engine: Engine, withConsole: boolean | RemoteServer = false) {
    const clients = new CommandClients(engine)
    this.#clients = clients
    this.#engine = engine
    this.figures = engine.figures.http
    this.gatekeeper = new Gatekeeper(engine)
    this.#rates = new RateLimits(engine.environment.workClock)
    this.#streams = new OpenStreams(engine, this.figures)
    this.#opening = new StreamOpening(engine, this.#streams)
    this.#subscribe = new SubscribeRoute(engine, this.#opening)
    this.#webSockets = new WebSockets(engine, { clients, opening: this.#opening })
    this.#hub = new Hub(engine, clients, this.#opening)
    this.#publish = new PublishRoute(engine, clients)
    this.#queues = new QueuesRoute(engine, clients)
    this.#commands = new CommandsRoute(engine, clients)
    engine.config.onChange('console', (isOn) => this.#serveConsole(withConsole !== false || isOn))
    this.#remote = typeof withConsole === 'boolean' ? undefined : withConsole
    this.#serveConsole(withConsole !== false || engine.config.get('console'))
  }

  /** The console; undefined while it is off. */
  get console(): ConsoleDoor | undefined {
    return this.#console
  }

  /** Opens the console, whose code is loaded then, or closes it. */
  #serveConsole(isOn: boolean): void {
    if (this.#isClosed || isOn === (this.#console !== undefined)) return
    this.#console?.close()
    this.#console = isOn ? new ConsoleDoor(this.#engine, this.#clients, this.#opening, this.#remote) : undefined
    this.gatekeeper.sessions = this.#console?.gate
  }

  /** Changes a connection to WebSocket, or refuses to. It never rejects. */
  async upgrade(exchange: Exchange, upgrade: Upgrade): Promise<void> {
    this.figures.requests++
    try {
      await this.#webSockets.take(exchange, await this.#visitorOf(exchange, this.#check(exchange)), upgrade)
    } catch (error) {
      this.#refuse(exchange, error)
    }
  }

  /** Answers a request. It never rejects. */
  async take(exchange: Exchange): Promise<void> {
    this.figures.requests++
    try {
      await this.#answer(exchange)
    } catch (error) {
      this.#refuse(exchange, error)
    }
  }

  async #answer(exchange: Exchange): Promise<void> {
    exchange.cutPath(this.#engine.config.get('console-path'))
    const standing = this.#check(exchange)
    if (exchange.method === 'OPTIONS') return answerPreflight(exchange)
    const visitor = await this.#visitorOf(exchange, standing)
    const request = { exchange, visitor, standing, names: [] }
    if (visitor.hasTicket !== true && (await this.#console?.answers(request)) === true) return
    await this.#route(exchange, visitor)
  }

  /** Checks what is checked of every request. Throws HttpError. */
  #check(exchange: Exchange): Standing {
    const { config } = this.#engine
    checkHost(exchange, config)
    const standing = checkOrigin(exchange, config)
    this.#rates.take(`address ${exchange.ip}`, config.get('http-rate-per-address'))
    return standing
  }

  /** Returns who sends a request. Rejects with HttpError. */
  async #visitorOf(exchange: Exchange, standing: Standing): Promise<Visitor> {
    const visitor = await this.gatekeeper.visitorOf(exchange, standing)
    // The check of a token takes a while.
    if (exchange.isOver) throw new HttpError(400, 'the request broke off')
    // A stranger who only says to be a user does not use up the user's requests.
    const proven = (): void => this.#rates.take(`user ${visitor.user}`, this.#engine.config.get('http-rate-per-user'))
    return { ...visitor, proven }
  }

  async #route(exchange: Exchange, visitor: Visitor): Promise<void> {
    const { method, path } = exchange
    if (visitor.hasTicket === true && method !== 'GET')
      throw new HttpError(403, 'NOPERM a ticket opens a stream, and nothing else')
    if (Hub.serves(path)) return this.#hub.answer(exchange, visitor)
    if (!path.startsWith('/v1/')) return this.#upstash(exchange, visitor)
    const [, route, channel = '', ...more] = segmentsOf(path)
    if (route === 'ticket' && channel === '') {
      wantMethod(method, 'POST')
      return answerTicket(exchange, visitor, { clients: this.#clients, tickets: this.gatekeeper.tickets })
    }
    if (route === 'subscribe' && channel === '') {
      wantMethod(method, 'GET')
      return this.#subscribe.answer(exchange, visitor)
    }
    if (route === 'queues' && channel !== '' && more.length === 0) {
      wantMethod(method, 'GET')
      return this.#queues.answer(exchange, visitor, channel)
    }
    if (route !== 'publish' || more.length > 0) throw new HttpError(404, 'there is nothing here: see docs/browsers.md')
    wantMethod(method, 'POST')
    checkName(channel)
    return this.#publish.answer(exchange, visitor, channel)
  }

  async #upstash(exchange: Exchange, visitor: Visitor): Promise<void> {
    if (isUpstashStream(exchange.path)) return answerUpstashStream(this.#engine, exchange, visitor, this.#opening)
    if (exchange.path.toLowerCase() !== '/monitor') return this.#commands.answer(exchange, visitor)
    if (visitor.grants !== undefined) throw new HttpError(403, 'NOPERM a token opens channels')
    new MonitorStream(this.#engine, exchange, visitor, this.#streams)
  }

  /** Ends all streams. */
  close(): void {
    this.#serveConsole(false)
    this.#isClosed = true
    this.#streams.endAll()
  }

  #refuse(exchange: Exchange, error: unknown): void {
    if (!(error instanceof HttpError)) {
      this.#engine.environment.log.error({ error }, 'a request over HTTP failed')
      exchange.answer(500, JSON_HEADERS, errorBody('the server failed: see its log'))
      return
    }
    this.figures.refused++
    const refusal = error.status === 401 ? this.#slowed(exchange, error) : error
    exchange.answer(refusal.status, { ...JSON_HEADERS, ...refusal.headers }, errorBody(refusal.message))
  }

  /** A guesser of passwords is told no more from some number of guesses a second on. */
  #slowed(exchange: Exchange, refusal: HttpError): HttpError {
    try {
      this.gatekeeper.noteFailure(exchange)
      return refusal
    } catch (error) {
      return error instanceof HttpError ? error : refusal
    }
  }
}

function wantMethod(method: string, wanted: string): void {
  if (method !== wanted) throw new HttpError(405, `${wanted} only`, { Allow: wanted })
}
