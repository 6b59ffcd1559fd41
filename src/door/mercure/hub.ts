// /.well-known/mercure: a hub of the Mercure protocol.
//
//   POST   topic (several), data, private, type, retry: publishes an update, and answers with its id
//   GET    topic (several; URI templates, *): a stream of updates; Last-Event-ID or lastEventID goes on, `earliest` begins at the first
//
// Rights are a token's claim `mercure` with `publish` and `subscribe`, lists of topic selectors.
// A private update is sent to those whose `subscribe` selects one of its topics. The rule of the
// channel `mercure` keeps the history. `subscriptions.ts` tells who listens.

import { randomUUID } from 'node:crypto'
import type { SeekTarget } from '../../channels/reading/named-subscribers.ts'
import type { Engine } from '../../commands/call.ts'
import type { Stream } from '../../store/stream/stream.ts'
import { StreamId } from '../../store/stream/stream-id.ts'
import type { CommandClients } from '../clients/command-clients.ts'
import { ErrorReply } from '../clients/json-replies.ts'
import { OwnPublisher } from '../clients/own-publisher.ts'
import type { StreamMessage } from '../clients/stream-client.ts'
import type { Exchange } from '../exchanges/exchange.ts'
import { HttpError } from '../exchanges/http-error.ts'
import { type MercureGrants, UNAUTHORIZED, type Visitor } from '../rights/visitor.ts'
import { checkLeads, elsewhere } from '../routes/leader.ts'
import type { EventFormat } from '../streams/event-format.ts'
import { heartbeat } from '../streams/event-text.ts'
import type { StreamOpening } from '../streams/stream-opening.ts'
import { findUpdate } from './history.ts'
import { SUBSCRIPTIONS_PATH, Subscriptions } from './subscriptions.ts'
import { isSelector, selectsAll, selectsAny } from './topic-selectors.ts'
import { HUB_CHANNEL, HUB_PATH, messageOf, readUpdate, updateEvent, updateOf } from './update.ts'

const SELECTORS_MAX = 64
const TEXT_HEADERS = { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' } as const
const LINKED_DATA_HEADERS = { 'Content-Type': 'application/ld+json', 'Cache-Control': 'no-store' } as const

export class Hub {
  readonly #engine: Engine
  readonly #clients: CommandClients
  readonly #opening: StreamOpening
  readonly #own: OwnPublisher
  readonly #subscriptions: Subscriptions

  constructor(engine: Engine, clients: CommandClients, opening: StreamOpening) {
    this.#engine = engine
    this.#clients = clients
    this.#opening = opening
    this.#own = new OwnPublisher(engine)
    this.#subscriptions = new Subscriptions((update) => {
      if (engine.config.get('http-mercure-subscriptions')) this.#own.publish(HUB_CHANNEL, messageOf(update))
    })
  }

  /** Tells whether a path is of the hub. */
  static serves(path: string): boolean {
    return path === HUB_PATH || path === SUBSCRIPTIONS_PATH || path.startsWith(`${SUBSCRIPTIONS_PATH}/`)
  }

  /** Answers a request. Rejects with HttpError. */
  async answer(exchange: Exchange, visitor: Visitor): Promise<void> {
    if (exchange.path !== HUB_PATH) this.#answerSubscriptions(exchange, visitor)
    else if (exchange.method === 'POST') await this.#publish(exchange, visitor)
    else if (exchange.method === 'GET') await this.#subscribe(exchange, visitor)
    else throw new HttpError(405, 'GET or POST', { Allow: 'GET, POST' })
  }

  async #publish(exchange: Exchange, visitor: Visitor): Promise<void> {
    const { publish } = claimsOf(visitor)
    if (publish === undefined) throw new HttpError(401, 'the token has no claim mercure.publish', UNAUTHORIZED)
    // The visitor is checked first: a stranger's body is not read.
    const client = this.#clients.of(exchange, visitor)
    checkLeads(this.#engine, exchange)
    const body = await exchange.body(this.#engine.config.get('http-max-body'))
    const posted = updateOf(new URLSearchParams(body.toString('utf8')))
    if (!selectsAll(publish, posted.topics)) throw new HttpError(403, 'the token does not select all topics')
    // An update that is not kept has no other id.
    const update = { ...posted, id: posted.id ?? (this.#keeps ? undefined : `urn:uuid:${randomUUID()}`) }
    const published = client.run([['PUBLISH', HUB_CHANNEL, messageOf(update)]], 'utf8')
    // The command has run: the last message is this one.
    const lastId = this.#lastId()
    const [reply] = await published
    if (reply instanceof ErrorReply) throw elsewhere(this.#engine, exchange, reply.message)
    exchange.answer(200, TEXT_HEADERS, update.id ?? lastId)
  }

  /** Tells whether a rule keeps the updates. */
  get #keeps(): boolean {
    const { logs } = this.#engine.parts.channels
    return logs.hasRules && logs.find(HUB_CHANNEL, 'channel')?.keeps === true
  }

  #answerSubscriptions(exchange: Exchange, visitor: Visitor): void {
    const { method, path } = exchange
    if (method !== 'GET') throw new HttpError(405, 'GET only', { Allow: 'GET' })
    if (!this.#engine.config.get('http-mercure-subscriptions'))
      throw new HttpError(404, 'http-mercure-subscriptions is off')
    const { subscribe } = claimsOf(visitor)
    if (subscribe === undefined) throw new HttpError(401, 'the token has no claim mercure.subscribe', UNAUTHORIZED)
    this.#clients.of(exchange, visitor)
    if (!selectsAny(subscribe, [path])) throw new HttpError(403, 'the token does not select this path')
    const document = this.#subscriptions.document(path, this.#lastId())
    if (document === undefined) throw new HttpError(404, 'there is no such subscription')
    exchange.answer(200, LINKED_DATA_HEADERS, JSON.stringify(document))
  }

  /** The id of the last update; `earliest` where none is kept. */
  #lastId(): string {
    const last = this.#engine.parts.channels.logs.find(HUB_CHANNEL, 'channel')?.stream?.lastId
    return last === undefined ? 'earliest' : `#${last}`
  }

  async #subscribe(exchange: Exchange, visitor: Visitor): Promise<void> {
    const selectors = exchange.query.getAll('topic')
    if (selectors.length === 0 || selectors.length > SELECTORS_MAX || !selectors.every(isSelector))
      throw new HttpError(400, `a stream has 1 to ${SELECTORS_MAX} topics`)
    const last = lastEventId(exchange)
    const from = await this.#beginningOf(last)
    if (last !== '') exchange.addHeader('Last-Event-ID', this.#reconciled(last, from))
    const targets = { channels: [HUB_CHANNEL], patterns: [], name: undefined, from, encoding: 'utf8' as const }
    const format = formatFor(selectors, claimsOf(visitor).subscribe ?? [])
    // The claim `mercure` decides about topics, and the ACL about the channel. A token without the
    // claim must name the channel.
    const grants = visitor.mercure === undefined ? visitor.grants : undefined
    const begun = (): (() => void) => this.#subscriptions.begin(selectors, visitor.mercure?.payload)
    await this.#opening.open(exchange, { ...visitor, grants }, { targets, format, isSingle: true, begun })
  }

  /** The id behind which the stream really begins: `earliest` where what was asked for is gone. */
  #reconciled(asked: string, from: SeekTarget): string {
    if (typeof from !== 'object' || !('behind' in from)) return 'earliest'
    const first = this.#history?.firstId
    const isThere = first === undefined || from.behind.compare(first) >= 0
    // A header carries ASCII: an IRI is a URI there.
    return isThere ? asked.replace(/[^ -~]+/g, encodeURIComponent) : 'earliest'
  }

  get #history(): Stream | undefined {
    return this.#engine.parts.channels.namedSubscribers.messagesOf(HUB_CHANNEL, 'channel')
  }

  /**
   * Where a stream begins that was heard up to an id. An id that is not found means that another hub
   * was heard before, or that it was long ago: everything is sent.
   */
  async #beginningOf(last: string): Promise<SeekTarget> {
    if (last === '') return 'last'
    if (last === 'earliest') return 'first'
    const [, ms, seq] = /^#(\d{1,19})-(\d{1,19})$/.exec(last) ?? []
    if (ms !== undefined && seq !== undefined) return { behind: StreamId.of(BigInt(ms), BigInt(seq)) }
    const behind = await findUpdate(() => this.#history, last)
    return behind === undefined ? 'first' : { behind }
  }
}

/** A user with a password may do in the channel what the ACL says, so all topics are open to it. */
function claimsOf({ grants, mercure, proof }: Visitor): MercureGrants {
  if (mercure !== undefined) return mercure
  const all = typeof proof !== 'string' && grants === undefined ? ['*'] : undefined
  return { publish: all, subscribe: all }
}

/** The id that a subscriber heard last; empty = none. Browsers send the header's bytes as UTF-8. */
function lastEventId(exchange: Exchange): string {
  const header = exchange.header('last-event-id')
  if (header !== undefined) return Buffer.from(header, 'latin1').toString('utf8')
  return exchange.query.get('lastEventID') ?? ''
}

function formatFor(selectors: readonly string[], privately: readonly string[]): EventFormat {
  const prefixed = (position: string | undefined): string => heartbeat(position && `#${position}`)
  return {
    opening: prefixed,
    heartbeat: prefixed,
    gap: () => '',
    message(message: StreamMessage, id: string | undefined) {
      const update = readUpdate(message)
      if (update === undefined || !selectsAny(selectors, update.topics)) return ''
      if (update.isPrivate && !selectsAny(privately, update.topics)) return ''
      return updateEvent(update, id)
    },
  }
}
