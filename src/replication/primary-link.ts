// The link to the primary: it is made, kept, and made again.
//
//   connect ──dial──▶ connecting ──▶ handshake ──┬─ FULLRESYNC ─▶ sync ──▶ connected
//      ▲                                          └─ CONTINUE ────────────▶ connected
//      └─ any failure, and a silence of `repl-timeout`: a new attempt ────────┘
//
//   sync   the header of the snapshot, the snapshot, and its loading
//
// When a link ends, the history keeps its id and offset. The next link continues from there if the
// primary can.

import type { Client } from '../engine/clients/client.ts'
import type { Following } from '../engine/effects/replication.ts'
import type { Engine } from '../engine/engine.ts'
import { type Disk, systemDisk } from '../persistence/disk/disk.ts'
import { describeDiskError } from '../persistence/errors.ts'
import { ReplyError } from '../protocol/errors.ts'
import { LineReader } from '../protocol/line-reader.ts'
import { encodeRequest } from '../protocol/request-writer.ts'
import { itemAt } from '../util/array-reads.ts'
import { assert } from '../util/assert.ts'
import type { Timer } from '../util/time/clock.ts'
import type { Address, Connection, ConnectionListener, Dial } from './connection.ts'
import { loadFully, type Meanwhile } from './full-load.ts'
import { type Agreement, Handshake, HandshakeError } from './handshake.ts'
import { type Extent, IncomingSnapshot, MARK_BYTES } from './incoming-snapshot.ts'
import { PrimaryStream, type StreamCopy } from './primary-stream.ts'
import { SnapshotDownload } from './snapshot-download.ts'

/** How often the link checks what is due: an attempt, an acknowledgement, a timeout. */
const LOOK_MS = 1000
/**
 * The offset reported when the data is gone. Redis uses the same, so that Sentinel promotes other
 * replicas first.
 */
const NO_OFFSET = 1
/**
 * Bytes behind a snapshot that are accepted before it is loaded; the rest waits at the primary, as
 * with Redis.
 */
const EARLY_BYTES_MAX = 4 * 1024 * 1024
/** A longer line is not a reply of a primary. */
const LINE_BYTES_MAX = 1024

export type LinkState = 'connect' | 'connecting' | 'handshake' | 'sync' | 'connected'

/** Where the next link can continue. All links to one primary share it. */
export interface Progress {
  /** Whether the data is that of `history` at its offset. */
  isContinuable: boolean
  /** The database that the stream was in. */
  database: number
  /**
   * Whether the old data went before the new data had arrived: no data belongs to the history's
   * offset.
   */
  isGone: boolean
}

/** Waits for a replica to take over from this server. */
export interface Handover {
  accepted(): void
  /** The replica does not take over: the link has ended and is not made again. */
  refused(): void
}

export interface LinkOptions {
  readonly dial: Dial
  readonly copy: StreamCopy | undefined
  readonly progress: Progress
  readonly disk?: Disk
  /** Receives the answer of the primary, our replica until now, to the request to take over. */
  readonly handover?: Handover
  /** The link is up or down, or a snapshot has been loaded. */
  changed(what: 'up' | 'down' | 'synced'): void
}

/** Ends the link; the message is its log line. */
class PrimaryLinkError extends Error {}

export class PrimaryLink implements Following, ConnectionListener {
  readonly host: string
  readonly port: number
  state: LinkState = 'connect'
  readonly #engine: Engine
  readonly #options: LinkOptions
  /** Set until the primary has answered. */
  #handover: Handover | undefined
  #connection: Connection | undefined = undefined
  #handshake: Handshake | undefined = undefined
  /** The agreement, until the snapshot is loaded. */
  #agreement: Agreement | undefined = undefined
  readonly #lines = new LineReader(LINE_BYTES_MAX)
  #snapshot: IncomingSnapshot | undefined = undefined
  /** Bytes received behind the snapshot before it was loaded. */
  #early: Buffer[] = []
  #earlyBytes = 0
  #stream: PrimaryStream | undefined = undefined
  #timer: Timer | undefined = undefined
  #lastHeardMs: number
  /** Since when the link has been down (Unix ms); 0 = there never was one. */
  #downSinceMs = 0
  #stopped = false

  constructor(engine: Engine, { host, port }: Address, options: LinkOptions) {
    this.#engine = engine
    this.#options = options
    this.#handover = options.handover
    this.host = host
    this.port = port
    this.#lastHeardMs = engine.environment.workClock.now()
    engine.conditions.loading.changed.add(this.#goOn)
    this.#look()
  }

  // ── status ─────────────────────────────────────────────────

  get linkUp(): boolean {
    return this.state === 'connected'
  }

  get primary(): Client | undefined {
    return this.#stream?.client
  }

  get sync(): Following['sync'] {
    const snapshot = this.#snapshot
    if (this.state !== 'sync') return undefined
    return { totalBytes: snapshot?.totalBytes ?? -1, receivedBytes: snapshot?.receivedBytes ?? 0 }
  }

  get offset(): number {
    return this.#options.progress.isGone ? NO_OFFSET : this.#engine.effects.history.offset
  }

  get readOffset(): number {
    return this.offset + (this.#stream?.unappliedBytes ?? 0)
  }

  get lastHeardSeconds(): number {
    return seconds(this.#engine.environment.workClock.now() - this.#lastHeardMs)
  }

  get downSeconds(): number {
    return this.#downSinceMs === 0 ? -1 : seconds(this.#engine.environment.workClock.now() - this.#downSinceMs)
  }

  get isContinuable(): boolean {
    return this.#options.progress.isContinuable
  }

  // ── periodic work ─────────────────────────────────────────────────────────────────

  #look(): void {
    if (this.#stopped) return
    this.#timer?.cancel()
    this.#timer = this.#engine.environment.workClock.after(LOOK_MS, () => this.#look())
    try {
      this.#check()
    } catch (error) {
      this.#fail(error)
    }
  }

  #check(): void {
    const { config } = this.#engine
    const { workClock } = this.#engine.environment
    const isOverdue = workClock.now() - this.#lastHeardMs > config.get('repl-timeout') * 1000
    switch (this.state) {
      case 'connect':
        this.#connect()
        return
      case 'connecting':
      case 'handshake':
        if (isOverdue) throw new PrimaryLinkError('Timeout connecting to the MASTER...')
        return
      case 'sync':
        if (isOverdue && this.#snapshot?.isComplete !== true) {
          throw new PrimaryLinkError(
            "Timeout receiving bulk data from MASTER... If the problem persists try to set the 'repl-timeout' parameter in redis.conf to a larger value.",
          )
        }
        // Tells the primary that this server is alive while it loads.
        if (this.#snapshot !== undefined) this.#connection?.write('\n')
        return
      case 'connected':
        if (isOverdue) throw new PrimaryLinkError('MASTER timeout: no data nor PING received...')
        assert(this.#stream !== undefined, 'a link that is connected has a stream')
        this.#stream.resume()
        this.#stream.acknowledge()
    }
  }

  /** Loading has ended: runs the requests that waited for it. */
  readonly #goOn = (): void => {
    if (!this.#engine.conditions.state.loading.holds) this.#stream?.resume()
  }

  #connect(): void {
    const { workClock, log } = this.#engine.environment
    assert(this.#connection === undefined, 'a link has one connection')
    assert(this.#stream === undefined && this.#snapshot === undefined, 'a link that is made again has let go of all')
    this.state = 'connecting'
    this.#lastHeardMs = workClock.now()
    log.info({}, `Connecting to MASTER ${this.host}:${this.port}`)
    this.#connection = this.#options.dial(this, this, 'primary')
    log.info({}, 'MASTER <-> REPLICA sync started')
  }

  // ── events of the connection ────────────────────────────────────────────

  connected(): void {
    const { config } = this.#engine
    const { history } = this.#engine.effects
    const { host } = this.#engine.parts
    const { log } = this.#engine.environment
    const { isContinuable } = this.#options.progress
    const described = host.describe?.()
    const ownPort = config.get('tls-replication') ? described?.tlsPort : described?.tcpPort
    log.info({}, 'Non blocking connect for SYNC fired the event.')
    this.state = 'handshake'
    this.#lastHeardMs = this.#engine.environment.workClock.now()
    this.#handshake = new Handshake({
      user: config.get('masteruser'),
      password: config.get('masterauth'),
      port: config.get('replica-announce-port') || ownPort || 0,
      ip: config.get('replica-announce-ip'),
      position: isContinuable ? { id: history.id, offset: history.offset } : undefined,
      isHandover: this.#handover !== undefined,
      send: (request) => this.#connection?.write(encodeRequest(request)),
      tell: (message) => log.info({}, message),
    })
    this.#handshake.begin()
  }

  received(bytes: Buffer): void {
    this.#lastHeardMs = this.#engine.environment.workClock.now()
    try {
      this.#take(bytes)
    } catch (error) {
      this.#fail(error)
    }
  }

  ended(reason: string): void {
    if (this.#snapshot?.isComplete) {
      // The whole snapshot has arrived. Once it is loaded the next link continues from there, and
      // receives the bytes behind it again.
      this.#connection = undefined
      this.#early = []
      this.#earlyBytes = 0
      return
    }
    this.#fail(
      new PrimaryLinkError(
        this.state === 'connected' ? 'Connection with master lost.' : `Error condition on socket for SYNC: ${reason}`,
      ),
    )
  }

  #take(bytes: Buffer): void {
    let rest: Buffer | undefined = bytes
    while (rest !== undefined && rest.length > 0 && this.#connection !== undefined) {
      if (this.#stream !== undefined) {
        this.#stream.receive(rest)
        return
      }
      if (this.#snapshot?.isComplete) {
        this.#early.push(rest)
        const before = this.#earlyBytes
        this.#earlyBytes += rest.length
        if (before < EARLY_BYTES_MAX && this.#earlyBytes >= EARLY_BYTES_MAX) this.#connection.pause()
        return
      }
      rest = this.#snapshot === undefined ? this.#takeLine(rest) : this.#snapshot.receive(rest)
    }
  }

  /** Takes bytes up to the end of a line, and handles that line; returns the bytes behind it. */
  #takeLine(bytes: Buffer): Buffer | undefined {
    const end = this.#lines.feed(bytes, 0)
    if (this.#lines.isCut) throw new PrimaryLinkError('Master sends a line that is too long.')
    if (end === -1) return undefined
    const { line } = this.#lines
    // An empty line only tells that the primary is alive.
    if (line !== '') {
      if (this.#agreement === undefined) this.#takeReply(line)
      else this.#beginSnapshot(line)
    }
    return bytes.subarray(end)
  }

  #takeReply(line: string): void {
    assert(this.#handshake !== undefined, 'a line before the agreement is an answer of the handshake')
    const agreement = this.#handshake.take(line)
    if (agreement === undefined) return
    this.#handshake = undefined
    const { history } = this.#engine.effects
    const { copy, progress } = this.#options
    if (agreement.kind === 'continue') {
      if (agreement.id !== undefined) {
        history.continueAs(agreement.id)
        copy?.rename()
      }
      this.#goLive()
    } else {
      this.#agreement = agreement
      this.state = 'sync'
      // No other server has the data that is here now.
      progress.isContinuable = false
    }
    const handover = this.#handover
    this.#handover = undefined
    handover?.accepted()
  }

  // ── full synchronisation ────────────────────────────────────────────────────────────

  #beginSnapshot(line: string): void {
    const { log } = this.#engine.environment
    if (line.startsWith('-')) throw new PrimaryLinkError(`MASTER aborted replication with an error: ${line.slice(1)}`)
    const extent = extentOf(line)
    if (extent === undefined) {
      throw new PrimaryLinkError(
        `Bad protocol from MASTER, the first byte is not '$' (we received '${printable(line)}'), are you sure the host and port are right?`,
      )
    }
    const connection = this.#connection
    assert(connection !== undefined, 'a line comes from a connection')
    const snapshot = new IncomingSnapshot(extent, connection)
    const meanwhile = this.#meanwhile()
    const to = meanwhile === undefined ? 'to disk' : 'to parser'
    if ('bytes' in extent) log.info({}, `MASTER <-> REPLICA sync: receiving ${extent.bytes} bytes from master ${to}`)
    else log.info({}, `MASTER <-> REPLICA sync: receiving streamed RDB from master with EOF ${to}`)
    this.#snapshot = snapshot
    void this.#load(snapshot, meanwhile).then(
      (database) => {
        if (this.#snapshot === snapshot) this.#loaded(database)
      },
      (error: unknown) => {
        if (this.#snapshot === snapshot) this.#fail(error)
      },
    )
  }

  /** How a snapshot is loaded as it arrives; undefined = it is written to a file first. */
  #meanwhile(): Meanwhile | undefined {
    const { config, databases } = this.#engine
    const { history } = this.#engine.effects
    const setting = config.get('repl-diskless-load')
    if (setting === 'swapdb') {
      const isSame = this.#agreement?.kind === 'snapshot' && this.#agreement.id === history.id
      return isSame ? 'served' : 'kept'
    }
    return setting === 'on-empty-db' && databases.every(({ size }) => size === 0) ? 'emptied' : undefined
  }

  async #load(snapshot: IncomingSnapshot, meanwhile: Meanwhile | undefined): Promise<number> {
    const engine = this.#engine
    const { log } = engine.environment
    const check = (): void => {
      if (this.#snapshot !== snapshot) throw new PrimaryLinkError('the link is gone')
    }
    if (meanwhile !== undefined) {
      log.info({}, 'MASTER <-> REPLICA sync: Loading DB in memory')
      const complete = (end: number): Promise<void> => snapshot.expectEnd(end)
      if (meanwhile === 'emptied') this.#dataGoes()
      const { size, totalBytes: announcedBytes } = snapshot
      return await loadFully(engine, { file: snapshot, size, announcedBytes, meanwhile, check, complete })
    }
    const download = new SnapshotDownload(engine, this.#options.disk ?? systemDisk)
    try {
      await download.receive(snapshot)
      check()
      log.info({}, 'MASTER <-> REPLICA sync: Flushing old data')
      log.info({}, 'MASTER <-> REPLICA sync: Loading DB in memory')
      this.#dataGoes()
      const database = await download.load({ check })
      await download.keep()
      return database
    } finally {
      await download.discard()
    }
  }

  /** Neither this server nor its own replicas can continue from the data any more. */
  #dataGoes(): void {
    const { copy, progress } = this.#options
    progress.isGone = true
    copy?.interrupt()
  }

  /** The snapshot is loaded; the stream behind it is in `database`. */
  #loaded(database: number): void {
    const { history } = this.#engine.effects
    const { log } = this.#engine.environment
    const { copy, progress } = this.#options
    const agreement = this.#agreement
    assert(this.state === 'sync', 'a snapshot is loaded during a synchronisation')
    assert(this.#snapshot?.isComplete, 'a snapshot counts when all of it has arrived')
    if (agreement?.kind === 'snapshot') history.adopt(agreement.id, agreement.offset)
    else history.beginAnew()
    progress.isContinuable = agreement?.kind === 'snapshot'
    progress.database = database
    progress.isGone = false
    copy?.interrupt()
    log.info({}, 'MASTER <-> REPLICA sync: Finished with success')
    this.#snapshot = undefined
    this.#agreement = undefined
    this.#options.changed('synced')
    if (this.#connection !== undefined) {
      this.#goLive()
      return
    }
    this.state = 'connect'
    this.#look()
  }

  // ── the stream ───────────────────────────────────────────────────────────

  #goLive(): void {
    const connection = this.#connection
    assert(connection !== undefined && this.#stream === undefined, 'a connection has one stream')
    const stream = new PrimaryStream(this.#engine, {
      connection,
      database: this.#options.progress.database,
      copy: this.#options.copy,
      failed: (reason) => this.#fail(new PrimaryLinkError(reason)),
    })
    this.#stream = stream
    this.state = 'connected'
    this.#downSinceMs = 0
    this.#lastHeardMs = this.#engine.environment.workClock.now()
    this.#options.copy?.begin()
    this.#options.changed('up')
    // A primary that sent the snapshot without a file waits for this before it sends more.
    stream.acknowledge()
    const early = this.#early
    this.#early = []
    // Before the stream takes these bytes, because it may pause the connection again.
    if (this.#earlyBytes >= EARLY_BYTES_MAX) connection.resume()
    this.#earlyBytes = 0
    for (const bytes of early) if (this.#stream === stream) stream.receive(bytes)
  }

  // ── the end ──────────────────────────────────────────────────────────────

  /** Ends the connection, and tries again. */
  #fail(error: unknown): void {
    if (this.#stopped || this.state === 'connect') return
    const { workClock, log } = this.#engine.environment
    const wasUp = this.state === 'connected'
    const isExpected = error instanceof PrimaryLinkError || error instanceof HandshakeError
    if (isExpected) log.warn({}, error.message)
    else if (this.state === 'sync') {
      const reason = error instanceof ReplyError ? error.text : describeDiskError(error)
      log.error({ error: reason }, 'Failed trying to load the MASTER synchronization DB, check server logs.')
    } else throw error
    const refused = this.#handshake?.hasAsked === true ? this.#handover : undefined
    this.#letGo()
    this.state = 'connect'
    if (refused !== undefined) {
      refused.refused()
      return
    }
    if (wasUp) this.#downSinceMs = workClock.now()
    this.#options.changed('down')
    if (!wasUp) return
    log.info({}, `Reconnecting to MASTER ${this.host}:${this.port}`)
    // At once: the longer it takes, the less of the stream is left in the backlog.
    this.#look()
  }

  #letGo(): void {
    this.#connection?.close()
    this.#connection = undefined
    this.#handshake = undefined
    this.#agreement = undefined
    this.#lines.reset()
    this.#early = []
    this.#earlyBytes = 0
    const snapshot = this.#snapshot
    this.#snapshot = undefined
    snapshot?.fail(new PrimaryLinkError('the link is gone'))
    const stream = this.#stream
    this.#stream = undefined
    if (stream !== undefined) this.#options.progress.database = stream.end()
  }

  /** Ends the link for good. */
  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#engine.conditions.loading.changed.remove(this.#goOn)
    this.#letGo()
    this.state = 'connect'
  }
}

function extentOf(line: string): Extent | undefined {
  const unsized = /^\$EOF:(.*)$/.exec(line)
  if (unsized !== null) return itemAt(unsized, 1).length === MARK_BYTES ? { mark: itemAt(unsized, 1) } : undefined
  const sized = /^\$(\d{1,15})$/.exec(line)
  return sized === null ? undefined : { bytes: Number(sized[1]) }
}

function printable(line: string): string {
  return line.slice(0, 64).replace(/[^ -~]/g, '?')
}

function seconds(milliseconds: number): number {
  return Math.max(0, Math.floor(milliseconds / 1000))
}
