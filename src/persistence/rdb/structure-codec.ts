// The interface of each structure's codec: reading and writing that can pause.

import type { Database } from '../../store/keyspace/database.ts'
import type { Value } from '../../store/structures/value.ts'
import type { RdbInput } from './rdb-input.ts'
import type { RdbOutput } from './rdb-output.ts'

export interface StructureReader {
  /** The value read so far; undefined before `begin`. */
  value: Value | undefined
  /** Begins a value of one of this reader's types, in a database's memory. */
  begin(type: number, db: Database): void
  /**
   * Reads to the value's end. Throws STARVED when the input runs dry; then call it again, with the
   * input at its mark. Throws RdbDamage; then the caller of `begin` frees the value.
   */
  read(input: RdbInput): void
}

export interface StructureWriter {
  /** Returns the type under which a value would be written now. */
  typeOf(value: Value): number
  /** Begins a value, which must not change until it is written. */
  begin(value: Value): void
  /** Writes on until the output holds `untilBytes` or more; true when the value is whole. */
  write(output: RdbOutput, untilBytes: number): boolean
}
