// A stream of Server-Sent Events: one connection, any number of channels and patterns.

import type { Engine } from '../../commands/call.ts'
import type { Timer } from '../../util/time/clock.ts'
import type { StreamClient, StreamGap, StreamListener, StreamMessage } from '../clients/stream-client.ts'
import type { Exchange, Outlet } from '../exchanges/exchange.ts'
import type { EventFormat } from './event-format.ts'
import type { OpenStream, OpenStreams } from './open-streams.ts'

export const EVENT_STREAM_HEADERS = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-store',
  'X-Accel-Buffering': 'no',
  'X-Content-Type-Options': 'nosniff',
} as const

/** A peer that did not take what was sent within so many heartbeats is gone, or as good as gone. */
const STUCK_BEATS_MAX = 4
/**
 * An id this far ahead of the clock was written by a client (message-ids.ts): it says nothing
 * about other channels.
 */
const AHEAD_MS_MAX = 60_000
/**
 * A stream that has no id yet gets one after so long: the journal lacked the last message when it
 * began.
 */
const FIRST_ID_MS_MAX = 1000

export interface EventStreamOptions {
  readonly format: EventFormat
  /** One channel, whose ids follow each other even where a client wrote them. */
  readonly isSingle: boolean
  /** Unix milliseconds at which the visitor's rights end. */
  readonly expiresMs: number
  /** Gives its place among the open streams back. */
  readonly release: () => void
}

export class EventStream implements StreamListener, OpenStream {
  readonly #engine: Engine
  readonly #client: StreamClient
  readonly #streams: OpenStreams
  readonly #options: EventStreamOptions
  readonly #outlet: Outlet
  #text = ''
  /** The last id of a message that the browser has from this stream. */
  #known: string | undefined = undefined
  /** The browser has an id, or gets none: no channel is kept. */
  #hasId: boolean
  #beat: Timer | undefined = undefined
  #expiry: Timer | undefined = undefined
  /** Heartbeats since something waits that the other side does not take. */
  #stuckBeats = 0
  #isOver = false

  /** Begins an answer for a client that is subscribed. */
  constructor(
    engine: Engine,
    exchange: Exchange,
    client: StreamClient,
    streams: OpenStreams,
    options: EventStreamOptions,
  ) {
    this.#engine = engine
    this.#client = client
    this.#streams = streams
    this.#options = options
    this.#outlet = streams.writes.gather(exchange.stream(200, EVENT_STREAM_HEADERS))
    streams.add(this)
    this.#outlet.onClose(() => this.#over())
    const position = client.positionFrom(undefined)
    this.#hasId = position !== undefined || !client.isKept
    this.#text = options.format.opening(position)
    client.listen(this, this.#outlet)
    this.#beatLater()
    this.#endWhenExpired()
  }

  message(message: StreamMessage): void {
    const { figures } = this.#streams
    const cursor = this.#cursorOf(message.id)
    const event = this.#options.format.message(message, cursor)
    // The hub sends a stream what its topics select.
    if (event === '') return
    if (cursor !== undefined) this.#noteId(cursor)
    figures.messages++
    figures.bytes += event.length
    this.#text += event
  }

  gap(gap: StreamGap): void {
    this.#streams.figures.gaps++
    this.#text += this.#options.format.gap(gap)
  }

  flush(): void {
    const text = this.#text
    if (text === '' || this.#isOver) return
    this.#text = ''
    this.#outlet.write(text)
  }

  ended(): void {
    this.end()
  }

  end(): void {
    if (this.#isOver) return
    this.#outlet.end('flushed')
    this.#over()
  }

  #over(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#beat?.cancel()
    this.#expiry?.cancel()
    this.#streams.remove(this)
    this.#options.release()
    this.#client.leave()
  }

  /** The id by which a browser goes on behind a message. */
  #cursorOf(id: string | undefined): string | undefined {
    if (id === undefined || this.#options.isSingle) return id
    const isForeign = Number.parseInt(id, 10) > this.#engine.environment.clock.now() + AHEAD_MS_MAX
    return isForeign ? undefined : id
  }

  #noteId(id: string): void {
    this.#known = id
    this.#hasId = true
  }

  #beatLater(): void {
    const { config, environment } = this.#engine
    const beatMs = config.get('http-heartbeat') * 1000
    this.#beat = environment.workClock.after(this.#hasId ? beatMs : Math.min(beatMs, FIRST_ID_MS_MAX), () => {
      if (this.#outlet.backlogBytes > 0) this.#noteStuck()
      else this.#writeBeat()
      if (!this.#isOver) this.#beatLater()
    })
  }

  #writeBeat(): void {
    const position = this.#client.positionFrom(this.#known)
    this.#hasId ||= position !== undefined
    this.#outlet.write(this.#options.format.heartbeat(position))
  }

  /**
   * Nothing is added for a peer that takes nothing, and it ends after a while: it goes on when
   * it comes back.
   */
  #noteStuck(): void {
    if (this.#stuckBeats === 0) this.#outlet.whenDrained(() => this.#unstuck())
    this.#stuckBeats++
    if (this.#stuckBeats <= STUCK_BEATS_MAX) return
    this.#outlet.end('now')
    this.#over()
  }

  #unstuck(): void {
    this.#stuckBeats = 0
  }

  #endWhenExpired(): void {
    const { expiresMs } = this.#options
    if (expiresMs === Number.POSITIVE_INFINITY) return
    const { clock } = this.#engine.environment
    this.#expiry = clock.after(Math.max(0, expiresMs - clock.now()), () => this.end())
  }
}
