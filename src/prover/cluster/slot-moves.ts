// Slots that move between the shards of a cluster under test.
//
// All keys of a part of the load have one hash tag, so they are in one slot and move together.

import { Bytes } from '../../util/bytes/bytes.ts'
import type { Random } from '../../util/numbers/random.ts'
import { hashSlotOf } from '../../util/tables/hash-slot.ts'
import { anyOf } from './any-of.ts'
import type { Cluster } from './cluster.ts'
import { askOf, type Shard } from './shards.ts'

/** The hash tags of the keys in use. */
export const TAGS = ['{a}', '{b}', '{c}', '{d}'] as const

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

function slotOf(tag: string): string {
  return String(hashSlotOf(Bytes.from(tag)))
}
