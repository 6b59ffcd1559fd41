// Lists: elements as strings (type 1), a ziplist (10), nodes of ziplists (14), nodes of listpacks
// and plain elements (18).
//
// A list is written as type 18, in the nodes in which Redis would hold it
// (store/list/list-nodes.ts). A list with elements that have buffers of their own, or with a node
// of more than 64 KiB, is written as type 1: there a listpack would be a second copy of something
// large. Its reader makes the nodes of a list that was pushed
// (docs/decisions/0012-answers-of-7-2.md).

import type { Database } from '../../store/keyspace/database.ts'
import { List } from '../../store/list/list.ts'
import { ListPosition } from '../../store/list/list-pages.ts'
import { assert } from '../../util/assert.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { RdbDamage } from './damage.ts'
import { ListpackBuilder, ListpackReader } from './listpack.ts'
import type { PackedReader } from './packed-reader.ts'
import { NODE_PACKED, NODE_PLAIN, TYPE } from './rdb-format.ts'
import type { RdbInput } from './rdb-input.ts'
import type { RdbOutput } from './rdb-output.ts'
import type { StructureReader, StructureWriter } from './structure-codec.ts'
import { ZiplistReader } from './ziplist.ts'

/** The least bytes of a node: a container, and a string of one byte. */
const NODE_BYTES_MIN = 2

export class ListReader implements StructureReader {
  value: List | undefined = undefined
  #type = 0
  /** Elements or nodes still to come; -1 = their number is not read yet. */
  #left = -1
  readonly #element = new Bytes()
  readonly #listpack = new ListpackReader()
  readonly #ziplist = new ZiplistReader()

  begin(type: number, db: Database): void {
    this.#type = type
    this.#left = -1
    this.value = new List(db.arena, db.host)
    this.value.becomeQuicklist()
  }

  read(input: RdbInput): void {
    if (this.#type === TYPE.listZiplist) {
      // Redis does not check whether it would fit a listpack.
      const elements = this.#ziplist.open(input.blob())
      while (elements.count > 0) this.value!.push('tail', elements.next(this.#element))
      return
    }
    if (this.#left === -1) {
      this.#left = input.count(this.#type === TYPE.listQuicklist2 ? NODE_BYTES_MIN : 1)
      input.keep()
    }
    for (; this.#left > 0; this.#left--) {
      if (this.#type === TYPE.list) this.value!.push('tail', input.string(this.#element))
      else if (this.#type === TYPE.listQuicklist) this.#addNode(this.#ziplist.open(input.blob()))
      else this.#node(input)
      input.keep()
    }
    this.value!.afterBuilding()
  }

  #node(input: RdbInput): void {
    const container = input.length()
    if (container === NODE_PLAIN) this.value!.loadPlain(input.string(this.#element))
    else if (container === NODE_PACKED) this.#addNode(this.#listpack.open(input.blob()))
    else throw new RdbDamage('a node of a list is of no known kind')
  }

  /** A node stays one, however small or large it is. A node without elements is dropped. */
  #addNode(elements: PackedReader): void {
    const list = this.value!
    if (elements.count === 0) return
    list.nodes!.appendEmpty()
    while (elements.count > 0) list.load(elements.next(this.#element))
  }
}

export class ListWriter implements StructureWriter {
  #list!: List
  /** The node to be written next. */
  #node = 0
  #left = 0
  #begun = false
  readonly #position = new ListPosition()
  readonly #element = new Bytes()
  readonly #listpack = new ListpackBuilder()

  typeOf(list: List): number {
    return list.hasLargeElements || list.nodes?.hasWide === true ? TYPE.list : TYPE.listQuicklist2
  }

  begin(list: List): void {
    this.#list = list
    this.#begun = false
    this.#node = 0
    this.#left = list.length
  }

  write(output: RdbOutput, untilBytes: number): boolean {
    const list = this.#list
    const position = this.#position
    const isPlain = this.typeOf(list) === TYPE.list
    if (!this.#begun) {
      this.#begun = true
      output.lengthOf(isPlain ? list.length : (list.nodes?.count ?? 1))
      list.seek(0, position)
    }
    while (this.#left > 0) {
      if (output.length >= untilBytes || output.hasRest) return false
      if (isPlain) output.string(this.#next())
      else this.#writeNode(output)
    }
    const nodes = list.nodes?.count ?? 1
    assert(isPlain || this.#node === nodes, 'a list is written with as many nodes as were announced')
    return true
  }

  #writeNode(output: RdbOutput): void {
    const { nodes } = this.#list
    const node = this.#node++
    if (nodes?.isPlain(node)) {
      output.lengthOf(NODE_PLAIN)
      output.string(this.#next())
      return
    }
    const listpack = this.#listpack.begin()
    for (let left = nodes?.elementsOf(node) ?? this.#left; left > 0; left--) listpack.add(this.#next())
    output.lengthOf(NODE_PACKED)
    output.string(listpack.end())
  }

  /** Returns the element at the position, and moves on. */
  #next(): Bytes {
    const element = this.#list.element(this.#position, this.#element)
    if (--this.#left > 0) this.#list.next(this.#position)
    return element
  }
}
