// The engine's view of replication: what commands, admission and INFO ask of it. Who does it stands above (src/replication).
//
// Without it a server is a primary that nobody may follow.

import type { Client } from './client.ts'

/** Whoever has replicas: every server, those that follow another included (chains). */
export interface Leading {
  /** Replicas that receive the stream of changes. */
  readonly onlineCount: number
}

/** How a server is getting on with the primary it follows. */
export interface Following {
  readonly host: string
  readonly port: number
  readonly state: 'connect' | 'connecting' | 'handshake' | 'sync' | 'connected'
  /** The stream is heard. */
  readonly linkUp: boolean
  /** How much of a snapshot has come; 0 of 0 = it is not known yet. Undefined while none is on its way. */
  readonly sync: { readonly totalBytes: number; readonly receivedBytes: number } | undefined
  /** How much of the stream has come; applied is `history.offset` of it. */
  readonly readOffset: number
  readonly lastHeardSeconds: number
  /** How long there has been no link; -1 = there never was one, or there is. */
  readonly downSeconds: number
  /** The data is the primary's as of `history.offset`. */
  readonly isContinuable: boolean
  /** The primary as a client here: what it sends is run under it. Undefined while there is no stream. */
  readonly primary: Client | undefined
}

export interface Replication {
  readonly leading: Leading
  /** Undefined while this server follows nobody. */
  readonly following: Following | undefined
  /** Follows a primary from now on, in the place of whom it followed before. */
  follow(primary: { readonly host: string; readonly port: number }): void
  /** Is a primary itself from now on; does nothing when it is one. */
  followNobody(): void
}
