// Keys on their way to another server: what MIGRATE has one server say, and what is made of the answers.
//
//   connect ──▶ introduce (AUTH, SELECT) ──▶ transfer: RESTORE, one a key ──▶ over
//      ▲  └───────────┴──────────────────────────┤ the connection breaks before a key was taken
//      └─────────────── once ────────────────────┘
//
// A value is encoded when the connection has taken what was before it, so that no more than one is in memory beside the data. The
// two servers agree on a key when the target has said OK: `taken` are the keys of which it has. Nothing changes here; what becomes
// of them is MIGRATE's business.
//
// Nothing is sent before the target has agreed to AUTH and SELECT: redis-server sends all at once, and the values end up in
// database 0 where the target has no other.

import type { HeldKey } from '../engine/conditions/held-keys.ts'
import { databaseOf, keyOf } from '../engine/data/key-name.ts'
import type { Engine } from '../engine/engine.ts'
import type { PayloadWriter } from '../persistence/rdb/payload.ts'
import { ERR, ReplyError } from '../protocol/errors.ts'
import { encodeRequest } from '../protocol/request-encoder.ts'
import { Signal } from '../queues/waiting-room.ts'
import { NONE } from '../store/keyspace/keyspace.ts'
import type { Timer } from '../util/time/clock.ts'
import type { Address, Connection, ConnectionListener, Dial } from './connection.ts'

/** As much is given to the connection at a time, so that a slow one is seen to move: Redis's chunk. */
const CHUNK_BYTES = 64 * 1024
/** What a target says beyond this is not read, as in Redis. */
const LINE_BYTES_MAX = 1023

const CANNOT_CONNECT = new ReplyError('IOERR error or timeout connecting to the client')
const CANNOT_WRITE = new ReplyError('IOERR error or timeout writing to target instance')
const CANNOT_READ = new ReplyError('IOERR error or timeout reading to target instance')
/** Somebody was there to say no, or nobody answered: for Redis the connection is made then, and writing to it fails. */
const REFUSED = /\bE(CONNREFUSED|CONNRESET|HOSTUNREACH|TIMEDOUT)\b/

/** What MIGRATE was asked to do. */
export interface MigrationOrder {
  readonly target: Address
  /** The number of the database there, as text. */
  readonly database: string
  /** How long nothing may move. */
  readonly timeoutMs: number
  /** What follows AUTH; none = nobody need be named. */
  readonly credentials: readonly string[]
  /** Takes the place of what the target has under the same key. */
  readonly replaces: boolean
}

/** One key: its name (key-name.ts), and what holds it while it must not change. */
export interface Parcel {
  readonly name: string
  readonly held: HeldKey | undefined
}

export interface MigrationOptions {
  readonly dial: Dial
  readonly payloads: PayloadWriter
  over(): void
}

export class Migration implements ConnectionListener {
  readonly parcels: readonly Parcel[]
  /** Those that the target has, in order. */
  readonly taken: Parcel[] = []
  isOver = false
  /** Raised when it is over and its client may remove the keys. */
  readonly settled = new Signal('a migration')
  /** What went wrong: the first thing that the target refused, or that the connection broke. */
  error: ReplyError | undefined = undefined
  readonly #engine: Engine
  readonly #order: MigrationOrder
  readonly #options: MigrationOptions
  #connection: Connection | undefined = undefined
  #isConnected = false
  #timer: Timer | undefined = undefined
  /** How many answers to introductions are still to come. */
  #introductions = 0
  /** The next parcel to be sent. */
  #next = 0
  /** What the connection has not been given yet. */
  #unsent: Buffer[] = []
  /** The system has not taken all that the connection was given. */
  #isWriting = false
  /** Parcels that were sent and not answered yet, in order; `#answered` of them were. */
  #sent: Parcel[] = []
  #answered = 0
  /** The line that has begun. */
  #line = ''
  #mayRetry = true

  constructor(engine: Engine, order: MigrationOrder, parcels: readonly Parcel[], options: MigrationOptions) {
    this.#engine = engine
    this.#order = order
    this.parcels = parcels
    this.#options = options
    this.#connect()
  }

  /** Ends it without a word: nobody waits for it any more. */
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
    this.#line = ''
    this.#moved()
    this.#connection = this.#options.dial(this.#order.target, this, 'target')
  }

  #disconnect(): void {
    this.#timer?.cancel()
    this.#connection?.close()
    this.#connection = undefined
  }

  /** Something moves: patience begins anew. */
  #moved(): void {
    this.#timer?.cancel()
    this.#timer = this.#engine.workClock.after(this.#order.timeoutMs, () => this.#fail('timeout'))
  }

  // ── what the connection tells ────────────────────────────────────────────

  connected(): void {
    const { credentials, database } = this.#order
    this.#isConnected = true
    this.#moved()
    const requests = [['SELECT', database]]
    if (credentials.length > 0) requests.unshift(['AUTH', ...credentials])
    this.#introductions = requests.length
    this.#send(requests.map((words) => Buffer.from(encodeRequest(words), 'latin1')))
  }

  received(bytes: Buffer): void {
    this.#moved()
    const connection = this.#connection
    for (let start = 0; start < bytes.length && this.#connection === connection; ) {
      const end = bytes.indexOf(10, start)
      const room = LINE_BYTES_MAX - this.#line.length
      this.#line += bytes.toString('latin1', start, Math.min(end === -1 ? bytes.length : end, start + room))
      if (end === -1) return
      start = end + 1
      const line = this.#line.replace(/\r$/, '')
      this.#line = ''
      this.#take(line)
    }
  }

  ended(reason: string): void {
    this.#connection = undefined
    if (!this.#isConnected && !REFUSED.test(reason)) this.#end(CANNOT_CONNECT)
    else this.#fail('broken')
  }

  /** An answer: to an introduction, or to the first of the parcels that were sent. */
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
    // Somebody who talks unasked is no Redis.
    if (this.#answered === this.#sent.length) {
      this.#fail('broken')
      return
    }
    const isLast = this.#answered + 1 === this.#sent.length
    if (!line.startsWith('-')) {
      // It cannot have a value whose end has not left.
      if (isLast && this.#unsent.length > 0) {
        this.#fail('broken')
        return
      }
      this.taken.push(this.#sent[this.#answered]!)
    }
    this.#answered++
    // All that was asked is answered: whatever else the target says, or the connection does, is of no concern.
    if (isLast && this.#next === this.parcels.length) this.#end(this.error)
    else this.#sendMore()
  }

  // ── sending ──────────────────────────────────────────────────────────────

  /** Sends the next values when the connection has taken those before; ends when all of them are answered. */
  #sendMore(): void {
    if (this.#isWriting) return
    let bytes = 0
    const requests: Buffer[] = []
    this.#engine.unitClock.pass()
    while (bytes < CHUNK_BYTES && this.#next < this.parcels.length) {
      const parcel = this.parcels[this.#next++]!
      const request = this.#encode(parcel)
      if (request === undefined) continue
      requests.push(request)
      this.#sent.push(parcel)
      bytes += request.length
    }
    if (bytes > 0) this.#send(requests)
    else if (this.#answered === this.#sent.length) this.#end(this.error)
  }

  /** Gives requests to the connection, a chunk at a time. */
  #send(requests: Buffer[]): void {
    this.#unsent = requests
    this.#isWriting = true
    this.#sendChunk()
  }

  #sendChunk(): void {
    const whole = this.#unsent.length === 1 ? this.#unsent[0]! : Buffer.concat(this.#unsent)
    const chunk = whole.subarray(0, CHUNK_BYTES)
    this.#unsent = whole.length > chunk.length ? [whole.subarray(chunk.length)] : []
    const connection = this.#connection
    connection?.write(chunk, () => {
      // It may be over, or have begun anew.
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

  /** Encodes a RESTORE of what is under a key at this moment; undefined when nothing is. From here on it must not change. */
  #encode({ name, held }: Parcel): Buffer | undefined {
    const { config, dataset, unitClock } = this.#engine
    const db = dataset.databases[databaseOf(name)]!
    const key = keyOf(name)
    const entry = db.find(key)
    if (entry === NONE) return undefined
    const expiry = db.expiryOf(entry)
    const leftMs = expiry === undefined ? 0 : Math.floor(expiry - unitClock.now())
    if (leftMs < 0) return undefined
    if (held !== undefined) held.watchBroken = false
    const ttl = String(expiry === undefined ? 0 : Math.max(1, leftMs))
    const { payloads } = this.#options
    const payload = payloads.write(db, entry, config.get('rdbcompression'))
    const words = [this.#engine.cluster === null ? 'RESTORE' : 'RESTORE-ASKING', name.slice(1), ttl]
    const head = encodeRequest(words).replace(/^\*3/, this.#order.replaces ? '*5' : '*4')
    const tail = this.#order.replaces ? '\r\n$7\r\nREPLACE\r\n' : '\r\n'
    const request = Buffer.concat([
      Buffer.from(`${head}$${payload.length}\r\n`, 'latin1'),
      payload.source.u8.subarray(payload.start, payload.start + payload.length),
      Buffer.from(tail, 'latin1'),
    ])
    payloads.release()
    return request
  }

  // ── ends ─────────────────────────────────────────────────────────────────

  /** The target is silent, or the connection is lost. As in Redis it is tried once more where no key was taken and time is not the reason. */
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
    this.error = error
    this.isOver = true
    this.#disconnect()
    this.#options.over()
  }
}
