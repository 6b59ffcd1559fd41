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
  readonly linkUp: boolean
  /** The primary as a client here: what it sends is run under it. Undefined while there is no stream. */
  readonly primary: Client | undefined
}

export interface Replication {
  readonly leading: Leading
  /** Undefined while this server follows nobody. */
  readonly following: Following | undefined
}
