// Checkpoints: states of all databases that can be gone back to.
//
// The store keeps the states (store/keyspace/database-state.ts). This file tells all other parts:
// to go back is a change of many keys that no command made.
//
//   a client that watches a key that now differs    its EXEC does nothing
//   a client that waits for a key that now exists   is served
//   a client that waits in a stream that is gone    gets an error
//   a client that caches                            forgets everything
//   channels                                        read again what they keep
//   the journal                                     gets DEL, RESTORE, FLUSHDB, as one unit
//
// No keyspace events are published. Connections, subscriptions, settings, users, scripts and
// functions are no part of a state. To go back to a checkpoint ends all later ones.

import type { ReplyError } from '../../protocol/errors.ts'
import type { Database, DatabaseHost } from '../../store/keyspace/database.ts'
import { DatabaseState, type KeptState } from '../../store/keyspace/database-state.ts'
import { KEY, NONE } from '../../store/keyspace/keyspace.ts'
import { itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { NameSet } from '../../util/tables/name-map.ts'
import type { Client } from '../clients/client.ts'
import type { ServerState } from '../conditions/state.ts'
import type { Word } from '../effects/effects.ts'
import type { Saving } from '../effects/saving.ts'
import type { Stats } from '../figures/stats.ts'
import type { UnitClock } from '../upkeep/unit-clock.ts'
import type { Watches } from './watches.ts'

export interface CheckpointsHost {
  readonly databases: readonly Database[]
  readonly data: {
    readonly dataset: DatabaseHost
    readonly watches: Watches
  }
  readonly conditions: {
    readonly state: ServerState
  }
  readonly figures: {
    readonly stats: Stats
  }
  readonly environment: {
    readonly unitClock: UnitClock
  }
  readonly parts: {
    readonly saving: Saving | undefined
    readonly channels: { readonly holdsData: boolean; contentsChanged(): void } | undefined
  }
  readonly requests: {
    readonly admission: { readonly diskFailure: ReplyError | undefined }
    readonly runner: { readonly client: Client | undefined }
    readonly turn: { endSoon(): void }
  }
  readonly blocking: { readonly room: { readonly hasReady: boolean }; contentsChanged(): void; serve(): void }
  readonly clients: {
    readonly tracking: { flushed(): void }
  }
  readonly effects: {
    readonly durability: { changedEverywhere(): void; wrote(client: Client): void }
    readonly propagation: {
      readonly on: boolean
      beginUnit(): void
      endUnit(): void
      happened(database: number, words: readonly Word[]): void
    }
  }
  readonly upkeep: {
    readonly timedWork: { arm(): void }
  }
}

/** A state of all databases. */
export interface Checkpoint {
  /** Database → the state that it had. */
  readonly states: readonly KeptState[]
  /** There were kept messages, positions or schedules of channels. */
  readonly concernsChannels: boolean
  /**
   * In a branch: the checkpoint that the branch began with. A second branch that reads this one's
   * memory reads that memory, too.
   */
  readonly origin: Checkpoint | undefined
  /** The number of users. The last one to let go gives the state up. */
  holders: number
}

/** Writes a value as RESTORE takes it; the window is valid until the next one is written. */
export type WritePayload = (db: Database, entry: number) => Bytes

/** The reason why a checkpoint cannot be used now. */
export class CheckpointError extends Error {
  override name = 'CheckpointError'
}

export class Checkpoints {
  readonly #host: CheckpointsHost
  /** The checkpoints that can be gone back to, the newest last. */
  readonly #checkpoints: Checkpoint[] = []
  /** The checkpoint that this engine began with; undefined unless it is a branch. */
  #origin: Checkpoint | undefined = undefined

  constructor(host: CheckpointsHost) {
    this.#host = host
  }

  /**
   * Keeps the present state. With `isShared` a branch begins with it: the branch gives it up when
   * it ends, and this engine cannot go back to it.
   */
  begin(isShared = false): Checkpoint {
    this.#refuseHalfWay()
    const { databases } = this.#host
    const { channels } = this.#host.parts
    const states = databases.map(({ contents }) => contents.keep(isShared))
    const origin = isShared ? this.#origin : undefined
    if (origin !== undefined) origin.holders++
    const checkpoint = { states, concernsChannels: channels?.holdsData === true, origin, holders: 1 }
    if (!isShared) this.#checkpoints.push(checkpoint)
    return checkpoint
  }

  /** Tells if a checkpoint can be gone back to. */
  has(checkpoint: Checkpoint): boolean {
    return this.#checkpoints.includes(checkpoint)
  }

  /**
   * Goes back to a checkpoint, on behalf of a client, any number of times. Throws CheckpointError.
   */
  rollback(checkpoint: Checkpoint, client: Client, payload: WritePayload): void {
    const at = this.#checkpoints.indexOf(checkpoint)
    if (at === -1)
      throw new CheckpointError('this moment is over: it was released, or the data went back to an earlier one')
    const { blocking } = this.#host
    const { admission, turn } = this.#host.requests
    const { durability, propagation } = this.#host.effects
    const { channels } = this.#host.parts
    const { unitClock } = this.#host.environment
    const { stats } = this.#host.figures
    const { timedWork } = this.#host.upkeep
    const { tracking } = this.#host.clients
    const { watches } = this.#host.data
    this.#refuseHalfWay()
    if (admission.diskFailure !== undefined) throw new CheckpointError(admission.diskFailure.text)
    unitClock.renew()
    stats.changesSinceSave++
    const concernsChannels = checkpoint.concernsChannels || channels?.holdsData === true
    const breakWatches = watches.compare((database, key) => this.#identityOf(database, key))
    const tellJournal = propagation.on ? this.#compareKeys(checkpoint, payload) : undefined
    this.#restore(checkpoint, this.#checkpoints.splice(at + 1))
    assert(this.#checkpoints.at(-1) === checkpoint, 'to go back to a checkpoint ends the later ones')
    breakWatches()
    tellJournal?.()
    durability.changedEverywhere()
    if (propagation.on) durability.wrote(client)
    tracking.flushed()
    // Channels look at every key, so this is called only where there are any.
    if (concernsChannels) channels?.contentsChanged()
    blocking.contentsChanged()
    if (blocking.room.hasReady) blocking.serve()
    timedWork.arm()
    turn.endSoon()
  }

  /**
   * Begins with a checkpoint of another engine that has as many databases. The memory is shared,
   * and from now on neither engine sees the other's changes. The checkpoint must be shared, and be
   * released when this engine has ended.
   */
  beginWith(checkpoint: Checkpoint): void {
    const { states, concernsChannels } = checkpoint
    const { databases } = this.#host
    assert(this.#origin === undefined, 'an engine begins with one checkpoint')
    assert(states.length === databases.length, 'a branch has as many databases as its origin')
    this.#origin = checkpoint
    const { dataset } = this.#host.data
    const { channels } = this.#host.parts
    const { timedWork } = this.#host.upkeep
    for (const [i, state] of states.entries()) {
      const db = itemAt(databases, i)
      db.contents.abandon()
      db.take(DatabaseState.branch(state, dataset))
    }
    if (concernsChannels) channels?.contentsChanged()
    timedWork.arm()
  }

  /**
   * Gives a checkpoint up; the present state goes on. Does nothing for one that was given up
   * before.
   */
  release(checkpoint: Checkpoint): void {
    const at = this.#checkpoints.indexOf(checkpoint)
    if (at !== -1) this.#checkpoints.splice(at, 1)
    letGo(checkpoint)
    this.#host.upkeep.timedWork.arm()
  }

  #refuseHalfWay(): void {
    const { runner } = this.#host.requests
    const { saving } = this.#host.parts
    const { state } = this.#host.conditions
    if (state.loading.holds) throw new CheckpointError('data is being loaded')
    if (state.busy.holds || runner.client !== undefined) throw new CheckpointError('a command is running')
    // A running snapshot knows entries by their numbers, and takes over removed values. So it is
    // finished first.
    saving?.finishImage()
  }

  #restore({ states }: Checkpoint, later: readonly Checkpoint[]): void {
    const { databases } = this.#host
    const kept = new Set<DatabaseState>(states.map(({ contents }) => contents))
    for (const { contents } of databases) if (!kept.has(contents)) contents.abandon()
    for (const [i, state] of states.entries()) {
      state.contents.restore(state)
      itemAt(databases, i).take(state.contents)
    }
    for (const checkpoint of later) this.release(checkpoint)
  }

  // ── the differences of two states ─────────────────────────────────────────

  /**
   * Returns an identity of a key's value: its address changes whenever the value, the type or the
   * expiry does.
   */
  #identityOf(database: number, key: Bytes): unknown {
    const { contents, keys } = itemAt(this.#host.databases, database)
    const entry = keys.find(key)
    return entry === NONE ? undefined : `${contents.number} ${entry} ${keys.word(entry, KEY)}`
  }

  /**
   * Finds the keys that have changed since a checkpoint. Returns a function that passes them on to
   * the journal, to be called when the old values are back.
   */
  #compareKeys({ states }: Checkpoint, payload: WritePayload): () => void {
    const { databases } = this.#host
    const name = new Bytes()
    const changes = states.map((state, i) => {
      const { keys, contents } = itemAt(databases, i)
      const names = new NameSet()
      const were: number[] = []
      const isOther = contents !== state.contents
      if (!isOther) {
        keys.forEachChanged(state.image.keys, (entry, was, is) => {
          if (is) names.add(keys.keyOf(entry, name).toString())
          if (was) were.push(entry)
        })
      }
      return { names, were, isOther }
    })
    return () => {
      this.#host.effects.propagation.beginUnit()
      for (const [i, { names, were, isOther }] of changes.entries()) {
        const db = itemAt(databases, i)
        for (const entry of were) names.add(db.keys.keyOf(entry, name).toString())
        if (isOther) this.#tellAll(db, payload)
        else for (const text of names) this.#tellOne(db, Bytes.from(text), payload)
      }
      this.#host.effects.propagation.endUnit()
    }
  }

  /** Passes a whole database on: it held other contents. */
  #tellAll(db: Database, payload: WritePayload): void {
    this.#host.effects.propagation.happened(db.index, ['FLUSHDB'])
    for (let entry = 0; entry < db.keys.entriesEnd; entry++) {
      if (db.keys.isLive(entry)) this.#tellOne(db, db.keys.keyOf(entry, new Bytes()), payload)
    }
  }

  #tellOne(db: Database, key: Bytes, payload: WritePayload): void {
    const { propagation } = this.#host.effects
    const entry = db.keys.find(key)
    if (entry === NONE) propagation.happened(db.index, ['DEL', key])
    else {
      const words = ['RESTORE', key, db.expiryOf(entry) ?? 0, payload(db, entry), 'REPLACE', 'ABSTTL']
      propagation.happened(db.index, words)
    }
  }
}

function letGo(checkpoint: Checkpoint): void {
  if (--checkpoint.holders > 0) return
  for (const state of checkpoint.states) state.contents.release(state)
  if (checkpoint.origin !== undefined) letGo(checkpoint.origin)
}
