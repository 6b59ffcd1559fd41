// The last hour in rows: by the second for five minutes, by ten seconds for the hour.

import { joined, type Row } from './sampled-columns.ts'

export const FINE_STEP_MS = 1000
export const COARSE_STEP_MS = 10_000
const FINE_ROWS_MAX = 300
const COARSE_ROWS_MAX = 360
const HOUR_MS = COARSE_ROWS_MAX * COARSE_STEP_MS
const FINE_MS = FINE_ROWS_MAX * FINE_STEP_MS

export interface Rows {
  readonly fine: readonly Row[]
  readonly coarse: readonly Row[]
}

export class History {
  #fine: Row[] = []
  #coarse: Row[] = []
  /** Rows that no coarse row has yet. */
  #gathered: Row[] = []

  get rows(): Rows {
    return { fine: this.#fine, coarse: this.#coarse }
  }

  add(row: Row): void {
    push(this.#fine, row, FINE_ROWS_MAX)
    const step = stepOf(row)
    const [first] = this.#gathered
    if (first !== undefined && stepOf(first) !== step) {
      push(this.#coarse, joined(this.#gathered), COARSE_ROWS_MAX)
      this.#gathered = []
    }
    this.#gathered.push(row)
    // A clock that was set back must not gather without end.
    if (this.#gathered.length > FINE_ROWS_MAX) this.#gathered.shift()
  }

  /** Puts rows of an earlier run before all others, those of the last hour. */
  restore({ coarse, fine }: Rows, nowMs: number): void {
    const isWithin = (ms: number) => (row: Row) => timeOf(row) > nowMs - ms && timeOf(row) <= nowMs
    this.#fine = [...fine.filter(isWithin(FINE_MS)), ...this.#fine].slice(-FINE_ROWS_MAX)
    this.#coarse = [...coarse.filter(isWithin(HOUR_MS)), ...this.#coarse].slice(-COARSE_ROWS_MAX)
  }
}

function push(rows: Row[], row: Row, max: number): void {
  rows.push(row)
  if (rows.length > max) rows.shift()
}

function stepOf(row: Row): number {
  return Math.floor(timeOf(row) / COARSE_STEP_MS)
}

function timeOf([time]: Row): number {
  return time ?? 0
}
