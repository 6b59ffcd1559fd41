// The jobs of a queue: search, details and actions, for one job or for all that match.

import { performance } from '../../util/time/real-time.ts'
import type { Exchange } from '../exchanges/exchange.ts'
import { HttpError } from '../exchanges/http-error.ts'
import { changeJobs, changeOf, type JobChange } from '../jobs/job-actions.ts'
import { jobDetails } from '../jobs/job-details.ts'
import { idOf, type JobRow, rowCommands, rowOf } from '../jobs/job-row.ts'
import { JOB_SCRIPTS } from '../jobs/job-scripts.ts'
import { type FoundJob, type JobFilters, JobSearch, type SearchCursor } from '../jobs/job-search.ts'
import { JOB_STATES, type JobState, keyOf, type QueueName } from '../jobs/queue-keys.ts'
import type { RawAsker } from '../jobs/raw-client.ts'
import type { Asker } from './asker.ts'
import { answerJson, type Console, jsonBody, numberIn } from './console.ts'
import { type ConsoleRequest, DATABASE, type Endpoint, type Parameter, PREFIX, type Shape } from './endpoint.ts'
import { LineStream } from './line-stream.ts'
import { queueIn } from './queue-endpoints.ts'

const LIMIT = 100
const LIMIT_MAX = 1000
const PROGRESS_MS = 200
/** Rows and changes are asked for so many jobs at a time. */
const JOBS_AT_A_TIME = 50
/** Jobs that one action changes at most. */
const CHANGED_MAX = 1_000_000
const REFUSALS_SHOWN = 20

const OF_QUEUE = { prefix: PREFIX, db: DATABASE }
const FILTERS: Readonly<Record<string, Parameter>> = {
  ...OF_QUEUE,
  state: { doc: `A state: ${JOB_STATES.join(', ')}; all unless said.`, isList: true },
  id: { doc: 'The id of a job.' },
  text: {
    doc: 'A part of the name, the data, the failed reason or the value; small and capital ASCII letters are one.',
  },
  name: { doc: 'The whole name.' },
  data: { doc: 'A part of the data.' },
  reason: { doc: 'A part of the failed reason.' },
  from: {
    doc: 'Unix milliseconds: finished since then, or, of others than completed and failed jobs, made.',
    type: 'integer',
  },
  to: { doc: 'Unix milliseconds: finished or made until then.', type: 'integer' },
  order: { doc: 'newest (unless said) or oldest, within each state.' },
  limit: { doc: `The most jobs: ${LIMIT} unless said, at most ${LIMIT_MAX}.`, type: 'integer' },
  cursor: { doc: 'Goes on where an earlier search ended.' },
}
const JOB: Shape = {
  id: 'string',
  name: 'string',
  state: 'string?',
  timestamp: 'integer?',
  processedOn: 'integer?',
  finishedOn: 'integer?',
  delay: 'integer',
  priority: 'integer',
  attemptsMade: 'integer',
  attempts: 'integer?',
  failedReason: 'string?',
  data: 'string',
  dataBytes: 'integer',
  progress: 'any',
  parent: { queue: 'string', prefix: 'string', id: 'string' },
  runsAt: 'integer?',
  stalled: 'integer',
}
const RELATIVE: Shape = {
  queue: 'string',
  prefix: 'string',
  id: 'string',
  state: 'string?',
  name: 'string?',
  failedReason: 'string?',
}
const ACTIONS = Object.keys(JOB_SCRIPTS)

export const JOB_ENDPOINTS: readonly Endpoint[] = [
  {
    method: 'GET',
    path: '/v1/queues/{name}/jobs',
    summary: 'Searches the jobs of a queue. Each line is a job, the progress, or the end.',
    query: FILTERS,
    media: 'application/x-ndjson',
    answer: {
      job: JOB,
      progress: { looked: 'integer', of: 'integer', matched: 'integer' },
      end: { looked: 'integer', of: 'integer', matched: 'integer', cursor: 'string?', ms: 'integer' },
      error: 'string?',
    },
    statuses: { 404: 'There is no such queue.', 429: 'Too many searches run at a time.' },
    handle: searchJobs,
  },
  {
    method: 'GET',
    path: '/v1/queues/{name}/jobs/{id}',
    summary: 'Tells everything about a job.',
    query: OF_QUEUE,
    answer: {
      ...JOB,
      opts: 'any',
      returnvalue: 'string?',
      stacktrace: ['string'],
      logs: ['string'],
      logsTotal: 'integer',
      timeline: [{ at: 'integer', what: 'string' }],
      lock: { token: 'string', expiresInMs: 'integer?' },
      worker: 'string?',
      parent: RELATIVE,
      children: [RELATIVE],
      childrenTruncated: 'boolean',
    },
    statuses: { 404: 'There is no such job.' },
    handle: tellOfJob,
  },
  {
    method: 'POST',
    path: '/v1/queues/{name}/jobs/{id}/{action}',
    summary: `Changes a job. The action is one of ${ACTIONS.join(', ')}.`,
    query: OF_QUEUE,
    body: { delay: 'integer?', priority: 'integer?' },
    answer: { done: 'boolean', id: 'string?' },
    statuses: { 404: 'There is no such job.', 409: 'The state of the job does not allow it.' },
    handle: changeJob,
  },
  {
    method: 'POST',
    path: '/v1/queues/{name}/jobs/{action}',
    summary: `Changes all jobs that match. The action is one of ${ACTIONS.join(', ')}.`,
    query: FILTERS,
    body: { delay: 'integer?', priority: 'integer?' },
    media: 'application/x-ndjson',
    answer: {
      progress: { looked: 'integer', of: 'integer', matched: 'integer', done: 'integer', refused: 'integer' },
      end: {
        looked: 'integer',
        of: 'integer',
        matched: 'integer',
        done: 'integer',
        refused: 'integer',
        refusals: [{ id: 'string', error: 'string' }],
      },
      error: 'string?',
    },
    handle: changeMatching,
  },
]

/** How far a search is. */
interface Progress {
  looked: number
  of: number
  matched: number
}

async function searchJobs(console: Console, request: ConsoleRequest): Promise<void> {
  const { exchange, visitor } = request
  const asker = await console.askerOf(exchange, visitor)
  const queue = await queueIn(asker, request)
  const limit = Math.max(1, numberIn(exchange, 'limit', LIMIT, LIMIT_MAX))
  const filters = filtersIn(exchange)
  const begin = cursorIn(exchange)
  const id = exchange.query.get('id')
  if (id !== null && id !== '') return searchById(asker, queue, id, exchange)
  const started = performance.now()
  const progress: Progress = { looked: 0, of: 0, matched: 0 }
  const end = { cursor: null as string | null }
  await withSearch(console, request, new Filtered(queue, filters, begin), async (search, lines) => {
    // The first step is told at once: a reader sees how much there is to look at.
    let toldMs = started - PROGRESS_MS
    for await (const { cursor, found, looked, of } of search.steps()) {
      const wanted = found.slice(0, limit - progress.matched)
      const rows = await rowsOf(asker, queue, wanted)
      Object.assign(progress, { looked, of, matched: progress.matched + rows.length })
      await lines.send(rows.map((job) => ({ job })))
      if (lines.isOver) return undefined
      const last = wanted.at(-1)
      if (progress.matched >= limit || wanted.length < found.length) {
        end.cursor = cursorText(
          wanted.length < found.length && last !== undefined ? { state: last.state, at: last.at } : cursor,
        )
        break
      }
      if (performance.now() - toldMs < PROGRESS_MS) continue
      toldMs = performance.now()
      await lines.send([{ progress: { ...progress } }])
    }
    return { end: { ...progress, ...end, ms: Math.round(performance.now() - started) } }
  })
}

async function searchById(asker: Asker, queue: QueueName, id: string, exchange: Exchange): Promise<void> {
  const started = performance.now()
  const job = await jobDetails(asker, queue, id).catch((error: unknown) => {
    if (error instanceof HttpError && error.status === 404) return undefined
    throw error
  })
  const lines = new LineStream(exchange)
  if (job !== undefined) await lines.send([{ job: shortened(job as JobRow) }])
  const matched = job === undefined ? 0 : 1
  await lines.send([{ end: { looked: 1, of: 1, matched, cursor: null, ms: Math.round(performance.now() - started) } }])
  lines.end()
}

function shortened({ data, ...job }: JobRow): object {
  return { ...job, data: data.slice(0, 500) }
}

async function rowsOf(asker: Asker, queue: QueueName, found: readonly FoundJob[]): Promise<JobRow[]> {
  const rows: JobRow[] = []
  for (let i = 0; i < found.length; i += JOBS_AT_A_TIME) {
    const part = found.slice(i, i + JOBS_AT_A_TIME)
    const answers = await asker.ask(part.flatMap((job) => rowCommands(queue, idOf(job))))
    for (const [j, job] of part.entries()) {
      const row = rowOf(idOf(job), job.state, answers[2 * j], answers[2 * j + 1])
      // A job may be gone since it was found.
      if (row !== undefined) rows.push(row)
    }
  }
  return rows
}

/** A search that is still to be opened. */
class Filtered {
  readonly #queue: QueueName
  readonly #filters: JobFilters
  readonly #begin: SearchCursor | undefined

  constructor(queue: QueueName, filters: JobFilters, begin?: SearchCursor) {
    this.#queue = queue
    this.#filters = filters
    this.#begin = begin
  }

  open(client: RawAsker): JobSearch {
    return new JobSearch(client, this.#queue, this.#filters, this.#begin)
  }
}

/**
 * Opens a search, whose lines `run` sends; it returns the last line, if the other side is still
 * there.
 */
async function withSearch(
  console: Console,
  { exchange, visitor }: ConsoleRequest,
  filtered: Filtered,
  run: (search: JobSearch, lines: LineStream) => Promise<object | undefined>,
): Promise<void> {
  const release = console.searches.take(visitor.user)
  const session = console.gate.sessionOf(exchange)
  let ended = (): unknown => undefined
  let client: RawAsker | undefined
  try {
    client = await console.rawAskerOf(exchange, visitor)
    const lines = new LineStream(exchange)
    // A search goes on only while its visitor is signed in.
    session?.ended.add(lines.end)
    ended = () => session?.ended.delete(lines.end)
    const last = await run(filtered.open(client), lines).catch((error: unknown) => {
      if (!(error instanceof HttpError)) throw error
      return { error: error.message }
    })
    if (last !== undefined) await lines.send([last])
    lines.end()
  } finally {
    client?.end()
    ended()
    release()
  }
}

async function tellOfJob(console: Console, request: ConsoleRequest): Promise<void> {
  const { exchange, names, visitor } = request
  const asker = await console.askerOf(exchange, visitor)
  const queue = await queueIn(asker, request)
  answerJson(exchange, await jobDetails(asker, queue, names[1] ?? ''))
}

async function changeJob(console: Console, request: ConsoleRequest): Promise<void> {
  const { exchange, visitor } = request
  const [, id = '', action = ''] = request.names
  const asker = await console.askerOf(exchange, visitor)
  const change = changeOf(action, await jsonBody(console, exchange))
  const queue = await queueIn(asker, request)
  const [outcome] = await changeJobs(asker, queue, [id], change, console.engine.environment.clock.now())
  const error = outcome instanceof HttpError ? outcome.message : undefined
  const ok = error === undefined ? { ok: true } : { ok: false, error }
  console.audit.tell(exchange, visitor, { queue: keyOf(queue, ''), job: id, ...change, ...ok })
  if (outcome instanceof HttpError) throw outcome
  answerJson(exchange, typeof outcome === 'string' ? { done: true, id: outcome } : { done: true })
}

async function changeMatching(console: Console, request: ConsoleRequest): Promise<void> {
  const { exchange, visitor } = request
  const [, action = ''] = request.names
  const asker = await console.askerOf(exchange, visitor)
  const change = changeOf(action, await jsonBody(console, exchange))
  const queue = await queueIn(asker, request)
  // The oldest are changed first, so jobs that get one place, or one priority, keep their order.
  const filters = { ...filtersIn(exchange), newestFirst: false }
  await withSearch(console, request, new Filtered(queue, filters), async (search, lines) => {
    // All are found first: a job that changes leaves the list that is searched.
    const progress: Progress = { looked: 0, of: 0, matched: 0 }
    const ids: string[] = []
    for await (const { found, looked, of } of search.steps()) {
      for (const job of found) ids.push(idOf(job))
      Object.assign(progress, { looked, of, matched: ids.length })
      if (lines.isOver) return undefined
      if (ids.length >= CHANGED_MAX) break
    }
    const changing = { console, asker, queue, change, lines }
    const outcome = await changeAll(changing, ids, progress)
    console.audit.tell(exchange, visitor, { queue: keyOf(queue, ''), ...change, filters, ...outcome.counts, ok: true })
    return { end: { ...progress, ...outcome.counts, refusals: outcome.refusals } }
  })
}

interface Changing {
  readonly console: Console
  readonly asker: Asker
  readonly queue: QueueName
  readonly change: JobChange
  readonly lines: LineStream
}

interface Changed {
  readonly counts: { readonly done: number; readonly refused: number }
  readonly refusals: readonly { readonly id: string; readonly error: string }[]
}

/** Changes jobs, some at a time; it goes on to the end only while the other side is there. */
async function changeAll(changing: Changing, ids: readonly string[], progress: Progress): Promise<Changed> {
  const { asker, change, console, lines, queue } = changing
  const counts = { done: 0, refused: 0 }
  const refusals: { id: string; error: string }[] = []
  let toldMs = performance.now()
  for (let i = 0; i < ids.length && !lines.isOver; i += JOBS_AT_A_TIME) {
    const part = ids.slice(i, i + JOBS_AT_A_TIME)
    const outcomes = await changeJobs(asker, queue, part, change, console.engine.environment.clock.now())
    for (const [j, outcome] of outcomes.entries()) {
      if (!(outcome instanceof HttpError)) counts.done++
      else {
        counts.refused++
        if (refusals.length < REFUSALS_SHOWN) refusals.push({ id: part[j] ?? '', error: outcome.message })
      }
    }
    if (performance.now() - toldMs < PROGRESS_MS) continue
    toldMs = performance.now()
    await lines.send([{ progress: { ...progress, ...counts } }])
  }
  return { counts, refusals }
}

/** Throws HttpError. */
function filtersIn(exchange: Exchange): JobFilters {
  const { query } = exchange
  const asked = query
    .getAll('state')
    .flatMap((states) => states.split(','))
    .filter((state) => state !== '')
  for (const state of asked)
    if (!JOB_STATES.includes(state as JobState)) throw new HttpError(400, `a state is one of ${JOB_STATES.join(', ')}`)
  const order = query.get('order') ?? 'newest'
  if (order !== 'newest' && order !== 'oldest') throw new HttpError(400, 'order is newest or oldest')
  const text = (name: string): string | undefined => query.get(name) || undefined
  const time = (name: string): number | undefined =>
    query.get(name) === null || query.get(name) === ''
      ? undefined
      : numberIn(exchange, name, 0, Number.MAX_SAFE_INTEGER)
  return {
    states: asked.length === 0 ? JOB_STATES : JOB_STATES.filter((state) => asked.includes(state)),
    text: text('text'),
    name: text('name'),
    data: text('data'),
    reason: text('reason'),
    from: time('from'),
    to: time('to'),
    newestFirst: order === 'newest',
  }
}

function cursorText({ at, state }: SearchCursor): string {
  return `${state}.${at}`
}

/** Throws HttpError. */
function cursorIn({ query }: Exchange): SearchCursor | undefined {
  const text = query.get('cursor') || undefined
  if (text === undefined) return undefined
  const [, state = '', at] = /^([a-z-]+)\.(\d{1,15})$/.exec(text) ?? []
  if (!JOB_STATES.includes(state as JobState)) throw new HttpError(400, 'the cursor is one that a search ended with')
  return { state: state as JobState, at: Number(at) }
}
