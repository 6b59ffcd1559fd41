// One numbered database: keys, values, expiries, access clocks.
//
// `find` removes an expired key before anyone can see it, and every lookup goes through it. Every change of a value begins at
// `getForWrite`, `findForWrite` or one of the writers here: they are the *before* side of the gate (invariant 6). The engine
// does what follows a change (events, journal, waiters), in `call.changed`.
//
// Strings are bytes in the block of their key and nothing else: an integer is text
// that looks like one. A string that would make the block larger than
// BLOCK_CONTENT_BYTES_MAX has a buffer of its own.

import { assert } from '../util/assert.ts'
import { Bytes, copyBytes, Source } from '../util/bytes.ts'
import { CHECKED } from '../util/invariant.ts'
import { Arena, BLOCK_CONTENT_BYTES_MAX } from './arena.ts'
import type { DatabaseHostOf, Extent } from './database-host.ts'
import { expireFieldsOf, noteFieldExpiry } from './field-expiry.ts'
import { ACCESS, align, EXPIRY, HASH, KEY, Keyspace, MARK, META, NONE, VALUE } from './keyspace.ts'
import { allocateGrowing, LargeStrings } from './large-strings.ts'
import { LazyFree } from './lazy-free.ts'
import { TYPE_STRING, type Value, type ValueClass } from './value.ts'

const TYPE_MASK = 0xf
/** The string has a buffer of its own (large-strings.ts). */
const FLAG_LARGE = 0x10
/** OBJECT ENCODING says raw whatever the content: it was made or changed in place (APPEND, SETRANGE). */
const FLAG_RAW = 0x20
/** The content was never checked for being an integer (INCRBYFLOAT's result). */
const FLAG_TEXT = 0x40
/** The string was made by COPY: Redis gives it an object of its own even if it is a small integer (OBJECT REFCOUNT). */
const FLAG_COPY = 0x80
const FREQUENCY_SHIFT = 8

/** What a database needs from whoever runs it; one object for all databases. */
export type DatabaseHost = DatabaseHostOf<Database>

export class Database {
  /** Its number; SWAPDB exchanges contents, not numbers. */
  readonly index: number
  readonly host: DatabaseHost
  keys: Keyspace
  arena: Arena
  /** Large structures that were removed. */
  lazyFree: LazyFree
  #objects: (Value | undefined)[] = []
  #freeObjects: number[] = []
  #large = new LargeStrings()

  /** `sharing` = a database whose values this one is going to take (`handOver`): they stay in their memory. */
  constructor(index: number, host: DatabaseHost, sharing?: Database) {
    this.index = index
    this.host = host
    this.arena = sharing?.arena ?? new Arena()
    this.lazyFree = sharing?.lazyFree ?? new LazyFree()
    this.keys = new Keyspace(this.arena, host.hashKey)
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
      if (host.expiry === 'remove') this.#expire(entry, key)
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
    return this.#objects[this.keys.word(entry, VALUE)] as T
  }

  /** Returns an entry's type code (value.ts). */
  typeOf(entry: number): number {
    return this.keys.word(entry, META) & TYPE_MASK
  }

  /** Returns an entry's structure; not for strings. */
  structureOf(entry: number): Value {
    return this.#objects[this.keys.word(entry, VALUE)]!
  }

  // ── strings ──────────────────────────────────────────────────────────────

  /** Points `window` at the string under a key; false when there is none. Throws WRONGTYPE. Valid until the next change. */
  readString(key: Bytes, window: Bytes): boolean {
    const entry = this.findForRead(key)
    if (entry === NONE) return false
    this.stringOf(entry, window)
    return true
  }

  /** Points `window` at the string of an entry. Throws WRONGTYPE. */
  stringOf(entry: number, window: Bytes): Bytes {
    const { keys } = this
    const meta = keys.word(entry, META)
    if ((meta & TYPE_MASK) !== TYPE_STRING) this.host.wrongType()
    const value = keys.word(entry, VALUE)
    if ((meta & FLAG_LARGE) !== 0) {
      const large = this.#large.get(value)
      return window.set(large.source, 0, large.length)
    }
    return window.set(this.arena.source(keys.word(entry, KEY)), keys.roomStart(entry), value)
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
    this.#placeString(entry, value, owned)
    // There was room for the new value: only now the old one goes.
    if (structure !== -1) this.#freeStructure(structure)
    if (!keepExpiry && keys.word(entry, EXPIRY) !== 0) this.clearExpiry(entry)
    return entry
  }

  /** Puts a string under a key that is not there, as the caller knows, and returns its entry. `owned` as in `writeString`. */
  insertString(key: Bytes, value: Bytes, owned: boolean): number {
    const { keys, arena } = this
    const keyBytes = align(key.length)
    const fits = keyBytes + value.length <= BLOCK_CONTENT_BYTES_MAX
    this.#beginChange()
    const entry = keys.insert(key, fits ? value.length : 0)
    this.touchNew(entry)
    if (fits) {
      const ref = keys.word(entry, KEY)
      copyBytes(arena.source(ref), arena.start(ref) + keyBytes, value.source, value.start, value.length)
      keys.setWord(entry, VALUE, value.length)
    } else {
      this.#placeString(entry, value, owned)
    }
    if (this.host.created !== null) this.host.created(this, key, TYPE_STRING)
    return entry
  }

  /** Replaces the string of an entry that passed the *before* gate, keeping its expiry. The value may be a window on the old one. */
  replaceString(entry: number, value: Bytes): void {
    this.#placeString(entry, value, false)
  }

  /**
   * Makes the string of an entry `length` bytes long in place and points `window` at it for writing; new bytes are 0. From then
   * on its encoding is raw.
   */
  resizeString(entry: number, length: number, window: Bytes): Bytes {
    this.stringOf(entry, window)
    const old = window.length
    const meta = this.keys.word(entry, META)
    const value = this.keys.word(entry, VALUE)
    if ((meta & FLAG_LARGE) !== 0) {
      this.#large.resize(value, length)
      if (this.host.grown !== null) this.host.grown()
    } else if (length <= this.keys.roomOf(entry)) {
      this.keys.setWord(entry, VALUE, length)
    } else {
      const { keys } = this
      const keyBytes = align(this.arena.length(keys.word(entry, KEY)))
      // Room for as much again, as sds keeps: APPEND in a loop copies each byte a bounded number of times.
      if (keyBytes + 2 * length > BLOCK_CONTENT_BYTES_MAX) {
        const source = allocateGrowing(length)
        copyBytes(source, 0, window.source, window.start, old)
        this.arena.free(keys.changeRoom(entry, 0))
        keys.setWord(entry, VALUE, this.#addLarge(source, length))
        keys.setWord(entry, META, meta | FLAG_LARGE)
      } else {
        const oldBlock = keys.changeRoom(entry, 2 * length)
        copyBytes(this.arena.source(keys.word(entry, KEY)), keys.roomStart(entry), window.source, window.start, old)
        this.arena.free(oldBlock)
        keys.setWord(entry, VALUE, length)
      }
    }
    this.keys.setWord(entry, META, (this.keys.word(entry, META) | FLAG_RAW) & ~FLAG_TEXT)
    this.stringOf(entry, window)
    if (length > old) window.source.u8.fill(0, window.start + old, window.start + length)
    return window
  }

  /** Marks a string as text even if it looks like an integer (INCRBYFLOAT's result is never encoded as one). */
  markText(entry: number): void {
    this.keys.setWord(entry, META, this.keys.word(entry, META) | FLAG_TEXT)
  }

  /** Tells how a string came about, for OBJECT ENCODING. */
  stringOrigin(entry: number): 'plain' | 'raw' | 'text' {
    const meta = this.keys.word(entry, META)
    return (meta & FLAG_RAW) !== 0 ? 'raw' : (meta & FLAG_TEXT) !== 0 ? 'text' : 'plain'
  }

  /** Bytes of the string of an entry. */
  stringBytes(entry: number): number {
    const value = this.keys.word(entry, VALUE)
    return (this.keys.word(entry, META) & FLAG_LARGE) !== 0 ? this.#large.get(value).length : value
  }

  /** Tells whether a string was made by COPY and not written since. */
  isCopy(entry: number): boolean {
    return (this.keys.word(entry, META) & FLAG_COPY) !== 0
  }

  /** Puts a string into an entry, in the place of a string or a structure, whose end is the caller's; `value` may be a window on the old string. */
  #placeString(entry: number, value: Bytes, owned: boolean): void {
    const { keys, arena } = this
    const { length } = value
    let meta = keys.word(entry, META)
    const room = keys.roomOf(entry)
    // The usual overwrite: the block is the right size already, neither too small nor mostly empty.
    if (length <= room && (meta & FLAG_LARGE) === 0 && (room <= 64 || 4 * length >= room)) {
      copyBytes(arena.source(keys.word(entry, KEY)), keys.roomStart(entry), value.source, value.start, length)
      keys.setWord(entry, VALUE, length)
      keys.setWord(entry, META, meta & (0xff << FREQUENCY_SHIFT))
      return
    }
    const large = (meta & FLAG_LARGE) !== 0 ? keys.word(entry, VALUE) : -1
    meta &= 0xff << FREQUENCY_SHIFT
    const keyBytes = room === -1 ? BLOCK_CONTENT_BYTES_MAX : align(arena.length(keys.word(entry, KEY)))
    if (keyBytes + length > BLOCK_CONTENT_BYTES_MAX || room === -1) {
      let { source } = value
      if (!owned || value.start !== 0) {
        source = Source.allocate(length)
        copyBytes(source, 0, value.source, value.start, length)
      }
      if (room > 8) arena.free(keys.changeRoom(entry, 0))
      keys.setWord(entry, VALUE, this.#addLarge(source, length))
      keys.setWord(entry, META, meta | FLAG_LARGE)
    } else {
      const oldBlock = keys.changeRoom(entry, length)
      copyBytes(arena.source(keys.word(entry, KEY)), keys.roomStart(entry), value.source, value.start, length)
      arena.free(oldBlock)
      keys.setWord(entry, VALUE, length)
      keys.setWord(entry, META, meta)
    }
    if (large !== -1) this.#large.free(large)
  }

  #addLarge(source: Source, length: number): number {
    const index = this.#large.add({ source, length })
    if (this.host.grown !== null) this.host.grown()
    return index
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
    this.touchNew(entry)
    this.#placeStructure(entry, value)
    return entry
  }

  #placeStructure(entry: number, value: Value): void {
    this.keys.setWord(entry, VALUE, this.#addObject(value))
    this.keys.setWord(entry, META, (this.keys.word(entry, META) & (0xff << FREQUENCY_SHIFT)) | value.type)
    noteFieldExpiry(this, entry, value)
  }

  #addObject(value: Value): number {
    const index = this.#freeObjects.pop() ?? this.#objects.length
    this.#objects[index] = value
    return index
  }

  #dropObject(index: number): void {
    this.#objects[index] = undefined
    this.#freeObjects.push(index)
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

  /** Removes a key; false when it did not exist. */
  delete(key: Bytes): boolean {
    const entry = this.find(key)
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
      const value = this.stringOf(entry, new Bytes())
      renamed = keys.insert(to, align(to.length) + value.length <= BLOCK_CONTENT_BYTES_MAX ? value.length : 0)
      this.#placeString(renamed, value, false)
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
      copy = to.insertString(key, this.stringOf(entry, new Bytes()), false)
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
   * nothing, when the arena is nearly full: should there be no room for the next value, this one stays.
   */
  handOver(entry: number, to: Database): number {
    const { keys } = this
    if (!this.arena.hasRoom) return NONE
    const handed = to.keys.insert(keys.keyOf(entry, new Bytes()))
    const meta = keys.word(entry, META)
    const value = keys.word(entry, VALUE)
    for (const word of [META, ACCESS, MARK]) to.keys.setWord(handed, word, keys.word(entry, word))
    const expiry = this.expiryOf(entry)
    if (expiry !== undefined) to.setExpiry(handed, expiry)
    if ((meta & TYPE_MASK) === TYPE_STRING) {
      to.keys.setWord(handed, VALUE, to.#large.add(this.#large.release(value)))
    } else {
      const structure = this.#objects[value]!
      to.keys.setWord(handed, VALUE, to.#addObject(structure))
      this.#dropObject(value)
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
    this.#large.discard()
    this.keys.discard()
    this.arena.discard()
    this.arena = new Arena()
    this.keys = new Keyspace(this.arena, this.host.hashKey)
    this.#objects = []
    this.#freeObjects = []
    this.#large = new LargeStrings()
    this.lazyFree = new LazyFree()
  }

  /** Exchanges the contents of two databases. */
  swap(other: Database): void {
    this.#beginChange()
    ;[this.keys, other.keys] = [other.keys, this.keys]
    ;[this.arena, other.arena] = [other.arena, this.arena]
    ;[this.#objects, other.#objects] = [other.#objects, this.#objects]
    ;[this.#freeObjects, other.#freeObjects] = [other.#freeObjects, this.#freeObjects]
    ;[this.#large, other.#large] = [other.#large, this.#large]
    ;[this.lazyFree, other.lazyFree] = [other.lazyFree, this.lazyFree]
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
    else if ((meta & FLAG_LARGE) !== 0) this.#large.free(value)
    this.#leaveEmpty(entry)
  }

  #leaveEmpty(entry: number): void {
    this.keys.setWord(entry, VALUE, 0)
    this.keys.setWord(entry, META, this.keys.word(entry, META) & (0xff << FREQUENCY_SHIFT))
  }

  /** Frees a structure that lies in this database's arena and under no key; a large one in steps. */
  discard(value: Value): void {
    // While the journal is replayed nobody waits, and nobody takes the steps.
    if (this.host.expiry !== 'keep') this.lazyFree.take(value)
    else value.free()
  }

  #freeStructure(index: number): void {
    this.discard(this.#objects[index]!)
    this.#dropObject(index)
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
    if (this.host.expiry === 'hide') return true
    // The name must outlive the entry for those who are told of it.
    this.#expire(entry, this.keys.keyOf(entry, window).copy())
    return true
  }

  /** Removes up to `max` keys whose time is up; returns how many. `window` is used for their names. */
  expireDue(max: number, window: Bytes): number {
    let removed = 0
    const { expiries } = this.keys
    const now = this.host.now()
    while (removed < max && expiries.earliest < now) {
      const entry = expiries.entryAt(0)
      this.#expire(entry, this.keys.keyOf(entry, window).copy())
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
    const { host } = this
    if (host.frequency !== null) {
      const meta = this.keys.word(entry, META)
      const next = host.frequency((meta >>> FREQUENCY_SHIFT) & 0xff, this.keys.word(entry, ACCESS))
      this.keys.setWord(entry, META, (meta & ~(0xff << FREQUENCY_SHIFT)) | (next << FREQUENCY_SHIFT))
    }
    this.keys.setWord(entry, ACCESS, host.accessSeconds)
  }

  /** Starts a new entry's access clock; LFU begins at 5, so that a new key is not the first to go. */
  touchNew(entry: number): void {
    this.keys.setWord(entry, ACCESS, this.host.accessSeconds)
    this.keys.setWord(entry, META, this.keys.word(entry, META) | (5 << FREQUENCY_SHIFT))
  }

  /** Takes over what another server knew of an entry's use, as far as it is measured here; -1 = not known. */
  setUse(entry: number, idleSeconds: number, frequency: number): void {
    if (this.host.frequency === null) {
      if (idleSeconds >= 0) this.keys.setWord(entry, ACCESS, this.host.accessSeconds - idleSeconds)
    } else if (frequency >= 0) {
      const others = this.keys.word(entry, META) & ~(0xff << FREQUENCY_SHIFT)
      this.keys.setWord(entry, META, others | (frequency << FREQUENCY_SHIFT))
    }
  }

  /** Seconds since an entry was last used. */
  idleSeconds(entry: number): number {
    // Both are 32 bits wide: the difference stays right when the seconds no longer are.
    return Math.max(0, (this.host.accessSeconds - this.keys.word(entry, ACCESS)) | 0)
  }

  frequencyOf(entry: number): number {
    return (this.keys.word(entry, META) >>> FREQUENCY_SHIFT) & 0xff
  }

  // ── measuring ────────────────────────────────────────────────────────────

  /** Bytes in use: blocks, index, large strings. Not what was handed over: that is gone, and evicting others would not free it. */
  get usedBytes(): number {
    const fieldDeadlineBytes = this.keys.fieldDeadlines?.heldBytes ?? 0
    // The size of some structures is an estimate.
    const arenaBytes = Math.max(0, this.arena.usedBytes - this.lazyFree.heldBytes)
    return arenaBytes + this.keys.indexBytes + this.#large.bytes + fieldDeadlineBytes
  }

  /** Bytes one key takes: its entry, its name and its value. */
  entryBytes(entry: number): number {
    const { keys } = this
    const meta = keys.word(entry, META)
    const value = keys.word(entry, VALUE)
    const keyRef = keys.word(entry, KEY)
    let bytes = 36 + (keyRef > 0 ? this.arena.capacity(keyRef) + 4 : keys.keyOf(entry, new Bytes()).length)
    if (keys.word(entry, EXPIRY) !== 0) bytes += 12
    if ((meta & TYPE_MASK) !== TYPE_STRING) bytes += this.#objects[value]!.bytes
    else if ((meta & FLAG_LARGE) !== 0) bytes += this.#large.get(value).source.u8.length
    return bytes
  }

  /** The key hash of an entry, for those who index by it. */
  hashOf(entry: number): number {
    return this.keys.word(entry, HASH)
  }
}
