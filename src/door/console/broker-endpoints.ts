// /v1/brokers: all brokers of the cluster or of the log, and those that `console-brokers` names, side
// by side. /v1/brokers/self: this broker alone, as others ask for it.
// /v1/stalls: the last times at which all clients waited, with their causes.

import { STALL_MS_MIN } from '../../monitoring/stalls.ts'
import { brokerRows, ownPoints } from '../brokers/broker-rows.ts'
import { TRACED } from '../brokers/trace.ts'
import { answerJson, type Console, numberIn } from './console.ts'
import type { ConsoleRequest, Endpoint, Shape } from './endpoint.ts'

const ALERTS: Shape = [{ rule: 'string', severity: 'string', since: 'integer', summary: 'string', advice: 'string' }]
/** The report of a broker about itself, which the others show. */
const REPORT = {
  name: 'string',
  address: 'string?',
  url: 'string?',
  shard: 'string?',
  release: 'string?',
  role: 'string',
  state: 'string?',
  epoch: 'integer?',
  position: 'integer?',
  leaseMs: 'integer?',
  lagMs: 'integer?',
  startedAt: 'integer?',
  figures: 'any',
  alerts: ALERTS,
} as const satisfies Shape

export const BROKER_ENDPOINTS: readonly Endpoint[] = [
  {
    method: 'GET',
    path: '/v1/brokers',
    summary:
      'Lists the brokers of the cluster or of the log, and those that console-brokers names, with their figures. It waits for none of them.',
    query: {
      since: {
        doc: 'Points of charts behind this time, the `now` of the last answer; 0 unless said.',
        type: 'integer',
      },
    },
    answer: {
      now: 'integer',
      pointColumns: ['string'],
      brokers: [
        {
          ...REPORT,
          kind: 'string',
          self: 'boolean',
          behind: 'integer?',
          behindUnit: 'string',
          slots: [['integer']],
          reachable: 'any',
          since: 'integer?',
          reason: 'string?',
          points: [['number?']],
        },
      ],
    },
    handle: listBrokers,
  },
  {
    method: 'GET',
    path: '/v1/brokers/self',
    summary:
      'Tells the role of this broker, its last figures, and the alert rules that hold. Other brokers ask for it.',
    answer: { id: 'string', ...REPORT },
    handle: tellOfItself,
  },
  {
    method: 'GET',
    path: '/v1/stalls',
    summary: 'Lists the last stalls of the event loop, with what ran.',
    answer: {
      thresholdMs: 'integer',
      stalls: [{ at: 'integer', ms: 'integer', cause: 'string', what: 'string?', details: 'string?' }],
    },
    handle: listStalls,
  },
]

async function listStalls(console: Console, { exchange, visitor }: ConsoleRequest): Promise<void> {
  // A stall tells the words of a command, as the slow log does.
  await console.checkRight(exchange, visitor, ['SLOWLOG', 'LEN'])
  await console.checkRight(exchange, visitor, ['LATENCY', 'LATEST'])
  answerJson(exchange, { thresholdMs: STALL_MS_MIN, stalls: console.monitor.stalls.newest })
}

async function listBrokers(console: Console, { exchange, visitor }: ConsoleRequest): Promise<void> {
  await console.checkRight(exchange, visitor, ['INFO', 'server'])
  await console.checkRight(exchange, visitor, ['INFO', 'replication'])
  const sinceMs = numberIn(exchange, 'since', 0, Number.MAX_SAFE_INTEGER)
  const { brokers, engine, figures } = console
  brokers.look()
  const history = ownPoints(figures.history.fine, sinceMs)
  answerJson(exchange, {
    now: Math.floor(engine.environment.clock.now()),
    pointColumns: ['time', ...TRACED],
    brokers: brokerRows(engine, brokers, history, exchange.localAddress, sinceMs),
  })
}

async function tellOfItself(console: Console, { exchange, visitor }: ConsoleRequest): Promise<void> {
  await console.checkRight(exchange, visitor, ['INFO', 'server'])
  await console.checkRight(exchange, visitor, ['INFO', 'replication'])
  console.brokers.lookedAt()
  const { report } = console.brokers
  answerJson(exchange, { ...report, name: report.name || exchange.localAddress })
}
