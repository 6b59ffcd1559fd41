// Keyspace events: messages to clients that subscribe to the changes of a key, or to a kind of
// event.
//
// `notify-keyspace-events` says which classes are published. Most events come through the handler
// of changes (changes.ts); misses and new keys come from the keyspace itself.
//
// The keys in which channels keep messages make no events. Otherwise each event that a channel
// keeps would cause another one.

import type { PubSub } from '../../broker/pub-sub.ts'
import type { Config } from '../../config/config.ts'
import {
  EVENT_BITS,
  EVENT_CLASS,
  EVENT_KEYEVENT,
  EVENT_KEYSPACE,
  type EventName,
  eventBytes,
} from '../../config/event-flags.ts'
import type { Database } from '../../store/keyspace/database.ts'
import type { Created, Missed } from '../../store/keyspace/database-reports.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import type { Handlers } from '../../util/tables/handlers.ts'
import type { Changes } from './changes.ts'

export interface KeyspaceEventsHost {
  readonly config: Config
  readonly clients: {
    readonly pubSub: PubSub
  }
  readonly data: {
    readonly changes: Changes
    readonly dataset: {
      readonly databases: readonly Database[]
      readonly on: { readonly missed: Handlers<Missed<Database>>; readonly created: Handlers<Created<Database>> }
    }
  }
  readonly effects: {
    readonly role: { readonly isReplica: boolean }
    readonly propagation: { readonly announces: boolean; announce(channel: Bytes, message: Bytes): void }
  }
  readonly parts: {
    /** The room that keeps messages. It knows the keys of database 0 that hold them. */
    readonly channels: { ownsKey(key: Bytes): boolean } | undefined
  }
}

export class KeyspaceEvents {
  readonly #host: KeyspaceEventsHost
  /** `notify-keyspace-events`; 0 unless it names a class and also where to publish it. */
  #flags = 0
  /** Database → event → the channel of the event. */
  readonly #channels: Map<EventName, Bytes>[] = []

  constructor(host: KeyspaceEventsHost, { changes, dataset }: KeyspaceEventsHost['data']) {
    this.#host = host
    const { config } = host
    const follow = (flags: number): void => {
      this.#flags = (flags & (EVENT_KEYSPACE | EVENT_KEYEVENT)) === 0 ? 0 : flags
      changes.observers.follow(this.#changed, this.#flags !== 0)
      dataset.on.missed.follow(this.#missed, (this.#flags & EVENT_BITS.m) !== 0)
      dataset.on.created.follow(this.#created, (this.#flags & EVENT_BITS.n) !== 0)
    }
    config.onChange('notify-keyspace-events', follow)
    follow(config.get('notify-keyspace-events'))
  }

  /** Publishes an event, if the settings name its class. */
  publish(db: Database, key: Bytes, event: EventName): void {
    const flags = this.#flags
    if (flags === 0 || (flags & EVENT_CLASS[event]) === 0 || this.#host.data.changes.silent) return
    const { channels } = this.#host.parts
    const { propagation, role } = this.#host.effects
    const { pubSub } = this.#host.clients
    if (db.index === 0 && channels?.ownsKey(key) === true) return
    // A replica makes the same events as its primary, which has announced them.
    const announces = propagation.announces && !role.isReplica
    if ((flags & EVENT_KEYSPACE) !== 0) {
      const channel = `__keyspace@${db.index}__:${key.toString()}`
      const text = eventBytes(event)
      pubSub.publishTo(channel, text)
      if (announces) propagation.announce(Bytes.from(channel), text)
    }
    if ((flags & EVENT_KEYEVENT) !== 0) {
      const channel = this.#channelOf(db.index, event)
      pubSub.publish('channel', channel, key)
      if (announces) propagation.announce(channel, key)
    }
  }

  /**
   * Returns the channel of an event. Its bytes are kept, so subscribers are found without a string
   * (pub-sub.ts).
   */
  #channelOf(database: number, event: EventName): Bytes {
    this.#channels[database] ??= new Map()
    const channels = this.#channels[database]
    let channel = channels.get(event)
    if (channel === undefined) {
      channel = Bytes.from(`__keyevent@${database}__:${event}`)
      channels.set(event, channel)
    }
    return channel
  }

  readonly #changed = (db: Database, key: Bytes, event: EventName): void => this.publish(db, key, event)
  readonly #missed = (db: Database, key: Bytes): void => this.publish(db, key, 'keymiss')
  readonly #created = (db: Database, key: Bytes): void => {
    // Data that is loaded to replace a database makes no events.
    if (this.#host.data.dataset.databases[db.index] === db) this.publish(db, key, 'new')
  }
}
