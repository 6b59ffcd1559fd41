// The engine's view of the shard that this server is part of, as Sentinel's commands tell it: which node is the primary, which follow, and whom
// else one may ask. Who knows stands above: a server with replicas knows of those, a replicated log of all.

import type { Handlers } from '../../util/tables/handlers.ts'

export interface SentinelNode {
  /** 40 hexadecimal digits; empty = not known. */
  readonly id: string
  /** Empty = this server, at the address at which it is asked. */
  readonly ip: string
  readonly port: number
  /** 0 = none. */
  readonly tlsPort: number
  readonly isUp: boolean
  readonly replicationOffset: number
  readonly priority: number
}

export interface SentinelView {
  /** What clients ask for: `mymaster`. */
  readonly name: string
  readonly primary: SentinelNode
  readonly replicas: readonly SentinelNode[]
  /** Others that answer Sentinel's commands; clients ask them when this one is gone. */
  readonly others: readonly SentinelNode[]
  /** The name of this node as one that answers. */
  readonly id: string
  /** Counts the changes of the primary. */
  readonly epoch: number
  /** Another node is the primary: who it was, and who it is. */
  readonly switched: Handlers<[from: SentinelNode, to: SentinelNode]>
}
