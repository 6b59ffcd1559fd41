// Messages a second of channels: how much a count has grown since it was asked for last.
//
// Counts are asked for while someone looks, so this costs publishers nothing. All who look share
// the readings, of which those of the last minute are kept.

import { NameMap } from '../util/tables/name-map.ts'
import type { Clock } from '../util/time/clock.ts'
import { rounded } from './sampled-columns.ts'

const NAMES_MAX = 5000
/** Readings that lie closer together tell little. */
const APART_MS_MIN = 900
const KEPT_MS = 60_000

interface Reading {
  count: number
  atMs: number
  rate: number | null
}

export class ChannelRates {
  readonly #clock: Clock
  readonly #readings = new NameMap<Reading>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Notes a count, and returns its growth a second; null at first. */
  rateOf(name: string, count: number): number | null {
    const atMs = this.#clock.monotonic()
    const found = this.#readings.get(name)
    if (found === undefined || atMs - found.atMs > KEPT_MS || count < found.count) {
      if (this.#readings.size >= NAMES_MAX) this.#readings.clear()
      this.#readings.set(name, { count, atMs, rate: null })
      return null
    }
    if (atMs - found.atMs < APART_MS_MIN) return found.rate
    found.rate = rounded((count - found.count) / ((atMs - found.atMs) / 1000))
    found.count = count
    found.atMs = atMs
    return found.rate
  }
}
