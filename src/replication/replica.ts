// A replica: a connection to whom the stream is sent, or is going to be.
//
//   known ──PSYNC that can go on──────────────────────────────────────────────────▶ online
//     └─────PSYNC, SYNC──▶ waiting ──the snapshot begins──▶ copying ──all of it sent──▶ online
//                                                              └── who wants no more than that ──▶ done
//
// What it says of itself before (REPLCONF) is kept here as well. From `copying` on
// its place in the backlog is held: what happens during the snapshot comes after it.

import type { Client } from '../engine/clients/client.ts'
import type { ReplicaStatus } from '../engine/effects/replication.ts'
import type { Sender } from './sender.ts'

export type ReplicaState = 'known' | 'waiting' | 'copying' | 'online' | 'done'

/** What a snapshot is to hold; replicas that want the same may share one. */
export interface Contents {
  readonly data: boolean
  readonly functions: boolean
}

export class Replica implements ReplicaStatus {
  readonly client: Client
  phase: ReplicaState = 'known'
  // What REPLCONF has said.
  port = 0
  announcedAddress = ''
  /** It understands a snapshot whose length is not known (`capa eof`), and another id in the reply to PSYNC (`capa psync2`). */
  understandsEof = false
  understandsPsync2 = false
  /** It wants a snapshot and nothing after it. */
  wantsCopyOnly = false
  contents: Contents = { data: true, functions: true }
  /** It came with SYNC: it never says how far it is. */
  isSilent = false
  /** It is sent the snapshot as a file, whose size it is told first. */
  getsFile = false
  /** The snapshot's bytes are on their way to it. */
  sendsFile = false
  /** The stream begins when it has said that it has loaded the snapshot. */
  startsOnAcknowledgement = false
  /** Offset from which on the backlog is kept for it; what was sent before it is with the replica, or in its snapshot. */
  place = 0
  /** Sends it the snapshot; then another one the backlog. */
  copySender: Sender | undefined = undefined
  sender: Sender | undefined = undefined
  /** How much of what it was sent is counted. */
  countedTo = 0
  /** How far it says it is, here and on its disk; and when it last said so (Unix ms). */
  offset = 0
  syncedOffset = 0
  heardMs = 0
  readonly #now: () => number

  constructor(client: Client, now: () => number) {
    this.client = client
    this.#now = now
  }

  /** Where it can be reached, as it says or as it seems. */
  get address(): string {
    if (this.announcedAddress !== '') return this.announcedAddress
    const { address } = this.client.transport
    return address.slice(0, address.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1')
  }

  /** How logs call it. */
  get name(): string {
    if (this.client.transport.kind === 'unix') return `client id #${this.client.id}`
    return this.port === 0 ? `${this.address}:<unknown-replica-port>` : `${this.address}:${this.port}`
  }

  get state(): ReplicaStatus['state'] {
    if (this.phase === 'online') return 'online'
    return this.sendsFile ? 'send_bulk' : 'wait_bgsave'
  }

  get lagSeconds(): number {
    return this.phase === 'online' ? Math.floor(this.#now() / 1000) - Math.floor(this.heardMs / 1000) : 0
  }

  /** Offset of the first byte of the backlog that is still needed for it. */
  get needsFrom(): number {
    return this.sender?.held ?? this.place
  }

  /** Offset up to which the stream was handed to its connection. */
  get sentTo(): number {
    return this.sender?.place ?? this.place
  }
}
