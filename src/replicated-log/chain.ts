// The records of a log in order: which of them count, and how far a reader has got.
//
// Every node decides from the contents of the log alone, so all nodes decide the same:
//
//   A record with an epoch below the highest epoch read does not count. An earlier leader had it in
//   flight.
//   Every other record must continue from the last record that counts: it names that record's hash.
//   A higher epoch begins with an epoch record.
//
// A record that fits neither rule is a `Gap`: the log has lost something, or holds other bytes than
// were written. A node that meets a gap stops.

import { assert } from '../util/assert.ts'
import { CHECKED } from '../util/invariant.ts'
import { Gap, type LogEntry } from './log.ts'
import { decodeEpochNote, decodeRecord, type EpochNote, type LogRecord, NO_HASH, type RecordKind } from './record.ts'

/**
 * How far a reader has got: the last position, with the epoch and hash of the last record up to
 * there that counts.
 */
export interface RecordPosition {
  readonly epoch: number
  readonly position: number
  readonly hash: string
}

/** How far a copy has got, and what its last records tell of the lead. */
export interface RestoredPosition extends RecordPosition {
  /** Set when the record there hands the lead over: to the node it names, or '' for any node. */
  readonly handedTo?: string
  /** The last leader that the copy names. */
  readonly leader?: EpochNote
}

/** The position before the first record. */
export const NOWHERE: RecordPosition = { epoch: 0, position: 0, hash: NO_HASH }

/**
 * A record that counts and completes what it tells: the last part of a record in parts, or a record
 * of one part.
 */
export interface CountedRecord {
  /** The record itself, after the parts that precede it. */
  readonly records: readonly LogRecord[]
  readonly kind: RecordKind
  /** The effects to apply; undefined when there are none. */
  readonly effects: Buffer | undefined
}

export class Chain implements RecordPosition {
  epoch: number
  position: number
  hash: string
  /** The leader, according to the records read so far; undefined while it is not known. */
  leader: EpochNote | undefined = undefined
  /** Set when the leader has handed over: the node it named, or '' for any node. */
  handedTo: string | undefined = undefined
  /** Parts of a record whose last part has not been read yet. */
  #parts: LogRecord[] = []

  constructor({ epoch, position, hash, handedTo, leader }: RestoredPosition) {
    this.epoch = epoch
    this.position = position
    this.hash = hash
    this.handedTo = handedTo
    this.leader = leader
  }

  /** Continues from another position: that of a snapshot. */
  goTo({ epoch, position, hash }: RecordPosition): void {
    this.epoch = epoch
    this.position = position
    this.hash = hash
    this.handedTo = undefined
    this.#parts = []
  }

  /**
   * Takes the record at the next position. Returns what it completes; undefined when it does not
   * count, or when more parts follow. Throws `Gap`.
   */
  take({ position, batch }: LogEntry): CountedRecord | undefined {
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

  /** Takes a record that is known to count because this node wrote it. */
  count(record: LogRecord): CountedRecord | undefined {
    assert(record.position === this.position + 1, 'records are counted at one position after the other')
    assert(record.previous === this.hash, 'a record that counts names the hash of the last one that counts')
    assert(record.epoch >= this.epoch, 'the epoch of records that count never goes back')
    assert(record.epoch > this.epoch === (record.kind === 'epoch'), 'an epoch record, and no other, begins an epoch')
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
      this.leader = decodeEpochNote(record.payload)
      if (record.kind === 'epoch') this.handedTo = undefined
    } else if (record.kind === 'handover') {
      this.handedTo = record.payload.toString()
    }
    // Parts without their last part are dropped: their leader was fenced in between.
    if (CHECKED && record.kind === 'effects')
      for (const { epoch } of records) assert(epoch === record.epoch, 'all parts of a record are of one epoch')
    const effects = record.kind === 'effects' ? Buffer.concat(records.map(({ payload }) => payload)) : undefined
    return { records, kind: record.kind, effects }
  }
}
