// CLIENT TRACKING: clients that cache their reads are told when a value may have changed.
//
//   default    each key that the client's commands only read; told once, at its first change
//   optin      as default, but only after CLIENT CACHING YES
//   optout     as default, but not after CLIENT CACHING NO
//   broadcast  every change of a key that begins with one of the client's prefixes, once a turn
//
// tracked-keys.ts keeps the keys, tracked-prefixes.ts the prefixes, and invalidation-messages.ts
// encodes the messages. As in Redis, keys of the same name in different databases are one.
//
// A client is told of its own command's changes after that command, or not at all (NOLOOP). An
// expired key that the command finds counts as its own change, as in Redis. An eviction does not,
// and neither does a key that the full table gives up. Redis leaves these out under NOLOOP, too,
// but the client would go on with a value that is no longer tracked.

import type { Config } from '../../config/config.ts'
import type { EventName } from '../../config/event-flags.ts'
import type { Database } from '../../store/keyspace/database.ts'
import { itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import type { Random } from '../../util/numbers/random.ts'
import type { Handlers } from '../../util/tables/handlers.ts'
import type { HashKey } from '../../util/tables/keyed-hash.ts'
import { CLIENT_CACHING, type Client } from '../clients/client.ts'
import type { ServerState } from '../conditions/state.ts'
import type { Changes } from '../data/changes.ts'
import type { Call } from '../requests/call.ts'
import type { Command } from '../spec/command.ts'
import { findKeys } from '../spec/key-extraction.ts'
import { InvalidationMessages } from './invalidation-messages.ts'
import { TrackedKeys } from './tracked-keys.ts'
import { OwnPrefixes, TrackedPrefixes } from './tracked-prefixes.ts'

/**
 * Keys given up before one command, times the number of times in a row that too many were left,
 * plus one (as in Redis).
 */
const GIVEN_UP_KEYS = 100

export interface TrackingHost {
  readonly config: Config
  readonly environment: {
    readonly random: Random
  }
  readonly conditions: {
    readonly state: ServerState
  }
  readonly data: {
    readonly changes: Changes
  }
  readonly clients: {
    readonly connected: { get(id: number): Client | undefined }
  }
  readonly requests: {
    readonly runner: {
      readonly onRan: Handlers<[call: Call]>
      readonly call: Call | undefined
      readonly client: Client | undefined
      afterReply(run: () => void): void
    }
    readonly turn: { endSoon(): void }
  }
}

export type TrackingMode = 'default' | 'optin' | 'optout' | 'broadcast'

/** The options of CLIENT TRACKING ON. */
export interface TrackingOptions {
  readonly mode: TrackingMode
  /** Leaves out the client's own changes. */
  readonly noLoop: boolean
  /** The client that is told instead; 0 = this one. */
  readonly redirect: number
  /** The prefixes of `broadcast`; none = every key. */
  readonly prefixes: readonly string[]
}

/** A client that caches, or did. */
export class Tracker {
  readonly client: Client
  on = false
  mode: TrackingMode = 'default'
  noLoop = false
  redirect = 0
  /** The client that was to be told is gone, and this one got a note of that. */
  broken = false
  /** Its number among the readers of keys; -1 = it has read none. */
  number = -1
  /** Undefined unless the mode is `broadcast`. */
  prefixes: OwnPrefixes | undefined = undefined

  constructor(client: Client) {
    this.client = client
  }
}

/** The content of a message: a key, several keys, or all. */
type Told = Bytes | readonly string[] | 'all'

export class Tracking {
  readonly #host: TrackingHost
  readonly #trackers = new Map<Client, Tracker>()
  /** The number of trackers that are on, and of those that want to know of their reads. */
  #on = 0
  #reading = 0
  readonly #keys: TrackedKeys<Tracker>
  readonly #prefixes = new TrackedPrefixes<Tracker, Client>()
  #keysMax: number
  /** The number of times in a row that too many keys were left. */
  #leftTooMany = 0
  /** Both have buffers, so they are made when the first client tracks. */
  #pushes: InvalidationMessages | undefined = undefined
  #messages: InvalidationMessages | undefined = undefined
  /** The content that is being told, and for each form if it is encoded already. */
  #told: Told = 'all'
  #isPushMade = false
  #isMessageMade = false
  /** The messages to the client whose command is running. */
  readonly #own: { readonly tracker: Tracker; readonly told: Told }[] = []

  constructor(host: TrackingHost, hashKey: HashKey) {
    this.#host = host
    this.#keys = new TrackedKeys(hashKey)
    this.#keysMax = keysMax(host.config.get('tracking-table-max-keys'))
    host.config.onChange('tracking-table-max-keys', (limit) => {
      this.#keysMax = keysMax(limit)
      this.#measure()
    })
  }

  // ── for INFO ─────────────────────────────────────────────────────────────

  get clientCount(): number {
    return this.#on
  }

  get keyCount(): number {
    return this.#keys.size
  }

  /** The number of pairs of a key and a client that read it. */
  get itemCount(): number {
    return this.#keys.items
  }

  /** Bytes of the table of keys. */
  get tableBytes(): number {
    return this.#keys.size === 0 ? 0 : this.#keys.usedBytes
  }

  get prefixCount(): number {
    return this.#prefixes.size
  }

  // ── clients that cache ────────────────────────────────────────────────────

  /** Returns the tracker of a client; undefined = the client does not cache. */
  trackerOf(client: Client): Tracker | undefined {
    const tracker = this.#trackers.get(client)
    return tracker?.on ? tracker : undefined
  }

  /**
   * Begins to track for a client, or changes the mode; new prefixes join the old ones. The caller
   * has checked the options.
   */
  enable(client: Client, { mode, noLoop, redirect, prefixes }: TrackingOptions): void {
    assert(mode === 'broadcast' || prefixes.length === 0, 'the command has checked the options')
    let tracker = this.#trackers.get(client)
    if (tracker === undefined) {
      tracker = new Tracker(client)
      this.#trackers.set(client, tracker)
    }
    this.#count(tracker, -1)
    tracker.on = true
    tracker.mode = mode
    tracker.noLoop = noLoop
    tracker.redirect = redirect
    tracker.broken = false
    this.#count(tracker, 1)
    if (mode === 'broadcast') {
      tracker.prefixes ??= new OwnPrefixes()
      for (const name of prefixes.length === 0 ? [''] : prefixes) {
        tracker.prefixes.add(name)
        this.#prefixes.add(name, tracker)
      }
      client.bytes.prefixes = tracker.prefixes.bytes
    }
    this.#listen()
  }

  /**
   * Stops tracking for a client. Its noted reads stay: if it begins again, it is told of their
   * changes.
   */
  disable(client: Client): void {
    client.state &= ~CLIENT_CACHING
    const tracker = this.#trackers.get(client)
    if (tracker === undefined || !tracker.on) return
    this.#count(tracker, -1)
    tracker.on = false
    if (tracker.prefixes !== undefined) {
      for (const name of tracker.prefixes.names()) this.#prefixes.remove(name, tracker)
      tracker.prefixes = undefined
      client.bytes.prefixes = 0
    }
    this.#listen()
  }

  /** Forgets a client that is gone. */
  forget(client: Client): void {
    const tracker = this.#trackers.get(client)
    if (tracker === undefined) return
    this.disable(client)
    this.#trackers.delete(client)
    if (tracker.number !== -1) this.#keys.part(tracker.number)
    // No client is left that could be told of a key.
    if (this.#trackers.size === 0) this.#keys.clear()
    this.#measure()
    this.#listen()
  }

  #count({ on, mode }: Tracker, by: 1 | -1): void {
    if (!on) return
    this.#on += by
    if (mode !== 'broadcast') this.#reading += by
    assert(this.#reading >= 0 && this.#reading <= this.#on, 'a client that tracks its reads tracks')
  }

  /** Adds the handlers of commands and of changes while a client needs them, else removes them. */
  #listen(): void {
    const { changes } = this.#host.data
    const { runner } = this.#host.requests
    runner.onRan.follow(this.#ran, this.#reading > 0)
    // Caches are told before keyspace events are published, as in Redis.
    if (this.#on > 0 || this.#keys.size > 0) changes.observers.addFirst(this.#changed)
    else changes.observers.remove(this.#changed)
  }

  // ── keys that were read ───────────────────────────────────────────────────

  /** Notes the keys of a command that has run, if its client caches its reads. */
  readonly #ran = ({ args, client, command }: Call): void => {
    // A script that only reads is left out: its own calls are noted.
    if (!command.isReadonly || command.spec.group === 'scripting') return
    const tracker = this.#trackers.get(client)
    if (tracker === undefined || !tracker.on || tracker.mode === 'broadcast') return
    const isAsked = (client.state & CLIENT_CACHING) !== 0
    if (tracker.mode === 'optin' ? !isAsked : tracker.mode === 'optout' && isAsked) return
    if (hasOneKey(command)) {
      this.#note(args.bytes(1), tracker)
    } else {
      const found = findKeys(command, args)
      if (found !== undefined) for (const { index } of found) this.#note(args.bytes(index), tracker)
    }
    this.#measure()
  }

  #note(key: Bytes, tracker: Tracker): void {
    if (!this.#keys.hasRoom) this.#giveUp()
    if (tracker.number === -1) tracker.number = this.#keys.join(tracker)
    this.#keys.add(key, tracker.number)
  }

  // ── bounds ───────────────────────────────────────────────────────────────

  /**
   * Gives up keys, because too many are noted. The number rises each time that it was not enough.
   */
  makeRoom(): void {
    const effort = GIVEN_UP_KEYS * (this.#leftTooMany + 1)
    for (let i = 0; i < effort && this.#keys.size > this.#keysMax; i++) this.#giveUp()
    this.#measure()
    this.#leftTooMany = this.#host.conditions.state.tracksTooMuch.holds ? this.#leftTooMany + 1 : 0
  }

  #measure(): void {
    this.#host.conditions.state.tracksTooMuch.follow(this.#keys.size > this.#keysMax)
  }

  /** Forgets a random key, and tells its readers as if another client had changed it. */
  #giveUp(): void {
    assert(this.#keys.size > 0, 'a key is given up that was noted')
    this.#begin('all')
    this.#keys.takeRandom(this.#host.environment.random, (tracker, key) => {
      if (this.#told === 'all') this.#begin(key)
      this.#tell(tracker)
    })
  }

  // ── changes ───────────────────────────────────────────────────────────────

  readonly #changed = (_db: Database, key: Bytes, event: EventName): void => {
    if (this.#prefixes.size > 0 && this.#prefixes.note(key.toString(), this.#changerBy(event))) {
      this.#host.requests.turn.endSoon()
    }
    if (this.#keys.size === 0) return
    this.#begin(key)
    this.#keys.take(key, this.#tellOfChange)
    if (this.#on === 0) this.#listen()
  }

  /**
   * Returns the client that made a change, for NOLOOP. Undefined for an expiry or eviction, and for
   * a script's call: as in Redis, that is not its caller's change.
   */
  #changerBy(event: EventName): Client | undefined {
    if (event === 'expired' || event === 'evicted' || event === 'hexpired') return undefined
    const { call } = this.#host.requests.runner
    return call === undefined || call.fromScript ? undefined : call.client
  }

  readonly #tellOfChange = (tracker: Tracker): void => {
    if (!tracker.noLoop || tracker.client !== this.#host.requests.runner.client) this.#tell(tracker)
  }

  /** Tells a reader of a changed key. */
  #tell(tracker: Tracker): void {
    if (tracker.on && tracker.mode !== 'broadcast') this.#sendInTime(tracker)
  }

  /**
   * Tells all clients to forget everything: databases were emptied. This ignores NOLOOP and the
   * numbers of the databases.
   */
  flushed(): void {
    for (const protocol of [2, 3]) {
      this.#begin('all')
      for (const tracker of this.#trackers.values()) {
        if (tracker.on && tracker.client.protocol === protocol) this.#sendInTime(tracker)
      }
    }
    this.#keys.clear()
    this.#measure()
    this.#listen()
  }

  /** Tells the readers of prefixes, at the end of the turn, of its changes. */
  tellChanges(): void {
    if (!this.#prefixes.isDue) return
    for (const prefix of this.#prefixes.takeDue()) {
      const all = [...prefix.changed.keys()].sort()
      const own = new Set<Client>(prefix.changers())
      this.#begin(all)
      for (const tracker of prefix.readers) if (!tracker.noLoop || !own.has(tracker.client)) this.#send(tracker)
      for (const tracker of prefix.readers) {
        if (!tracker.noLoop || !own.has(tracker.client)) continue
        const others = all.filter((key) => prefix.changed.get(key) !== tracker.client)
        if (others.length === 0) continue
        this.#begin(others)
        this.#send(tracker)
      }
      prefix.startOver()
    }
  }

  // ── telling ──────────────────────────────────────────────────────────────

  /** Begins to tell a content. */
  #begin(told: Told): void {
    this.#told = told
    this.#isPushMade = false
    this.#isMessageMade = false
  }

  /** Tells a client at once. If its own command is running, it is told after the reply. */
  #sendInTime(tracker: Tracker): void {
    const { runner } = this.#host.requests
    if (runner.client !== tracker.client) {
      this.#send(tracker)
      return
    }
    if (this.#own.length === 0) runner.afterReply(this.#sendOwn)
    this.#own.push({ tracker, told: this.#told instanceof Bytes ? this.#told.copy() : this.#told })
  }

  /**
   * Sends the messages about a command's own changes, after its reply. The receiver and the form
   * are decided now, as in Redis: the command may have changed them.
   */
  readonly #sendOwn = (): void => {
    for (const { tracker, told } of this.#own) {
      this.#begin(told)
      this.#send(tracker)
    }
    this.#own.length = 0
  }

  /**
   * Sends a message to a client, or to the one that it redirects to. A client of RESP2 can get it
   * only as a subscriber, and only for another client.
   */
  #send(tracker: Tracker): void {
    const { client, redirect } = tracker
    let receiver = client
    if (redirect !== 0) {
      const other = this.#host.clients.connected.get(redirect)
      if (other === undefined) {
        this.#sendBroken(tracker)
        return
      }
      receiver = other
    }
    if (receiver.protocol === 3) {
      this.#pushes ??= new InvalidationMessages('push')
      if (!this.#isPushMade) this.#encode(this.#pushes, client.protocol)
      this.#isPushMade = true
      deliver(receiver, this.#pushes)
    } else if (redirect !== 0 && receiver.outputClass === 'pubsub') {
      this.#messages ??= new InvalidationMessages('message')
      if (!this.#isMessageMade) this.#encode(this.#messages, client.protocol)
      this.#isMessageMade = true
      deliver(receiver, this.#messages)
    }
  }

  #encode(messages: InvalidationMessages, protocol: 2 | 3): void {
    const told = this.#told
    if (told === 'all') messages.all(protocol)
    else if (told instanceof Bytes) messages.key(told)
    else messages.keys(told)
  }

  /** Tells a client that the one it redirects to is gone, each time. */
  #sendBroken(tracker: Tracker): void {
    tracker.broken = true
    const { client } = tracker
    if (client.protocol === 2) return
    this.#pushes ??= new InvalidationMessages('push')
    this.#isPushMade = false
    this.#pushes.broken(tracker.redirect)
    deliver(client, this.#pushes)
  }

  // ── memory ───────────────────────────────────────────────────────────────

  /** Reuses the memory of the messages, because all of them were sent. */
  recycle(): void {
    this.#pushes?.recycle()
    this.#messages?.recycle()
  }

  /** Gives the memory of the messages up, because a client still holds some. */
  abandon(): void {
    this.#pushes?.abandon()
    this.#messages?.abandon()
  }
}

function deliver(receiver: Client, { source, start, end }: InvalidationMessages): void {
  receiver.deliver(source, start, end)
}

function keysMax(setting: number | bigint): number {
  return setting === 0 ? Number.POSITIVE_INFINITY : Number(setting)
}

/** Tells if a command's only key is its first argument. Then no search is needed. */
function hasOneKey({ spec: { keys } }: Command): boolean {
  if (keys?.length !== 1) return false
  const { count, find, first = 1, flags, keyword, last = first, unknown } = itemAt(keys, 0)
  return (
    first === 1 &&
    last === 1 &&
    count === undefined &&
    keyword === undefined &&
    find === undefined &&
    flags === undefined &&
    unknown === undefined
  )
}
