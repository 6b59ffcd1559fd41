// The heart: runs commands for clients, and keeps what happens around a command.
//
//   receive ─▶ execute: known? arity? ─▶ admit (only when something is special) ─▶ run ─▶ settle
//   settle: journal the effects ─▶ serve whoever the change fed
//   end of the turn: resume served clients ─▶ journal.write ─▶ every client flushed once
//
// It knows no sockets and no files: an embedded user runs exactly this. Clock,
// randomness, journal and the loop's "later" are handed in.

import { Broker } from '../broker/broker.ts'
import type { Arguments } from '../protocol/arguments.ts'
import { ERR, ReplyError } from '../protocol/errors.ts'
import type { Reply } from '../protocol/reply.ts'
import { ReplyBuffer } from '../protocol/reply-buffer.ts'
import { ProtocolError, QueryBufferOverflow } from '../protocol/request-parser.ts'
import { Database } from '../store/database.ts'
import type { DatabaseHost } from '../store/database-host.ts'
import { Bytes, type Source } from '../util/bytes.ts'
import { type Clock, systemClock } from '../util/clock.ts'
import { HashKey } from '../util/keyed-hash.ts'
import { Random } from '../util/random.ts'
import { admit } from './admission.ts'
import { Blocking } from './blocking.ts'
import { Call } from './call.ts'
import {
  CLIENT_MULTI,
  CLIENT_MUTED,
  CLIENT_NO_TOUCH,
  CLIENT_UNAUTHENTICATED,
  Client,
  type Transport,
} from './client.ts'
import { type Command, CommandTable } from './command.ts'
import { answerFailure } from './command-failure.ts'
import { Config } from './config.ts'
import { Durability } from './durability.ts'
import type { EngineHost } from './engine-host.ts'
import type { EngineOptions } from './engine-options.ts'
import { EVENT_BITS, EVENT_CLASS, EVENT_KEYEVENT, EVENT_KEYSPACE, type EventName, eventBytes } from './events.ts'
import { Eviction } from './eviction.ts'
import { type Journal, noJournal } from './journal.ts'
import { type Log, silentLog } from './log.ts'
import { OutputLimits } from './output-limits.ts'
import { Pause } from './pause.ts'
import type { Saving } from './saving.ts'
import { noScripts, type ScriptRunner } from './script-runner.ts'
import { Stats } from './stats.ts'
import { Timekeeper } from './timekeeper.ts'
import { nameKey, type Transaction, Watches } from './transaction.ts'
import { speaksHttp, unknownCommand } from './unknown-command.ts'

/** Reasons why a command cannot simply run; bits of `Engine.state`. */
export const ENGINE_LOADING = 1 << 0
export const ENGINE_MEMORY_LIMITED = 1 << 1
export const ENGINE_JOURNAL_FAILED = 1 << 2
export const ENGINE_PAUSED = 1 << 3
/** A script holds everybody up. */
export const ENGINE_BUSY = 1 << 4
/** A snapshot may have large values to write: whoever changes one waits. */
export const ENGINE_SNAPSHOT = 1 << 5
export const ENGINE_SAVE_FAILED = 1 << 6

/** Who wants to hear of changes; bits of `Engine.observing`. */
const OBSERVE_WATCHES = 1 << 0
const OBSERVE_EVENTS = 1 << 1
const OBSERVE_WAITERS = 1 << 2
const OBSERVE_DURABILITY = 1 << 3

/** Commands between two that are timed for commandstats (reading the clock twice costs 80 ns), and how far that varies. */
const TIMED_EVERY = 10
const TIMED_SPREAD = 13

export class Engine implements DatabaseHost {
  readonly config: Config
  readonly clock: Clock
  readonly random: Random
  readonly commands: CommandTable
  readonly log: Log
  readonly stats: Stats
  readonly replies = new ReplyBuffer()
  readonly broker: Broker
  readonly blocking: Blocking
  readonly durability: Durability
  readonly outputLimits: OutputLimits
  readonly pause: Pause
  readonly eviction: Eviction
  readonly timekeeper: Timekeeper
  readonly watches = new Watches()
  readonly clients = new Map<number, Client>()
  databases: Database[] = []
  journal: Journal = noJournal
  host: EngineHost = {}
  /** Undefined where nothing is ever saved. */
  saving: Saving | undefined = undefined
  scripts: ScriptRunner = noScripts
  /** 40 hexadecimal digits, new at each start. */
  readonly runId: string
  readonly startedMs: number
  /** Bits ENGINE_… */
  state = 0
  /** Bits OBSERVE_…: 0 when nobody but the journal cares about changes. */
  observing = 0
  /** Clients with something to send at the end of this turn. */
  flushQueue: Client[] = []
  /** Loading progress for INFO, while the journal is replayed. */
  loading: { startedMs: number; totalBytes: number; loadedBytes: number } | undefined = undefined

  // DatabaseHost
  accessSeconds = 0
  readonly hashKey: HashKey
  expires = true
  touches = true
  frequency: ((frequency: number, accessWord: number) => number) | null = null
  hits = 0
  misses = 0
  changesBegun = 0
  beforeChange: DatabaseHost['beforeChange'] = null
  emptied: ((contents: Database) => void) | null = null
  looked: ((hash: number) => void) | null = null
  missed: ((db: Database, key: Bytes) => void) | null = null
  created: ((db: Database, key: Bytes, type: number) => void) | null = null
  readonly grown = (): void => this.eviction.notePeak()

  readonly #later: (run: () => void) => void
  readonly #call: Call
  readonly #execCall: Call
  readonly #retryCall: Call
  #current: Call | undefined = undefined
  #nowMs = 0
  #nextClientId = 1
  #turnEnding = false
  #endTurn = () => this.endTurn()
  #resumeQueue: Client[] = []
  #unitDepth = 0
  #unitOpen = false
  #timed = 0
  /** Messages for clients whose own command is running, each as receiver, source, start, end. */
  readonly #deferred: { client: Client; source: Source; start: number; end: number }[] = []
  readonly #keyMissed = (db: Database, key: Bytes) => this.notifyEvent(db, key, 'keymiss')
  readonly #keyCreated = (db: Database, key: Bytes, type: number) => {
    this.blocking.created(db, key, type)
    this.notifyEvent(db, key, 'new')
  }

  constructor(options: EngineOptions) {
    this.clock = options.clock ?? systemClock
    this.random = options.random ?? new Random()
    this.log = options.log ?? silentLog
    this.config = options.config ?? new Config()
    this.#later = options.later ?? ((run) => setImmediate(run))
    this.hashKey = options.hashKey ?? HashKey.draw()
    this.runId = this.random.hex(40)
    this.commands = new CommandTable(options.commands)
    this.startedMs = this.clock.now()
    this.accessSeconds = Math.floor(this.startedMs / 1000)
    this.broker = new Broker(this.hashKey)
    this.blocking = new Blocking(this)
    this.durability = new Durability(this)
    this.outputLimits = new OutputLimits(this)
    this.pause = new Pause(this)
    this.eviction = new Eviction(this)
    this.timekeeper = new Timekeeper(this)
    this.stats = new Stats()
    this.#call = new Call(this)
    this.#call.reply = this.replies
    this.#execCall = new Call(this)
    this.#execCall.mayBlock = false
    this.#retryCall = new Call(this)
    this.#retryCall.retrying = true
    for (let i = 0; i < this.config.get('databases'); i++) this.databases.push(new Database(i, this))
    this.config.onChange('notify-keyspace-events', () => this.updateObserving())
    this.config.onChange('client-output-buffer-limit', () => this.outputLimits.configure())
    this.updateObserving()
  }

  // ── time ─────────────────────────────────────────────────────────────────

  now(): number {
    if (this.#nowMs === 0) this.#nowMs = this.clock.now()
    return this.#nowMs
  }

  /** Reads the clock anew, for something that did not come with a command. */
  newMoment(): number {
    this.#nowMs = 0
    const now = this.now()
    this.accessSeconds = (now / 1000) | 0
    return now
  }

  /** `proto-max-bulk-len`. */
  get bulkBytesMax(): number {
    return this.config.get('proto-max-bulk-len')
  }

  // ── clients ──────────────────────────────────────────────────────────────

  /** Takes a new client in. `trusted` callers (journal replay) skip every check. */
  connect(transport: Transport, trusted = false): Client {
    // A slow script, during which connections are accepted, keeps its own time.
    if ((this.state & ENGINE_BUSY) === 0) this.#nowMs = 0
    const client = new Client(this, this.#nextClientId++, transport, trusted)
    if (!trusted) {
      if (this.config.get('requirepass') !== '') client.state |= CLIENT_UNAUTHENTICATED
      this.clients.set(client.id, client)
      this.stats.connectionsReceived++
    }
    return client
  }

  /** The other side is gone: forgets everything about a client. */
  disconnect(client: Client): void {
    if (client.closed) return
    client.closed = true
    client.dropOutput()
    this.blocking.release(client)
    this.watches.clear(client)
    this.broker.remove(client)
    this.pause.forget(client)
    this.outputLimits.forget(client)
    this.durability.forget(client)
    this.clients.delete(client.id)
    this.updateObserving()
  }

  /** Ends a connection from this side: after its replies have left, or at once. */
  close(client: Client, when: 'flushed' | 'now'): void {
    if (client.closed) return
    if (when === 'now') {
      this.disconnect(client)
      client.transport.close('now')
      return
    }
    client.closing = true
    if (!client.queuedForFlush) client.queueForFlush()
  }

  /** Takes bytes [start, end) that came from a client; the buffer may be reused afterwards. `alone`: the turn ends with them. */
  receive(client: Client, source: Source, start: number, end: number, alone = false): void {
    if (client.closed || client.closing) return
    const ends = alone && !this.#turnEnding
    if (ends) this.#turnEnding = true
    client.lastActiveMs = this.newMoment()
    this.stats.inputBytes += end - start
    this.#timed = 0
    this.replies.open(client)
    try {
      client.feed(source, start, end)
    } catch (error) {
      this.endBadClient(client, error)
    }
    this.replies.close()
    if (ends || this.replies.halfFull) this.endTurn()
  }

  /** Answers what cannot be parsed, and ends the connection. */
  endBadClient(client: Client, error: unknown): void {
    if (error instanceof ProtocolError) {
      this.log.debug({ client: client.transport.address, error: error.message }, 'protocol error from client')
      if ((client.state & CLIENT_MUTED) === 0) this.replies.error(ERR.of(`Protocol error: ${error.message}`))
      client.parser.reset()
      this.close(client, 'flushed')
    } else if (error instanceof QueryBufferOverflow) {
      this.log.warn({ client: client.transport.address }, 'closing client that reached max query buffer length')
      this.close(client, 'now')
    } else {
      throw error
    }
  }

  /** Lets a client's waiting requests run at the end of this turn. */
  resumeSoon(client: Client): void {
    this.#resumeQueue.push(client)
    this.endTurnSoon()
  }

  /** Writes something to a client outside of its own commands. */
  replyTo(client: Client, write: (reply: Reply) => void): void {
    const interrupted = this.replies.open(client)
    const { position } = client
    write(this.replies)
    if ((client.state & CLIENT_MUTED) !== 0) this.#mute(client, position)
    this.replies.close()
    if (interrupted !== undefined) this.replies.open(interrupted)
  }

  // ── commands ─────────────────────────────────────────────────────────────

  /** Runs one request of a client, or says why not; then serves whoever it fed. */
  execute(client: Client, args: Arguments): void {
    this.#nowMs = 0
    if ((client.state & CLIENT_MUTED) === 0) {
      this.dispatch(client, args, this.#call)
    } else {
      this.replies.mark()
      if (client.replyMode === 'skip') client.replyMode = 'skipping'
      const { position } = client
      this.dispatch(client, args, this.#call)
      this.#mute(client, position)
    }
    if ((client.state & CLIENT_UNAUTHENTICATED) !== 0) this.outputLimits.checkReply(client)
    if (this.#deferred.length !== 0) this.#deliverDeferred()
    if (this.blocking.room.hasReady) this.blocking.serve()
  }

  /** Runs a request within `call`, or says why not; the part of `execute` that may happen while another command runs. */
  dispatch(client: Client, args: Arguments, call: Call): void {
    let command = this.commands.find(args.bytes(0))
    if (command !== undefined && command.subcommands !== undefined && args.length > 1) {
      const subcommand = command.subcommands.get(args.string(1).toLowerCase())
      if (subcommand === undefined) {
        this.reject(client, command, ERR.unknownSubcommand(args.string(1), command.spec.name))
        return
      }
      command = subcommand
    }
    if (command === undefined) {
      if (speaksHttp(args)) {
        this.log.warn(
          { client: client.transport.address },
          'closing a client that speaks HTTP (cross-protocol scripting?)',
        )
        this.close(client, 'now')
        return
      }
      this.reject(client, undefined, unknownCommand(args))
      return
    }
    if (command.arity >= 0 ? args.length !== command.arity : args.length < -command.arity) {
      this.reject(client, command, ERR.arity(command.name))
      return
    }
    if ((client.state | this.state) !== 0 && !client.trusted && !admit(this, client, command, args)) return
    call.begin(client, args, command)
    this.run(call)
  }

  /** Runs a command that may run, and settles what it changed. */
  run(call: Call): void {
    const { command, client } = call
    client.lastCommand = command.name
    client.commandsRun++
    this.stats.commandsProcessed++
    command.calls++
    command.untimed++
    this.touches = (client.state & CLIENT_NO_TOUCH) === 0
    const outer = this.#current
    this.#current = call
    if (this.#timed === 0) {
      this.#timed = TIMED_EVERY + (this.stats.commandsProcessed % TIMED_SPREAD)
      const before = this.clock.monotonic()
      this.#runGuarded(call)
      command.microseconds += (this.clock.monotonic() - before) * 1000 * command.untimed
      command.untimed = 0
    } else {
      this.#timed--
      this.#runGuarded(call)
    }
    if (call.changes !== 0 || call.effects !== undefined) this.#settle(call)
    this.#current = outer
  }

  #runGuarded(call: Call): void {
    const { changesBegun, replies } = this
    const { source, position } = replies
    try {
      call.command.run!(call)
    } catch (error) {
      answerFailure(call, error, changesBegun, source, position)
    }
  }

  /** Runs the queued commands of a transaction that has ended as one unit; EXEC's other half. */
  runTransaction(call: Call, { queue }: Transaction): void {
    const { client } = call
    const inner = this.#execCall
    inner.reply = call.reply
    this.beginUnit()
    for (const { command, args } of queue) {
      inner.begin(client, args, command)
      // CLIENT REPLY OFF holds from the command after it, inside a transaction too.
      const muted = client.replyMode === 'off'
      if (muted) this.replies.mark()
      const { position } = client
      // A transaction has one reading of the clock; EXEC made it.
      this.run(inner)
      if (muted) this.#mute(client, position)
    }
    this.endUnit()
  }

  /** Runs a parked client's command again, replying to it. */
  retry(client: Client, command: Command, args: Arguments): void {
    const interrupted = this.replies.open(client)
    const call = this.#retryCall
    call.reply = this.replies
    call.begin(client, args, command)
    command.calls--
    const { position } = client
    this.run(call)
    if ((client.state & CLIENT_MUTED) !== 0) this.#mute(client, position)
    if (this.#deferred.length !== 0) this.#deliverDeferred()
    this.replies.close()
    if (interrupted !== undefined) this.replies.open(interrupted)
  }

  /** Ends a transaction without running it, and forgets what the client watched. */
  discard(client: Client): void {
    client.transaction = undefined
    client.state &= ~CLIENT_MULTI
    this.watches.clear(client)
    this.updateObserving()
  }

  /** Refuses a request; a transaction being queued is spoiled by it. */
  reject(client: Client, command: Command | undefined, error: ReplyError): void {
    if (client.transaction !== undefined) client.transaction.broken = true
    if (command?.name === 'exec') {
      this.discard(client)
      error = new ReplyError(`EXECABORT Transaction discarded because of: ${error.text.replace(/^ERR /, '')}`)
    }
    if (command !== undefined) command.rejected++
    this.stats.countError(error)
    this.replies.error(error)
  }

  /** Takes back the reply to a client that wanted none (CLIENT REPLY), except what it is told in any case. */
  #mute(client: Client, position: number): void {
    this.replies.mark()
    const { keptPosition } = client
    client.keptPosition = 0
    if (client.replyMode === 'on') return
    // The reply that SKIP is about may still be to come.
    if (client.replyMode === 'skipping' && client.waiter === undefined && !client.paused) this.#endSkip(client)
    client.rewind(Math.max(position, keptPosition))
  }

  #endSkip(client: Client): void {
    client.replyMode = 'on'
    client.state &= ~CLIENT_MUTED
  }

  /** Makes sure that what the running command has replied so far reaches a muted client: subscriptions are confirmed even then. */
  keepReply(client: Client): void {
    if ((client.state & CLIENT_MUTED) === 0) return
    this.replies.mark()
    client.keptPosition = client.position
  }

  /**
   * Keeps a message for a client until its own running command has replied.
   *
   * A message in the middle of a reply (PUBLISH to oneself within EXEC) would break the protocol.
   */
  defer(client: Client, source: Source, start: number, end: number): void {
    this.#deferred.push({ client, source, start, end })
  }

  #deliverDeferred(): void {
    for (const { client, source, start, end } of this.#deferred) {
      this.replies.markFor(client)
      client.addSegment(source, start, end)
    }
    this.#deferred.length = 0
  }

  // ── effects ──────────────────────────────────────────────────────────────

  /** Opens a unit: everything journaled until `endUnit` is replayed wholly or not at all. Nests. */
  beginUnit(): void {
    this.#unitDepth++
  }

  endUnit(): void {
    if (--this.#unitDepth === 0 && this.#unitOpen) {
      this.#unitOpen = false
      this.journal.endUnit()
    }
  }

  /** True while something of an open unit stands in the journal already. */
  get unitBegun(): boolean {
    return this.#unitOpen
  }

  /** Forgets what the open unit has journaled: the server ends, and nobody is told of what comes after this. */
  abandonUnit(): void {
    if (!this.#unitOpen) return
    this.#unitOpen = false
    this.journal.abandonUnit?.()
  }

  /** The journal, with the surrounding unit begun. */
  #effects(): Journal {
    if (this.#unitDepth > 0 && !this.#unitOpen) {
      this.#unitOpen = true
      this.journal.beginUnit()
    }
    return this.journal
  }

  #settle(call: Call): void {
    this.stats.changesSinceSave += call.changes
    if (!this.journal.enabled || call.client.trusted) return
    const { effects } = call
    if (effects === undefined) {
      this.#effects().appendRequest(call.db.index, call.args)
    } else {
      if (effects.length > 1) this.beginUnit()
      for (let i = 0; i < effects.length; i++) this.#effects().append(call.db.index, effects[i]!)
      if (effects.length > 1) this.endUnit()
    }
    this.durability.wrote(call.client)
    this.endTurnSoon()
  }

  /** The rarely taken part of `call.changed`. */
  observe(db: Database, key: Bytes, event: EventName): void {
    const { observing } = this
    if ((observing & OBSERVE_DURABILITY) !== 0) this.durability.changed(db, key)
    if ((observing & (OBSERVE_WATCHES | OBSERVE_WAITERS)) !== 0) {
      const name = nameKey(db.index, key)
      if ((observing & OBSERVE_WATCHES) !== 0) this.watches.touch(name)
      if ((observing & OBSERVE_WAITERS) !== 0) this.blocking.room.markReady(name)
    }
    if ((observing & OBSERVE_EVENTS) !== 0) this.notifyEvent(db, key, event)
  }

  /** Publishes a keyspace event, if its class is wanted. */
  notifyEvent(db: Database, key: Bytes, event: EventName): void {
    const flags = this.config.get('notify-keyspace-events')
    if ((flags & EVENT_CLASS[event]) === 0) return
    if ((flags & EVENT_KEYSPACE) !== 0) {
      this.broker.publishTo(`__keyspace@${db.index}__:${key.toString()}`, eventBytes(event))
    }
    if ((flags & EVENT_KEYEVENT) !== 0) this.broker.publishTo(`__keyevent@${db.index}__:${event}`, key)
  }

  /** Works out anew who wants to hear of changes; to be called when that may have changed. */
  updateObserving(): void {
    let observing = 0
    if (this.watches.size > 0) observing |= OBSERVE_WATCHES
    const events = this.config.get('notify-keyspace-events')
    if ((events & (EVENT_KEYSPACE | EVENT_KEYEVENT)) !== 0) observing |= OBSERVE_EVENTS
    this.missed = (events & EVENT_BITS.m) !== 0 ? this.#keyMissed : null
    if (this.blocking.room.count > 0) observing |= OBSERVE_WAITERS
    this.created = (observing & OBSERVE_WAITERS) !== 0 || (events & EVENT_BITS.n) !== 0 ? this.#keyCreated : null
    if (this.durability.listens) observing |= OBSERVE_DURABILITY
    // What is replayed happened long ago.
    this.observing = (this.state & ENGINE_LOADING) !== 0 ? 0 : observing
    this.looked = this.journal.waits ? this.durability.looked : null
  }

  /** A whole database changed (FLUSHDB, FLUSHALL, SWAPDB): breaks the WATCHes of keys that are, or were, there. */
  databaseReplaced(db: Database, hadKey: (key: Bytes) => boolean): void {
    if (this.watches.size === 0) return
    this.watches.touchWhere((name) => name.charCodeAt(0) === db.index && hadKey(Bytes.from(name.slice(1))))
  }

  // DatabaseHost: a key's time was up.
  expired(db: Database, key: Bytes): void {
    this.stats.expiredKeys++
    this.removed(db, key, 'expired')
  }

  // DatabaseHost: the time of some fields of a hash was up.
  fieldsExpired(db: Database, key: Bytes, fields: readonly Bytes[], keyGone: boolean): void {
    if (this.journal.enabled) {
      this.#effects().append(db.index, keyGone ? ['DEL', key] : ['HDEL', key, ...fields])
      this.endTurnSoon()
    }
    if (this.observing === 0) return
    this.observe(db, key, 'hexpired')
    if (keyGone) this.notifyEvent(db, key, 'del')
  }

  /** Tells the world that a key is gone without a command that removed it. */
  removed(db: Database, key: Bytes, event: 'expired' | 'evicted'): void {
    if (this.journal.enabled) {
      this.#effects().append(db.index, ['DEL', key])
      this.endTurnSoon()
    }
    if (this.observing !== 0) this.observe(db, key, event)
  }

  wrongType(): never {
    throw ERR.wrongType
  }

  // ── the turn's end ───────────────────────────────────────────────────────

  endTurnSoon(): void {
    if (this.#turnEnding) return
    this.#turnEnding = true
    this.#later(this.#endTurn)
  }

  /** Resumes served clients, writes the journal, sends every client what it is owed. */
  endTurn(): void {
    this.#turnEnding = false
    while (this.#resumeQueue.length > 0) {
      const queue = this.#resumeQueue
      this.#resumeQueue = []
      for (const client of queue) this.#resume(client)
    }
    if (this.journal.write()) this.endTurnSoon()
    this.durability.settle()
    const queue = this.flushQueue
    this.flushQueue = []
    let taken = true
    for (let i = 0; i < queue.length; i++) {
      const client = queue[i]!
      client.queuedForFlush = false
      if (client.closed) continue
      if (client.overLimit) {
        this.close(client, 'now')
        continue
      }
      if (client.waitsForWritten > this.journal.written || client.waitsForSynced > this.journal.synced) {
        this.durability.hold(client)
        this.outputLimits.check(client)
        continue
      }
      if (!this.#flush(client)) taken = false
    }
    // Sending may have queued something new (a closed client's farewell): its segments must survive this turn.
    const idle = this.flushQueue.length === 0
    if (idle) this.flushQueue = queue
    queue.length = 0
    if (taken && idle) {
      this.replies.recycle()
      this.broker.recycle()
    } else {
      this.replies.abandon()
      this.broker.abandon()
    }
    this.timekeeper.arm()
  }

  #flush(client: Client): boolean {
    this.stats.outputBytes += client.pendingBytes
    const taken = client.flush()
    if (client.closing) {
      this.disconnect(client)
      client.transport.close('flushed')
    } else if (!taken || client.softLimitSinceMs !== 0 || client.transport.backlogBytes > 0) {
      this.outputLimits.check(client)
      if (client.overLimit) this.close(client, 'now')
    }
    return taken
  }

  #resume(client: Client): void {
    if (client.closed || client.halted) return
    this.#nowMs = 0
    this.#timed = 0
    this.replies.open(client)
    try {
      const { heldRequest } = client
      client.heldRequest = undefined
      if (heldRequest !== undefined) this.execute(client, heldRequest)
      else if (client.replyMode === 'skipping') this.#endSkip(client)
      client.parser.resume(client)
    } catch (error) {
      this.endBadClient(client, error)
    }
    this.replies.close()
  }

  /** Lets go of timers and clients; nothing keeps the process alive afterwards. */
  stop(): void {
    this.timekeeper.stop()
    this.pause.end()
    this.eviction.stop()
    this.outputLimits.stop()
    for (const client of [...this.clients.values()]) this.close(client, 'now')
  }

  /** The client whose command is running; undefined between commands. */
  get currentClient(): Client | undefined {
    return this.#current?.client
  }
}
