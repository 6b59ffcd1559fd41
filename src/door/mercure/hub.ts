// /.well-known/mercure: a hub of the Mercure protocol.
//
//   POST   topic (several), data, private, type, retry: publishes an update, and answers with its id
//   GET    topic (several; URI templates, *): a stream of updates; Last-Event-ID or lastEventID goes on, `earliest` begins at the first
//
// Rights are a token's claim `mercure` with `publish` and `subscribe`, lists of topic selectors.
// A private update is sent to those whose `subscribe` selects one of its topics. The rule of the
// channel `mercure` keeps the history. `subscriptions.ts` tells who listens.

import type { SeekTarget } from '../../channels/reading/named-subscribers.ts'
import type { Engine } from '../../commands/call.ts'
import { StreamId } from '../../store/stream/stream-id.ts'
import type { CommandClients } from '../clients/command-clients.ts'
import { statusOf } from '../clients/error-status.ts'
import { ErrorReply } from '../clients/json-replies.ts'
import { OwnPublisher } from '../clients/own-publisher.ts'
import type { StreamMessage } from '../clients/stream-client.ts'
import type { Exchange } from '../exchanges/exchange.ts'
import { HttpError } from '../exchanges/http-error.ts'
import { type MercureGrants, UNAUTHORIZED, type Visitor } from '../rights/visitor.ts'
import type { EventFormat } from '../streams/event-format.ts'
import { heartbeat } from '../streams/event-text.ts'
import type { StreamOpening } from '../streams/stream-opening.ts'
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
    const body = await exchange.body(this.#engine.config.get('http-max-body'))
    const update = updateOf(new URLSearchParams(body.toString('utf8')))
    const { publish } = claimsOf(visitor)
    if (publish === undefined) throw new HttpError(401, 'the token has no claim mercure.publish', UNAUTHORIZED)
    if (!selectsAll(publish, update.topics)) throw new HttpError(403, 'the token does not select all topics')
    const published = this.#clients.of(exchange, visitor).run([['PUBLISH', HUB_CHANNEL, messageOf(update)]], 'utf8')
    const { channels } = this.#engine.parts
    // The command has run: the last message is this one.
    const id = channels.logs.hasRules
      ? channels.logs.find(HUB_CHANNEL, 'channel')?.stream?.lastId.toString()
      : undefined
    const [reply] = await published
    if (reply instanceof ErrorReply) throw new HttpError(statusOf(reply.message), reply.message)
    exchange.answer(200, TEXT_HEADERS, id === undefined ? '#' : `#${id}`)
  }

  #answerSubscriptions(exchange: Exchange, visitor: Visitor): void {
    const { method, path } = exchange
    if (method !== 'GET') throw new HttpError(405, 'GET only', { Allow: 'GET' })
    if (!this.#engine.config.get('http-mercure-subscriptions'))
      throw new HttpError(404, 'http-mercure-subscriptions is off')
    const { subscribe } = claimsOf(visitor)
    if (subscribe === undefined) throw new HttpError(401, 'the token has no claim mercure.subscribe', UNAUTHORIZED)
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
    const last = exchange.header('last-event-id') ?? exchange.query.get('lastEventID') ?? ''
    const from = beginningOf(last)
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
  #reconciled(asked: string, from: SeekTarget | undefined): string {
    if (typeof from !== 'object' || !('behind' in from)) return 'earliest'
    const first = this.#engine.parts.channels.namedSubscribers.messagesOf(HUB_CHANNEL, 'channel')?.firstId
    return first === undefined || from.behind.compare(first) >= 0 ? asked : 'earliest'
  }
}

/** A user with a password may do in the channel what the ACL says, so all topics are open to it. */
function claimsOf({ grants, mercure, proof }: Visitor): MercureGrants {
  if (mercure !== undefined) return mercure
  const all = typeof proof !== 'string' && grants === undefined ? ['*'] : undefined
  return { publish: all, subscribe: all }
}

/**
 * An id that is not of this hub means that the stream of another was heard before: everything is
 * sent.
 */
function beginningOf(last: string): SeekTarget | undefined {
  if (last === '') return 'last'
  const [, ms, seq] = /^#(\d{1,19})-(\d{1,19})$/.exec(last) ?? []
  return ms === undefined || seq === undefined ? 'first' : { behind: StreamId.of(BigInt(ms), BigInt(seq)) }
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
