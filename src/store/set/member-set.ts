// A set: distinct members, in an order that follows from its form only.
//
// It has one of three forms:
//
//   integers   ascending in one block (intset.ts), while Redis would call it an intset
//   packed     one packed sequence (packed.ts), in the order they came
//   large      a Dictionary of members
//
// OBJECT ENCODING follows Redis's limits and the set's past, and never goes back. The form follows
// search cost instead: a long listpack is a dictionary here, and a table of few members is packed.
//
// A slot identifies a member until the set changes. It is an index among the integers, an offset in
// the packed form, and an entry number in the large one.

import { itemAt, numberAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { Bytes, Source } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import type { Random } from '../../util/numbers/random.ts'
import type { Arena } from '../memory/arena.ts'
import { ABSENT, Dictionary } from '../structures/dictionary.ts'
import { ElementCursor } from '../structures/element-cursor.ts'
import type { ElementSink } from '../structures/element-sink.ts'
import type { StructureSettings } from '../structures/encoding-limits.ts'
import {
  PACKED_COUNT_MAX,
  PACKED_FIRST,
  packedAppend,
  packedCheck,
  packedCount,
  packedElement,
  packedEnd,
  packedFind,
  packedFits,
  packedFree,
  packedNext,
  packedOffset,
  packedRemove,
} from '../structures/packed.ts'
import { TYPE_SET, type Value } from '../structures/value.ts'
import {
  INTEGERS_MAX,
  Int64,
  integersCheck,
  integersCount,
  integersFind,
  integersGet,
  integersInsert,
  integersRemove,
  integersText,
  integersTextIn,
  TEXT_BYTES,
} from './intset.ts'

export { ABSENT }

export type SetEncoding = 'intset' | 'listpack' | 'hashtable'

/** Bytes of a MemberSet and of its reference on the JS heap. */
const OBJECT_BYTES = 72
/** Bytes of a Dictionary and its empty arrays. */
const LARGE_OBJECT_BYTES = 200
/**
 * A set that Redis calls a table is packed up to this many members, because a dictionary of so few
 * would be mostly empty.
 */
const PACKED_TABLE_MAX = 32

const INTSET = 0
const LISTPACK = 1
const HASHTABLE = 2
const ENCODINGS: readonly SetEncoding[] = ['intset', 'listpack', 'hashtable']

export class MemberSet implements Value {
  static readonly type = TYPE_SET
  readonly #arena: Arena
  readonly #host: StructureSettings
  /** The block of the small forms; 0 when empty or large. */
  #ref = 0
  #large: Dictionary | undefined = undefined
  /**
   * INTSET, LISTPACK or HASHTABLE. A set that is not large has integers when this is INTSET, and is
   * packed otherwise.
   */
  #encoding = INTSET

  /** An empty set begins as an intset. */
  constructor(arena: Arena, host: StructureSettings) {
    this.#arena = arena
    this.#host = host
    arena.account(OBJECT_BYTES)
  }

  get type(): number {
    return TYPE_SET
  }

  get length(): number {
    const large = this.#large
    if (large !== undefined) return large.count
    return this.#encoding === INTSET ? integersCount(this.#integers, this.#ref) : packedCount(this.#packed, this.#ref)
  }

  // ── looking ──────────────────────────────────────────────────────────────

  /** Returns the slot of a member, or ABSENT. */
  find(member: Bytes): number {
    const large = this.#large
    if (large !== undefined) return large.find(member)
    if (this.#encoding !== INTSET) return packedFind(this.#packed, this.#ref, member, 1)
    if (!integer.read(member)) return ABSENT
    const index = integersFind(this.#integers, this.#ref, integer)
    return index < 0 ? ABSENT : index
  }

  has(member: Bytes): boolean {
    return this.find(member) !== ABSENT
  }

  /**
   * Tells whether the member in a slot of another set is in this one. Makes no text of integers and
   * no new hash.
   */
  hasMemberOf(other: MemberSet, slot: number): boolean {
    const large = this.#large
    if (large !== undefined && other.#large !== undefined) return large.findMemberOf(other.#large, slot) !== ABSENT
    if (large === undefined && this.#encoding === INTSET && other.#large === undefined && other.#encoding === INTSET) {
      return integersFind(this.#integers, this.#ref, integersGet(other.#integers, other.#ref, slot, integer)) >= 0
    }
    return this.find(other.memberOf(slot, scratch)) !== ABSENT
  }

  /**
   * Filters `slots`, the first `count` of which are slots of another set. Keeps those whose members
   * are in this set, and returns their number.
   */
  keepMembersOf(other: MemberSet, slots: Int32Array, count: number): number {
    const large = this.#large
    if (large !== undefined && other.#large !== undefined) return large.keepMembersOf(other.#large, slots, count)
    let kept = 0
    for (let i = 0; i < count; i++) if (this.hasMemberOf(other, numberAt(slots, i))) slots[kept++] = numberAt(slots, i)
    return kept
  }

  /**
   * Points `window` at the member in a slot.
   *
   * It is valid until the set changes. The text of an integer is valid only until some more are
   * made (see integersText).
   */
  memberOf(slot: number, window: Bytes): Bytes {
    const large = this.#large
    if (large !== undefined) {
      large.memberOf(slot, window)
      window.hash = large.hashOf(slot)
      return window
    }
    return this.#encoding === INTSET
      ? integersText(this.#integers, this.#ref, slot, window)
      : packedElement(this.#packed, this.#ref, slot, window)
  }

  /** Returns the first slot; ABSENT when there is none. */
  first(): number {
    if (this.length === 0) return ABSENT
    return this.#isPacked ? PACKED_FIRST : 0
  }

  /** Returns the slot after one; ABSENT after the last. */
  next(slot: number): number {
    if (this.#isPacked) {
      const next = packedNext(this.#packed, this.#ref, slot)
      return next < packedEnd(this.#packed, this.#ref) ? next : ABSENT
    }
    return slot + 1 < this.length ? slot + 1 : ABSENT
  }

  /**
   * Puts the slots from `first` on into `slots`, as many as there is room for; returns their
   * number.
   */
  slotsFrom(first: number, slots: Int32Array): number {
    let count = 0
    if (this.#isPacked) {
      for (let slot = first; slot !== ABSENT && count < slots.length; slot = this.next(slot)) slots[count++] = slot
      return count
    }
    const end = Math.min(this.length - first, slots.length)
    for (; count < end; count++) slots[count] = first + count
    return count
  }

  /**
   * Returns the slot of member number `index`, 0 ≤ index < length. O(1) except in the packed form.
   */
  slotAt(index: number): number {
    return this.#isPacked ? packedOffset(this.#packed, this.#ref, index) : index
  }

  /**
   * True when `slotAt` walks from the beginning, so ascending indices should be walked with `next`
   * instead.
   */
  get isWalked(): boolean {
    return this.#isPacked
  }

  /** Returns the slot of a member, each as likely as the others. The set must not be empty. */
  randomSlot(random: Random): number {
    if (CHECKED) assert(this.length > 0, 'a member is drawn from a set that has one')
    return this.slotAt(random.below(this.length))
  }

  /**
   * Adds the slots of some members to `slots` and returns the cursor to continue with; 0 begins,
   * and 0 returned is the end.
   *
   * A set that Redis holds in a small form is returned all at once. Otherwise the cursor is the
   * number of members still to come. Every member that exists from the first call to the last is
   * found: members are walked downwards, and a removal fills the gap with later ones (packed) or
   * with the last one (large), all visited already. Becoming large changes no member's number.
   */
  scan(cursor: number, count: number, slots: number[]): number {
    if (this.#encoding !== HASHTABLE) {
      for (let slot = this.first(); slot !== ABSENT; slot = this.next(slot)) slots.push(slot)
      return 0
    }
    const { length } = this
    const end = cursor === 0 ? length : Math.min(cursor, length)
    const begin = Math.max(0, end - count)
    if (this.#large === undefined) {
      let slot = this.slotAt(begin)
      for (let i = begin; i < end; i++, slot = this.next(slot)) slots.push(slot)
    } else {
      for (let entry = end - 1; entry >= begin; entry--) slots.push(entry)
    }
    return begin
  }

  get #isPacked(): boolean {
    return this.#large === undefined && this.#encoding !== INTSET
  }

  // ── changing ─────────────────────────────────────────────────────────────

  /**
   * Adds a copy of a member, which must not lie in this set; tells whether it is new. With
   * `valueMax`, a listpack that is loaded stays one however long its members are. Throws ArenaFull,
   * having changed at most the encoding.
   */
  add(member: Bytes, valueMax = this.#host.limits.set.value): boolean {
    const large = this.#large
    if (large !== undefined) {
      if (large.find(member) !== ABSENT) return false
      if (this.#encoding !== HASHTABLE) this.#encoding = this.#encodingWith(member, valueMax)
      large.insert(member)
      return true
    }
    if (this.#encoding === INTSET && integer.read(member)) return this.#addInteger(member)
    if (this.#encoding !== INTSET && packedFind(this.#packed, this.#ref, member, 1) !== -1) return false
    if (this.#encoding !== HASHTABLE) {
      const encoding = this.#encodingWith(member, valueMax)
      if (encoding !== this.#encoding) this.#become(encoding)
    }
    if (this.#large === undefined && !this.#fitsPacked(member)) this.#makeLarge()
    if (this.#large === undefined) this.#ref = packedAppend(this.#packed, this.#ref, member)
    else this.#large.insert(member)
    return true
  }

  #addInteger(member: Bytes): boolean {
    const { integers } = this.#host.limits.set
    const index = integersFind(this.#integers, this.#ref, integer)
    if (index >= 0) return false
    const count = integersCount(this.#integers, this.#ref)
    if (count < integers && count < INTEGERS_MAX) {
      this.#ref = integersInsert(this.#integers, this.#ref, -1 - index, integer)
      return true
    }
    if (count < integers) this.#makeLarge()
    else this.#become(HASHTABLE)
    if (this.#large !== undefined) this.#large.insert(member)
    else this.#ref = packedAppend(this.#packed, this.#ref, member)
    return true
  }

  /** Returns the encoding that Redis gives the set when it adds a missing member. */
  #encodingWith(member: Bytes, valueMax: number): number {
    const limits = this.#host.limits.set
    const { length } = this
    if (this.#encoding === INTSET) {
      if (integer.read(member)) return length < limits.integers ? INTSET : HASHTABLE
      return length < limits.entries && member.length <= valueMax && this.#longestInteger <= valueMax
        ? LISTPACK
        : HASHTABLE
    }
    return length < limits.entries && member.length <= valueMax ? LISTPACK : HASHTABLE
  }

  /** Characters of the longest integer; for a large set the most that an integer can have. */
  get #longestInteger(): number {
    if (this.length === 0) return 0
    if (this.#large !== undefined) return INTEGER_BYTES_MAX
    const first = this.#move(0).length
    return Math.max(first, this.#move(this.length - 1).length)
  }

  #fitsPacked(member: Bytes): boolean {
    if (this.#encoding === HASHTABLE && packedCount(this.#packed, this.#ref) >= PACKED_TABLE_MAX) return false
    return packedFits(this.#packed, this.#ref, member.length)
  }

  /** Removes a member; false when there is none. */
  remove(member: Bytes): boolean {
    const slot = this.find(member)
    if (slot === ABSENT) return false
    this.removeSlot(slot)
    return true
  }

  /** Removes the member in a slot. */
  removeSlot(slot: number): void {
    const large = this.#large
    if (large !== undefined) large.remove(slot)
    else if (this.#encoding === INTSET) this.#ref = integersRemove(this.#integers, this.#ref, slot)
    else this.#ref = packedRemove(this.#packed, this.#ref, slot, 1)
  }

  // ── encodings ────────────────────────────────────────────────────────────

  /** The dictionary of a large set. */
  get table(): Dictionary | undefined {
    return this.#large
  }

  /** The answer of OBJECT ENCODING. It never goes back, except by `becomeIntset`. */
  get encoding(): SetEncoding {
    return itemAt(ENCODINGS, this.#encoding)
  }

  /**
   * Chooses the encoding of an empty set that is about to get `count` members, as Redis does.
   * Duplicates count.
   */
  begin(first: Bytes, count: number): void {
    const limits = this.#host.limits.set
    if (count <= limits.integers && integer.read(first)) this.#encoding = INTSET
    else this.#encoding = count <= limits.entries ? LISTPACK : HASHTABLE
  }

  /**
   * Must be called before `count` members are added. Redis makes a table at once when they alone
   * would be too many.
   */
  expect(count: number): void {
    if (this.#encoding === HASHTABLE) return
    const limits = this.#host.limits.set
    if (count > (this.#encoding === INTSET ? limits.integers : limits.entries)) this.#become(HASHTABLE)
  }

  /** Gives the set a later encoding, as loading does. An earlier one changes nothing. */
  become(encoding: SetEncoding): void {
    const wanted = ENCODINGS.indexOf(encoding)
    if (wanted > this.#encoding) this.#become(wanted)
  }

  /**
   * Becomes an intset if all members are integers and not too many, as the result of SINTERSTORE
   * does. Throws ArenaFull, having changed nothing.
   */
  becomeIntset(): void {
    const { length } = this
    if (this.#encoding === INTSET || length > this.#host.limits.set.integers || length > INTEGERS_MAX) return
    for (let slot = this.first(); slot !== ABSENT; slot = this.next(slot)) {
      if (!integer.read(this.memberOf(slot, scratch))) return
    }
    let ref = 0
    try {
      for (let slot = this.first(); slot !== ABSENT; slot = this.next(slot)) {
        integer.read(this.memberOf(slot, scratch))
        ref = integersInsert(this.#integers, ref, -1 - integersFind(this.#integers, ref, integer), integer)
      }
    } catch (error) {
      if (ref !== 0) this.#integers.free(ref)
      throw error
    }
    this.#freeMembers()
    this.#ref = ref
    this.#encoding = INTSET
  }

  // The arena as owners of each form's blocks see it. Only the checked build has different views
  // (arena-view.ts).

  get #packed(): Arena {
    return this.#arena.viewFor('packed')
  }

  get #integers(): Arena {
    return this.#arena.viewFor('integers')
  }

  /** The view for the small form that the set has. */
  get #small(): Arena {
    return this.#encoding === INTSET ? this.#integers : this.#packed
  }

  /**
   * Changes the encoding to a later one, and the form with it. Throws ArenaFull, having changed at
   * most the encoding.
   */
  #become(encoding: number): void {
    if (this.#large === undefined && this.#encoding === INTSET) this.#leaveIntegers(encoding)
    this.#encoding = encoding
    if (this.#isPacked && encoding === HASHTABLE && this.length > PACKED_TABLE_MAX) this.#makeLarge()
  }

  /** Changes integers to the packed form if they fit, else to the large one. */
  #leaveIntegers(encoding: number): void {
    const arena = this.#packed
    const count = this.length
    if (count > (encoding === HASHTABLE ? PACKED_TABLE_MAX : PACKED_COUNT_MAX / 2)) {
      this.#makeLarge()
      return
    }
    let ref = 0
    try {
      for (let i = 0; i < count; i++) ref = packedAppend(arena, ref, this.#move(i))
    } catch (error) {
      packedFree(arena, ref)
      throw error
    }
    this.#freeMembers()
    this.#ref = ref
  }

  /**
   * Like `memberOf`, for members that change their form. The text goes elsewhere, because the
   * member being added may be the text of an integer itself.
   */
  #move(slot: number): Bytes {
    return this.#large === undefined && this.#encoding === INTSET
      ? integersTextIn(this.#integers, this.#ref, slot, scratch, movedText, 0)
      : this.memberOf(slot, scratch)
  }

  /** Changes to the large form. Throws ArenaFull, having changed nothing. */
  #makeLarge(): void {
    const large = new Dictionary(this.#arena, this.#host.hashKey)
    try {
      for (let slot = this.first(); slot !== ABSENT; slot = this.next(slot)) large.insert(this.#move(slot))
    } catch (error) {
      large.free()
      throw error
    }
    this.#freeMembers()
    this.#large = large
    this.#arena.account(LARGE_OBJECT_BYTES)
  }

  // ── the whole ────────────────────────────────────────────────────────────

  /** Writes every member as a bulk string. */
  writeAll(sink: ElementSink): void {
    for (let slot = this.first(); slot !== ABSENT; slot = this.next(slot)) sink.bulk(this.memberOf(slot, scratch))
  }

  /**
   * Bytes of memory that this set takes, its object included. In the large form the bytes of its
   * blocks are estimated from a sample of them.
   */
  get bytes(): number {
    const large = this.#large
    if (large === undefined) return this.#ref === 0 ? OBJECT_BYTES : OBJECT_BYTES + this.#small.capacity(this.#ref) + 4
    return OBJECT_BYTES + LARGE_OBJECT_BYTES + large.indexBytes + large.blocksBytes
  }

  elements(word: Bytes, second: Bytes): ElementCursor {
    return new SetElements(this, word, second)
  }

  copy(arena: Arena, host = this.#host): MemberSet {
    const copy = new MemberSet(arena, host)
    copy.#encoding = this.#encoding
    try {
      const large = this.#large
      if (large === undefined) copy.#ref = this.#ref === 0 ? 0 : this.#small.copyBlock(this.#ref, copy.#small)
      else copy.#copyLarge(large)
    } catch (error) {
      copy.free()
      throw error
    }
    return copy
  }

  #copyLarge(from: Dictionary): void {
    const large = new Dictionary(this.#arena, this.#host.hashKey)
    this.#large = large
    this.#arena.account(LARGE_OBJECT_BYTES)
    for (let entry = 0; entry < from.count; entry++) {
      from.memberOf(entry, scratch).hash = from.hashOf(entry)
      large.insert(scratch)
    }
  }

  check(): void {
    if (this.#isPacked) packedCheck(this.#packed, this.#ref)
    else if (this.#large === undefined) integersCheck(this.#small, this.#ref)
    else this.#large.check()
  }

  moveBlocks(from: number): number {
    if (this.#large !== undefined) return this.#large.moveBlocks(from)
    this.#ref = this.#small.moveIfLeaving(this.#ref)
    return 0
  }

  free(): void {
    this.#freeMembers()
    this.#arena.account(-OBJECT_BYTES)
  }

  freeSome(max: number): boolean {
    if (this.#large !== undefined && !this.#large.freeSome(max)) return false
    this.free()
    return true
  }

  #freeMembers(): void {
    if (this.#large !== undefined) {
      this.#large.free()
      this.#large = undefined
      this.#arena.account(-LARGE_OBJECT_BYTES)
    }
    if (this.#ref !== 0) this.#small.free(this.#ref)
    this.#ref = 0
  }
}

class SetElements extends ElementCursor {
  readonly #set: MemberSet
  #slot: number

  constructor(set: MemberSet, word: Bytes, second: Bytes) {
    super(word, second)
    this.#set = set
    this.#slot = set.first()
  }

  next(): boolean {
    if (this.#slot === ABSENT) return false
    this.#set.memberOf(this.#slot, this.word)
    this.#slot = this.#set.next(this.#slot)
    return true
  }
}

/** Characters of -9223372036854775808. */
const INTEGER_BYTES_MAX = 20

const scratch = new Bytes()
const movedText = Source.allocate(TEXT_BYTES)
const integer = new Int64()
