// The nodes of a stream: listpacks of entries, in the order of their ids.
//
// A node is named by the id of the entry it began with, its master. Its listpack has a header with
// the number of living and of deleted entries and the master's field names, and then the entries:
//
//   node  = [live][deleted][fields][field]…[0] then entries
//   entry = [flags][ms - master's][seq - master's][fields][field][value]…[elements of this entry]
//           with the fields of the master, these are left out: [flags][ms][seq][value]…[elements]
//
// Deleting marks an entry. A node whose entries are all deleted is removed. A node lies in a block
// of the arena, or in a buffer of its own if it is too long for a block.

import { byteAt, itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { type Bytes, Source } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { RESTLESS } from '../../util/restless.ts'
import { type Arena, BLOCK_CONTENT_BYTES_MAX } from '../memory/arena.ts'
import { ID_BYTES, StreamId } from './stream-id.ts'
import { IndexCursor, StreamIndex } from './stream-index.ts'
import {
  checkedNext,
  finishListpack,
  INTEGER_BYTES_MAX,
  LISTPACK_END,
  LISTPACK_HEADER_BYTES,
  listpackBytes,
  nextElement,
  readSmall,
  readWide,
  wideHigh,
  wideLow,
  writeInteger64,
} from './stream-listpack.ts'

/** Flags of an entry. */
export const ENTRY_DELETED = 1
export const ENTRY_SAME_FIELDS = 2

/**
 * A record of the index has the node's block, or, negative, the complement of its buffer's number.
 */
const REF = ID_BYTES
const PAYLOAD_BYTES = 4

/** The memory that a new node gets at once to be filled, unless it is among the first. */
const FILLING_BYTES = RESTLESS ? 64 : 4096
/** The counts at a node's beginning may later need this many more bytes. */
const COUNTS_SLACK_BYTES = 12

/** Nodes that one call of `moveBlocks` looks at; some have 4 KiB and more. */
const MOVED_AT_ONCE = RESTLESS ? 2 : 64

/** A position in the index, and the node that is there. */
export class NodeCursor extends IndexCursor {
  readonly master = new StreamId()
  /** The block's ref, or the complement of the buffer's number. */
  ref = 0
  /** The memory of the listpack, where it starts in it, and where its end mark is. */
  memory!: Source
  start = 0
  end = 0
}

/** A cursor may be held against any stream of the process, so no two have the same layout. */
const numbered = {
  /** Layouts there were, of all streams. */
  layouts: 0,
}

export class StreamNodes {
  readonly arena: Arena
  /**
   * Changes whenever something in a node moves, a node goes, or is added from outside. No two
   * streams ever have the same.
   */
  layout = ++numbered.layouts
  #index: StreamIndex
  #large: (Source | undefined)[] | undefined = undefined
  #bytes = 0

  constructor(arena: Arena) {
    this.arena = arena.viewFor('stream node')
    this.#index = new StreamIndex(arena, PAYLOAD_BYTES)
  }

  get count(): number {
    return this.#index.count
  }

  get bytes(): number {
    return this.#index.bytes + this.#bytes
  }

  // ── looking ──────────────────────────────────────────────────────────────

  first(node: NodeCursor): boolean {
    return this.#index.first(node) && this.#open(node)
  }

  last(node: NodeCursor): boolean {
    return this.#index.last(node) && this.#open(node)
  }

  next(node: NodeCursor): boolean {
    return this.#index.next(node) && this.#open(node)
  }

  previous(node: NodeCursor): boolean {
    return this.#index.previous(node) && this.#open(node)
  }

  /** Finds the node in which an entry of this id would be; false when all nodes begin later. */
  seek(id: StreamId, node: NodeCursor): boolean {
    return this.#index.seekAtMost(id, node) && this.#open(node)
  }

  #open(node: NodeCursor): true {
    node.ref = node.source.view.getInt32(node.at + REF, true)
    node.id(node.master)
    this.#locate(node)
    return true
  }

  #locate(node: NodeCursor): void {
    const { ref } = node
    if (ref > 0) {
      node.memory = this.arena.source(ref)
      node.start = this.arena.start(ref)
    } else {
      node.memory = this.#large![~ref]!
      node.start = 0
    }
    node.end = node.start + listpackBytes(node.memory, node.start) - 1
  }

  /** Returns the number of living entries of a node. */
  liveOf(node: NodeCursor): number {
    return readSmall(node.memory, node.start + LISTPACK_HEADER_BYTES)
  }

  /** Returns the number of entries of a node that are marked as deleted. */
  deletedOf(node: NodeCursor): number {
    return readSmall(node.memory, nextElement(node.memory, node.start + LISTPACK_HEADER_BYTES))
  }

  // ── making and changing ──────────────────────────────────────────────────

  /**
   * Adds a node at the end, empty except for its header, with room for `bytes`. Throws ArenaFull,
   * having changed nothing.
   */
  append(master: StreamId, bytes: number, node: NodeCursor): void {
    if (this.#index.last(node)) {
      this.#open(node)
      this.#shrink(node)
    }
    const room = LISTPACK_HEADER_BYTES + 1 + bytes + COUNTS_SLACK_BYTES
    const ref = this.#allocate(this.count > 1 ? Math.max(room, FILLING_BYTES) : room)
    try {
      this.#index.insert(master, node)
    } catch (error) {
      this.#release(ref)
      throw error
    }
    node.source.view.setInt32(node.at + REF, ref, true)
    node.ref = ref
    node.master.copyFrom(master)
    const { memory, start } = this.#memoryOf(ref)
    memory.view.setUint16(start + 4, 0, true)
    finishListpack(memory, start, start + LISTPACK_HEADER_BYTES, 0)
    this.#locate(node)
  }

  /**
   * Makes sure that a node, which is the last, has room for `bytes` more; it may move. Throws
   * ArenaFull.
   */
  reserve(node: NodeCursor, bytes: number): void {
    const used = node.end + 1 - node.start
    const capacity = this.#capacity(node.ref)
    if (used + bytes + COUNTS_SLACK_BYTES <= capacity) return
    this.#resize(node, Math.max(used + bytes + COUNTS_SLACK_BYTES, 2 * capacity))
  }

  /** Gives back unused memory of a node that is complete. */
  #shrink(node: NodeCursor): void {
    const used = node.end + 1 - node.start
    // When memory is short, the node stays as it is.
    if (this.#capacity(node.ref) - used > used >>> 3) this.#resize(node, used)
  }

  #resize(node: NodeCursor, bytes: number): void {
    const old = node.ref
    const { memory, start, end } = node
    const ref = this.#allocate(bytes)
    const target = this.#memoryOf(ref)
    memory.u8.copy(target.memory.u8, target.start, start, end + 1)
    node.source.view.setInt32(node.at + REF, ref, true)
    node.ref = ref
    this.#locate(node)
    this.#release(old)
    this.layout = ++numbered.layouts
  }

  /**
   * Moves nodes out of chunks that are being emptied (value.ts). Of a long stream it moves the
   * first ones, which will be removed first anyway.
   */
  moveBlocks(): void {
    this.#index.moveBlocks()
    this.layout = ++numbered.layouts
    let left = MOVED_AT_ONCE
    for (let more = this.first(moving); more && left > 0; more = this.next(moving), left--) {
      if (moving.ref <= 0) continue
      const ref = this.arena.moveIfLeaving(moving.ref)
      if (ref !== moving.ref) moving.source.view.setInt32(moving.at + REF, ref, true)
    }
  }

  /**
   * Replaces the integer at `at` in a node. The bytes behind it move if the new one has another
   * size.
   */
  replaceInteger(node: NodeCursor, at: number, value: number): void {
    const old = nextElement(node.memory, at) - at
    const size = writeInteger64(scratch, 0, 0, value)
    if (size !== old) {
      if (node.end + 1 + size - old - node.start > this.#capacity(node.ref)) {
        const offset = at - node.start
        this.#resize(node, node.end + 1 - node.start + INTEGER_BYTES_MAX)
        at = node.start + offset
      }
      node.memory.u8.copyWithin(at + size, at + old, node.end + 1)
      finishListpack(node.memory, node.start, node.end + size - old, 0)
      node.end += size - old
      this.layout = ++numbered.layouts
    }
    scratch.u8.copy(node.memory.u8, at, 0, size)
  }

  /** Records in a node's header that `count` more of its entries are deleted. */
  countDeleted(node: NodeCursor, count: number): void {
    const at = node.start + LISTPACK_HEADER_BYTES
    this.#changeCount(node, at, -count)
    this.#changeCount(node, nextElement(node.memory, at), count)
  }

  #changeCount(node: NodeCursor, at: number, by: number): void {
    const { u8 } = node.memory
    const head = byteAt(u8, at)
    // Both counts have one byte, as nearly always.
    if (head < 0x80 && head + by < 0x80) u8[at] = head + by
    else this.replaceInteger(node, at, readSmall(node.memory, at) + by)
  }

  /** Removes a node; the cursor moves to the next one, false when there is none. */
  remove(node: NodeCursor): boolean {
    this.layout = ++numbered.layouts
    this.#release(node.ref)
    return this.#index.remove(node) && this.#open(node)
  }

  /**
   * Adds a copy of a listpack as the last node. False when it is not a node, or its ids are not in
   * order above all others. `last` is the last id of the node before, deleted entries included (0-0
   * for the first), and becomes that of this one. Throws ArenaFull.
   */
  appendListpack(master: StreamId, listpack: Bytes, last: StreamId): boolean {
    if (this.#index.last(loading) && loading.id(lastMaster).compare(master) >= 0) return false
    if (!isNode(listpack, master, last)) return false
    const ref = this.#allocate(listpack.length)
    const { memory, start } = this.#memoryOf(ref)
    listpack.source.u8.copy(memory.u8, start, listpack.start, listpack.start + listpack.length)
    try {
      this.#index.insert(master, loading)
    } catch (error) {
      this.#release(ref)
      throw error
    }
    loading.source.view.setInt32(loading.at + REF, ref, true)
    this.layout = ++numbered.layouts
    return true
  }

  // ── memory ───────────────────────────────────────────────────────────────

  #allocate(bytes: number): number {
    if (bytes <= BLOCK_CONTENT_BYTES_MAX) {
      const ref = this.arena.allocate(bytes)
      this.#bytes += this.arena.capacity(ref) + 4
      return ref
    }
    const source = this.arena.allocateLarge(bytes)
    this.#large ??= []
    let index = this.#large.indexOf(undefined)
    if (index === -1) index = this.#large.length
    this.#large[index] = source
    this.#bytes += bytes
    return ~index
  }

  #release(ref: number): void {
    if (ref > 0) {
      this.#bytes -= this.arena.capacity(ref) + 4
      this.arena.free(ref)
      return
    }
    const source = this.#large![~ref]!
    this.#large![~ref] = undefined
    this.#bytes -= source.u8.length
    this.arena.freeLarge(source)
  }

  #capacity(ref: number): number {
    return ref > 0 ? this.arena.capacity(ref) : this.#large![~ref]!.u8.length
  }

  #memoryOf(ref: number): { memory: Source; start: number } {
    if (ref > 0) return { memory: this.arena.source(ref), start: this.arena.start(ref) }
    return { memory: this.#large![~ref]!, start: 0 }
  }

  // ── the whole ────────────────────────────────────────────────────────────

  copy(arena: Arena): StreamNodes {
    const copy = new StreamNodes(arena)
    copy.#index = this.#index.copy(arena)
    if (!copy.#index.first(loading) || !this.first(copied)) return copy
    do {
      const ref = copy.#allocate(copied.end + 1 - copied.start)
      const { memory, start } = copy.#memoryOf(ref)
      copied.memory.u8.copy(memory.u8, start, copied.start, copied.end + 1)
      loading.source.view.setInt32(loading.at + REF, ref, true)
    } while (copy.#index.next(loading) && this.next(copied))
    return copy
  }

  /** Walks the index of the nodes in the checked build, and the memory of each. */
  check(): void {
    if (!CHECKED) return
    this.#index.check()
    const node = new NodeCursor()
    for (let more = this.first(node); more; more = this.next(node)) {
      if (node.ref > 0) this.arena.checkBlock(node.ref)
      assert(node.end < node.start + this.#capacity(node.ref), 'a node fits into its memory')
      assert(node.memory.u8[node.end] === LISTPACK_END, 'a node ends with its mark')
    }
  }

  /** Frees up to `max` nodes, the last first; returns their number. */
  freeSome(max: number): number {
    let freed = 0
    while (freed < max && this.last(loading)) {
      this.remove(loading)
      freed++
    }
    return freed
  }

  /**
   * Returns how many nodes the radix tree would have in which Redis files the listpacks of this
   * stream by their master ids (`radix-tree-nodes` of XINFO STREAM).
   *
   * The tree branches wherever neighbours differ. Between two branches, and from a branch to the
   * leaf, lies at most one more node.
   */
  countRadixNodes(): number {
    if (!this.first(loading)) return 1
    // Depths of the branches above the key that was added last.
    const branches: number[] = []
    let count = 2
    radixKey(loading.master, previousKey)
    while (this.next(loading)) {
      radixKey(loading.master, nextKey)
      let depth = 0
      while (previousKey[depth] === nextKey[depth]) depth++
      // The subtree left behind is complete, so its count is final. Where the path parts, a chain
      // is split.
      let below = ID_BYTES
      while (branches.length > 0 && itemAt(branches, branches.length - 1) > depth) below = branches.pop()!
      if (branches[branches.length - 1] !== depth) {
        const above = branches.length === 0 ? 0 : itemAt(branches, branches.length - 1) + 1
        const chains = (depth > above ? 1 : 0) + (below > depth + 1 ? 1 : 0)
        count += chains + 1 - (below > above ? 1 : 0)
        branches.push(depth)
      }
      count += 1 + (ID_BYTES > depth + 1 ? 1 : 0)
      nextKey.copy(previousKey)
    }
    return count
  }
}

function radixKey(id: StreamId, key: Buffer): void {
  key.writeInt32BE(id.msHigh, 0)
  key.writeInt32BE(id.msLow, 4)
  key.writeInt32BE(id.seqHigh, 8)
  key.writeInt32BE(id.seqLow, 12)
}

/**
 * Checks bytes to the last element for being a node, because RDB files and RESTORE's payloads are
 * untrusted. `previous` is the id before the node's first, and becomes its last.
 */
function isNode(listpack: Bytes, master: StreamId, previous: StreamId): boolean {
  const { source, start, length } = listpack
  if (length <= LISTPACK_HEADER_BYTES) return false
  const end = start + length - 1
  if (source.view.getUint32(start, true) !== length || source.u8[end] !== LISTPACK_END) return false
  let count = 0
  let at = start + LISTPACK_HEADER_BYTES
  const skip = (elements: number): boolean => {
    for (let i = 0; i < elements && at !== -1; i++, count++) at = checkedNext(source, at, end)
    return at !== -1
  }
  /** Reads an integer from 0 to 2^31 - 1; -1 = there is none. */
  const take = (): number => {
    const from = at
    if (!skip(1) || !readWide(source, from)) return -1
    const value = readSmall(source, from)
    return readHigh(source, from) === 0 && value >= 0 ? value : -1
  }
  const live = take()
  const deleted = take()
  const masterFields = take()
  if (live < 0 || deleted < 0 || masterFields < 0 || !skip(masterFields) || take() !== 0) return false
  let lived = 0
  for (let entry = 0; entry < live + deleted; entry++) {
    const before = count
    // Flags are changed in place, so they must have one byte.
    const flags = byteAt(source.u8, at)
    if (flags > (ENTRY_DELETED | ENTRY_SAME_FIELDS) || !skip(1)) return false
    let from = at
    if (!skip(1) || !readWide(source, from)) return false
    let low = (master.msLow >>> 0) + (wideLow >>> 0)
    entryId.msLow = low | 0
    entryId.msHigh = (master.msHigh + wideHigh + (low >= WORD ? 1 : 0)) | 0
    from = at
    if (!skip(1) || !readWide(source, from)) return false
    low = (master.seqLow >>> 0) + (wideLow >>> 0)
    entryId.seqLow = low | 0
    entryId.seqHigh = (master.seqHigh + wideHigh + (low >= WORD ? 1 : 0)) | 0
    if (entryId.compare(previous) <= 0) return false
    previous.copyFrom(entryId)
    const fields = (flags & ENTRY_SAME_FIELDS) !== 0 ? masterFields : take()
    if (fields < 0 || !skip((flags & ENTRY_SAME_FIELDS) !== 0 ? fields : 2 * fields)) return false
    const elements = count - before
    if (take() !== elements) return false
    if ((flags & ENTRY_DELETED) === 0) lived++
  }
  const named = source.view.getUint16(start + 4, true)
  return at === end && lived === live && (named === 65535 || named === count)
}

function readHigh(source: Source, at: number): number {
  return source.u8[at] === 0xf4 ? source.view.getInt32(at + 5, true) : 0
}

const scratch = Source.allocate(INTEGER_BYTES_MAX)
const loading = new NodeCursor()
const moving = new NodeCursor()
const copied = new NodeCursor()
const lastMaster = new StreamId()
const entryId = new StreamId()
const WORD = 2 ** 32
const previousKey = Buffer.alloc(ID_BYTES + 1)
const nextKey = Buffer.alloc(ID_BYTES + 1)
