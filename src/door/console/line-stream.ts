// An answer in lines of JSON, each sent as soon as it is known (NDJSON).

import type { Exchange, Outlet } from '../exchanges/exchange.ts'

const HEADERS = {
  'Content-Type': 'application/x-ndjson; charset=utf-8',
  'Cache-Control': 'no-store',
  'X-Accel-Buffering': 'no',
  'X-Content-Type-Options': 'nosniff',
} as const

/** The writer waits for a reader that has so much to take. */
const BACKLOG_BYTES_MAX = 1024 * 1024

export class LineStream {
  /** The other side is gone, or the answer has ended. */
  isOver = false
  readonly #outlet: Outlet
  #tellOver: () => void = () => {}

  constructor(exchange: Exchange) {
    this.#outlet = exchange.stream(200, HEADERS)
    this.#outlet.onClose(() => {
      this.isOver = true
      this.#tellOver()
    })
  }

  /** Sends lines, and waits until there is room for more. */
  async send(lines: readonly object[]): Promise<void> {
    if (this.isOver || lines.length === 0) return
    this.#outlet.write(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
    if (this.#outlet.backlogBytes <= BACKLOG_BYTES_MAX) return
    await new Promise<void>((resolve) => {
      this.#tellOver = resolve
      this.#outlet.whenDrained(resolve)
    })
  }

  /** Ends the answer after what was sent. */
  readonly end = (): void => {
    if (this.isOver) return
    this.isOver = true
    this.#outlet.end('flushed')
  }
}
