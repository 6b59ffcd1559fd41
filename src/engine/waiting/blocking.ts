// Parked clients: how a command that finds nothing waits, and is tried again.
//
// A blocking command runs like any other. When it finds nothing for its client, it calls
// `call.block`: the client is parked with a copy of its arguments. After the unit that fed one of
// its keys the *same command* runs again. If it blocks again, the client goes to the end of the
// line, as in Redis. So a blocking command is its non-blocking twin plus one line, and it
// propagates the twin (invariant 4).
//
// The following changes feed a key, and no others, as in Redis:
//
//   a list, sorted set or stream is created under it         created
//   a stream is removed or replaced                          gone: its groups went with it
//   XADD adds an entry, XGROUP DESTROY removes a group       wake
//   the database gets other contents (SWAPDB), or none       contentsReplaced
//
// So a list that replaces a value under the same key (SORT … STORE) serves no client.
//
// There are two more ways to wait. `call.waitFor` parks a client until a signal is raised (WAIT,
// MIGRATE, async-commands.ts); then its command runs again. `call.whenDone` suspends a client: it
// is not parked, and its command does not run again. Neither a timeout nor CLIENT UNBLOCK ends the
// waiting. The reply is written when the work is done (SAVE, SHUTDOWN).
//
// A topic is a key or a signal that clients wait for. The waiting room (queues/waiting-room.ts)
// keeps a line of clients for each topic, and the deadlines.

import type { Arguments } from '../../protocol/arguments.ts'
import type { ReplyError } from '../../protocol/errors.ts'
import type { Reply } from '../../protocol/reply.ts'
import { type Signal, type Topic, Waiter, WaitingRoom } from '../../queues/waiting-room.ts'
import type { Database } from '../../store/keyspace/database.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { TYPE_NAMES, TYPE_STREAM } from '../../store/structures/value.ts'
import { itemAt, numberAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import { NameSet } from '../../util/tables/name-map.ts'
import type { Client } from '../clients/client.ts'
import type { Dataset } from '../data/dataset.ts'
import { databaseOf, keyOf, nameKey } from '../data/key-name.ts'
import type { Stats } from '../figures/stats.ts'
import type { BlockOptions, Call, WaitOptions } from '../requests/call.ts'
import type { Command } from '../spec/command.ts'
import type { UnitClock } from '../upkeep/unit-clock.ts'

export interface BlockingHost {
  readonly environment: {
    readonly unitClock: UnitClock
  }
  readonly data: {
    readonly dataset: Dataset
  }
  readonly upkeep: {
    readonly timedWork: { arm(): void }
  }
  readonly requests: {
    readonly runner: { readonly client: Client | undefined; readonly call: Call | undefined }
    readonly turn: { resumeSoon(client: Client): void }
    readonly dispatch: {
      /** Returns false when the command was refused, and has not run. */
      retry(client: Client, command: Command, args: Arguments): boolean
      replyTo(client: Client, write: (reply: Reply) => void): void
    }
  }
  readonly figures: {
    readonly times: { answered(client: Client, command: Command, args: Arguments): void }
    readonly stats: Stats
  }
}

/** The command of a parked client, kept to be run again. */
export interface Parked {
  readonly client: Client
  readonly command: Command
  readonly args: Arguments
  /** The type of value that can serve it; NONE when it waits for signals. */
  readonly type: number
  readonly servedByDeletion: boolean
  readonly onTimeout: BlockOptions['onTimeout']
}

export class Blocking {
  readonly room = new WaitingRoom<Parked>()
  readonly #host: BlockingHost
  readonly #waiters = new Map<Client, Waiter<Parked>>()
  /**
   * The value of `commandsProcessed` when a command was last counted as failed for an error of
   * another client.
   */
  #blamed = -1
  /** The command that is being tried again has found nothing again. */
  #blockedAgain = false
  /**
   * The number of parked clients that the removal of a key, or a value of another type, serves too.
   */
  #servedByDeletion = 0
  /** Type → the number of parked clients that wait for it. */
  readonly #waitingForType = new Int32Array(TYPE_NAMES.length)

  constructor(host: BlockingHost) {
    this.#host = host
  }

  /** Parks the client of a call until one of its keys is fed; see Call.block. */
  block(call: Call, { keys, onTimeout, servedByDeletion = false, timeoutMs, type }: BlockOptions): void {
    if (this.#mayPark(call, onTimeout)) {
      const names = keys.map((key) => String.fromCharCode(call.client.database) + key)
      this.#park(call, names, timeoutMs, type, servedByDeletion, onTimeout)
    }
  }

  /** Parks the client of a call until one of the signals is raised; see Call.waitFor. */
  waitFor(call: Call, { onTimeout, signals, timeoutMs }: WaitOptions): void {
    if (this.#mayPark(call, onTimeout)) this.#park(call, signals, timeoutMs, NONE, false, onTimeout)
  }

  /** Keeps the client of a call that is run again parked, at the end of its lines. */
  waitAgain(call: Call): void {
    assert(call.retrying, 'invariant 5: only a client that is parked already waits again')
    this.#blockedAgain = true
  }

  /**
   * Returns false where the call's client is parked already, or cannot wait and has got its reply.
   */
  #mayPark(call: Call, onTimeout: BlockOptions['onTimeout']): boolean {
    if (call.retrying) {
      this.#blockedAgain = true
      return false
    }
    // A replayed command has happened already, so it does not wait.
    if (call.mayBlock && !call.client.isObeyed) return true
    replyTimeout(call.reply, onTimeout)
    return false
  }

  #park(
    call: Call,
    topics: readonly Topic[],
    timeoutMs: number,
    type: number,
    servedByDeletion: boolean,
    onTimeout: BlockOptions['onTimeout'],
  ): void {
    const { client, command } = call
    assert(!client.requests.parked, 'invariant 1: a client that is parked runs no other command')
    assert(topics.length > 0, 'invariant 5: a parked client waits for a key or a signal')
    const parked: Parked = { client, command, args: call.args.copy(), type, servedByDeletion, onTimeout }
    const deadline = timeoutMs === 0 ? Number.POSITIVE_INFINITY : call.now() + timeoutMs
    const waiter = new Waiter<Parked>(parked, topics, deadline, () => this.#timeOut(parked))
    if (servedByDeletion) this.#servedByDeletion++
    if (type !== NONE) this.#waitingForType[type]!++
    this.#waiters.set(client, waiter)
    client.requests.parked = true
    client.requests.parkedRunMs = 0
    client.requests.parkedBytes = parked.args.contentBytes
    this.room.park(waiter)
    assert(this.#waiters.size === this.room.count, 'invariant 5: each parked client is in the waiting room once')
    this.#listen()
    if (timeoutMs !== 0) this.#host.upkeep.timedWork.arm()
  }

  /**
   * Suspends a client until work is done, and then replies. Its requests wait meanwhile; it may
   * disconnect. `begin` starts the work, which calls `done` once, at any time. If `begin` throws,
   * the client is not suspended.
   */
  suspend<Outcome>(
    client: Client,
    begin: (done: (outcome: Outcome) => void) => void,
    write: (reply: Reply, outcome: Outcome) => void,
  ): void {
    assert(!client.requests.parked && !client.paused, 'invariant 1: a client waits for one thing')
    client.paused = true
    let isDone = false
    try {
      begin((outcome) => {
        assert(!isDone, 'work is done once')
        isDone = true
        assert(client.paused || client.connection.closed, 'invariant 1: a suspended client runs no other command')
        client.paused = false
        this.#host.requests.dispatch.replyTo(client, (reply) => write(reply, outcome))
        this.#host.requests.turn.resumeSoon(client)
      })
    } catch (error) {
      client.paused = false
      throw error
    }
  }

  /**
   * Serves all clients whose topics are ready, until no topic is.
   *
   * A walk along a key's line ends where the value does: one element for ten thousand waiters costs
   * one of them.
   */
  serve(): void {
    const { room } = this
    assert(
      this.#host.requests.runner.client === undefined,
      'invariant 5: waiters are served after the command that fed them',
    )
    while (room.hasReady) {
      for (const topic of room.takeReady()) {
        if (typeof topic === 'string') this.#serveLine(topic)
        else room.forEachOn(topic, this.#retryAll)
      }
    }
  }

  readonly #retryAll = (waiter: Waiter<Parked>): boolean => {
    this.#retry(waiter)
    return true
  }

  #serveLine(name: string): void {
    const database = itemAt(this.#host.data.dataset.databases, databaseOf(name))
    const key = keyOf(name)
    this.room.forEachOn(name, (waiter) => {
      const { servedByDeletion, type: wanted } = waiter.owner
      // This look is not a read: the client that is served finds out that the key's time is up.
      const type = typeUnder(database, key)
      if (type === wanted || servedByDeletion) {
        this.#retry(waiter)
        return true
      }
      // The value is not for this client. Another one in the line may take it.
      return this.#servedByDeletion > 0 || (type !== NONE && numberAt(this.#waitingForType, type) > 0)
    })
  }

  /**
   * Adds the handlers of created and removed keys while a client waits for them, else removes them.
   */
  #listen(): void {
    const {
      on: { created: onCreated, gone: onGone },
    } = this.#host.data.dataset
    onCreated.follow(this.#created, this.room.count > 0)
    onGone.follow(this.#gone, this.#servedByDeletion > 0)
  }

  readonly #created = (database: Database, key: Bytes, type: number): void => {
    if (numberAt(this.#waitingForType, type) > 0) this.room.markReady(nameKey(database.index, key))
  }

  readonly #gone = (database: Database, key: Bytes, type: number): void => {
    if (type === TYPE_STREAM) this.room.markReady(nameKey(database.index, key))
  }

  /**
   * Serves the clients that wait for a stream: it has a new entry, or one of its groups is gone.
   */
  wake(database: Database, key: Bytes): void {
    if (numberAt(this.#waitingForType, TYPE_STREAM) > 0) this.room.markReady(nameKey(database.index, key))
  }

  /** Raises a signal: the commands of all clients that wait for it run again. */
  raise(signal: Signal): void {
    const { room } = this
    if (room.count === 0) return
    room.markReady(signal)
    // A signal that is raised within a command serves its clients after the command.
    if (room.hasReady && this.#host.requests.runner.client === undefined) this.serve()
  }

  /** Returns the topics that a parked client waits for; none when it is not parked. */
  topicsOf(client: Client): readonly Topic[] {
    return this.#waiters.get(client)?.topics ?? []
  }

  /**
   * Marks keys ready before the contents of a database are replaced, or removed, so that their
   * waiters look again.
   */
  contentsReplaced(database: Database, by?: Database): void {
    for (const name of this.room.keys()) {
      if (databaseOf(name) !== database.index) continue
      const key = keyOf(name)
      const before = database.keys.find(key)
      const after = by === undefined ? NONE : by.keys.find(key)
      const goes = before !== NONE && database.typeOf(before) === TYPE_STREAM && this.#servedByDeletion > 0
      if (goes || (after !== NONE && numberAt(this.#waitingForType, by!.typeOf(after)) > 0)) this.room.markReady(name)
    }
  }

  /**
   * Marks keys ready after the contents of all databases were replaced. Waiters look again where
   * they may find a value, or where the stream that they waited in may be gone.
   */
  contentsChanged(): void {
    for (const name of this.room.keys()) {
      const type = typeUnder(itemAt(this.#host.data.dataset.databases, databaseOf(name)), keyOf(name))
      if (this.#servedByDeletion > 0 || (type !== NONE && numberAt(this.#waitingForType, type) > 0))
        this.room.markReady(name)
    }
    for (const signal of this.room.signals()) this.room.markReady(signal)
  }

  #retry(waiter: Waiter<Parked>): void {
    const { client, command, args } = waiter.owner
    this.#blockedAgain = false
    const hasRun = this.#host.requests.dispatch.retry(client, command, args)
    if (this.#blockedAgain) {
      this.room.requeue(waiter)
      return
    }
    this.release(client)
    if (hasRun) this.#host.figures.times.answered(client, command, args)
  }

  /** Unparks a client: it is served, timed out, unblocked or gone. */
  release(client: Client): void {
    if (!client.requests.parked) return
    const waiter = this.#waiterOf(client)
    this.room.leave(waiter)
    this.#forget(waiter.owner)
  }

  #waiterOf(client: Client): Waiter<Parked> {
    const waiter = this.#waiters.get(client)
    assert(waiter !== undefined, 'invariant 5: a client that is parked is in the waiting room')
    return waiter
  }

  /**
   * CLIENT UNBLOCK: replies as at the timeout, or with an error. Returns false when the client is
   * not parked.
   */
  unblock(client: Client, error: ReplyError | undefined): boolean {
    if (!client.requests.parked) return false
    const waiter = this.#waiterOf(client)
    this.release(client)
    this.#tell(waiter.owner, error)
    return true
  }

  /** Yields the parked clients, in the order in which they were parked. */
  *parked(): IterableIterator<Parked> {
    for (const { owner } of this.#waiters.values()) yield owner
  }

  /**
   * Counts the keys that clients wait for: all, or those whose removal serves a client too
   * (XREADGROUP).
   */
  countAwaited(what: 'any change' | 'removal'): number {
    if (what === 'any change') return this.room.awaitedKeys
    if (this.#servedByDeletion === 0) return 0
    const names = new NameSet()
    for (const { owner, topics } of this.#waiters.values()) {
      if (!owner.servedByDeletion) continue
      for (const topic of topics) if (typeof topic === 'string') names.add(topic)
    }
    return names.size
  }

  /** Unparks all clients with an error, and returns them. */
  endAll(error: ReplyError): readonly Client[] {
    const clients = [...this.#waiters.keys()]
    for (const client of clients) this.unblock(client, error)
    return clients
  }

  #timeOut(parked: Parked): void {
    assert(parked.client.requests.parked, 'invariant 5: the time of a parked client is up once')
    this.#forget(parked)
    this.#tell(parked, undefined)
  }

  #forget(parked: Parked): void {
    const { client } = parked
    client.requests.parked = false
    client.requests.parkedBytes = 0
    this.#waiters.delete(client)
    if (parked.servedByDeletion) this.#servedByDeletion--
    if (parked.type !== NONE) this.#waitingForType[parked.type]!--
    assert(this.#waiters.size === this.room.count, 'invariant 5: each parked client is in the waiting room once')
    if (parked.type !== NONE)
      assert(numberAt(this.#waitingForType, parked.type) >= 0, 'invariant 5: a waiter is counted by its type')
    assert(this.#servedByDeletion >= 0, 'invariant 5: a client that leaves was counted when it was parked')
    this.#listen()
    this.#host.requests.turn.resumeSoon(client)
  }

  #tell(parked: Parked, error: ReplyError | undefined): void {
    if (error !== undefined) this.#countFailure(parked.command, error)
    this.#host.requests.dispatch.replyTo(parked.client, (reply) => {
      if (error !== undefined) reply.error(error)
      else replyTimeout(reply, parked.onTimeout)
    })
    this.#host.figures.times.answered(parked.client, parked.command, parked.args)
  }

  /**
   * Counts an error that a command causes for a parked client. Redis counts it for the running
   * command, too.
   */
  #countFailure(command: Command, error: ReplyError): void {
    const { runner } = this.#host.requests
    const { stats } = this.#host.figures
    command.failed++
    if (runner.call !== undefined && this.#blamed !== stats.commandsProcessed) {
      runner.call.command.failed++
      this.#blamed = stats.commandsProcessed
    }
    stats.countError(error)
  }
}

/** Returns the type of the value that a reader would find under a key; NONE = there is none. */
function typeUnder(database: Database, key: Bytes): number {
  const entry = database.keys.find(key)
  return entry === NONE || database.isExpired(entry) ? NONE : database.typeOf(entry)
}

function replyTimeout(reply: Reply, onTimeout: BlockOptions['onTimeout']): void {
  if (typeof onTimeout === 'function') onTimeout(reply)
  else if (onTimeout === 'nil') reply.nil()
  else if (onTimeout === 'nilArray') reply.nilArray()
  else reply.integer(0)
}
