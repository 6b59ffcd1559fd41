// One numbered database: keys, values, expiry times, access clocks.
//
// `find` removes an expired key before a command can see it, and every lookup goes through `find`.
// Every change of a value begins at `getForWrite`, `findForWrite` or one of the writers here, which
// are the *before* side of the gate (invariant 6). The engine does what follows a change (events,
// journal, waiters), in `call.changed`.
//
// Strings lie in the keys' blocks (strings.ts). Structures are objects that an entry refers to by
// number (value.ts). All data of a database is its contents (database-state.ts). While earlier
// states of the contents are kept, the gate sees to it that they stay unchanged.

import { assert } from '../../util/assert.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { CopySpace } from '../../util/bytes/copy-space.ts'
import { CHECKED } from '../../util/invariant.ts'
import { happened } from '../../util/restless.ts'
import type { NumberedTable } from '../../util/tables/numbered-table.ts'
import { checkFieldDeadline, expireFieldsOf, noteFieldExpiry } from '../hash/field-expiry.ts'
import { type Arena, BLOCK_CONTENT_BYTES_MAX } from '../memory/arena.ts'
import type { LazyFree } from '../memory/lazy-free.ts'
import { TYPE_STRING, type Value, type ValueClass } from '../structures/value.ts'
import { digestOf } from './data-digest.ts'
import type { DatabaseHostOf } from './database-host.ts'
import type { Extent } from './database-reports.ts'
import { DatabaseState } from './database-state.ts'
import { FLAG_COPY, FLAG_LARGE, FLAG_RAW, FLAG_TEXT, FREQUENCY_MASK, TYPE_MASK } from './entry-meta.ts'
import { frequencyOf, idleSeconds, setUse, touch, touchNew } from './entry-use.ts'
import { ACCESS, align, EXPIRY, HASH, KEY, type Keyspace, MARK, META, NONE, VALUE } from './keyspace.ts'
import type { Strings } from './strings.ts'

/** The parts of the engine that a database uses; one object serves all databases. */
export type DatabaseHost = DatabaseHostOf<Database>

export class Database {
  /** The number of the database. SWAPDB exchanges contents, not numbers. */
  readonly index: number
  readonly host: DatabaseHost
  // The contents and their parts. The parts are fields too, because that spares readers one
  // property.
  contents!: DatabaseState
  keys!: Keyspace
  arena!: Arena
  lazyFree!: LazyFree
  /** The strings, by entry. Code that changes one must have passed the gate. */
  strings!: Strings
  #structures!: NumberedTable<Value>

  /**
   * With `sharing`, this database uses the memory of that one, so that it can take values from
   * there without moving them (`handOver`).
   */
  constructor(index: number, host: DatabaseHost, sharing?: Database) {
    this.index = index
    this.host = host
    this.#hold(new DatabaseState(host, sharing?.arena, sharing?.lazyFree))
  }

  #hold(contents: DatabaseState): void {
    this.contents = contents
    this.keys = contents.keys
    this.arena = contents.arena
    this.lazyFree = contents.lazyFree
    this.strings = contents.strings
    this.#structures = contents.structures
  }

  /** Number of keys, including expired ones that are not removed yet. */
  get size(): number {
    return this.keys.count
  }

  // ── looking ──────────────────────────────────────────────────────────────

  /** Returns the entry of a living key, or NONE. Counts neither as hit nor as use. */
  find(key: Bytes): number {
    const { host } = this
    const entry = this.keys.find(key)
    if (host.reports.looked !== null) host.reports.looked(this.keys.hash(key))
    if (entry !== NONE && this.keys.word(entry, EXPIRY) !== 0 && this.#isExpired(entry)) {
      if (host.removesExpired) this.#expire(entry, key)
      return NONE
    }
    if (entry !== NONE && this.keys.fieldDeadlines !== undefined && expireFieldsOf(this, entry, key)) return NONE
    return entry
  }

  /** Like `find`, and counts a hit or a miss, and a use of the key. */
  findForRead(key: Bytes): number {
    const entry = this.find(key)
    if (entry === NONE) {
      this.host.use.misses++
      if (this.host.reports.missed !== null) this.host.reports.missed(this, key)
      return NONE
    }
    this.host.use.hits++
    if (this.host.use.touches) this.touch(entry)
    return entry
  }

  /**
   * Like `findForRead`, but without counting a use, for commands that only ask about the key
   * (EXISTS, TTL).
   */
  peek(key: Bytes): number {
    const entry = this.find(key)
    if (entry !== NONE) {
      this.host.use.hits++
    } else {
      this.host.use.misses++
      if (this.host.reports.missed !== null) this.host.reports.missed(this, key)
    }
    return entry
  }

  /** Like `find`, for a command that is going to change the value: passes the *before* gate. */
  findForWrite(key: Bytes, extent: Extent = 'part'): number {
    const entry = this.find(key)
    if (entry !== NONE) {
      if (this.host.use.touches) this.touch(entry)
      this.passGate(entry, extent)
    }
    return entry
  }

  /** Passes the *before* side of the gate. Must be called before an entry is changed. */
  passGate(entry: number, extent: Extent): void {
    if (CHECKED) assert(this.keys.isLive(entry), 'invariant 6: only a living entry changes')
    const { host } = this
    host.changesBegun = (host.changesBegun + 1) | 0
    // This comes before `beforeChange`, because its handler may take the value.
    if (host.reports.gone !== null && extent === 'whole') this.#tellGone(entry)
    if (host.reports.beforeChange !== null) host.reports.beforeChange(this, entry, extent)
    // Last, because a snapshot may have taken the value.
    if (this.arena.era !== 0) this.#renew(entry, extent)
  }

  /**
   * Protects a kept state: replaces a value that is part of one by a copy, which may then be
   * changed. A value that goes as a whole needs no copy.
   */
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
      assert(digestOf(copy) === digestOf(kept), 'invariant 14: a copy is the value that an earlier state keeps')
    }
    structures.replace(number, copy)
    this.arena.leaveValue(kept, since)
  }

  #tellGone(entry: number): void {
    this.host.reports.gone!(this, this.keys.keyOf(entry, new Bytes()), this.typeOf(entry))
  }

  #beginChange(): void {
    this.host.changesBegun = (this.host.changesBegun + 1) | 0
  }

  /** Returns the structure under a key; undefined when there is none. Throws WRONGTYPE. */
  getForRead<T extends Value>(key: Bytes, valueClass: ValueClass<T>): T | undefined {
    const entry = this.findForRead(key)
    return entry === NONE ? undefined : this.#structure(entry, valueClass)
  }

  /** Like `getForRead`, for a command that is going to change the structure. */
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

  /** Returns an entry's structure. Must not be called for strings. */
  structureOf(entry: number): Value {
    if (CHECKED) assert(this.typeOf(entry) !== TYPE_STRING, 'a string is no structure')
    return this.#structures.get(this.keys.word(entry, VALUE))
  }

  /**
   * Returns the structure under a key; undefined for a missing key or a string. It is for looking
   * ahead, so it counts no hit and no use.
   */
  structureUnder(key: Bytes): Value | undefined {
    const entry = this.keys.find(key)
    return entry === NONE || this.typeOf(entry) === TYPE_STRING ? undefined : this.structureOf(entry)
  }

  // ── strings ──────────────────────────────────────────────────────────────

  /**
   * Points `window` at the string under a key; false when there is none. Throws WRONGTYPE. Valid
   * until the next change.
   */
  readString(key: Bytes, window: Bytes): boolean {
    const entry = this.findForRead(key)
    if (entry === NONE) return false
    this.strings.read(entry, window)
    return true
  }

  /**
   * Sets a key to a string, whatever it held before, and returns its entry.
   *
   * The expiry time is removed unless `keepExpiry`. `value` may be a window on a buffer of its own
   * (owned = true); a large one is kept instead of copied.
   */
  writeString(key: Bytes, value: Bytes, keepExpiry = false, owned = false): number {
    const { keys } = this
    const entry = this.findForWrite(key, 'whole')
    if (entry === NONE) return this.insertString(key, value, owned)
    const structure = (keys.word(entry, META) & TYPE_MASK) === TYPE_STRING ? -1 : keys.word(entry, VALUE)
    this.strings.place(entry, value, owned)
    // There was room for the new value, so the old one can be freed.
    if (structure !== -1) this.#freeStructure(structure)
    if (!keepExpiry && keys.word(entry, EXPIRY) !== 0) this.clearExpiry(entry)
    return entry
  }

  /**
   * Puts a string under a key that does not exist, and returns its entry. `owned` as in
   * `writeString`.
   */
  insertString(key: Bytes, value: Bytes, owned: boolean): number {
    this.#beginChange()
    const entry = this.strings.insert(key, value, owned)
    touchNew(this.keys, entry, this.host.use)
    if (this.host.reports.created !== null) this.host.reports.created(this, key, TYPE_STRING)
    return entry
  }

  // ── structures ───────────────────────────────────────────────────────────

  /**
   * Puts a structure under a key that does not exist, and returns the structure. Throws ArenaFull,
   * having freed it.
   */
  create<T extends Value>(key: Bytes, value: T): T {
    this.insertStructure(key, value)
    if (this.host.reports.created !== null) this.host.reports.created(this, key, value.type)
    return value
  }

  /** Sets a key to a structure, whatever it held before; the expiry time is removed. */
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

  /**
   * Puts a structure under a key that does not exist, and returns its entry. Throws ArenaFull,
   * having freed it.
   */
  insertStructure(key: Bytes, value: Value): number {
    let entry: number
    this.#beginChange()
    try {
      entry = this.keys.insert(key)
    } catch (error) {
      value.free()
      throw error
    }
    touchNew(this.keys, entry, this.host.use)
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
      if (this.typeOf(entry) === TYPE_STRING) {
        this.strings.read(entry, key)
        assert(key.length === this.strings.lengthOf(entry), 'invariant 15: a string lies within its block')
        continue
      }
      const value = this.structureOf(entry)
      assert(value.type === this.typeOf(entry), 'an entry knows the type of its value')
      value.check?.()
      checkFieldDeadline(this, entry, value)
    }
    this.keys.fieldDeadlines?.check()
  }

  /**
   * Removes a key; false when it did not exist. On a writable replica a hidden key counts as
   * existing, as in Redis (DEL).
   */
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

  /**
   * Gives the value and expiry time of one key to another name, replacing what that held. `from`
   * must exist, and differ from `to`.
   */
  rename(from: Bytes, to: Bytes): void {
    const entry = this.findForWrite(from)
    const target = this.find(to)
    assert(entry !== NONE && entry !== target, 'a key that is renamed exists and gets another name')
    const { keys } = this
    const meta = keys.word(entry, META)
    const expiry = this.expiryOf(entry)
    // The new entry is made before the others go, so a lack of memory changes nothing.
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
    if (this.host.reports.gone !== null) this.#tellGone(entry)
    keys.remove(entry)
    if (expiry !== undefined) this.setExpiry(renamed, expiry)
    if (this.host.reports.created !== null) this.host.reports.created(this, to, meta & TYPE_MASK)
  }

  /**
   * Copies an entry's value and expiry time to a key, here or in another database, replacing what
   * that held. Returns the new entry.
   */
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
      if (this.host.reports.created !== null) this.host.reports.created(to, key, to.typeOf(copy))
    }
    // Two entries have the name for a moment, so that a lack of memory costs nothing.
    if (target !== NONE) to.deleteEntry(target)
    if (expiry !== undefined) to.setExpiry(copy, expiry)
    return copy
  }

  /**
   * Moves a key to a database that has no key of that name. Memory belongs to one database, so the
   * value is copied.
   */
  moveTo(key: Bytes, to: Database): void {
    const entry = this.find(key)
    assert(entry !== NONE && to !== this, 'a key that is moved exists, and goes to another database')
    if (this.host.use.touches) this.touch(entry)
    const moved = this.copyTo(entry, to, key)
    // The value keeps its encoding and its use. Only the place of a string may differ.
    const large = to.keys.word(moved, META) & FLAG_LARGE
    to.keys.setWord(moved, META, (this.keys.word(entry, META) & ~FLAG_LARGE) | large)
    to.keys.setWord(moved, ACCESS, this.keys.word(entry, ACCESS))
    this.deleteEntry(entry)
  }

  /**
   * Moves the large value of an entry, which goes as a whole, to a database that shares this one's
   * memory, with name, expiry time, use and mark. The entry is the empty string afterwards. Returns
   * the entry there, which `letGo` frees. Returns NONE and does nothing in two cases: when the
   * arena is nearly full, since there may be no room for the next value then; and when earlier
   * states are kept, since they may own the value.
   */
  handOver(entry: number, to: Database): number {
    assert(to.arena === this.arena, 'a value is handed over within one memory')
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

  /** Frees an entry that `handOver` brought here; a large structure is freed in steps. */
  letGo(entry: number): void {
    if (this.typeOf(entry) !== TYPE_STRING) this.lazyFree.heldBytes -= this.structureOf(entry).bytes
    this.#removeEntry(entry)
  }

  /** Empties the database. Its memory goes at once: no value is visited. */
  clear(): void {
    this.#beginChange()
    if (this.host.reports.emptied !== null && this.size > 0) {
      const contents = new Database(this.index, this.host)
      this.swap(contents)
      this.host.reports.emptied(contents)
      return
    }
    this.contents.abandon()
    this.#hold(new DatabaseState(this.host))
  }

  /** Exchanges the contents of two databases. */
  swap(other: Database): void {
    assert(other !== this, 'a database is exchanged for another one')
    this.#beginChange()
    const { contents } = this
    this.#hold(other.contents)
    other.#hold(contents)
  }

  /** Replaces the contents. The caller decides what happens to the old ones. */
  take(contents: DatabaseState): void {
    this.#beginChange()
    this.#hold(contents)
  }

  #removeEntry(entry: number): void {
    this.#freeValue(entry)
    this.keys.remove(entry)
  }

  /** Frees the memory of a value outside the key's block, and leaves the empty string. */
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

  /**
   * Frees a structure that lies in this database's arena and under no key; a large one in steps.
   */
  discard(value: Value): void {
    // During replay no client waits and no upkeep runs, so the value is freed at once.
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

  /** Returns when an entry expires (Unix ms); undefined = never. */
  expiryOf(entry: number): number | undefined {
    const position = this.keys.word(entry, EXPIRY)
    return position === 0 ? undefined : this.keys.expiries.timeAt(position - 1)
  }

  setExpiry(entry: number, timeMs: number): void {
    if (CHECKED) assert(this.keys.isLive(entry), 'invariant 6: only a living entry gets an expiry time')
    this.#beginChange()
    const position = this.keys.word(entry, EXPIRY)
    if (position === 0) this.keys.expiries.add(entry, timeMs)
    else this.keys.expiries.change(position - 1, timeMs)
    if (this.host.reports.deadline !== null) this.host.reports.deadline(this, entry, timeMs)
  }

  clearExpiry(entry: number): boolean {
    const position = this.keys.word(entry, EXPIRY)
    if (position === 0) return false
    this.#beginChange()
    this.keys.expiries.remove(position - 1)
    return true
  }

  /** Tells whether an entry's time is up, although it was not removed yet. */
  isExpired(entry: number): boolean {
    return this.keys.word(entry, EXPIRY) !== 0 && this.#isExpired(entry)
  }

  /** Removes an entry if its time is up; tells whether it is. */
  expireEntry(entry: number, window: Bytes): boolean {
    if (!this.isExpired(entry)) return false
    if (!this.host.removesExpired) return true
    // Handlers still need the name after the entry is gone.
    this.#expire(entry, this.keys.keyOf(entry, window).copy())
    return true
  }

  /**
   * Removes a key if its time is up, whatever `expiry` says. Returns its time if that is still to
   * come.
   */
  expireKey(key: Bytes): number | undefined {
    const entry = this.keys.find(key)
    const timeMs = entry === NONE ? undefined : this.expiryOf(entry)
    if (timeMs === undefined || timeMs >= this.host.now()) return timeMs
    this.#expire(entry, key)
    return undefined
  }

  /**
   * Removes up to `max` keys whose time is up; returns their number. `window` is used for their
   * names.
   */
  expireDue(max: number, window: Bytes): number {
    let removed = 0
    const { expiries } = this.keys
    const now = this.host.now()
    // Handlers still need the name after the entry is gone. Names of one round share their memory.
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

  /** Records that an entry was used. */
  touch(entry: number): void {
    touch(this.keys, entry, this.host.use)
  }

  /**
   * Sets an entry's use as another server reported it, as far as it is measured here; -1 = not
   * known.
   */
  setUse(entry: number, idleSeconds: number, frequency: number): void {
    setUse(this.keys, entry, this.host.use, idleSeconds, frequency)
  }

  /** Seconds since an entry was last used. */
  idleSeconds(entry: number): number {
    return idleSeconds(this.keys, entry, this.host.use)
  }

  /** The access frequency of an entry, 0–255, when it was last used. */
  frequencyOf(entry: number): number {
    return frequencyOf(this.keys, entry)
  }

  // ── measuring ────────────────────────────────────────────────────────────

  /**
   * Bytes in use: blocks, index, large strings. Values that were handed over do not count: they are
   * removed, and evicting others would not free them.
   */
  get usedBytes(): number {
    const fieldDeadlineBytes = this.keys.fieldDeadlines?.heldBytes ?? 0
    // The size of some structures is an estimate.
    const arenaBytes = Math.max(0, this.arena.usedBytes - this.lazyFree.heldBytes)
    return arenaBytes + this.keys.indexBytes + this.strings.largeBytes + fieldDeadlineBytes
  }

  /** Bytes that one key takes: its entry, its name and its value. */
  entryBytes(entry: number): number {
    const { keys } = this
    const keyRef = keys.word(entry, KEY)
    let bytes = 36 + (keyRef > 0 ? this.arena.capacity(keyRef) + 4 : keys.keyOf(entry, new Bytes()).length)
    if (keys.word(entry, EXPIRY) !== 0) bytes += 12
    return (
      bytes + (this.typeOf(entry) === TYPE_STRING ? this.strings.bufferBytes(entry) : this.structureOf(entry).bytes)
    )
  }

  /** The hash of an entry's key, for indexes by hash. */
  hashOf(entry: number): number {
    return this.keys.word(entry, HASH)
  }
}
