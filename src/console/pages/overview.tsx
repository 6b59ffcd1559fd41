// The overview: what is wrong, in sentences, and the last hour in small charts.

import { useMemo } from 'preact/hooks'
import { byteRate, bytes, count, duration, percent, rate } from '../data/format.ts'
import type { Alert, Figures } from '../data/overview.ts'
import { Chart } from '../parts/chart.tsx'
import { Empty, Page, Time, useNow } from '../parts/page.tsx'
import { useSession } from '../shell/broker.ts'

interface Shown {
  readonly title: string
  readonly columns: readonly (readonly [column: string, label: string])[]
  readonly format: (value: number | null | undefined) => string
  readonly hint: string
}

const CHARTS: readonly Shown[] = [
  { title: 'Commands', columns: [['commands', 'commands']], format: rate, hint: 'Commands that were run in a second' },
  {
    title: 'Messages',
    columns: [
      ['messagesOut', 'out'],
      ['messagesIn', 'in'],
    ],
    format: rate,
    hint: 'Messages published, and messages delivered to subscribers',
  },
  {
    title: 'Jobs finished',
    columns: [['jobs', 'jobs']],
    format: rate,
    hint: 'Jobs of BullMQ and Bull that were completed or failed',
  },
  {
    title: 'Jobs waiting',
    columns: [['backlogJobs', 'jobs']],
    format: count,
    hint: 'Jobs that a worker could take now, in all queues',
  },
  {
    title: 'Readers behind',
    columns: [['backlogReaders', 'readers']],
    format: count,
    hint: 'Subscriptions that still read kept messages',
  },
  { title: 'Clients', columns: [['clients', 'clients']], format: count, hint: 'Connections' },
  { title: 'Memory', columns: [['memory', 'memory']], format: bytes, hint: 'Memory that the data use' },
  {
    title: 'Journal',
    columns: [['journalBytes', 'journal']],
    format: byteRate,
    hint: 'Bytes that were appended to the journal',
  },
  {
    title: 'Sync to disk',
    columns: [['fsyncMs', 'fsync']],
    format: duration,
    hint: 'How long one fsync took, on average',
  },
  {
    title: 'Loop delay',
    columns: [['loopDelayMs', 'delay']],
    format: duration,
    hint: 'The longest time in which nothing could run',
  },
  { title: 'Processor', columns: [['cpu', 'cpu']], format: percent, hint: 'Share of one core' },
  { title: 'Errors', columns: [['errors', 'errors']], format: rate, hint: 'Replies that were errors' },
]

export function OverviewPage({ figures }: { figures: Figures | undefined }) {
  const { broker } = useSession()
  const now = useNow()
  // Twelve charts are drawn when a row comes, and not for each second of the clock or each alert.
  const charts = useMemo(() => <Charts figures={figures} />, [figures?.rows, figures?.columns])
  return (
    <Page
      title="Overview"
      aside={
        <p class="note">
          {broker.role === 'master' ? 'leads' : broker.role}, {broker.mode}, up {duration(now - broker.startedAt)}
          {broker.kind === 'respite' && <> · speaks Redis {broker.redisVersion}</>}
        </p>
      }
    >
      <Alerts alerts={figures?.alerts} />
      {charts}
    </Page>
  )
}

function Alerts({ alerts }: { alerts: readonly Alert[] | undefined }) {
  if (alerts === undefined) return <p class="alerts calm quiet">Looking at the alert rules …</p>
  if (alerts.length === 0) return <p class="alerts calm">All is well: no alert rule holds.</p>
  return (
    <ul class="alerts" aria-label="Alerts">
      {alerts.map(({ rule, severity, since, summary, advice }) => (
        <li key={rule + summary} class={severity}>
          <p>
            <strong>{severity === 'critical' ? 'Critical' : 'Warning'}:</strong> {summary}
          </p>
          <p class="quiet">
            {advice}{' '}
            <span class="since">
              Since <Time at={since} />.
            </span>
          </p>
        </li>
      ))}
    </ul>
  )
}

function Charts({ figures }: { figures: Figures | undefined }) {
  const rows = figures?.rows ?? []
  const columns = figures?.columns ?? []
  const times = rows.map(([time]) => time ?? 0)
  const valuesOf = (column: string): (number | null)[] => {
    const at = columns.indexOf(column)
    return at < 0 ? [] : rows.map((row) => row[at] ?? null)
  }
  return (
    <>
      <div class="charts">
        {CHARTS.map(({ title, columns, format, hint }) => (
          <Chart
            key={title}
            title={title}
            hint={hint}
            times={times}
            format={format}
            series={columns.map(([column, label]) => ({ label, values: valuesOf(column) }))}
          />
        ))}
      </div>
      {(valuesOf('commands').at(-1) ?? 0) === 0 && (valuesOf('clients').at(-1) ?? 0) === 0 && (
        <Empty
          command="redis-cli SUBSCRIBE news
redis-cli PUBLISH news hello"
        >
          Nothing uses this broker yet. Two terminals make the first line move.
        </Empty>
      )}
    </>
  )
}
