// Streams: types 15, 19 and 21, each with a little more than the one before. Written as 21.
//
//   [nodes]([16: id of the master][node])…
//   [length][last id]                        19: [first id][greatest id deleted][entries added]
//   [groups]([name][last id]                 19: [entries read, 2^64 - 1 = unknown]
//     [pending]([id, 16 B][delivered at, ms][deliveries])…
//     [consumers]([name][seen at, ms]        21: [active at, ms, -1 = never]
//       [pending]([id, 16 B])…)…)…
//
// Ids in 16 bytes are big-endian, elsewhere they are two lengths. A node is a listpack in the file
// as it is here (store/stream/stream-nodes.ts).

import type { Database } from '../../store/keyspace/database.ts'
import { Stream } from '../../store/stream/stream.ts'
import { EntryCursor } from '../../store/stream/stream-cursor.ts'
import { NEVER_ACTIVE, type StreamConsumer, type StreamGroup } from '../../store/stream/stream-group.ts'
import { ID_BYTES, StreamId } from '../../store/stream/stream-id.ts'
import { IndexCursor } from '../../store/stream/stream-index.ts'
import { NodeCursor } from '../../store/stream/stream-nodes.ts'
import { itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { Bytes, type Source } from '../../util/bytes/bytes.ts'
import { narrow } from '../../util/numbers/numbers.ts'
import { RdbDamage } from './damage.ts'
import { TYPE } from './rdb-format.ts'
import type { RdbInput } from './rdb-input.ts'
import type { RdbOutput } from './rdb-output.ts'
import type { StructureReader, StructureWriter } from './structure-codec.ts'

/** The piece that is read or written next. */
const NODES = 0
const NUMBERS = 1
const GROUP = 2
const GROUP_PENDING = 3
const CONSUMER = 4
const CONSUMER_PENDING = 5
const DONE = 6

/** The least bytes of each counted piece. */
const NODE_BYTES_MIN = ID_BYTES + 2
const GROUP_BYTES_MIN = 5
const PENDING_BYTES_MIN = ID_BYTES + 9
const CONSUMER_BYTES_MIN = 10

/** Room for the id under way: no piece pauses between reading and using one. */
const id = new StreamId()

export class StreamReader implements StructureReader {
  value: Stream | undefined = undefined
  #type = 0
  #next = NODES
  /**
   * Nodes, groups, pending entries of the group, consumers, pending entries of the consumer still
   * to come; -1 = not known yet.
   */
  #nodesLeft = -1
  #groupsLeft = -1
  #pendingLeft = 0
  #consumersLeft = -1
  #ownedLeft = 0
  #group!: StreamGroup
  #consumer!: StreamConsumer
  readonly #text = new Bytes()
  /** The last entry read, deleted ones included. */
  readonly #last = new StreamId()
  readonly #first = new EntryCursor()

  begin(type: number, db: Database): void {
    this.#type = type
    this.#next = NODES
    this.#nodesLeft = -1
    this.#groupsLeft = -1
    this.#consumersLeft = -1
    this.value = new Stream(db.arena)
    this.#last.setZero()
  }

  read(input: RdbInput): void {
    while (this.#next !== DONE) {
      // Each of these takes one piece, or says which piece comes next.
      if (this.#next === NODES) this.#readNode(input)
      else if (this.#next === NUMBERS) this.#readNumbers(input)
      else if (this.#next === GROUP) this.#readGroup(input)
      else if (this.#next === GROUP_PENDING) this.#readPending(input)
      else if (this.#next === CONSUMER) this.#readConsumer(input)
      else this.#readOwned(input)
      input.keep()
    }
  }

  #readNode(input: RdbInput): void {
    if (this.#nodesLeft === -1) {
      this.#nodesLeft = input.count(NODE_BYTES_MIN)
    } else if (this.#nodesLeft === 0) {
      this.#next = NUMBERS
    } else {
      const master = input.string(this.#text)
      if (master.length !== ID_BYTES) throw new RdbDamage('a node of a stream has no id')
      readId(master.source, master.start)
      if (!this.value!.nodes.appendListpack(id, input.blob(), this.#last))
        throw new RdbDamage('a node of a stream is damaged')
      this.#nodesLeft--
    }
  }

  #readNumbers(input: RdbInput): void {
    const stream = this.value
    assert(stream !== undefined, 'a stream that is read was begun')
    const length = input.length()
    readLengthId(input, stream.lastId)
    let added: number | bigint = length
    if (this.#type !== TYPE.streamV1) {
      readLengthId(input, id)
      readLengthId(input, stream.maxDeletedId)
      added = signed(input.uint64())
    }
    stream.recount()
    stream.entriesAdded = added
    if (stream.first(this.#first)) stream.firstId.copyFrom(this.#first.id)
    if (this.#last.compare(stream.lastId) > 0) throw new RdbDamage('a stream has entries behind its last id')
    this.#next = GROUP
  }

  #readGroup(input: RdbInput): void {
    if (this.#groupsLeft === -1) {
      this.#groupsLeft = input.count(GROUP_BYTES_MIN)
      return
    }
    if (this.#groupsLeft === 0) {
      this.#next = DONE
      return
    }
    const stream = this.value
    assert(stream !== undefined, 'a stream that is read was begun')
    const name = input.string(this.#text)
    if (stream.groups.get(name) !== undefined) throw new RdbDamage('a stream has the same group twice')
    readLengthId(input, id)
    // The number may be negative: one that went beyond 64 bits has become so, and stays so.
    const read = this.#type === TYPE.streamV1 ? stream.entriesUpTo(id) : signed(input.uint64())
    this.#pendingLeft = input.count(PENDING_BYTES_MIN)
    this.#group = stream.addGroup(name, id, read)
    this.#groupsLeft--
    this.#next = GROUP_PENDING
  }

  #readPending(input: RdbInput): void {
    if (this.#pendingLeft === 0) {
      this.#consumersLeft = -1
      this.#next = CONSUMER
      return
    }
    input.need(ID_BYTES)
    readId(input.source, input.at)
    input.at += ID_BYTES
    const time = input.int64()
    const count = signed(input.uint64())
    if (!this.#group.restorePending(id, time, count)) throw new RdbDamage('an entry is pending twice in a group')
    this.#pendingLeft--
  }

  #readConsumer(input: RdbInput): void {
    if (this.#consumersLeft === -1) {
      this.#consumersLeft = input.count(CONSUMER_BYTES_MIN)
      return
    }
    if (this.#consumersLeft === 0) {
      if (!this.#group.isOwned) throw new RdbDamage('an entry is pending in a group, but for no consumer')
      this.#next = GROUP
      return
    }
    const name = input.string(this.#text)
    if (this.#group.consumers.get(name) !== undefined) throw new RdbDamage('a group has the same consumer twice')
    const seen = input.int64()
    const active = this.#type === TYPE.streamV3 ? input.int64() : seen
    this.#ownedLeft = input.count(ID_BYTES)
    this.#consumer = this.#group.addConsumer(name, seen)
    this.#consumer.activeTime = active < 0 ? NEVER_ACTIVE : active
    this.#consumersLeft--
    this.#next = CONSUMER_PENDING
  }

  #readOwned(input: RdbInput): void {
    if (this.#ownedLeft === 0) {
      this.#next = CONSUMER
      return
    }
    input.need(ID_BYTES)
    readId(input.source, input.at)
    input.at += ID_BYTES
    if (!this.#group.restoreOwner(id, this.#consumer)) {
      throw new RdbDamage('an entry is pending for a consumer, but not in the group or for another one too')
    }
    this.#ownedLeft--
  }
}

export class StreamWriter implements StructureWriter {
  #stream!: Stream
  #next = NODES
  #left = 0
  #groupIndex = 0
  #consumerIndex = 0
  readonly #node = new NodeCursor()
  readonly #pending = new IndexCursor()

  typeOf(): number {
    return TYPE.streamV3
  }

  begin(stream: Stream): void {
    this.#stream = stream
    this.#next = NODES
    this.#left = -1
    this.#groupIndex = -1
  }

  write(output: RdbOutput, untilBytes: number): boolean {
    while (this.#next !== DONE) {
      if (output.length >= untilBytes || output.hasRest) return false
      if (this.#next === NODES) this.#writeNode(output)
      else if (this.#next === NUMBERS) this.#writeNumbers(output)
      else if (this.#next === GROUP) this.#writeGroup(output)
      else if (this.#next === GROUP_PENDING) this.#writePending(output)
      else if (this.#next === CONSUMER) this.#writeConsumer(output)
      else this.#writeOwned(output)
    }
    return true
  }

  #writeNode(output: RdbOutput): void {
    const { nodes } = this.#stream
    const node = this.#node
    if (this.#left === -1) {
      this.#left = nodes.count
      output.lengthOf(this.#left)
      nodes.first(node)
    } else if (this.#left === 0) {
      this.#next = NUMBERS
    } else {
      output.lengthOf(ID_BYTES)
      writeId(output, node.master)
      output.stringOf(node.memory, node.start, node.end + 1 - node.start)
      this.#left--
      nodes.next(node)
    }
  }

  #writeNumbers(output: RdbOutput): void {
    const stream = this.#stream
    output.lengthOf(stream.length)
    writeLengthId(output, stream.lastId)
    writeLengthId(output, stream.firstId)
    writeLengthId(output, stream.maxDeletedId)
    output.uint64(stream.entriesAdded)
    this.#next = GROUP
  }

  #writeGroup(output: RdbOutput): void {
    const { all } = this.#stream.groups
    if (this.#groupIndex === -1) output.lengthOf(all.length)
    const group = all[++this.#groupIndex]
    if (group === undefined) {
      this.#next = DONE
      return
    }
    output.string(group.name)
    writeLengthId(output, group.lastId)
    output.uint64(group.entriesRead)
    this.#left = group.pending.count
    output.lengthOf(this.#left)
    group.pending.first(this.#pending)
    this.#next = GROUP_PENDING
  }

  #writePending(output: RdbOutput): void {
    const group = itemAt(this.#stream.groups.all, this.#groupIndex)
    const at = this.#pending
    if (this.#left === 0) {
      output.lengthOf(group.consumers.count)
      this.#consumerIndex = -1
      this.#next = CONSUMER
      return
    }
    writeId(output, at.id(id))
    output.int64(Math.trunc(group.deliveryTime(at)))
    output.uint64(group.deliveryCount(at))
    this.#left--
    group.pending.next(at)
  }

  #writeConsumer(output: RdbOutput): void {
    const consumer = itemAt(this.#stream.groups.all, this.#groupIndex).consumers.all[++this.#consumerIndex]
    if (consumer === undefined) {
      this.#next = GROUP
      return
    }
    output.string(consumer.name)
    output.int64(Math.trunc(consumer.seenTime))
    output.int64(Math.trunc(consumer.activeTime))
    this.#left = consumer.pending.count
    output.lengthOf(this.#left)
    consumer.pending.first(this.#pending)
    this.#next = CONSUMER_PENDING
  }

  #writeOwned(output: RdbOutput): void {
    if (this.#left === 0) {
      this.#next = CONSUMER
      return
    }
    writeId(output, this.#pending.id(id))
    this.#left--
    itemAt(itemAt(this.#stream.groups.all, this.#groupIndex).consumers.all, this.#consumerIndex).pending.next(
      this.#pending,
    )
  }
}

/** Reads an id of 16 bytes into `id`. */
function readId(source: Source, at: number): void {
  const { view } = source
  id.set(
    view.getInt32(at, false),
    view.getInt32(at + 4, false),
    view.getInt32(at + 8, false),
    view.getInt32(at + 12, false),
  )
}

function writeId(output: RdbOutput, from: StreamId): void {
  const at = output.reserve(ID_BYTES)
  const { view } = output.source
  view.setInt32(at, from.msHigh, false)
  view.setInt32(at + 4, from.msLow, false)
  view.setInt32(at + 8, from.seqHigh, false)
  view.setInt32(at + 12, from.seqLow, false)
  output.length = at + ID_BYTES
}

/** Reads an id that is two lengths. */
function readLengthId(input: RdbInput, to: StreamId): void {
  const ms = input.uint64()
  to.copyFrom(StreamId.of(ms, input.uint64()))
}

function writeLengthId(output: RdbOutput, from: StreamId): void {
  output.uint64(from.ms)
  output.uint64(from.seq)
}

/** Returns the 64 bits as a signed number, as streams count. */
function signed(bits: bigint): number | bigint {
  return narrow(BigInt.asIntN(64, bits))!
}
