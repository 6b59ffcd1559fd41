// Commands of one user on one HTTP connection: a client of the engine whose replies become JSON.
//
// Requests run in the order in which they came, as over a socket. A long one is encoded and fed as
// a socket would bring it, one read a turn of the loop, so others are served meanwhile. An answer is
// one text, so its length is bounded.

import type { Engine } from '../../commands/call.ts'
import type { Client } from '../../engine/clients/client.ts'
import type { Transport } from '../../engine/clients/transport.ts'
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
/** No more commands are encoded in one turn from this length on. */
const ENCODED_BYTES = READ_BUFFER_BYTES / 2
/**
 * The bytes of the replies in one answer. JSON may take six characters for a byte, and a text of
 * JavaScript ends at 512 MiB.
 */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024
/** What a reply takes besides its bytes. */
const REPLY_BYTES = 16

/**
 * Memory for encoding requests. It is free again when they were copied, or the engine has read
 * them.
 */
const requests = { scratch: new RequestWriter(SCRATCH_BYTES) }

/** Some commands with one answer. */
interface Batch {
  readonly commands: Iterator<readonly Word[]>
  readonly encoding: Encoding
  readonly replies: JsonReply[]
  /** Of the replies that have come. */
  bytes: number
  /** Replies to what was encoded that are still to come. */
  missing: number
  isEncoded: boolean
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
  /** Batches with commands that are still to be encoded. */
  readonly #unsent: Batch[] = []
  /** An encoded request that is longer than a read, and how far it was fed. */
  #request: Buffer | undefined = undefined
  #fed = 0
  #feedsLater = false

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
    return this.#client.connection.closed
  }

  /** Checks the visitor again: its password may have changed since. Throws HttpError. */
  prove(visitor: Visitor): void {
    proveVisitor(this.#engine, this.#client, visitor)
  }

  /**
   * Runs commands one after the other; each is taken when it is encoded. Rejects with HttpError if
   * the connection has ended meanwhile, or the answer is too long.
   */
  run(commands: Iterable<readonly Word[]>, encoding: Encoding): Promise<readonly JsonReply[]> {
    if (this.isClosed) return Promise.reject(ended())
    return new Promise((resolve, reject) => {
      const batch: Batch = {
        commands: commands[Symbol.iterator](),
        ...{ encoding, replies: [], bytes: 0, missing: 0, isEncoded: false, resolve, reject },
      }
      this.#waiting.push(batch)
      this.#unsent.push(batch)
      if (!this.#feedsLater) this.#feed()
    })
  }

  /** Hands over what a socket would bring in one read, and goes on in the next turn. */
  #feed(): void {
    const batch = this.#unsent[0]
    if (this.#request !== undefined) this.#feedPiece(this.#request)
    else if (batch !== undefined) this.#feedSome(batch)
    if (this.isClosed || (this.#request === undefined && this.#unsent.length === 0)) return
    this.#feedsLater = true
    setImmediate(() => {
      this.#feedsLater = false
      if (!this.isClosed) this.#feed()
    })
  }

  #feedSome(batch: Batch): void {
    const request = encodeSome(batch)
    if (batch.isEncoded) {
      this.#unsent.shift()
      if (batch.missing === 0) this.#finish()
    }
    if (request.length <= READ_BUFFER_BYTES) this.#engine.receive(this.#client, request.source, 0, request.length)
    else this.#feedPiece(Buffer.from(request.u8.subarray(0, request.length)))
  }

  #feedPiece(request: Buffer): void {
    const end = Math.min(this.#fed + READ_BUFFER_BYTES, request.length)
    this.#engine.receive(this.#client, new Source(request), this.#fed, end)
    this.#fed = end === request.length ? 0 : end
    this.#request = end === request.length ? undefined : request
  }

  /** Answers the first batch. */
  #finish(): void {
    const batch = this.#waiting.shift()
    assert(batch !== undefined, 'a batch ends')
    if (batch.bytes <= ANSWER_BYTES_MAX) batch.resolve(batch.replies)
    else batch.reject(new HttpError(400, 'ERR the answer is longer than 64 MB: ask for less at a time'))
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
    if (--batch.missing === 0 && batch.isEncoded) this.#finish()
  }

  admits(bytes: number): boolean {
    const batch = itemAt(this.#waiting, 0)
    batch.bytes += bytes + REPLY_BYTES
    return batch.bytes <= ANSWER_BYTES_MAX
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
    this.#unsent.length = 0
    this.#request = undefined
    for (const { reject } of this.#waiting.splice(0)) reject(ended())
  }
}

function ended(): HttpError {
  return new HttpError(503, 'the connection was ended')
}

/** Returns the requests of some commands of a batch, in memory that is used again. */
function encodeSome(batch: Batch): RequestWriter {
  const writer = requests.scratch
  writer.clear()
  while (writer.length < ENCODED_BYTES) {
    const words = nextOf(batch)
    if (words === undefined) {
      batch.isEncoded = true
      break
    }
    batch.missing++
    writer.begin(words.length)
    for (const word of words) {
      if (typeof word === 'string') writer.utf8(word)
      else writer.u8Array(word)
    }
  }
  return writer
}

/** Returns the next command; undefined = there is none, or it cannot be made, and the batch has failed. */
function nextOf(batch: Batch): readonly Word[] | undefined {
  try {
    const { done, value } = batch.commands.next()
    return done === true ? undefined : value
  } catch (error) {
    batch.reject(error as Error)
    return undefined
  }
}
