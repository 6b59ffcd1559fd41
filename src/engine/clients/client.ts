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
import type { RequestHandler } from '../../protocol/request-parser.ts'
import type { Database } from '../../store/keyspace/database.ts'
import { itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import type { Source } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { fetchAhead } from '../data/fetch-ahead.ts'
import { WatchedKeys } from '../data/watched-keys.ts'
import { ClientActivity } from './client-activity.ts'
import { ClientBytes } from './client-bytes.ts'
import { ClientConnection } from './client-connection.ts'
import { ClientIdentity } from './client-identity.ts'
import { ClientOutput } from './client-output.ts'
import { ClientRequests } from './client-requests.ts'
import { ClientSubscriptions } from './client-subscriptions.ts'
import type { Origin, Transport } from './transport.ts'

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
/** Its requests for data are sent on to the server that leads now (request-relay.ts). */
export const CLIENT_RELAYED = 1 << 10
/** The states that last for one request, or for one transaction. */
export const CLIENT_FOR_ONE_REQUEST = CLIENT_CACHING | CLIENT_ASKING
/**
 * Bytes of an idle connection: its objects, with those of its socket. Measured with 4000
 * connections.
 */
export const CLIENT_BYTES = 7 * 1024

/** Output limit classes. */
export type ClientClass = 'normal' | 'pubsub' | 'replica'

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
  protocol: 2 | 3 = 2
  /** Bits CLIENT_… */
  state = 0
  database = 0
  readonly connection: ClientConnection
  readonly identity: ClientIdentity
  readonly activity: ClientActivity
  readonly requests = new ClientRequests()
  readonly output = new ClientOutput()
  readonly watched = new WatchedKeys()
  readonly subscriptions = new ClientSubscriptions()
  readonly bytes = new ClientBytes()
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
    this.connection = new ClientConnection(transport, origin, nowMs)
    this.identity = new ClientIdentity(host.users.default)
    this.activity = new ClientActivity(nowMs)
  }

  // ── state ─────────────────────────────────────────────────────────────────

  /** True for a client whose commands have happened already: it is obeyed without checks. */
  get isObeyed(): boolean {
    return this.connection.isObeyed
  }

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
    const { connection, output, requests } = this
    return requests.parked || connection.closing || connection.closed || this.#paused || output.overLimit
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
    const { transaction } = this.requests
    return transaction === undefined ? limit : limit - transaction.bytes
  }

  /**
   * Bytes of its requests and of their traces: the queue of MULTI, subscriptions, watches and
   * tracked prefixes.
   */
  get requestBytes(): number {
    const { bytes, requests, subscriptions, watched } = this
    return requests.bytes + subscriptions.bytes + watched.names.bytes + bytes.listeners + bytes.prefixes
  }

  /** Bytes of replies that wait beyond the turn in which they were made. */
  get heldOutputBytes(): number {
    return this.connection.transport.backlogBytes + (this.output.heldForDurability ? this.#outputBytes : 0)
  }

  /** Enters or leaves RESP2's subscribed mode, after a change of subscriptions or protocol. */
  followSubscriptions(): void {
    if (this.protocol === 2 && this.outputClass === 'pubsub') this.state |= CLIENT_SUBSCRIBED
    else this.state &= ~CLIENT_SUBSCRIBED
  }

  get outputClass(): ClientClass {
    if ((this.state & CLIENT_REPLICA) !== 0) return 'replica'
    return this.subscriptions.size > 0 ? 'pubsub' : 'normal'
  }

  // ── requests ─────────────────────────────────────────────────────────────

  request(args: Arguments): void {
    this.#host.dispatch.execute(this, args)
  }

  /** Takes bytes of requests, and runs the complete ones. Throws the errors of the parser. */
  feed(source: Source, start: number, end: number): void {
    fetchAhead(source, start, end, itemAt(this.#host.dataset.databases, this.database))
    this.requests.parser.feed(source, start, end, this)
  }

  // ── replies ──────────────────────────────────────────────────────────────

  addSegment(source: Source, start: number, end: number): void {
    const { output } = this
    if (this.connection.closed || output.overLimit) return
    if (CHECKED) assert(start <= end && end <= source.u8.length, 'a segment lies within its buffer')
    const { outputLimits, turn } = this.#host
    if (!output.queuedForFlush) turn.flushSoon(this)
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
    return this.#outputBytes + this.connection.transport.backlogBytes + this.output.streamBytes
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
    const { transport } = this.connection
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
    const { transport } = this.connection
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
