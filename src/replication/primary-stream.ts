// The primary's stream: its requests are run here, one after the other, for a client of origin `primary`.
//
//   bytes ─▶ RequestParser ─▶ dispatch, without checks: it has happened ─▶ data, our own append-only file
//     └──── once they have been applied ─▶ our own replicas, byte for byte ─▶ offset
//
// The offset counts what has been applied: whole requests, and a unit (MULTI … EXEC) only when all of it has run. After a break
// the stream goes on from the offset, so nothing is applied twice and nothing is left out.

import type { Client, Transport } from '../engine/clients/client.ts'
import type { Engine } from '../engine/engine.ts'
import type { Arguments } from '../protocol/arguments.ts'
import { ProtocolError, type RequestHandler, RequestParser } from '../protocol/request-parser.ts'
import { encodeRequest } from '../protocol/request-writer.ts'
import { Source } from '../util/bytes/bytes.ts'
import type { Connection } from './connection.ts'

/** Whoever passes the stream on: the backlog of our own replicas. */
export interface StreamCopy {
  /** The stream comes from now on, behind the history's offset. */
  begin(): void
  /** Takes bytes that were applied; the history's offset advances by their number after that. */
  take(bytes: Buffer): void
  /** The history goes on under another id, which whoever has taken this must learn. */
  rename(): void
  /** The data goes, and what comes next does not follow what was taken: all replicas must begin anew. */
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

/** An argument of more bytes than this fits no buffer. Redis believes its primary whatever it says. */
const ARGUMENT_BYTES_MAX = 2 ** 31 - 1
/** An error reply's words in the log. */
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
  /** Came, and was not applied yet: it belongs to a request or a unit that is not whole. */
  #unapplied: Buffer[] = []
  #unappliedBytes = 0
  /** Bytes of requests that were run since the offset last advanced. */
  #runBytes = 0
  /** Of those, the ones before the unit that is open; -1 = none is. */
  #bytesBeforeUnit = -1
  /** Came while nothing may be run. */
  #waiting: Buffer[] = []
  /** The append-only file is to be synced up to `journal` for the stream up to `offset` to be. */
  #mark: { journal: number; offset: number } | undefined = undefined
  #syncedOffset = -1
  #ended = false
  #wasWithoutDisk = false

  constructor(engine: Engine, options: PrimaryStreamOptions) {
    this.#engine = engine
    this.#options = options
    this.#transport = new PrimaryTransport(options.connection, () => options.failed('CLIENT KILL'))
    this.client = engine.connect(this.#transport, 'primary')
    // The primary may have more databases than there are here.
    this.client.database = options.database < engine.databases.length ? options.database : 0
  }

  /** Nothing may be run: data is loaded (DEBUG RELOAD), CLIENT PAUSE says so, or the disk takes nothing. */
  get #isHeldUp(): boolean {
    const { state } = this.#engine.conditions
    return state.loading.holds || state.paused.holds || this.#isWithoutDisk
  }

  /**
   * The disk takes nothing, and the settings want everything on it (`replica-ignore-disk-write-errors no`). Redis ends the replica then;
   * here the stream waits with the primary, and goes on when the disk does.
   */
  get #isWithoutDisk(): boolean {
    const { config } = this.#engine
    const { log } = this.#engine.environment
    const { state } = this.#engine.conditions
    const isWithout = state.journalFailed.holds || state.saveFailed.holds
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

  /** Bytes that have come and were not applied yet. */
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

  /** Runs what had to wait, if it may. */
  resume(): void {
    while (this.#waiting.length > 0 && !this.#isHeldUp && !this.#ended) {
      this.#run(this.#waiting.shift()!)
      if (this.#waiting.length === 0) this.#options.connection.resume()
    }
  }

  /** Tells the primary how far we are. */
  acknowledge(): void {
    const { history } = this.#engine.effects
    this.#acknowledge(history.offset)
  }

  /** The link is over. Returns the database in which the stream stopped. */
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
    client.lastActiveMs = unitClock.renew()
    stats.readsProcessed++
    this.#unapplied.push(bytes)
    this.#unappliedBytes += bytes.length
    runner.timeNext()
    // The primary decides what is there: its writes find what has expired and was not removed yet.
    dataset.expiry = 'keep'
    replies.open(client)
    let nonsense: string | undefined
    try {
      this.#parser.feed(new Source(bytes), 0, bytes.length, this)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      nonsense = `Protocol error from master: ${error.message}`
    } finally {
      replies.close()
      if (!engine.conditions.state.loading.holds) dataset.expiry = role.expiry
    }
    client.dropOutput()
    // Where it ends in the middle, what was run before counts.
    const isWhole = nonsense === undefined && !this.#ended
    this.#advance(isWhole ? this.#unappliedBytes - this.#parser.pendingBytes : this.#runBytes)
    if (nonsense !== undefined) this.#options.failed(nonsense)
    turn.endSoon()
  }

  request(args: Arguments): void {
    const start = this.#runBytes
    this.#runBytes += args.wireBytes
    if (this.#isGetAck(args)) {
      // Asked for is what was applied before the question.
      this.#acknowledge(this.#engine.effects.history.offset + start)
      return
    }
    const { client } = this
    const { dispatch } = this.#engine.requests
    const { stats } = this.#engine.figures
    const errors = stats.errorReplies
    const opens = client.transaction === undefined
    dispatch.execute(client, args)
    if (client.transaction === undefined) this.#bytesBeforeUnit = -1
    else if (opens) this.#bytesBeforeUnit = start
    if (stats.errorReplies !== errors) this.#tellOfError(args)
  }

  #isGetAck(args: Arguments): boolean {
    return args.length >= 2 && args.equalsIgnoreCase(0, 'REPLCONF') && args.equalsIgnoreCase(1, 'GETACK')
  }

  /** Counts what was applied, and passes it on; `whole`: bytes of whole requests, those of an open unit included. */
  #advance(whole: number): void {
    const { history } = this.#engine.effects
    const applied = this.#bytesBeforeUnit === -1 ? whole : this.#bytesBeforeUnit
    this.#runBytes = whole - applied
    if (this.#bytesBeforeUnit !== -1) this.#bytesBeforeUnit = 0
    if (applied === 0) return
    const all = this.#unapplied.length === 1 ? this.#unapplied[0]! : Buffer.concat(this.#unapplied)
    this.#options.copy?.take(all.subarray(0, applied))
    history.offset += applied
    this.#unappliedBytes -= applied
    this.#unapplied = this.#unappliedBytes === 0 ? [] : [all.subarray(applied)]
  }

  #acknowledge(offset: number): void {
    const words = ['REPLCONF', 'ACK', String(offset)]
    const synced = this.#offsetSynced(offset)
    if (synced !== -1) words.push('FACK', String(synced))
    this.#options.connection.write(encodeRequest(words))
  }

  /** How far the stream is on our disk, where there is an append-only file; -1 = nothing is known of it. */
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

  /** What a primary did must be possible here, too: if it is not, the data differs, and somebody must know. */
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

/** Replies to a primary go nowhere; what was last flushed is kept until the next, to quote an error. */
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
