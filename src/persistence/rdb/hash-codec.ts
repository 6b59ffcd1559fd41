// Hashes: fields and values as strings (type 4), in one blob (zipmap 9, ziplist 13, listpack 16),
// or with expiries (22 – 25).
//
// Types 24 and 25 are Redis 7.4's. Only they can hold a hash whose fields expire, and no older
// server reads them. All other hashes are written as 4 and 16.
//
//   24  [earliest expiry, ms]([0, or expiry - earliest + 1][field][value])…
//   25  [earliest expiry, ms][listpack of field, value, expiry or 0 …]
//   22, 23  the same before the release: no earliest expiry, and all expiries are absolute

import { ABSENT, Hash, NEVER } from '../../store/hash/hash.ts'
import type { Database } from '../../store/keyspace/database.ts'
import { assert } from '../../util/assert.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { RdbDamage } from './damage.ts'
import { ListpackBuilder, ListpackReader } from './listpack.ts'
import type { PackedReader } from './packed-reader.ts'
import { LISTPACK_BYTES_MAX, LISTPACK_ELEMENTS_MAX, TYPE } from './rdb-format.ts'
import type { RdbInput } from './rdb-input.ts'
import type { RdbOutput } from './rdb-output.ts'
import type { StructureReader, StructureWriter } from './structure-codec.ts'
import { ZiplistReader } from './ziplist.ts'
import { ZipmapReader } from './zipmap.ts'

/** Later expiries are no points in time: 48 bits, as in Redis. */
const EXPIRY_MS_MAX = 2 ** 48

export class HashReader implements StructureReader {
  value: Hash | undefined = undefined
  #type = 0
  /** Fields still to come; -1 = their number is not read yet. */
  #left = -1
  #earliest = 0
  #valueMax = 0
  readonly #field = new Bytes()
  readonly #value = new Bytes()
  readonly #listpack = new ListpackReader()
  readonly #ziplist = new ZiplistReader()
  readonly #zipmap = new ZipmapReader()

  begin(type: number, db: Database): void {
    this.#type = type
    this.#left = -1
    // Redis keeps a listpack as it comes unless it has too many fields, however long they are.
    this.#valueMax =
      type === TYPE.hashListpack || type === TYPE.hashExpiringListpack
        ? Number.POSITIVE_INFINITY
        : db.host.limits.hash.value
    this.value = new Hash(db.arena, db.host)
  }

  read(input: RdbInput): void {
    switch (this.#type) {
      case TYPE.hashZipmap:
        this.#addZipmap(input.blob())
        return
      case TYPE.hashZiplist:
        this.#addPairs(this.#ziplist.open(input.blob()))
        return
      case TYPE.hashListpack:
        this.#addPairs(this.#listpack.open(input.blob()))
        return
      case TYPE.hashExpiringListpack:
      case TYPE.hashExpiringListpackPreRelease:
        if (this.#type === TYPE.hashExpiringListpack) input.int64()
        this.#addTriples(this.#listpack.open(input.blob()))
        return
      case TYPE.hash:
        this.#readFields(input)
        return
      default:
        this.#readExpiringFields(input)
    }
  }

  #readFields(input: RdbInput): void {
    if (this.#left === -1) {
      this.#left = input.count(2)
      this.value!.expect(this.#left)
      input.keep()
    }
    for (; this.#left > 0; this.#left--) {
      const field = input.string(this.#field)
      this.#add(field, input.string(this.#value), NEVER)
      input.keep()
    }
  }

  #readExpiringFields(input: RdbInput): void {
    if (this.#left === -1) {
      this.#earliest = this.#type === TYPE.hashExpiring ? input.int64() - 1 : 0
      this.#left = input.count(3)
      this.value!.expect(this.#left)
      input.keep()
    }
    for (; this.#left > 0; this.#left--) {
      const expiry = input.length()
      const field = input.string(this.#field)
      this.#add(field, input.string(this.#value), expiry === 0 ? NEVER : expiry + this.#earliest)
      input.keep()
    }
  }

  #addZipmap(blob: Bytes): void {
    const zipmap = this.#zipmap.open(blob)
    while (zipmap.count > 0) {
      zipmap.next(this.#field, this.#value)
      this.#add(this.#field, this.#value, NEVER)
    }
  }

  #addPairs(elements: PackedReader): void {
    while (elements.count > 0) {
      const field = elements.next(this.#field)
      this.#add(field, elements.next(this.#value), NEVER)
    }
  }

  #addTriples(elements: PackedReader): void {
    while (elements.count > 0) {
      const field = elements.next(this.#field)
      const value = elements.next(this.#value)
      const expiry = Number(elements.nextInteger())
      this.#add(field, value, expiry === 0 ? NEVER : expiry)
    }
  }

  #add(field: Bytes, value: Bytes, expiry: number): void {
    const hash = this.value!
    if (!hash.set(field, value, false, this.#valueMax)) {
      throw new RdbDamage('a hash has the same field twice')
    }
    if (expiry === NEVER) return
    if (expiry < 0 || expiry > EXPIRY_MS_MAX) throw new RdbDamage('a field of a hash expires at no point in time')
    hash.setExpiry(hash.find(field), expiry)
  }
}

export class HashWriter implements StructureWriter {
  #hash!: Hash
  #type = 0
  #slot = ABSENT
  /** Fields still to be written. */
  #left = 0
  #begun = false
  #earliest = 0
  readonly #field = new Bytes()
  readonly #value = new Bytes()
  readonly #listpack = new ListpackBuilder()

  typeOf(hash: Hash): number {
    if (hash.earliestExpiry !== NEVER) return TYPE.hashExpiring
    if (hash.encoding === 'hashtable' || hash.length > LISTPACK_ELEMENTS_MAX || hash.bytes > LISTPACK_BYTES_MAX) {
      return TYPE.hash
    }
    return TYPE.hashListpack
  }

  begin(hash: Hash): void {
    this.#hash = hash
    this.#type = this.typeOf(hash)
    this.#begun = false
  }

  write(output: RdbOutput, untilBytes: number): boolean {
    const hash = this.#hash
    if (this.#type === TYPE.hashListpack) {
      this.#writeListpack(output)
      return true
    }
    if (!this.#begun) {
      this.#begun = true
      if (this.#type === TYPE.hashExpiring) {
        this.#earliest = hash.earliestExpiry
        output.int64(this.#earliest)
      }
      output.lengthOf(hash.length)
      this.#left = hash.length
      this.#slot = hash.first()
    }
    for (; this.#slot !== ABSENT; this.#slot = hash.next(this.#slot)) {
      if (output.length >= untilBytes || output.hasRest) return false
      if (this.#type === TYPE.hashExpiring) {
        const expiry = hash.expiryOf(this.#slot)
        output.lengthOf(expiry === NEVER ? 0 : expiry - this.#earliest + 1)
      }
      output.string(hash.fieldOf(this.#slot, this.#field))
      output.string(hash.valueOf(this.#slot, this.#value))
      this.#left--
    }
    assert(this.#left === 0, 'a hash is written with as many fields as its length says')
    return true
  }

  #writeListpack(output: RdbOutput): void {
    const hash = this.#hash
    const listpack = this.#listpack.begin()
    for (let slot = hash.first(); slot !== ABSENT; slot = hash.next(slot)) {
      listpack.add(hash.fieldOf(slot, this.#field)).add(hash.valueOf(slot, this.#value))
    }
    assert(listpack.count === 2 * hash.length, 'a hash is written with as many fields as its length says')
    output.string(listpack.end())
  }
}
