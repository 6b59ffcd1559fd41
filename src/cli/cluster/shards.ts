// The shards of a cluster, as one of its nodes reports them.

import { UsageError } from '../usage-error.ts'
import { type Answer, BrokerConnection, type Credentials, valueIn } from './broker-connection.ts'

export interface ShardNode {
  readonly id: string
  readonly host: string
  readonly port: number
  readonly leads: boolean
}

export interface ClusterShard {
  readonly slots: readonly (readonly [first: number, last: number])[]
  readonly nodes: readonly ShardNode[]
}

/** Asks CLUSTER SHARDS. */
export async function shardsAt(node: BrokerConnection): Promise<ClusterShard[]> {
  const answer = await node.ask('CLUSTER', 'SHARDS')
  if (!Array.isArray(answer)) return []
  return answer.map((shard: Answer): ClusterShard => {
    const bounds = (valueIn(shard, 'slots') ?? []) as readonly number[]
    const nodes = (valueIn(shard, 'nodes') ?? []) as readonly Answer[]
    const slots = bounds.flatMap((first, i) => (i % 2 === 0 ? [[first, bounds[i + 1] ?? first] as const] : []))
    return { slots, nodes: nodes.map(nodeOf) }
  })
}

/** Connects to the leader of the shard with this name. Throws `UsageError` when there is none. */
export async function leaderOf(
  name: string,
  shards: readonly ClusterShard[],
  entry: Credentials,
): Promise<{ leader: BrokerConnection; shard: ClusterShard }> {
  for (const shard of shards) {
    const place = shard.nodes.find(({ leads }) => leads)
    if (place === undefined) continue
    const leader = await BrokerConnection.open(place, entry)
    const said = await leader.ask('CONFIG', 'GET', 'shard-name')
    if (Array.isArray(said) && said[1] === name) return { leader, shard }
    leader.close()
  }
  throw new UsageError(`no shard ${name} has a leader here`)
}

function nodeOf(node: Answer): ShardNode {
  return {
    id: String(valueIn(node, 'id')),
    host: String(valueIn(node, 'ip')),
    port: Number(valueIn(node, 'port') ?? valueIn(node, 'tls-port')),
    leads: valueIn(node, 'role') === 'master',
  }
}
