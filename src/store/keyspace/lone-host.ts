// The host of a database that stands alone, without an engine. It has no clock and no handlers, and
// keys do not expire.

import type { HashKey } from '../../util/tables/keyed-hash.ts'
import { EncodingLimits } from '../structures/encoding-limits.ts'
import type { Database, DatabaseHost } from './database.ts'
import { DatabaseReports } from './database-reports.ts'

export class LoneHost implements DatabaseHost {
  readonly hashKey: HashKey
  readonly limits = new EncodingLimits()
  expiry = 'keep' as const
  readonly removesExpired = false
  readonly use = { accessSeconds: 0, frequency: null, touches: false, hits: 0, misses: 0 }
  changesBegun = 0
  readonly reports = new DatabaseReports<Database>()
  readonly grown = null

  constructor(hashKey: HashKey) {
    this.hashKey = hashKey
  }

  now(): number {
    return 0
  }

  expired(): void {}

  fieldsExpired(): void {}

  wrongType(): never {
    throw new Error('a database that stands alone runs no command')
  }
}
