// The shards of a cluster under test, and the slots that move between them.
//
// All keys of a part of the load have one hash tag, so they are in one slot and move together.

import { assert } from '../../util/assert.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import type { Random } from '../../util/numbers/random.ts'
import { hashSlotOf } from '../../util/tables/hash-slot.ts'
import type { Reply } from '../durability/write-methods.ts'
import { anyOf } from './any-of.ts'
import type { Cluster } from './cluster.ts'
import { Connection } from './connection.ts'
import type { TrialProcess } from './trial-process.ts'

/** Brokers with one log. */
export interface Shard {
  readonly name: string
  readonly brokers: readonly TrialProcess[]
}

/** The hash tags of the keys in use. */
export const TAGS = ['{a}', '{b}', '{c}', '{d}'] as const
const ASK_MS = 2000

/** Returns the shard that serves a key; undefined when none says so now. */
export async function ownerOf(cluster: Cluster, key: string): Promise<Shard | undefined> {
  for (const shard of cluster.shards) {
    const [reply] = await askOf(await cluster.leader(shard), [['EXISTS', key]])
    if (typeof reply === 'number') return shard
  }
  return undefined
}

/**
 * Begins to move the slots of some tags to another shard, and returns the shards; undefined when
 * they cannot be moved now.
 */
export async function moveSlots(cluster: Cluster, random: Random): Promise<{ from: Shard; to: Shard } | undefined> {
  const from = await ownerOf(cluster, anyOf(TAGS, random))
  const owners = await Promise.all(TAGS.map((tag) => ownerOf(cluster, tag)))
  const own = TAGS.filter((_, i) => owners[i] === from)
  const others = cluster.shards.filter((shard) => shard !== from)
  if (from === undefined || own.length === 0 || others.length === 0) return undefined
  const to = anyOf(others, random)
  const moving = own.slice(0, 1 + random.below(own.length))
  const ranges = moving.flatMap((tag) => [slotOf(tag), slotOf(tag)])
  const [reply] = await askOf(await cluster.leader(from), [['CLUSTER', 'MOVESLOTS', to.name, ...ranges]])
  return reply === 'OK' ? { from, to } : undefined
}

/** Tells whether slots are moving, as a broker knows it. */
export async function hasMoves(broker: TrialProcess): Promise<boolean> {
  const [moves] = await askOf(broker, [['CLUSTER', 'MOVES']])
  if (!Array.isArray(moves)) return true
  const states = (moves as Reply[][]).map((fields) => fields[fields.indexOf('state') + 1])
  return states.some((state) => state !== 'done' && state !== 'cancelled')
}

/** Tells whether a broker knows all of the shards. */
export async function knowsShards(broker: TrialProcess, count: number): Promise<boolean> {
  const [shards] = await askOf(broker, [['CLUSTER', 'SHARDS']])
  return Array.isArray(shards) && shards.length === count
}

function slotOf(tag: string): string {
  return String(hashSlotOf(Bytes.from(tag)))
}

/** Asks a broker; an empty list when it does not reply. */
async function askOf(broker: TrialProcess | undefined, requests: string[][]): Promise<Reply[]> {
  assert(broker !== undefined, 'there is a broker to ask')
  const connection = new Connection(broker.host, broker.port)
  try {
    return await connection.ask(requests, ASK_MS)
  } catch {
    // It was hit just now: another one is asked, or it is asked again.
    return []
  } finally {
    connection.end()
  }
}
