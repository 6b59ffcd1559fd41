// Sorted sets: members with scores as text (type 3) or doubles (5), or in one blob (ziplist 12,
// listpack 17).
//
// Written as 5 and 17. In type 5 the highest score comes first, as Redis writes it: a skiplist
// inserts each member at its head.

import type { Database } from '../../store/keyspace/database.ts'
import { SortedSet, SortedSetPosition } from '../../store/sorted-set/sorted-set.ts'
import { assert } from '../../util/assert.ts'
import { Bytes, Source } from '../../util/bytes/bytes.ts'
import { formatDouble } from '../../util/numbers/numbers.ts'
import { RdbDamage } from './damage.ts'
import { ListpackBuilder, ListpackReader } from './listpack.ts'
import type { PackedReader } from './packed-reader.ts'
import { LISTPACK_BYTES_MAX, LISTPACK_ELEMENTS_MAX, TYPE } from './rdb-format.ts'
import type { RdbInput } from './rdb-input.ts'
import type { RdbOutput } from './rdb-output.ts'
import type { StructureReader, StructureWriter } from './structure-codec.ts'
import { ZiplistReader } from './ziplist.ts'

/** Up to here a whole score is an integer in a listpack. */
const WHOLE_SCORE_MAX = 2 ** 62

export class SortedSetReader implements StructureReader {
  value: SortedSet | undefined = undefined
  #type = 0
  /** Members still to come; -1 = their number is not read yet. */
  #left = -1
  readonly #member = new Bytes()
  readonly #listpack = new ListpackReader()
  readonly #ziplist = new ZiplistReader()

  begin(type: number, db: Database): void {
    this.#type = type
    this.#left = -1
    this.value = new SortedSet(db.arena, db.host)
    // The encoding is chosen at the end: until then a score of -0 stays one.
    this.value.becomeSkiplist()
  }

  read(input: RdbInput): void {
    switch (this.#type) {
      case TYPE.zsetZiplist:
      case TYPE.zsetListpack: {
        const reader = this.#type === TYPE.zsetZiplist ? this.#ziplist : this.#listpack
        this.#addAll(reader.open(input.blob()))
        // A blob keeps its encoding unless it has too many members, however long they are, as in
        // Redis.
        this.value!.chooseEncoding(Number.POSITIVE_INFINITY)
        return
      }
      default:
        this.#readMembers(input)
        this.value!.chooseEncoding()
    }
  }

  #readMembers(input: RdbInput): void {
    const isText = this.#type === TYPE.zsetText
    if (this.#left === -1) {
      this.#left = input.count(isText ? 2 : 9)
      input.keep()
    }
    for (; this.#left > 0; this.#left--) {
      const member = input.string(this.#member)
      this.#add(member, isText ? input.textDouble() : input.double())
      input.keep()
    }
  }

  #addAll(elements: PackedReader): void {
    while (elements.count > 0) {
      const member = elements.next(this.#member)
      this.#add(member, elements.nextDouble())
    }
  }

  #add(member: Bytes, score: number): void {
    if (Number.isNaN(score)) throw new RdbDamage('a score is no number')
    if (!this.value!.add(member, score)) throw new RdbDamage('a sorted set has the same member twice')
  }
}

export class SortedSetWriter implements StructureWriter {
  #set!: SortedSet
  #type = 0
  #left = 0
  #begun = false
  readonly #position = new SortedSetPosition()
  readonly #member = new Bytes()
  readonly #score = new Bytes(Source.allocate(32))
  readonly #listpack = new ListpackBuilder()

  typeOf(set: SortedSet): number {
    if (set.encoding === 'skiplist' || set.length > LISTPACK_ELEMENTS_MAX || set.bytes > LISTPACK_BYTES_MAX)
      return TYPE.zset
    return TYPE.zsetListpack
  }

  begin(set: SortedSet): void {
    this.#set = set
    this.#type = this.typeOf(set)
    this.#left = set.length
    this.#begun = false
  }

  write(output: RdbOutput, untilBytes: number): boolean {
    const set = this.#set
    if (this.#type === TYPE.zsetListpack) {
      this.#writeListpack(output)
      return true
    }
    const position = this.#position
    if (!this.#begun) {
      this.#begun = true
      output.lengthOf(set.length)
      set.seek(set.length - 1, position)
    }
    while (this.#left > 0) {
      if (output.length >= untilBytes || output.hasRest) return false
      output.string(set.memberAt(position, this.#member))
      output.double(position.score)
      if (--this.#left > 0) set.previous(position)
    }
    return true
  }

  #writeListpack(output: RdbOutput): void {
    const set = this.#set
    const position = this.#position
    const listpack = this.#listpack.begin()
    if (set.length > 0) {
      set.seek(0, position)
      do {
        listpack.add(set.memberAt(position, this.#member))
        const { score } = position
        if (Number.isInteger(score) && Math.abs(score) <= WHOLE_SCORE_MAX) {
          listpack.addInteger(Number.isSafeInteger(score) ? score : BigInt(score))
        } else {
          this.#score.length = this.#score.source.u8.write(formatDouble(score), 0, 'latin1')
          listpack.add(this.#score)
        }
      } while (set.next(position))
    }
    assert(listpack.count === 2 * set.length, 'a sorted set is written with as many members as its length says')
    output.string(listpack.end())
  }
}
