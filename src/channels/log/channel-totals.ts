// What channels hold all together, for INFO and metrics.
//
// Streams and hashes are keys like any other, which may change and go without anybody being told here, so they are counted. A few are
// counted whenever somebody asks; where there are more, they are counted a slice a second, and the last whole count is told.

import type { ReadPositions } from '../positions/read-positions.ts'
import type { ChannelLogs } from './channel-logs.ts'

/** Logs and hashes of places that are counted for one question: what asking costs is a fraction of a millisecond. */
const COUNTED_MAX = 100

export interface ChannelTotalsHost {
  readonly positions: ReadPositions
  readonly logs: ChannelLogs
}

export interface ChannelFigures {
  /** Channels that have messages, and what those are together. */
  channels: number
  messages: number
  bytes: number
  /** Subscribers that are remembered, once for each channel and pattern. */
  subscribers: number
}

export class ChannelTotals {
  readonly #host: ChannelTotalsHost
  #last: ChannelFigures = { channels: 0, messages: 0, bytes: 0, subscribers: 0 }
  #counting: Iterator<undefined, ChannelFigures> | undefined = undefined

  constructor(host: ChannelTotalsHost) {
    this.#host = host
  }

  get figures(): ChannelFigures {
    const { logs, positions } = this.#host
    if (logs.count + positions.targetCount <= COUNTED_MAX) {
      this.#counting = undefined
      this.advance(Number.POSITIVE_INFINITY)
    }
    return this.#last
  }

  /** Counts some more. */
  advance(steps: number): void {
    this.#counting ??= this.#count()
    for (let i = 0; i < steps; i++) {
      const { value, done } = this.#counting.next()
      if (done !== true) continue
      this.#last = value
      this.#counting = undefined
      return
    }
  }

  *#count(): Generator<undefined, ChannelFigures> {
    const figures = { channels: 0, messages: 0, bytes: 0, subscribers: 0 }
    const { positions } = this.#host
    for (const { keeps, stream } of this.#host.logs.all()) {
      if (keeps && stream !== undefined && stream.length > 0) {
        figures.channels++
        figures.messages += stream.length
        figures.bytes += stream.nodes.bytes
      }
      yield undefined
    }
    for (const count of positions.counts()) {
      figures.subscribers += count
      yield undefined
    }
    return figures
  }
}
