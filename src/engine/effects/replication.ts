// The engine's view of replication: what commands, admission and INFO ask of it. Who does it stands above (src/replication).
//
// Without it a server is a primary that nobody may follow.

import type { Client } from '../clients/client.ts'
import type { HistoryPosition } from './replication-history.ts'

/** A replica as INFO and ROLE show it. */
export interface ReplicaStatus {
  /** How logs call it. */
  readonly name: string
  readonly address: string
  readonly port: number
  readonly state: 'wait_bgsave' | 'send_bulk' | 'online'
  /** How far it says it is. */
  readonly offset: number
  /** Seconds since it last said so. */
  readonly lagSeconds: number
}

/** What is kept of the stream for those who come back. */
export interface BacklogStatus {
  /** Offset of the first byte, counted from 1. */
  readonly firstOffset: number
  readonly length: number
}

/** Whoever has replicas: every server, those that follow another included (chains). */
export interface ReplicasView {
  /** Replicas that receive the stream of changes. */
  readonly onlineCount: number
  /** Of those, the ones that have been heard of within `min-replicas-max-lag`; undefined while nobody asks for any. */
  readonly goodCount: number | undefined
  /** All that are connected, those that are sent a snapshot or wait for one included. */
  readonly statuses: readonly ReplicaStatus[]
  /** Undefined while nothing is kept. */
  readonly backlog: BacklogStatus | undefined
  /** Memory of the stream, and of snapshots on their way. */
  readonly memoryBytes: number
  /** Of that, what only replicas need that are behind. */
  readonly replicaBytes: number
  /** How many replicas have the stream up to an offset, in memory or on their disks. */
  countUpTo(offset: number, where: 'memory' | 'disk'): number
  /** Has all replicas say how far they are. */
  askForAcknowledgements(): void
}

/** How a server is getting on with the primary it follows. */
export interface Following {
  readonly host: string
  readonly port: number
  readonly state: 'connect' | 'connecting' | 'handshake' | 'sync' | 'connected'
  /** The stream is heard. */
  readonly linkUp: boolean
  /** How much of a snapshot has come; of -1 = none has begun, of 0 = its end shows itself. Undefined while none is awaited. */
  readonly sync: { readonly totalBytes: number; readonly receivedBytes: number } | undefined
  /** How much of the stream has been applied, and how much has come. */
  readonly offset: number
  readonly readOffset: number
  readonly lastHeardSeconds: number
  /** How long there has been no link; -1 = there never was one, or there is. */
  readonly downSeconds: number
  /** As `downSeconds`, and from the start of following on where there never was a link; 0 while there is one. */
  readonly unlinkedSeconds: number
  /** The data is the primary's as of `history.offset`. */
  readonly isContinuable: boolean
  /** The primary as a client here: what it sends is run under it. Undefined while there is no stream. */
  readonly primary: Client | undefined
}

/** How far the handing over of this server's place to a replica has got, in INFO's words. */
export type FailoverState = 'no-failover' | 'waiting-for-sync' | 'failover-in-progress'

/** Positions of the log about which this node knows a snapshot; 0 = none. */
export interface LogSnapshots {
  /** Of the last one that this node put into the store. */
  readonly made: number
  /** Of the last one of another node that this node has verified. */
  readonly verified: number
  /** The records up to here were truncated by this node. */
  readonly truncatedBehind: number
}

/** This server's part in a replicated log (src/replicated-log): who leads is decided there. */
export interface LogNode {
  readonly state: 'following' | 'standing' | 'leading' | 'stopped'
  /** Of the last record that was read here, or acknowledged. */
  readonly epoch: number
  readonly position: number
  /** Who leads, as `host:port`; '' = it is not known. */
  readonly leaderAddress: string
  /** For so long this server may answer as the leader; 0 = it may not. */
  readonly leaseLeftMs: number
  /** Records that were sent, and are not acknowledged. */
  readonly underWay: number
  /** Why it takes no part any more. */
  readonly failure: string | undefined
  /** Undefined where no store for snapshots is set, and until the copy is loaded. */
  readonly snapshots: LogSnapshots | undefined
  /** The leader as a primary; undefined while this server leads. */
  readonly following: Following | undefined
  /** Hands the lead over, to the node with this address, or to whoever is first. Fulfilled when that is done, or this node leads no more. */
  handOver(to?: string): Promise<void>
  /** Calls `run` whenever the state has changed, or somebody else leads. */
  onChange(run: () => void): void
}

export interface Replication {
  readonly replicas: ReplicasView
  /** Undefined where no log is. */
  readonly node: LogNode | undefined
  /** Undefined while this server follows nobody. */
  readonly following: Following | undefined
  readonly failoverState: FailoverState
  /** Which state of which history the data is in at this moment, for files; undefined where nobody could go on from it. */
  readonly position: HistoryPosition | undefined
  /** Takes the role that the configuration names, before the first client connects. */
  takeRole(): void
  /** Follows a primary from now on, in the place of whom it followed before. */
  follow(primary: { readonly host: string; readonly port: number }): void
  /** Is a primary itself from now on; does nothing when it is one. */
  followNobody(): void
}
