// GET /v1/overview: the figures of the last hour, and then a row each second, as Server-Sent
// Events; with `Accept: application/json` once. All who look share the rows.

import type { Alert } from '../../monitoring/alerts.ts'
import { COARSE_STEP_MS, FINE_STEP_MS } from '../../monitoring/history.ts'
import { COLUMNS, type Row } from '../../monitoring/sampled-columns.ts'
import type { Exchange, Outlet } from '../exchanges/exchange.ts'
import type { Visitor } from '../rights/visitor.ts'
import { EVENT_STREAM_HEADERS } from '../streams/event-stream.ts'
import { heartbeat, namedEvent, RETRY } from '../streams/event-text.ts'
import type { OpenStream } from '../streams/open-streams.ts'
import { answerJson, type Console } from './console.ts'
import type { ConsoleRequest, Endpoint } from './endpoint.ts'

/** A reader with more than this to take gets no more rows, and ends after some seconds. */
const BACKLOG_BYTES_MAX = 256 * 1024
const STUCK_ROWS_MAX = 30

export const OVERVIEW_ENDPOINT: Endpoint = {
  method: 'GET',
  path: '/v1/overview',
  summary:
    'Streams the figures of the broker: the event `history` with the last hour, `sample` with a row each second, and `alerts` with the alert rules that hold.',
  media: 'text/event-stream',
  answer: {
    history: {
      columns: ['string'],
      fine: { stepMs: 'integer', rows: [['number?']] },
      coarse: { stepMs: 'integer', rows: [['number?']] },
    },
    sample: ['number?'],
    alerts: [{ rule: 'string', severity: 'string', since: 'integer', summary: 'string', advice: 'string' }],
  },
  handle: answerOverview,
}

async function answerOverview(console: Console, { exchange, visitor }: ConsoleRequest): Promise<void> {
  await console.checkRight(exchange, visitor, ['INFO', 'server'])
  const { figures, opening } = console
  if ((exchange.header('accept') ?? '').includes('application/json')) {
    const { alerts, last } = figures
    answerJson(exchange, { history: historyOf(console), sample: last ?? null, alerts })
    return
  }
  const release = opening.streams.admit(exchange.ip, visitor.user)
  new OverviewStream(console, exchange, visitor, release)
}

class OverviewStream implements OpenStream {
  readonly #console: Console
  readonly #outlet: Outlet
  readonly #release: () => void
  readonly #forget: () => void
  readonly #isAllowed: () => boolean
  #stuckRows = 0
  #isOver = false

  constructor(console: Console, exchange: Exchange, { expiresMs, user }: Visitor, release: () => void) {
    this.#console = console
    this.#release = release
    this.#outlet = exchange.stream(200, EVENT_STREAM_HEADERS)
    this.#outlet.onClose(() => this.end())
    console.opening.streams.add(this)
    const { clients, environment } = console.engine
    const session = console.gate.sessionOf(exchange)
    // It is no client of the engine, which would end it.
    this.#isAllowed = () =>
      environment.clock.now() < expiresMs &&
      clients.users.get(user)?.enabled === true &&
      (session === undefined || !console.gate.sessions.isOver(session))
    const over = (): void => this.end()
    session?.ended.add(over)
    const unwatch = console.figures.watch({ sample: (row) => this.#sample(row), alerts: (all) => this.#alerts(all) })
    this.#forget = () => {
      unwatch()
      session?.ended.delete(over)
    }
    this.#outlet.write(`${RETRY}${namedEvent('history', JSON.stringify(historyOf(console)))}`)
    this.#alerts(console.figures.alerts)
  }

  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#forget()
    this.#release()
    this.#console.opening.streams.remove(this)
    this.#outlet.end('flushed')
  }

  #sample(row: Row): void {
    if (!this.#isAllowed()) {
      this.end()
      return
    }
    if (this.#outlet.backlogBytes > BACKLOG_BYTES_MAX) {
      this.#stuckRows++
      if (this.#stuckRows > STUCK_ROWS_MAX) this.#outlet.end('now')
      return
    }
    this.#stuckRows = 0
    this.#outlet.write(namedEvent('sample', JSON.stringify(row)))
  }

  #alerts(alerts: readonly Alert[]): void {
    this.#outlet.write(`${namedEvent('alerts', JSON.stringify(alerts))}${heartbeat(undefined)}`)
  }
}

function historyOf({ figures: { history } }: Console): object {
  return {
    columns: COLUMNS,
    fine: { stepMs: FINE_STEP_MS, rows: history.fine },
    coarse: { stepMs: COARSE_STEP_MS, rows: history.coarse },
  }
}
