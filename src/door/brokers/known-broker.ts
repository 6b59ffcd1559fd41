// Another broker, as this one knows it: its last reports, and since when it is reached or not.

import type { Clock } from '../../util/time/clock.ts'
import type { BrokerReport } from './broker-report.ts'
import { Trace } from './trace.ts'

export class KnownBroker {
  readonly trace = new Trace()
  readonly #clock: Clock
  /** The last report, and the one before it; undefined = there was none. */
  #report: BrokerReport | undefined = undefined
  #earlier: BrokerReport | undefined = undefined
  /** When it was heard last and the time before, by the clock of work; and in Unix milliseconds. */
  #heardMs = 0
  #earlierMs = 0
  #heardAt = 0
  /** When it was first heard after a silence, in Unix milliseconds. */
  #reachedAt = 0

  /** `clock` is that of work. */
  constructor(clock: Clock) {
    this.#clock = clock
  }

  get report(): BrokerReport | undefined {
    return this.#report
  }

  /** By the clock of work. */
  get heardMs(): number {
    return this.#heardMs
  }

  get reachedAt(): number {
    return this.#reachedAt
  }

  get heardAt(): number {
    return this.#heardAt
  }

  /** How long it has been silent; endless = it was never heard. */
  get silentMs(): number {
    return this.#report === undefined ? Number.POSITIVE_INFINITY : this.#clock.monotonic() - this.#heardMs
  }

  /** Takes a report. `silenceMs`: after a longer silence it counts as reached since now. */
  hear(report: BrokerReport, silenceMs: number): void {
    const now = this.#clock.now()
    if (this.silentMs > silenceMs || this.#report?.id !== report.id) this.#reachedAt = Math.round(now)
    this.#earlier = this.#report
    this.#earlierMs = this.#heardMs
    this.#report = report
    this.#heardMs = this.#clock.monotonic()
    this.#heardAt = Math.round(now)
    if (report.figures !== null) this.trace.add(now, report.figures)
  }

  /**
   * Its position in the log as it was told before a moment: the position of a follower is compared
   * with one that the leader has told earlier, never later.
   */
  positionBefore(ms: number): number | null {
    return (this.#heardMs <= ms ? this.#report : this.#earlierMs <= ms ? this.#earlier : undefined)?.position ?? null
  }
}
