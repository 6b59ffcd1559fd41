// Totals over all channels, for INFO and metrics.
//
// Streams and hashes are ordinary keys, which can change without notice to this file, so they are
// counted. A small number is counted at each question. A larger number is counted a slice a second,
// and questions get the last complete count.

import type { ReadPositions } from '../positions/read-positions.ts'
import type { ChannelLogs } from './channel-logs.ts'

/**
 * Logs and hashes of positions that one question may count. That takes a fraction of a millisecond.
 */
const COUNTED_MAX = 100

export interface ChannelFigures {
  /** Channels that have messages, the number of those messages, and their bytes. */
  channels: number
  messages: number
  bytes: number
  /** Remembered subscribers, counted once for each channel and pattern. */
  subscribers: number
}

export class ChannelTotals {
  readonly #logs: ChannelLogs
  readonly #positions: ReadPositions
  #last: ChannelFigures = { channels: 0, messages: 0, bytes: 0, subscribers: 0 }
  #counting: Iterator<undefined, ChannelFigures> | undefined = undefined

  constructor(logs: ChannelLogs, positions: ReadPositions) {
    this.#logs = logs
    this.#positions = positions
  }

  get figures(): ChannelFigures {
    if (this.#logs.count + this.#positions.targetCount <= COUNTED_MAX) {
      this.#counting = undefined
      this.advance(Number.POSITIVE_INFINITY)
    }
    return this.#last
  }

  /** Continues the count by a number of steps. */
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
    for (const { keeps, stream } of this.#logs.all()) {
      if (keeps && stream !== undefined && stream.length > 0) {
        figures.channels++
        figures.messages += stream.length
        figures.bytes += stream.nodes.bytes
      }
      yield undefined
    }
    for (const count of this.#positions.counts()) {
      figures.subscribers += count
      yield undefined
    }
    return figures
  }
}
