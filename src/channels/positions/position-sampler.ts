// Where named subscribers and groups are is noted from time to time, and what they have heard for certain is remembered.
//
// In rounds: a few at a time, all of them within a part of `redeliver`. Where there are very many a round takes longer.

import type { Clock, Timer } from '../../util/time/clock.ts'
import type { Groups } from '../groups/groups.ts'
import type { ChannelLogs } from '../log/channel-logs.ts'
import type { Reader } from '../reading/reader.ts'
import type { Subscriptions } from '../reading/subscriptions.ts'
import { RoundRobin } from './round-robin.ts'

/** How often it is noted where each named subscriber is, at most and at least. */
const SAMPLE_MS_MIN = 50
const SAMPLE_MS_MAX = 1000
/** So many are looked at in one go, a millisecond's work; where there are more, the others follow after a fraction of that time. */
const SAMPLED_MAX = 1000
const SLICE_MS_MIN = 10
/** Samples within `redeliver`: so much of it may be sent again beyond it. */
const SAMPLES_PER_REDELIVER = 8
/** Places remembered in that time; the others' turn comes next. */
const PLACES_MAX = 1000

export interface PositionSamplerHost {
  readonly logs: ChannelLogs
  readonly subscriptions: Subscriptions
  readonly groups: Groups
  readonly redeliverMs: number
}

export class PositionSampler {
  readonly #host: PositionSamplerHost
  readonly #clock: Clock
  #timer: Timer | undefined = undefined
  readonly #noting = new RoundRobin<Reader>(() => this.#host.subscriptions.allNamed())
  readonly #remembering = new RoundRobin<Reader>(() => this.#host.subscriptions.allNamed())

  constructor(host: PositionSamplerHost, clock: Clock) {
    this.#host = host
    this.#clock = clock
  }

  /** Goes on while there is anybody to be looked at. */
  soon(): void {
    const { groups, redeliverMs, subscriptions } = this.#host
    const { namedCount } = subscriptions
    if (this.#timer !== undefined || (namedCount === 0 && !groups.areSampled)) return
    const wantedMs = redeliverMs === 0 ? SAMPLE_MS_MAX : redeliverMs / SAMPLES_PER_REDELIVER
    const roundMs = Math.min(SAMPLE_MS_MAX, Math.max(SAMPLE_MS_MIN, wantedMs))
    const slices = Math.max(1, Math.ceil(namedCount / SAMPLED_MAX))
    this.#timer = this.#clock.after(Math.max(SLICE_MS_MIN, roundMs / slices), () => {
      this.#timer = undefined
      this.#sample(Math.ceil(PLACES_MAX / slices))
      this.soon()
    })
  }

  /** Notes where some named subscribers are, and remembers what is certain of some, at most `placesMax`. */
  #sample(placesMax: number): void {
    const { groups, logs, subscriptions } = this.#host
    const nowMs = this.#clock.monotonic()
    this.#noting.visit(SAMPLED_MAX, (reader) => {
      if (!reader.isSampled) reader.sample(nowMs, logs.endOf(reader.kind, reader.target))
    })
    this.#remembering.visit(placesMax, (reader) => {
      const position = subscriptions.confirmedPosition(reader)
      if (position !== undefined) subscriptions.remember(reader, position)
    })
    groups.sample(nowMs)
  }

  /** Fires no more. */
  stop(): void {
    this.#timer?.cancel()
  }
}
