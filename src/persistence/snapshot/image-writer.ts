// What a snapshot needs from the format it is written in: keys one after the other, large values in steps.

import type { Database } from '../../store/keyspace/database.ts'
import type { RdbOutput } from '../rdb/rdb-output.ts'

export interface ImageWriter {
  /** Gathers; whoever drives takes it away between two calls. */
  readonly output: RdbOutput
  /** Bytes written or read since the beginning. Slices are measured by it. */
  readonly work: number
  /** Writes what is said about the whole. */
  header(auxiliary: Readonly<Record<string, string | number>>): void
  /** Writes a function library's code (latin1). */
  function(code: string): void
  /** Begins a database; the numbers of keys are hints. */
  database(index: number, keys: number, volatileKeys: number): void
  /** Says which database the next keys are in. */
  select(index: number): void
  /** Has the next `select` say its database in any case. */
  forgetDatabase(): void
  /** Begins one key; true when it is whole, false when `step` goes on with it. */
  begin(db: Database, entry: number): boolean
  /** Goes on until the output holds `untilBytes` or more; true when the key is whole. */
  step(untilBytes: number): boolean
  /** Writes the end. */
  end(): void
}
