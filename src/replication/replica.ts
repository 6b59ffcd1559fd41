// A replica: a connection that receives the stream, or will receive it.
//
//   known ──PSYNC that can continue──────────────────────────────────────────────▶ online
//     └─────PSYNC, SYNC──▶ waiting ──the snapshot begins──▶ copying ──all of it sent──▶ online
//                                                              └── it wants only the snapshot ──▶ done
//
// Its introductions before that (REPLCONF) are kept here as well. From `copying` on, the backlog is
// kept from its offset on: changes during the snapshot follow it in the stream.

import type { Client } from '../engine/clients/client.ts'
import type { ReplicaStatus } from '../engine/effects/replication.ts'
import type { Sender } from './sender.ts'

export type ReplicaState = 'known' | 'waiting' | 'copying' | 'online' | 'done'

/** The contents of a snapshot; replicas that want the same may share one. */
export interface ReplicaContents {
  readonly data: boolean
  readonly functions: boolean
}

export class Replica implements ReplicaStatus {
  readonly client: Client
  phase: ReplicaState = 'known'
  // Set by REPLCONF.
  port = 0
  announcedAddress = ''
  /**
   * It understands a snapshot of unknown length (`capa eof`), and another id in the reply to PSYNC
   * (`capa psync2`).
   */
  understandsEof = false
  understandsPsync2 = false
  /** It wants a snapshot and nothing after it. */
  wantsCopyOnly = false
  contents: ReplicaContents = { data: true, functions: true }
  /** It came with SYNC, so it never acknowledges an offset. */
  isSilent = false
  /** It is sent the snapshot as a file, whose size is announced first. */
  getsFile = false
  /** The file is being sent to it. */
  sendsFile = false
  /** The stream begins when it has acknowledged that it has loaded the snapshot. */
  startsOnAcknowledgement = false
  /**
   * The backlog is kept for it from this offset on. It has the bytes before, or they are in its
   * snapshot.
   */
  keptFrom = 0
  /** Sends it the snapshot; later `sender` sends it the backlog. */
  copySender: Sender | undefined = undefined
  sender: Sender | undefined = undefined
  /** How many of the bytes sent are counted in the statistics. */
  countedTo = 0
  /** The offsets it has acknowledged, in memory and on its disk; and when it last did (Unix ms). */
  offset = 0
  syncedOffset = 0
  heardMs = 0
  readonly #now: () => number

  constructor(client: Client, now: () => number) {
    this.client = client
    this.#now = now
  }

  /** Its address, as it announced it or as the connection shows it. */
  get address(): string {
    if (this.announcedAddress !== '') return this.announcedAddress
    const { address } = this.client.connection.transport
    return address.slice(0, address.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1')
  }

  /** Its name in log lines. */
  get name(): string {
    if (this.client.connection.transport.kind === 'unix') return `client id #${this.client.id}`
    return this.port === 0 ? `${this.address}:<unknown-replica-port>` : `${this.address}:${this.port}`
  }

  get state(): ReplicaStatus['state'] {
    if (this.phase === 'online') return 'online'
    return this.sendsFile ? 'send_bulk' : 'wait_bgsave'
  }

  get lagSeconds(): number {
    return this.phase === 'online' ? Math.floor(this.#now() / 1000) - Math.floor(this.heardMs / 1000) : 0
  }

  /** The offset of the first byte of the backlog that is still needed for it. */
  get needsFrom(): number {
    return this.sender?.neededFrom ?? this.keptFrom
  }

  /** The offset up to which the stream was handed to its connection. */
  get sentTo(): number {
    return this.sender?.offset ?? this.keptFrom
  }
}
