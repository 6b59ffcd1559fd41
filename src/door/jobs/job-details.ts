// Everything about one job: its options, logs and stack, its parent and children, its lock.

import { type Asker, mapOf, numberOf, textOf, type Words } from '../console/asker.ts'
import { HttpError } from '../exchanges/http-error.ts'
import { jsonOf, rowCommands, rowOf } from './job-row.ts'
import { timelineOf } from './job-timeline.ts'
import { JOB_STATES, type JobState, keyOf, type QueueName, STATES, splitJobKey } from './queue-keys.ts'

const LOGS_MAX = 500
const CHILDREN_MAX = 200

/** Rejects with HttpError: 404 where there is no such job. */
export async function jobDetails(asker: Asker, queue: QueueName, id: string): Promise<object> {
  const key = keyOf(queue, id)
  const state = await stateOf(asker, queue, id)
  const [values, score, all] = await asker.ask([...rowCommands(queue, id), ['HGETALL', key]])
  const row = rowOf(id, state, values, score)
  if (row === undefined) throw new HttpError(404, 'there is no such job')
  const fields = mapOf(all)
  const [logs, logsTotal, token, lockMs] = await asker.tryAll([
    ['LRANGE', `${key}:logs`, '0', String(LOGS_MAX - 1)],
    ['LLEN', `${key}:logs`],
    ['GET', `${key}:lock`],
    ['PTTL', `${key}:lock`],
  ])
  const children = await childrenOf(asker, key)
  const stacktrace = listOf(jsonOf(fields.stacktrace))
  return {
    ...row,
    data: textOf(fields.data) ?? '',
    opts: jsonOf(fields.opts),
    returnvalue: textOf(fields.returnvalue) ?? null,
    stacktrace,
    logs: listOf(logs),
    logsTotal: numberOf(logsTotal) ?? 0,
    timeline: await timelineOf(asker, queue, row, stacktrace),
    lock: typeof token === 'string' ? { token, expiresInMs: numberOf(lockMs) } : null,
    worker: textOf(fields.pb ?? fields.processedBy) ?? null,
    parent: row.parent === null ? null : await relative(asker, { ...row.parent, failedReason: null }),
    children: await Promise.all(children.slice(0, CHILDREN_MAX).map((child) => relative(asker, child))),
    childrenTruncated: children.length > CHILDREN_MAX,
  }
}

/** The state of a job; null = it is in none. */
export async function stateOf(asker: Asker, queue: QueueName, id: string): Promise<JobState | null> {
  const sorted = JOB_STATES.filter((state) => STATES[state].type === 'zset')
  const lists = JOB_STATES.filter((state) => STATES[state].type === 'list')
  const scores = await asker.ask(sorted.map((state) => ['ZSCORE', keyOf(queue, STATES[state].key), id]))
  const inSorted = sorted.find((_, i) => scores[i] !== null)
  if (inSorted !== undefined) return inSorted
  // A long list is searched for long, so lists are asked last.
  const places = await asker.ask(lists.map((state) => ['LPOS', keyOf(queue, STATES[state].key), id]))
  return lists.find((_, i) => places[i] !== null) ?? null
}

interface Relative {
  readonly prefix: string
  readonly queue: string
  readonly id: string
  readonly failedReason: string | null
}

/** BullMQ keeps children that wait, that finished, and that failed, each in a key of its own. */
async function childrenOf(asker: Asker, key: string): Promise<Relative[]> {
  const commands: Words[] = [
    ['SRANDMEMBER', `${key}:dependencies`, String(CHILDREN_MAX + 1)],
    ['HKEYS', `${key}:processed`],
    ['HGETALL', `${key}:failed`],
    ['ZRANGE', `${key}:unsuccessful`, '0', String(CHILDREN_MAX)],
  ]
  const [waiting, processed, failed, unsuccessful] = await asker.tryAll(commands)
  const reasons = mapOf(failed)
  const keys = [...listOf(waiting), ...listOf(processed), ...Object.keys(reasons), ...listOf(unsuccessful)]
  return keys.slice(0, CHILDREN_MAX + 1).flatMap((child) => {
    const found = splitJobKey(textOf(child) ?? '')
    return found === undefined ? [] : [{ ...found, failedReason: textOf(reasons[String(child)]) ?? null }]
  })
}

async function relative(asker: Asker, { failedReason, id, prefix, queue }: Relative): Promise<object> {
  const name: QueueName = { prefix, name: queue, kind: 'bullmq' }
  try {
    const [fields] = await asker.ask([['HMGET', keyOf(name, id), 'name', 'failedReason']])
    const [jobName, reason] = listOf(fields)
    const state = await stateOf(asker, name, id)
    const why = failedReason ?? textOf(reason) ?? null
    return { queue, prefix, id, state, name: textOf(jobName) ?? null, failedReason: why }
  } catch (error) {
    if (!(error instanceof HttpError)) throw error
    // The user may not read that queue.
    return { queue, prefix, id, state: null, name: null, failedReason }
  }
}

export function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : []
}
