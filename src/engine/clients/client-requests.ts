// The requests of a client that have not run yet: unread bytes, a postponed request, the queue of a
// transaction, and the command that it is parked in.

import type { Arguments } from '../../protocol/arguments.ts'
import { RequestParser } from '../../protocol/request-parser.ts'

/** The facts that a client must know of its transaction (transaction.ts). */
export interface OpenTransaction {
  /** A command was refused while it was to be queued: EXEC will be refused. */
  broken: boolean
  /** Bytes of the queued arguments. */
  readonly bytes: number
  /** Bytes of the whole queue. */
  readonly memoryBytes: number
}

export class ClientRequests {
  readonly parser = new RequestParser()
  /** The transaction that MULTI has opened; undefined outside of one. */
  transaction: OpenTransaction | undefined = undefined
  /** Its postponed request, which runs first when the client goes on (postponed.ts). */
  postponed: Arguments | undefined = undefined
  /** Its command found nothing and waits in the waiting room (blocking.ts). */
  parked = false
  /** The time in ms that all runs of the command took that it is parked in. */
  parkedRunMs = 0
  /** Bytes of the arguments of its parked command. */
  parkedBytes = 0
  /** The relay to which its requests for data go (request-relay.ts). */
  relay: object | undefined = undefined
  /** READONLY: in a cluster, a replica may serve its reads of the primary's keys. */
  readsReplica = false

  /** Bytes of the arguments of its waiting command: it is parked, or its request is postponed. */
  get argumentBytes(): number {
    const { postponed, parkedBytes } = this
    return postponed === undefined ? parkedBytes : parkedBytes + postponed.contentBytes
  }

  /** Bytes of its unread requests, of its waiting command and of the queue of MULTI. */
  get bytes(): number {
    const { parser, transaction } = this
    return parser.reservedBytes + this.argumentBytes + (transaction === undefined ? 0 : transaction.memoryBytes)
  }
}
