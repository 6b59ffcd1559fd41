// The database that holds what kept channels store, and the report of each change to one of its
// keys. channels.ts gives it to the parts that store something.

import type { EventName } from '../../config/event-flags.ts'
import type { Word } from '../../engine/effects/effects.ts'
import type { Database } from '../../store/keyspace/database.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'

export interface StoredKeys {
  readonly db: Database
  /** Announces a change of a key, and propagates the given command. */
  changedKey(key: Bytes, event: EventName, words: readonly Word[]): void
}
