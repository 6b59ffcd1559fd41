// Keys moving to another server: the requests that MIGRATE makes to the target, and its answers.
//
//   connect ──▶ introduce (AUTH, SELECT) ──▶ transfer: one RESTORE for each key ──▶ over
//      ▲  └───────────┴──────────────────────────┤ the connection breaks before a key was taken
//      └─────────────── once ────────────────────┘
//
// A value is encoded when the connection has taken the bytes before it, so at most one is in memory
// beside the data. A key counts as moved when the target has said OK: `taken` lists those keys.
// Nothing is changed here; MIGRATE decides what becomes of the keys.
//
// Nothing is sent before the target has agreed to AUTH and SELECT. redis-server sends everything at
// once, and the values end up in database 0 if the target has no other.

import type { FrozenKey } from '../engine/conditions/frozen-keys.ts'
import { databaseOf, keyOf } from '../engine/data/key-name.ts'
import type { Engine } from '../engine/engine.ts'
import type { PayloadWriter } from '../persistence/rdb/payload.ts'
import { ERR, ReplyError } from '../protocol/errors.ts'
import { LineReader } from '../protocol/line-reader.ts'
import { encodeRequest } from '../protocol/request-writer.ts'
import { Signal } from '../queues/waiting-room.ts'
import { NONE } from '../store/keyspace/keyspace.ts'
import { itemAt } from '../util/array-reads.ts'
import { assert } from '../util/assert.ts'
import type { Timer } from '../util/time/clock.ts'
import type { Address, Connection, ConnectionListener, Dial } from './connection.ts'

/**
 * Bytes given to the connection at a time, so that progress is seen on a slow one. Redis uses the
 * same chunk size.
 */
const CHUNK_BYTES = 64 * 1024
/** The rest of a longer line is ignored, as in Redis. */
const LINE_BYTES_MAX = 1023

const CANNOT_CONNECT = new ReplyError('IOERR error or timeout connecting to the client')
const CANNOT_WRITE = new ReplyError('IOERR error or timeout writing to target instance')
const CANNOT_READ = new ReplyError('IOERR error or timeout reading to target instance')
/**
 * A host refused the connection or did not answer. Redis then reports the connection as made, and
 * writing to it fails.
 */
const REFUSED = /\bE(CONNREFUSED|CONNRESET|HOSTUNREACH|TIMEDOUT)\b/

/** The arguments of a MIGRATE. */
export interface MigrationOrder {
  readonly target: Address
  /** The number of the target's database, as text. */
  readonly database: string
  /** The longest time without progress. */
  readonly timeoutMs: number
  /** The arguments of AUTH; empty = no AUTH. */
  readonly credentials: readonly string[]
  /** Whether to replace an existing value of the key at the target. */
  readonly replaces: boolean
}

/** One key: its name (key-name.ts), and the hold that prevents changes. */
export interface Parcel {
  readonly name: string
  readonly held: FrozenKey | undefined
}

export interface MigrationOptions {
  readonly dial: Dial
  readonly payloads: PayloadWriter
  over(): void
}

export class Migration implements ConnectionListener {
  readonly parcels: readonly Parcel[]
  /** Keys that the target has, in order. */
  readonly taken: Parcel[] = []
  isOver = false
  /** Raised when it is over and its client may remove the keys. */
  readonly settled = new Signal('a migration')
  /** The first error: a refusal of the target, or a broken connection. */
  error: ReplyError | undefined = undefined
  readonly #engine: Engine
  readonly #order: MigrationOrder
  readonly #options: MigrationOptions
  #connection: Connection | undefined = undefined
  #isConnected = false
  #timer: Timer | undefined = undefined
  /** Answers to AUTH and SELECT that are still to come. */
  #introductions = 0
  /** The index of the next parcel to be sent. */
  #next = 0
  /** Bytes that the connection has not been given yet. */
  #unsent: Buffer[] = []
  /** Whether the system has not yet taken all that the connection was given. */
  #isWriting = false
  /** Parcels sent, in order; the first `#answered` of them have an answer. */
  #sent: Parcel[] = []
  #answered = 0
  readonly #lines = new LineReader(LINE_BYTES_MAX)
  #mayRetry = true

  constructor(engine: Engine, order: MigrationOrder, parcels: readonly Parcel[], options: MigrationOptions) {
    this.#engine = engine
    this.#order = order
    this.parcels = parcels
    this.#options = options
    this.#connect()
  }

  /** Ends it without a reply: no client waits for it any more. */
  giveUp(): void {
    this.isOver = true
    this.#disconnect()
  }

  #connect(): void {
    this.#isConnected = false
    this.#introductions = 0
    this.#next = 0
    this.#unsent = []
    this.#isWriting = false
    this.#sent = []
    this.#answered = 0
    this.#lines.reset()
    this.#moved()
    this.#connection = this.#options.dial(this.#order.target, this, 'target')
  }

  #disconnect(): void {
    this.#timer?.cancel()
    this.#connection?.close()
    this.#connection = undefined
  }

  /** There was progress: the timeout starts again. */
  #moved(): void {
    this.#timer?.cancel()
    this.#timer = this.#engine.environment.workClock.after(this.#order.timeoutMs, () => this.#fail('timeout'))
  }

  // ── events of the connection ────────────────────────────────────────────

  connected(): void {
    const { credentials, database } = this.#order
    this.#isConnected = true
    this.#moved()
    const requests = [['SELECT', database]]
    if (credentials.length > 0) requests.unshift(['AUTH', ...credentials])
    this.#introductions = requests.length
    this.#send(requests.map((words) => encodeRequest(words)))
  }

  received(bytes: Buffer): void {
    this.#moved()
    const connection = this.#connection
    for (let start = 0; start < bytes.length && this.#connection === connection; ) {
      start = this.#lines.feed(bytes, start)
      if (start === -1) return
      this.#take(this.#lines.line)
    }
  }

  ended(reason: string): void {
    this.#connection = undefined
    if (!this.#isConnected && !REFUSED.test(reason)) this.#end(CANNOT_CONNECT)
    else this.#fail('broken')
  }

  /** Takes an answer: to AUTH or SELECT, or to the first parcel without one. */
  #take(line: string): void {
    if (line.startsWith('-')) {
      const text = line.slice(1).replace(/[\r\n]/g, ' ')
      this.error ??= ERR.of(`Target instance replied with error: ${text}`)
    }
    if (this.#introductions > 0) {
      if (this.error !== undefined) this.#end(this.error)
      else if (--this.#introductions === 0) this.#sendMore()
      return
    }
    // A server that talks unasked is not Redis.
    if (this.#answered === this.#sent.length) {
      this.#fail('broken')
      return
    }
    const isLast = this.#answered + 1 === this.#sent.length
    if (!line.startsWith('-')) {
      // The target cannot have a value whose end has not left.
      if (isLast && this.#unsent.length > 0) {
        this.#fail('broken')
        return
      }
      this.taken.push(itemAt(this.#sent, this.#answered))
    }
    this.#answered++
    assert(
      this.#answered <= this.#sent.length && this.#sent.length <= this.#next,
      'a parcel is sent, and then answered',
    )
    assert(this.taken.length <= this.parcels.length, 'the target takes each parcel once')
    // All requests are answered: anything else from the target or the connection is ignored.
    if (isLast && this.#next === this.parcels.length) this.#end(this.error)
    else this.#sendMore()
  }

  // ── sending ──────────────────────────────────────────────────────────────

  /**
   * Sends the next values when the connection has taken those before; ends when all of them are
   * answered.
   */
  #sendMore(): void {
    if (this.#isWriting) return
    let bytes = 0
    const requests: Buffer[] = []
    this.#engine.environment.unitClock.pass()
    while (bytes < CHUNK_BYTES && this.#next < this.parcels.length) {
      const parcel = itemAt(this.parcels, this.#next++)
      const request = this.#encode(parcel)
      if (request === undefined) continue
      requests.push(request)
      this.#sent.push(parcel)
      bytes += request.length
    }
    if (bytes > 0) this.#send(requests)
    else if (this.#answered === this.#sent.length) this.#end(this.error)
  }

  /** Gives requests to the connection, one chunk at a time. */
  #send(requests: Buffer[]): void {
    assert(!this.#isWriting && this.#unsent.length === 0, 'a request is sent when those before it have left')
    this.#unsent = requests
    this.#isWriting = true
    this.#sendChunk()
  }

  #sendChunk(): void {
    const whole = this.#unsent.length === 1 ? itemAt(this.#unsent, 0) : Buffer.concat(this.#unsent)
    const chunk = whole.subarray(0, CHUNK_BYTES)
    this.#unsent = whole.length > chunk.length ? [whole.subarray(chunk.length)] : []
    const connection = this.#connection
    connection?.write(chunk, () => {
      // The connection may have ended, or a new one may have replaced it.
      if (this.#connection === connection) this.#written()
    })
  }

  #written(): void {
    this.#moved()
    if (this.#unsent.length > 0) {
      this.#sendChunk()
      return
    }
    this.#isWriting = false
    if (this.#introductions === 0) this.#sendMore()
  }

  /**
   * Encodes a RESTORE of the key's present value; undefined when the key does not exist. From here
   * on the key must not change.
   */
  #encode({ name, held }: Parcel): Buffer | undefined {
    const { config } = this.#engine
    const { dataset } = this.#engine.data
    const { unitClock } = this.#engine.environment
    const db = itemAt(dataset.databases, databaseOf(name))
    const key = keyOf(name)
    const entry = db.find(key)
    if (entry === NONE) return undefined
    const expiry = db.expiryOf(entry)
    const leftMs = expiry === undefined ? 0 : Math.floor(expiry - unitClock.now())
    if (leftMs < 0) return undefined
    if (held !== undefined) held.watched.broken = false
    const ttl = String(expiry === undefined ? 0 : Math.max(1, leftMs))
    const { payloads } = this.#options
    const payload = payloads.write(db, entry, config.get('rdbcompression'))
    const command = this.#engine.parts.cluster === null ? 'RESTORE' : 'RESTORE-ASKING'
    const words = [command, name.slice(1), ttl, payload]
    if (this.#order.replaces) words.push('REPLACE')
    const request = encodeRequest(words)
    payloads.release()
    return request
  }

  // ── end ─────────────────────────────────────────────────────────────────

  /**
   * The target is silent, or the connection is lost. As in Redis, it is tried once more if the
   * connection broke before a key was taken.
   */
  #fail(why: 'timeout' | 'broken'): void {
    const isBroken = why === 'broken'
    if (isBroken && this.#mayRetry && this.#answered === 0) {
      this.#mayRetry = false
      this.#disconnect()
      this.#connect()
    } else if (!this.#isConnected) this.#end(isBroken ? CANNOT_WRITE : CANNOT_CONNECT)
    else this.#end(this.error ?? (this.#isWriting ? CANNOT_WRITE : CANNOT_READ))
  }

  #end(error: ReplyError | undefined): void {
    assert(!this.isOver, 'a migration ends once')
    this.error = error
    this.isOver = true
    this.#disconnect()
    this.#options.over()
  }
}
