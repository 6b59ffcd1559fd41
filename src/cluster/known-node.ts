// A node in the map of a cluster.

import type { ClusterNode } from '../engine/cluster-view/cluster-view.ts'

/**
 * The distance from a node's port to the port of the cluster bus in Redis. Clients are told that
 * port, but this program does not listen on it. /
 */
export const BUS_PORT_OFFSET = 10_000

export class KnownNode implements ClusterNode {
  readonly id: string
  shardId: string
  ip = ''
  port = 0
  tlsPort = 0
  busPort = 0
  hostname = ''
  primary: KnownNode | undefined = undefined
  epoch = 0
  /**
   * Other nodes are not asked: they count as online until their slots are given to another node.
   */
  health: 'online' | 'fail' | 'loading' = 'online'
  slotCount = 0
  /** Known only for this node itself. */
  offset: () => number = () => 0

  constructor(id: string, shardId: string) {
    this.id = id
    this.shardId = shardId
  }

  get replicationOffset(): number {
    return this.offset()
  }
}
