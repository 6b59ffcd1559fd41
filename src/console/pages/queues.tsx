// Queues of BullMQ and Bull, and the lists and streams that serve as queues.

import { get } from '../data/api.ts'
import { count, counted, duration, rate } from '../data/format.ts'
import { link, useRoute } from '../data/route.ts'
import { useLoad } from '../data/use-load.ts'
import { Empty, Page, RefusalLine, Search, Section, Waiting } from '../parts/page.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { useDatabase, useSession } from '../shell/broker.ts'

export const STATES = [
  'waiting',
  'active',
  'prioritized',
  'delayed',
  'waiting-children',
  'completed',
  'failed',
] as const

export interface Queue {
  readonly name: string
  readonly prefix: string
  readonly db: number
  readonly kind: 'bullmq' | 'bull'
  readonly isPaused: boolean
  readonly backlog: number
  readonly oldestMs: number | null
  readonly counts: Readonly<Partial<Record<string, number>>>
  readonly rates: { readonly added: number | null; readonly finished: number | null } | null
  readonly workers: number | null
}

interface Queues {
  readonly queues: readonly Queue[]
  readonly searching: boolean
  readonly lists: readonly { readonly name: string; readonly length: number; readonly waitingClients: number }[]
  readonly streams: readonly { readonly name: string; readonly length: number; readonly groups: number }[]
}

export const queueAddress = (
  { name, prefix, db }: Pick<Queue, 'name' | 'prefix' | 'db'>,
  query: Readonly<Record<string, string>> = {},
): string => link(['queues', name], { ...(prefix === 'bull' ? {} : { prefix }), ...(db === 0 ? {} : { db }), ...query })

const stateColumn = (state: string, title: string, from?: 600 | 900 | 1200): Column<Queue> => ({
  title,
  kind: 'num',
  width: 6.5,
  from,
  cell: (queue) => {
    const value = queue.counts[state] ?? 0
    if (value === 0) return <span class="quiet">0</span>
    return (
      <a href={queueAddress(queue, { state })} class={state === 'failed' ? 'bad' : undefined}>
        {count(value)}
      </a>
    )
  },
  sort: ({ counts }) => counts[state] ?? 0,
})

const COLUMNS: readonly Column<Queue>[] = [
  { title: 'Queue', cell: ({ name, isPaused }) => (isPaused ? `${name} (paused)` : name), sort: ({ name }) => name },
  stateColumn('waiting', 'Waiting'),
  stateColumn('active', 'Active', 600),
  stateColumn('prioritized', 'Prioritized', 1200),
  stateColumn('delayed', 'Delayed', 900),
  stateColumn('waiting-children', 'Parents', 1200),
  stateColumn('completed', 'Completed', 900),
  stateColumn('failed', 'Failed'),
  {
    title: 'Added',
    kind: 'num',
    width: 6,
    from: 1200,
    cell: ({ rates }) => rate(rates?.added),
    sort: ({ rates }) => rates?.added,
  },
  {
    title: 'Finished',
    kind: 'num',
    width: 6,
    from: 900,
    cell: ({ rates }) => rate(rates?.finished),
    sort: ({ rates }) => rates?.finished,
  },
  {
    title: 'Oldest',
    kind: 'num',
    width: 7,
    from: 600,
    cell: ({ oldestMs }) => duration(oldestMs),
    sort: ({ oldestMs }) => oldestMs,
  },
  {
    title: 'Workers',
    kind: 'num',
    width: 6,
    from: 900,
    cell: ({ workers }) => (workers === 0 ? <span class="warn">0</span> : count(workers)),
    sort: ({ workers }) => workers,
  },
]

export function QueuesPage() {
  const { query } = useRoute()
  const match = (query.get('match') ?? '').toLowerCase()
  const db = useDatabase()
  const { broker } = useSession()
  const { data, refusal } = useLoad(`queues ${db}`, (signal) => get<Queues>('queues', { db }, signal), 2000)
  const named = ({ name }: { name: string }): boolean => name.toLowerCase().includes(match)
  const port = broker.address?.split(':').at(-1) ?? '6379'
  return (
    <Page title="Queues">
      <div class="filters">
        <Search name="match" label="Name" hint="a part of it" isFirst />
        <Search name="db" label="Database" hint="0" size={4} />
        {data?.searching === true && <p class="note">Still looking for queues …</p>}
      </div>
      {data === undefined ? (
        <Waiting refusal={refusal} />
      ) : (
        <>
          <RefusalLine refusal={refusal} />
          <Section title="Jobs" note="Queues of BullMQ and Bull">
            {data.queues.length === 0 ? (
              <Empty
                command={`import { Queue } from 'bullmq'\nnew Queue('mails', { connection: { port: ${port} } }).add('welcome', { to: 'ana' })`}
              >
                {data.searching
                  ? 'None is found yet.'
                  : 'No queue has jobs in this database. BullMQ works here as it is:'}
              </Empty>
            ) : (
              <Table
                label="Queues"
                columns={COLUMNS}
                rows={data.queues.filter(named)}
                keyOf={({ prefix, name }) => `${prefix}:${name}`}
                href={queueAddress}
                orderIn="order"
              />
            )}
          </Section>
          <Section title="Lists" note="Lists on which clients wait, or which metrics-queues names">
            {data.lists.length === 0 ? (
              <Empty command="redis-cli BLPOP tasks 0">No client waits on a list. One that does appears here:</Empty>
            ) : (
              <Table
                label="Lists"
                columns={[
                  { title: 'List', cell: ({ name }) => name },
                  { title: 'Length', kind: 'num', width: 8, cell: ({ length }) => count(length) },
                  {
                    title: 'Waiting clients',
                    kind: 'num',
                    width: 10,
                    cell: ({ waitingClients }) => count(waitingClients),
                  },
                ]}
                rows={data.lists.filter(named)}
                keyOf={({ name }) => name}
                href={({ name }) => link(['lists', name], db === '0' ? {} : { db })}
              />
            )}
          </Section>
          <Section
            title="Streams"
            note={
              data.streams.length >= 200
                ? 'The first 200 with groups'
                : `${counted(data.streams.length, 'stream')} with groups`
            }
          >
            {data.streams.length === 0 ? (
              <Empty command="redis-cli XGROUP CREATE events workers $ MKSTREAM">
                No stream has a group. This makes both:
              </Empty>
            ) : (
              <Table
                label="Streams"
                columns={[
                  { title: 'Stream', cell: ({ name }) => name },
                  { title: 'Entries', kind: 'num', width: 8, cell: ({ length }) => count(length) },
                  { title: 'Groups', kind: 'num', width: 10, cell: ({ groups }) => count(groups) },
                ]}
                rows={data.streams.filter(named)}
                keyOf={({ name }) => name}
                href={({ name }) => link(['streams', name], db === '0' ? {} : { db })}
              />
            )}
          </Section>
        </>
      )}
    </Page>
  )
}
