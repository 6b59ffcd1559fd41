// The engine's view of its own shard, for Sentinel's commands: the primary, its replicas, and other
// nodes that answer these commands. The implementation stands above: replication knows the
// replicas, a replicated log all nodes.

import type { Handlers } from '../../util/tables/handlers.ts'

export interface SentinelNode {
  /** 40 hexadecimal digits; empty = not known. */
  readonly id: string
  /** Empty = this server, at the address that the client is connected to. */
  readonly ip: string
  readonly port: number
  /** 0 = none. */
  readonly tlsPort: number
  readonly isUp: boolean
  readonly replicationOffset: number
  readonly priority: number
}

export interface SentinelView {
  /** The name by which clients ask for the primary: `mymaster`. */
  readonly name: string
  readonly primary: SentinelNode
  readonly replicas: readonly SentinelNode[]
  /** Other nodes that answer Sentinel's commands. Clients ask them when this one is gone. */
  readonly others: readonly SentinelNode[]
  /** The id under which this node answers. */
  readonly id: string
  /** The number of changes of the primary. */
  readonly epoch: number
  /** Called with the former primary and the new one, when another node has become the primary. */
  readonly switched: Handlers<[from: SentinelNode, to: SentinelNode]>
}
