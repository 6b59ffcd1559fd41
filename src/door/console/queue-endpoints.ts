// /v1/queues: the queues of BullMQ and Bull that were found, and lists and streams that serve as
// queues.

import type { Engine } from '../../commands/call.ts'
import { databaseOf as databaseOfName, keyOf as keyOfName, nameKey } from '../../engine/data/key-name.ts'
import type { Parked } from '../../engine/waiting/blocking.ts'
import type { KnownQueue } from '../../monitoring/known-queues.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { HttpError } from '../exchanges/http-error.ts'
import { pauseQueue } from '../jobs/job-actions.ts'
import {
  kindOf,
  listClients,
  type QueueRow,
  queueDetails,
  queueRow,
  type RateOf,
  workersOf,
} from '../jobs/queue-figures.ts'
import { keyOf, type QueueName } from '../jobs/queue-keys.ts'
import { latin1Of } from '../routes/names.ts'
import { type Asker, mapOf, numberOf, textOf } from './asker.ts'
import { answerJson, type Console, databaseOf } from './console.ts'
import { type ConsoleRequest, DATABASE, type Endpoint, PREFIX, type Shape } from './endpoint.ts'

const SHOWN_MAX = 20
const PENDING_MAX = 100
const LISTS_MAX = 200
const WAITERS_MAX = 200

const ROW: Shape = {
  name: 'string',
  prefix: 'string',
  db: 'integer',
  kind: 'string',
  isPaused: 'boolean',
  backlog: 'integer',
  oldestMs: 'integer?',
  counts: 'object',
  rates: { added: 'number?', finished: 'number?' },
  workers: 'integer?',
}
const OF_QUEUE = { prefix: PREFIX, db: DATABASE }

export const QUEUE_ENDPOINTS: readonly Endpoint[] = [
  {
    method: 'GET',
    path: '/v1/queues',
    summary: 'Lists the queues of BullMQ and Bull, lists on which clients wait, and streams with groups.',
    query: { db: DATABASE },
    answer: {
      queues: [ROW],
      searching: 'boolean',
      lists: [{ name: 'string', length: 'integer', waitingClients: 'integer' }],
      streams: [{ name: 'string', length: 'integer', groups: 'integer' }],
    },
    handle: listQueues,
  },
  {
    method: 'GET',
    path: '/v1/queues/{name}/details',
    summary: 'Tells of one queue: its figures, settings, workers, schedulers and metrics.',
    query: OF_QUEUE,
    answer: {
      ...ROW,
      meta: 'object',
      concurrency: 'integer?',
      rateLimit: { max: 'integer', durationMs: 'integer?' },
      workers: [{ id: 'integer?', name: 'string', address: 'string', ageSeconds: 'integer?', idleSeconds: 'integer?' }],
      schedulers: [
        {
          id: 'string',
          name: 'string',
          pattern: 'string?',
          everyMs: 'integer?',
          tz: 'string?',
          next: 'integer?',
          limit: 'integer?',
          ran: 'integer?',
          endAt: 'integer?',
        },
      ],
      metrics: {
        completed: { count: 'integer', perMinute: ['integer'] },
        failed: { count: 'integer', perMinute: ['integer'] },
      },
    },
    statuses: { 404: 'There is no such queue.' },
    handle: tellOfQueue,
  },
  ...(['pause', 'resume'] as const).map(
    (what): Endpoint => ({
      method: 'POST',
      path: `/v1/queues/{name}/${what}`,
      summary: what === 'pause' ? 'Pauses a queue: no worker takes a job.' : 'Resumes a queue.',
      query: OF_QUEUE,
      answer: { done: 'boolean' },
      handle: (console, request) => changeQueue(console, request, what),
    }),
  ),
  {
    method: 'GET',
    path: '/v1/lists/{name}',
    summary: 'Tells of a list: its ends, and the clients that wait for an element.',
    query: { db: DATABASE },
    answer: {
      name: 'string',
      length: 'integer',
      waiting: [{ clientId: 'integer', name: 'string', address: 'string', command: 'string', waitsMs: 'integer?' }],
      head: ['string'],
      tail: ['string'],
    },
    handle: tellOfList,
  },
  {
    method: 'GET',
    path: '/v1/streams/{name}',
    summary: 'Tells of a stream: its groups, their consumers, and the entries that wait for an acknowledgement.',
    query: { db: DATABASE },
    answer: {
      name: 'string',
      length: 'integer',
      firstId: 'string?',
      lastId: 'string?',
      entriesAdded: 'integer',
      bytes: 'integer?',
      groups: [
        {
          name: 'string',
          consumers: [{ name: 'string', pending: 'integer', idleMs: 'integer', inactiveMs: 'integer' }],
          pending: 'integer',
          lastDeliveredId: 'string',
          lag: 'integer?',
          pendingEntries: [{ id: 'string', consumer: 'string', idleMs: 'integer', deliveries: 'integer' }],
        },
      ],
    },
    handle: tellOfStream,
  },
]

/** The queue that a request names. Rejects with HttpError: 404 where there is none. */
export async function queueIn(asker: Asker, { exchange, names: [name = ''] }: ConsoleRequest): Promise<QueueName> {
  const prefix = exchange.query.get('prefix') ?? 'bull'
  const kind = await kindOf(asker, prefix, name)
  if (kind === undefined) throw new HttpError(404, 'there is no such queue')
  return { prefix, name, kind }
}

async function listQueues(console: Console, { exchange, visitor }: ConsoleRequest): Promise<void> {
  const { engine, monitor } = console
  const database = databaseOf(exchange)
  const asker = await console.askerOf(exchange, visitor)
  monitor.queues.look()
  const clients = await listClients(asker)
  const context = { nowMs: engine.environment.clock.now(), rateOf: rateOf(console), clients }
  const isHere = ({ db }: KnownQueue): boolean => db.index === database
  const known = [
    ...[...monitor.queues.bullmq].filter(isHere).map((queue) => nameOf(queue, 'bullmq')),
    ...[...monitor.queues.bull].filter(isHere).map((queue) => nameOf(queue, 'bull')),
  ]
  const rows: QueueRow[] = []
  for (const queue of known) {
    const row = await queueRow(asker, { ...queue, db: database }, context)
    if (row !== undefined) rows.push(row)
  }
  answerJson(exchange, {
    queues: rows,
    searching: monitor.queues.isLooking,
    lists: await listsOf(console, asker, database),
    streams: await streamsOf(asker, [...monitor.queues.streams].filter(isHere)),
  })
}

function rateOf({ monitor }: Console): RateOf {
  return (name, count) => monitor.rates.rateOf(name, count)
}

function nameOf({ name }: KnownQueue, kind: QueueName['kind']): QueueName {
  const colon = name.lastIndexOf(':')
  const shown = (latin1: string): string => Buffer.from(latin1, 'latin1').toString('utf8')
  return { prefix: shown(name.slice(0, Math.max(0, colon))), name: shown(name.slice(colon + 1)), kind }
}

/** Lists that the metrics name, and keys that clients wait for. */
async function listsOf({ engine, monitor }: Console, asker: Asker, database: number): Promise<object[]> {
  const names = new Set<string>()
  for (const { db, name } of monitor.queues.keys) if (db.index === database) names.add(name)
  for (const topic of engine.blocking.room.keys()) {
    if (databaseOfName(topic) === database) names.add(keyOfName(topic).toString())
  }
  const latin1 = [...names].slice(0, LISTS_MAX)
  const lists = latin1.map((name) => Buffer.from(name, 'latin1').toString('utf8'))
  const lengths = await asker.tryAll(lists.map((name) => ['LLEN', name]))
  return lists.flatMap((name, i) => {
    const length = lengths[i]
    // It is of another type, or the user may not read it.
    if (length instanceof HttpError) return []
    return [{ name, length, waitingClients: waitersOn(engine, database, latin1[i] ?? '').length }]
  })
}

/** The clients that wait for a key, in their order. */
function waitersOn({ blocking }: Engine, database: number, name: string): Parked[] {
  const found: Parked[] = []
  blocking.room.forEachOn(nameKey(database, Bytes.from(name)), ({ owner }) => found.push(owner) < WAITERS_MAX)
  return found
}

async function streamsOf(asker: Asker, streams: readonly KnownQueue[]): Promise<object[]> {
  const names = streams.map(({ name }) => Buffer.from(name, 'latin1').toString('utf8'))
  const infos = await asker.tryAll(names.map((name) => ['XINFO', 'STREAM', name]))
  return names.flatMap((name, i) => {
    if (infos[i] instanceof HttpError) return []
    const { groups, length } = mapOf(infos[i])
    return [{ name, length, groups }]
  })
}

async function tellOfQueue(console: Console, request: ConsoleRequest): Promise<void> {
  const { exchange, visitor } = request
  const asker = await console.askerOf(exchange, visitor)
  const queue = { ...(await queueIn(asker, request)), db: databaseOf(exchange) }
  const clients = await listClients(asker)
  const nowMs = console.engine.environment.clock.now()
  const row = await queueRow(asker, queue, { nowMs, rateOf: rateOf(console), clients })
  if (row === undefined) throw new HttpError(403, 'NOPERM this user may not read all keys of the queue')
  answerJson(exchange, { ...row, ...(await queueDetails(asker, queue)), workers: workersOf(queue, clients) ?? [] })
}

async function changeQueue(console: Console, request: ConsoleRequest, what: 'pause' | 'resume'): Promise<void> {
  const { exchange, visitor } = request
  const asker = await console.askerOf(exchange, visitor)
  const queue = await queueIn(asker, request)
  await pauseQueue(asker, queue, what)
  console.audit.tell(exchange, visitor, { queue: keyOf(queue, ''), action: what, ok: true })
  answerJson(exchange, { done: true })
}

async function tellOfList(console: Console, { exchange, names: [name = ''], visitor }: ConsoleRequest): Promise<void> {
  const asker = await console.askerOf(exchange, visitor)
  const [length, head, tail] = await asker.ask([
    ['LLEN', name],
    ['LRANGE', name, '0', String(SHOWN_MAX - 1)],
    ['LRANGE', name, String(-SHOWN_MAX), '-1'],
  ])
  const nowMs = console.engine.environment.clock.now()
  // The addresses of other clients are told to those alone who may list clients.
  const clients = await listClients(asker)
  const waiting = waitersOn(console.engine, databaseOf(exchange), latin1Of(name)).map(({ client, command }) => ({
    clientId: client.id,
    name: clients === undefined ? '' : client.identity.name,
    address: clients === undefined ? '' : client.connection.transport.address,
    command: command.name.toUpperCase(),
    waitsMs: Math.max(0, Math.round(nowMs - client.activity.lastActiveMs)),
  }))
  answerJson(exchange, { name, length, waiting, head, tail })
}

async function tellOfStream(
  console: Console,
  { exchange, names: [name = ''], visitor }: ConsoleRequest,
): Promise<void> {
  const asker = await console.askerOf(exchange, visitor)
  const [info, list] = await asker.ask([
    ['XINFO', 'STREAM', name],
    ['XINFO', 'GROUPS', name],
  ])
  const [bytes] = await asker.tryAll([['MEMORY', 'USAGE', name]])
  const fields = mapOf(info)
  const firstOf = (entry: unknown): string | null => (Array.isArray(entry) ? (textOf(entry[0]) ?? null) : null)
  const groups: object[] = []
  for (const group of (list as unknown[]).map(mapOf)) groups.push(await tellOfGroup(asker, name, group))
  answerJson(exchange, {
    name,
    length: fields.length,
    firstId: firstOf(fields['first-entry']),
    lastId: firstOf(fields['last-entry']),
    entriesAdded: fields['entries-added'],
    bytes: bytes instanceof HttpError ? null : bytes,
    groups,
  })
}

async function tellOfGroup(asker: Asker, stream: string, group: Readonly<Record<string, unknown>>): Promise<object> {
  const name = textOf(group.name) ?? ''
  const [consumers, pending] = await asker.ask([
    ['XINFO', 'CONSUMERS', stream, name],
    ['XPENDING', stream, name, '-', '+', String(PENDING_MAX)],
  ])
  return {
    name,
    consumers: (consumers as unknown[]).map(mapOf).map((consumer) => ({
      name: consumer.name,
      pending: consumer.pending,
      idleMs: consumer.idle,
      inactiveMs: consumer.inactive,
    })),
    pending: group.pending,
    lastDeliveredId: group['last-delivered-id'],
    lag: numberOf(group.lag),
    pendingEntries: (pending as unknown[][]).map(([id, consumer, idleMs, deliveries]) => ({
      id,
      consumer,
      idleMs,
      deliveries,
    })),
  }
}
