// GET /v1/tail: messages as they come, for a person to look at. All are counted, and as many are
// shown as the reader asks for.

import type { Timer } from '../../util/time/clock.ts'
import type { StreamGap, StreamListener, StreamMessage } from '../clients/stream-client.ts'
import type { Exchange, Outlet } from '../exchanges/exchange.ts'
import { EVENT_STREAM_HEADERS } from '../streams/event-stream.ts'
import { namedEvent, RETRY } from '../streams/event-text.ts'
import type { OpenStream } from '../streams/open-streams.ts'
import { requestOf } from '../streams/subscribe.ts'
import { type Console, numberIn, type OpenedTail } from './console.ts'
import type { ConsoleRequest, Endpoint } from './endpoint.ts'

const RATE = 200
const RATE_MAX = 2000
/** Events go out so often. */
const STEP_MS = 100
const STEPS_A_SECOND = 10
/** Longer messages are cut. */
const TEXT_CHARACTERS_MAX = 64 * 1024
/** A reader with more than this to take is shown nothing for the time being. */
const BACKLOG_BYTES_MAX = 1024 * 1024
const STUCK_SECONDS_MAX = 60

export const TAIL_ENDPOINT: Endpoint = {
  method: 'GET',
  path: '/v1/tail',
  summary:
    'Streams messages for a person to look at: `messages` with those that are shown, and `count` each second with the number of all.',
  query: {
    channel: { doc: 'A channel to hear.', isList: true },
    pattern: { doc: 'A pattern to hear.', isList: true },
    rate: { doc: `The most messages shown in a second: ${RATE} unless said, at most ${RATE_MAX}.`, type: 'integer' },
    from: { doc: 'As in /v1/subscribe.' },
  },
  media: 'text/event-stream',
  answer: {
    messages: [{ id: 'string?', channel: 'string', pattern: 'string?', message: 'string', at: 'integer' }],
    count: { messages: 'integer', bytes: 'integer', shown: 'integer' },
    gap: { channel: 'string', count: 'integer?', after: 'string', before: 'string' },
  },
  handle: answerTail,
}

async function answerTail(console: Console, { exchange, visitor }: ConsoleRequest): Promise<void> {
  const rate = Math.max(1, numberIn(exchange, 'rate', RATE, RATE_MAX))
  const targets = requestOf(exchange)
  const opened = await console.subscribe(exchange, visitor, targets)
  new Tail(console, exchange, opened, rate)
}

class Tail implements StreamListener, OpenStream {
  readonly #console: Console
  readonly #opened: OpenedTail
  readonly #outlet: Outlet
  readonly #stepMax: number
  readonly #forget: () => void
  #shown: object[] = []
  #counts = { messages: 0, bytes: 0, shown: 0 }
  #steps = 0
  #stuckSeconds = 0
  #timer: Timer | undefined = undefined
  #isOver = false

  constructor(console: Console, exchange: Exchange, opened: OpenedTail, rate: number) {
    this.#console = console
    this.#opened = opened
    this.#stepMax = Math.ceil(rate / STEPS_A_SECOND)
    const session = console.gate.sessionOf(exchange)
    const over = (): void => this.end()
    session?.ended.add(over)
    this.#forget = () => session?.ended.delete(over)
    this.#outlet = exchange.stream(200, EVENT_STREAM_HEADERS)
    this.#outlet.onClose(over)
    this.#outlet.write(`${RETRY}:\n\n`)
    console.opening.streams.add(this)
    opened.client.listen(this, this.#outlet)
    this.#wait()
  }

  message({ channel, id, pattern, text }: StreamMessage): void {
    this.#counts.messages++
    this.#counts.bytes += text.length
    if (this.#shown.length >= this.#stepMax) return
    const at = id === undefined ? Math.round(this.#console.engine.environment.clock.now()) : Number.parseInt(id, 10)
    const message = text.length > TEXT_CHARACTERS_MAX ? text.slice(0, TEXT_CHARACTERS_MAX) : text
    const cut = text.length > TEXT_CHARACTERS_MAX ? { length: text.length } : {}
    this.#shown.push({ id: id ?? null, channel, pattern: pattern ?? null, message, at, ...cut })
  }

  gap(gap: StreamGap): void {
    this.#outlet.write(namedEvent('gap', JSON.stringify(gap)))
  }

  flush(): void {
    // Events go out by the clock.
  }

  ended(): void {
    this.end()
  }

  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#timer?.cancel()
    this.#forget()
    this.#opened.release()
    this.#console.opening.streams.remove(this)
    this.#opened.client.leave()
    this.#outlet.end('flushed')
  }

  #wait(): void {
    this.#timer = this.#console.engine.environment.workClock.after(STEP_MS, () => {
      this.#step()
      if (!this.#isOver) this.#wait()
    })
  }

  #step(): void {
    const isStuck = this.#outlet.backlogBytes > BACKLOG_BYTES_MAX
    if (this.#shown.length > 0 && !isStuck) {
      this.#counts.shown += this.#shown.length
      this.#outlet.write(namedEvent('messages', JSON.stringify(this.#shown)))
    }
    this.#shown = []
    this.#steps++
    if (this.#steps % STEPS_A_SECOND !== 0) return
    this.#stuckSeconds = isStuck ? this.#stuckSeconds + 1 : 0
    if (this.#stuckSeconds > STUCK_SECONDS_MAX) this.#outlet.end('now')
    else if (!isStuck) this.#outlet.write(namedEvent('count', JSON.stringify(this.#counts)))
    if (!isStuck) this.#counts = { messages: 0, bytes: 0, shown: 0 }
  }
}
