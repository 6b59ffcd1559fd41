// The kept messages in flight to one member of a group, in a queue: they were sent and are not yet
// certain to be heard.
//
// The texts stay in the log. A message takes 40 bytes here: its id, its log and two numbers, in
// arrays. A fast group always has hundreds of thousands in flight (what it hears within
// `redeliver`).
//
// Ids usually grow in the queue. A redelivered message has a lower id than messages that were sent
// before it, so the queue is a row of runs with growing ids. The least id is at the beginning of
// the queue or of a later run. Of the later runs only those are noted that no run behind them
// undercuts.

import { StreamId } from '../../store/stream/stream-id.ts'
import { numberAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { Source } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import type { ChannelLog } from '../log/channel-log.ts'

const ID_BYTES = 16
const CAPACITY_MIN = 16

const found = new StreamId()

/** A message with a lower id than the message sent before it. */
interface RunStart {
  /** Its number among all messages that were ever in the queue. */
  readonly number: number
  readonly id: StreamId
}

export class InFlightMessages {
  /** Number of messages in the queue. */
  length = 0
  /** Index of the first message. Those before it are removed. */
  #first = 0
  #ids = new Source(Buffer.alloc(0))
  #ends = new Float64Array(0)
  #counts = new Float64Array(0)
  #logs: (ChannelLog | undefined)[] = []
  /** Number of messages that were removed. */
  #removed = 0
  /** The last id that was added. */
  readonly #last = new StreamId()
  /** Starts of later runs, in the order of sending; their ids grow. */
  #runs: RunStart[] = []

  /**
   * Adds a message. `end` is its end among the bytes sent to the member; `count` is its number in
   * the channel, or UNCOUNTED.
   */
  push(log: ChannelLog, id: StreamId, count: number, end: number): void {
    if (this.#first + this.length === this.#ends.length) this.#makeRoom()
    const at = this.#first + this.length++
    assert(this.length === 1 || end >= numberAt(this.#ends, at - 1), 'messages are in the order of sending')
    if (this.length > 1 && id.compare(this.#last) < 0) this.#beginRun(id)
    this.#last.copyFrom(id)
    id.store(this.#ids, ID_BYTES * at)
    this.#ends[at] = end
    this.#counts[at] = count
    this.#logs[at] = log
  }

  #beginRun(id: StreamId): void {
    const runs = this.#runs
    for (let last = runs.at(-1); last !== undefined && last.id.compare(id) > 0; last = runs.at(-1)) runs.pop()
    runs.push({ number: this.#removed + this.length - 1, id: new StreamId().copyFrom(id) })
  }

  /** Removes the messages that end at `end` or before. */
  removeUpTo(end: number): void {
    while (this.length > 0 && numberAt(this.#ends, this.#first) <= end) {
      this.#logs[this.#first++] = undefined
      this.#removed++
      this.length--
    }
    while (this.#runs[0] !== undefined && this.#runs[0].number < this.#removed) this.#runs.shift()
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
    this.#removed = 0
    this.#runs = []
    if (this.#ends.length > CAPACITY_MIN) this.#move(CAPACITY_MIN)
    this.#logs.length = 0
  }

  idAt(index: number, id: StreamId): StreamId {
    return id.load(this.#ids, ID_BYTES * (this.#first + index))
  }

  /** Index of the message with the least id; -1 when the queue is empty. */
  get lowest(): number {
    if (this.length === 0) return -1
    const [run] = this.#runs
    const isFirst = run === undefined || this.idAt(0, found).compare(run.id) < 0
    const lowest = isFirst ? 0 : run.number - this.#removed
    if (CHECKED) this.#checkLowest(lowest)
    return lowest
  }

  #checkLowest(lowest: number): void {
    const least = this.idAt(lowest, new StreamId())
    for (let i = 0; i < this.length; i++) {
      assert(this.idAt(i, found).compare(least) >= 0, 'no message in flight has a lower id')
    }
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
