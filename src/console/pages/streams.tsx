// A list with the clients that wait on it, and a stream with its groups and pending entries.

import type { ComponentChildren } from 'preact'
import { command, get, part, type Text } from '../data/api.ts'
import { readable } from '../data/bytes.ts'
import { bytes, count, counted, duration, timeOfId } from '../data/format.ts'
import { link } from '../data/route.ts'
import { useLoad } from '../data/use-load.ts'
import { ask } from '../parts/change.tsx'
import { Empty, Facts, Page, RefusalLine, Section, Time, Waiting } from '../parts/page.tsx'
import { Table } from '../parts/table.tsx'
import { useDatabase } from '../shell/broker.ts'

interface List {
  readonly length: number
  readonly waitingIsOfList?: boolean
  readonly waiting: readonly {
    readonly clientId: number | null
    readonly name: string
    readonly address: string
    readonly command: string
    readonly waitsMs: number | null
  }[]
  readonly head: readonly Text[]
  readonly tail: readonly Text[]
}

interface Pending {
  readonly id: string
  readonly consumer: string
  readonly idleMs: number
  readonly deliveries: number
}

interface Group {
  readonly name: string
  readonly consumers: readonly {
    readonly name: string
    readonly pending: number
    readonly idleMs: number
    readonly inactiveMs: number | null
  }[]
  readonly pending: number
  readonly lastDeliveredId: string
  readonly lag: number | null
  readonly pendingEntries: readonly Pending[]
}

interface Stream {
  readonly length: number
  readonly firstId: string | null
  readonly lastId: string | null
  readonly entriesAdded: number
  readonly bytes: number | null
  readonly groups: readonly Group[]
}

const ABOVE = [['Queues', link(['queues'])]] as const

interface Loaded<Value> {
  readonly data: Value
  readonly db: string
  readonly reload: () => void
}

interface KeyPageProps<Value> {
  readonly name: string
  readonly endpoint: 'lists' | 'streams'
  readonly children: (loaded: Loaded<Value>) => ComponentChildren
}

/** The frame of both pages: the key is asked for again every two seconds. */
function KeyPage<Value>({ name, endpoint, children }: KeyPageProps<Value>) {
  const db = useDatabase()
  const { data, refusal, reload } = useLoad(
    `${endpoint} ${db} ${name}`,
    (signal) => get<Value>(`${endpoint}/${part(name)}`, { db }, signal),
    2000,
  )
  return (
    <Page
      title={name}
      above={ABOVE}
      aside={
        <a class="button" href={link(['keys'], { key: name, db })}>
          As a key
        </a>
      }
    >
      {data === undefined ? (
        <Waiting refusal={refusal} />
      ) : (
        <>
          <RefusalLine refusal={refusal} />
          {children({ data, db, reload })}
        </>
      )}
    </Page>
  )
}

export function ListPage({ name }: { name: string }) {
  const elements = (list: readonly Text[], from: number) => (
    <Table
      label="Elements"
      columns={[
        { title: 'Index', kind: 'num', width: 6, cell: ({ index }) => String(index) },
        { title: 'Element', kind: 'code', cell: ({ text }) => readable(text).slice(0, 300) },
      ]}
      rows={list.map((text, i) => ({ text, index: from + i }))}
      keyOf={({ index }) => String(index)}
    />
  )
  return (
    <KeyPage<List> name={name} endpoint="lists">
      {({ data }) => (
        <>
          <Facts
            facts={[
              ['length', count(data.length)],
              ['waiting', counted(data.waiting.length, 'client')],
            ]}
          />
          <Section
            title="Waiting clients"
            note={
              data.waitingIsOfList === false
                ? 'Those that wait for some list of this database: the server does not tell for which'
                : 'In the order in which they are served'
            }
          >
            {data.waiting.length === 0 ? (
              <Empty command={`redis-cli BLPOP ${name} 0`}>
                No client waits: an element that is pushed stays until one comes.
              </Empty>
            ) : (
              <Table
                label="Waiting clients"
                columns={[
                  {
                    title: 'Client',
                    cell: ({ clientId, name }) => (name === '' ? String(clientId) : `${name} (${clientId})`),
                  },
                  { title: 'Address', kind: 'code', width: 14, from: 600, cell: ({ address }) => address },
                  { title: 'Command', width: 10, cell: ({ command }) => command },
                  { title: 'Waits', kind: 'num', width: 8, cell: ({ waitsMs }) => duration(waitsMs) },
                ]}
                rows={data.waiting}
                keyOf={({ clientId }) => String(clientId)}
                href={({ clientId }) => link(['clients'], { id: clientId ?? '' })}
              />
            )}
          </Section>
          {data.length > 0 && <Section title="Head">{elements(data.head, 0)}</Section>}
          {data.length > data.head.length && (
            <Section title="Tail">{elements(data.tail, data.length - data.tail.length)}</Section>
          )}
        </>
      )}
    </KeyPage>
  )
}

export function StreamPage({ name }: { name: string }) {
  return (
    <KeyPage<Stream> name={name} endpoint="streams">
      {({ data, db, reload }) => (
        <>
          <Facts
            facts={[
              ['entries', count(data.length)],
              ['ever added', count(data.entriesAdded)],
              ['size', data.bytes === null ? undefined : bytes(data.bytes)],
              ['first', <Time key="first" at={timeOfId(data.firstId)} />],
              ['last', <Time key="last" at={timeOfId(data.lastId)} />],
            ]}
          />
          {data.groups.length === 0 && (
            <Empty command={`redis-cli XGROUP CREATE ${name} workers $`}>
              The stream has no group. One is made so:
            </Empty>
          )}
          {data.groups.map((group) => (
            <GroupSection key={group.name} stream={name} group={group} db={Number(db)} reload={reload} />
          ))}
        </>
      )}
    </KeyPage>
  )
}

function GroupSection({ stream, group, db, reload }: { stream: string; group: Group; db: number; reload: () => void }) {
  const acknowledge = (id: string): void => {
    const words = ['XACK', stream, group.name, id]
    ask({
      title: 'Acknowledge the entry?',
      text: 'It counts as done, and comes to no consumer again.',
      verb: 'Acknowledge',
      command: () => words.join(' '),
      run: async () => {
        await command(words, db)
        reload()
        return 'The entry is acknowledged.'
      },
    })
  }
  const claim = (id: string): void => {
    const words = (consumer = ''): string[] => ['XCLAIM', stream, group.name, consumer, '0', id, 'JUSTID']
    ask({
      title: 'Give the entry to another consumer?',
      verb: 'Claim',
      fields: [{ name: 'consumer', label: 'Consumer', value: group.consumers[0]?.name }],
      command: ({ consumer }) => words(consumer).join(' '),
      run: async ({ consumer }) => {
        await command(words(consumer), db)
        reload()
        return `${consumer} has the entry.`
      },
    })
  }
  return (
    <Section
      title={group.name}
      note={
        <>
          group, lag {count(group.lag)}, {count(group.pending)} pending, at <code>{group.lastDeliveredId}</code>
        </>
      }
    >
      {group.consumers.length === 0 ? (
        <Empty command={`redis-cli XREADGROUP GROUP ${group.name} ana STREAMS ${stream} '>'`}>
          No consumer has read yet. The first reads so:
        </Empty>
      ) : (
        <Table
          label={`Consumers of ${group.name}`}
          columns={[
            { title: 'Consumer', cell: ({ name }) => name },
            { title: 'Pending', kind: 'num', width: 8, cell: ({ pending }) => count(pending) },
            { title: 'Idle', kind: 'num', width: 9, cell: ({ idleMs }) => duration(idleMs) },
          ]}
          rows={group.consumers}
          keyOf={({ name }) => name}
        />
      )}
      {group.pendingEntries.length > 0 && (
        <Table
          label={`Pending entries of ${group.name}`}
          columns={[
            { title: 'Pending entry', kind: 'code', cell: ({ id }) => id },
            { title: 'Consumer', width: 9, cell: ({ consumer }) => consumer },
            { title: 'Idle', kind: 'num', width: 7, from: 600, cell: ({ idleMs }) => duration(idleMs) },
            { title: 'Deliveries', kind: 'num', width: 7, from: 600, cell: ({ deliveries }) => count(deliveries) },
            {
              title: 'Change',
              width: 11,
              cell: ({ id }) => (
                <>
                  <button type="button" class="plain" aria-label={`Ack ${id}`} onClick={() => acknowledge(id)}>
                    Ack …
                  </button>{' '}
                  <button type="button" class="plain" aria-label={`Claim ${id}`} onClick={() => claim(id)}>
                    Claim …
                  </button>
                </>
              ),
            },
          ]}
          rows={group.pendingEntries}
          keyOf={({ id }) => id}
        />
      )}
    </Section>
  )
}
