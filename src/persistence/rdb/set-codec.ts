// Sets: members as strings (type 2), or in one blob (intset 11, listpack 20).

import type { Database } from '../../store/keyspace/database.ts'
import { ABSENT, MemberSet } from '../../store/set/member-set.ts'
import { assert } from '../../util/assert.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { parseInteger } from '../../util/numbers/numbers.ts'
import { RdbDamage } from './damage.ts'
import { buildIntset, IntsetReader } from './intset.ts'
import { ListpackBuilder, ListpackReader } from './listpack.ts'
import { LISTPACK_BYTES_MAX, LISTPACK_ELEMENTS_MAX, TYPE } from './rdb-format.ts'
import type { RdbInput } from './rdb-input.ts'
import type { RdbOutput } from './rdb-output.ts'
import type { StructureReader, StructureWriter } from './structure-codec.ts'

/** The most integers that are written as one blob, however many `set-max-intset-entries` allows. */
const INTSET_COUNT_MAX = 4096

export class SetReader implements StructureReader {
  value: MemberSet | undefined = undefined
  #type = 0
  /** Members still to come; -1 = their number is not read yet. */
  #left = -1
  /** A set of more members than this is a table at once. */
  #integersMax = 0
  #valueMax = 0
  readonly #member = new Bytes()
  readonly #intset = new IntsetReader()
  readonly #listpack = new ListpackReader()

  begin(type: number, db: Database): void {
    this.#type = type
    this.#left = -1
    const { integers, value } = db.host.limits.set
    this.#integersMax = integers
    // A listpack stays one unless it has too many members, however long they are, as in Redis.
    this.#valueMax = type === TYPE.setListpack ? Number.POSITIVE_INFINITY : value
    this.value = new MemberSet(db.arena, db.host)
  }

  read(input: RdbInput): void {
    const set = this.value
    assert(set !== undefined, 'a set that is read was begun')
    if (this.#type === TYPE.setIntset) {
      const members = this.#intset.open(input.blob())
      while (members.count > 0) this.#add(members.next(this.#member))
    } else if (this.#type === TYPE.setListpack) {
      const members = this.#listpack.open(input.blob())
      set.become('listpack')
      while (members.count > 0) this.#add(members.next(this.#member))
    } else {
      if (this.#left === -1) {
        this.#left = input.count(1)
        if (this.#left > this.#integersMax) set.become('hashtable')
        input.keep()
      }
      for (; this.#left > 0; this.#left--) {
        this.#add(input.string(this.#member))
        input.keep()
      }
    }
  }

  #add(member: Bytes): void {
    if (!this.value!.add(member, this.#valueMax)) throw new RdbDamage('a set has the same member twice')
  }
}

export class SetWriter implements StructureWriter {
  #set!: MemberSet
  #slot = ABSENT
  #type = 0
  /** Members still to be written. */
  #left = 0
  #begun = false
  readonly #member = new Bytes()
  readonly #listpack = new ListpackBuilder()

  typeOf(set: MemberSet): number {
    if (set.encoding === 'intset') return set.length <= INTSET_COUNT_MAX ? TYPE.setIntset : TYPE.set
    const isSmall = set.length <= LISTPACK_ELEMENTS_MAX && set.bytes <= LISTPACK_BYTES_MAX
    return set.encoding === 'listpack' && isSmall ? TYPE.setListpack : TYPE.set
  }

  begin(set: MemberSet): void {
    this.#set = set
    this.#type = this.typeOf(set)
    this.#begun = false
  }

  write(output: RdbOutput, untilBytes: number): boolean {
    const set = this.#set
    if (this.#type === TYPE.setIntset) {
      this.#writeIntset(output)
      return true
    }
    if (this.#type === TYPE.setListpack) {
      this.#writeListpack(output)
      return true
    }
    if (!this.#begun) {
      this.#begun = true
      output.lengthOf(set.length)
      this.#left = set.length
      this.#slot = set.first()
    }
    for (; this.#slot !== ABSENT; this.#slot = set.next(this.#slot)) {
      if (output.length >= untilBytes || output.hasRest) return false
      output.string(set.memberOf(this.#slot, this.#member))
      this.#left--
    }
    assert(this.#left === 0, 'a set is written with as many members as its length says')
    return true
  }

  #writeListpack(output: RdbOutput): void {
    const set = this.#set
    const listpack = this.#listpack.begin()
    for (let slot = set.first(); slot !== ABSENT; slot = set.next(slot)) listpack.add(set.memberOf(slot, this.#member))
    assert(listpack.count === set.length, 'a set is written with as many members as its length says')
    output.string(listpack.end())
  }

  #writeIntset(output: RdbOutput): void {
    const set = this.#set
    const members: (number | bigint)[] = []
    for (let slot = set.first(); slot !== ABSENT; slot = set.next(slot)) {
      const member = parseInteger(set.memberOf(slot, this.#member))
      assert(member !== undefined, 'the members of an intset are integers')
      members.push(member)
    }
    assert(members.length === set.length, 'a set is written with as many members as its length says')
    output.string(buildIntset(members))
  }
}
