// The primary's stream: its requests are run here in order, for a client of origin `primary`.
//
//   bytes ─▶ RequestParser ─▶ dispatch, without the primary's checks ─▶ data, our append-only file
//     └──── once they have been applied ─▶ our own replicas, byte for byte ─▶ offset
//
// The offset counts applied bytes: whole requests, and a unit (MULTI … EXEC) only when all of it
// has run. After a break the stream continues from the offset, so nothing is applied twice or left
// out.

import type { Client } from '../engine/clients/client.ts'
import type { Transport } from '../engine/clients/transport.ts'
import { fetchAhead } from '../engine/data/fetch-ahead.ts'
import type { Engine } from '../engine/engine.ts'
import type { Arguments } from '../protocol/arguments.ts'
import { ProtocolError, type RequestHandler, RequestParser } from '../protocol/request-parser.ts'
import { encodeRequest } from '../protocol/request-writer.ts'
import { FETCHED_MAX } from '../store/keyspace/hashes-ahead.ts'
import { itemAt } from '../util/array-reads.ts'
import { assert } from '../util/assert.ts'
import { Source } from '../util/bytes/bytes.ts'
import { CHECKED } from '../util/invariant.ts'
import type { Connection } from './connection.ts'

/** Passes the stream on: the backlog of our own replicas. */
export interface StreamCopy {
  /** The stream comes from now on, behind the history's offset. */
  begin(): void
  /** Takes bytes that were applied; the history's offset advances by their number afterwards. */
  take(bytes: Buffer): void
  /** The history continues under another id, which our replicas must learn. */
  rename(): void
  /**
   * The data is replaced, and the next bytes do not follow those taken: all replicas must
   * synchronise again.
   */
  interrupt(): void
}

export interface PrimaryStreamOptions {
  readonly connection: Connection
  /** The database that the stream was in when it stopped. */
  readonly database: number
  readonly copy: StreamCopy | undefined
  /** The link must end, for this reason. */
  failed(reason: string): void
}

/** The largest argument that fits a buffer. Redis puts no limit on its primary. */
const ARGUMENT_BYTES_MAX = 2 ** 31 - 1
/** The length of an error reply quoted in the log. */
const QUOTED_LENGTH_MAX = 256

export class PrimaryStream implements RequestHandler {
  readonly client: Client
  readonly authenticated = true
  readonly bulkBytesMax = ARGUMENT_BYTES_MAX
  readonly queryBufferBytesMax = Number.POSITIVE_INFINITY
  readonly #engine: Engine
  readonly #options: PrimaryStreamOptions
  readonly #parser = new RequestParser()
  readonly #transport: PrimaryTransport
  /** Received and not yet applied: bytes of an incomplete request or unit. */
  #unapplied: Buffer[] = []
  #unappliedBytes = 0
  /** Bytes of requests that were run since the offset last advanced. */
  #runBytes = 0
  /** How many of those precede the open unit; -1 = no unit is open. */
  #bytesBeforeUnit = -1
  /** The bytes that the parser reads, and where in them the next request begins; negative = before them. */
  #source: Source | undefined = undefined
  #nextStart = 0
  /** How many more requests were looked at before. */
  #fetched = 0
  /** Bytes received while requests are held up. */
  #waiting: Buffer[] = []
  /** When the append-only file is synced up to `journal`, the stream is synced up to `offset`. */
  #mark: { journal: number; offset: number } | undefined = undefined
  #syncedOffset = -1
  #ended = false
  #wasWithoutDisk = false

  constructor(engine: Engine, options: PrimaryStreamOptions) {
    this.#engine = engine
    this.#options = options
    this.#transport = new PrimaryTransport(options.connection, () => options.failed('CLIENT KILL'))
    this.client = engine.connect(this.#transport, 'primary')
    // The primary may have more databases than this server.
    this.client.database = options.database < engine.databases.length ? options.database : 0
  }

  /**
   * Whether requests are held up: data is being loaded (DEBUG RELOAD), CLIENT PAUSE is active, or
   * the disk fails.
   */
  get #isHeldUp(): boolean {
    const { state } = this.#engine.conditions
    return state.loading.holds || state.delays.paused.holds || this.#isWithoutDisk
  }

  /**
   * The disk fails, and `replica-ignore-disk-write-errors no` forbids to continue without it. Redis
   * exits then; here the stream waits at the primary until the disk works again.
   */
  get #isWithoutDisk(): boolean {
    const { config } = this.#engine
    const { log } = this.#engine.environment
    const { state } = this.#engine.conditions
    const isWithout = state.refusals.journalFailed.holds || state.refusals.saveFailed.holds
    if (isWithout && !this.#wasWithoutDisk) {
      const waits = config.get('replica-ignore-disk-write-errors') ? 'is applied' : 'waits'
      log.warn({}, `Replica is unable to write to disk: what the master sends ${waits} meanwhile.`)
    }
    this.#wasWithoutDisk = isWithout
    return isWithout && !config.get('replica-ignore-disk-write-errors')
  }

  get halted(): boolean {
    return this.#ended
  }

  /** Bytes received and not yet applied. */
  get unappliedBytes(): number {
    let bytes = this.#unappliedBytes
    for (const { length } of this.#waiting) bytes += length
    return bytes
  }

  /** Takes bytes, and keeps them. */
  receive(bytes: Buffer): void {
    this.#engine.figures.stats.replicationInputBytes += bytes.length
    if (this.#waiting.length > 0 || this.#isHeldUp) {
      if (this.#waiting.push(bytes) === 1) this.#options.connection.pause()
    } else {
      this.#run(bytes)
    }
  }

  /** Runs waiting requests, if allowed. */
  resume(): void {
    while (this.#waiting.length > 0 && !this.#isHeldUp && !this.#ended) {
      this.#run(this.#waiting.shift()!)
      if (this.#waiting.length === 0) this.#options.connection.resume()
    }
  }

  /** Tells the primary our offset. */
  acknowledge(): void {
    const { history } = this.#engine.effects
    this.#acknowledge(history.offset)
  }

  /** Ends the stream. Returns the database in which it stopped. */
  end(): number {
    this.#ended = true
    this.#engine.disconnect(this.client)
    return this.client.database
  }

  // ── requests ─────────────────────────────────────────────────────────────

  #run(bytes: Buffer): void {
    const engine = this.#engine
    const { client } = this
    const { dataset } = engine.data
    const { unitClock } = engine.environment
    const { replies, runner, turn } = engine.requests
    const { role } = engine.effects
    const { stats } = engine.figures
    client.activity.lastActiveMs = unitClock.renew()
    stats.readsProcessed++
    this.#unapplied.push(bytes)
    this.#unappliedBytes += bytes.length
    runner.timeNext()
    // The primary decides which keys exist: its writes may use keys that have expired but are not
    // removed yet.
    dataset.expiry = 'keep'
    replies.open(client)
    let nonsense: string | undefined
    try {
      this.#source = new Source(bytes)
      this.#nextStart = -this.#parser.pendingBytes
      this.#fetched = 0
      this.#parser.feed(this.#source, 0, bytes.length, this)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      nonsense = `Protocol error from master: ${error.message}`
    } finally {
      this.#source = undefined
      replies.close()
      if (!engine.conditions.state.loading.holds) dataset.expiry = role.expiry
    }
    client.dropOutput()
    // When it ends in the middle, the requests run before count.
    const isWhole = nonsense === undefined && !this.#ended
    this.#advance(isWhole ? this.#unappliedBytes - this.#parser.pendingBytes : this.#runBytes)
    if (nonsense !== undefined) this.#options.failed(nonsense)
    turn.endSoon()
  }

  request(args: Arguments): void {
    const start = this.#runBytes
    this.#runBytes += args.wireBytes
    this.#fetchKeys()
    this.#nextStart += args.wireBytes
    if (this.#isGetAck(args)) {
      // The answer covers what was applied before the question.
      this.#acknowledge(this.#engine.effects.history.offset + start)
      return
    }
    const { client } = this
    const { dispatch } = this.#engine.requests
    const { stats } = this.#engine.figures
    const errors = stats.errorReplies
    const opens = client.requests.transaction === undefined
    dispatch.execute(client, args)
    if (client.requests.transaction === undefined) this.#bytesBeforeUnit = -1
    else if (opens) this.#bytesBeforeUnit = start
    if (stats.errorReplies !== errors) this.#tellOfError(args)
  }

  /**
   * Fetches the keys of this request and of those behind it into the processor's cache, as is done
   * for the pipelines of clients: to read 1,000,000 SETs takes less processor time.
   */
  #fetchKeys(): void {
    if (this.#fetched-- > 0) return
    this.#fetched = FETCHED_MAX - 1
    // A request that began in earlier bytes was put together elsewhere.
    if (this.#source === undefined || this.#nextStart < 0) return
    const database = itemAt(this.#engine.databases, this.client.database)
    fetchAhead(this.#source, this.#nextStart, this.#source.u8.length, database)
  }

  #isGetAck(args: Arguments): boolean {
    return args.length >= 2 && args.equalsIgnoreCase(0, 'REPLCONF') && args.equalsIgnoreCase(1, 'GETACK')
  }

  /**
   * Counts applied bytes, and passes them on. `whole` is the number of bytes of whole requests,
   * including those of an open unit.
   */
  #advance(whole: number): void {
    const { history } = this.#engine.effects
    const applied = this.#bytesBeforeUnit === -1 ? whole : this.#bytesBeforeUnit
    this.#runBytes = whole - applied
    if (CHECKED)
      assert(applied >= 0 && this.#runBytes >= 0, 'invariant 4: an open unit begins within the bytes that were run')
    if (CHECKED) assert(whole <= this.#unappliedBytes, 'no more bytes are applied than were received')
    if (this.#bytesBeforeUnit !== -1) this.#bytesBeforeUnit = 0
    if (applied === 0) return
    const all = this.#unapplied.length === 1 ? itemAt(this.#unapplied, 0) : Buffer.concat(this.#unapplied)
    this.#options.copy?.take(all.subarray(0, applied))
    history.offset += applied
    this.#unappliedBytes -= applied
    this.#unapplied = this.#unappliedBytes === 0 ? [] : [all.subarray(applied)]
    if (CHECKED) this.#checkBytes()
  }

  #checkBytes(): void {
    let bytes = 0
    for (const { length } of this.#unapplied) bytes += length
    assert(bytes === this.#unappliedBytes, 'the bytes that are not applied are counted')
  }

  #acknowledge(offset: number): void {
    const words = ['REPLCONF', 'ACK', String(offset)]
    const synced = this.#offsetSynced(offset)
    if (synced !== -1) words.push('FACK', String(synced))
    this.#options.connection.write(encodeRequest(words))
  }

  /** How far the stream is on our disk when there is an append-only file; -1 = unknown. */
  #offsetSynced(offset: number): number {
    const { progress } = this.#engine.effects.durability
    if (!progress.enabled) return -1
    if (this.#mark !== undefined && progress.synced >= this.#mark.journal) {
      this.#syncedOffset = this.#mark.offset
      this.#mark = undefined
    }
    if (progress.synced >= progress.appended) this.#syncedOffset = offset
    else this.#mark ??= { journal: progress.appended, offset }
    return this.#syncedOffset
  }

  /**
   * A command of the primary must succeed here, too. If it fails, the data differs, and the
   * operator must know.
   */
  #tellOfError(args: Arguments): void {
    const { log } = this.#engine.environment
    const { replies } = this.#engine.requests
    replies.mark()
    this.client.flush()
    const error = this.#transport.last.split('\r\n').at(-2)?.slice(0, QUOTED_LENGTH_MAX) ?? ''
    const command = args.string(0).slice(0, QUOTED_LENGTH_MAX).toLowerCase()
    log.error(
      {},
      `== CRITICAL == This replica is sending an error to its master: '${error.replace(/^-/, '')}' after processing the command '${command}'`,
    )
  }
}

/** Drops replies to a primary; the last one flushed is kept, to quote an error. */
class PrimaryTransport implements Transport {
  readonly kind = 'tcp'
  readonly address: string
  readonly localAddress: string
  readonly descriptor: number
  readonly backlogBytes = 0
  last = ''
  readonly #closed: () => void

  constructor({ address, descriptor, localAddress }: Connection, closed: () => void) {
    this.address = address
    this.localAddress = localAddress
    this.descriptor = descriptor
    this.#closed = closed
  }

  write(bytes: Buffer): boolean {
    this.last = bytes.toString('latin1')
    return true
  }

  close(): void {
    this.#closed()
  }
}
