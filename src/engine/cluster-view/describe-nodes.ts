// Describes the nodes of a cluster in lines of text, for CLUSTER NODES and for the file that keeps
// the map.
//
//   <id> <ip>:<port>@<bus port>[,<host name>] <flags> <primary or -> <ping> <pong> <epoch> <link>
//   … <slot> <first>-<last> …
//   … [<slot>->-<id>] [<slot>-<-<id>]     migrating and importing slots, of this node
//
// Nodes do not talk with each other here: no ping was sent, no pong received, and every link is up.

import { SLOT_COUNT } from '../../util/tables/hash-slot.ts'
import type { ClusterNode, ClusterView } from './cluster-view.ts'
import { type SlotRange, slotRanges } from './slot-ranges.ts'

/** The parts of a cluster's view that the lines show. */
export type DescribedCluster = Pick<
  ClusterView,
  'myself' | 'nodes' | 'ownerOf' | 'migratingTo' | 'importingFrom' | 'hasOpenSlots'
>

/** Returns the second word of a line, the node's address. */
export type AddressColumn = (node: ClusterNode) => string

/** Describes all nodes, or the given ones; each line has its end. */
export function describeNodes(
  cluster: DescribedCluster,
  place: AddressColumn,
  nodes: Iterable<ClusterNode> = cluster.nodes.values(),
): string[] {
  const ranges = new Map<ClusterNode, SlotRange[]>()
  for (const range of slotRanges({ ownerOf: (slot) => cluster.ownerOf(slot) })) {
    const own = ranges.get(range.owner)
    if (own === undefined) ranges.set(range.owner, [range])
    else own.push(range)
  }
  return Array.from(nodes, (node) => {
    const words = [node.id, place(node), flagsOf(node, cluster), node.primary?.id ?? '-']
    words.push('0', '0', String(node.epoch), 'connected')
    for (const { first, last } of ranges.get(node) ?? [])
      words.push(first === last ? String(first) : `${first}-${last}`)
    if (node === cluster.myself && cluster.hasOpenSlots) words.push(...openSlots(cluster))
    return `${words.join(' ')}\n`
  })
}

function flagsOf(node: ClusterNode, { myself }: DescribedCluster): string {
  const flags = node === myself ? ['myself'] : []
  flags.push(node.primary === undefined ? 'master' : 'slave')
  if (node.health === 'fail') flags.push('fail')
  return flags.join(',')
}

function openSlots(cluster: DescribedCluster): string[] {
  const words: string[] = []
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    const to = cluster.migratingTo(slot)
    const from = cluster.importingFrom(slot)
    if (to !== undefined) words.push(`[${slot}->-${to.id}]`)
    else if (from !== undefined) words.push(`[${slot}-<-${from.id}]`)
  }
  return words
}
