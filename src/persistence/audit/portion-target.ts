// Loads a portion of an RDB file's keys; the others are read and dropped.

import type { Database } from '../../store/keyspace/database.ts'
import type { Value } from '../../store/structures/value.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import type { KeyAttributes, RdbTarget } from '../rdb/rdb-parser.ts'
import type { Portion } from './portion.ts'

export class PortionTarget implements RdbTarget {
  readonly #target: RdbTarget
  readonly #portion: Portion
  #db!: Database

  constructor(target: RdbTarget, portion: Portion) {
    this.#target = target
    this.#portion = portion
  }

  auxiliary(name: string, value: string): void {
    this.#target.auxiliary(name, value)
  }

  selectDatabase(index: number): Database {
    this.#db = this.#target.selectDatabase(index)
    return this.#db
  }

  /** Takes no hint: how many keys will be dropped is unknown. */
  expect(): void {}

  string(key: Bytes, value: Bytes, owned: boolean, attributes: KeyAttributes): void {
    if (this.#isWanted(key)) this.#target.string(key, value, owned, attributes)
  }

  structure(key: Bytes, value: Value, attributes: KeyAttributes): void {
    if (this.#isWanted(key)) this.#target.structure(key, value, attributes)
    else value.free()
  }

  empty(key: Bytes): void {
    this.#target.empty(key)
  }

  function(code: string): void {
    this.#target.function(code)
  }

  finish(): boolean {
    return this.#target.finish()
  }

  #isWanted(key: Bytes): boolean {
    return this.#portion.replays(this.#db.keys.hash(key))
  }
}
