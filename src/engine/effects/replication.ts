// The engine's view of replication: the questions that commands, admission and INFO ask. The
// implementation stands above (src/replication).
//
// Without it a server is a primary that no replica may follow.

import type { Client } from '../clients/client.ts'
import type { HistoryPosition } from './replication-history.ts'

/** A replica as INFO and ROLE show it. */
export interface ReplicaStatus {
  /** Its name in log lines. */
  readonly name: string
  readonly address: string
  readonly port: number
  readonly state: 'wait_bgsave' | 'send_bulk' | 'online'
  /** The offset that the replica last acknowledged. */
  readonly offset: number
  /** Seconds since its last acknowledgement. */
  readonly lagSeconds: number
}

/** The part of the stream that is kept for replicas that come back. */
export interface BacklogStatus {
  /** Offset of the first byte, counted from 1. */
  readonly firstOffset: number
  readonly length: number
}

/** The replicas of a server. A server that follows another may have some, too (chains). */
export interface ReplicasView {
  /** The number of replicas that receive the stream. */
  readonly onlineCount: number
  /**
   * Of those, the ones heard of within `min-replicas-max-lag`; undefined while the settings ask for
   * no replicas.
   */
  readonly goodCount: number | undefined
  /** All connected replicas, with those that are sent a snapshot or wait for one. */
  readonly statuses: readonly ReplicaStatus[]
  /** Undefined while there is no backlog. */
  readonly backlog: BacklogStatus | undefined
  /** Bytes of the stream, and of snapshots that are being sent. */
  readonly memoryBytes: number
  /** The part of those bytes that is kept only for replicas that are behind. */
  readonly replicaBytes: number
  /** Counts the replicas that have the stream up to an offset, in memory or on their disks. */
  countUpTo(offset: number, where: 'memory' | 'disk'): number
  /** Asks all replicas for an acknowledgement. */
  askForAcknowledgements(): void
}

/** The state of a server that follows a primary. */
export interface Following {
  readonly host: string
  readonly port: number
  readonly state: 'connect' | 'connecting' | 'handshake' | 'sync' | 'connected'
  /** The stream of the primary is being received. */
  readonly linkUp: boolean
  /**
   * The progress of a snapshot from the primary; undefined while none is awaited. `totalBytes`: -1
   * before it begins, 0 when only its end marks its length.
   */
  readonly sync: { readonly totalBytes: number; readonly receivedBytes: number } | undefined
  /**
   * The offset up to which the stream has been applied, and the offset up to which it has been
   * received.
   */
  readonly offset: number
  readonly readOffset: number
  readonly lastHeardSeconds: number
  /** Seconds without a link; -1 while there is one, or when there never was one. */
  readonly downSeconds: number
  /**
   * Like `downSeconds`, but without a link ever it counts from the start of following; 0 while
   * there is a link.
   */
  readonly unlinkedSeconds: number
  /** The data is the primary's as of `history.offset`, so replication can go on from there. */
  readonly isContinuable: boolean
  /** The client under which the primary's commands run; undefined while there is no stream. */
  readonly primary: Client | undefined
}

/** The progress of FAILOVER, in INFO's words. */
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

/** This server's part in a replicated log (src/replicated-log), which decides which node leads. */
export interface LogNode {
  readonly state: 'following' | 'standing' | 'leading' | 'stopped'
  /** The epoch, and below the position, of the last record that was read or acknowledged here. */
  readonly epoch: number
  readonly position: number
  /** The leader's address, `host:port`; '' while it is not known. */
  readonly leaderAddress: string
  /** The secret by which other nodes may send on requests of clients; '' = this server takes none. */
  readonly relayKey: string
  /** Milliseconds for which this server may still answer as the leader; 0 = it may not. */
  readonly leaseLeftMs: number
  /** The number of records in flight. */
  readonly underWay: number
  /** The age of the oldest effects that the log does not have, in milliseconds; 0 = it has all. */
  readonly lagMs: number
  /** The bytes of effects that the log does not have. */
  readonly lagBytes: number
  /** The reason why this node has stopped; undefined while it takes part. */
  readonly failure: string | undefined
  /** Undefined where no store for snapshots is set, and until the copy is loaded. */
  readonly snapshots: LogSnapshots | undefined
  /** The leader as a primary; undefined while this server leads. */
  readonly following: Following | undefined
  /**
   * Hands the lead over: to the node with this address, or to the first that takes it. The promise
   * is fulfilled when that is done, or when this node leads no more for another reason.
   */
  handOver(to?: string): Promise<void>
  /** Calls `run` whenever the state or the leader has changed. */
  onChange(run: () => void): void
}

export interface Replication {
  readonly replicas: ReplicasView
  /** Undefined without a replicated log. */
  readonly node: LogNode | undefined
  /** Undefined while this server follows no other. */
  readonly following: Following | undefined
  readonly failoverState: FailoverState
  /**
   * The position of the data in its history at this moment, for files; undefined where replication
   * could not go on from it.
   */
  readonly position: HistoryPosition | undefined
  /** Takes the role that the configuration names, before the first client connects. */
  takeRole(): void
  /** Follows a primary from now on, instead of the one before. */
  follow(primary: { readonly host: string; readonly port: number }): void
  /** Becomes a primary; does nothing when it is one. */
  followNobody(): void
}
