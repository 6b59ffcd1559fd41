// Samples the positions of named subscribers and groups, and remembers the confirmed ones.
//
// Sampling goes round in slices, so that every subscriber is sampled within a part of `redeliver`.
// With very many subscribers a round takes longer.

import type { Clock, Timer } from '../../util/time/clock.ts'
import type { Groups } from '../groups/groups.ts'
import type { NamePosition, Subscriptions } from '../reading/subscriptions.ts'
import { RoundRobin } from './round-robin.ts'

/** Shortest and longest time of a round. */
const SAMPLE_MS_MIN = 50
const SAMPLE_MS_MAX = 1000
/**
 * Subscribers sampled in one slice, a millisecond's work. More subscribers take several slices, at
 * intervals of at least this time.
 */
const SAMPLED_MAX = 1000
const SLICE_MS_MIN = 10
/**
 * Samples taken within `redeliver`. One such interval may be sent again in addition to `redeliver`.
 */
const SAMPLES_PER_REDELIVER = 8
/** Positions remembered in one round. The next round continues with the others. */
const POSITIONS_MAX = 1000

export interface PositionSamplerHost {
  readonly subscriptions: Subscriptions
  readonly groups: Groups
  readonly redeliverMs: number
}

export class PositionSampler {
  readonly #host: PositionSamplerHost
  readonly #clock: Clock
  #timer: Timer | undefined = undefined
  readonly #noting = new RoundRobin<NamePosition>(() => this.#host.subscriptions.allNamed())
  readonly #remembering = new RoundRobin<NamePosition>(() => this.#host.subscriptions.allNamed())

  constructor(host: PositionSamplerHost, clock: Clock) {
    this.#host = host
    this.#clock = clock
  }

  /** Arms the timer while there are subscribers or groups to sample. */
  soon(): void {
    const { groups, redeliverMs, subscriptions } = this.#host
    const { namedCount } = subscriptions
    if (this.#timer !== undefined || (namedCount === 0 && !groups.areSampled)) return
    const wantedMs = redeliverMs === 0 ? SAMPLE_MS_MAX : redeliverMs / SAMPLES_PER_REDELIVER
    const roundMs = Math.min(SAMPLE_MS_MAX, Math.max(SAMPLE_MS_MIN, wantedMs))
    const slices = Math.max(1, Math.ceil(namedCount / SAMPLED_MAX))
    this.#timer = this.#clock.after(Math.max(SLICE_MS_MIN, roundMs / slices), () => {
      this.#timer = undefined
      this.#sample(Math.ceil(POSITIONS_MAX / slices))
      this.soon()
    })
  }

  /**
   * Samples some named subscribers, and remembers the confirmed positions of at most
   * `positionsMax`.
   */
  #sample(positionsMax: number): void {
    const { groups, subscriptions } = this.#host
    this.#noting.visit(SAMPLED_MAX, (name) => subscriptions.sampleName(name))
    this.#remembering.visit(positionsMax, (name) => subscriptions.rememberCertain(name))
    groups.sample(this.#clock.monotonic())
  }

  /** Cancels the timer. */
  stop(): void {
    this.#timer?.cancel()
  }
}
