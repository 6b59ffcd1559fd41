// /v1/queues: the queues of BullMQ and Bull that were found, and lists and streams that serve as
// queues.

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
import { type Asker, mapOf, numberOf, textOf } from './asker.ts'
import { answerJson, type Console } from './console.ts'
import { type ConsoleRequest, DATABASE, type Endpoint, PREFIX, type Shape } from './endpoint.ts'

const SHOWN_MAX = 20
const PENDING_MAX = 100

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
      waitingIsOfList: 'boolean',
      waiting: [{ clientId: 'integer?', name: 'string', address: 'string', command: 'string', waitsMs: 'integer?' }],
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
  const database = console.databaseOf(exchange)
  const asker = await console.askerOf(exchange, visitor)
  const found = await console.view.findQueues(asker, database)
  const clients = await listClients(asker)
  const context = { nowMs: console.engine.environment.clock.now(), rateOf: rateOf(console), clients }
  const queues: QueueRow[] = []
  for (const queue of found.queues) {
    const row = await queueRow(asker, { ...queue, db: database }, context)
    if (row !== undefined) queues.push(row)
  }
  answerJson(exchange, {
    queues,
    searching: found.isLooking,
    lists: await listsOf(console, asker, database, found.lists),
    streams: await streamsOf(asker, found.streams),
  })
}

function rateOf({ monitor }: Console): RateOf {
  return (name, count) => monitor.rates.rateOf(name, count)
}

/** Lists that the metrics name, and keys that clients wait for; of another server, all lists. */
async function listsOf({ view }: Console, asker: Asker, database: number, names: readonly string[]): Promise<object[]> {
  const lengths = await asker.tryAll(names.map((name) => ['LLEN', name]))
  const rows: object[] = []
  for (const [i, name] of names.entries()) {
    const length = lengths[i]
    // It is of another type, or the user may not read it.
    if (length instanceof HttpError) continue
    const { clients } = length === 0 ? await view.waitersOn(asker, database, name) : { clients: [] }
    rows.push({ name, length, waitingClients: clients.length })
  }
  return rows
}

async function streamsOf(asker: Asker, names: readonly string[]): Promise<object[]> {
  const infos = await asker.tryAll(names.map((name) => ['XINFO', 'STREAM', name]))
  return names.flatMap((name, i) => {
    if (infos[i] instanceof HttpError) return []
    const { groups, length } = mapOf(infos[i])
    if (groups === 0) return []
    return [{ name, length, groups }]
  })
}

async function tellOfQueue(console: Console, request: ConsoleRequest): Promise<void> {
  const { exchange, visitor } = request
  const asker = await console.askerOf(exchange, visitor)
  const queue = { ...(await queueIn(asker, request)), db: console.databaseOf(exchange) }
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
  // An element that is there is taken at once: no client waits.
  const { areOfThisList, clients } =
    length === 0
      ? await console.view.waitersOn(asker, console.databaseOf(exchange), name)
      : { clients: [], areOfThisList: true }
  answerJson(exchange, { name, length, waiting: clients, waitingIsOfList: areOfThisList, head, tail })
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
