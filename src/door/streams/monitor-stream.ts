// /monitor: MONITOR as a stream, a line of data for each command, as Upstash has it.

import type { Engine } from '../../commands/call.ts'
import type { Client } from '../../engine/clients/client.ts'
import type { Transport } from '../../engine/clients/transport.ts'
import { CommandError, type ReplyValue, ReplyValueReader, type ReplyValueReceiver } from '../../protocol/reply-value.ts'
import { encodeRequest } from '../../protocol/request-writer.ts'
import { Source } from '../../util/bytes/bytes.ts'
import { utf8Of } from '../../util/bytes/text.ts'
import { nextTick } from '../../util/time/real-time.ts'
import type { Exchange, Outlet } from '../exchanges/exchange.ts'
import { errorBody } from '../exchanges/http-error.ts'
import { JSON_HEADERS } from '../exchanges/json-headers.ts'
import { connectVisitor, type Visitor } from '../rights/visitor.ts'
import { EVENT_STREAM_HEADERS } from './event-stream.ts'
import { dataEvent } from './event-text.ts'
import type { OpenStream, OpenStreams } from './open-streams.ts'

export class MonitorStream implements Transport, ReplyValueReceiver<string>, OpenStream {
  readonly kind = 'tcp'
  readonly address: string
  readonly localAddress: string
  readonly isEncrypted: boolean
  readonly descriptor = -1
  readonly #engine: Engine
  readonly #exchange: Exchange
  readonly #client: Client
  readonly #streams: OpenStreams
  readonly #release: () => void
  readonly #reader = new ReplyValueReader<string>(utf8Of, this)
  #outlet: Outlet | undefined = undefined
  #isOver = false

  /** Throws HttpError where the visitor is no user, or has too many streams. */
  constructor(engine: Engine, exchange: Exchange, visitor: Visitor, streams: OpenStreams) {
    this.address = exchange.address
    this.localAddress = exchange.localAddress
    this.isEncrypted = exchange.isEncrypted
    this.#engine = engine
    this.#exchange = exchange
    this.#streams = streams
    this.#client = connectVisitor(engine, this, visitor)
    this.#release = this.#admitted(visitor)
    streams.add(this)
    exchange.onEnd(() => this.end())
    const request = encodeRequest(['MONITOR'])
    engine.receive(this.#client, new Source(request), 0, request.length)
  }

  #admitted({ user }: Visitor): () => void {
    try {
      return this.#streams.admit(this.#exchange.ip, user)
    } catch (error) {
      this.#engine.disconnect(this.#client)
      throw error
    }
  }

  get backlogBytes(): number {
    return this.#outlet?.backlogBytes ?? 0
  }

  write(bytes: Buffer): boolean {
    this.#reader.feed(bytes)
    return true
  }

  /** OK, and then a line for each command. */
  reply(value: ReplyValue<string>): void {
    if (value instanceof CommandError) {
      this.#exchange.answer(400, JSON_HEADERS, errorBody(value.message))
      // The engine is handing over this reply.
      nextTick(() => this.end())
    } else if (this.#outlet === undefined) {
      this.#outlet = this.#exchange.stream(200, EVENT_STREAM_HEADERS)
      this.#outlet.write(dataEvent('"OK"', undefined))
    } else this.#outlet.write(dataEvent(String(value), undefined))
  }

  push(): void {}

  close(): void {
    this.end()
  }

  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#streams.remove(this)
    this.#release()
    this.#engine.disconnect(this.#client)
    this.#outlet?.end('flushed')
  }
}
