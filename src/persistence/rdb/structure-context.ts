// What a structure needs to come into being: where its memory lies, and the settings that decide what Redis would call it.

import type { Config } from '../../engine/config.ts'
import type { Arena } from '../../store/arena.ts'
import type { Database } from '../../store/database.ts'
import type { HashKey } from '../../util/keyed-hash.ts'

export class StructureContext {
  readonly config: Config
  arena!: Arena
  hashKey!: HashKey
  listpackSize = 0
  hashEntriesMax = 0
  hashValueMax = 0
  setEntriesMax = 0
  setValueMax = 0
  intsetEntriesMax = 0
  readonly sortedSetLimits = { entries: 0, value: 0 }

  constructor(config: Config) {
    this.config = config
  }

  /** Points at a database, and reads the settings as they are now. */
  enter(db: Database): this {
    const { config } = this
    this.arena = db.arena
    this.hashKey = db.host.hashKey
    this.listpackSize = config.get('list-max-listpack-size')
    this.hashEntriesMax = config.get('hash-max-listpack-entries')
    this.hashValueMax = config.get('hash-max-listpack-value')
    this.setEntriesMax = config.get('set-max-listpack-entries')
    this.setValueMax = config.get('set-max-listpack-value')
    this.intsetEntriesMax = config.get('set-max-intset-entries')
    this.sortedSetLimits.entries = config.get('zset-max-listpack-entries')
    this.sortedSetLimits.value = config.get('zset-max-listpack-value')
    return this
  }
}
