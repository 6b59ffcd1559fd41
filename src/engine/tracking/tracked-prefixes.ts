// Which clients asked for which prefixes (CLIENT TRACKING BCAST), and what changed under those in this turn.
//
// Prefixes hang in a trie, so a change costs what its own prefixes cost, however
// many others there are.

import { itemAt } from '../../util/array-reads.ts'
import { NameMap, NameSet } from '../../util/tables/name-map.ts'
import { type Prefixed, PrefixTrie } from '../../util/tables/prefix-trie.ts'

/** A prefix that somebody asked for. */
export class TrackedPrefix<Reader, Changer> implements Prefixed {
  readonly prefix: string
  slot = -1
  readonly readers = new Set<Reader>()
  /** Keys that changed, each with who changed it last; undefined = nobody who can be told apart. */
  changed = new NameMap<Changer | undefined>()

  constructor(prefix: string) {
    this.prefix = prefix
  }

  matches(): boolean {
    return true
  }

  /** Those who changed something, as far as they can be told apart. */
  *changers(): Generator<Changer, undefined> {
    for (const key of this.changed.keys()) {
      const changer = this.changed.get(key)
      if (changer !== undefined) yield changer
    }
  }

  /** What has changed was told. */
  startOver(): void {
    this.changed = new NameMap()
  }
}

export class TrackedPrefixes<Reader, Changer> {
  readonly #byName = new NameMap<TrackedPrefix<Reader, Changer>>()
  readonly #trie = new PrefixTrie<TrackedPrefix<Reader, Changer>>()
  /** Those under which something has changed. */
  #due: TrackedPrefix<Reader, Changer>[] = []
  readonly #found: TrackedPrefix<Reader, Changer>[] = []

  /** Number of different prefixes. */
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
    const prefix = this.#byName.get(name)!
    prefix.readers.delete(reader)
    if (prefix.readers.size > 0) return
    this.#byName.delete(name)
    this.#trie.remove(prefix)
  }

  /** Notes that a key has changed; true when somebody wants to know. */
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

  /** True when something is to be told. */
  get isDue(): boolean {
    return this.#due.length > 0
  }

  /** Hands out, in the order of the prefixes, those under which something has changed since the last time. */
  takeDue(): readonly TrackedPrefix<Reader, Changer>[] {
    const due = this.#due
    this.#due = []
    return due.length < 2 ? due : due.sort((a, b) => (a.prefix < b.prefix ? -1 : 1))
  }
}

/** A prefix of one client, filed to find those that overlap with it. */
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

/** The prefixes of one client, none of which may be the beginning of another. */
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

  /** Returns the first, in order, of those that have keys in common with `name`. */
  overlapping(name: string): string | undefined {
    return this.#trie.overlapping(name)?.prefix
  }
}

/** Two prefixes with keys in common: one that was given, and one that is `existing` or was `given` with it. */
export interface Overlap {
  readonly given: string
  readonly other: string
  readonly otherIs: 'existing' | 'given'
}

/** Finds, as Redis does, the first of the `given` prefixes that has keys in common with an existing one or with one given after it. */
export function findOverlap(given: readonly string[], existing: OwnPrefixes): Overlap | undefined {
  // From the last to the first, so that each meets those given after it.
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
  const next = given.find((name, i) => i > first && (name.startsWith(prefix) || prefix.startsWith(name)))!
  return { given: prefix, other: next, otherIs: 'given' }
}
