// Numbers of databases among the arguments of COPY and MOVE.

import { ERR } from '../../protocol/errors.ts'
import type { Database } from '../../store/keyspace/database.ts'
import type { Call } from '../call.ts'

/** Redis reads the number as a C int before it checks whether that database exists. */
export const INT32_MIN = -2147483648
export const INT32_MAX = 2147483647

/** Returns a database by its number. Throws ERR.dbIndexOutOfRange. */
export function databaseAt(call: Call, index: number): Database {
  const database = call.engine.data.dataset.databases[index]
  if (database === undefined) throw ERR.dbIndexOutOfRange
  return database
}
