// A call: one execution of one command, and the command's view of the engine.
//
// The engine reuses calls. A command must not keep its call, its arguments or their windows beyond
// `run`.

import type { PubSub } from '../../broker/pub-sub.ts'
import type { Config } from '../../config/config.ts'
import type { EventName } from '../../config/event-flags.ts'
import type { Arguments } from '../../protocol/arguments.ts'
import { ERR } from '../../protocol/errors.ts'
import type { Reply } from '../../protocol/reply.ts'
import type { ReplyBuffer } from '../../protocol/reply-buffer.ts'
import type { Signal, Topic } from '../../queues/waiting-room.ts'
import type { Database, DatabaseHost } from '../../store/keyspace/database.ts'
import { itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { discarded } from '../../util/memory/discarded.ts'
import { longDoubleToNumber, parseLongDouble } from '../../util/numbers/long-double.ts'
import { parseDouble } from '../../util/numbers/numbers.ts'
import type { Random } from '../../util/numbers/random.ts'
import type { Clock } from '../../util/time/clock.ts'
import type { Client } from '../clients/client.ts'
import { keepReply } from '../clients/reply-mode.ts'
import type { Changes } from '../data/changes.ts'
import type { Dataset } from '../data/dataset.ts'
import type { KeyspaceEvents } from '../data/keyspace-events.ts'
import type { Word } from '../effects/effects.ts'
import type { PublishHost } from '../effects/publish.ts'
import type { Stats } from '../figures/stats.ts'
import type { Log } from '../log.ts'
import type { CommandOf } from '../spec/command-spec.ts'
import type { UnitClock } from '../upkeep/unit-clock.ts'
import { Options } from './options.ts'

/** The way in which a command that found nothing waits for keys. */
export interface BlockOptions {
  /** The keys, as latin1 strings, in the order in which they are looked at. */
  keys: readonly string[]
  /** Milliseconds; 0 = for ever. */
  timeoutMs: number
  /** The type of value that can serve it (value.ts). A key of another type leaves it parked. */
  type: number
  /** True when the removal of a key serves it too (XREADGROUP: the group is gone). */
  servedByDeletion?: boolean
  /** The reply when the time is up. */
  onTimeout: 'nil' | 'nilArray' | 'zero' | ((reply: Reply) => void)
}

/** The way in which a command waits for signals instead of keys. */
export interface WaitOptions {
  signals: readonly Signal[]
  /** Milliseconds; 0 = for ever. */
  timeoutMs: number
  /** The reply when the time is up, or when CLIENT UNBLOCK ends the waiting. */
  onTimeout: (reply: Reply) => void
}

/**
 * The parts of the engine that all commands may use. Commands about the server itself see all of it
 * (src/commands/call.ts).
 */
export interface CallHost {
  readonly config: Config
  readonly environment: {
    readonly random: Random
    readonly log: Log
    readonly unitClock: UnitClock
    readonly workClock: Clock
    readonly later: (run: () => void) => void
  }
  readonly figures: {
    readonly stats: Stats
  }
  readonly clients: {
    readonly pubSub: PubSub
    readonly connected: { close(client: Client, when: 'flushed' | 'now'): void }
  }
  readonly requests: {
    readonly replies: ReplyBuffer
  }
  readonly data: {
    readonly dataset: DatabaseHost & { readonly databases: readonly Database[] } & Pick<Dataset, 'removalWord'>
    readonly changes: Changes
    readonly events: KeyspaceEvents
  }
  readonly effects: {
    readonly propagation: PublishHost['effects']['propagation'] & { readonly on: boolean }
    readonly durability: {
      readonly listens: boolean
      changed(db: Database, key: Bytes): void
      changedEverywhere(): void
      lookedEverywhere(): void
      changedLibraries(): void
      lookedAtLibraries(): void
    }
  }
  readonly blocking: {
    block(call: Call, options: BlockOptions): void
    waitFor(call: Call, options: WaitOptions): void
    waitAgain(call: Call): void
    suspend<Outcome>(
      client: Client,
      begin: (done: (outcome: Outcome) => void) => void,
      write: (reply: Reply, outcome: Outcome) => void,
    ): void
    wake(db: Database, key: Bytes): void
    raise(signal: Signal): void
    topicsOf(client: Client): readonly Topic[]
  }
  readonly parts: {
    readonly scripts: { giveWay(): void }
  }
}

export class Call<Rooms extends CallHost = CallHost> {
  readonly engine: Rooms
  // Read for every command: one property hop less for each.
  readonly #unitClock: UnitClock
  readonly #dataset: CallHost['data']['dataset']
  readonly #observers: Changes
  readonly #events: KeyspaceEvents
  readonly #propagation: CallHost['effects']['propagation']
  readonly #durability: CallHost['effects']['durability']
  client!: Client
  args!: Arguments
  command!: CommandOf<Call>
  reply!: Reply
  db!: Database
  /** The number of changes made; 0 = nothing to propagate. */
  changes = 0
  /** False in MULTI and in scripts, where a blocking command replies as if its time was up. */
  mayBlock = true
  /** True for a call of a script. */
  fromScript = false
  /** True when the command of a parked client is tried again (waiting/). */
  retrying = false
  /** Commands to propagate instead of the request; undefined = the request as it came. */
  effects: (readonly Word[])[] | undefined = undefined
  #options: Options | undefined = undefined
  /**
   * The number of changes that had passed the gate when the command began; kept in the checked
   * build.
   */
  #changesBegun = 0
  #isUngated = false

  constructor(engine: Rooms) {
    this.engine = engine
    this.#unitClock = engine.environment.unitClock
    this.#dataset = engine.data.dataset
    this.#observers = engine.data.changes
    this.#events = engine.data.events
    this.#propagation = engine.effects.propagation
    this.#durability = engine.effects.durability
  }

  /** Prepares this object for a command. Only the engine calls it. */
  begin(client: Client, args: Arguments, command: CommandOf<Call>): void {
    // Windows on values that earlier commands removed are not used any more.
    if (discarded.isMuch) discarded.giveBack()
    this.client = client
    this.args = args
    this.command = command
    this.db = itemAt(this.#dataset.databases, client.database)
    this.changes = 0
    this.effects = undefined
    if (CHECKED) {
      this.#changesBegun = this.#dataset.changesBegun
      this.#isUngated = false
    }
  }

  /** Returns argument `i` as a key. */
  key(i: number): Bytes {
    return this.args.bytes(i)
  }

  /**
   * Returns a cursor over the options from argument `first` on. There is one for each call: a
   * second invocation moves the same cursor.
   */
  options(first: number): Options {
    this.#options ??= new Options()
    return this.#options.begin(this.args, first)
  }

  /** The time of this command, script or EXEC in Unix milliseconds (invariant 2). */
  now(): number {
    return this.#unitClock.now()
  }

  /**
   * Reports that the value under a key has changed: the *after* side of the gate (invariant 6).
   *
   * Breaks watches and publishes the event. To be called after the change, once for each event.
   * `count` is the number of changes that Redis counts: often the number of elements; 0 for the
   * second key of a single change (RENAME, MOVE, LMOVE).
   */
  changed(key: Bytes, event: EventName, count = 1, db: Database = this.db): void {
    if (CHECKED && this.#dataset.changesBegun === this.#changesBegun) this.#isUngated = true
    this.changes += count
    const { told } = this.#observers
    if (told !== null) told(db, key, event)
  }

  /**
   * Reports that `count` elements have gone from a structure, and removes the key if it is empty
   * now.
   */
  removed(key: Bytes, event: EventName, count: number, isEmpty: boolean): void {
    this.changed(key, event, count)
    if (!isEmpty) return
    this.db.delete(key)
    this.notify(key, 'del')
  }

  /** Called when the command has run, in the checked build. */
  checkGate(): void {
    assert(!this.#isUngated, 'invariant 6: a change passes the gate before it is reported')
  }

  /**
   * Counts changes that Redis does not count as the key's (XACK, XGROUP SETID): they break no
   * watch, serve no parked client and have no event.
   *
   * They are propagated, and readers wait for them, as for other changes.
   */
  changedWithin(key: Bytes, changes = 1): void {
    if (CHECKED && this.#dataset.changesBegun === this.#changesBegun) this.#isUngated = true
    this.changes += changes
    if (this.#durability.listens) this.#durability.changed(this.db, key)
  }

  /** Serves the clients that wait for a stream: it has a new entry, or one group less. */
  wake(key: Bytes): void {
    this.engine.blocking.wake(this.db, key)
  }

  /** Publishes an event that is not a change by itself, such as a second event of one change. */
  notify(key: Bytes, event: EventName, db: Database = this.db): void {
    this.#events.publish(db, key, event)
  }

  /**
   * False when no sink takes effects: then the command need not make any. A replayed command is not
   * propagated.
   */
  get propagates(): boolean {
    return this.#propagation.on && this.client.connection.origin !== 'replay'
  }

  /**
   * Propagates these words instead of the request (invariant 4). Several calls make one unit.
   *
   * Bytes are copied when they are passed on, at the command's end. So windows on arguments are
   * safe, and windows on stored values are not.
   */
  propagate(...words: Word[]): void {
    this.effects ??= []
    this.effects.push(words)
  }

  /** Propagates nothing, although there was a change. */
  propagateNothing(): void {
    this.effects ??= []
  }

  /**
   * Makes sure that the reply so far reaches a client that wants no replies: subscriptions are
   * confirmed even then.
   */
  keepReply(): void {
    keepReply(this.client, this.engine.requests.replies)
  }

  /**
   * Parks the client until one of the keys is fed (the command then runs again) or the time is up.
   *
   * Where waiting is impossible it replies as at the timeout, at once. The command must not have
   * replied yet.
   */
  block(options: BlockOptions): void {
    this.engine.blocking.block(this, options)
  }

  /**
   * Parks the client until one of the signals is raised (the command then runs again) or the time
   * is up. Where waiting is impossible it replies as at the timeout, at once. The command must not
   * have replied yet.
   */
  waitFor(options: WaitOptions): void {
    this.engine.blocking.waitFor(this, options)
  }

  /** Keeps the client of a call that is run again parked, on the same topics. */
  waitAgain(): void {
    this.engine.blocking.waitAgain(this)
  }

  /**
   * Replies later: begins work, and writes the reply when the work calls `done`. Other clients are
   * served meanwhile, and further requests of this one wait. Neither a timeout nor CLIENT UNBLOCK
   * ends the waiting. A command that must not wait in a transaction or a script checks `mayBlock`
   * first.
   */
  whenDone<Outcome>(
    begin: (done: (outcome: Outcome) => void) => void,
    write: (reply: Reply, outcome: Outcome) => void,
  ): void {
    this.engine.blocking.suspend(this.client, begin, write)
  }

  /**
   * Lets other clients be served if a slow script has called this command. A command that works
   * longer than O(N) on a huge value calls it every few milliseconds, before it changes or replies
   * anything. Throws a ReplyError when the script is to end.
   */
  giveWay(): void {
    if (this.fromScript) this.engine.parts.scripts.giveWay()
  }

  /** The longest string that a command may make; infinite for a client that is obeyed. */
  get stringBytesMax(): number {
    return this.client.isObeyed ? Number.POSITIVE_INFINITY : this.engine.config.get('proto-max-bulk-len')
  }

  /**
   * False where a key with a past expiry is stored like any other, because the primary or the
   * journal decides what expires.
   */
  get expires(): boolean {
    const { expiry } = this.#dataset
    return expiry === 'remove' || expiry === 'wait'
  }

  /** Reads argument `i` as an integer in [min, max]; throws ERR.notInteger or `outOfRange`. */
  integer(
    i: number,
    min = Number.MIN_SAFE_INTEGER,
    max = Number.MAX_SAFE_INTEGER,
    outOfRange = ERR.notInteger,
  ): number {
    const value = this.args.integer(i)
    if (typeof value === 'bigint' || value < min || value > max) throw outOfRange
    return value
  }

  /**
   * Reads argument `i` as a blocking timeout in seconds, with fractions. Returns whole
   * milliseconds; 0 = for ever. Throws Redis's errors.
   */
  timeoutSeconds(i: number): number {
    const text = this.args.string(i)
    const seconds = parseDouble(text) ?? beyondDouble(text)
    const milliseconds = seconds * 1000
    // Redis refuses a timeout that exceeds 64 bits once it is added to the clock.
    if (milliseconds > TIMEOUT_MS_MAX) throw ERR.timeoutOutOfRange
    // It is rounded first: a negative fraction of a millisecond is 0, for ever.
    const rounded = Math.ceil(milliseconds)
    if (rounded < 0) throw ERR.timeoutNegative
    return rounded
  }
}

/** The highest 64-bit integer, less room for the clock that Redis adds. */
const TIMEOUT_MS_MAX = 2 ** 63 - Date.UTC(2100, 0)

/**
 * Reads a number that only C's long double can hold, in which Redis reads timeouts: `1e400` is too
 * long, `1e-400` is above 0.
 */
function beyondDouble(text: string): number {
  const wide = parseLongDouble(text)
  if (wide === undefined) throw ERR.timeoutNotFloat
  return longDoubleToNumber(wide) || (wide.negative ? -Number.MIN_VALUE : Number.MIN_VALUE)
}
