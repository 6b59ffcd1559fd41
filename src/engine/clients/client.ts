// A client: one connection's state, from its requests to its replies.
//
// A client knows no socket. Bytes come in through `receive`; bytes go out as
// segments of buffers that all clients share, collected here until the turn of
// the loop ends and then handed to the `Transport` at once. A transport that
// does not keep up makes the client's backlog grow until the output limits of
// its class end the connection.

import type { User } from '../../acl/user.ts'
import type { Subscriber } from '../../broker/subscriber.ts'
import type { Config } from '../../config/config.ts'
import type { Arguments } from '../../protocol/arguments.ts'
import { REPLY_BUFFER_BYTES, UNAUTHENTICATED_QUERY_BYTES_MAX } from '../../protocol/limits.ts'
import type { ReplyReceiver } from '../../protocol/reply-buffer.ts'
import { type RequestHandler, RequestParser } from '../../protocol/request-parser.ts'
import type { Database } from '../../store/keyspace/database.ts'
import { itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import type { Source } from '../../util/bytes/bytes.ts'
import { NameSet } from '../../util/tables/name-map.ts'
import { fetchAhead } from '../data/fetch-ahead.ts'
import type { OrderedDelivery } from './ordered-delivery.ts'

/** What carries a client's bytes: a socket, a stream in this process, nothing (journal replay). */
export interface Transport {
  /** What it goes through; `in-process` is memory alone. */
  readonly kind: 'tcp' | 'unix' | 'in-process'
  /** `ip:port`, a unix socket's path with `:0`, or a word for callers in the process. */
  readonly address: string
  readonly localAddress: string
  /** It is TLS. */
  readonly isEncrypted?: boolean
  /** File descriptor, -1 when there is none (CLIENT LIST). */
  readonly descriptor: number
  /** Bytes taken but not yet passed on. */
  readonly backlogBytes: number
  /**
   * Takes of [start, end) of a buffer what can leave at once, and keeps none of it; returns how many bytes that was. Absent where
   * everything is handed to `write`. What a client is owed mostly leaves this way: a view of it, as `write` takes, is a third of
   * all that a small request allocates.
   */
  writeNow?(bytes: Buffer, start: number, end: number): number
  /** Takes bytes; true when they are gone, false when the transport still holds `bytes` itself (they must not change then). */
  write(bytes: Buffer): boolean
  /** Calls `tell` once, when all that was written has been passed on; not where that is always at once. */
  whenDrained?(tell: () => void): void
  /** Has the system gather small writes into larger packets, which arrive a little later; not where there are none. */
  gatherSmallWrites?(): void
  /** Ends the connection: after what was written has left, or at once. */
  close(when: 'flushed' | 'now'): void
}

/** Why a client may not simply run the next command; bits of `Client.state`. */
export const CLIENT_UNAUTHENTICATED = 1 << 0
export const CLIENT_MULTI = 1 << 1
/** RESP2 and subscribed: only (un)subscribing, PING, QUIT and RESET are allowed. */
export const CLIENT_SUBSCRIBED = 1 << 2
/** CLIENT REPLY OFF or SKIP is in force. */
export const CLIENT_MUTED = 1 << 3
/** Asked for NO-TOUCH. */
export const CLIENT_NO_TOUCH = 1 << 4
/** Its user may not do everything: each request is held against the user's rules. */
export const CLIENT_RESTRICTED = 1 << 7

/** CLIENT CACHING is in force: for this command, or for all of the transaction. */
export const CLIENT_CACHING = 1 << 5
/** Is shown every command (MONITOR). */
export const CLIENT_MONITOR = 1 << 6
/** Is a replica: what it is sent is the stream, and whatever it sends may not be answered. */
export const CLIENT_REPLICA = 1 << 8
/** ASKING is in force: for the next request, or for all of the transaction (redirection.ts). */
export const CLIENT_ASKING = 1 << 9
/** What concerns one request, or one transaction, alone. */
export const CLIENT_FOR_ONE_REQUEST = CLIENT_CACHING | CLIENT_ASKING
/** What a connection takes that neither sends nor receives anything: its objects, those of its socket included; measured with 4000. */
export const CLIENT_BYTES = 7 * 1024

/** Output limit classes. */
export type ClientClass = 'normal' | 'pubsub' | 'replica'

/**
 * Where a client's commands come from: from somebody who asks; from what was journaled, and from the primary, which both say
 * what has happened and are obeyed without checks; from this program itself, which need not say who it is. What is replayed is
 * not propagated again.
 */
export type Origin = 'client' | 'replay' | 'primary' | 'internal'

/** What a client must know of its MULTI (transaction.ts). */
export interface OpenTransaction {
  /** A command was refused while queueing: EXEC will refuse the whole. */
  broken: boolean
  /** Bytes of the queued arguments. */
  readonly bytes: number
  /** What the whole queue takes. */
  readonly memoryBytes: number
}

/** What clients need from whoever keeps them. */
export interface ClientHost {
  readonly config: Config
  readonly users: { readonly isOpen: boolean; readonly default: User }
  readonly stats: { pausedClients: number }
  readonly dataset: { readonly databases: readonly Database[] }
  readonly dispatch: { execute(client: Client, args: Arguments): void }
  /** Knows whose command is running, and keeps messages for that one until it has replied. */
  readonly runner: {
    readonly client: Client | undefined
    defer(client: Client, source: Source, start: number, end: number): void
  }
  readonly replies: { markFor(client: Client): void; isOpenFor(client: Client): boolean }
  readonly turn: { flushSoon(client: Client): void }
  readonly outputLimits: { readonly leastBytes: number; check(client: Client): boolean }
  readonly timedWork: { collectSoon(): void }
}

/** A stretch of a shared buffer that is to be sent. */
interface Segment {
  source: Source
  start: number
  end: number
}

export class Client implements ReplyReceiver, RequestHandler, Subscriber {
  readonly id: number
  readonly transport: Transport
  readonly createdMs: number
  readonly origin: Origin
  /** True when what it sends has happened already: it is obeyed without checks. */
  readonly isObeyed: boolean
  protocol: 2 | 3 = 2
  /** Bits CLIENT_… */
  state = 0
  database = 0
  name = ''
  libraryName = ''
  libraryVersion = ''
  user: User
  lastCommand = 'NULL'
  lastActiveMs: number
  noEvict = false
  /** READONLY: in a cluster, a replica may answer it what its primary's keys were lately. */
  readsReplica = false
  /** Messages of kept channels that it subscribes to from now on are to carry their ids (CLIENT CAPA message-ids). */
  wantsMessageIds = false
  /** It hears messages of kept channels in the order of their ids; null = as they come. */
  ordered: OrderedDelivery | null = null
  /** CLIENT REPLY: `skip` mutes the next command, which makes it `skipping` until that has replied. */
  replyMode: 'on' | 'off' | 'skip' | 'skipping' = 'on'
  /** While muted: output up to here is sent all the same. */
  keptPosition = 0
  /** What MULTI gathers; undefined outside. */
  transaction: OpenTransaction | undefined = undefined
  /** Keys under WATCH as `db:key`, and whether one of them changed. */
  readonly watched = new NameSet()
  watchBroken = false
  /** Its command found nothing and waits in the room (blocking.ts). */
  parked = false
  /** How long the command it is parked in has run, each time it was tried, in milliseconds. */
  parkedRunMs = 0
  readonly channels = new NameSet()
  readonly patterns = new NameSet()
  readonly shardChannels = new NameSet()
  /** Bytes of what listens in its place to channels under rules. */
  listenerBytes = 0
  readonly parser = new RequestParser()
  /** Gone: nothing may be sent or run for it any more. */
  closed = false
  /** Its replies up to here are sent, then the connection ends. */
  closing = false
  commandsRun = 0
  /** Journal offset that must be written before its replies leave: the end of what it wrote last. */
  waitsForWritten = 0
  /** Journal offset that must be synced before its replies leave. */
  waitsForSynced = 0
  /** Offset of the replicas' stream behind what it wrote last (WAIT). */
  streamOffset = 0
  /** Bytes of the replicas' stream that it has not been sent yet: they are kept once for all of them. */
  streamBytes = 0
  /** Its output is kept back until then. */
  heldForDurability = false
  /** The request that was put off, to be run first when it may (postponed.ts). */
  postponedRequest: Arguments | undefined = undefined
  /** In the engine's list of clients with something to send. */
  queuedForFlush = false
  /** Since when the soft output limit is exceeded (Unix ms); 0 = it is not. */
  softLimitSinceMs = 0
  /** Did not read for too long: gets nothing more and is disconnected at the turn's end. */
  overLimit = false
  /** What its parked command's arguments take. */
  parkedBytes = 0
  /** What the prefixes take that it asked to be told of (CLIENT TRACKING). */
  prefixBytes = 0
  /** What used memory counts for it (client-memory.ts), and how much of that are requests. */
  countedBytes = 0
  countedRequestBytes = 0
  #paused = false
  readonly #host: ClientHost
  #segments: Segment[] = []
  /** The first so many segments, the last one counted too, lie in memory of their own. */
  #kept = 0
  /** The last segment, kept apart so that the usual single one needs no array. */
  #source: Source | undefined = undefined
  #start = 0
  #end = 0
  #outputBytes = 0

  constructor(host: ClientHost, id: number, transport: Transport, origin: Origin, nowMs: number) {
    this.#host = host
    this.id = id
    this.user = host.users.default
    this.transport = transport
    this.origin = origin
    this.isObeyed = origin === 'replay' || origin === 'primary'
    this.createdMs = nowMs
    this.lastActiveMs = nowMs
  }

  // ── what is asked of it ─────────────────────────────────────────────────────────────

  /** Nothing of it is run: its request is postponed, or a command of its own (SAVE, SHUTDOWN) is not done yet. */
  get paused(): boolean {
    return this.#paused
  }

  set paused(paused: boolean) {
    if (paused === this.#paused) return
    const { stats } = this.#host
    this.#paused = paused
    stats.pausedClients += paused ? 1 : -1
    assert(stats.pausedClients >= 0, 'a client that goes on was counted when it was paused')
  }

  get halted(): boolean {
    return this.parked || this.closing || this.closed || this.paused || this.overLimit
  }

  /** A password set later concerns only who connects later; one taken away concerns everybody. */
  get authenticated(): boolean {
    return (this.state & CLIENT_UNAUTHENTICATED) === 0 || this.#host.users.isOpen
  }

  get bulkBytesMax(): number {
    return this.#host.config.get('proto-max-bulk-len')
  }

  /** What waits for EXEC are unread requests as much as what waits in the parser: they count towards the limit. */
  get queryBufferBytesMax(): number {
    const limit = this.#host.config.get('client-query-buffer-limit')
    if (!this.authenticated) return Math.min(limit, UNAUTHENTICATED_QUERY_BYTES_MAX)
    return this.transaction === undefined ? limit : limit - this.transaction.bytes
  }

  /** Bytes of what it asked for and what is kept of it: requests, MULTI's queue, names it subscribed to, watches or caches. */
  get requestBytes(): number {
    const { channels, parser, patterns, shardChannels, transaction, watched } = this
    const bytes = parser.reservedBytes + channels.bytes + patterns.bytes + shardChannels.bytes + watched.bytes
    return (
      bytes +
      this.listenerBytes +
      this.prefixBytes +
      this.argumentBytes +
      (transaction === undefined ? 0 : transaction.memoryBytes)
    )
  }

  /** Bytes of a command's arguments that wait: it is parked, or its request is postponed. */
  get argumentBytes(): number {
    const { postponedRequest, parkedBytes } = this
    return postponedRequest === undefined ? parkedBytes : parkedBytes + postponedRequest.contentBytes
  }

  /** Bytes of replies that wait beyond the turn in which they were made. */
  get heldOutputBytes(): number {
    return this.transport.backlogBytes + (this.heldForDurability ? this.#outputBytes : 0)
  }

  /** Number of subscriptions of all kinds but shard channels, as (un)subscribe replies count. */
  get subscriptions(): number {
    return this.channels.size + this.patterns.size
  }

  /** Enters or leaves RESP2's subscribed mode, after a change of subscriptions or protocol. */
  followSubscriptions(): void {
    if (this.protocol === 2 && this.outputClass === 'pubsub') this.state |= CLIENT_SUBSCRIBED
    else this.state &= ~CLIENT_SUBSCRIBED
  }

  get outputClass(): ClientClass {
    if ((this.state & CLIENT_REPLICA) !== 0) return 'replica'
    return this.channels.size + this.patterns.size + this.shardChannels.size > 0 ? 'pubsub' : 'normal'
  }

  // ── requests ─────────────────────────────────────────────────────────────

  request(args: Arguments): void {
    this.#host.dispatch.execute(this, args)
  }

  /** Takes bytes of requests and runs those that are complete. Throws what the parser throws. */
  feed(source: Source, start: number, end: number): void {
    fetchAhead(source, start, end, itemAt(this.#host.dataset.databases, this.database))
    this.parser.feed(source, start, end, this)
  }

  // ── replies ──────────────────────────────────────────────────────────────

  addSegment(source: Source, start: number, end: number): void {
    if (this.closed || this.overLimit) return
    const { outputLimits, turn } = this.#host
    if (!this.queuedForFlush) turn.flushSoon(this)
    this.#outputBytes += end - start
    if (this.#outputBytes >= outputLimits.leastBytes && outputLimits.check(this)) return
    if (this.#source === source && this.#end === start) {
      this.#end = end
      return
    }
    if (this.#source !== undefined) {
      this.#segments.push({ source: this.#source, start: this.#start, end: this.#end })
    }
    this.#source = source
    this.#start = start
    this.#end = end
  }

  /**
   * Queues a message made for many. While this client's own command runs, the message waits until that has replied; and
   * where the reply is going to be taken back, so that the message is not.
   */
  deliver(source: Source, start: number, end: number): void {
    const { replies, runner } = this.#host
    if (runner.client === this || ((this.state & CLIENT_MUTED) !== 0 && replies.isOpenFor(this))) {
      runner.defer(this, source, start, end)
      return
    }
    replies.markFor(this)
    this.addSegment(source, start, end)
  }

  /** Bytes made for this client that the other side has not taken yet. */
  get outputBytes(): number {
    return this.#outputBytes + this.transport.backlogBytes + this.streamBytes
  }

  /** Bytes made in this turn. */
  get pendingBytes(): number {
    return this.#outputBytes
  }

  /**
   * Hands everything over to the transport. Returns false when the shared buffers are still needed by it.
   *
   * A transport that is behind gets a copy, so a slow reader never holds a shared buffer for long.
   */
  flush(): boolean {
    if (this.#source === undefined) return true
    const { transport } = this
    let taken = true
    if (transport.backlogBytes === 0 && this.#isInLongSegments()) {
      for (const segment of this.#segments) if (!this.#pass(segment.source, segment.start, segment.end)) taken = false
      if (!this.#pass(this.#source, this.#start, this.#end)) taken = false
    } else if (
      this.#segments.length === 0 &&
      this.#end - this.#start > SEPARATE_SEGMENT_BYTES_MIN &&
      this.#isWholeSource()
    ) {
      // A buffer made for this reply alone: nobody else writes to it.
      taken = transport.write(this.#source.u8.subarray(this.#start, this.#end))
    } else {
      this.takeCopy()
      transport.write(this.#source!.u8.subarray(this.#start, this.#end))
    }
    this.#source = undefined
    if (this.#segments.length > 0) this.#segments.length = 0
    this.#kept = 0
    this.#outputBytes = 0
    return taken
  }

  /** Hands a segment to a transport that is not behind, or has been handed the one before; false when it needs the buffer still. */
  #pass({ u8 }: Source, start: number, end: number): boolean {
    const { transport } = this
    if (transport.writeNow !== undefined) start += transport.writeNow(u8, start, end)
    return start === end || transport.write(u8.subarray(start, end))
  }

  /** Tells whether there is but one segment, or so few that joining them would cost more than a call for each. */
  #isInLongSegments(): boolean {
    const { length } = this.#segments
    return length === 0 || this.#outputBytes >= (length + 1) * JOINED_BYTES_MAX
  }

  /**
   * Moves what is pending in shared buffers into memory of its own, because it must wait while they are used again. What was
   * moved before stays where it is: however long the wait, each byte is moved once.
   */
  keepOutput(): void {
    if (this.#source === undefined || this.#kept > this.#segments.length) return
    let length = this.#end - this.#start
    for (let i = this.#kept; i < this.#segments.length; i++)
      length += itemAt(this.#segments, i).end - itemAt(this.#segments, i).start
    const own = Buffer.allocUnsafe(length)
    let at = 0
    for (let i = this.#kept; i < this.#segments.length; i++) {
      const { source, start, end } = itemAt(this.#segments, i)
      at += source.u8.copy(own, at, start, end)
    }
    this.#source.u8.copy(own, at, this.#start, this.#end)
    this.#segments.length = this.#kept
    this.#source = { u8: own, view: EMPTY_VIEW } as Source
    this.#start = 0
    this.#end = length
    this.#kept++
  }

  /** Joins what is pending in memory of its own. */
  takeCopy(): void {
    if (this.#source === undefined) return
    const joined = Buffer.allocUnsafe(this.#outputBytes)
    let at = 0
    for (const { source, start, end } of this.#segments) at += source.u8.copy(joined, at, start, end)
    at += this.#source.u8.copy(joined, at, this.#start, this.#end)
    const length = joined.length
    assert(at === length, 'the segments of a client hold the bytes that are counted')
    this.#segments.length = 0
    this.#source = { u8: joined, view: EMPTY_VIEW } as Source
    this.#start = 0
    this.#end = length
  }

  /** Forgets what is pending. */
  dropOutput(): void {
    if (this.outputBytes > DROPPED_BYTES_MIN) this.#host.timedWork.collectSoon()
    this.#kept = 0
    this.#source = undefined
    this.#segments.length = 0
    this.#outputBytes = 0
  }

  /** A position in the output that `rewind` can go back to. */
  get position(): number {
    return this.#outputBytes
  }

  /** Takes back everything after `position` (CLIENT REPLY OFF). */
  rewind(position: number): void {
    let excess = this.#outputBytes - position
    assert(excess >= 0, 'output is taken back to where it was')
    this.#outputBytes = position
    while (excess > 0) {
      const length = this.#end - this.#start
      if (excess < length) {
        this.#end -= excess
        return
      }
      excess -= length
      const previous = this.#segments.pop()
      this.#source = previous?.source
      this.#start = previous?.start ?? 0
      this.#end = previous?.end ?? 0
    }
  }

  #isWholeSource(): boolean {
    return this.#start === 0 && this.#end > this.#source!.u8.length / 2 && this.#source!.u8.length > REPLY_BUFFER_BYTES
  }
}

/** Replies that are dropped are worth a look of the collector from here on. */
const DROPPED_BYTES_MIN = 1024 * 1024
/** A single segment of at least this size may be handed over without copying even to a transport that is behind. */
const SEPARATE_SEGMENT_BYTES_MIN = 64 * 1024
/** Segments of so many bytes on average are not joined: to copy them takes longer than the system calls that it would spare. */
const JOINED_BYTES_MAX = 16 * 1024
const EMPTY_VIEW = new DataView(new ArrayBuffer(0))
