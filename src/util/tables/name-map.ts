// Maps and sets of names that clients choose, where a string is at hand: channels, patterns,
// watched and awaited keys.
//
// JavaScript's own Map hashes strings with a secret, so names cannot be chosen to collide in it,
// with two exceptions. For very long strings it takes the length as hash. And a name that looks
// like a small number is hashed by its value alone before Node 20.20.2, 22.22.2, 24.14.1 and
// 25.8.2. Names of these kinds are kept in a second map, under a substitute that is neither.

import { createHash } from 'node:crypto'

/** Longer strings have their length as hash (V8: String::kMaxHashCalcLength). */
const HASHED_LENGTH_MAX = 16_383

const DIGIT_ZERO = 48
const DIGIT_NINE = 57

export class NameMap<Value> {
  readonly #plain = new Map<string, Value>()
  /** The names of these two kinds; undefined until the first. */
  #others: Map<string, { name: string; value: Value }> | undefined = undefined

  get size(): number {
    return this.#plain.size + (this.#others === undefined ? 0 : this.#others.size)
  }

  get(name: string): Value | undefined {
    return isPlain(name) ? this.#plain.get(name) : this.#others?.get(substitute(name))?.value
  }

  has(name: string): boolean {
    return isPlain(name) ? this.#plain.has(name) : this.#others?.has(substitute(name)) === true
  }

  set(name: string, value: Value): void {
    if (isPlain(name)) {
      this.#plain.set(name, value)
      return
    }
    this.#others ??= new Map()
    this.#others.set(substitute(name), { name, value })
  }

  /** Returns whether it was there. */
  delete(name: string): boolean {
    return isPlain(name) ? this.#plain.delete(name) : this.#others?.delete(substitute(name)) === true
  }

  clear(): void {
    this.#plain.clear()
    this.#others = undefined
  }

  /** Iterates the names, in no particular order. As in a Map, names may be removed meanwhile. */
  *keys(): Generator<string, undefined> {
    yield* this.#plain.keys()
    if (this.#others !== undefined) for (const { name } of this.#others.values()) yield name
  }

  /** Iterates the values, in the same way. */
  *values(): Generator<Value, undefined> {
    yield* this.#plain.values()
    if (this.#others !== undefined) for (const { value } of this.#others.values()) yield value
  }
}

/** Estimate of the bytes that a name takes in a set besides its characters. */
const NAME_BYTES = 64

export class NameSet {
  /** Bytes of the names, and of their entries. */
  bytes = 0
  readonly #names = new NameMap<true>()

  get size(): number {
    return this.#names.size
  }

  has(name: string): boolean {
    return this.#names.has(name)
  }

  add(name: string): void {
    if (this.#names.has(name)) return
    this.#names.set(name, true)
    this.bytes += name.length + NAME_BYTES
  }

  /** Returns whether it was there. */
  delete(name: string): boolean {
    if (!this.#names.delete(name)) return false
    this.bytes -= name.length + NAME_BYTES
    return true
  }

  clear(): void {
    this.#names.clear()
    this.bytes = 0
  }

  /** Like `NameMap.keys`. */
  [Symbol.iterator](): Generator<string, undefined> {
    return this.#names.keys()
  }
}

function isPlain(name: string): boolean {
  const first = name.charCodeAt(0)
  return name.length <= HASHED_LENGTH_MAX && !(first >= DIGIT_ZERO && first <= DIGIT_NINE)
}

/**
 * Two names have the same substitute only if they are equal. That of a short name contains it; for
 * a long name SHA-256 is as good as the name.
 */
function substitute(name: string): string {
  return name.length <= HASHED_LENGTH_MAX ? `:${name}` : createHash('sha256').update(name, 'latin1').digest('base64')
}
