// Opens streams: a visitor's rights, a place among the open streams, a client that is subscribed.

import type { Engine } from '../../commands/call.ts'
import { StreamClient, type StreamTargets } from '../clients/stream-client.ts'
import type { Exchange } from '../exchanges/exchange.ts'
import { HttpError } from '../exchanges/http-error.ts'
import { checkSubscribe, type Visitor } from '../rights/visitor.ts'
import { checkShard, leaderDoor } from '../routes/leader.ts'
import { latin1Of } from '../routes/names.ts'
import type { EventFormat } from './event-format.ts'
import { EventStream } from './event-stream.ts'
import type { OpenStreams } from './open-streams.ts'

/** A client that is subscribed, and how its place is given back. */
export interface OpenedStream {
  readonly client: StreamClient
  release(): void
}

export interface EventStreamRequest {
  readonly targets: StreamTargets
  readonly format: EventFormat
  /** One channel, whose ids follow each other even where a client wrote them. */
  readonly isSingle: boolean
  /** Called when the stream begins; it returns what is called when the stream is over. */
  begun?(): () => void
}

export class StreamOpening {
  readonly streams: OpenStreams
  readonly #engine: Engine

  constructor(engine: Engine, streams: OpenStreams) {
    this.#engine = engine
    this.streams = streams
  }

  /** Answers with a stream of events. Rejects with HttpError. */
  async open(exchange: Exchange, visitor: Visitor, request: EventStreamRequest): Promise<void> {
    const { format, isSingle, targets } = request
    const { client, release } = await this.subscribe(exchange, visitor, targets)
    const ended = request.begun?.()
    const over = (): void => {
      release()
      ended?.()
    }
    const options = { format, isSingle, expiresMs: visitor.expiresMs, release: over }
    new EventStream(this.#engine, exchange, client, this.streams, options)
  }

  /** Subscribes. Rejects with HttpError. */
  async subscribe(exchange: Exchange, visitor: Visitor, targets: StreamTargets): Promise<OpenedStream> {
    for (const channel of targets.channels) checkSubscribe(visitor, 'channel', latin1Of(channel))
    for (const pattern of targets.patterns) checkSubscribe(visitor, 'pattern', latin1Of(pattern))
    // What channels keep is not known yet, so a stream would begin with new messages.
    if (this.#engine.conditions.state.loading.holds)
      throw new HttpError(503, 'LOADING the data is being loaded', { 'Retry-After': '1' })
    checkShard(this.#engine, exchange, targets.channels)
    this.#checkRole(exchange, targets)
    const release = this.streams.admit(exchange.ip, visitor.user)
    try {
      const client = await this.#subscribed(exchange, visitor, targets)
      if (isResumed(targets)) this.streams.figures.resumed++
      return { client, release }
    } catch (error) {
      release()
      throw error
    }
  }

  async #subscribed(exchange: Exchange, visitor: Visitor, targets: StreamTargets): Promise<StreamClient> {
    const client = new StreamClient(this.#engine, exchange, visitor, targets)
    try {
      await client.ready
      // Nothing would tell that the other side is gone.
      if (exchange.isOver) throw new HttpError(400, 'the request broke off')
      return client
    } catch (error) {
      client.leave()
      throw error
    }
  }

  /**
   * A replica has the messages, but no ids of its own: streams that go on somewhere are the
   * primary's.
   */
  #checkRole(exchange: Exchange, { from, name }: StreamTargets): void {
    if (!this.#engine.effects.role.isReplica || (from === undefined && name === undefined)) return
    const door = leaderDoor(this.#engine, exchange, '')
    if (door === undefined) throw new HttpError(503, 'this node follows another, which is not known')
    throw new HttpError(307, 'this node follows another', { Location: `${door}${exchange.path}?${exchange.query}` })
  }
}

/** Tells whether a stream goes on behind a message. */
function isResumed({ from }: StreamTargets): boolean {
  return typeof from === 'object' && 'behind' in from
}
