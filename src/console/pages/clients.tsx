// Clients: who is connected, what each does, and what waits to be sent to it.

import { command } from '../data/api.ts'
import { readable } from '../data/bytes.ts'
import { bytes, count, counted, duration } from '../data/format.ts'
import { wordsOf } from '../data/replies.ts'
import { useRoute } from '../data/route.ts'
import { useLoad } from '../data/use-load.ts'
import { ask } from '../parts/change.tsx'
import { Empty, Page, RefusalLine, Search, Waiting } from '../parts/page.tsx'
import { type Column, Table } from '../parts/table.tsx'

type Client = Readonly<Record<string, string>>

const numberIn = (client: Client, name: string): number => Number(client[name] ?? 0)
const subscriptions = (client: Client): number =>
  numberIn(client, 'sub') + numberIn(client, 'psub') + numberIn(client, 'ssub')
const backlog = (client: Client): number => numberIn(client, 'omem') + numberIn(client, 'obl')
const library = ({ 'lib-name': name = '', 'lib-ver': version = '' }: Client): string => `${name} ${version}`.trim()

function columns(reload: () => void): readonly Column<Client>[] {
  return [
    {
      title: 'Id',
      kind: 'num',
      width: 4,
      from: 600,
      cell: ({ id }) => id ?? '',
      sort: (client) => numberIn(client, 'id'),
    },
    { title: 'Name', cell: ({ name }) => name || <span class="quiet">no name</span>, sort: ({ name }) => name },
    { title: 'User', width: 8, from: 900, cell: ({ user }) => user, sort: ({ user }) => user },
    { title: 'Address', kind: 'code', width: 12, from: 600, cell: ({ addr }) => addr, sort: ({ addr }) => addr },
    { title: 'Command', width: 9, cell: ({ cmd = '' }) => cmd.replace('|', ' ').toUpperCase(), sort: ({ cmd }) => cmd },
    {
      title: 'Idle',
      kind: 'num',
      width: 6,
      from: 600,
      cell: (client) => duration(numberIn(client, 'idle') * 1000),
      sort: (client) => numberIn(client, 'idle'),
    },
    {
      title: 'Age',
      kind: 'num',
      width: 7,
      from: 1600,
      cell: (client) => duration(numberIn(client, 'age') * 1000),
      sort: (client) => numberIn(client, 'age'),
    },
    {
      title: 'Subscribed',
      kind: 'num',
      width: 6.5,
      from: 1200,
      cell: (client) => count(subscriptions(client)),
      sort: subscriptions,
    },
    {
      title: 'Backlog',
      kind: 'num',
      width: 6.5,
      cell: (client) =>
        backlog(client) > 0 ? <span class="warn">{bytes(backlog(client))}</span> : <span class="quiet">0 B</span>,
      sort: backlog,
    },
    {
      title: 'Memory',
      kind: 'num',
      width: 6,
      from: 1200,
      cell: (client) => bytes(numberIn(client, 'tot-mem')),
      sort: (client) => numberIn(client, 'tot-mem'),
    },
    { title: 'Library', width: 11, from: 1600, cell: library, sort: library },
    {
      title: 'Change',
      width: 5,
      cell: (client) => (
        <button
          type="button"
          class="plain"
          aria-label={`Kill client ${client.id}`}
          onClick={() => kill(client, reload)}
        >
          Kill …
        </button>
      ),
    },
  ]
}

function kill({ id = '', name = '', addr = '' }: Client, reload: () => void): void {
  const words = ['CLIENT', 'KILL', 'ID', id]
  ask({
    title: `Kill client ${id}?`,
    text: `The connection of ${name || addr} ends. Most clients connect again by themselves.`,
    verb: 'Kill',
    command: () => words.join(' '),
    run: async () => {
      const killed = await command(words)
      reload()
      return killed === 1 ? `Client ${id} is gone.` : `Client ${id} was gone already.`
    },
  })
}

export function ClientsPage() {
  const { query } = useRoute()
  const match = (query.get('match') ?? query.get('id') ?? '').toLowerCase()
  const { data, refusal, reload } = useLoad(
    'clients',
    async () =>
      readable(await command(['CLIENT', 'LIST']))
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => wordsOf(line, ' ')),
    2000,
  )
  const isWanted = (client: Client): boolean =>
    match === '' ||
    [client.id, client.name, client.user, client.addr, client.cmd, library(client)].some((text) =>
      text?.toLowerCase().includes(match),
    )
  const rows = data?.filter(isWanted) ?? []
  return (
    <Page title="Clients">
      <div class="filters">
        <Search name="match" label="Containing" hint="name, user, address" isFirst />
        {data !== undefined && <p class="note">{counted(rows.length, 'client')}</p>}
      </div>
      {data === undefined ? (
        <Waiting refusal={refusal} />
      ) : (
        <>
          <RefusalLine refusal={refusal} />
          {rows.length === 0 ? (
            <Empty command="redis-cli CLIENT SETNAME billing">
              No client matches. One with a name is easier to find:
            </Empty>
          ) : (
            <Table label="Clients" columns={columns(reload)} rows={rows} keyOf={({ id }) => id ?? ''} orderIn="order" />
          )}
        </>
      )}
    </Page>
  )
}
