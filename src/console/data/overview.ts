// The figures of the last hour: ten seconds a row, and a second a row for the last five minutes.
//
// They come as one stream, which is closed while the page is hidden: a browser opens only six
// connections to a host. Rows are in the order of `columns`; the first column is the time.

import { address } from './api.ts'

export interface Alert {
  readonly rule: string
  readonly severity: 'warning' | 'critical'
  readonly since: number
  readonly summary: string
  readonly advice: string
}

export type Row = readonly (number | null)[]

export interface Figures {
  readonly columns: readonly string[]
  readonly rows: readonly Row[]
  readonly alerts: readonly Alert[] | undefined
  readonly state: 'connecting' | 'live' | 'lost'
}

interface History {
  readonly columns: readonly string[]
  readonly fine: { readonly stepMs: number; readonly rows: Row[] }
  readonly coarse: { readonly stepMs: number; readonly rows: Row[] }
}

const FINE_MS = 300_000
const HOUR_MS = 3_600_000
const COARSE_ROWS = 10

export class Overview {
  #columns: readonly string[] = []
  #coarse: Row[] = []
  #fine: Row[] = []
  #rows: readonly Row[] | undefined = undefined
  #alerts: readonly Alert[] | undefined = undefined
  #state: Figures['state'] = 'connecting'
  #source: EventSource | undefined = undefined
  readonly #listeners = new Set<(figures: Figures) => void>()

  /** Calls `listener` with each change; returns a function that ends this. */
  listen(listener: (figures: Figures) => void): () => void {
    this.#listeners.add(listener)
    listener(this.figures)
    return () => this.#listeners.delete(listener)
  }

  /** The rows are the same array until a row comes, so a view can see whether they changed. */
  get figures(): Figures {
    this.#rows ??= [...this.#coarse, ...this.#fine]
    return { columns: this.#columns, rows: this.#rows, alerts: this.#alerts, state: this.#state }
  }

  open(): void {
    if (this.#source !== undefined) return
    const source = new EventSource(address('overview'))
    this.#source = source
    const on = <T>(name: string, take: (value: T) => void): void =>
      source.addEventListener(name, (event) => {
        take(JSON.parse((event as MessageEvent<string>).data) as T)
        this.#tell()
      })
    on<History>('history', (history) => this.#begin(history))
    on<Row>('sample', (row) => this.#add(row))
    on<readonly Alert[]>('alerts', (alerts) => {
      this.#alerts = alerts
    })
    source.onerror = () => {
      this.#state = 'lost'
      this.#tell()
      // A browser does not come back by itself when the answer was an error.
      if (source.readyState === EventSource.CLOSED) {
        this.close()
        setTimeout(() => {
          if (!document.hidden && this.#listeners.size > 0) this.open()
        }, 3000)
      }
    }
  }

  close(): void {
    this.#source?.close()
    this.#source = undefined
  }

  #begin({ columns, fine, coarse }: History): void {
    this.#columns = columns
    const from = fine.rows[0]?.[0] ?? Number.POSITIVE_INFINITY
    this.#coarse = coarse.rows.filter(([time]) => (time ?? 0) < from)
    this.#fine = [...fine.rows]
    this.#rows = undefined
    this.#state = 'live'
  }

  #add(row: Row): void {
    this.#state = 'live'
    const now = row[0] ?? 0
    if ((this.#fine.at(-1)?.[0] ?? 0) >= now) return
    this.#rows = undefined
    this.#fine.push(row)
    // Ten rows at a time become one, so a page that is open for days holds an hour and no more.
    while (now - (this.#fine[COARSE_ROWS]?.[0] ?? now) > FINE_MS)
      this.#coarse.push(this.#joined(this.#fine.splice(0, COARSE_ROWS)))
    while (now - (this.#coarse[0]?.[0] ?? now) > HOUR_MS) this.#coarse.shift()
  }

  #joined(rows: readonly Row[]): Row {
    return this.#columns.map((name, i) => {
      const values = rows.map((row) => row[i]).filter((value) => typeof value === 'number')
      if (values.length === 0) return null
      if (i === 0) return values[0]!
      if (name.endsWith('Ms')) return Math.max(...values)
      return values.reduce((sum, value) => sum + value, 0) / values.length
    })
  }

  #tell(): void {
    const { figures } = this
    for (const listener of this.#listeners) listener(figures)
  }
}

export const overview = new Overview()
