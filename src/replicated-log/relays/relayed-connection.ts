// A connection to the new leader for one client of the old one (relays.ts): it introduces the client
// (CLIENT RELAYED), sends one request at a time, and returns the bytes of its reply.

import type { Client } from '../../engine/clients/client.ts'
import { REPLY_TYPE, ReplyReader } from '../../protocol/reply-reader.ts'
import { encodeRequest } from '../../protocol/request-writer.ts'
import type { Address, Connection, ConnectionListener, Dial } from '../../replication/connection.ts'
import { assert } from '../../util/assert.ts'
import type { Clock, Timer } from '../../util/time/clock.ts'

/** An introduction that was refused is tried again after this time, so many times in all. */
const INTRODUCTION_MS = 20
const INTRODUCTIONS_MAX = 50

export interface RelayOwner {
  /** The reply to the request; the bytes belong to the owner. */
  answered(reply: Buffer): void
  /** The connection is of no use any more. `isRunning`: the request may have been run. */
  failed(isRunning: boolean): void
}

/** Requests whose replies are not the client's: the queue of a transaction. */
interface Prelude {
  readonly requests: Buffer
  readonly replies: number
}

interface Step extends Prelude {
  readonly what: 'introduction' | 'queue' | 'request'
}

export class RelayedConnection implements ConnectionListener {
  readonly #connection: Connection
  readonly #clock: Clock
  readonly #key: string
  readonly #owner: RelayOwner
  #isConnected = false
  /** The client as it was introduced last. */
  #introduced = ''
  /** The steps to the next reply; the first is under way once the connection stands. */
  #steps: Step[] = []
  #counter = new ReplyCounter()
  #refusals = 0
  #timer: Timer | undefined = undefined
  #received: Buffer[] = []

  constructor(clock: Clock, dial: Dial, to: Address, key: string, owner: RelayOwner) {
    this.#clock = clock
    this.#key = key
    this.#owner = owner
    this.#connection = dial(to, this, 'primary')
  }

  /** Sends a request of the client. No other is under way. */
  send(client: Client, request: Buffer, prelude?: Prelude): void {
    assert(this.#steps.length === 0, 'requests of a client are sent on one at a time')
    const { identity, database, protocol } = client
    const introduction = ['CLIENT', 'RELAYED', this.#key, identity.user.name, protocol, database, identity.name]
    const introduced = introduction.join('\0')
    if (introduced !== this.#introduced) {
      this.#introduced = introduced
      this.#steps.push({ what: 'introduction', requests: encodeRequest(introduction), replies: 1 })
    }
    if (prelude !== undefined) this.#steps.push({ what: 'queue', ...prelude })
    this.#steps.push({ what: 'request', requests: request, replies: 1 })
    if (this.#isConnected) this.#begin()
  }

  close(): void {
    this.#timer?.cancel()
    this.#steps = []
    this.#connection.close()
  }

  connected(): void {
    this.#isConnected = true
    if (this.#steps.length > 0) this.#begin()
  }

  received(bytes: Buffer): void {
    const [step] = this.#steps
    assert(step !== undefined, 'a leader sends nothing but replies to a client that is introduced')
    this.#received.push(bytes)
    try {
      this.#counter.feed(bytes)
    } catch {
      this.#end()
      return
    }
    if (this.#counter.count < step.replies || !this.#counter.isBetween) return
    const reply = this.#received.length === 1 ? bytes : Buffer.concat(this.#received)
    if (step.what === 'introduction' && reply[0] !== REPLY_TYPE.status) {
      // Other nodes may read that it leads before it knows that itself.
      if (++this.#refusals === INTRODUCTIONS_MAX) this.#end()
      else this.#timer = this.#clock.after(INTRODUCTION_MS, () => this.#begin())
      return
    }
    this.#steps.shift()
    if (step.what === 'request') this.#owner.answered(reply)
    else this.#begin()
  }

  ended(): void {
    this.#end()
  }

  #begin(): void {
    const [step] = this.#steps
    assert(step !== undefined, 'a step is begun that is due')
    this.#counter = new ReplyCounter()
    this.#received = []
    this.#connection.write(step.requests)
  }

  /** A queue that was sent without EXEC has changed nothing. */
  #end(): void {
    const isRunning = this.#isConnected && this.#steps[0]?.what === 'request'
    this.close()
    this.#owner.failed(isRunning)
  }
}

/** Counts replies. Their values are of no concern. */
class ReplyCounter extends ReplyReader<null> {
  count = 0

  protected scalar(): null {
    return null
  }

  protected container(): null {
    return null
  }

  protected take(): void {
    this.count++
  }
}
