// Long polling: the messages of one slice as JSON, or none when the time is up.
//
//   {"messages":[{"id":…,"channel":…,"message":…}],"gaps":[…],"next":"…"}
//
// `next` is where the next request goes on (`from`); null where no channel keeps anything.

import type { Engine } from '../../commands/call.ts'
import type { HttpFigures } from '../../engine/figures/http-figures.ts'
import type { Timer } from '../../util/time/clock.ts'
import { nextTick } from '../../util/time/real-time.ts'
import type { StreamClient, StreamGap, StreamListener, StreamMessage } from '../clients/stream-client.ts'
import type { Exchange } from '../exchanges/exchange.ts'
import { JSON_HEADERS } from '../exchanges/json-headers.ts'
import { messageJson } from './event-format.ts'

/** Even who does not wait gets what is there: catching up takes a turn or two. */
const WAIT_MS_MIN = 20

export class Poll implements StreamListener {
  readonly #exchange: Exchange
  readonly #client: StreamClient
  readonly #figures: HttpFigures
  readonly #release: () => void
  readonly #messages: string[] = []
  readonly #gaps: StreamGap[] = []
  /** Where it began, or the last message of what it tells. */
  #next: string | undefined
  #timer: Timer | undefined = undefined
  #answersSoon = false
  #isAnswered = false

  /** Answers when something has come, at the latest after `waitMs`. */
  constructor(
    engine: Engine,
    exchange: Exchange,
    client: StreamClient,
    figures: HttpFigures,
    { from, release, waitMs }: { from: string | undefined; release: () => void; waitMs: number },
  ) {
    this.#exchange = exchange
    this.#client = client
    this.#figures = figures
    this.#release = release
    this.#next = from
    exchange.onEnd(() => this.#over())
    this.#timer = engine.environment.workClock.after(Math.max(WAIT_MS_MIN, waitMs), () => this.#answer())
    client.listen(this, undefined)
  }

  message(message: StreamMessage): void {
    if (this.#isAnswered) return
    this.#figures.messages++
    this.#figures.bytes += message.text.length
    this.#messages.push(messageJson(message))
    if (message.id !== undefined) this.#next = message.id
  }

  gap(gap: StreamGap): void {
    this.#figures.gaps++
    this.#gaps.push(gap)
  }

  /** Answers when the whole slice has come: what its client was sent counts as heard. */
  flush(): void {
    if (this.#messages.length === 0 || this.#answersSoon) return
    this.#answersSoon = true
    nextTick(() => this.#answer())
  }

  ended(): void {
    this.#answer()
  }

  #answer(): void {
    if (this.#isAnswered) return
    // The answer ends with its last message. Without one, everything up to now was looked at.
    if (this.#messages.length === 0)
      this.#next = this.#client.positionFrom(this.#next) ?? this.#next ?? this.#client.beginning
    const { gaps, next = null } = { gaps: this.#gaps, next: this.#next }
    const text = `{"messages":[${this.#messages.join(',')}],"gaps":${JSON.stringify(gaps)},"next":${JSON.stringify(next)}}`
    this.#exchange.answer(200, JSON_HEADERS, text)
    this.#over()
  }

  #over(): void {
    if (this.#isAnswered) return
    this.#isAnswered = true
    this.#timer?.cancel()
    this.#release()
    this.#client.leave()
  }
}
