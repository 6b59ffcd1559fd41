// Channels: those that keep messages, and all that have subscribers.

import { command, get } from '../data/api.ts'
import { bytes, count, counted, duration, rate } from '../data/format.ts'
import { link, useRoute } from '../data/route.ts'
import { useLoad } from '../data/use-load.ts'
import { ask } from '../parts/change.tsx'
import { Empty, Lacking, Page, RefusalLine, Search, Section, Waiting } from '../parts/page.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { useSession } from '../shell/broker.ts'

interface Heard {
  readonly name: string
  readonly kind: string
  readonly subscribers: number
  readonly rate: number | null
}

interface Kept extends Heard {
  readonly rule: string | null
  readonly messages: number
  readonly bytes: number
  readonly ageMs: number | null
  readonly remembered: number
  readonly away: number
  readonly scheduled: number
  readonly missed: number
}

interface Channels {
  readonly channels: readonly Heard[]
  readonly kept: readonly Kept[]
  readonly truncated: boolean
  readonly unnamedPatterns?: number
}

const KEPT: readonly Column<Kept>[] = [
  { title: 'Channel', cell: ({ name }) => name, sort: ({ name }) => name },
  { title: 'Rate', kind: 'num', width: 6, cell: (row) => rate(row.rate), sort: (row) => row.rate },
  {
    title: 'Messages',
    kind: 'num',
    width: 7,
    cell: ({ messages }) => count(messages),
    sort: ({ messages }) => messages,
  },
  { title: 'Size', kind: 'num', width: 6, from: 600, cell: (row) => bytes(row.bytes), sort: (row) => row.bytes },
  {
    title: 'Oldest',
    kind: 'num',
    width: 7,
    from: 900,
    cell: ({ ageMs }) => duration(ageMs),
    sort: ({ ageMs }) => ageMs,
  },
  {
    title: 'Listening',
    kind: 'num',
    width: 6.5,
    from: 600,
    cell: (row) => count(row.subscribers),
    sort: (row) => row.subscribers,
  },
  {
    title: 'Away',
    kind: 'num',
    width: 5.5,
    cell: ({ away }) => (away > 0 ? <span class="warn">{count(away)}</span> : count(away)),
    sort: ({ away }) => away,
  },
  {
    title: 'Scheduled',
    kind: 'num',
    width: 7,
    from: 1200,
    cell: ({ scheduled }) => count(scheduled),
    sort: ({ scheduled }) => scheduled,
  },
  {
    title: 'Missed',
    kind: 'num',
    width: 6,
    from: 1200,
    cell: ({ missed }) => count(missed),
    sort: ({ missed }) => missed,
  },
  { title: 'Rule', width: 16, from: 1200, cell: ({ rule }) => <code>{rule ?? ''}</code> },
]

const HEARD: readonly Column<Heard>[] = [
  { title: 'Name', cell: ({ name }) => name, sort: ({ name }) => name },
  { title: 'Kind', width: 8, from: 600, cell: ({ kind }) => kind, sort: ({ kind }) => kind },
  { title: 'Rate', kind: 'num', width: 7, cell: (row) => rate(row.rate), sort: (row) => row.rate },
  {
    title: 'Subscribers',
    kind: 'num',
    width: 8,
    cell: (row) => count(row.subscribers),
    sort: (row) => row.subscribers,
  },
]

const addressOf = ({ name, kind }: Heard): string => link(['channels', name], kind === 'channel' ? {} : { kind })

export function publish(name: string, canWait: boolean, done = (): void => {}): void {
  const words = ({ channel, message, when }: Readonly<Record<string, string>>): string[] => [
    'PUBLISH',
    channel ?? '',
    message ?? '',
    ...(when === undefined || when === '' ? [] : ['IN', when]),
  ]
  ask({
    title: 'Publish a message?',
    verb: 'Publish',
    fields: [
      { name: 'channel', label: 'Channel', value: name },
      { name: 'message', label: 'Message', kind: 'long' },
      ...(canWait
        ? [
            {
              name: 'when',
              label: 'In',
              hint: 'A duration such as 30s, 5m or 2h has it wait; empty: now.',
              isOptional: true,
            },
          ]
        : []),
    ],
    command: (values) =>
      words(values)
        .map((word) => (/\s|^$/.test(word) ? JSON.stringify(word) : word))
        .join(' '),
    run: async (values) => {
      const reply = await command(words(values))
      done()
      return typeof reply === 'number'
        ? `Published. It was heard by ${counted(reply, 'subscriber')}.`
        : `Scheduled as ${String(reply)}.`
    },
  })
}

export function ChannelsPage() {
  const { query } = useRoute()
  const { missing = {} } = useSession().broker
  const match = query.get('match') ?? ''
  const glob = match === '' || /[*?[]/.test(match) ? match : `*${match}*`
  const { data, refusal } = useLoad(
    `channels ${glob}`,
    (signal) => get<Channels>('channels', { match: glob, limit: 5000 }, signal),
    2000,
  )
  return (
    <Page
      title="Channels"
      aside={
        <>
          <a class="button" href={link(['tail'], { pattern: glob === '' ? '*' : glob })}>
            Live tail
          </a>
          <button type="button" onClick={() => publish('', missing.schedule === undefined)}>
            Publish …
          </button>
        </>
      }
    >
      <div class="filters">
        <Search name="match" label="Name" hint="orders.* or a part" isFirst />
      </div>
      {data === undefined ? (
        <Waiting refusal={refusal} />
      ) : (
        <>
          <RefusalLine refusal={refusal} />
          <Section title="Kept" note="Channels that a rule keeps messages of">
            {missing.kept !== undefined ? (
              <Lacking reason={missing.kept} />
            ) : data.kept.length === 0 ? (
              <Empty command={`redis-cli CONFIG SET channel "orders.* keep 24h"\nredis-cli PUBLISH orders.eu hello`}>
                {match === ''
                  ? 'No channel keeps its messages. A rule makes them remember:'
                  : 'No kept channel has such a name.'}
              </Empty>
            ) : (
              <Table
                label="Kept channels"
                columns={KEPT}
                rows={data.kept}
                keyOf={({ kind, name }) => kind + name}
                href={addressOf}
                orderIn="kept"
              />
            )}
          </Section>
          <Section
            title="Heard"
            note={
              data.truncated
                ? 'The first are shown: filter by name'
                : (data.unnamedPatterns ?? 0) > 0
                  ? `Channels that have subscribers now; and ${counted(data.unnamedPatterns ?? 0, 'pattern')}, whose names no command tells`
                  : 'Channels and patterns that have subscribers now'
            }
          >
            {data.channels.length === 0 ? (
              <Empty command="redis-cli SUBSCRIBE news">
                {match === ''
                  ? 'Nothing listens. A subscriber appears here at once:'
                  : 'Nothing listens to such a name.'}
              </Empty>
            ) : (
              <Table
                label="Channels with subscribers"
                columns={HEARD}
                rows={data.channels}
                keyOf={({ kind, name }) => kind + name}
                href={addressOf}
                orderIn="heard"
              />
            )}
          </Section>
        </>
      )}
    </Page>
  )
}
