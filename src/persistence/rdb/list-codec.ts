// Lists: elements as strings (type 1), a ziplist (10), nodes of ziplists (14), nodes of listpacks and plain elements (18).
//
// A list is written as type 18, one node a page, whose number is known without a
// walk. One with elements that have buffers of their own is written as type 1: there
// a listpack would be a second copy of something large.

import type { Database } from '../../store/database.ts'
import { List } from '../../store/list.ts'
import { ListPosition } from '../../store/list-pages.ts'
import { Bytes } from '../../util/bytes.ts'
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
  /** Elements or nodes that are to come; -1 = the number is not read yet. */
  #left = -1
  /** Whether a node with elements was read. */
  #hasNode = false
  readonly #element = new Bytes()
  readonly #listpack = new ListpackReader()
  readonly #ziplist = new ZiplistReader()

  begin(type: number, db: Database): void {
    this.#type = type
    this.#left = -1
    this.#hasNode = false
    this.value = new List(db.arena, db.host)
  }

  read(input: RdbInput): void {
    if (this.#type === TYPE.listZiplist) {
      this.value!.becomeQuicklist()
      this.#addAll(this.#ziplist.open(input.blob()))
      return
    }
    if (this.#left === -1) {
      this.#left = input.count(this.#type === TYPE.listQuicklist2 ? NODE_BYTES_MIN : 1)
      input.keep()
    }
    for (; this.#left > 0; this.#left--) {
      if (this.#type === TYPE.list) this.#add(input.string(this.#element))
      else if (this.#type === TYPE.listQuicklist) this.#addNode(this.#ziplist.open(input.blob()))
      else this.#node(input)
      input.keep()
    }
  }

  #node(input: RdbInput): void {
    const container = input.length()
    if (container === NODE_PLAIN) {
      this.value!.becomeQuicklist()
      this.#add(input.string(this.#element))
    } else if (container === NODE_PACKED) this.#addNode(this.#listpack.open(input.blob()))
    else throw new RdbDamage('a node of a list is of no known kind')
  }

  /** Redis makes a listpack of a single node, if it is small enough, but never of two. */
  #addNode(elements: PackedReader): void {
    if (elements.count === 0) return
    if (this.#hasNode) this.value!.becomeQuicklist()
    this.#hasNode = true
    this.#addAll(elements)
  }

  #addAll(elements: PackedReader): void {
    while (elements.count > 0) this.#add(elements.next(this.#element))
  }

  #add(element: Bytes): void {
    const list = this.value!
    if (list.mayBecomeQuicklist) list.beforeAdding(element.length, 1)
    list.push('tail', element)
  }
}

export class ListWriter implements StructureWriter {
  #list!: List
  #left = 0
  #begun = false
  readonly #position = new ListPosition()
  readonly #element = new Bytes()
  readonly #listpack = new ListpackBuilder()

  typeOf(list: List): number {
    return list.hasLargeElements ? TYPE.list : TYPE.listQuicklist2
  }

  begin(list: List): void {
    this.#list = list
    this.#begun = false
    this.#left = list.length
  }

  write(output: RdbOutput, untilBytes: number): boolean {
    const list = this.#list
    const position = this.#position
    const plain = list.hasLargeElements
    if (!this.#begun) {
      this.#begun = true
      output.lengthOf(plain ? list.length : list.encoding === 'listpack' ? 1 : list.pageCount)
      list.seek(0, position)
    }
    while (this.#left > 0) {
      if (output.length >= untilBytes || output.hasRest) return false
      if (plain) {
        output.string(list.element(position, this.#element))
        list.next(position)
        this.#left--
      } else {
        this.#page(output)
      }
    }
    return true
  }

  /** Writes what is left of the page at the position as one node; all pages of what Redis holds as one listpack. */
  #page(output: RdbOutput): void {
    const list = this.#list
    const position = this.#position
    const { page } = position
    const isListpack = list.encoding === 'listpack'
    const listpack = this.#listpack.begin()
    do {
      listpack.add(list.element(position, this.#element))
      this.#left--
    } while (list.next(position) && (isListpack || position.page === page))
    output.lengthOf(NODE_PACKED)
    output.string(listpack.end())
  }
}
