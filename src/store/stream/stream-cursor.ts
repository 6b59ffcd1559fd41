// A cursor over the entries of a stream, forwards or backwards, as they lie in the nodes.
//
// A cursor is at a living entry. It has read the entry's id; the fields are read on demand. It is
// valid until the stream changes.

import { byteAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { Bytes, type Source } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import type { ElementSink, GroupSink } from '../structures/element-sink.ts'
import type { StreamPosition } from './stream-group.ts'
import { StreamId } from './stream-id.ts'
import {
  LISTPACK_HEADER_BYTES,
  nextElement,
  previousElement,
  readElement,
  readSmall,
  readWide,
  wideHigh,
  wideLow,
} from './stream-listpack.ts'
import { ENTRY_DELETED, ENTRY_SAME_FIELDS, NodeCursor, type StreamNodes } from './stream-nodes.ts'

const WORD = 2 ** 32

export class EntryCursor {
  /** The entry's id. */
  readonly id = new StreamId()
  readonly node = new NodeCursor()
  /** Where the entry begins: its flags. */
  at = 0
  flags = 0
  /** Number of pairs of a field and its value. */
  fields = 0
  /** The master's fields: their number, and where the first begins. */
  masterFields = 0
  masterAt = 0
  /** Where the first entry of the node begins. */
  firstAt = 0
  /** Where the entry's first field or value begins. */
  #dataAt = 0
  /** Where the next entry begins; 0 = not known yet. */
  #endAt = 0
  /** Where the next field and the next value begin, while fields are read. */
  #fieldAt = 0
  #valueAt = 0

  /** Reads the header of the cursor's node. */
  openNode(): void {
    const { memory, start } = this.node
    let at = nextElement(memory, start + LISTPACK_HEADER_BYTES)
    at = nextElement(memory, at)
    this.masterFields = readSmall(memory, at)
    at = nextElement(memory, at)
    this.masterAt = at
    for (let i = this.masterFields; i > 0; i--) at = nextElement(memory, at)
    this.firstAt = nextElement(memory, at)
  }

  /** Reads flags and id of the entry at `at`. */
  readEntry(at: number): void {
    const { memory, master } = this.node
    const { id } = this
    this.at = at
    this.flags = readSmall(memory, at)
    at = nextElement(memory, at)
    readWide(memory, at)
    if (wideHigh === 0 && wideLow === 0) {
      id.msHigh = master.msHigh
      id.msLow = master.msLow
    } else {
      const low = (master.msLow >>> 0) + (wideLow >>> 0)
      id.msLow = low | 0
      id.msHigh = (master.msHigh + wideHigh + (low >= WORD ? 1 : 0)) | 0
    }
    at = nextElement(memory, at)
    readWide(memory, at)
    const low = (master.seqLow >>> 0) + (wideLow >>> 0)
    id.seqLow = low | 0
    id.seqHigh = (master.seqHigh + wideHigh + (low >= WORD ? 1 : 0)) | 0
    at = nextElement(memory, at)
    if ((this.flags & ENTRY_SAME_FIELDS) !== 0) {
      this.fields = this.masterFields
    } else {
      this.fields = readSmall(memory, at)
      at = nextElement(memory, at)
    }
    this.#dataAt = at
    this.#endAt = 0
  }

  /** Returns where the entry after this one begins, or the node's end mark. */
  endOfEntry(): number {
    if (this.#endAt !== 0) return this.#endAt
    const { memory } = this.node
    let at = this.#dataAt
    for (let i = (this.flags & ENTRY_SAME_FIELDS) !== 0 ? this.fields : 2 * this.fields; i > 0; i--) {
      at = nextElement(memory, at)
    }
    this.#endAt = nextElement(memory, at)
    if (CHECKED) assert(this.#endAt <= this.node.end, 'an entry lies in its node')
    return this.#endAt
  }

  /** Returns where the entry that ends at `end` begins. */
  beginningOf(end: number): number {
    const { memory } = this.node
    let at = previousElement(memory.u8, end)
    for (let i = readSmall(memory, at); i > 0; i--) at = previousElement(memory.u8, at)
    return at
  }

  /** Moves to the first living entry at or behind `at`, in this node or a later one. */
  forwards(nodes: StreamNodes, at: number): boolean {
    while (true) {
      const { end } = this.node
      while (at < end) {
        this.readEntry(at)
        if ((this.flags & ENTRY_DELETED) === 0) return true
        at = this.endOfEntry()
      }
      if (!nodes.next(this.node)) return false
      this.openNode()
      at = this.firstAt
    }
  }

  /**
   * Moves to the last living entry that ends at or before `end`, in this node or an earlier one.
   */
  backwards(nodes: StreamNodes, end: number): boolean {
    while (true) {
      while (end > this.firstAt) {
        end = this.beginningOf(end)
        this.readEntry(end)
        if ((this.flags & ENTRY_DELETED) === 0) return true
      }
      if (!nodes.previous(this.node)) return false
      this.openNode()
      end = this.node.end
    }
  }

  // ── content ──────────────────────────────────────────────────────────────

  /** Begins reading fields and values. */
  beginFields(): void {
    this.#valueAt = this.#dataAt
    this.#fieldAt = (this.flags & ENTRY_SAME_FIELDS) !== 0 ? this.masterAt : 0
  }

  /**
   * Points the windows at the next field and its value. May be called `fields` times; the windows
   * are valid until the next call.
   */
  nextField(field: Bytes, value: Bytes): void {
    const { memory } = this.node
    if (this.#fieldAt !== 0) this.#fieldAt = readElement(memory, this.#fieldAt, field)
    else this.#valueAt = readElement(memory, this.#valueAt, field)
    this.#valueAt = readElement(memory, this.#valueAt, value)
    if (CHECKED) {
      assert(
        this.#valueAt <= this.node.end && this.#fieldAt <= this.node.end,
        'a field and its value lie in their node',
      )
    }
  }

  /** Replies with the entry's fields and values, as one array. */
  writeFields(sink: GroupSink): void {
    const { memory } = this.node
    const { fields } = this
    sink.array(2 * fields)
    let at = this.#dataAt
    if ((this.flags & ENTRY_SAME_FIELDS) !== 0) {
      let fieldAt = this.masterAt
      for (let i = 0; i < fields; i++) {
        fieldAt = writeBulk(sink, memory, fieldAt)
        at = writeBulk(sink, memory, at)
      }
    } else {
      for (let i = 2 * fields; i > 0; i--) at = writeBulk(sink, memory, at)
    }
    this.#endAt = nextElement(memory, at)
  }

  /** Records in `place` that a reader has had this entry and continues behind it. */
  leave(place: StreamPosition, layout: number): void {
    place.ref = this.node.ref
    place.offset = this.endOfEntry() - this.node.start
    place.layout = layout
    place.from.copyFrom(this.id).increment()
  }
}

const window = new Bytes()

/** Replies with an element; returns where the next one begins. */
function writeBulk(sink: ElementSink, source: Source, at: number): number {
  const head = byteAt(source.u8, at)
  if (head >= 0x80 && head < 0xc0) {
    const length = head & 0x3f
    sink.bulkFrom(source, at + 1, length)
    return at + length + 2
  }
  const next = readElement(source, at, window)
  sink.bulk(window)
  return next
}
