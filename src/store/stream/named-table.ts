// Objects with names: the groups of a stream, or the consumers of a group.
//
// There are few of them, and each command looks them up. A few names are compared one by one,
// without making a string. More get a map.

import { assert } from '../../util/assert.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { NameMap } from '../../util/tables/name-map.ts'

export interface Named {
  readonly name: Bytes
}

/** Up to this many names are compared one by one. */
const COMPARED_MAX = 8

export class NamedTable<T extends Named> {
  /** In the order in which they were added. */
  readonly all: T[] = []
  #byName: NameMap<T> | undefined = undefined

  get count(): number {
    return this.all.length
  }

  get(name: Bytes): T | undefined {
    if (this.#byName !== undefined) return this.#byName.get(name.toString())
    const { all } = this
    for (const item of all) if (item.name.equals(name)) return item
    return undefined
  }

  /** Adds an object with a new name. */
  add(item: T): void {
    if (CHECKED) assert(this.get(item.name) === undefined, 'a name is added once')
    this.all.push(item)
    if (this.#byName !== undefined) {
      this.#byName.set(item.name.toString(), item)
    } else if (this.all.length > COMPARED_MAX) {
      this.#byName = new NameMap()
      for (const known of this.all) this.#byName.set(known.name.toString(), known)
    }
  }

  remove(item: T): void {
    const at = this.all.indexOf(item)
    assert(at !== -1, 'an object that is removed is in its table')
    this.all.splice(at, 1)
    this.#byName?.delete(item.name.toString())
  }

  /** Returns them in the order of their names, as Redis lists them. */
  sorted(): T[] {
    return [...this.all].sort((a, b) => a.name.compare(b.name))
  }
}
