// When what happened to a job. Its hash has the times of its last attempt alone; those before stand
// in BullMQ's stream of events, as long as the queue keeps them.

import { type Asker, mapOf, textOf } from '../console/asker.ts'
import { HttpError } from '../exchanges/http-error.ts'
import type { JobRow } from './job-row.ts'
import { keyOf, type QueueName } from './queue-keys.ts'

export interface TimelineEntry {
  readonly at: number
  readonly what: string
}

/** The stream is read in such parts, between which others are served. */
const EVENTS_AT_A_TIME = 500
/** BullMQ keeps ten thousand events unless said. */
const EVENTS_MAX = 10_000
/** The clocks of those who make jobs, and the broker's, differ. */
const CLOCKS_DIFFER_MS = 1000

interface JobEvent {
  readonly at: number
  readonly event: string
  readonly prev: string
}

/** A start of a job, and how it ended. */
interface Attempt {
  readonly startedAt: number
  endedAt?: number
  hasStalled: boolean
}

/** `stacks`: those of its failures, the oldest first. Rejects with HttpError. */
export async function timelineOf(
  asker: Asker,
  queue: QueueName,
  row: JobRow,
  stacks: readonly unknown[],
): Promise<TimelineEntry[]> {
  const { delay, finishedOn, processedOn, runsAt, state, timestamp } = row
  const entries: TimelineEntry[] = []
  const add = (at: number | null, what: string): void => {
    if (at !== null) entries.push({ at, what })
  }
  const attempts = attemptsIn(await eventsOf(asker, queue, row))
  add(timestamp, 'added')
  if (timestamp !== null && delay > 0 && runsAt === null) add(timestamp + delay, 'delayed until')
  if (attempts.length > 1) entries.push(...entriesOf(attempts, row, stacks))
  else add(processedOn, 'started')
  add(runsAt, 'runs at')
  // A job that is done keeps the reason of an earlier failure.
  add(finishedOn, state === 'failed' ? 'failed' : 'finished')
  return entries.sort((a, b) => a.at - b.at)
}

/** The events of a job; none where its hash has all, and where the user may not read them. */
async function eventsOf(asker: Asker, queue: QueueName, row: JobRow): Promise<JobEvent[]> {
  const { attemptsMade, finishedOn, id, processedOn, stalled, timestamp } = row
  const attempts = attemptsMade + (finishedOn === null && processedOn !== null ? 1 : 0)
  if (queue.kind !== 'bullmq' || timestamp === null || (attempts < 2 && stalled === 0)) return []
  const to = finishedOn === null ? '+' : String(finishedOn + CLOCKS_DIFFER_MS)
  let from = String(timestamp - CLOCKS_DIFFER_MS)
  const events: JobEvent[] = []
  for (let read = 0; read < EVENTS_MAX; read += EVENTS_AT_A_TIME) {
    const [part] = await asker.tryAll([['XRANGE', keyOf(queue, 'events'), from, to, 'COUNT', String(EVENTS_AT_A_TIME)]])
    if (part instanceof HttpError || !Array.isArray(part)) return events
    const entries = part as [string, unknown[]][]
    for (const [entryId, list] of entries) {
      const fields = mapOf(list)
      if (textOf(fields.jobId) !== id) continue
      events.push({
        at: Number(entryId.split('-')[0]),
        event: textOf(fields.event) ?? '',
        prev: textOf(fields.prev) ?? '',
      })
    }
    const last = entries.at(-1)
    if (last === undefined || entries.length < EVENTS_AT_A_TIME) return events
    from = `(${last[0]}`
  }
  return events
}

function attemptsIn(events: readonly JobEvent[]): Attempt[] {
  const attempts: Attempt[] = []
  for (const { at, event, prev } of events) {
    const last = attempts.at(-1)
    if (event === 'active') attempts.push({ startedAt: at, hasStalled: false })
    else if (last === undefined) continue
    else if (event === 'stalled') last.hasStalled = true
    else if (event === 'delayed' || (event === 'waiting' && prev === 'active')) last.endedAt ??= at
  }
  return attempts
}

function entriesOf(attempts: readonly Attempt[], { state }: JobRow, stacks: readonly unknown[]): TimelineEntry[] {
  const entries: TimelineEntry[] = []
  const returned = attempts.filter(({ endedAt, hasStalled }) => endedAt !== undefined && !hasStalled)
  // A worker may give a job back without a failure, and then no reason can be assigned.
  const own = state === 'failed' ? stacks.slice(0, -1) : stacks
  const isTold = own.length === returned.length
  for (const [i, attempt] of attempts.entries()) {
    const { endedAt, hasStalled, startedAt } = attempt
    const name = `attempt ${i + 1}`
    entries.push({ at: startedAt, what: `${name} started` })
    if (endedAt === undefined) continue
    const reason = firstLineOf(own[returned.indexOf(attempt)])
    entries.push({
      at: endedAt,
      what: hasStalled ? `${name} stalled` : isTold ? `${name} failed: ${reason}` : `${name} ended`,
    })
  }
  return entries
}

function firstLineOf(stack: unknown): string {
  return String(stack ?? '')
    .split('\n', 1)
    .join('')
    .replace(/^Error: /, '')
}
