// The console's server side: what its endpoints share.

import type { Engine } from '../../commands/call.ts'
import type { Figures, Monitor } from '../../monitoring/monitor.ts'
import { Brokers } from '../brokers/brokers.ts'
import type { CommandClients } from '../clients/command-clients.ts'
import type { MessageSource, StreamTargets } from '../clients/stream-client.ts'
import type { Exchange } from '../exchanges/exchange.ts'
import { HttpError } from '../exchanges/http-error.ts'
import { JSON_HEADERS } from '../exchanges/json-headers.ts'
import { type RawAsker, RawClient } from '../jobs/raw-client.ts'
import { errorIn, isError } from '../jobs/reply-bytes.ts'
import type { Visitor } from '../rights/visitor.ts'
import { refusalOf } from '../routes/refused-commands.ts'
import { Links } from '../sign-in/links.ts'
import { SessionGate } from '../sign-in/session-gate.ts'
import { SignInLimits } from '../sign-in/sign-in-limits.ts'
import type { StreamOpening } from '../streams/stream-opening.ts'
import { type Asker, CommandAsker, type Words } from './asker.ts'
import { Audit } from './audit.ts'
import type { BrokerView } from './broker-view.ts'
import { describeBroker } from './describe-broker.ts'
import { EngineView } from './engine-view.ts'
import { SearchSlots } from './search-slots.ts'

const NO_TOKENS = 'NOPERM a token opens channels'

/** A live tail that is subscribed, and how its place is given back. */
export interface OpenedTail {
  readonly client: MessageSource
  release(): void
}

export class Console {
  readonly engine: Engine
  readonly clients: CommandClients
  readonly opening: StreamOpening
  readonly monitor: Monitor
  readonly gate: SessionGate
  readonly limits: SignInLimits
  readonly links: Links
  readonly audit: Audit
  readonly brokers: Brokers
  readonly searches = new SearchSlots()
  readonly #view: BrokerView

  constructor(engine: Engine, clients: CommandClients, opening: StreamOpening, monitor: Monitor) {
    const { workClock } = engine.environment
    this.engine = engine
    this.clients = clients
    this.opening = opening
    this.monitor = monitor
    this.gate = new SessionGate(engine)
    this.limits = new SignInLimits(workClock)
    this.links = new Links(workClock)
    this.audit = new Audit(engine, this.gate.proxies)
    this.brokers = new Brokers(engine, () => this.figures)
    this.#view = new EngineView(engine, monitor)
  }

  /** The figures that the overview shows. */
  get figures(): Figures {
    return this.monitor
  }

  /** What commands do not tell of the broker. */
  get view(): BrokerView {
    return this.#view
  }

  /** The database that a request names. Throws HttpError. */
  databaseOf(exchange: Exchange): number {
    return databaseOf(exchange) ?? 0
  }

  /** Subscribes for a live tail. Rejects with HttpError. */
  subscribe(exchange: Exchange, visitor: Visitor, targets: StreamTargets): Promise<OpenedTail> {
    return this.opening.subscribe(exchange, visitor, targets)
  }

  /** Returns the reason why a command is not served here; undefined = it is. */
  refusalOf(words: Words): string | undefined {
    return refusalOf(this.engine, words)?.message
  }

  /** Returns what the page is told of the broker. */
  describe(exchange: Exchange): object | Promise<object> {
    return describeBroker(this.engine, exchange)
  }

  /**
   * Returns what asks many questions at a time, in the database that the request names; the caller
   * ends it.
   */
  async rawAskerOf(exchange: Exchange, visitor: Visitor): Promise<RawAsker> {
    const client = new RawClient(this.engine, exchange, visitor)
    try {
      await selectDatabase(client, this.databaseOf(exchange))
      return client
    } catch (error) {
      client.end()
      throw error
    }
  }

  /**
   * Returns what asks as a visitor, in the database that the request names. Rejects with HttpError.
   */
  async askerOf(exchange: Exchange, visitor: Visitor, database = this.databaseOf(exchange)): Promise<Asker> {
    if (visitor.grants !== undefined) throw new HttpError(403, NO_TOKENS)
    const asker = new CommandAsker(this.clients.of(exchange, visitor, database))
    if (database !== 0) await asker.ask([['SELECT', String(database)]])
    return asker
  }

  close(): void {
    this.gate.sessions.endAll()
    this.brokers.close()
    this.monitor.close()
  }

  /** Rejects with HttpError unless a visitor may run a command. */
  async checkRight(exchange: Exchange, visitor: Visitor, words: readonly string[]): Promise<void> {
    const asker = await this.askerOf(exchange, visitor, 0)
    await asker.ask([words])
  }
}

/** Rejects with HttpError. */
export async function selectDatabase(client: RawAsker, database: number): Promise<void> {
  if (database === 0) return
  const { bytes } = await client.ask([['SELECT', String(database)]])
  if (isError(bytes, 0)) throw errorIn(bytes, 0)
}

/** The database that a request names; undefined = it names none. Throws HttpError. */
export function databaseOf({ query }: Exchange): number | undefined {
  const text = query.get('db')
  if (text === null) return undefined
  if (!/^\d{1,9}$/.test(text)) throw new HttpError(400, 'db is the number of a database')
  return Number(text)
}

export function answerJson(exchange: Exchange, value: unknown, headers: Readonly<Record<string, string>> = {}): void {
  exchange.answer(200, { ...JSON_HEADERS, ...headers }, JSON.stringify(value))
}

/** Reads a body as an object of JSON. Rejects with HttpError. */
export async function jsonBody({ engine }: Console, exchange: Exchange): Promise<Readonly<Record<string, unknown>>> {
  const body = await exchange.body(engine.config.get('http-max-body'))
  if (body.length === 0) return {}
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch {
    // Told below.
  }
  throw new HttpError(400, 'the body is an object in JSON')
}

/** A whole number in the query. Throws HttpError. */
export function numberIn({ query }: Exchange, name: string, otherwise: number, max: number): number {
  const text = query.get(name)
  if (text === null) return otherwise
  if (!/^\d{1,15}$/.test(text)) throw new HttpError(400, `${name} is a whole number`)
  return Math.min(Number(text), max)
}
