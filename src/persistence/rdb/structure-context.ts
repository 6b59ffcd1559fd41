// What a structure needs to come into being: where its memory lies, and the settings that decide what Redis would call it.

import type { Config } from '../../engine/config.ts'
import type { Arena } from '../../store/arena.ts'
import type { Database } from '../../store/database.ts'

export class StructureContext {
  readonly config: Config
  arena!: Arena
  /** The seed of the hashes inside structures. */
  seed = 0
  listpackSize = 0

  constructor(config: Config) {
    this.config = config
  }

  /** Points at a database, and reads the settings as they are now. */
  enter(db: Database): this {
    this.arena = db.arena
    this.seed = db.host.seed
    this.listpackSize = this.config.get('list-max-listpack-size')
    return this
  }
}
