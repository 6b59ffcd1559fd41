// A replica: a connection that receives the stream, or will receive it.
//
//   known ──PSYNC that can continue──────────────────────────────────────────────▶ online
//     └─────PSYNC, SYNC──▶ waiting ──the snapshot begins──▶ copying ──all of it sent──▶ online
//                                                              └── it wants only the snapshot ──▶ done
//
// From `copying` on, the backlog is
// kept from its offset on: changes during the snapshot follow it in the stream.

import type { Client } from '../engine/clients/client.ts'
import type { ReplicaStatus } from '../engine/effects/replication.ts'
import { ReplicaCopy } from './replica-copy.ts'
import { ReplicaIntroduction } from './replica-introduction.ts'
import type { Sender } from './sender.ts'

export type ReplicaState = 'known' | 'waiting' | 'copying' | 'online' | 'done'

export class Replica implements ReplicaStatus {
  readonly client: Client
  phase: ReplicaState = 'known'
  readonly introduction = new ReplicaIntroduction()
  readonly copy = new ReplicaCopy()
  /** The offsets it has acknowledged, in memory and on its disk; and when it last did (Unix ms). */
  readonly acknowledged = { offset: 0, syncedOffset: 0, heardMs: 0 }
  /**
   * The backlog is kept for it from this offset on. It has the bytes before, or they are in its
   * snapshot.
   */
  keptFrom = 0
  /** Sends it the backlog. */
  sender: Sender | undefined = undefined
  /** How many of the bytes sent are counted in the statistics. */
  countedTo = 0
  readonly #now: () => number

  constructor(client: Client, now: () => number) {
    this.client = client
    this.#now = now
  }

  /** Its address, as it announced it or as the connection shows it. */
  get address(): string {
    const announced = this.introduction.address
    if (announced !== '') return announced
    const { address } = this.client.connection.transport
    return address.slice(0, address.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1')
  }

  get port(): number {
    return this.introduction.port
  }

  get offset(): number {
    return this.acknowledged.offset
  }

  /** Its name in log lines. */
  get name(): string {
    if (this.client.connection.transport.kind === 'unix') return `client id #${this.client.id}`
    return this.port === 0 ? `${this.address}:<unknown-replica-port>` : `${this.address}:${this.port}`
  }

  get state(): ReplicaStatus['state'] {
    if (this.phase === 'online') return 'online'
    return this.copy.sendsFile ? 'send_bulk' : 'wait_bgsave'
  }

  get lagSeconds(): number {
    return this.phase === 'online' ? Math.floor(this.#now() / 1000) - Math.floor(this.acknowledged.heardMs / 1000) : 0
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
