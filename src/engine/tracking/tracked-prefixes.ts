// The prefixes that clients track (CLIENT TRACKING BCAST), and the keys under each that have
// changed in this turn.
//
// Prefixes stand in a trie, so the cost of a change depends only on the prefixes of its key.

import { itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { CHECKED } from '../../util/invariant.ts'
import { NameMap, NameSet } from '../../util/tables/name-map.ts'
import { type Prefixed, PrefixTrie } from '../../util/tables/prefix-trie.ts'

/** A prefix that clients track. */
export class TrackedPrefix<Reader, Changer> implements Prefixed {
  readonly prefix: string
  slot = -1
  readonly readers = new Set<Reader>()
  /** Changed key → the client that changed it last; undefined = none, or a script's call. */
  changed = new NameMap<Changer | undefined>()

  constructor(prefix: string) {
    this.prefix = prefix
  }

  matches(): boolean {
    return true
  }

  /** The clients that made the changes, where they are known. */
  *changers(): Generator<Changer, undefined> {
    for (const key of this.changed.keys()) {
      const changer = this.changed.get(key)
      if (changer !== undefined) yield changer
    }
  }

  /** Forgets the changes: the readers have been told. */
  startOver(): void {
    this.changed = new NameMap()
  }
}

export class TrackedPrefixes<Reader, Changer> {
  readonly #byName = new NameMap<TrackedPrefix<Reader, Changer>>()
  readonly #trie = new PrefixTrie<TrackedPrefix<Reader, Changer>>()
  /** The prefixes under which keys have changed. */
  #due: TrackedPrefix<Reader, Changer>[] = []
  readonly #found: TrackedPrefix<Reader, Changer>[] = []

  /** The number of different prefixes. */
  get size(): number {
    return this.#byName.size
  }

  add(name: string, reader: Reader): void {
    let prefix = this.#byName.get(name)
    if (prefix === undefined) {
      prefix = new TrackedPrefix(name)
      this.#byName.set(name, prefix)
      this.#trie.add(prefix)
    }
    prefix.readers.add(reader)
  }

  remove(name: string, reader: Reader): void {
    const prefix = this.#byName.get(name)
    assert(prefix !== undefined, 'a prefix that is removed was added')
    const wasThere = prefix.readers.delete(reader)
    assert(wasThere, 'a prefix knows the readers that know it')
    if (prefix.readers.size > 0) return
    this.#byName.delete(name)
    this.#trie.remove(prefix)
  }

  /** Notes that a key has changed; returns true when it has a tracked prefix. */
  note(key: string, changer: Changer | undefined): boolean {
    const found = this.#found
    this.#trie.match(key, found)
    for (let i = 0; i < found.length; i++) {
      const prefix = itemAt(found, i)
      if (prefix.changed.size === 0) this.#due.push(prefix)
      prefix.changed.set(key, changer)
    }
    const wanted = found.length > 0
    found.length = 0
    return wanted
  }

  /** True when some readers have to be told. */
  get isDue(): boolean {
    return this.#due.length > 0
  }

  /** Returns the prefixes under which keys have changed since the last time, in order. */
  takeDue(): readonly TrackedPrefix<Reader, Changer>[] {
    const due = this.#due
    if (CHECKED) for (const { changed } of due) assert(changed.size > 0, 'a prefix is due when a key has changed')
    this.#due = []
    return due.length < 2 ? due : due.sort((a, b) => (a.prefix < b.prefix ? -1 : 1))
  }
}

/** A prefix of one client, kept to find overlaps. */
class OwnPrefix implements Prefixed {
  readonly prefix: string
  slot = -1

  constructor(prefix: string) {
    this.prefix = prefix
  }

  matches(): boolean {
    return true
  }
}

/** The prefixes of one client. None may be the beginning of another. */
export class OwnPrefixes {
  readonly #trie = new PrefixTrie<OwnPrefix>()
  readonly #names = new NameSet()

  get size(): number {
    return this.#names.size
  }

  get bytes(): number {
    return this.#names.bytes
  }

  has(name: string): boolean {
    return this.#names.has(name)
  }

  add(name: string): void {
    if (this.#names.has(name)) return
    this.#names.add(name)
    this.#trie.add(new OwnPrefix(name))
  }

  names(): Iterable<string> {
    return this.#names
  }

  /** Returns the first prefix, in order, that has keys in common with `name`. */
  overlapping(name: string): string | undefined {
    return this.#trie.overlapping(name)?.prefix
  }
}

/**
 * Two prefixes with keys in common. One was given; the other is `existing`, or was `given` with it.
 */
export interface Overlap {
  readonly given: string
  readonly other: string
  readonly otherIs: 'existing' | 'given'
}

/**
 * Returns the first of the `given` prefixes that has keys in common with an existing one, or with a
 * later given one, as Redis does.
 */
export function findOverlap(given: readonly string[], existing: OwnPrefixes): Overlap | undefined {
  // From the last to the first, so that each is compared with those given after it.
  const later = new PrefixTrie<OwnPrefix>()
  let first = -1
  for (let i = given.length - 1; i >= 0; i--) {
    if (later.overlapping(itemAt(given, i)) !== undefined || existing.overlapping(itemAt(given, i)) !== undefined)
      first = i
    later.add(new OwnPrefix(itemAt(given, i)))
  }
  if (first === -1) return undefined
  const prefix = itemAt(given, first)
  const other = existing.overlapping(prefix)
  if (other !== undefined) return { given: prefix, other, otherIs: 'existing' }
  const next = given.find((name, i) => i > first && (name.startsWith(prefix) || prefix.startsWith(name)))
  assert(next !== undefined, 'a prefix that overlaps with none of the existing ones overlaps with a given one')
  return { given: prefix, other: next, otherIs: 'given' }
}
