// Parked clients: how a command that found nothing waits and is tried again.
//
// A blocking command runs like any other. When there is nothing for it, it calls
// `call.block`: the client is parked with a copy of its arguments. After each
// unit that changed one of its keys the *same command* runs again; if it blocks
// again the client keeps its place. So a blocking command is its non-blocking
// twin plus one line, and it propagates the twin (invariant 4).

import type { Arguments } from '../protocol/arguments.ts'
import type { ReplyError } from '../protocol/errors.ts'
import type { Reply } from '../protocol/reply.ts'
import { Waiter, WaitingRoom } from '../queues/waiting-room.ts'
import type { Database } from '../store/database.ts'
import { NONE } from '../store/keyspace.ts'
import { TYPE_LIST, TYPE_NAMES, TYPE_STREAM, TYPE_ZSET } from '../store/value.ts'
import type { Bytes } from '../util/bytes.ts'
import { NameSet } from '../util/name-map.ts'
import type { BlockOptions, Call } from './call.ts'
import type { Changes } from './changes.ts'
import type { Client } from './client.ts'
import type { Command } from './command.ts'
import type { Dataset } from './dataset.ts'
import { databaseOf, keyOf, nameKey } from './key-name.ts'
import type { Moment } from './moment.ts'

export interface BlockingHost {
  readonly moment: Moment
  readonly dataset: Dataset
  readonly changes: Changes
  readonly timekeeper: { arm(): void }
  readonly turn: { resumeSoon(client: Client): void }
  readonly dispatch: {
    retry(client: Client, command: Command, args: Arguments): void
    replyTo(client: Client, write: (reply: Reply) => void): void
  }
}

/** What a parked client left behind, to be run again. */
export interface Parked {
  readonly client: Client
  readonly command: Command
  readonly args: Arguments
  readonly options: BlockOptions
}

export class Blocking {
  readonly room = new WaitingRoom<Parked>()
  readonly #host: BlockingHost
  readonly #waiters = new Map<Client, Waiter<Parked>>()
  /** The command being tried again found nothing again. */
  #blockedAgain = false
  /** Parked clients whom a deletion, or another type, concerns too. */
  #servedByDeletion = 0
  /**
   * Keys under which a list or a sorted set came into being. Redis serves whoever waits for one only then: not when it replaced
   * something under the same key (SORT … STORE, ZUNIONSTORE), nor when it grows afterwards.
   */
  #fed = new NameSet()
  /** Parked clients by the type they wait for. */
  readonly #waitingForType = new Int32Array(TYPE_NAMES.length)

  constructor(host: BlockingHost) {
    this.#host = host
  }

  /** Parks the client of a call; see Call.block. */
  block(call: Call, options: BlockOptions): void {
    if (call.retrying) {
      this.#blockedAgain = true
      return
    }
    // What is replayed happened already: it does not wait.
    if (!call.mayBlock || call.client.isObeyed) {
      replyTimeout(call.reply, options)
      return
    }
    const { client } = call
    const names = options.keys.map((key) => String.fromCharCode(client.database) + key)
    const parked: Parked = { client, command: call.command, args: call.args.copy(), options }
    const deadline = options.timeoutMs === 0 ? Number.POSITIVE_INFINITY : call.now() + options.timeoutMs
    const waiter = new Waiter<Parked>(parked, names, deadline, () => this.#timeOut(parked))
    if (options.servedByDeletion) this.#servedByDeletion++
    this.#waitingForType[options.type]!++
    this.#waiters.set(client, waiter)
    client.parked = true
    client.parkedBytes = parked.args.contentBytes
    this.room.park(waiter)
    if (this.room.count === 1) this.#listen(true)
    if (options.timeoutMs !== 0) this.#host.timekeeper.arm()
  }

  /**
   * Serves everybody whose keys became ready, until nothing new becomes so.
   *
   * A walk along a key's line ends where the value does: one element for ten thousand waiters costs one of them.
   */
  serve(): void {
    const { room } = this
    while (room.hasReady) {
      const fed = this.#fed
      this.#fed = new NameSet()
      for (const name of room.takeReady()) {
        const isFed = fed.has(name)
        const database = this.#host.dataset.databases[databaseOf(name)]!
        const key = keyOf(name)
        room.forEachOn(name, (waiter) => {
          const { options } = waiter.owner
          // Looking is not reading: a key whose time is up is found out by whoever is served.
          const entry = database.keys.find(key)
          const type = entry === NONE ? NONE : database.typeOf(entry)
          if (type === options.type || options.servedByDeletion) {
            if (isFed || type === TYPE_STREAM || options.servedByDeletion) this.#retry(waiter.owner)
            return true
          }
          // Not for this one; is there anybody whom it can be for?
          return this.#servedByDeletion > 0 || (type !== NONE && this.#waitingForType[type]! > 0)
        })
      }
    }
  }

  /** Hears of changes while somebody waits. */
  #listen(wanted: boolean): void {
    const { changes, dataset } = this.#host
    changes.observers.follow(this.#changed, wanted)
    dataset.onCreated.follow(this.#created, wanted)
  }

  readonly #changed = (database: Database, key: Bytes): void => this.room.markReady(nameKey(database.index, key))

  /** Has those who wait for a key look again. */
  wake(database: Database, key: Bytes): void {
    if (this.room.count > 0) this.room.markReady(nameKey(database.index, key))
  }

  /** A key came into being: whoever waits for its type is served. */
  readonly #created = (database: Database, key: Bytes, type: number): void => {
    if (type !== TYPE_LIST && type !== TYPE_ZSET) return
    const name = nameKey(database.index, key)
    if (!this.room.isAwaited(name)) return
    this.#fed.add(name)
    this.room.markReady(name)
  }

  /** The contents of a database changed as a whole (SWAPDB): whoever waits there looks again. */
  markDatabase(database: Database): void {
    for (const name of this.room.keys()) {
      if (databaseOf(name) !== database.index) continue
      this.#fed.add(name)
      this.room.markReady(name)
    }
  }

  #retry(parked: Parked): void {
    this.#blockedAgain = false
    this.#host.dispatch.retry(parked.client, parked.command, parked.args)
    if (!this.#blockedAgain) this.release(parked.client)
  }

  /** Lets a client go on: it is served, timed out, unblocked or gone. */
  release(client: Client): void {
    if (!client.parked) return
    const waiter = this.#waiters.get(client)!
    this.room.leave(waiter)
    this.#forget(waiter.owner)
  }

  /** CLIENT UNBLOCK: as if the time were up, or with an error. False when the client is not parked. */
  unblock(client: Client, error: ReplyError | undefined): boolean {
    if (!client.parked) return false
    const waiter = this.#waiters.get(client)!
    this.release(client)
    this.#tell(waiter.owner, error)
    return true
  }

  #timeOut(parked: Parked): void {
    this.#forget(parked)
    this.#tell(parked, undefined)
  }

  #forget(parked: Parked): void {
    const { client } = parked
    client.parked = false
    client.parkedBytes = 0
    this.#waiters.delete(client)
    if (parked.options.servedByDeletion) this.#servedByDeletion--
    this.#waitingForType[parked.options.type]!--
    if (this.room.count === 0) this.#listen(false)
    this.#host.turn.resumeSoon(client)
  }

  #tell(parked: Parked, error: ReplyError | undefined): void {
    this.#host.dispatch.replyTo(parked.client, (reply) => {
      if (error !== undefined) reply.error(error)
      else replyTimeout(reply, parked.options)
    })
  }
}

function replyTimeout(reply: Reply, { onTimeout }: BlockOptions): void {
  if (typeof onTimeout === 'function') onTimeout(reply)
  else if (onTimeout === 'nil') reply.nil()
  else if (onTimeout === 'nilArray') reply.nilArray()
  else reply.integer(0)
}
