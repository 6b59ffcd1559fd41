// Writes an RDB file that ends with a digest of the memory that it was written from: of the values
// themselves, not of their bytes in the file. A reader that digests the file value by value must
// find the same, or the file is not the data.

import { type DataDigest, KeyDigest } from '../../store/keyspace/data-digest.ts'
import type { Database } from '../../store/keyspace/database.ts'
import { TYPE_STRING } from '../../store/structures/value.ts'
import { assert } from '../../util/assert.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import type { RdbOutput } from '../rdb/rdb-output.ts'
import type { RdbWriter } from '../rdb/rdb-writer.ts'
import type { ImageWriter } from './image-writer.ts'

/** A digest that a picture makes on its way. */
export interface PictureDigest {
  readonly data: DataDigest
  /** The field of the file that holds it. */
  readonly field: string
  /** False as soon as the file is not wanted any more: then only the digest is made. */
  isWritten(): boolean
}

export class DigestWriter implements ImageWriter {
  readonly #writer: RdbWriter
  readonly #digest: PictureDigest
  readonly #keys: KeyDigest
  readonly #name = new Bytes()
  readonly #string = new Bytes()
  #database = 0
  #isDigested = true
  #isWritten = true

  constructor(writer: RdbWriter, digest: PictureDigest) {
    this.#writer = writer
    this.#digest = digest
    this.#keys = new KeyDigest(digest.data)
  }

  get output(): RdbOutput {
    return this.#writer.output
  }

  get work(): number {
    return this.#writer.work + this.#keys.work
  }

  header(auxiliary: Readonly<Record<string, string | number>>): void {
    this.#writer.header(auxiliary)
  }

  function(code: string): void {
    this.#digest.data.addLibrary(code)
    this.#writer.function(code)
  }

  database(index: number, keys: number, volatileKeys: number): void {
    this.#writer.database(index, keys, volatileKeys)
  }

  select(index: number): void {
    this.#database = index
    this.#writer.select(index)
  }

  forgetDatabase(): void {
    this.#writer.forgetDatabase()
  }

  begin(db: Database, entry: number): boolean {
    if (CHECKED) assert(this.#isDigested && this.#isWritten, 'a key is whole before the next one begins')
    const isString = db.typeOf(entry) === TYPE_STRING
    this.#isDigested = this.#keys.begin(
      this.#database,
      db.keys.keyOf(entry, this.#name),
      db.expiryOf(entry),
      isString ? db.strings.read(entry, this.#string) : db.structureOf(entry),
    )
    this.#isWritten = !this.#digest.isWritten() || this.#writer.begin(db, entry)
    return this.#isDigested && this.#isWritten
  }

  step(untilBytes: number): boolean {
    while (!this.#isDigested) {
      this.#isDigested = this.#keys.step()
      if (untilBytes < Number.POSITIVE_INFINITY) return this.#isDigested && this.#isWritten
    }
    this.#isWritten ||= this.#writer.step(untilBytes)
    return this.#isWritten
  }

  end(): void {
    assert(this.#isDigested && this.#isWritten, 'the digest of a file covers each of its keys wholly')
    this.#writer.auxiliary(this.#digest.field, String(this.#digest.data))
    this.#writer.end()
  }
}
