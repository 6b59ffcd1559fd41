// One numbered database: keys, values, expiries, access clocks.
//
// `find` removes an expired key before anyone can see it, and every lookup goes through it. Every change of a value begins at
// `getForWrite`, `findForWrite` or one of the writers here: they are the *before* side of the gate (invariant 6). The engine
// does what follows a change (events, journal, waiters), in `call.changed`.
//
// Strings lie in the keys' blocks (strings.ts), structures are objects that an entry names by number (value.ts). All that a
// database holds is its contents (contents.ts), of which earlier states may be kept: then the gate has what is part of one
// stay as it is.

import { assert } from '../../util/assert.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { CopySpace } from '../../util/bytes/copy-space.ts'
import { CHECKED } from '../../util/invariant.ts'
import { happened } from '../../util/restless.ts'
import type { Numbered } from '../../util/tables/numbered.ts'
import { expireFieldsOf, noteFieldExpiry } from '../hash/field-expiry.ts'
import { type Arena, BLOCK_CONTENT_BYTES_MAX } from '../memory/arena.ts'
import type { LazyFree } from '../memory/lazy-free.ts'
import { TYPE_STRING, type Value, type ValueClass } from '../structures/value.ts'
import { Contents } from './contents.ts'
import { digestOf } from './data-digest.ts'
import type { DatabaseHostOf, Extent } from './database-host.ts'
import { FLAG_COPY, FLAG_LARGE, FLAG_RAW, FLAG_TEXT, FREQUENCY_MASK, TYPE_MASK } from './entry-meta.ts'
import { frequencyOf, idleSeconds, setUse, touch, touchNew } from './entry-use.ts'
import { ACCESS, align, EXPIRY, HASH, KEY, type Keyspace, MARK, META, NONE, VALUE } from './keyspace.ts'
import type { Strings } from './strings.ts'

/** What a database needs from whoever runs it; one object for all databases. */
export type DatabaseHost = DatabaseHostOf<Database>

export class Database {
  /** Its number; SWAPDB exchanges contents, not numbers. */
  readonly index: number
  readonly host: DatabaseHost
  // The contents, and their parts: one look less for whoever reads them.
  contents!: Contents
  keys!: Keyspace
  arena!: Arena
  lazyFree!: LazyFree
  /** The strings, by entry: who changes one has passed the gate. */
  strings!: Strings
  #structures!: Numbered<Value>

  /** `sharing` = a database whose values this one is going to take (`handOver`): they stay in their memory. */
  constructor(index: number, host: DatabaseHost, sharing?: Database) {
    this.index = index
    this.host = host
    this.#hold(new Contents(host, sharing?.arena, sharing?.lazyFree))
  }

  #hold(contents: Contents): void {
    this.contents = contents
    this.keys = contents.keys
    this.arena = contents.arena
    this.lazyFree = contents.lazyFree
    this.strings = contents.strings
    this.#structures = contents.structures
  }

  /** Number of keys, expired ones not yet removed included. */
  get size(): number {
    return this.keys.count
  }

  // ── looking ──────────────────────────────────────────────────────────────

  /** Returns the entry of a living key, or NONE. Counts neither as hit nor as use. */
  find(key: Bytes): number {
    const { host } = this
    const entry = this.keys.find(key)
    if (host.looked !== null) host.looked(this.keys.hash(key))
    if (entry !== NONE && this.keys.word(entry, EXPIRY) !== 0 && this.#isExpired(entry)) {
      if (host.removesExpired) this.#expire(entry, key)
      return NONE
    }
    if (entry !== NONE && this.keys.fieldDeadlines !== undefined && expireFieldsOf(this, entry, key)) return NONE
    return entry
  }

  /** As `find`, and counts as a hit or a miss and as use of the key. */
  findForRead(key: Bytes): number {
    const entry = this.find(key)
    if (entry === NONE) {
      this.host.misses++
      if (this.host.missed !== null) this.host.missed(this, key)
      return NONE
    }
    this.host.hits++
    if (this.host.touches) this.touch(entry)
    return entry
  }

  /** As `findForRead` for someone who only wants to know about the key (EXISTS, TTL): no use of it. */
  peek(key: Bytes): number {
    const entry = this.find(key)
    if (entry !== NONE) {
      this.host.hits++
    } else {
      this.host.misses++
      if (this.host.missed !== null) this.host.missed(this, key)
    }
    return entry
  }

  /** As `find` for someone who is going to change the value: passes the *before* gate. */
  findForWrite(key: Bytes, extent: Extent = 'part'): number {
    const entry = this.find(key)
    if (entry !== NONE) {
      if (this.host.touches) this.touch(entry)
      this.passGate(entry, extent)
    }
    return entry
  }

  /** The *before* side of the gate: to be passed by whoever is going to change an entry. */
  passGate(entry: number, extent: Extent): void {
    const { host } = this
    host.changesBegun = (host.changesBegun + 1) | 0
    // Before the gate: there the value may be taken.
    if (host.gone !== null && extent === 'whole') this.#tellGone(entry)
    if (host.beforeChange !== null) host.beforeChange(this, entry, extent)
    // Last: a snapshot may have taken the value.
    if (this.arena.era !== 0) this.#renew(entry, extent)
  }

  /** Has what is part of a kept state stay as it is: what is going to change is a copy. A value that goes as a whole needs none. */
  #renew(entry: number, extent: Extent): void {
    if (this.typeOf(entry) === TYPE_STRING) {
      this.strings.renew(entry, extent === 'whole')
      return
    }
    this.keys.renew(entry, 0)
    const structures = this.#structures
    const number = this.keys.word(entry, VALUE)
    if (extent === 'whole' || !structures.isKept(number)) return
    const kept = structures.get(number)
    const since = structures.sinceOf(number)
    const copy = kept.copy(this.arena, this.host)
    if (CHECKED) {
      happened('value copied for an era')
      assert(digestOf(copy) === digestOf(kept), 'a copy is the value that an earlier state keeps')
    }
    structures.replace(number, copy)
    this.arena.leaveValue(kept, since)
  }

  #tellGone(entry: number): void {
    this.host.gone!(this, this.keys.keyOf(entry, new Bytes()), this.typeOf(entry))
  }

  #beginChange(): void {
    this.host.changesBegun = (this.host.changesBegun + 1) | 0
  }

  /** Returns the structure under a key, undefined when there is none. Throws WRONGTYPE. */
  getForRead<T extends Value>(key: Bytes, valueClass: ValueClass<T>): T | undefined {
    const entry = this.findForRead(key)
    return entry === NONE ? undefined : this.#structure(entry, valueClass)
  }

  /** As `getForRead`, for someone who is going to change it. */
  getForWrite<T extends Value>(key: Bytes, valueClass: ValueClass<T>): T | undefined {
    const entry = this.findForWrite(key)
    return entry === NONE ? undefined : this.#structure(entry, valueClass)
  }

  #structure<T extends Value>(entry: number, valueClass: ValueClass<T>): T {
    if (this.typeOf(entry) !== valueClass.type) this.host.wrongType()
    return this.#structures.get(this.keys.word(entry, VALUE)) as T
  }

  /** Returns an entry's type code (value.ts). */
  typeOf(entry: number): number {
    return this.keys.word(entry, META) & TYPE_MASK
  }

  /** Returns an entry's structure; not for strings. */
  structureOf(entry: number): Value {
    return this.#structures.get(this.keys.word(entry, VALUE))
  }

  /** Returns the structure under a key, undefined where there is none or a string. For a look ahead: nothing is noted of it. */
  structureUnder(key: Bytes): Value | undefined {
    const entry = this.keys.find(key)
    return entry === NONE || this.typeOf(entry) === TYPE_STRING ? undefined : this.structureOf(entry)
  }

  // ── strings ──────────────────────────────────────────────────────────────

  /** Points `window` at the string under a key; false when there is none. Throws WRONGTYPE. Valid until the next change. */
  readString(key: Bytes, window: Bytes): boolean {
    const entry = this.findForRead(key)
    if (entry === NONE) return false
    this.strings.read(entry, window)
    return true
  }

  /**
   * Sets a key to a string, whatever it held before, and returns its entry.
   *
   * The expiry is dropped unless `keepExpiry`. `value` may be a window on a buffer of its own (owned = true): a large one is
   * kept instead of copied.
   */
  writeString(key: Bytes, value: Bytes, keepExpiry = false, owned = false): number {
    const { keys } = this
    const entry = this.findForWrite(key, 'whole')
    if (entry === NONE) return this.insertString(key, value, owned)
    const structure = (keys.word(entry, META) & TYPE_MASK) === TYPE_STRING ? -1 : keys.word(entry, VALUE)
    this.strings.place(entry, value, owned)
    // There was room for the new value: only now the old one goes.
    if (structure !== -1) this.#freeStructure(structure)
    if (!keepExpiry && keys.word(entry, EXPIRY) !== 0) this.clearExpiry(entry)
    return entry
  }

  /** Puts a string under a key that is not there, as the caller knows, and returns its entry. `owned` as in `writeString`. */
  insertString(key: Bytes, value: Bytes, owned: boolean): number {
    this.#beginChange()
    const entry = this.strings.insert(key, value, owned)
    touchNew(this.keys, entry, this.host)
    if (this.host.created !== null) this.host.created(this, key, TYPE_STRING)
    return entry
  }

  // ── structures ───────────────────────────────────────────────────────────

  /** Puts a structure under a key that has none, and returns it. Throws ArenaFull, having freed it. */
  create<T extends Value>(key: Bytes, value: T): T {
    this.insertStructure(key, value)
    if (this.host.created !== null) this.host.created(this, key, value.type)
    return value
  }

  /** Sets a key to a structure, whatever it held; the expiry is dropped. */
  writeStructure(key: Bytes, value: Value): void {
    const entry = this.findForWrite(key, 'whole')
    if (entry === NONE) {
      this.create(key, value)
    } else {
      this.#freeValue(entry)
      this.clearExpiry(entry)
      this.#placeStructure(entry, value)
    }
  }

  /** Puts a structure under a key that is not there, as the caller knows, and returns its entry. Throws ArenaFull, having freed it. */
  insertStructure(key: Bytes, value: Value): number {
    let entry: number
    this.#beginChange()
    try {
      entry = this.keys.insert(key)
    } catch (error) {
      value.free()
      throw error
    }
    touchNew(this.keys, entry, this.host)
    this.#placeStructure(entry, value)
    return entry
  }

  #placeStructure(entry: number, value: Value): void {
    this.keys.setWord(entry, VALUE, this.#structures.add(value))
    this.keys.setWord(entry, META, (this.keys.word(entry, META) & FREQUENCY_MASK) | value.type)
    noteFieldExpiry(this, entry, value)
  }

  // ── removing and moving ──────────────────────────────────────────────────

  /** Walks memory, index and all structures in the checked build (util/invariant.ts). */
  check(): void {
    if (!CHECKED) return
    this.arena.check()
    this.keys.check()
    const key = new Bytes()
    for (let entry = 0; entry < this.keys.entriesEnd; entry++) {
      if (!this.keys.isLive(entry)) continue
      this.keys.keyOf(entry, key).hash = 0
      assert(this.keys.find(key) === entry, 'an entry is found by its key')
      if (this.typeOf(entry) !== TYPE_STRING) this.structureOf(entry).check?.()
    }
  }

  /** Removes a key; false when it did not exist. On a replica that may be written to, one that is hidden counts as there, as in Redis (DEL). */
  delete(key: Bytes): boolean {
    const entry = this.host.expiry === 'own' ? this.keys.find(key) : this.find(key)
    if (entry === NONE) return false
    this.deleteEntry(entry)
    return true
  }

  /** Removes an entry; passes the *before* gate. */
  deleteEntry(entry: number): void {
    this.passGate(entry, 'whole')
    this.#removeEntry(entry)
  }

  /** Gives the value and expiry of one key to another name, replacing what that held. `from` must exist and not be `to`. */
  rename(from: Bytes, to: Bytes): void {
    const entry = this.findForWrite(from)
    const target = this.find(to)
    const { keys } = this
    const meta = keys.word(entry, META)
    const expiry = this.expiryOf(entry)
    // The new entry is there before the others go: should memory be short, nothing has happened.
    let renamed: number
    if ((meta & (TYPE_MASK | FLAG_LARGE)) === TYPE_STRING) {
      const value = this.strings.read(entry, new Bytes())
      renamed = keys.insert(to, align(to.length) + value.length <= BLOCK_CONTENT_BYTES_MAX ? value.length : 0)
      this.strings.place(renamed, value, false)
      keys.setWord(renamed, META, meta | (keys.word(renamed, META) & FLAG_LARGE))
    } else {
      renamed = keys.insert(to)
      keys.setWord(renamed, VALUE, keys.word(entry, VALUE))
      keys.setWord(renamed, META, meta)
      if ((meta & TYPE_MASK) !== TYPE_STRING) noteFieldExpiry(this, renamed, this.structureOf(renamed))
    }
    keys.setWord(renamed, ACCESS, keys.word(entry, ACCESS))
    if (target !== NONE) this.deleteEntry(target)
    if (this.host.gone !== null) this.#tellGone(entry)
    keys.remove(entry)
    if (expiry !== undefined) this.setExpiry(renamed, expiry)
    if (this.host.created !== null) this.host.created(this, to, meta & TYPE_MASK)
  }

  /** Gives another key, here or in another database, a copy of an entry's value and expiry, replacing what that held. Returns its entry. */
  copyTo(entry: number, to: Database, key: Bytes): number {
    const target = to.find(key)
    const expiry = this.expiryOf(entry)
    let copy: number
    if (this.typeOf(entry) === TYPE_STRING) {
      copy = to.insertString(key, this.strings.read(entry, new Bytes()), false)
      const origin = this.keys.word(entry, META) & (FLAG_RAW | FLAG_TEXT)
      to.keys.setWord(copy, META, to.keys.word(copy, META) | origin | FLAG_COPY)
    } else {
      copy = to.insertStructure(key, this.structureOf(entry).copy(to.arena))
      if (this.host.created !== null) this.host.created(to, key, to.typeOf(copy))
    }
    // Two entries bear the name for a moment, so that a lack of memory costs nothing.
    if (target !== NONE) to.deleteEntry(target)
    if (expiry !== undefined) to.setExpiry(copy, expiry)
    return copy
  }

  /** Moves a key to a database that has none of that name. Memory belongs to one database: the value is copied. */
  moveTo(key: Bytes, to: Database): void {
    const entry = this.find(key)
    if (this.host.touches) this.touch(entry)
    const moved = this.copyTo(entry, to, key)
    // It is the same value still, its encoding and its use included; only where a string lies may differ.
    const large = to.keys.word(moved, META) & FLAG_LARGE
    to.keys.setWord(moved, META, (this.keys.word(entry, META) & ~FLAG_LARGE) | large)
    to.keys.setWord(moved, ACCESS, this.keys.word(entry, ACCESS))
    this.deleteEntry(entry)
  }

  /**
   * Gives the large value of an entry that goes as a whole to a database that shares this one's memory, with name, expiry, use and
   * mark; the entry is the empty string from then on. Returns the entry there, which `letGo` ends. Returns NONE, and has done
   * nothing, when the arena is nearly full: should there be no room for the next value, this one stays; and where earlier states
   * are kept: they may own the value.
   */
  handOver(entry: number, to: Database): number {
    const { keys } = this
    if (!this.arena.hasRoom || this.arena.era !== 0) return NONE
    const handed = to.keys.insert(keys.keyOf(entry, new Bytes()))
    const meta = keys.word(entry, META)
    const value = keys.word(entry, VALUE)
    for (const word of [META, ACCESS, MARK]) to.keys.setWord(handed, word, keys.word(entry, word))
    const expiry = this.expiryOf(entry)
    if (expiry !== undefined) to.setExpiry(handed, expiry)
    if ((meta & TYPE_MASK) === TYPE_STRING) {
      this.strings.give(entry, to.strings, handed)
    } else {
      const structure = this.#structures.remove(value)
      to.keys.setWord(handed, VALUE, to.#structures.add(structure))
      this.lazyFree.heldBytes += structure.bytes
    }
    this.#leaveEmpty(entry)
    return handed
  }

  /** Frees what `handOver` brought here; a large structure in steps. */
  letGo(entry: number): void {
    if (this.typeOf(entry) !== TYPE_STRING) this.lazyFree.heldBytes -= this.structureOf(entry).bytes
    this.#removeEntry(entry)
  }

  /** Empties the database. The memory goes at once: nothing in it is visited. */
  clear(): void {
    this.#beginChange()
    if (this.host.emptied !== null && this.size > 0) {
      const contents = new Database(this.index, this.host)
      this.swap(contents)
      this.host.emptied(contents)
      return
    }
    this.contents.abandon()
    this.#hold(new Contents(this.host))
  }

  /** Exchanges the contents of two databases. */
  swap(other: Database): void {
    this.#beginChange()
    const { contents } = this
    this.#hold(other.contents)
    other.#hold(contents)
  }

  /** Holds other contents from now on. What becomes of the present ones is the caller's to say. */
  take(contents: Contents): void {
    this.#beginChange()
    this.#hold(contents)
  }

  #removeEntry(entry: number): void {
    this.#freeValue(entry)
    this.keys.remove(entry)
  }

  /** Frees the memory of a value that lies outside the key's block; leaves the empty string. */
  #freeValue(entry: number): void {
    const meta = this.keys.word(entry, META)
    const value = this.keys.word(entry, VALUE)
    if ((meta & TYPE_MASK) !== TYPE_STRING) this.#freeStructure(value)
    else this.strings.free(entry)
    this.#leaveEmpty(entry)
  }

  #leaveEmpty(entry: number): void {
    this.keys.setWord(entry, VALUE, 0)
    this.keys.setWord(entry, META, this.keys.word(entry, META) & FREQUENCY_MASK)
  }

  /** Frees a structure that lies in this database's arena and under no key; a large one in steps. */
  discard(value: Value): void {
    // While the journal is replayed nobody waits, and nobody takes the steps.
    if (this.host.expiry !== 'keep' || this.host.freesInSteps === true) this.lazyFree.take(value)
    else value.free()
  }

  #freeStructure(index: number): void {
    const structures = this.#structures
    const isKept = structures.isKept(index)
    const value = structures.remove(index)
    if (isKept) this.arena.leaveValue(value, structures.sinceOf(index))
    else this.discard(value)
  }

  // ── expiry ───────────────────────────────────────────────────────────────

  /** Returns when an entry expires (Unix ms), undefined = never. */
  expiryOf(entry: number): number | undefined {
    const position = this.keys.word(entry, EXPIRY)
    return position === 0 ? undefined : this.keys.expiries.timeAt(position - 1)
  }

  setExpiry(entry: number, timeMs: number): void {
    this.#beginChange()
    const position = this.keys.word(entry, EXPIRY)
    if (position === 0) this.keys.expiries.add(entry, timeMs)
    else this.keys.expiries.change(position - 1, timeMs)
    if (this.host.deadline !== null) this.host.deadline(this, entry, timeMs)
  }

  clearExpiry(entry: number): boolean {
    const position = this.keys.word(entry, EXPIRY)
    if (position === 0) return false
    this.#beginChange()
    this.keys.expiries.remove(position - 1)
    return true
  }

  /** Tells whether an entry's time is up, although nobody has removed it yet. */
  isExpired(entry: number): boolean {
    return this.keys.word(entry, EXPIRY) !== 0 && this.#isExpired(entry)
  }

  /** Removes an entry if its time is up; tells whether it is. */
  expireEntry(entry: number, window: Bytes): boolean {
    if (!this.isExpired(entry)) return false
    if (!this.host.removesExpired) return true
    // The name must outlive the entry for those who are told of it.
    this.#expire(entry, this.keys.keyOf(entry, window).copy())
    return true
  }

  /** Removes a key if its time is up, whoever is to decide that; returns its time if that is still to come. */
  expireKey(key: Bytes): number | undefined {
    const entry = this.keys.find(key)
    const timeMs = entry === NONE ? undefined : this.expiryOf(entry)
    if (timeMs === undefined || timeMs >= this.host.now()) return timeMs
    this.#expire(entry, key)
    return undefined
  }

  /** Removes up to `max` keys whose time is up; returns how many. `window` is used for their names. */
  expireDue(max: number, window: Bytes): number {
    let removed = 0
    const { expiries } = this.keys
    const now = this.host.now()
    // The name must outlive the entry for those who are told of it; names of one round share their memory.
    let space: CopySpace | undefined
    while (removed < max && expiries.earliest < now) {
      const entry = expiries.entryAt(0)
      space ??= new CopySpace()
      this.#expire(entry, space.copy(this.keys.keyOf(entry, window)))
      removed++
    }
    return removed
  }

  #isExpired(entry: number): boolean {
    if (this.host.expiry === 'keep') return false
    return this.keys.expiries.timeAt(this.keys.word(entry, EXPIRY) - 1) < this.host.now()
  }

  #expire(entry: number, key: Bytes): void {
    this.deleteEntry(entry)
    this.host.expired(this, key)
  }

  // ── access ───────────────────────────────────────────────────────────────

  /** Notes that an entry was used. */
  touch(entry: number): void {
    touch(this.keys, entry, this.host)
  }

  /** Takes over what another server knew of an entry's use, as far as it is measured here; -1 = not known. */
  setUse(entry: number, idleSeconds: number, frequency: number): void {
    setUse(this.keys, entry, this.host, idleSeconds, frequency)
  }

  /** Seconds since an entry was last used. */
  idleSeconds(entry: number): number {
    return idleSeconds(this.keys, entry, this.host)
  }

  /** How often an entry was used, 0–255, as it was when it was used last. */
  frequencyOf(entry: number): number {
    return frequencyOf(this.keys, entry)
  }

  // ── measuring ────────────────────────────────────────────────────────────

  /** Bytes in use: blocks, index, large strings. Not what was handed over: that is gone, and evicting others would not free it. */
  get usedBytes(): number {
    const fieldDeadlineBytes = this.keys.fieldDeadlines?.heldBytes ?? 0
    // The size of some structures is an estimate.
    const arenaBytes = Math.max(0, this.arena.usedBytes - this.lazyFree.heldBytes)
    return arenaBytes + this.keys.indexBytes + this.strings.largeBytes + fieldDeadlineBytes
  }

  /** Bytes one key takes: its entry, its name and its value. */
  entryBytes(entry: number): number {
    const { keys } = this
    const keyRef = keys.word(entry, KEY)
    let bytes = 36 + (keyRef > 0 ? this.arena.capacity(keyRef) + 4 : keys.keyOf(entry, new Bytes()).length)
    if (keys.word(entry, EXPIRY) !== 0) bytes += 12
    return (
      bytes + (this.typeOf(entry) === TYPE_STRING ? this.strings.bufferBytes(entry) : this.structureOf(entry).bytes)
    )
  }

  /** The key hash of an entry, for those who index by it. */
  hashOf(entry: number): number {
    return this.keys.word(entry, HASH)
  }
}
