// The keys that one client watches (WATCH), or the one that is frozen (frozen-keys.ts).

import { NameSet } from '../../util/tables/name-map.ts'

export class WatchedKeys {
  /** Names of keys (key-name.ts). */
  readonly names = new NameSet()
  /** One of the keys has changed. */
  broken = false
}
