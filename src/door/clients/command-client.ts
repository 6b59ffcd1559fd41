// Commands of one user on one HTTP connection: a client of the engine whose replies become JSON.
//
// Requests run in the order in which they came, as over a socket. A long one is fed as a socket
// would bring it, one read a turn of the loop, so others are served meanwhile.

import type { Engine } from '../../commands/call.ts'
import type { Client, Transport } from '../../engine/clients/client.ts'
import { READ_BUFFER_BYTES } from '../../protocol/limits.ts'
import { RequestWriter } from '../../protocol/request-writer.ts'
import { itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { Source } from '../../util/bytes/bytes.ts'
import { setImmediate } from '../../util/time/real-time.ts'
import type { Connection, Exchange } from '../exchanges/exchange.ts'
import { HttpError } from '../exchanges/http-error.ts'
import { connectVisitor, proveVisitor, type Visitor } from '../rights/visitor.ts'
import { type Encoding, type JsonReply, JsonReplyReader, type JsonReplyReceiver } from './json-replies.ts'

/** A word of a command: text (sent as UTF-8) or bytes. */
export type Word = string | Uint8Array

const SCRATCH_BYTES = 16 * 1024

/**
 * Memory for encoding requests. It is free again when `encode` has copied them, or the engine has
 * read them.
 */
const requests = { scratch: new RequestWriter(SCRATCH_BYTES) }

/** Some commands with one answer. */
interface Batch {
  readonly encoding: Encoding
  readonly replies: JsonReply[]
  missing: number
  resolve(replies: readonly JsonReply[]): void
  reject(error: Error): void
}

export class CommandClient implements Transport, JsonReplyReceiver {
  readonly kind = 'tcp'
  readonly address: string
  readonly localAddress: string
  readonly isEncrypted: boolean
  readonly descriptor = -1
  readonly backlogBytes = 0
  readonly #engine: Engine
  readonly #connection: Connection
  readonly #client: Client
  readonly #reader = new JsonReplyReader(this)
  /** Batches that still lack replies. */
  readonly #waiting: Batch[] = []
  /** Requests that are still to be fed, and how much of the first one was fed. */
  readonly #queue: Buffer[] = []
  #fed = 0

  /** Throws HttpError if the visitor's user is unknown. */
  constructor(engine: Engine, exchange: Exchange, visitor: Visitor) {
    const { address, connection, isEncrypted, localAddress } = exchange
    this.address = address
    this.localAddress = localAddress
    this.isEncrypted = isEncrypted
    this.#engine = engine
    this.#connection = connection
    this.#client = connectVisitor(engine, this, visitor)
  }

  get isClosed(): boolean {
    return this.#client.closed
  }

  /** Checks the visitor again: its password may have changed since. Throws HttpError. */
  prove(visitor: Visitor): void {
    proveVisitor(this.#engine, this.#client, visitor)
  }

  /**
   * Runs commands one after the other. Rejects with HttpError if the connection has ended
   * meanwhile.
   */
  run(commands: readonly (readonly Word[])[], encoding: Encoding): Promise<readonly JsonReply[]> {
    if (commands.length === 0) return Promise.resolve([])
    return new Promise((resolve, reject) => {
      this.#waiting.push({ encoding, replies: [], missing: commands.length, resolve, reject })
      this.#send(encode(commands))
    })
  }

  #send(request: RequestWriter): void {
    if (this.#queue.length === 0 && request.length <= READ_BUFFER_BYTES) {
      this.#engine.receive(this.#client, request.source, 0, request.length)
      return
    }
    this.#queue.push(Buffer.from(request.u8.subarray(0, request.length)))
    if (this.#queue.length === 1) setImmediate(() => this.#feed())
  }

  /** Feeds as much as a socket would bring in one read. */
  #feed(): void {
    const request = this.#queue[0]
    if (request === undefined || this.isClosed) return
    const end = Math.min(this.#fed + READ_BUFFER_BYTES, request.length)
    this.#engine.receive(this.#client, new Source(request), this.#fed, end)
    this.#fed = end
    if (end === request.length) {
      this.#queue.shift()
      this.#fed = 0
    }
    if (this.#queue.length > 0) setImmediate(() => this.#feed())
  }

  // ── the engine's side ────────────────────────────────────────────────────

  write(bytes: Buffer): boolean {
    this.#reader.feed(bytes)
    return true
  }

  get encoding(): Encoding {
    return this.#waiting[0]?.encoding ?? 'utf8'
  }

  reply(reply: JsonReply): void {
    const batch = itemAt(this.#waiting, 0)
    assert(batch.missing > 0, 'a batch waits while replies are missing')
    batch.replies.push(reply)
    if (--batch.missing > 0) return
    this.#waiting.shift()
    batch.resolve(batch.replies)
  }

  /** Nothing here subscribes or tracks. */
  push(): void {}

  /** The engine has ended the client: CLIENT KILL, a limit, the end of the server. */
  close(): void {
    this.#gone()
    this.#connection.destroy()
  }

  /** Ends the client, and rejects its requests. The connection stays. */
  end(): void {
    this.#gone()
  }

  #gone(): void {
    this.#engine.disconnect(this.#client)
    this.#queue.length = 0
    for (const { reject } of this.#waiting.splice(0)) reject(new HttpError(503, 'the connection was ended'))
  }
}

/** Returns the requests of commands, in memory that is used again. */
function encode(commands: readonly (readonly Word[])[]): RequestWriter {
  const writer = requests.scratch
  writer.clear()
  for (const words of commands) {
    writer.begin(words.length)
    for (const word of words) {
      if (typeof word === 'string') writer.utf8(word)
      else writer.u8Array(word)
    }
  }
  return writer
}
