// Inline caches for the sites in a program that name a field: `t.x`, `t:m()`, `t.x = 1`, and global
// variables.
//
// A cache remembers the shape of the last table at its site, and the place of the key in that
// shape. Compiled code compares shapes and takes the value from its place. Every other case comes
// here, follows all of Lua's rules, and is remembered for the next time:
//
//     o?.shape === i3.shape && ($1 = o.values[i3.place]) !== undefined ? $1 : i3.get(o)
//
// Only tables have a `shape`, so this comparison also tells a table from any other value.
//
// A method is found through `__index`. A cache remembers that way as well, for one table between
// object and method.
//
// Functions that are called by a global name (`tonumber(x)`, `math.floor(x)`) have caches of
// another kind. Where globals and libraries are read-only, as in all sandboxes of Redis, the
// function itself is remembered.

import { metatableOf } from './calling-convention.ts'
import { runtimeError } from './errors.ts'
import { callee, index, setIndex } from './operations.ts'
import { Shape } from './shape.ts'
import { LuaTable, READ_ONLY } from './table.ts'
import type { LuaFunction, LuaValue } from './value.ts'

/** A shape that no table has; the state of a cache before its first table. */
const NO_SHAPE = new Shape([undefined], 0, false)

/**
 * The way to a key through a metatable: the place of `__index` there, and of the key in the table
 * that it names.
 */
interface Way {
  readonly metaShape: Shape
  readonly indexPlace: number
  readonly holderShape: Shape
  readonly holderPlace: number
}

function wayFrom(metatable: LuaTable, key: string): Way | undefined {
  const indexPlace = metatable.shape.find('__index')
  const holder = metatable.values[indexPlace]
  if (!(holder instanceof LuaTable)) return undefined
  return { metaShape: metatable.shape, indexPlace, holderShape: holder.shape, holderPlace: holder.shape.find(key) }
}

export class InlineCache {
  /** The shape of the last table, and the place of the key there. */
  shape: Shape = NO_SHAPE
  place = 0
  readonly key: string
  /** The object's name in errors, like `local 'x'`; empty when it has none. */
  readonly name: string

  /** A shared shape without the key. */
  #without: Shape = NO_SHAPE
  /** For writing: that shape with the key added. */
  #with: Shape = NO_SHAPE
  /** For reading: the way through a metatable. */
  #way: Way | undefined = undefined

  constructor(key: string, name: string) {
    this.key = key
    this.name = name
  }

  /** `object.key` with all of Lua's rules. */
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
    const way = this.#way
    if (way !== undefined && metatable.shape === way.metaShape) {
      const holder = metatable.values[way.indexPlace]
      if (holder instanceof LuaTable && holder.shape === way.holderShape) {
        const value = holder.values[way.holderPlace]
        if (value !== undefined) return value
      }
    }
    this.#way = wayFrom(metatable, this.key)
    return index(object, this.key, this.name)
  }

  /** `object.key = value` with all of Lua's rules. */
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
        // Does what inserting does when there is room.
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

/** The cache of a call to a function by the name of a global, or of a field of one. */
export class FunctionInlineCache {
  /** The shape of the globals for which `value` is valid. */
  shape: Shape = NO_SHAPE
  value: LuaFunction | undefined = undefined
  readonly #global: InlineCache
  readonly #field: InlineCache | undefined

  constructor(global: string, field?: string) {
    this.#global = new InlineCache(global, '')
    this.#field = field === undefined ? undefined : new InlineCache(field, `global '${global}'`)
  }

  /** Returns the function to call, with all of Lua's rules. */
  find(globals: LuaTable): LuaFunction {
    const member = this.#field
    const holder = this.#global.get(globals)
    const value = member === undefined ? holder : member.get(holder)
    if (typeof value !== 'function') {
      return callee(value, member === undefined ? `global '${this.#global.key}'` : `field '${member.key}'`)
    }
    if (globals.locked && (member === undefined || (holder instanceof LuaTable && holder.locked))) {
      this.shape = globals.shape
      this.value = value
    }
    return value
  }
}
