// A replicated log as the broker sees it: a sequence of batches, in one order, on the disks of a
// quorum.
//
// Other systems provide it (NATS JetStream, etcd); beside this file stands one adapter for each
// kind. The log keeps and orders bytes. It knows neither commands nor leaders: the records
// themselves tell who leads.
//
//   A append(…, 7) ─▶ 8        A believes that it leads
//   B lead(…, 8)   ─▶ 9        B has read to the end and begins an epoch: A's append at 8 is
//                              refused
//   A append(…, 9) ─▶ 10 (!)   an append of A that was in flight may still land behind B's record
//
// Because of the last line, comparing positions alone does not fence off an old leader. So every
// record carries its epoch (record.ts). Readers drop records with an epoch below the highest they
// have read. An acknowledgement counts for a leader only while no higher epoch began before it.

import type { Messaging } from './messaging.ts'

/** One batch, as it is in the log. */
export interface LogEntry {
  readonly position: number
  readonly batch: Uint8Array
}

/**
 * The positions kept, `first` to `last`. An empty log has `last` = `first` - 1; a new one has 1 and
 * 0.
 */
export interface LogBounds {
  readonly first: number
  readonly last: number
}

/** Positions count batches without gaps: the first batch has position 1, and 0 lies before it. */
export interface ReplicatedLog {
  /** The largest batch in bytes. The caller splits larger ones. */
  readonly batchBytesMax: number
  /**
   * How many appends may be in flight at once. They take effect in the order in which they were
   * begun, or not at all; see `Fenced`.
   */
  readonly inFlightMax: number
  /** Messages over the same servers to all other nodes that have this log open. */
  readonly messaging: Messaging

  /**
   * Puts a batch directly behind position `expected`; keeps the bytes until it has answered.
   * Resolves with the batch's position when that batch and all before it are on the disks of a
   * quorum. Throws `Fenced`, `OutcomeUnknown`, `LogFull`, `LogAway`.
   */
  append(batch: Uint8Array, expected: number): Promise<number>
  /**
   * The same for a record that begins an epoch. Call it while nothing of this client is in flight.
   */
  lead(record: Uint8Array, expected: number): Promise<number>
  /**
   * The batch at a position, as a quorum has it; undefined when there is none (yet). Throws
   * `Truncated` before the first.
   */
  at(position: number): Promise<Uint8Array | undefined>
  /** Asks a quorum: the answer includes everything that was acknowledged before the call. */
  bounds(): Promise<LogBounds>
  /**
   * Yields all batches from a position on, as they arrive, until the signal aborts. Continues by
   * itself after the log was away. Throws `Truncated` when the next position is not kept any more,
   * `Gap` when positions do not follow one another.
   */
  read(from: number, signal: AbortSignal): AsyncIterable<LogEntry>
  /** Removes everything before a position, and gives its space back. */
  truncate(before: number): Promise<void>
  /** Rejects what is in flight with `LogAway`. */
  close(): Promise<void>
}

/** A failure that the log reports. */
export class LogError extends Error {
  override name = 'LogError'
}

/**
 * The batch is not in the log and will not be. Other bytes are in its position; or, after an
 * earlier append has failed, the position is still empty: `at` tells. Appends begun after it may
 * still land behind those other bytes; their records say that they do not count.
 */
export class Fenced extends LogError {
  override name = 'Fenced'
}

/**
 * The answer was lost: the batch is in the log or is not. `at` tells. Appending the same bytes at
 * the same position again is harmless.
 */
export class OutcomeUnknown extends LogError {
  override name = 'OutcomeUnknown'
}

/** There is no room. The batch is not in the log. */
export class LogFull extends LogError {
  override name = 'LogFull'
}

/** No quorum can be reached. The batch is not in the log. */
export class LogAway extends LogError {
  override name = 'LogAway'
}

/** The position has been removed; a snapshot covers it. */
export class Truncated extends LogError {
  override name = 'Truncated'
}

/** The log does not hold what it must. A node that meets this stops. */
export class Gap extends LogError {
  override name = 'Gap'
}
