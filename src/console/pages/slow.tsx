// Slow: commands that took long, latency by command and by event, and stalls of the loop.

import { command, get, Refusal, type Reply } from '../data/api.ts'
import { readable } from '../data/bytes.ts'
import { count, duration } from '../data/format.ts'
import { fieldsOf, listOf, wordsOf } from '../data/replies.ts'
import { useRoute } from '../data/route.ts'
import { useLoad } from '../data/use-load.ts'
import { ask } from '../parts/change.tsx'
import { Empty, Lacking, Page, RefusalLine, Section, Tabs, Time, Waiting } from '../parts/page.tsx'
import { Table } from '../parts/table.tsx'
import { useSession } from '../shell/broker.ts'

export function SlowPage() {
  const { query } = useRoute()
  const { broker } = useSession()
  const view = query.get('view') ?? 'log'
  return (
    <Page title="Slow">
      <Tabs
        name="view"
        label="What was slow"
        current={view}
        tabs={[
          ['log', 'Slow log'],
          ['commands', 'By command'],
          ['events', 'By event'],
          ['stalls', 'Loop stalls'],
        ]}
      />
      {view === 'commands' ? (
        <ByCommand />
      ) : view === 'events' ? (
        <ByEvent />
      ) : view === 'stalls' && broker.missing?.loopStalls !== undefined ? (
        <Lacking reason={broker.missing.loopStalls} />
      ) : view === 'stalls' ? (
        <Stalls />
      ) : (
        <SlowLog />
      )}
    </Page>
  )
}

function SlowLog() {
  const { data, refusal, reload } = useLoad('slow log', () => command(['SLOWLOG', 'GET', 128]), 5000)
  const reset = (): void =>
    ask({
      title: 'Forget all entries of the slow log?',
      verb: 'Forget',
      command: () => 'SLOWLOG RESET',
      run: async () => {
        await command(['SLOWLOG', 'RESET'])
        reload()
        return 'The slow log is empty.'
      },
    })
  if (data === undefined) return <Waiting refusal={refusal} />
  const rows = listOf(data).map((entry) => {
    const [id, at, micros, words, address, name] = listOf(entry)
    return {
      id: Number(id),
      at: Number(at) * 1000,
      ms: Number(micros) / 1000,
      words: listOf(words).map(readable).join(' '),
      client: readable(name) || readable(address),
    }
  })
  return (
    <Section
      title="Slow log"
      note="Commands that took longer than slowlog-log-slower-than"
      aside={
        rows.length > 0 && (
          <button type="button" onClick={reset}>
            Forget …
          </button>
        )
      }
    >
      <RefusalLine refusal={refusal} />
      {rows.length === 0 ? (
        <Empty command="redis-cli CONFIG SET slowlog-log-slower-than 1000">
          No command was slow. A lower bound, in microseconds, logs more:
        </Empty>
      ) : (
        <Table
          label="Slow commands"
          columns={[
            { title: 'Took', kind: 'num', width: 7, cell: ({ ms }) => duration(ms), sort: ({ ms }) => ms },
            { title: 'Command', kind: 'code', cell: ({ words }) => <span title={words}>{words}</span> },
            { title: 'At', width: 12, from: 600, cell: ({ at }) => <Time at={at} />, sort: ({ at }) => at },
            { title: 'Client', width: 13, from: 900, cell: ({ client }) => client },
          ]}
          rows={rows}
          keyOf={({ id }) => String(id)}
          orderIn="order"
        />
      )}
    </Section>
  )
}

function ByCommand() {
  const { data, refusal } = useLoad(
    'command stats',
    async () => fieldsOf(readable(await command(['INFO', 'commandstats', 'latencystats']))),
    5000,
  )
  if (data === undefined) return <Waiting refusal={refusal} />
  const rows = [...data]
    .filter(([name]) => name.startsWith('cmdstat_'))
    .map(([name, text]) => {
      const own = name.slice('cmdstat_'.length)
      const stats = wordsOf(text, ',')
      const tail = wordsOf(data.get(`latency_percentiles_usec_${own}`) ?? '', ',')
      const number = (value: string | undefined): number | null =>
        value === undefined || value === '' ? null : Number(value)
      const ms = (value: string | undefined): number | null =>
        number(value) === null ? null : (number(value) ?? 0) / 1000
      return {
        name: own.toUpperCase().replace('|', ' '),
        calls: number(stats.calls) ?? 0,
        mean: ms(stats.usec_per_call),
        total: ms(stats.usec) ?? 0,
        failed: (number(stats.failed_calls) ?? 0) + (number(stats.rejected_calls) ?? 0),
        p50: ms(tail.p50),
        p99: ms(tail.p99),
        p999: ms(tail['p99.9']),
      }
    })
    .sort((a, b) => b.total - a.total)
  const all = rows.reduce((sum, { total }) => sum + total, 0)
  return (
    <Section title="By command" note="Since the start, the most time first">
      <RefusalLine refusal={refusal} />
      {rows.length === 0 ? (
        <Empty command="redis-cli PING">No command has run yet.</Empty>
      ) : (
        <Table
          label="Latency by command"
          columns={[
            { title: 'Command', cell: ({ name }) => name, sort: ({ name }) => name },
            { title: 'Calls', kind: 'num', width: 8, cell: ({ calls }) => count(calls), sort: ({ calls }) => calls },
            {
              title: 'Share',
              kind: 'num',
              width: 6,
              cell: ({ total }) => `${((100 * total) / (all || 1)).toFixed(1)} %`,
              sort: ({ total }) => total,
            },
            {
              title: 'Mean',
              kind: 'num',
              width: 7,
              from: 600,
              cell: ({ mean }) => duration(mean),
              sort: ({ mean }) => mean,
            },
            {
              title: 'Median',
              kind: 'num',
              width: 7,
              from: 900,
              cell: ({ p50 }) => duration(p50),
              sort: ({ p50 }) => p50,
            },
            { title: '99 %', kind: 'num', width: 7, cell: ({ p99 }) => duration(p99), sort: ({ p99 }) => p99 },
            {
              title: '99.9 %',
              kind: 'num',
              width: 7,
              from: 600,
              cell: ({ p999 }) => duration(p999),
              sort: ({ p999 }) => p999,
            },
            {
              title: 'Refused',
              kind: 'num',
              width: 6,
              from: 900,
              cell: ({ failed }) => (failed > 0 ? <span class="warn">{count(failed)}</span> : '0'),
              sort: ({ failed }) => failed,
            },
          ]}
          rows={rows}
          keyOf={({ name }) => name}
          orderIn="order"
        />
      )}
    </Section>
  )
}

function ByEvent() {
  const { data, refusal } = useLoad('latency', () => command(['LATENCY', 'LATEST']), 5000)
  if (data === undefined) return <Waiting refusal={refusal} />
  const rows = listOf(data).map((entry: Reply) => {
    const [name, at, last, max] = listOf(entry)
    return { name: readable(name), at: Number(at) * 1000, last: Number(last), max: Number(max) }
  })
  return (
    <Section title="By event" note="Events that took longer than latency-monitor-threshold">
      <RefusalLine refusal={refusal} />
      {rows.length === 0 ? (
        <Empty command="redis-cli CONFIG SET latency-monitor-threshold 10">
          No event is recorded. A threshold, in milliseconds, turns it on:
        </Empty>
      ) : (
        <Table
          label="Latency by event"
          columns={[
            { title: 'Event', cell: ({ name }) => name },
            { title: 'Last', kind: 'num', width: 8, cell: ({ last }) => duration(last) },
            { title: 'Longest', kind: 'num', width: 8, cell: ({ max }) => duration(max) },
            { title: 'At', width: 12, from: 600, cell: ({ at }) => <Time at={at} /> },
          ]}
          rows={rows}
          keyOf={({ name }) => name}
        />
      )}
    </Section>
  )
}

interface Stall {
  readonly at: number
  readonly ms: number
  readonly cause: string
  readonly what: string | null
  readonly details: string | null
}

function Stalls() {
  const { data, refusal } = useLoad(
    'stalls',
    (signal) => get<{ thresholdMs: number; stalls: readonly Stall[] }>('stalls', {}, signal),
    5000,
  )
  if (data === undefined) return <Waiting refusal={refusal instanceof Refusal ? refusal : undefined} />
  return (
    <Section
      title="Loop stalls"
      note={`Times of ${duration(data.thresholdMs)} and more in which nothing else could run`}
    >
      <RefusalLine refusal={refusal} />
      {data.stalls.length === 0 ? (
        <Empty>
          The loop was never held up for so long. A slow script, a large KEYS or a collection of garbage would stand
          here, with its name.
        </Empty>
      ) : (
        <Table
          label="Loop stalls"
          columns={[
            { title: 'Took', kind: 'num', width: 7, cell: ({ ms }) => duration(ms) },
            { title: 'Cause', width: 12, cell: ({ cause }) => cause.replaceAll('-', ' ') },
            { title: 'What ran', kind: 'code', cell: ({ what, details }) => `${what ?? ''} ${details ?? ''}`.trim() },
            { title: 'At', width: 12, from: 600, cell: ({ at }) => <Time at={at} /> },
          ]}
          rows={data.stalls}
          keyOf={({ at, ms }) => `${at} ${ms}`}
        />
      )}
    </Section>
  )
}
