// One channel: who is remembered and how far, what is kept, what is scheduled, what comes.

import { useEffect, useRef, useState } from 'preact/hooks'
import { command, get, part, Refusal, type Text } from '../data/api.ts'
import { readable } from '../data/bytes.ts'
import { bytes, count, counted, duration, NONE, rate, timeOfId } from '../data/format.ts'
import { link, useRoute } from '../data/route.ts'
import { useLoad } from '../data/use-load.ts'
import { ask } from '../parts/change.tsx'
import { Empty, Facts, Lacking, Page, RefusalLine, Search, Section, Tabs, Time, Waiting } from '../parts/page.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Value } from '../parts/value.tsx'
import { useSession } from '../shell/broker.ts'
import { publish } from './channels.tsx'
import { Tail } from './tail.tsx'

interface Place {
  readonly user: string
  readonly name: string
  readonly group: string | null
  readonly connected: boolean
  readonly connections: number
  readonly place: string
  readonly lag: number | null
  readonly behindMs: number | null
  readonly lastContact: number | null
}

interface Channel {
  readonly name: string
  readonly kind: 'channel' | 'pattern' | 'shard'
  readonly subscribers: number
  readonly rate?: number | null
  readonly rule: string | null
  readonly messages: number
  readonly bytes: number
  readonly firstId: string | null
  readonly lastId: string | null
  readonly ageMs: number | null
  readonly away: number
  readonly missed: number
  readonly places: readonly Place[]
  readonly pending: readonly { readonly id: string; readonly at: number; readonly message: Text }[]
}

interface Message {
  readonly id: string
  readonly at: number
  readonly message: Text
}

export function ChannelPage({ name }: { name: string }) {
  const { query } = useRoute()
  const { missing = {} } = useSession().broker
  const kind = query.get('kind') ?? 'channel'
  const { data, refusal, reload } = useLoad(
    `${kind} ${name}`,
    (signal) => get<Channel>(`channels/${part(name)}`, { kind }, signal),
    2000,
  )
  const above = [['Channels', link(['channels'])]] as const
  const isGone = refusal instanceof Refusal && refusal.status === 404 && data === undefined
  const view = query.get('view') ?? (kind === 'pattern' ? 'tail' : 'messages')
  const last = kind === 'shard' ? ['SHARD'] : kind === 'pattern' ? ['PATTERN'] : []
  return (
    <Page
      title={name}
      above={above}
      aside={
        kind !== 'pattern' && (
          <>
            <button type="button" onClick={() => publish(name, missing.schedule === undefined, reload)}>
              Publish …
            </button>
            {(data?.messages ?? 0) > 0 && (
              <button type="button" onClick={() => trim(name, last, reload)}>
                Trim …
              </button>
            )}
          </>
        )
      }
    >
      {isGone ? (
        <Empty command={`redis-cli SUBSCRIBE ${name}\nredis-cli CONFIG SET channel "${name} keep 1h"`}>
          Nothing listens to this channel, and nothing of it is kept. It appears with a subscriber, or with a rule:
        </Empty>
      ) : data === undefined ? (
        <Waiting refusal={refusal} />
      ) : (
        <>
          <RefusalLine refusal={refusal} />
          <Facts
            facts={[
              ['listening', count(data.subscribers)],
              ['rate', data.rate === undefined ? undefined : rate(data.rate)],
              ['kept', kind === 'pattern' ? undefined : `${counted(data.messages, 'message')}, ${bytes(data.bytes)}`],
              ['oldest', data.ageMs === null ? undefined : `${duration(data.ageMs)} ago`],
              ['away', data.away > 0 ? <span class="warn">{counted(data.away, 'subscriber')}</span> : undefined],
              ['missed', data.missed > 0 ? <span class="warn">{counted(data.missed, 'message')}</span> : undefined],
              ['rule', data.rule === null ? undefined : <code>{data.rule}</code>],
            ]}
          />
          <Section title="Remembered" note="Names and groups, and how far each has heard">
            {missing.names !== undefined ? (
              <Lacking reason={missing.names} />
            ) : data.places.length === 0 ? (
              <Empty command={`CLIENT SETNAME billing\nSUBSCRIBE ${name}`}>
                No subscriber is remembered. One with a name hears later what it missed, if a rule keeps the messages:
              </Empty>
            ) : (
              <Table
                label="Remembered subscribers"
                columns={placeColumns(name, last, reload)}
                rows={data.places}
                keyOf={({ user, name }) => `${user} ${name}`}
              />
            )}
          </Section>
          {data.pending.length > 0 && (
            <Section title="Scheduled" note={counted(data.pending.length, 'message')}>
              <Table
                label="Scheduled messages"
                columns={[
                  { title: 'At', width: 9, cell: ({ at }) => <Time at={at} /> },
                  { title: 'Message', kind: 'code', cell: ({ message }) => readable(message).slice(0, 300) },
                  { title: 'Id', width: 14, from: 900, kind: 'code', cell: ({ id }) => id },
                  {
                    title: 'Change',
                    width: 7,
                    cell: ({ id }) => (
                      <button type="button" class="plain" onClick={() => cancel(name, id, reload)}>
                        Cancel …
                      </button>
                    ),
                  },
                ]}
                rows={data.pending}
                keyOf={({ id }) => id}
              />
            </Section>
          )}
          <Tabs
            name="view"
            label="Messages"
            current={view}
            tabs={
              kind === 'pattern'
                ? [['tail', 'Live tail']]
                : [
                    ['messages', 'History'],
                    ['tail', 'Live tail'],
                  ]
            }
          />
          {view !== 'tail' && missing.kept !== undefined ? (
            <Lacking reason={missing.kept} />
          ) : view === 'tail' ? (
            <Tail {...(kind === 'pattern' ? { pattern: name } : { channel: name })} />
          ) : (
            <Messages name={name} kind={kind} lastId={data.lastId} />
          )}
        </>
      )}
    </Page>
  )
}

function placeColumns(name: string, last: readonly string[], reload: () => void): readonly Column<Place>[] {
  return [
    {
      title: 'Name',
      cell: ({ name, group }) =>
        group === null ? (
          name
        ) : (
          <>
            {group} <span class="quiet">group</span>
          </>
        ),
    },
    { title: 'User', width: 8, from: 900, cell: ({ user, group }) => (group === null ? user : '') },
    {
      title: 'State',
      width: 9,
      from: 600,
      cell: ({ connected, connections }) =>
        connected ? connections > 1 ? `${connections} connected` : 'connected' : <span class="warn">away</span>,
    },
    {
      title: 'Lag',
      kind: 'num',
      width: 5.5,
      cell: ({ lag }) => (lag !== null && lag > 0 ? <strong>{count(lag)}</strong> : count(lag)),
    },
    {
      title: 'Behind',
      kind: 'num',
      width: 7,
      from: 900,
      cell: ({ behindMs, place }) => (place === '0-0' ? NONE : duration(behindMs)),
    },
    {
      title: 'Position',
      kind: 'code',
      width: 14,
      from: 1200,
      cell: ({ place }) => (place === '0-0' ? 'the first' : place),
    },
    {
      title: 'Last contact',
      width: 10,
      from: 1200,
      cell: ({ connected, lastContact }) => (connected ? 'now' : <Time at={lastContact} />),
    },
    {
      title: 'Change',
      width: 11.5,
      cell: (place) => (
        <>
          <button
            type="button"
            class="plain"
            aria-label={`Move ${place.name}`}
            onClick={() => seek(name, place, last, reload)}
          >
            Move …
          </button>{' '}
          <button
            type="button"
            class="plain"
            aria-label={`Forget ${place.name}`}
            onClick={() => forget(name, place, last, reload)}
          >
            Forget …
          </button>
        </>
      ),
    },
  ]
}

const who = ({ user, name, group }: Place): [string, string] => (group === null ? [user, name] : ['$share', group])

function seek(channel: string, place: Place, last: readonly string[], reload: () => void): void {
  const words = (to = ''): string[] => ['CHANNEL', 'SEEK', channel, ...who(place), to, ...last]
  ask({
    title: `Move the position of ${who(place)[1]}?`,
    text: 'A connected subscriber goes there at once, and hears again what lies behind the new position.',
    verb: 'Move',
    fields: [
      {
        name: 'to',
        label: 'To',
        value: 'FIRST',
        hint: 'FIRST, LAST, the id of a message, or a Unix time in milliseconds',
      },
    ],
    command: ({ to }) => words(to).join(' '),
    run: async ({ to }) => {
      await command(words(to))
      reload()
      return `${who(place)[1]} goes on there.`
    },
  })
}

function forget(channel: string, place: Place, last: readonly string[], reload: () => void): void {
  const words = ['CHANNEL', 'FORGET', channel, ...who(place), ...last]
  ask({
    title: `Forget ${who(place)[1]}?`,
    text: 'What it has missed will not be sent to it any more.',
    verb: 'Forget',
    name: who(place)[1],
    command: () => words.join(' '),
    run: async () => {
      await command(words)
      reload()
      return `${who(place)[1]} is forgotten.`
    },
  })
}

function trim(channel: string, last: readonly string[], reload: () => void): void {
  const words = (keep = ''): string[] => ['CHANNEL', 'TRIM', channel, 'MAXLEN', keep, ...last]
  ask({
    title: `Remove old messages of ${channel}?`,
    text: 'Subscribers that have not read them will be told of a gap.',
    verb: 'Trim',
    name: channel,
    fields: [{ name: 'keep', label: 'Messages to keep', kind: 'number', value: '1000' }],
    command: ({ keep }) => words(keep).join(' '),
    run: async ({ keep }) => {
      const removed = await command(words(keep))
      reload()
      return `${counted(Number(removed), 'message')} removed.`
    },
  })
}

function cancel(channel: string, id: string, reload: () => void): void {
  const words = ['CHANNEL', 'CANCEL', channel, id]
  ask({
    title: 'Take the scheduled message back?',
    verb: 'Take back',
    command: () => words.join(' '),
    run: async () => {
      await command(words)
      reload()
      return 'The message will not be published.'
    },
  })
}

/** The part of an id or of a time that a reader types: an id, Unix milliseconds, or a date and time of the zone. */
function position(text: string): string {
  if (text === '' || /^\d+(-\d+)?$/.test(text)) return text
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? text : String(ms)
}

const PAGE_MESSAGES = 500

/** One page of the history, as the address names it. */
interface HistoryPage {
  /** The reader's start; without one the newest stand first. */
  readonly from: string
  /** The page lies before this id, or after it. */
  readonly before: string
  readonly after: string
}

/** The parameters of a request for a page. A page that lies before an id is asked for backwards. */
function parametersOf({ from, before, after }: HistoryPage): { order: 'asc' | 'desc'; from?: string; to?: string } {
  if (before !== '') return { order: 'desc', to: `(${before}` }
  if (after !== '') return { order: 'asc', from: `(${after}` }
  return from === '' ? { order: 'desc' } : { order: 'asc', from: position(from) }
}

function Messages({ name, kind, lastId }: { name: string; kind: string; lastId: string | null }) {
  const { query } = useRoute()
  const page: HistoryPage = {
    from: query.get('from') ?? '',
    before: query.get('before') ?? '',
    after: query.get('after') ?? '',
  }
  const { from, before, after } = page
  const [chosen, setChosen] = useState<string | undefined>()
  const parameters = { kind, limit: PAGE_MESSAGES, ...parametersOf(page) }
  const isNewest = from === '' && before === '' && after === ''
  const { data, refusal } = useLoad(
    `${name} ${kind} ${from} ${before} ${after} ${isNewest ? lastId : ''}`,
    async (signal) => {
      const { messages, next } = await get<{ messages: readonly Message[]; next: string | null }>(
        `channels/${part(name)}/messages`,
        parameters,
        signal,
      )
      const isReverse = (parameters.order === 'asc') === (from === '')
      return { messages: isReverse ? messages.toReversed() : messages, hasMore: next !== null }
    },
  )
  const shown = useLast(data)
  // The links to other pages stand below the list, and a page is read from its beginning.
  const head = useRef<HTMLDivElement>(null)
  const isTurned = useRef(false)
  useEffect(() => {
    if (isTurned.current) head.current?.scrollIntoView({ block: 'start' })
    isTurned.current = true
  }, [before, after])
  const message = shown?.messages.find(({ id }) => id === chosen)
  return (
    <>
      <div ref={head} class="filters">
        <Search
          name="from"
          label="From"
          hint="an id, or 2026-01-31 12:00"
          size={28}
          isFirst
          resets={['before', 'after']}
        />
        <p class="note">{from === '' ? 'The newest first' : 'From there on, the oldest first'}</p>
      </div>
      {message !== undefined && (
        <div class="detail">
          <Facts
            facts={[
              ['id', <code key="id">{message.id}</code>],
              ['at', <Time key="at" at={message.at} />],
            ]}
          />
          <Value text={message.message} label={`Message ${message.id}`} />
        </div>
      )}
      {shown === undefined ? (
        <Waiting refusal={refusal} />
      ) : shown.messages.length === 0 ? (
        <Empty command={`redis-cli PUBLISH ${name} hello`}>
          {isNewest
            ? 'Nothing is kept. A message that a rule keeps appears here:'
            : before === ''
              ? 'Nothing is kept from there on.'
              : 'Nothing older is kept.'}
        </Empty>
      ) : (
        <Table
          label="Kept messages"
          columns={[
            { title: 'At', width: 9, cell: ({ id, at }) => <Time at={at ?? timeOfId(id)} /> },
            {
              title: 'Message',
              kind: 'code',
              cell: ({ id, message }) => (
                <button
                  type="button"
                  class="line"
                  data-row
                  aria-pressed={id === chosen}
                  onClick={() => setChosen(id === chosen ? undefined : id)}
                >
                  {readable(message).slice(0, 300) || <span class="quiet">empty</span>}
                </button>
              ),
            },
            { title: 'Id', kind: 'code', width: 14, from: 900, cell: ({ id }) => id },
          ]}
          rows={shown.messages}
          keyOf={({ id }) => id}
        />
      )}
      {shown !== undefined && <Pager page={page} {...shown} />}
    </>
  )
}

interface PagerProps {
  readonly page: HistoryPage
  readonly messages: readonly Message[]
  /** The request was cut off by its limit. */
  readonly hasMore: boolean
}

/** Leads to the pages beside this one by the ids at its ends. */
function Pager({ page: { from, before, after }, messages, hasMore }: PagerProps) {
  const { path, query } = useRoute()
  const [first, last] = [messages[0]?.id, messages.at(-1)?.id]
  const [oldest, newest] = from === '' ? [last, first] : [first, last]
  const isBackwards = before !== '' || (from === '' && after === '')
  const hasOlder = oldest !== undefined && (isBackwards ? hasMore : true)
  const hasNewer = newest !== undefined && (isBackwards ? before !== '' : hasMore)
  const isElsewhere = from !== '' || before !== '' || after !== ''
  const to = (changes: Readonly<Record<string, string>>): string =>
    link(path, { ...Object.fromEntries(query), before: '', after: '', ...changes })
  if (!hasOlder && !hasNewer && !isElsewhere) return null
  return (
    <nav class="more actions" aria-label="Pages of the history">
      {isElsewhere && (
        <a class="button" href={to({ from: '' })}>
          Newest
        </a>
      )}
      {hasNewer && (
        <a class="button" href={to({ after: newest })}>
          Newer
        </a>
      )}
      {hasOlder && (
        <a class="button" href={to({ before: oldest })}>
          Older
        </a>
      )}
    </nav>
  )
}

/** The last value that there was: so a list stays while the next one is loaded. */
function useLast<T>(value: T | undefined): T | undefined {
  const [last, setLast] = useState(value)
  if (value !== undefined && value !== last) setLast(value)
  return value ?? last
}
