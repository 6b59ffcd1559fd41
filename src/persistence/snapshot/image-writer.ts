// The interface of a format that a snapshot is written in: keys one after the other, large values
// in steps.

import type { Database } from '../../store/keyspace/database.ts'
import type { RdbOutput } from '../rdb/rdb-output.ts'

export interface ImageWriter {
  /** Gathers bytes; the caller takes them away between two calls. */
  readonly output: RdbOutput
  /** Bytes written or read since the beginning. Slices are measured by it. */
  readonly work: number
  /** Writes the fields about the whole. */
  header(auxiliary: Readonly<Record<string, string | number>>): void
  /** Writes a function library's code (latin1). */
  function(code: string): void
  /** Begins a database; the numbers of keys are hints. */
  database(index: number, keys: number, volatileKeys: number): void
  /** Selects the database of the next keys. */
  select(index: number): void
  /** Makes the next `select` write its database in any case. */
  forgetDatabase(): void
  /** Begins one key; true when it is whole, false when `step` goes on with it. */
  begin(db: Database, entry: number): boolean
  /** Goes on until the output holds `untilBytes` or more; true when the key is whole. */
  step(untilBytes: number): boolean
  /** Writes the end. */
  end(): void
}
