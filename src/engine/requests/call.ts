// One execution of one command: what a command sees of the world.
//
// The engine reuses calls: a command must not keep its call, its arguments or
// their windows beyond `run`.

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
import type { Bytes } from '../../util/bytes/bytes.ts'
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

/** How a command that found nothing waits. */
export interface BlockOptions {
  /** The keys, as latin1 strings, in the order they are looked at. */
  keys: readonly string[]
  /** Milliseconds; 0 = for ever. */
  timeoutMs: number
  /** The type of value that can serve it (value.ts); a key of another type leaves it parked. */
  type: number
  /** True when a key's disappearance concerns it too (XREADGROUP: the group is gone). */
  servedByDeletion?: boolean
  /** What the client is told when the time is up. */
  onTimeout: 'nil' | 'nilArray' | 'zero' | ((reply: Reply) => void)
}

/** How a command waits for something that is no key. */
export interface WaitOptions {
  signals: readonly Signal[]
  /** Milliseconds; 0 = for ever. */
  timeoutMs: number
  /** The reply when the time is up, or when CLIENT UNBLOCK ends the waiting. */
  onTimeout: (reply: Reply) => void
}

/** What commands may use of the engine. Those that are about the server itself see all of it (src/commands/call.ts). */
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
  // Looked at for every command: a way less to each.
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
  /** Number of changes made: 0 = nothing to propagate. */
  changes = 0
  /** True where waiting is impossible (MULTI, scripts): blocking commands answer as if the time was up. */
  mayBlock = true
  /** True for what a script calls. */
  fromScript = false
  /** True when a parked client's command is tried again (see queues/). */
  retrying = false
  /** Commands to propagate instead of the request; undefined = the request as it came. */
  effects: (readonly Word[])[] | undefined = undefined
  #options: Options | undefined = undefined

  constructor(engine: Rooms) {
    this.engine = engine
    this.#unitClock = engine.environment.unitClock
    this.#dataset = engine.data.dataset
    this.#observers = engine.data.changes
    this.#events = engine.data.events
    this.#propagation = engine.effects.propagation
    this.#durability = engine.effects.durability
  }

  /** Prepares this object for a command; the engine's business. */
  begin(client: Client, args: Arguments, command: CommandOf<Call>): void {
    // No window on what earlier commands removed is of use any more.
    if (discarded.isMuch) discarded.giveBack()
    this.client = client
    this.args = args
    this.command = command
    this.db = itemAt(this.#dataset.databases, client.database)
    this.changes = 0
    this.effects = undefined
  }

  /** Returns argument `i` as a key. */
  key(i: number): Bytes {
    return this.args.bytes(i)
  }

  /** Returns a cursor over the options from argument `first` on. One a call: a second invocation moves the same cursor. */
  options(first: number): Options {
    this.#options ??= new Options()
    return this.#options.begin(this.args, first)
  }

  /** The time of this command, script or EXEC in Unix milliseconds (invariant 2). */
  now(): number {
    return this.#unitClock.now()
  }

  /**
   * Says that the value under a key has changed: the *after* side of the gate (invariant 6).
   *
   * Breaks WATCHes and publishes the event. To be called after the change, once an event. `count` is the number of changes that
   * Redis counts: often that of the elements; 0 for the second key of what is one change (RENAME, MOVE, LMOVE).
   */
  changed(key: Bytes, event: EventName, count = 1, db: Database = this.db): void {
    this.changes += count
    const { told } = this.#observers
    if (told !== null) told(db, key, event)
  }

  /** Says that `count` elements have gone from a structure, and removes the key if that was the last of them. */
  removed(key: Bytes, event: EventName, count: number, isEmpty: boolean): void {
    this.changed(key, event, count)
    if (!isEmpty) return
    this.db.delete(key)
    this.notify(key, 'del')
  }

  /**
   * Counts changes that Redis does not count as the key's: they break no WATCH, wake nobody and have no event (XACK, XGROUP SETID).
   *
   * They are propagated, and readers wait for them, as for any other.
   */
  changedWithin(key: Bytes, changes = 1): void {
    this.changes += changes
    if (this.#durability.listens) this.#durability.changed(this.db, key)
  }

  /** Has those who wait for a stream look again: it has a new entry, or one group less. */
  wake(key: Bytes): void {
    this.engine.blocking.wake(this.db, key)
  }

  /** Publishes an event that is no change of its own (a second event of one change). */
  notify(key: Bytes, event: EventName, db: Database = this.db): void {
    this.#events.publish(db, key, event)
  }

  /** False when nobody wants effects: then none need be made. What is replayed is propagated by whoever has it from there. */
  get propagates(): boolean {
    return this.#propagation.on && this.client.origin !== 'replay'
  }

  /**
   * Propagates these words instead of the request (invariant 4); several calls make one unit.
   *
   * Bytes are copied when they are passed on, at the command's end: windows on arguments are safe, windows on stored values
   * are not.
   */
  propagate(...words: Word[]): void {
    this.effects ??= []
    this.effects.push(words)
  }

  /** Propagates nothing, although something changed. */
  propagateNothing(): void {
    this.effects ??= []
  }

  /** Makes sure that what was replied so far reaches a client that wants no replies: subscriptions are confirmed even then. */
  keepReply(): void {
    keepReply(this.client, this.engine.requests.replies)
  }

  /**
   * Parks the client until one of the keys changes (the command then runs again) or the time is up.
   *
   * Where waiting is impossible the timeout's reply is given at once. Nothing may have been replied yet.
   */
  block(options: BlockOptions): void {
    this.engine.blocking.block(this, options)
  }

  /**
   * Parks the client until one of the signals is raised (the command then runs again) or the time is
   * up. Where waiting is impossible the timeout's reply is given at once. Nothing may have been
   * replied yet.
   */
  waitFor(options: WaitOptions): void {
    this.engine.blocking.waitFor(this, options)
  }

  /** In a call that is run again: the client waits on for what it waited for. */
  waitAgain(): void {
    this.engine.blocking.waitAgain(this)
  }

  /**
   * Replies later: begins work, and writes the reply when the work says that it is done. Other clients
   * are served meanwhile, and nothing more of this one is. Neither a timeout nor CLIENT UNBLOCK ends
   * it. A transaction or a script does not wait: the caller looks at `mayBlock` first.
   */
  whenDone<Outcome>(
    begin: (done: (outcome: Outcome) => void) => void,
    write: (reply: Reply, outcome: Outcome) => void,
  ): void {
    this.engine.blocking.suspend(this.client, begin, write)
  }

  /**
   * Lets others be heard if this is a slow script's call: for commands that work longer than O(N) on what may be huge, every few
   * milliseconds. Nothing may have been changed or replied yet; throws a ReplyError when the script is to end.
   */
  giveWay(): void {
    if (this.fromScript) this.engine.parts.scripts.giveWay()
  }

  /** The longest string a command may make; infinite where somebody says what has happened already. */
  get stringBytesMax(): number {
    return this.client.isObeyed ? Number.POSITIVE_INFINITY : this.engine.config.get('proto-max-bulk-len')
  }

  /** False while an expiry that lies in the past is kept like any other: somebody else decides what expires. */
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

  /** Reads argument `i` as a blocking timeout: seconds with fractions, returned in whole ms, 0 = for ever. Throws Redis's errors. */
  timeoutSeconds(i: number): number {
    const text = this.args.string(i)
    const seconds = parseDouble(text) ?? beyondDouble(text)
    const milliseconds = seconds * 1000
    // Redis refuses what does not fit 64 bits once added to the clock.
    if (milliseconds > TIMEOUT_MS_MAX) throw ERR.timeoutOutOfRange
    // Rounded first: a negative fraction of a millisecond is 0, for ever.
    const rounded = Math.ceil(milliseconds)
    if (rounded < 0) throw ERR.timeoutNegative
    return rounded
  }
}

/** Int64's end, less room for the clock that Redis adds. */
const TIMEOUT_MS_MAX = 2 ** 63 - Date.UTC(2100, 0)

/** Reads what only C's long double, as which Redis reads a timeout, can hold: `1e400` is too long, `1e-400` some time. */
function beyondDouble(text: string): number {
  const wide = parseLongDouble(text)
  if (wide === undefined) throw ERR.timeoutNotFloat
  return longDoubleToNumber(wide) || (wide.negative ? -Number.MIN_VALUE : Number.MIN_VALUE)
}
