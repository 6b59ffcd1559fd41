// Cluster: who leads, how far the others are, who has which slots, and moves under way.

import { command, commands, Refusal } from '../data/api.ts'
import { type Broker, brokersOf, keyOf } from '../data/brokers.ts'
import { readable } from '../data/bytes.ts'
import { bytes, count, counted, duration } from '../data/format.ts'
import { fieldsOf, listOf, pairsOf, textOfReply, wordsOf } from '../data/replies.ts'
import { useLoad } from '../data/use-load.ts'
import { ask } from '../parts/change.tsx'
import { Empty, Facts, Lacking, Page, RefusalLine, Section, Waiting } from '../parts/page.tsx'
import { Table } from '../parts/table.tsx'
import { type Broker as Shown, useSession } from '../shell/broker.ts'
import { behindOf, roleOf } from './brokers.tsx'

const SLOTS = 16_384
/** Slots of one square of the map. */
const SQUARE = 64

interface Cluster {
  readonly brokers: readonly Broker[]
  readonly info: Map<string, string>
  readonly log: Map<string, string>
  readonly moves: readonly (readonly (readonly [string, string])[])[]
}

async function load({ kind, mode }: Shown, signal: AbortSignal): Promise<Cluster> {
  const isRespite = kind === 'respite'
  const [brokers, [info, cluster, moves]] = await Promise.all([
    brokersOf(signal),
    commands([
      ['INFO', 'replication'],
      // Another server counts a command that it does not know as an error.
      isRespite || mode === 'cluster' ? ['CLUSTER', 'INFO'] : ['INFO', 'cluster'],
      ...(isRespite ? [['CLUSTER', 'MOVES']] : []),
    ]),
  ])
  const entries = moves instanceof Refusal ? [] : listOf(moves)
  return {
    brokers,
    info: fieldsOf(textOfReply(cluster)),
    log: fieldsOf(textOfReply(info)),
    moves: entries.map((entry) => pairsOf(entry).map(([name, value]) => [readable(name), readable(value)] as const)),
  }
}

/** Hands over to the first broker that has everything. */
const ANY = 'the first that is ready'

function failoverTo(to: string): string[] {
  if (to === ANY) return ['FAILOVER']
  const colon = to.lastIndexOf(':')
  return ['FAILOVER', 'TO', to.slice(0, colon), to.slice(colon + 1)]
}

function stateOf({ reachable, reason, self, state }: Broker): string {
  if (self) return 'this one'
  return reachable === false ? 'not reached' : (state ?? reason ?? '')
}

/** The lead is handed over by its leader: a change runs as a user who has signed in there. */
function LeaderLink({ leader: { name, url } }: { leader: Broker }) {
  return (
    <p class="note">
      The lead is handed over at the leader,{' '}
      {url === null || !/^https?:/.test(url) ? (
        name
      ) : (
        <a href={`${url}#/cluster`} rel="noreferrer">
          {name}
        </a>
      )}
    </p>
  )
}

export function ClusterPage() {
  const { broker } = useSession()
  const { data, refusal, reload } = useLoad('cluster', (signal) => load(broker, signal), 2000)
  const brokers = data?.brokers ?? []
  const leads = data?.log.get('role') === 'master'
  const leader = brokers.find(({ reachable, role }) => role === 'leader' && reachable !== false)
  const followers = brokers.flatMap(({ address, reachable, role, self }) =>
    !self && reachable === true && (role === 'follower' || role === 'replica') && address !== null ? [address] : [],
  )
  const handOver = (): void =>
    ask({
      title: 'Hand the lead over?',
      text: 'Writes wait until another broker has everything, and go on there.',
      verb: 'Hand over',
      name: broker.name,
      fields: [{ name: 'to', label: 'To', kind: 'choice', choices: [ANY, ...followers], value: ANY }],
      command: ({ to = ANY }) => failoverTo(to).join(' '),
      run: async ({ to = ANY }) => {
        await command(failoverTo(to))
        reload()
        return 'The lead is being handed over.'
      },
    })
  const hasOthers = brokers.length > 1
  return (
    <Page
      title="Cluster"
      aside={
        hasOthers &&
        (leads ? (
          <button type="button" class="danger" onClick={handOver}>
            Hand over …
          </button>
        ) : (
          leader !== undefined && <LeaderLink leader={leader} />
        ))
      }
    >
      {data === undefined ? (
        <Waiting refusal={refusal} />
      ) : (
        <>
          <RefusalLine refusal={refusal} />
          <Facts
            facts={[
              ['this broker', leads ? 'leads' : 'follows'],
              ['log', data.log.get('log_state')],
              ['leader', data.log.get('log_leader')],
              ['epoch', data.log.get('log_epoch') ?? data.info.get('cluster_current_epoch')],
              [
                'lease',
                data.log.get('log_state') === 'leading'
                  ? `${duration(Number(data.log.get('log_lease_left_milliseconds')))} left`
                  : undefined,
              ],
              ['behind', data.log.has('log_lag_bytes') ? bytes(Number(data.log.get('log_lag_bytes'))) : undefined],
              [
                'offset',
                data.log.has('master_repl_offset') ? count(Number(data.log.get('master_repl_offset'))) : undefined,
              ],
              ['replicas', data.log.get('connected_slaves')],
              [
                'slots',
                data.info.get('cluster_slots_assigned') === undefined
                  ? undefined
                  : `${count(Number(data.info.get('cluster_slots_ok')))} of ${count(SLOTS)}`,
              ],
              ['state', data.info.get('cluster_state')],
            ]}
          />
          {data.brokers.length > 0 && (
            <Section title="Brokers" note="The nodes of the cluster, and those that console-brokers names">
              <Table
                label="Brokers"
                columns={[
                  {
                    title: 'Broker',
                    cell: ({ name, url, self }) =>
                      self ? (
                        <strong>{name}</strong>
                      ) : url === null || !/^https?:/.test(url) ? (
                        name
                      ) : (
                        <a href={url} rel="noreferrer">
                          {name}
                        </a>
                      ),
                  },
                  { title: 'Address', kind: 'code', width: 14, from: 600, cell: ({ address }) => address ?? '' },
                  { title: 'Role', width: 8, cell: roleOf },
                  {
                    title: 'State',
                    width: 10,
                    from: 900,
                    cell: stateOf,
                  },
                  { title: 'Epoch', kind: 'num', width: 5, from: 900, cell: ({ epoch }) => count(epoch) },
                  {
                    title: 'Lease',
                    kind: 'num',
                    width: 6,
                    from: 1200,
                    cell: ({ leaseMs }) => (leaseMs === null ? '' : duration(leaseMs)),
                  },
                  { title: 'Behind', kind: 'num', width: 7, cell: behindOf },
                ]}
                rows={data.brokers}
                keyOf={keyOf}
                isDim={({ reachable }) => reachable === false}
              />
              {!hasOthers && (
                <Empty command="respite cluster create --name orders --log nats://…">
                  This broker stands alone. Several may share a log, of which one leads; or a replica follows with
                  REPLICAOF. A log begins so:
                </Empty>
              )}
            </Section>
          )}
          {broker.missing?.leases !== undefined && <Lacking reason={broker.missing.leases} />}
          <Followers log={data.log} />
          <Slots brokers={data.brokers} />
          {data.moves.length > 0 && (
            <Section title="Moves" note={counted(data.moves.length, 'move')}>
              <ul class="tree">
                {data.moves.map((move) => (
                  <li key={JSON.stringify(move)}>{move.map(([name, value]) => `${name} ${value}`).join(', ')}</li>
                ))}
              </ul>
            </Section>
          )}
        </>
      )}
    </Page>
  )
}

function Followers({ log }: { log: ReadonlyMap<string, string> }) {
  const own = Number(log.get('master_repl_offset') ?? 0)
  const rows = [...log]
    .filter(([name]) => /^slave\d+$/.test(name))
    .map(([name, text]) => ({ name, ...wordsOf(text, ',') }) as Record<string, string>)
  if (rows.length === 0) return null
  return (
    <Section title="Replicas" note="Which follow this broker">
      <Table
        label="Replicas"
        columns={[
          { title: 'Replica', kind: 'code', cell: ({ ip, port }) => `${ip}:${port}` },
          { title: 'State', width: 8, cell: ({ state }) => state },
          { title: 'Lag', kind: 'num', width: 8, cell: ({ offset }) => bytes(Math.max(0, own - Number(offset))) },
          { title: 'Last seen', kind: 'num', width: 8, from: 600, cell: ({ lag }) => `${lag} s ago` },
        ]}
        rows={rows}
        keyOf={({ name }) => name ?? ''}
      />
    </Section>
  )
}

/** A square for each 64 slots, with the number of the broker that has the most of them. */
function Slots({ brokers }: { brokers: readonly Broker[] }) {
  const owners = brokers.filter(({ slots = [] }) => slots.length > 0)
  if (owners.length === 0) return null
  const squares = Array.from({ length: SLOTS / SQUARE }, (_, i) => {
    const from = i * SQUARE
    return owners.findIndex(({ slots = [] }) =>
      slots.some(([first, last]) => first <= from + SQUARE - 1 && last >= from),
    )
  })
  const shares = owners.map(({ name, slots = [] }) => ({
    name,
    count: slots.reduce((sum, [first, last]) => sum + last - first + 1, 0),
    slots,
  }))
  return (
    <Section title="Slots" note="A square is 64 slots">
      <div
        class="slots"
        role="img"
        aria-label={shares.map(({ name, count: own }) => `${name} has ${own} slots`).join(', ')}
      >
        {squares.map((owner, i) => (
          <i
            key={String(i)}
            class={owner < 0 ? 'slot none' : `slot owner-${owner % 6}`}
            title={`${i * SQUARE} to ${(i + 1) * SQUARE - 1}: ${owners[owner]?.name ?? 'no broker'}`}
          />
        ))}
      </div>
      <ul class="legend">
        {shares.map(({ name, count: own, slots }, i) => (
          <li key={name}>
            <i class={`slot owner-${i % 6}`} /> {name}{' '}
            <span class="quiet">
              {count(own)}: {slots.map(([first, last]) => (first === last ? first : `${first}–${last}`)).join(', ')}
            </span>
          </li>
        ))}
      </ul>
    </Section>
  )
}
