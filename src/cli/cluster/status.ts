// `respite cluster status`: the state of each broker in one table, and its problems.

import type { Terminal } from '../../prover/terminal.ts'
import { SLOT_COUNT } from '../../util/tables/hash-slot.ts'
import { BrokerConnection, BrokerError, type Credentials, fieldIn, readCredentials } from './broker-connection.ts'
import { type CommandLine, readAddresses } from './command-line.ts'
import { type ClusterShard, shardsAt } from './shards.ts'

/** A follower with a larger lag, in records, is reported. */
const LAG_MAX = 10_000
/** Ranges of slots that a row shows. */
const RANGES_SHOWN = 4

interface State {
  readonly address: string
  /** Why nothing else is known. */
  readonly unreached: string | undefined
  readonly state: string
  readonly shard: string
  readonly leader: string
  readonly epoch: number
  readonly position: number
  readonly leaseMs: number
  readonly underWay: number
  readonly failure: string
  /** Those of its shard; '' when the cluster has no slots. */
  readonly slots: string
  /** Slots that no node owns, as far as this one knows. */
  readonly unowned: number
}

/** Prints the table. Returns 1 when something is wrong, else 0. */
export async function status(words: CommandLine, terminal: Terminal): Promise<number> {
  const places = readAddresses(words.need('--nodes'))
  const entry = readCredentials(words)
  words.end()
  const states = await Promise.all(places.map((place) => stateOf(place, entry)))
  const rows = states.map((state) => {
    if (state.unreached !== undefined) return [state.address, 'away', '', '', '', '', '', '']
    const { address, epoch, leaseMs, position, shard, slots, underWay } = state
    const lag = Math.max(0, leaderPosition(states, state) - position)
    const isLeading = state.state === 'leading'
    return [
      address,
      state.state,
      shard,
      `${epoch}`,
      `${position}`,
      isLeading ? '' : `${lag}`,
      isLeading ? `${leaseMs} ms, ${underWay} under way` : '',
      slots,
    ]
  })
  printTable(terminal, [['broker', 'state', 'shard', 'epoch', 'position', 'behind', 'lease', 'slots'], ...rows])
  const problems = problemsOf(states)
  for (const problem of problems) terminal.print(`! ${problem}`)
  if (problems.length === 0) terminal.print('All is well.')
  return problems.length === 0 ? 0 : 1
}

async function stateOf(place: { host: string; port: number }, entry: Credentials): Promise<State> {
  let node: BrokerConnection | undefined
  try {
    node = await BrokerConnection.open(place, entry)
    const info = await node.ask('INFO', 'replication')
    const number = (name: string): number => Number(fieldIn(info, name) || '0')
    return {
      address: node.address,
      unreached: fieldIn(info, 'log_state') === '' ? 'it is not a broker of a log' : undefined,
      state: fieldIn(info, 'log_state'),
      shard: await shardOf(node),
      leader: fieldIn(info, 'log_leader'),
      epoch: number('log_epoch'),
      position: number('log_position'),
      leaseMs: number('log_lease_left_milliseconds'),
      underWay: number('log_records_under_way'),
      failure: fieldIn(info, 'log_failure'),
      ...(await slotsOf(node)),
    }
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error
    const nothing = {
      state: '',
      shard: '',
      leader: '',
      epoch: 0,
      position: 0,
      leaseMs: 0,
      underWay: 0,
      failure: '',
      slots: '',
      unowned: 0,
    }
    return { ...nothing, address: `${place.host}:${place.port}`, unreached: error.message }
  } finally {
    node?.close()
  }
}

async function shardOf(node: BrokerConnection): Promise<string> {
  const answer = await node.ask('CONFIG', 'GET', 'shard-name').catch(() => [])
  return Array.isArray(answer) ? String(answer[1] ?? '') : ''
}

/** The slots of the node's shard, as the node knows them. */
async function slotsOf(node: BrokerConnection): Promise<Pick<State, 'slots' | 'unowned'>> {
  const id = await node.ask('CLUSTER', 'MYID').catch(() => undefined)
  if (id === undefined) return { slots: '', unowned: 0 }
  const shards = await shardsAt(node)
  const own = shards.find(({ nodes }) => nodes.some((one) => one.id === id))
  const owned = shards.reduce((sum, shard) => sum + countOf(shard.slots), 0)
  return { slots: rangesText(own?.slots ?? []), unowned: SLOT_COUNT - owned }
}

/** The first ranges, and how many slots they all have. */
function rangesText(ranges: ClusterShard['slots']): string {
  if (ranges.length === 0) return 'none'
  const shown = ranges.slice(0, RANGES_SHOWN).map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`))
  return `${shown.join(',')}${ranges.length > RANGES_SHOWN ? ',…' : ''} (${countOf(ranges)})`
}

const countOf = (ranges: ClusterShard['slots']): number =>
  ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0)

/** The highest position in the shard of a broker. */
function leaderPosition(states: readonly State[], { shard }: State): number {
  return Math.max(...states.filter((state) => state.shard === shard).map(({ position }) => position))
}

function problemsOf(states: readonly State[]): string[] {
  const problems: string[] = []
  for (const state of states) {
    const { address, failure, leaseMs, position, unreached } = state
    if (unreached !== undefined) problems.push(unreached.startsWith(address) ? unreached : `${address}: ${unreached}`)
    else if (state.state === 'stopped') problems.push(`${address} has stopped: ${failure}`)
    else if (state.state === 'leading' && failure !== '')
      problems.push(`${address} leads but accepts no writes: ${failure}`)
    else if (state.state === 'leading' && leaseMs === 0)
      problems.push(`${address} leads but sends no replies: its lease has run out`)
    else if (leaderPosition(states, state) - position > LAG_MAX) problems.push(`${address} is far behind`)
  }
  const unowned = Math.max(0, ...states.map((state) => state.unowned))
  if (unowned > 0) problems.push(`${unowned} slots have no owner`)
  for (const shard of new Set(states.filter(({ unreached }) => unreached === undefined).map((state) => state.shard))) {
    const leaders = states.filter((state) => state.shard === shard && state.state === 'leading')
    if (leaders.length === 0) problems.push(`no broker leads ${shard}`)
    // Two leaders for a moment are normal: the one with the lower epoch has no lease any more, or
    // is about to learn of the other.
    if (leaders.length > 1)
      problems.push(
        `several brokers report that they lead ${shard}: ${leaders.map(({ address }) => address).join(', ')}`,
      )
  }
  return problems
}

function printTable(terminal: Terminal, rows: readonly (readonly string[])[]): void {
  const columns = rows[0] ?? []
  const widths = columns.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  for (const row of rows)
    terminal.print(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
}
