// One queue: its jobs by state and search, schedulers, workers; changes for all jobs that match.

import { useEffect, useState } from 'preact/hooks'
import { get, lines, part, post, Refusal } from '../data/api.ts'
import { count, counted, duration, rate } from '../data/format.ts'
import { link, useRoute } from '../data/route.ts'
import { useLoad } from '../data/use-load.ts'
import { ask } from '../parts/change.tsx'
import { Choice, Empty, Facts, Page, RefusalLine, Search, Tabs, Time, Waiting } from '../parts/page.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { useDatabase } from '../shell/broker.ts'
import { JOB_CHANGES, type Job, type JobChange, type Where } from './job-changes.ts'
import { type Queue, STATES } from './queues.tsx'

interface Details extends Omit<Queue, 'workers'> {
  readonly meta: Readonly<Record<string, string>>
  readonly concurrency: number | null
  readonly rateLimit: { readonly max: number; readonly durationMs: number } | null
  readonly workers: readonly Worker[] | null
  readonly schedulers: readonly Scheduler[]
}

interface Worker {
  readonly id: string
  readonly name: string
  readonly address: string
  readonly ageSeconds: number
  readonly idleSeconds: number
}

interface Scheduler {
  readonly id: string
  readonly name: string | null
  readonly pattern: string | null
  readonly everyMs: number | null
  readonly tz: string | null
  readonly next: number | null
  readonly ran: number | null
}

interface Progress {
  readonly looked: number
  readonly of: number
  readonly matched: number
}

type Found =
  | { readonly job: Job }
  | { readonly progress: Progress }
  | { readonly end: Progress & { readonly cursor: string | null; readonly ms: number } }
  | { readonly error: string }

/** How many jobs one search shows. */
const LIMIT = 200

export function QueuePage({ name }: { name: string }) {
  const { query } = useRoute()
  const where: Where = { prefix: query.get('prefix') ?? 'bull', db: useDatabase() }
  const view = query.get('view') ?? 'jobs'
  const { data, refusal, reload } = useLoad(
    `${name} ${where.prefix} ${where.db}`,
    (signal) => get<Details>(`queues/${part(name)}/details`, { ...where }, signal),
    2000,
  )
  const pause = (verb: 'pause' | 'resume'): void =>
    ask({
      title: verb === 'pause' ? `Pause ${name}?` : `Resume ${name}?`,
      text:
        verb === 'pause' ? 'Workers finish the jobs that they have, and take no other.' : 'Workers take jobs again.',
      verb: verb === 'pause' ? 'Pause' : 'Resume',
      run: async () => {
        await post(`queues/${part(name)}/${verb}`, {}, { ...where })
        reload()
        return verb === 'pause' ? 'The queue is paused.' : 'The queue goes on.'
      },
    })
  return (
    <Page
      title={name}
      above={[['Queues', link(['queues'], where.db === '0' ? {} : { db: where.db })]]}
      aside={
        data !== undefined && (
          <button type="button" onClick={() => pause(data.isPaused ? 'resume' : 'pause')}>
            {data.isPaused ? 'Resume …' : 'Pause …'}
          </button>
        )
      }
    >
      {data === undefined ? (
        <Waiting refusal={refusal} />
      ) : (
        <>
          <RefusalLine refusal={refusal} />
          <Facts
            facts={[
              ['kind', data.kind === 'bullmq' ? 'BullMQ' : 'Bull'],
              ['state', data.isPaused ? <span class="warn">paused</span> : 'running'],
              ['backlog', count(data.backlog)],
              ['oldest', data.oldestMs === null ? undefined : duration(data.oldestMs)],
              ['added', data.rates === null ? undefined : rate(data.rates.added)],
              ['finished', data.rates === null ? undefined : rate(data.rates.finished)],
              [
                'workers',
                workersOf(data).length === 0 ? <span class="warn">none</span> : count(workersOf(data).length),
              ],
              ['concurrency', data.concurrency === null ? undefined : count(data.concurrency)],
              [
                'limit',
                data.rateLimit === null
                  ? undefined
                  : `${count(data.rateLimit.max)} in ${duration(data.rateLimit.durationMs)}`,
              ],
            ]}
          />
          <Tabs
            name="view"
            label="Parts of the queue"
            current={view}
            tabs={[
              ['jobs', 'Jobs'],
              ['schedulers', `Schedulers ${data.schedulers.length}`],
              ['workers', `Workers ${workersOf(data).length}`],
            ]}
          />
          {view === 'schedulers' ? (
            <Schedulers rows={data.schedulers} />
          ) : view === 'workers' ? (
            <Workers rows={workersOf(data)} name={name} />
          ) : (
            <Jobs name={name} where={where} counts={data.counts} />
          )}
        </>
      )}
    </Page>
  )
}

const workersOf = ({ workers }: Details): readonly Worker[] => workers ?? []

function Schedulers({ rows }: { rows: readonly Scheduler[] }) {
  if (rows.length === 0)
    return (
      <Empty command={`await queue.upsertJobScheduler('nightly', { pattern: '0 3 * * *' })`}>
        No scheduler makes jobs of this queue. One is made so:
      </Empty>
    )
  return (
    <Table
      label="Schedulers"
      columns={[
        { title: 'Scheduler', cell: ({ id }) => id },
        { title: 'Job', width: 10, from: 900, cell: ({ name }) => name ?? '' },
        {
          title: 'When',
          width: 14,
          cell: ({ pattern, everyMs, tz }) =>
            pattern === null ? `each ${duration(everyMs)}` : <code>{`${pattern} ${tz ?? ''}`}</code>,
        },
        { title: 'Next', width: 12, cell: ({ next }) => <Time at={next} /> },
        { title: 'Made', kind: 'num', width: 6, from: 600, cell: ({ ran }) => count(ran) },
      ]}
      rows={rows}
      keyOf={({ id }) => id}
    />
  )
}

function Workers({ rows, name }: { rows: readonly Worker[]; name: string }) {
  if (rows.length === 0)
    return (
      <Empty command={`new Worker('${name}', async (job) => …, { connection })`}>
        No worker is connected. Jobs wait until one comes:
      </Empty>
    )
  return (
    <Table
      label="Workers"
      columns={[
        { title: 'Worker', cell: ({ name, id }) => name || `client ${id}` },
        { title: 'Address', kind: 'code', width: 14, from: 600, cell: ({ address }) => address },
        { title: 'Connected', kind: 'num', width: 8, cell: ({ ageSeconds }) => duration(ageSeconds * 1000) },
        { title: 'Idle', kind: 'num', width: 8, cell: ({ idleSeconds }) => duration(idleSeconds * 1000) },
      ]}
      rows={rows}
      keyOf={({ id }) => String(id)}
    />
  )
}

const FILTERS = ['text', 'id', 'name', 'reason', 'from', 'to', 'order'] as const

function filtersOf(query: URLSearchParams): Record<string, string | string[]> {
  const filters: Record<string, string | string[]> = {}
  for (const name of FILTERS) {
    const value = query.get(name) ?? ''
    if (value !== '') filters[name] = name === 'from' || name === 'to' ? String(Date.parse(value) || value) : value
  }
  const state = query.get('state') ?? ''
  if (state !== '') filters.state = state === 'waiting' ? ['waiting', 'paused'] : [state]
  return filters
}

interface Finding {
  readonly jobs: readonly Job[]
  readonly progress: Progress | undefined
  readonly cursor: string | null
  readonly ms: number | undefined
  readonly refusal: Refusal | undefined
}

const NOTHING: Finding = { jobs: [], progress: undefined, cursor: null, ms: undefined, refusal: undefined }

/** Searches whenever a filter changes; what has been found stands there while the search goes on. */
function useJobs(
  name: string,
  parameters: Readonly<Record<string, string | readonly string[]>>,
  turn: number,
): Finding & { more(): void } {
  const [found, setFound] = useState<Finding>(NOTHING)
  const [cursor, setCursor] = useState<string | null>(null)
  const key = JSON.stringify([name, parameters, turn])
  useEffect(() => setCursor(null), [key])
  useEffect(() => {
    const ending = new AbortController()
    const jobs: Job[] = cursor === null ? [] : [...found.jobs]
    let frame = 0
    const change = (part: Partial<Finding>): void => {
      if (!ending.signal.aborted) setFound((before) => ({ ...before, ...part }))
    }
    const take = (line: Found): void => {
      if ('job' in line) {
        jobs.push(line.job)
        if (frame === 0)
          frame = requestAnimationFrame(() => {
            frame = 0
            change({ jobs: [...jobs] })
          })
      } else if ('progress' in line) change({ progress: line.progress })
      else if ('end' in line) change({ jobs: [...jobs], progress: line.end, cursor: line.end.cursor, ms: line.end.ms })
      else change({ refusal: new Refusal(400, line.error) })
    }
    setFound((before) => ({ ...before, ms: undefined, refusal: undefined, cursor: null }))
    lines<Found>(
      `queues/${part(name)}/jobs`,
      { ...parameters, limit: String(LIMIT), ...(cursor === null ? {} : { cursor }) },
      take,
      { signal: ending.signal },
    ).catch((error: unknown) => change({ refusal: error as Refusal, jobs: [...jobs], ms: 0 }))
    return () => {
      ending.abort()
      cancelAnimationFrame(frame)
    }
  }, [key, cursor])
  return { ...found, more: () => setCursor(found.cursor) }
}

function Jobs({ name, where, counts }: { name: string; where: Where; counts: Queue['counts'] }) {
  const { query } = useRoute()
  const [turn, setTurn] = useState(0)
  const state = query.get('state') ?? ''
  const filters = filtersOf(query)
  const { jobs, progress, cursor, ms, refusal, more } = useJobs(name, { ...where, ...filters }, turn)
  const total = Object.entries(counts).reduce((sum, [, value]) => sum + (value ?? 0), 0)
  const shownOf = (key: string): number =>
    key === 'waiting' ? (counts.waiting ?? 0) + (counts.paused ?? 0) : (counts[key] ?? 0)
  const hasFilter = Object.keys(filters).some((each) => each !== 'order')
  return (
    <>
      <Tabs
        name="state"
        label="States"
        current={state}
        tabs={[
          [
            '',
            <>
              All <span class="quiet">{count(total)}</span>
            </>,
          ] as const,
          ...STATES.map(
            (key) =>
              [
                key,
                <>
                  {key}{' '}
                  <span class={key === 'failed' && shownOf(key) > 0 ? 'bad' : 'quiet'}>{count(shownOf(key))}</span>
                </>,
              ] as const,
          ),
        ]}
      />
      <div class="filters">
        <Search name="text" label="Containing" hint="name, data, reason" isFirst />
        <Search name="id" label="Id" size={8} />
        <Search name="name" label="Name" hint="exactly" size={10} />
        <Search name="from" label="From" hint="2026-01-31 12:00" size={15} />
        <Search name="to" label="To" hint="2026-02-01" size={15} />
        <Choice
          name="order"
          label="Order"
          choices={[
            ['', 'newest first'],
            ['oldest', 'oldest first'],
          ]}
        />
      </div>
      <div class="filters">
        <p class="note" role="status">
          {ms === undefined
            ? `Searching: ${count(progress?.matched ?? 0)} found in ${count(progress?.looked ?? 0)} of ${count(progress?.of ?? total)} …`
            : `${count(progress?.matched ?? jobs.length)} found${cursor === null ? '' : ' so far'}, ${counted(progress?.looked ?? 0, 'job')} looked at in ${duration(ms)}`}
        </p>
        {hasFilter && jobs.length > 0 && (
          <div class="actions">
            <span class="quiet">All that match:</span>
            {JOB_CHANGES.filter(
              (change) =>
                change.isForMany && (change.states === undefined || state === '' || change.states.includes(state)),
            ).map((change) => (
              <button
                key={change.action}
                type="button"
                class="plain"
                onClick={() => changeMany(change, name, where, filters, () => setTurn(turn + 1))}
              >
                {change.verb} …
              </button>
            ))}
          </div>
        )}
      </div>
      <RefusalLine refusal={refusal} />
      {jobs.length === 0 && ms !== undefined ? (
        <Empty>
          {hasFilter
            ? 'No job matches. A filter less finds more.'
            : 'The queue has no jobs: they were taken, finished and removed.'}
        </Empty>
      ) : (
        <Table
          label="Jobs"
          columns={COLUMNS}
          rows={jobs}
          keyOf={({ id, state }) => `${id} ${state}`}
          href={({ id }) =>
            link(['queues', name, 'jobs', id], {
              prefix: where.prefix === 'bull' ? '' : where.prefix,
              db: where.db === '0' ? '' : where.db,
            })
          }
        />
      )}
      {cursor !== null && ms !== undefined && (
        <p class="more">
          <button type="button" onClick={more}>
            Search on
          </button>
        </p>
      )}
    </>
  )
}

const COLUMNS: readonly Column<Job>[] = [
  { title: 'Id', width: 9, kind: 'code', cell: ({ id }) => id },
  { title: 'Name', width: 12, from: 600, cell: ({ name }) => name },
  {
    title: 'State',
    width: 9,
    cell: ({ state }) => <span class={state === 'failed' ? 'bad' : undefined}>{state}</span>,
  },
  { title: 'Added', width: 11, from: 900, cell: ({ timestamp }) => <Time at={timestamp} /> },
  {
    title: 'Tries',
    width: 5,
    kind: 'num',
    from: 1200,
    cell: ({ attemptsMade, attempts }) => (attempts === null ? count(attemptsMade) : `${attemptsMade}/${attempts}`),
  },
  {
    title: 'Reason or data',
    kind: 'code',
    cell: ({ failedReason, data }) =>
      failedReason === null || failedReason === '' ? data : <span class="bad">{failedReason}</span>,
  },
]

interface Many {
  readonly progress?: Progress & { done: number; refused: number }
  readonly end?: Progress & { done: number; refused: number; refusals: readonly { id: string; error: string }[] }
  readonly error?: string
}

function changeMany(
  change: JobChange,
  name: string,
  where: Where,
  filters: Readonly<Record<string, string | string[]>>,
  reload: () => void,
): void {
  const words = Object.entries(filters).map(
    ([field, value]) => `${field}=${Array.isArray(value) ? value.join(',') : value}`,
  )
  ask({
    title: `${change.verb} all jobs of ${name} that match?`,
    text: `Those with ${words.join(', ')}. Jobs whose state forbids it are left as they are.`,
    verb: change.verb,
    ...(change.isDestroying ? { name } : {}),
    fields: change.fields,
    run: async (values) => {
      const result: { last?: Many } = {}
      await lines<Many>(
        `queues/${part(name)}/jobs/${change.action}`,
        { ...where, ...filters },
        (line) => {
          result.last = line
        },
        { body: change.body(values) },
      )
      if (result.last?.error !== undefined) throw new Refusal(400, result.last.error)
      const { done = 0, refused = 0, refusals = [] } = result.last?.end ?? {}
      reload()
      return `${change.past} ${counted(done, 'job')}.${refused === 0 ? '' : ` ${counted(refused, 'was refused', 'were refused')}: ${refusals[0]?.error ?? ''}`}`
    },
  })
}
