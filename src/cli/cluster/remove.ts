// `respite cluster remove`: removes a broker once the others can go on without it. The log keeps
// everything; only the broker's copy goes.

import type { Terminal } from '../../prover/terminal.ts'
import { sleep } from '../../util/time/real-time.ts'
import { UsageError } from '../usage-error.ts'
import {
  BrokerConnection,
  BrokerError,
  type Credentials,
  fieldIn,
  readCredentials,
  unlessClosed,
} from './broker-connection.ts'
import { type CommandLine, readAddress, readAddresses } from './command-line.ts'
import { type ClusterShard, shardsAt } from './shards.ts'

/** A handover and a shutdown take milliseconds; a busy log makes them wait. */
const LOOKS_MAX = 100
const LOOK_MS = 100

/**
 * Removes one broker or, with `--shard yes`, all brokers of a shard that owns no slots. Returns 0
 * when it is gone.
 */
export async function remove(words: CommandLine, terminal: Terminal): Promise<number> {
  const target = readAddress(words.need('--node'))
  const others = readAddresses(words.need('--others'))
  const isShardMeant = words.take('--shard') === 'yes'
  const entry = readCredentials(words)
  words.end()
  if (others.some(({ host, port }) => host === target.host && port === target.port))
    throw new UsageError("'--others' must name the brokers that stay")
  const node = await BrokerConnection.open(target, entry)
  try {
    const shards = await shardsAt(node).catch(() => [])
    const own = shards.find(({ nodes }) => nodes.some((one) => one.host === target.host && one.port === target.port))
    if (isShardMeant) {
      if (own === undefined) throw new UsageError('it does not belong to a cluster of several shards')
      if (own.slots.length > 0)
        throw new UsageError(`the shard owns slots: move them first (${countSlots(own)} are left)`)
      return await removeShard(own, others, entry, terminal)
    }
    await requireFollower(node, others, entry, terminal)
    await end(target, entry, terminal)
    await forget(
      own?.nodes.filter(({ host, port }) => `${host}:${port}` === node.address).map(({ id }) => id) ?? [],
      others,
      entry,
    )
    return 0
  } finally {
    node.close()
  }
}

/**
 * Makes sure that another broker leads, and tells whether one is left to take over from that one.
 */
async function requireFollower(
  node: BrokerConnection,
  others: readonly { host: string; port: number }[],
  entry: Credentials,
  terminal: Terminal,
): Promise<void> {
  const position = Number(fieldIn(await node.ask('INFO', 'replication'), 'log_position') || '-1')
  if (position < 0) throw new UsageError(`${node.address} is not a broker of a log`)
  let able = 0
  for (const other of others) {
    const answer = await infoOf(other, entry)
    if (answer !== undefined && ['following', 'leading'].includes(fieldIn(answer, 'log_state'))) able++
  }
  if (able === 0) throw new UsageError('none of the others follows the log: no broker would lead')
  if (able === 1) terminal.print('Note: one broker is left, and no other can take over from it.')
  if (fieldIn(await node.ask('INFO', 'replication'), 'log_state') !== 'leading') return
  terminal.print(`${node.address} leads: it hands over`)
  // A node that stops being leader closes its client connections.
  await node.ask('FAILOVER').catch(unlessClosed)
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    for (const other of others) if (fieldIn((await infoOf(other, entry)) ?? '', 'log_state') === 'leading') return
    await sleep(LOOK_MS)
  }
  throw new BrokerError('no broker has taken the lead')
}

async function removeShard(
  shard: ClusterShard,
  others: readonly { host: string; port: number }[],
  entry: Credentials,
  terminal: Terminal,
): Promise<number> {
  // The leader last: otherwise a follower would take over.
  for (const { host, port } of shard.nodes.toSorted((a, b) => Number(a.leads) - Number(b.leads)))
    await end({ host, port }, entry, terminal)
  await forget(
    shard.nodes.map(({ id }) => id),
    others,
    entry,
  )
  terminal.print('Its log is unchanged: remove the stream when it is no longer needed.')
  return 0
}

/** Shuts a broker down, and waits until it does not answer any more. */
async function end(place: { host: string; port: number }, entry: Credentials, terminal: Terminal): Promise<void> {
  const node = await BrokerConnection.open(place, entry)
  // The connection ends instead of a reply.
  await node.ask('SHUTDOWN', 'NOSAVE').catch(unlessClosed)
  node.close()
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    if ((await infoOf(place, entry)) === undefined) {
      terminal.print(`${node.address} has ended; see that nothing starts it again, and remove its directory`)
      return
    }
    await sleep(LOOK_MS)
  }
  throw new BrokerError(`${node.address} has not ended`)
}

/** Makes the other brokers forget these ids. Without slots, brokers remember no others. */
async function forget(
  ids: readonly string[],
  others: readonly { host: string; port: number }[],
  entry: Credentials,
): Promise<void> {
  for (const other of others) {
    const node = await BrokerConnection.open(other, entry)
    // Another broker may have passed it on: then the id is unknown here.
    for (const id of ids) await node.ask('CLUSTER', 'FORGET', id).catch(() => null)
    node.close()
  }
}

async function infoOf(place: { host: string; port: number }, entry: Credentials): Promise<string | undefined> {
  try {
    const node = await BrokerConnection.open(place, entry)
    const info = String(await node.ask('INFO', 'replication'))
    node.close()
    return info
  } catch (error) {
    // A broker that is away does not count.
    if (error instanceof BrokerError) return undefined
    throw error
  }
}

const countSlots = ({ slots }: ClusterShard): number => slots.reduce((sum, [first, last]) => sum + last - first + 1, 0)
