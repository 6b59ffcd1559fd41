// The data: the numbered databases, and the events that they report.
//
// A database calls handlers (store/keyspace/database-host.ts). A part that wants to be told adds a
// handler here, and removes it when it needs no more. A key that goes without a command that
// removed it (expired or evicted) is propagated from here.

import type { Config } from '../../config/config.ts'
import { ERR } from '../../protocol/errors.ts'
import { Database, type DatabaseHost } from '../../store/keyspace/database.ts'
import type { Expiry } from '../../store/keyspace/database-host.ts'
import { DatabaseReports } from '../../store/keyspace/database-reports.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import type { EncodingLimits } from '../../store/structures/encoding-limits.ts'
import { itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { happened } from '../../util/restless.ts'
import type { HashKey } from '../../util/tables/keyed-hash.ts'
import type { Word } from '../effects/effects.ts'
import type { Stats } from '../figures/stats.ts'
import type { UnitClock } from '../upkeep/unit-clock.ts'
import type { Changes } from './changes.ts'
import { DatasetEvents } from './dataset-events.ts'
import { DatasetUse } from './dataset-use.ts'
import { followEncodingLimits } from './encoding-settings.ts'
import type { KeyspaceEvents } from './keyspace-events.ts'

export interface DatasetHost {
  readonly config: Config
  readonly environment: {
    readonly unitClock: UnitClock
  }
  readonly figures: {
    readonly stats: Stats
  }
  readonly upkeep: {
    readonly memory: { notePeak(): void }
  }
  readonly data: {
    readonly changes: Changes
    readonly events: KeyspaceEvents
  }
  readonly requests: {
    readonly runner: {
      readonly call: { readonly command: { readonly isReadonly: boolean; readonly isWrite: boolean } } | undefined
    }
  }
  readonly effects: {
    readonly propagation: { happened(database: number, words: readonly Word[]): void }
  }
}

export class Dataset implements DatabaseHost {
  readonly databases: Database[] = []
  readonly hashKey: HashKey
  readonly limits: EncodingLimits
  readonly indexesSlots: boolean
  expiry: Expiry = 'remove'
  freesInSteps = false
  readonly use: DatasetUse
  changesBegun = 0
  readonly reports = new DatabaseReports<Database>()
  /** Handlers are added here. */
  readonly on = new DatasetEvents(this.reports)
  readonly grown = (): void => this.#host.upkeep.memory.notePeak()
  readonly #host: DatasetHost
  readonly #unitClock: UnitClock

  constructor(host: DatasetHost, hashKey: HashKey) {
    this.#host = host
    this.#unitClock = host.environment.unitClock
    this.use = new DatasetUse(host.environment.unitClock)
    this.hashKey = hashKey
    this.limits = followEncodingLimits(host.config)
    this.indexesSlots = host.config.get('cluster-enabled')
    for (let i = 0, databases = host.config.get('databases'); i < databases; i++)
      this.databases.push(new Database(i, this))
  }

  now(): number {
    return this.#unitClock.now()
  }

  get removesExpired(): boolean {
    const { expiry } = this
    if (expiry === 'remove') return true
    if (expiry !== 'own' && expiry !== 'wait') return false
    const command = this.#host.requests.runner.call?.command
    return expiry === 'own' ? command?.isReadonly !== true : command?.isWrite === true
  }

  /** Bytes of keys and values, with removed values that are not freed yet. */
  get usedBytes(): number {
    let bytes = 0
    const { databases } = this
    for (let i = 0; i < databases.length; i++) {
      const db = itemAt(databases, i)
      if (db.size !== 0 || db.lazyFree.pending !== 0) bytes += db.usedBytes
    }
    return bytes
  }

  expired(db: Database, key: Bytes): void {
    this.#host.figures.stats.expiredKeys++
    if (CHECKED) happened('key expired')
    this.removed(db, key, 'expired')
  }

  /** Reports a key that is gone without a command that removed it. */
  removed(db: Database, key: Bytes, event: 'expired' | 'evicted' | 'del'): void {
    const { changes } = this.#host.data
    const { propagation } = this.#host.effects
    if (CHECKED) assert(db.keys.find(key) === NONE, 'invariant 6: a key has gone when its removal is reported')
    // The event comes first: if a channel keeps it, it is journaled before the removal, and lost
    // with it or not at all.
    if (changes.told !== null) changes.told(db, key, event)
    propagation.happened(db.index, [this.removalWord(event), key])
  }

  /**
   * Returns the command that stands for a removal: UNLINK where the settings say that such values
   * are freed in the background.
   */
  removalWord(event: 'expired' | 'evicted' | 'del'): 'DEL' | 'UNLINK' {
    const { config } = this.#host
    let isLazy: boolean
    if (event === 'expired') isLazy = config.get('lazyfree-lazy-expire')
    else if (event === 'evicted') isLazy = config.get('lazyfree-lazy-eviction')
    else isLazy = config.get('lazyfree-lazy-server-del')
    return isLazy ? 'UNLINK' : 'DEL'
  }

  fieldsExpired(db: Database, key: Bytes, fields: readonly Bytes[], keyGone: boolean): void {
    if (CHECKED) {
      happened('field expired')
      assert(keyGone === (db.keys.find(key) === NONE), 'invariant 6: a hash without fields has gone')
    }
    const { changes, events } = this.#host.data
    const { propagation } = this.#host.effects
    if (changes.told !== null) changes.told(db, key, 'hexpired')
    if (keyGone) events.publish(db, key, 'del')
    propagation.happened(db.index, keyGone ? [this.removalWord('expired'), key] : ['HDEL', key, ...fields])
  }

  wrongType(): never {
    throw ERR.wrongType
  }
}
