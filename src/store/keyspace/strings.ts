// The strings of a database, as its entries hold them.
//
// A string is bytes behind the key in the key's block. There is no other form: an integer is text
// that looks like one. A string that would make the block larger than BLOCK_CONTENT_BYTES_MAX has a
// buffer of its own. The entry's VALUE word is the length, or the number of the buffer. This file
// neither looks up keys nor passes the gate; the database does.

import { assert } from '../../util/assert.ts'
import { type Bytes, copyBytes, Source } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { spareMemory } from '../../util/memory/spare-memory.ts'
import { type Arena, BLOCK_CONTENT_BYTES_MAX } from '../memory/arena.ts'
import { TYPE_STRING } from '../structures/value.ts'
import type { StringsHost } from './database-host.ts'
import { FLAG_COPY, FLAG_LARGE, FLAG_RAW, FLAG_TEXT, FREQUENCY_MASK, TYPE_MASK } from './entry-meta.ts'
import { align, KEY, type Keyspace, META, VALUE } from './keyspace.ts'
import { allocateGrowing, LargeStrings, type LargeStringsState } from './large-strings.ts'

/** How a string was made, as far as OBJECT ENCODING depends on it. */
export type StringOrigin = 'plain' | 'raw' | 'text'

export class Strings {
  readonly #host: StringsHost
  readonly #keys: Keyspace
  readonly #arena: Arena
  readonly #large: LargeStrings

  constructor(host: StringsHost, keys: Keyspace, arena: Arena) {
    this.#host = host
    this.#keys = keys
    this.#arena = arena.viewFor('key')
    this.#large = new LargeStrings(arena)
  }

  /** Bytes of the strings that have buffers of their own. */
  get largeBytes(): number {
    return this.#large.bytes
  }

  /** Points `window` at the string of an entry. Throws WRONGTYPE. Valid until the next change. */
  read(entry: number, window: Bytes): Bytes {
    const keys = this.#keys
    const meta = keys.word(entry, META)
    if ((meta & TYPE_MASK) !== TYPE_STRING) this.#host.wrongType()
    const value = keys.word(entry, VALUE)
    if ((meta & FLAG_LARGE) !== 0) {
      const large = this.#large.get(value)
      return window.set(large.source, 0, large.length)
    }
    if (CHECKED) this.#arena.checkWindow(keys.word(entry, KEY), keys.roomStart(entry), value)
    return window.set(this.#arena.source(keys.word(entry, KEY)), keys.roomStart(entry), value)
  }

  /** Bytes of the string of an entry. */
  lengthOf(entry: number): number {
    const value = this.#keys.word(entry, VALUE)
    return this.isLarge(entry) ? this.#large.get(value).length : value
  }

  /** Tells whether the string of an entry has a buffer of its own. */
  isLarge(entry: number): boolean {
    return (this.#keys.word(entry, META) & FLAG_LARGE) !== 0
  }

  /**
   * Bytes of the buffer of an entry's string, including its room to grow; 0 when the string lies in
   * the key's block.
   */
  bufferBytes(entry: number): number {
    return this.isLarge(entry) ? this.#large.get(this.#keys.word(entry, VALUE)).source.bytes : 0
  }

  /** Makes an entry for a new key with a string, and returns it. `owned` as in `place`. */
  insert(key: Bytes, value: Bytes, owned: boolean): number {
    const keys = this.#keys
    const keyBytes = align(key.length)
    const fits = keyBytes + value.length <= BLOCK_CONTENT_BYTES_MAX
    const entry = keys.insert(key, fits ? value.length : 0)
    if (fits) {
      const arena = this.#arena
      const ref = keys.word(entry, KEY)
      copyBytes(arena.source(ref), arena.start(ref) + keyBytes, value.source, value.start, value.length)
      keys.setWord(entry, VALUE, value.length)
    } else {
      this.place(entry, value, owned)
    }
    return entry
  }

  /**
   * Puts a string into an entry, in place of a string or of a structure that the caller frees.
   * `value` may be a window on the old string. It may also be a window on a buffer of its own
   * (owned = true); a large one is kept instead of copied.
   */
  place(entry: number, value: Bytes, owned: boolean): void {
    const keys = this.#keys
    const arena = this.#arena
    const { length } = value
    const meta = keys.word(entry, META)
    const room = keys.roomOf(entry)
    // The usual overwrite: the block has the right size already, neither too small nor mostly
    // empty.
    if (length <= room && (meta & FLAG_LARGE) === 0 && (room <= 64 || 4 * length >= room)) {
      copyBytes(arena.source(keys.word(entry, KEY)), keys.roomStart(entry), value.source, value.start, length)
      keys.setWord(entry, VALUE, length)
      keys.setWord(entry, META, meta & FREQUENCY_MASK)
      return
    }
    const large = (meta & FLAG_LARGE) !== 0 ? keys.word(entry, VALUE) : -1
    const keyBytes = room === -1 ? BLOCK_CONTENT_BYTES_MAX : align(arena.length(keys.word(entry, KEY)))
    if (keyBytes + length > BLOCK_CONTENT_BYTES_MAX || room === -1) {
      let { source } = value
      if (!owned || value.start !== 0) {
        source = spareMemory.take(length)
        copyBytes(source, 0, value.source, value.start, length)
      }
      if (room > 8) arena.free(keys.changeRoom(entry, 0))
      keys.setWord(entry, VALUE, this.#addLarge(source, length))
      keys.setWord(entry, META, (meta & FREQUENCY_MASK) | FLAG_LARGE)
    } else {
      const oldBlock = keys.changeRoom(entry, length)
      copyBytes(arena.source(keys.word(entry, KEY)), keys.roomStart(entry), value.source, value.start, length)
      arena.free(oldBlock)
      keys.setWord(entry, VALUE, length)
      keys.setWord(entry, META, meta & FREQUENCY_MASK)
    }
    if (large !== -1) this.#large.free(large)
    if (CHECKED) assert(this.lengthOf(entry) === length, 'a key has the string that was put into it')
  }

  /**
   * Makes the string of an entry `length` bytes long in place and points `window` at it for
   * writing; new bytes are 0. From then on its encoding is raw.
   */
  resize(entry: number, length: number, window: Bytes): Bytes {
    const keys = this.#keys
    this.read(entry, window)
    const old = window.length
    if (this.isLarge(entry)) {
      this.#large.resize(keys.word(entry, VALUE), length)
      this.#host.grown?.()
    } else if (length <= keys.roomOf(entry)) {
      keys.setWord(entry, VALUE, length)
    } else {
      this.#moveToGrow(entry, length, window)
    }
    keys.setWord(entry, META, (keys.word(entry, META) | FLAG_RAW) & ~FLAG_TEXT)
    this.read(entry, window)
    if (CHECKED) assert(window.length === length, 'a string has the length that it was made')
    if (length > old) window.source.u8.fill(0, window.start + old, window.start + length)
    return window
  }

  /**
   * Moves the string in `window` to memory with room for `length` bytes and as much again, as sds
   * does, so that APPEND in a loop copies each byte a bounded number of times. A string that was
   * empty is new; it gets exactly the length that SETRANGE or SETBIT asks for.
   */
  #moveToGrow(entry: number, length: number, window: Bytes): void {
    const keys = this.#keys
    const arena = this.#arena
    const keyBytes = align(arena.length(keys.word(entry, KEY)))
    const isNew = window.length === 0
    const room = isNew ? length : 2 * length
    if (keyBytes + room > BLOCK_CONTENT_BYTES_MAX) {
      const source = isNew ? Source.allocate(length) : allocateGrowing(length)
      copyBytes(source, 0, window.source, window.start, window.length)
      arena.free(keys.changeRoom(entry, 0))
      keys.setWord(entry, VALUE, this.#addLarge(source, length))
      keys.setWord(entry, META, keys.word(entry, META) | FLAG_LARGE)
    } else {
      const oldBlock = keys.changeRoom(entry, room)
      copyBytes(arena.source(keys.word(entry, KEY)), keys.roomStart(entry), window.source, window.start, window.length)
      arena.free(oldBlock)
      keys.setWord(entry, VALUE, length)
    }
  }

  /**
   * Frees the buffer of an entry's string, if it has one. The caller must set the entry's value
   * then.
   */
  free(entry: number): void {
    if (this.isLarge(entry)) this.#large.free(this.#keys.word(entry, VALUE))
  }

  /**
   * Gives the large string of an entry to an entry of other strings. The caller must set this
   * entry's value then.
   */
  give(entry: number, to: Strings, toEntry: number): void {
    assert(this.isLarge(entry), 'a string is given away with a buffer of its own')
    to.#keys.setWord(toEntry, VALUE, to.#large.add(this.#large.release(this.#keys.word(entry, VALUE))))
  }

  /** Frees all buffers. The strings must not be used afterwards. */
  discard(): void {
    this.#large.discard()
  }

  // ── earlier states ───────────────────────────────────────────────────────

  /**
   * Moves the string of an entry to memory of this era before it changes. With `whole` the string
   * is replaced, so it is not copied.
   */
  renew(entry: number, whole: boolean): void {
    const keys = this.#keys
    const value = keys.word(entry, VALUE)
    if (!this.isLarge(entry)) {
      keys.renew(entry, value)
      return
    }
    keys.renew(entry, 0)
    if (whole || !this.#large.isKept(value)) return
    const { source, length } = this.#large.get(value)
    const own = Source.allocate(source.u8.length)
    copyBytes(own, 0, source, 0, length)
    keys.setWord(entry, VALUE, this.#addLarge(own, length))
    this.#large.free(value)
  }

  /** See LargeStrings; all other strings lie in the blocks of their keys. */
  keep(): LargeStringsState {
    return this.#large.keep()
  }

  restore(state: LargeStringsState): void {
    this.#large.restore(state)
  }

  goBack(): void {
    this.#large.goBack()
  }

  // ── origin ───────────────────────────────────────────────────────────────

  originOf(entry: number): StringOrigin {
    const meta = this.#keys.word(entry, META)
    return (meta & FLAG_RAW) !== 0 ? 'raw' : (meta & FLAG_TEXT) !== 0 ? 'text' : 'plain'
  }

  /**
   * Marks a string as text even if it looks like an integer. INCRBYFLOAT's result is never encoded
   * as one.
   */
  markText(entry: number): void {
    this.#keys.setWord(entry, META, this.#keys.word(entry, META) | FLAG_TEXT)
  }

  /** Tells whether a string was made by COPY and not written to since. */
  isCopy(entry: number): boolean {
    return (this.#keys.word(entry, META) & FLAG_COPY) !== 0
  }

  #addLarge(source: Source, length: number): number {
    const index = this.#large.add({ source, length })
    this.#host.grown?.()
    return index
  }
}
