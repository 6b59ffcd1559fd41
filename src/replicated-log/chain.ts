// The records of a log, one after the other: which of them count, and how far a node has got.
//
// Every node decides by what the log holds, and by nothing else, so all of them decide the same:
//
//   A record of an epoch below the highest that was read does not count. It is what an earlier leader had under way.
//   Every other record must go on where the last one that counts ended: it names that one's hash. A higher epoch begins with an
//   epoch record.
//
// Whatever fits neither is a `Gap`: the log has lost something, or holds other bytes than were written. Nobody goes on then.

import { Gap, type LogEntry } from './log.ts'
import { decodeEpochNote, decodeRecord, type EpochNote, type LogRecord, NO_HASH, type RecordKind } from './record.ts'

/** How far somebody has got: the last position, and epoch and hash of the last record there or before it that counts. */
export interface RecordPosition {
  readonly epoch: number
  readonly position: number
  readonly hash: string
}

/** Before the first record. */
export const NOWHERE: RecordPosition = { epoch: 0, position: 0, hash: NO_HASH }

/** A record that counts, and has told something whole. */
export interface Counted {
  /** The last one, and the parts before it. */
  readonly records: readonly LogRecord[]
  readonly kind: RecordKind
  /** What is to be applied; undefined where nothing is. */
  readonly effects: Buffer | undefined
}

export class Chain implements RecordPosition {
  epoch: number
  position: number
  hash: string
  /** Who leads, as far as was read; undefined while it is not known. */
  leader: EpochNote | undefined = undefined
  /** The leader has said that it leads no more; whom it named, or '' for anybody. */
  handedTo: string | undefined = undefined
  /** Parts of what is not whole yet. */
  #parts: LogRecord[] = []

  constructor({ epoch, position, hash }: RecordPosition) {
    this.epoch = epoch
    this.position = position
    this.hash = hash
  }

  /** Goes on from another place: that of a snapshot. */
  goTo({ epoch, position, hash }: RecordPosition): void {
    this.epoch = epoch
    this.position = position
    this.hash = hash
    this.handedTo = undefined
    this.#parts = []
  }

  /** Takes what stands behind the last position. Returns what is told by it; undefined where it does not count, or more is to come. Throws `Gap`. */
  take({ position, batch }: LogEntry): Counted | undefined {
    if (position !== this.position + 1) throw new Gap(`position ${position} follows ${this.position}`)
    const record = decodeRecord(batch)
    if (record.position !== position)
      throw new Gap(`the record at position ${position} was written for position ${record.position}`)
    if (record.epoch < this.epoch) {
      this.position = position
      return undefined
    }
    const begins = record.kind === 'epoch'
    if (record.previous !== this.hash || begins !== record.epoch > this.epoch)
      throw new Gap(`the record at position ${position} does not follow what was read up to position ${this.position}`)
    return this.count(record)
  }

  /** Takes a record that is known to count: one of our own. */
  count(record: LogRecord): Counted | undefined {
    this.position = record.position
    this.hash = record.hash
    this.epoch = record.epoch
    if (record.kind === 'part') {
      this.#parts.push(record)
      return undefined
    }
    const records = [...this.#parts, record]
    this.#parts = []
    if (record.kind === 'epoch' || record.kind === 'lease') {
      this.leader = decodeEpochNote(record)
      if (record.kind === 'epoch') this.handedTo = undefined
    } else if (record.kind === 'handover') {
      this.handedTo = record.payload.toString()
    }
    // Parts whose end never came are nothing: their leader was fenced in between.
    const effects = record.kind === 'effects' ? Buffer.concat(records.map(({ payload }) => payload)) : undefined
    return { records, kind: record.kind, effects }
  }
}
