// The figures of queues: a row for each, and the details of one. All are replies to commands of the
// user who asks.

import { type Asker, mapOf, numberOf, textOf, type Words } from '../console/asker.ts'
import { HttpError } from '../exchanges/http-error.ts'
import { listOf } from './job-details.ts'
import { jsonOf, optionsOf } from './job-row.ts'
import { JOB_STATES, type JobState, keyOf, type QueueName, STATES, workerName } from './queue-keys.ts'

const SCHEDULERS_MAX = 200
/** Minutes of BullMQ's own metrics. */
const MINUTES_MAX = 60

/** Notes a count, and returns its growth a second; null at first. */
export type RateOf = (name: string, count: number) => number | null

export interface QueueRow extends QueueName {
  readonly db: number
  readonly isPaused: boolean
  readonly backlog: number
  readonly oldestMs: number | null
  readonly counts: Readonly<Record<JobState, number>>
  readonly rates: { readonly added: number | null; readonly finished: number | null } | null
  readonly workers: number | null
}

export interface Worker {
  readonly id: number | null
  readonly name: string
  readonly address: string
  readonly ageSeconds: number | null
  readonly idleSeconds: number | null
}

/** A client in CLIENT LIST, by its fields. */
type ListedClient = ReadonlyMap<string, string>

/** Returns the clients that the user may see; undefined = none. */
export async function listClients(asker: Asker): Promise<ListedClient[] | undefined> {
  const [list] = await asker.tryAll([['CLIENT', 'LIST']])
  const text = list instanceof HttpError ? undefined : textOf(list)
  return text
    ?.split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const pairs = line.split(' ').map((field): [string, string] => {
        const at = field.indexOf('=')
        return [field.slice(0, at), field.slice(at + 1)]
      })
      return new Map(pairs)
    })
}

export function workersOf(queue: QueueName, clients: readonly ListedClient[] | undefined): Worker[] | undefined {
  const name = workerName(queue)
  return clients
    ?.filter((client) => {
      const own = client.get('name') ?? ''
      return own === name || own.startsWith(`${name}:w:`)
    })
    .map((client) => ({
      id: numberOf(client.get('id')),
      name: client.get('name')?.slice(name.length).replace(/^:w:/, '') ?? '',
      address: client.get('addr') ?? '',
      ageSeconds: numberOf(client.get('age')),
      idleSeconds: numberOf(client.get('idle')),
    }))
}

/** Returns the row of a queue; undefined = there is none, or the user may not read it. */
export async function queueRow(
  asker: Asker,
  queue: QueueName & { readonly db: number },
  { nowMs, rateOf, clients }: { nowMs: number; rateOf: RateOf; clients: readonly ListedClient[] | undefined },
): Promise<QueueRow | undefined> {
  const commands: Words[] = [
    ['GET', keyOf(queue, 'id')],
    queue.kind === 'bullmq' ? ['HGET', keyOf(queue, 'meta'), 'paused'] : ['GET', keyOf(queue, 'meta-paused')],
    ...JOB_STATES.map((state) => [STATES[state].type === 'list' ? 'LLEN' : 'ZCARD', keyOf(queue, STATES[state].key)]),
    ['LINDEX', keyOf(queue, 'wait'), '-1'],
    ['LINDEX', keyOf(queue, 'paused'), '-1'],
    ['ZRANGE', keyOf(queue, 'prioritized'), '0', '0'],
  ]
  const answers = await asker.tryAll(commands)
  if (answers.some((answer) => answer instanceof HttpError)) return undefined
  const [id, paused, ...others] = answers
  const counts = Object.fromEntries(JOB_STATES.map((state, i) => [state, Number(others[i])])) as Record<
    JobState,
    number
  >
  const first = others
    .slice(JOB_STATES.length)
    .flat()
    .filter((each) => typeof each === 'string')
  const { active, delayed, paused: held, prioritized, waiting } = counts
  const backlog = waiting + held + prioritized
  const added = numberOf(id) ?? 0
  const unfinished = backlog + active + delayed + counts['waiting-children']
  const key = `${queue.db} ${keyOf(queue, '')}`
  const rates = {
    added: rateOf(`added ${key}`, added),
    finished: rateOf(`finished ${key}`, Math.max(0, added - unfinished)),
  }
  return {
    ...queue,
    isPaused: paused !== null,
    backlog,
    oldestMs: backlog === 0 ? null : await oldestOf(asker, queue, first, nowMs),
    counts,
    rates: rates.added === null && rates.finished === null ? null : rates,
    workers: workersOf(queue, clients)?.length ?? null,
  }
}

async function oldestOf(asker: Asker, queue: QueueName, ids: readonly string[], nowMs: number): Promise<number | null> {
  const times = await asker.ask(ids.map((id) => ['HGET', keyOf(queue, id), 'timestamp']))
  const known = times.map(numberOf).filter((time) => time !== null)
  return known.length === 0 ? null : Math.max(0, Math.round(nowMs - Math.min(...known)))
}

/**
 * The kind of a queue, by its keys; undefined = there is none of that name. Rejects with HttpError.
 */
export async function kindOf(asker: Asker, prefix: string, name: string): Promise<QueueName['kind'] | undefined> {
  const queue = { prefix, name }
  const [meta, events, id] = await asker.ask([
    ['HMGET', keyOf(queue, 'meta'), 'opts.maxLenEvents', 'version'],
    ['EXISTS', keyOf(queue, 'events')],
    ['EXISTS', keyOf(queue, 'id')],
  ])
  if (events === 1 || listOf(meta).some((field) => field !== null)) return 'bullmq'
  return id === 1 ? 'bull' : undefined
}

/** Rejects with HttpError. */
export async function queueDetails(asker: Asker, queue: QueueName): Promise<object> {
  const [meta] = await asker.ask([['HGETALL', keyOf(queue, 'meta')]])
  const fields = mapOf(meta)
  const max = numberOf(fields.max)
  const concurrency = numberOf(fields.concurrency)
  return {
    meta: Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, textOf(value) ?? null])),
    concurrency,
    rateLimit: max === null ? null : { max, durationMs: numberOf(fields.duration) },
    schedulers: queue.kind === 'bullmq' ? await schedulersOf(asker, queue) : await repeatablesOf(asker, queue),
    metrics: { completed: await metricsOf(asker, queue, 'completed'), failed: await metricsOf(asker, queue, 'failed') },
  }
}

async function schedulersOf(asker: Asker, queue: QueueName): Promise<object[]> {
  const [list] = await asker.ask([['ZRANGE', keyOf(queue, 'repeat'), '0', String(SCHEDULERS_MAX - 1), 'WITHSCORES']])
  const next = mapOf(list)
  const ids = Object.keys(next)
  const hashes = await asker.tryAll(ids.map((id) => ['HGETALL', keyOf(queue, `repeat:${id}`)]))
  return ids.map((id, i) => {
    const fields = mapOf(hashes[i])
    return {
      id,
      name: textOf(fields.name) ?? id,
      pattern: textOf(fields.pattern ?? fields.cron) ?? null,
      everyMs: numberOf(fields.every),
      tz: textOf(fields.tz) ?? null,
      next: numberOf(next[id]),
      limit: numberOf(fields.limit),
      ran: numberOf(fields.ic),
      endAt: numberOf(fields.endDate),
      data: jsonOf(fields.data),
      opts: optionsOf(fields.opts),
    }
  })
}

/** Bull has no more than a name for each: `NAME:ID:END:ZONE:PATTERN`, or `NAME:ID:END:EVERY`. */
async function repeatablesOf(asker: Asker, queue: QueueName): Promise<object[]> {
  const [list] = await asker.ask([['ZRANGE', keyOf(queue, 'repeat'), '0', String(SCHEDULERS_MAX - 1), 'WITHSCORES']])
  return Object.entries(mapOf(list)).map(([id, next]) => {
    const [name = id, , endAt, zoneOrEvery, pattern] = id.split(':')
    return {
      id,
      name,
      pattern: pattern ?? null,
      everyMs: pattern === undefined ? numberOf(zoneOrEvery) : null,
      tz: pattern === undefined ? null : zoneOrEvery || null,
      next: numberOf(next),
      limit: null,
      ran: null,
      endAt: numberOf(endAt),
      data: null,
      opts: {},
    }
  })
}

/** BullMQ counts finished jobs by the minute where a worker asks for it. */
async function metricsOf(asker: Asker, queue: QueueName, what: 'completed' | 'failed'): Promise<object | null> {
  const key = keyOf(queue, `metrics:${what}`)
  const [count, points] = await asker.tryAll([
    ['HGET', key, 'count'],
    ['LRANGE', `${key}:data`, '0', String(MINUTES_MAX - 1)],
  ])
  if (typeof count !== 'string') return null
  return { count: numberOf(count), perMinute: listOf(points).map((point) => numberOf(point) ?? 0) }
}
