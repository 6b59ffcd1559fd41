// The keys of a table's hash part, in order of arrival, apart from their values.
//
// Tables that got the same string keys in the same order share one shape, so that compiled code which has found a key once
// knows its place in all of them by comparing one pointer (see `site.ts`), and knows too that a key is not there. Shared
// shapes never change: they form a tree whose root has no key, each shape knowing which one follows when a key is added.
// A table with many keys, or with keys that are no short strings, has a shape of its own, which grows with it.
//
// A shape tells texts and numbers from other keys and asks nothing else of them, so it need not know what Lua's values are.
//
// The tree forgets: keys may come out of data, and what was made for data that has gone must not stay. Nothing but speed
// depends on a shape being found again.

import { meter } from './meter.ts'
import { NumberIndex } from './number-index.ts'

/** Keys of a shared shape at most. They are searched one by one. */
const SHARED_KEYS_MAX = 16

/** Longest key of a shared shape: longer ones are data. */
const SHARED_KEY_LENGTH_MAX = 48

/** Shapes that may follow a shape; when there are more, they are forgotten and begin anew. */
const FOLLOWERS_MAX = 64

/** Shapes made until the whole tree is forgotten. */
const TREE_MAX = 20_000

/** Keys a shape of a table's own holds before it gets a Map. */
const SCAN_MAX = 8

/** Longest text of which V8 looks at every character when it makes a hash. */
const HASHED_LENGTH_MAX = 16_383

/**
 * Keys of which the numbers stand in that Map, too. It is quicker than `NumberIndex` by a third, but numbers can be chosen to collide
 * in it: so many of them cost half a millisecond, and ten times as many a hundred times that.
 */
const MAPPED_NUMBERS_MAX = 512

export class Shape {
  /** Keys by place; place 0 is unused. Shapes of one branch have this array in common: only `count` of them are ours. */
  readonly keys: unknown[]
  count: number
  readonly shared: boolean
  /** Place of each key, in a shape of a table's own with more than `SCAN_MAX`. */
  index: Map<unknown, number> | undefined = undefined
  /** Places of those that are numbers, which are not in `index` then. */
  numbers: NumberIndex | undefined = undefined
  /** The shape that followed first, and the key it has more; the others are in `followers`. */
  firstKey: string | undefined = undefined
  first: Shape | undefined = undefined
  followers: Map<string, Shape> | undefined = undefined

  constructor(keys: unknown[], count: number, shared: boolean) {
    this.keys = keys
    this.count = count
    this.shared = shared
  }

  /**
   * How long finding a long text among the keys may take, in steps: V8 hashes texts beyond `HASHED_LENGTH_MAX` by their length alone, so that
   * those of one length are compared one by one.
   */
  effortFor(key: string): number {
    return key.length > HASHED_LENGTH_MAX ? (key.length >> 8) * (1 + this.count) : key.length >> 8
  }

  /** The place of a key, 0 when it has none. */
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

  /** The shape of a table of this shape when a key is added that is not there: it has the last place. */
  with(key: unknown): Shape {
    if (!this.shared) {
      append(this, key)
      return this
    }
    if (typeof key === 'string') {
      if (key === this.firstKey) return this.first!
      if (key.length <= SHARED_KEY_LENGTH_MAX && this.count < SHARED_KEYS_MAX) return follow(this, key)
    }
    const own = this.copy()
    append(own, key)
    return own
  }

  /** The shape that `with` gives, if that was asked before: then the key is certainly not in this one. */
  followedBy(key: string): Shape | undefined {
    return key === this.firstKey ? this.first : this.followers?.get(key)
  }

  /** A shape of a table's own with the same keys. */
  copy(): Shape {
    const own = new Shape(this.keys.slice(0, this.count + 1), this.count, false)
    if (own.count > SCAN_MAX) makeIndex(own)
    return own
  }
}

/** The shape of tables without keys. */
export const EMPTY_SHAPE = new Shape([undefined], 0, true)

/** Shapes are shared by all runtimes of a process, and so is what is known of them. */
const shapes = {
  made: 0,
}

/** The shape of keys in this order, a new one if it cannot be shared; undefined when a key comes twice. */
export function shapeOf(keys: readonly string[]): Shape | undefined {
  let shape = EMPTY_SHAPE
  for (let i = 0; i < keys.length; i++) {
    if (--meter.steps < 0) meter.tick()
    const key = keys[i]!
    const known = shape.followedBy(key)
    if (known === undefined && shape.find(key) > 0) return undefined
    shape = known ?? shape.with(key)
  }
  return shape
}

/** An empty shape of a table's own. */
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
  // The branch goes on in the same array unless another one has done so already.
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
