// The keys of a table's hash part, in order of arrival, without their values.
//
// Tables that got the same string keys in the same order share one shape. Compiled code that has
// found a key once then knows its place in all of them by comparing one pointer (see
// `inline-cache.ts`); it also knows when a key is absent. Shared shapes never change. They form a
// tree whose root has no key, and each shape knows its successor for an added key. A table with
// many keys, or with keys other than short strings, has a shape of its own, which grows with the
// table.
//
// A shape tells texts and numbers from other keys and needs nothing else of Lua's values.
//
// The tree is forgotten from time to time: keys may come from data, and shapes made for old data
// must not stay. Only speed depends on finding a shape again.

import { NumberIndex } from './number-index.ts'
import { meter } from './script-meter.ts'

/** Most keys of a shared shape. They are searched one by one. */
const SHARED_KEYS_MAX = 16

/** Longest key of a shared shape. Longer keys are data. */
const SHARED_KEY_LENGTH_MAX = 48

/** Most successors of a shape. When there are more, they are forgotten. */
const FOLLOWERS_MAX = 64

/** Shapes that are made before the whole tree is forgotten. */
const TREE_MAX = 20_000

/** Keys of a table's own shape before it gets a Map. */
const SCAN_MAX = 8

/** Longest text of which V8 hashes every character. */
const HASHED_LENGTH_MAX = 16_383

/**
 * Keys up to which numbers are in that Map, too. It is a third faster than `NumberIndex`, but an
 * attacker can choose numbers that collide in it. This many of them cost half a millisecond; ten
 * times as many cost a hundred times that.
 */
const MAPPED_NUMBERS_MAX = 512

export class Shape {
  /**
   * Keys by place; place 0 is unused. Shapes of one branch share this array; only `count` of them
   * belong to this shape.
   */
  readonly keys: unknown[]
  count: number
  readonly shared: boolean
  /** Place of each key, in a table's own shape with more than `SCAN_MAX` keys. */
  index: Map<unknown, number> | undefined = undefined
  /** Places of number keys, which are not in `index` then. */
  numbers: NumberIndex | undefined = undefined
  /** The first successor, and the key that it adds. Other successors are in `followers`. */
  firstKey: string | undefined = undefined
  first: Shape | undefined = undefined
  followers: Map<string, Shape> | undefined = undefined

  constructor(keys: unknown[], count: number, shared: boolean) {
    this.keys = keys
    this.count = count
    this.shared = shared
  }

  /**
   * Returns the steps for finding a long text among the keys. V8 hashes texts beyond
   * `HASHED_LENGTH_MAX` by their length alone, so those of one length are compared one by one.
   */
  effortFor(key: string): number {
    return key.length > HASHED_LENGTH_MAX ? (key.length >> 8) * (1 + this.count) : key.length >> 8
  }

  /** Returns the place of a key; 0 when it has none. */
  find(key: unknown): number {
    const { index, keys, count } = this
    if (index !== undefined) {
      if (this.numbers !== undefined && typeof key === 'number') return this.numbers.find(key, keys)
      const place = index.get(key)
      return place === undefined ? 0 : place
    }
    for (let i = 1; i <= count; i++) if (keys[i] === key) return i
    return 0
  }

  /** Returns the shape after adding a key that is not there. The key has the last place. */
  with(key: unknown): Shape {
    if (!this.shared) {
      append(this, key)
      return this
    }
    if (typeof key === 'string') {
      if (key === this.firstKey && this.first !== undefined) return this.first
      if (key.length <= SHARED_KEY_LENGTH_MAX && this.count < SHARED_KEYS_MAX) return follow(this, key)
    }
    const own = this.copy()
    append(own, key)
    return own
  }

  /**
   * Returns the successor that `with` gave before. If there is one, the key is certainly not in
   * this shape.
   */
  followedBy(key: string): Shape | undefined {
    return key === this.firstKey ? this.first : this.followers?.get(key)
  }

  /** Makes a table's own shape with the same keys. */
  copy(): Shape {
    const own = new Shape(this.keys.slice(0, this.count + 1), this.count, false)
    if (own.count > SCAN_MAX) makeIndex(own)
    return own
  }
}

/** The shape of tables without keys. */
export const EMPTY_SHAPE = new Shape([undefined], 0, true)

/** All runtimes of a process share the shapes, and the facts that are remembered of them. */
const shapes = {
  made: 0,
}

/**
 * Returns the shape of keys in this order, a new one if it cannot be shared; undefined when a key
 * comes twice.
 */
export function shapeOf(keys: readonly string[]): Shape | undefined {
  let shape = EMPTY_SHAPE
  for (const key of keys) {
    if (--meter.steps < 0) meter.tick()
    const known = shape.followedBy(key)
    if (known === undefined && shape.find(key) > 0) return undefined
    shape = known ?? shape.with(key)
  }
  return shape
}

/** Makes an empty shape for one table. */
export function ownShape(): Shape {
  return new Shape([undefined], 0, false)
}

function append(own: Shape, key: unknown): void {
  if (typeof key === 'string' && key.length > HASHED_LENGTH_MAX) meter.spend(own.effortFor(key))
  const place = ++own.count
  own.keys.push(key)
  const { index, numbers } = own
  if (numbers !== undefined && typeof key === 'number') numbers.add(place, own.keys)
  else if (index !== undefined) index.set(key, place)
  if (place === SCAN_MAX + 1 || place === MAPPED_NUMBERS_MAX + 1) makeIndex(own)
}

function makeIndex(own: Shape): void {
  const { keys, count } = own
  const index = new Map<unknown, number>()
  const numbers = count > MAPPED_NUMBERS_MAX ? new NumberIndex() : undefined
  for (let i = 1; i <= count; i++) {
    if (numbers !== undefined && typeof keys[i] === 'number') numbers.add(i, keys)
    else index.set(keys[i], i)
  }
  own.index = index
  own.numbers = numbers
}

function follow(shape: Shape, key: string): Shape {
  const known = shape.followers?.get(key)
  if (known !== undefined) return known
  if (++shapes.made > TREE_MAX) {
    shapes.made = 0
    EMPTY_SHAPE.firstKey = undefined
    EMPTY_SHAPE.first = undefined
    EMPTY_SHAPE.followers = undefined
  }
  const { keys, count } = shape
  // The branch continues in the same array, unless another branch already does.
  const continues = keys.length === count + 1 && count > 0
  const more = continues ? keys : keys.slice(0, count + 1)
  more.push(key)
  const next = new Shape(more, count + 1, true)
  if (shape.first === undefined) {
    shape.firstKey = key
    shape.first = next
  } else if (shape.followers === undefined) shape.followers = new Map([[key, next]])
  else {
    if (shape.followers.size >= FOLLOWERS_MAX) shape.followers.clear()
    shape.followers.set(key, next)
  }
  return next
}
