// The kept messages in flight to one member of a group, in a queue: they were sent and are not yet
// certain to be heard.
//
// The texts stay in the log. A message takes 40 bytes here: its id, its log and two numbers, in
// arrays. A fast group always has hundreds of thousands in flight (what it hears within
// `redeliver`).

import { StreamId } from '../../store/stream/stream-id.ts'
import { numberAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { Source } from '../../util/bytes/bytes.ts'
import type { ChannelLog } from '../log/channel-log.ts'

const ID_BYTES = 16
const CAPACITY_MIN = 16

const found = new StreamId()

export class InFlightMessages {
  /** Number of messages in the queue. */
  length = 0
  /** Index of the first message. Those before it are removed. */
  #first = 0
  #ids = new Source(Buffer.alloc(0))
  #ends = new Float64Array(0)
  #counts = new Float64Array(0)
  #logs: (ChannelLog | undefined)[] = []

  /**
   * Adds a message. `end` is its end among the bytes sent to the member; `count` is its number in
   * the channel, or UNCOUNTED.
   */
  push(log: ChannelLog, id: StreamId, count: number, end: number): void {
    if (this.#first + this.length === this.#ends.length) this.#makeRoom()
    const at = this.#first + this.length++
    assert(this.length === 1 || end >= numberAt(this.#ends, at - 1), 'messages are in the order of sending')
    id.store(this.#ids, ID_BYTES * at)
    this.#ends[at] = end
    this.#counts[at] = count
    this.#logs[at] = log
  }

  /** Removes the messages that end at `end` or before. */
  removeUpTo(end: number): void {
    while (this.length > 0 && numberAt(this.#ends, this.#first) <= end) {
      this.#logs[this.#first++] = undefined
      this.length--
    }
    if (this.length === 0) this.clear()
  }

  /** Removes a message and those before it; returns false when it is not in the queue. */
  removeThrough(id: StreamId): boolean {
    let at = 0
    while (at < this.length && !this.idAt(at, found).equals(id)) at++
    if (at === this.length) return false
    this.removeUpTo(numberAt(this.#ends, this.#first + at))
    return true
  }

  clear(): void {
    this.length = 0
    this.#first = 0
    if (this.#ends.length > CAPACITY_MIN) this.#move(CAPACITY_MIN)
    this.#logs.length = 0
  }

  idAt(index: number, id: StreamId): StreamId {
    return id.load(this.#ids, ID_BYTES * (this.#first + index))
  }

  countAt(index: number): number {
    assert(index < this.length, 'the index is within the queue')
    return numberAt(this.#counts, this.#first + index)
  }

  logAt(index: number): ChannelLog {
    const log = this.#logs[this.#first + index]
    assert(log !== undefined, 'a message in flight has a log')
    return log
  }

  /** Moves the queue to the front, into arrays twice as large when more than half is in use. */
  #makeRoom(): void {
    const capacity = this.#ends.length
    this.#move(Math.max(CAPACITY_MIN, this.length > capacity / 2 ? 2 * capacity : capacity))
  }

  #move(capacity: number): void {
    const first = this.#first
    const end = first + this.length
    const ids = Buffer.alloc(ID_BYTES * capacity)
    this.#ids.u8.copy(ids, 0, ID_BYTES * first, ID_BYTES * end)
    this.#ids = new Source(ids)
    const ends = new Float64Array(capacity)
    ends.set(this.#ends.subarray(first, end))
    this.#ends = ends
    const counts = new Float64Array(capacity)
    counts.set(this.#counts.subarray(first, end))
    this.#counts = counts
    this.#logs = this.#logs.slice(first, end)
    this.#first = 0
    assert(capacity >= this.length, 'the queue fits its arrays')
  }
}
