// The places in a program where a field is named: `t.x`, `t:m()`, `t.x = 1`, and global variables.
//
// Each remembers the shape of the table it met last and the place of its key there. Compiled code compares the shape and
// takes the value from its place; whatever is not so comes here, is done by all rules, and is remembered for the next time:
//
//     o?.shape === i3.shape && ($1 = o.values[i3.place]) !== undefined ? $1 : i3.get(o)
//
// Only tables have a `shape`, so that one comparison also tells a table from any other value.
//
// Methods are found where `__index` leads: a site remembers that way as well, for one table between object and method.

import { metatableOf } from './calls.ts'
import { runtimeError } from './errors.ts'
import { index, setIndex } from './operations.ts'
import { Shape } from './shape.ts'
import { LuaTable, READ_ONLY } from './table.ts'
import type { LuaValue } from './value.ts'

/** The shape of no table: what a site knows before it has met one. */
const NO_SHAPE = new Shape([undefined], 0, false)

export class Site {
  /** The table met last, and the place of the key there. */
  shape: Shape = NO_SHAPE
  place = 0
  readonly key: string
  /** What errors call the object, like `local 'x'`; empty when it has no name. */
  readonly name: string

  /** A shared shape without the key, for reading: what follows says where the metatable leads from there. */
  #without: Shape = NO_SHAPE
  #metaShape: Shape = NO_SHAPE
  #indexPlace = 0
  #holderShape: Shape = NO_SHAPE
  #holderPlace = 0
  /** For writing: the shape when the key has been added to that without it. */
  #with: Shape = NO_SHAPE

  constructor(key: string, name: string) {
    this.key = key
    this.name = name
  }

  /** `object.key` by all rules. */
  get(object: LuaValue): LuaValue {
    let metatable: LuaTable | undefined
    if (object instanceof LuaTable) {
      const { shape } = object
      if (shape !== this.#without) {
        const place = shape.find(this.key)
        if (place > 0) {
          const value = object.values[place]
          if (value === undefined) return index(object, this.key)
          this.shape = shape
          this.place = place
          return value
        }
        if (shape.shared) this.#without = shape
      }
      metatable = object.metatable
      if (metatable === undefined) return undefined
    } else {
      metatable = metatableOf(object)
      if (metatable === undefined) return index(object, this.key, this.name)
    }
    if (metatable.shape === this.#metaShape) {
      const holder = metatable.values[this.#indexPlace]
      if (holder instanceof LuaTable && holder.shape === this.#holderShape) {
        const value = holder.values[this.#holderPlace]
        if (value !== undefined) return value
      }
    }
    this.#learn(metatable)
    return index(object, this.key, this.name)
  }

  #learn(metatable: LuaTable): void {
    const indexPlace = metatable.shape.find('__index')
    const holder = metatable.values[indexPlace]
    if (!(holder instanceof LuaTable)) return
    this.#metaShape = metatable.shape
    this.#indexPlace = indexPlace
    this.#holderShape = holder.shape
    this.#holderPlace = holder.shape.find(this.key)
  }

  /** `object.key = value` by all rules. */
  set(object: LuaValue, value: LuaValue): void {
    if (!(object instanceof LuaTable)) {
      setIndex(object, this.key, value, this.name)
      return
    }
    const { shape, values, metatable } = object
    if (object.locked) {
      if (metatable?.getString('__newindex') === undefined) runtimeError(READ_ONLY)
    } else if (metatable === undefined || metatable.shape.find('__newindex') === 0) {
      if (shape === this.#without) {
        // As inserting does when there is room.
        if (values.length <= object.nodes) {
          object.shape = this.#with
          values.push(value)
        } else object.set(this.key, value)
        return
      }
      const place = shape.find(this.key)
      if (place > 0) {
        this.shape = shape
        this.place = place
        values[place] = value
        return
      }
      object.set(this.key, value)
      if (shape.shared && object.shape.shared && shape.count + 1 === object.shape.count) {
        this.#without = shape
        this.#with = object.shape
      }
      return
    }
    setIndex(object, this.key, value, this.name)
  }
}
