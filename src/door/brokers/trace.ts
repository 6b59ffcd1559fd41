// The last figures of a broker, as points of small charts. Times are those of the broker that draws
// them: clocks of several brokers need not agree.

import type { ReportedFigures } from './broker-report.ts'

/** The figures of a point, behind its time. */
export const TRACED = ['commands', 'messagesOut', 'jobs', 'memory', 'clients'] as const

/** Unix milliseconds, and a number for each of `TRACED`; null where none is known. */
export type Point = readonly [at: number, ...(number | null)[]]

const POINTS_MAX = 300
const KEPT_MS = 300_000
/** Points that lie closer together tell little. */
const APART_MS_MIN = 800

export class Trace {
  #points: Point[] = []

  add(atMs: number, figures: ReportedFigures): void {
    const last = this.#points.at(-1)
    // The clock may have been set back.
    if (last !== undefined && last[0] > atMs) this.#points = []
    else if (last !== undefined && atMs - last[0] < APART_MS_MIN) return
    this.#points.push(pointOf(atMs, figures))
    if (this.#points.length > POINTS_MAX || (this.#points[0]?.[0] ?? atMs) < atMs - KEPT_MS) this.#points.shift()
  }

  /** The points behind a time. */
  behind(ms: number): readonly Point[] {
    const first = this.#points.findIndex(([at]) => at > ms)
    return first < 0 ? [] : this.#points.slice(first)
  }
}

/** The time is rounded up: a point is behind each answer that was made before it. */
export function pointOf(atMs: number, figures: ReportedFigures): Point {
  return [Math.ceil(atMs), ...TRACED.map((name) => figures[name] ?? null)]
}
