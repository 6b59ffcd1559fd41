// A client: the state of one connection, from its requests to its replies.
//
// A client knows no socket. Bytes come in through `feed`. Replies are segments of buffers that all
// clients share. They are collected here until the turn of the loop ends, and then handed to the
// `Transport` at once. If a transport does not keep up, the client's backlog grows until the output
// limits of its class end the connection.

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
import { CHECKED } from '../../util/invariant.ts'
import { NameSet } from '../../util/tables/name-map.ts'
import { fetchAhead } from '../data/fetch-ahead.ts'
import type { OrderedDelivery } from './ordered-delivery.ts'

/**
 * The carrier of a client's bytes: a socket, a stream in this process, or nothing (journal replay).
 */
export interface Transport {
  /** `in-process` is memory alone. */
  readonly kind: 'tcp' | 'unix' | 'in-process'
  /** `ip:port`, a unix socket's path with `:0`, or a word for callers in the process. */
  readonly address: string
  readonly localAddress: string
  /** True for TLS. */
  readonly isEncrypted?: boolean
  /** File descriptor, -1 when there is none (CLIENT LIST). */
  readonly descriptor: number
  /** Bytes taken but not yet passed on. */
  readonly backlogBytes: number
  /**
   * Sends as much of [start, end) of a buffer as can leave at once, and keeps none of it; returns
   * the number of bytes. Absent in a transport that takes all bytes by `write`. Most replies leave
   * this way: the view that `write` needs is a third of all that a small request allocates.
   */
  writeNow?(bytes: Buffer, start: number, end: number): number
  /**
   * Takes bytes. Returns true when they are gone, false while the transport still holds `bytes`
   * itself, which must not change then.
   */
  write(bytes: Buffer): boolean
  /**
   * Calls `tell` once, when all written bytes have been passed on. Absent where they always are at
   * once.
   */
  whenDrained?(tell: () => void): void
  /**
   * Makes the system gather small writes into larger packets, which arrive a little later. Absent
   * where there are no packets.
   */
  gatherSmallWrites?(): void
  /** Ends the connection: after the written bytes have left, or at once. */
  close(when: 'flushed' | 'now'): void
}

/** Reasons why a client may not simply run the next command: bits of `Client.state`. */
export const CLIENT_UNAUTHENTICATED = 1 << 0
export const CLIENT_MULTI = 1 << 1
/** RESP2 and subscribed: only (un)subscribing, PING, QUIT and RESET are allowed. */
export const CLIENT_SUBSCRIBED = 1 << 2
/** CLIENT REPLY OFF or SKIP is in force. */
export const CLIENT_MUTED = 1 << 3
/** CLIENT NO-TOUCH is in force. */
export const CLIENT_NO_TOUCH = 1 << 4
/** Its user may not do everything, so each request is checked against the user's rules. */
export const CLIENT_RESTRICTED = 1 << 7

/** CLIENT CACHING is in force: for this command, or for all of the transaction. */
export const CLIENT_CACHING = 1 << 5
/** It monitors: it is shown every command (MONITOR). */
export const CLIENT_MONITOR = 1 << 6
/** It is a replica: it is sent the stream, and its requests get no reply. */
export const CLIENT_REPLICA = 1 << 8
/** ASKING is in force: for the next request, or for all of the transaction (redirection.ts). */
export const CLIENT_ASKING = 1 << 9
/** The states that last for one request, or for one transaction. */
export const CLIENT_FOR_ONE_REQUEST = CLIENT_CACHING | CLIENT_ASKING
/**
 * Bytes of an idle connection: its objects, with those of its socket. Measured with 4000
 * connections.
 */
export const CLIENT_BYTES = 7 * 1024

/** Output limit classes. */
export type ClientClass = 'normal' | 'pubsub' | 'replica'

/**
 * The source of a client's commands. `client` asks, and `internal` asks from within this program,
 * without authentication. `replay` (the journal) and `primary` report changes that have happened,
 * so they are obeyed without checks. Replayed commands are not propagated again.
 */
export type Origin = 'client' | 'replay' | 'primary' | 'internal'

/** The facts that a client must know of its transaction (transaction.ts). */
export interface OpenTransaction {
  /** A command was refused while it was to be queued: EXEC will be refused. */
  broken: boolean
  /** Bytes of the queued arguments. */
  readonly bytes: number
  /** Bytes of the whole queue. */
  readonly memoryBytes: number
}

/** The parts of the engine that clients use. */
export interface ClientHost {
  readonly config: Config
  readonly users: { readonly isOpen: boolean; readonly default: User }
  readonly stats: { pausedClients: number }
  readonly dataset: { readonly databases: readonly Database[] }
  readonly dispatch: { execute(client: Client, args: Arguments): void }
  /**
   * Knows the client whose command is running, and keeps messages for it until that has replied.
   */
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
  /** True for a client whose commands have happened already: it is obeyed without checks. */
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
  /** READONLY: in a cluster, a replica may serve its reads of the primary's keys. */
  readsReplica = false
  /**
   * Its later subscriptions to kept channels get messages with their ids (CLIENT CAPA message-ids).
   */
  wantsMessageIds = false
  /** It hears messages of kept channels in the order of their ids; null = as they come. */
  ordered: OrderedDelivery | null = null
  /** CLIENT REPLY. `skip` mutes the next command, and becomes `skipping` until that has replied. */
  replyMode: 'on' | 'off' | 'skip' | 'skipping' = 'on'
  /** While muted: output before this position is sent all the same. */
  keptPosition = 0
  /** The transaction that MULTI has opened; undefined outside of one. */
  transaction: OpenTransaction | undefined = undefined
  /** Its watched keys (key-name.ts). `watchBroken`: one of them has changed. */
  readonly watched = new NameSet()
  watchBroken = false
  /** Its command found nothing and waits in the waiting room (blocking.ts). */
  parked = false
  /** The time in ms that all runs of the command took that it is parked in. */
  parkedRunMs = 0
  readonly channels = new NameSet()
  readonly patterns = new NameSet()
  readonly shardChannels = new NameSet()
  /** Bytes of the readers that stand for it in kept channels. */
  listenerBytes = 0
  readonly parser = new RequestParser()
  /** It is gone: no reply may be sent and no command run for it any more. */
  closed = false
  /** The connection ends when its present replies are sent. */
  closing = false
  commandsRun = 0
  /** Journal offset that must be written before its replies leave: the end of its last write. */
  waitsForWritten = 0
  /** Journal offset that must be synced before its replies leave. */
  waitsForSynced = 0
  /** Offset of the replicas' stream behind its last write (WAIT). */
  streamOffset = 0
  /**
   * Bytes of the replicas' stream that it has not been sent yet. All replicas share their memory.
   */
  streamBytes = 0
  /** Its replies are withheld until the journal has caught up. */
  heldForDurability = false
  /** Its postponed request, which runs first when the client goes on (postponed.ts). */
  postponedRequest: Arguments | undefined = undefined
  /** It is in the list of clients with replies to send. */
  queuedForFlush = false
  /** Unix ms since when it has exceeded the soft output limit; 0 = it has not. */
  softLimitSinceMs = 0
  /**
   * It has exceeded an output limit: it gets nothing more, and is disconnected at the turn's end.
   */
  overLimit = false
  /** Bytes of the arguments of its parked command. */
  parkedBytes = 0
  /** Bytes of the prefixes that it tracks (CLIENT TRACKING). */
  prefixBytes = 0
  /** Bytes that used memory counts for it (client-memory.ts), and the part of its requests. */
  countedBytes = 0
  countedRequestBytes = 0
  #paused = false
  readonly #host: ClientHost
  #segments: Segment[] = []
  /** The number of segments at the beginning that lie in memory of their own, with the last one. */
  #kept = 0
  /** The last segment, kept apart so that a single one, the usual case, needs no array. */
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

  // ── state ─────────────────────────────────────────────────────────────────

  /**
   * None of its commands runs: its request is postponed, or its own command (SAVE, SHUTDOWN) is not
   * done yet.
   */
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

  /**
   * True for a client that may run commands. A password that is set later concerns only later
   * clients; to remove it lets all clients in.
   */
  get authenticated(): boolean {
    return (this.state & CLIENT_UNAUTHENTICATED) === 0 || this.#host.users.isOpen
  }

  get bulkBytesMax(): number {
    return this.#host.config.get('proto-max-bulk-len')
  }

  /** The most bytes of unread requests. Queued commands of a transaction count as unread. */
  get queryBufferBytesMax(): number {
    const limit = this.#host.config.get('client-query-buffer-limit')
    if (!this.authenticated) return Math.min(limit, UNAUTHENTICATED_QUERY_BYTES_MAX)
    return this.transaction === undefined ? limit : limit - this.transaction.bytes
  }

  /**
   * Bytes of its requests and of their traces: the queue of MULTI, subscriptions, watches and
   * tracked prefixes.
   */
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

  /** Bytes of the arguments of its waiting command: it is parked, or its request is postponed. */
  get argumentBytes(): number {
    const { postponedRequest, parkedBytes } = this
    return postponedRequest === undefined ? parkedBytes : parkedBytes + postponedRequest.contentBytes
  }

  /** Bytes of replies that wait beyond the turn in which they were made. */
  get heldOutputBytes(): number {
    return this.transport.backlogBytes + (this.heldForDurability ? this.#outputBytes : 0)
  }

  /**
   * The number of its subscriptions without those to shard channels, as (un)subscribe replies count
   * them.
   */
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

  /** Takes bytes of requests, and runs the complete ones. Throws the errors of the parser. */
  feed(source: Source, start: number, end: number): void {
    fetchAhead(source, start, end, itemAt(this.#host.dataset.databases, this.database))
    this.parser.feed(source, start, end, this)
  }

  // ── replies ──────────────────────────────────────────────────────────────

  addSegment(source: Source, start: number, end: number): void {
    if (this.closed || this.overLimit) return
    if (CHECKED) assert(start <= end && end <= source.u8.length, 'a segment lies within its buffer')
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
   * Queues a message that was made for many clients. While this client's own command runs, the
   * message waits until the command has replied. The same holds where the reply is going to be
   * taken back, so that the message is not.
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

  /** Bytes made for this client that its peer has not taken yet. */
  get outputBytes(): number {
    return this.#outputBytes + this.transport.backlogBytes + this.streamBytes
  }

  /** Bytes made in this turn. */
  get pendingBytes(): number {
    return this.#outputBytes
  }

  /**
   * Hands all output to the transport. Returns false while the transport still needs the shared
   * buffers.
   *
   * A transport that is behind gets a copy, so a slow reader never holds a shared buffer for long.
   */
  flush(): boolean {
    if (this.#source === undefined) return true
    if (CHECKED) this.#checkSegments()
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
      // A buffer that was made for this reply alone: no other reply is written to it.
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

  /**
   * Hands a segment to a transport that is not behind, or that has taken the segment before.
   * Returns false while it still needs the buffer.
   */
  #pass({ u8 }: Source, start: number, end: number): boolean {
    const { transport } = this
    if (transport.writeNow !== undefined) start += transport.writeNow(u8, start, end)
    return start === end || transport.write(u8.subarray(start, end))
  }

  /**
   * True for a single segment, and for so few that to join them would cost more than a call for
   * each.
   */
  #isInLongSegments(): boolean {
    const { length } = this.#segments
    return length === 0 || this.#outputBytes >= (length + 1) * JOINED_BYTES_MAX
  }

  /**
   * Moves pending output from the shared buffers into memory of its own, because it must wait while
   * they are used again. Output that was moved before stays where it is, so each byte is moved
   * once.
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
    assert(this.#kept === this.#segments.length + 1, 'all output that waits lies in memory of its own')
    if (CHECKED) this.#checkSegments()
  }

  /** Joins the pending output in memory of its own. */
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

  /** Forgets the pending output. */
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

  /** Takes back the output after `position` (CLIENT REPLY OFF). */
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
      assert(previous !== undefined || excess === 0, 'output is taken back no further than it goes')
      this.#source = previous?.source
      this.#start = previous?.start ?? 0
      this.#end = previous?.end ?? 0
    }
  }

  #checkSegments(): void {
    let bytes = this.#end - this.#start
    for (const { start, end } of this.#segments) bytes += end - start
    assert(bytes === this.#outputBytes, "the bytes of a client's output are those of its segments")
  }

  #isWholeSource(): boolean {
    return this.#start === 0 && this.#end > this.#source!.u8.length / 2 && this.#source!.u8.length > REPLY_BUFFER_BYTES
  }
}

/** If more bytes than these are dropped, the collector is asked to look for garbage. */
const DROPPED_BYTES_MIN = 1024 * 1024
/**
 * A single segment of at least this size is handed over without a copy, even to a transport that is
 * behind.
 */
const SEPARATE_SEGMENT_BYTES_MIN = 64 * 1024
/**
 * Segments of at least this many bytes on average are not joined: copying takes longer than the
 * system calls that it would save.
 */
const JOINED_BYTES_MAX = 16 * 1024
const EMPTY_VIEW = new DataView(new ArrayBuffer(0))
