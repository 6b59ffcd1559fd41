// A replicated log as the broker sees it: one row of batches, in one order, on the disks of a quorum.
//
// Others built it (NATS JetStream, etcd); an adapter a kind stands beside this file. It keeps bytes and
// orders them, it knows no command and no leader. Who leads is said in the records themselves:
//
//   A append(…, 7) ─▶ 8        A believes that it leads
//   B lead(…, 8)   ─▶ 9        B has read to the end and begins an epoch: what A appends at 8 is refused
//   A append(…, 9) ─▶ 10 (!)   an append of A that was under way may still land behind B's record
//
// The last line is why a fence of positions is no fence of leaders: every record carries its epoch (record.ts),
// whoever reads drops records of an epoch below the highest it has read, and an acknowledgement counts for
// a leader only while no higher epoch began before it.

import type { Messaging } from './messaging.ts'

/** One batch, as it stands in the log. */
export interface LogEntry {
  readonly position: number
  readonly batch: Uint8Array
}

/** What is kept: positions `first` to `last`; an empty log has `last` = `first` - 1, a new one 1 and 0. */
export interface LogBounds {
  readonly first: number
  readonly last: number
}

/** Positions count batches, without gaps: the first batch has position 1, and 0 lies before it. */
export interface ReplicatedLog {
  /** The largest batch in bytes; what is larger is cut by whoever appends. */
  readonly batchBytesMax: number
  /** Appends that may be under way at once. They take effect in the order in which they were begun, or not at all; see `Fenced`. */
  readonly inFlightMax: number
  /** The way over the same servers to all others who have it open. */
  readonly messaging: Messaging

  /**
   * Puts a batch right behind position `expected`, and keeps the bytes until it has answered. Resolves with the batch's position when it and all
   * before it are on the disks of a quorum.
   * Throws `Fenced`, `OutcomeUnknown`, `LogFull`, `LogAway`.
   */
  append(batch: Uint8Array, expected: number): Promise<number>
  /** The same for the record that begins an epoch. Called while nothing of this client is under way. */
  lead(record: Uint8Array, expected: number): Promise<number>
  /** The batch at a position, as a quorum has it; undefined where there is none (yet). Throws `Truncated` before the first. */
  at(position: number): Promise<Uint8Array | undefined>
  /** Asks a quorum: whatever was acknowledged before the call is within the answer. */
  bounds(): Promise<LogBounds>
  /**
   * All batches from a position on, as they come, until the signal says stop. Goes on by itself after the log was away. Ends with `Truncated` when
   * what should come next is not kept any more, with `Gap` when positions do not follow one another.
   */
  read(from: number, signal: AbortSignal): AsyncIterable<LogEntry>
  /** Removes what lies before a position, and gives its space back. */
  truncate(before: number): Promise<void>
  /** Ends what is under way with `LogAway`. */
  close(): Promise<void>
}

/** Whatever a log answers instead of doing what it was asked. */
export class LogError extends Error {
  override name = 'LogError'
}

/**
 * Something else stands where the batch should have gone; or, where an append before it has failed, nothing does yet: `at` tells. It is not in the log
 * and does not come to be there. What was begun after it may still land, behind that something else: its record says that it does not count.
 */
export class Fenced extends LogError {
  override name = 'Fenced'
}

/** The answer was lost: the batch is in the log or is not. `at` tells; appending the same bytes at the same place again is harmless. */
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

/** What was asked for has been removed; a snapshot has it. */
export class Truncated extends LogError {
  override name = 'Truncated'
}

/** The log does not hold what it must. Nobody who meets this goes on. */
export class Gap extends LogError {
  override name = 'Gap'
}
