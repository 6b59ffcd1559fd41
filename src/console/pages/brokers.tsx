// Brokers: all of the cluster, and those that `console-brokers` names, side by side.

import { type Broker, type Brokers, keyOf, TRACE_MS, useBrokers } from '../data/brokers.ts'
import { bytes, count, counted, duration, NONE, rate } from '../data/format.ts'
import { Empty, Facts, Page, RefusalLine, Section, Time, Waiting } from '../parts/page.tsx'
import { Spark } from '../parts/spark.tsx'
import { type Column, Table } from '../parts/table.tsx'

/** Brokers report unasked each ten seconds. */
const HEARD_WITHIN_MS = 20_000

type Format = (value: number | null | undefined) => string

export function BrokersPage() {
  const { data, refusal } = useBrokers()
  return (
    <Page title="Brokers" aside={data !== undefined && <p class="note">{counted(data.brokers.length, 'broker')}</p>}>
      {data === undefined ? (
        <Waiting refusal={refusal} />
      ) : (
        <>
          <RefusalLine refusal={refusal} />
          <Wrong brokers={data.brokers} now={data.now} />
          <Sums brokers={data.brokers} />
          <SideBySide brokers={data.brokers} />
          <Lines data={data} />
          {data.brokers.length === 1 && (
            <Empty command={'redis-cli config set console-brokers "eu=https://… us=https://…"'}>
              This broker knows no others. Those of its cluster come by themselves; more are named in a setting:
            </Empty>
          )}
        </>
      )}
    </Page>
  )
}

/** Says which broker has which trouble, and the advice. */
function Wrong({ brokers, now }: { brokers: readonly Broker[]; now: number }) {
  const away = brokers.filter(({ reachable }) => reachable === false)
  const alerts = brokers.flatMap((broker) => broker.alerts.map((alert) => ({ broker, alert })))
  // A broker that has just begun has not heard the others yet.
  const startedAt = brokers.find(({ self }) => self)?.startedAt ?? now
  const isNew = now - startedAt < HEARD_WITHIN_MS
  const unheard = isNew ? [] : brokers.filter(({ kind, reachable }) => kind === 'member' && reachable === null)
  if (away.length === 0 && alerts.length === 0 && unheard.length === 0) {
    const heard = brokers.filter(({ reachable }) => reachable === true).length
    return <p class="alerts calm">All is well: no alert rule holds at {counted(heard, 'broker')}.</p>
  }
  return (
    <ul class="alerts" aria-label="Alerts">
      {away.map((broker) => (
        <li key={keyOf(broker)} class="critical">
          <p>
            <strong>Critical:</strong> {broker.name} is not reached{broker.reason === null ? '' : `: ${broker.reason}`}.
          </p>
          <p class="quiet">
            See whether its process runs, and whether this broker reaches it.{' '}
            <span class="since">
              Since <Time at={broker.since} />.
            </span>
          </p>
        </li>
      ))}
      {unheard.map((broker) => (
        <li key={keyOf(broker)} class="warning">
          <p>
            <strong>Warning:</strong> {broker.name} has sent no report
            {broker.reason === null ? '' : `: ${broker.reason}`}
          </p>
          <p class="quiet">See whether its process runs, and set console to yes there.</p>
        </li>
      ))}
      {alerts.map(({ broker, alert: { rule, severity, since, summary, advice } }) => (
        <li key={`${keyOf(broker)} ${rule} ${summary}`} class={severity}>
          <p>
            <strong>{severity === 'critical' ? 'Critical' : 'Warning'}:</strong> {broker.name}: {summary}
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

function Sums({ brokers }: { brokers: readonly Broker[] }) {
  const sum = (name: string): number | null => {
    const known = brokers.map(({ figures }) => figures?.[name]).filter((value) => typeof value === 'number')
    return known.length === 0 ? null : known.reduce((all, value) => all + value, 0)
  }
  const leaders = brokers.filter(({ role, reachable }) => role === 'leader' && reachable !== false)
  const reached = brokers.filter(({ reachable }) => reachable === true).length
  return (
    <Facts
      facts={[
        ['reached', `${count(reached)} of ${count(brokers.length)}`],
        [leaders.length > 1 ? 'leaders' : 'leader', leaders.map(({ name }) => name).join(', ')],
        ['commands', rate(sum('commands'))],
        ['messages in', rate(sum('messagesIn'))],
        ['messages out', rate(sum('messagesOut'))],
        ['clients', count(sum('clients'))],
        ['memory', bytes(sum('memory'))],
      ]}
    />
  )
}

const figure = (name: string, format: Format) => ({
  cell: ({ figures }: Broker) => format(figures?.[name]),
  sort: ({ figures }: Broker) => figures?.[name],
})

function NameOf({ broker: { name, self, url } }: { broker: Broker }) {
  if (self) return <strong>{name}</strong>
  return url === null || !/^https?:/.test(url) ? (
    <span>{name}</span>
  ) : (
    <a href={url} rel="noreferrer">
      {name}
    </a>
  )
}

/** `leader`; `was leader` of a broker that is gone. */
export function roleOf({ reachable, role }: Broker): string {
  return reachable === false && role !== '' ? `was ${role}` : role || NONE
}

export function behindOf({ behind, behindUnit }: Broker): string {
  if (behind === null) return NONE
  return behindUnit === 'bytes' ? bytes(behind) : counted(behind, 'record')
}

function Reached({ broker: { reachable, reason, self, since } }: { broker: Broker }) {
  if (self) return <>this one</>
  if (reachable === null) return <span title={reason ?? ''}>{reason ?? NONE}</span>
  if (since === null) return <>{reachable ? 'yes' : 'no'}</>
  return (
    <span class={reachable ? undefined : 'unreached'}>
      {reachable ? 'since' : 'not since'} <Time at={since} />
    </span>
  )
}

function SideBySide({ brokers }: { brokers: readonly Broker[] }) {
  const shards = new Set(brokers.map(({ shard }) => shard).filter((shard) => shard !== null))
  const hasShards = shards.size > 1
  // A column for the shard takes the room of two others.
  const spare = hasShards ? 1600 : 1200
  const columns: readonly Column<Broker>[] = [
    { title: 'Broker', cell: (broker) => <NameOf broker={broker} />, sort: ({ name }) => name },
    ...(hasShards
      ? [{ title: 'Shard', width: 7, from: 900 as const, cell: ({ shard }: Broker) => shard ?? NONE }]
      : []),
    { title: 'Role', width: 8.2, cell: roleOf, sort: ({ role }) => role },
    { title: 'Epoch', kind: 'num', width: 4, from: spare, cell: ({ epoch }) => count(epoch) },
    { title: 'Behind', kind: 'num', width: 6, from: 900, cell: behindOf, sort: ({ behind }) => behind },
    { title: 'Log lag', kind: 'num', width: 5, from: 1600, cell: ({ lagMs }) => duration(lagMs) },
    { title: 'Clients', kind: 'num', width: 4.5, from: 600, ...figure('clients', count) },
    { title: 'Commands', kind: 'num', width: 6, ...figure('commands', rate) },
    { title: 'In', kind: 'num', width: 4.4, from: 900, ...figure('messagesIn', rate) },
    { title: 'Out', kind: 'num', width: 4.4, from: 900, ...figure('messagesOut', rate) },
    { title: 'Jobs', kind: 'num', width: 4.4, from: 1200, ...figure('jobs', rate) },
    { title: 'Waiting', kind: 'num', width: 4.8, from: spare, ...figure('backlogJobs', count) },
    { title: 'Readers', kind: 'num', width: 5, from: 1600, ...figure('backlogReaders', count) },
    { title: 'Memory', kind: 'num', width: 5.2, from: 600, ...figure('memory', bytes) },
    { title: 'Reached', width: 12, from: 600, cell: (broker) => <Reached broker={broker} /> },
  ]
  return (
    <Section
      title="Side by side"
      note="In and out are messages. Waiting are jobs that a worker could take, readers those with unread messages"
    >
      <Table
        label="Brokers"
        columns={columns}
        rows={brokers}
        keyOf={keyOf}
        orderIn="order"
        isDim={({ reachable }) => reachable === false}
      />
    </Section>
  )
}

const LINES: readonly {
  readonly title: string
  readonly name: string
  readonly format: Format
  readonly from?: 600 | 900 | 1200
}[] = [
  { title: 'Commands', name: 'commands', format: rate },
  { title: 'Messages out', name: 'messagesOut', format: rate, from: 600 },
  { title: 'Jobs', name: 'jobs', format: rate, from: 1200 },
  { title: 'Memory', name: 'memory', format: bytes, from: 900 },
  { title: 'Clients', name: 'clients', format: count, from: 1200 },
]

/** A small chart for each figure of each broker. Those of one figure share their scale. */
function Lines({ data: { brokers, now, pointColumns } }: { data: Brokers }) {
  const valuesOf = ({ points }: Broker, name: string): (number | null)[] => {
    const at = pointColumns.indexOf(name)
    return points.map((point) => point[at] ?? null)
  }
  const columns: readonly Column<Broker>[] = [
    { title: 'Broker', width: 11, cell: ({ name }) => name },
    ...LINES.map(({ title, name, format, from }) => {
      const top = Math.max(0, ...brokers.flatMap((broker) => valuesOf(broker, name).map((value) => value ?? 0)))
      return {
        title,
        from,
        cell: (broker: Broker) => {
          const value = broker.figures?.[name]
          const values = valuesOf(broker, name)
          const label = `${title} of ${broker.name} in the last five minutes. Now: ${format(value)}. Highest: ${format(Math.max(0, ...values.map((each) => each ?? 0)))}.`
          return (
            <span class="spark-cell">
              <Spark
                times={broker.points.map(([at]) => at ?? 0)}
                values={values}
                end={now}
                spanMs={TRACE_MS}
                top={top}
                label={label}
              />
              <span>{format(value)}</span>
            </span>
          )
        },
      }
    }),
  ]
  return (
    <Section title="Five minutes" note="The lines of a column have one scale">
      <Table label="The last five minutes" columns={columns} rows={brokers} keyOf={keyOf} />
    </Section>
  )
}
