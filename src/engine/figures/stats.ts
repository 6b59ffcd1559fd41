// Counters for INFO: those that the engine counts itself.

import type { ReplyError } from '../../protocol/errors.ts'
import { DurationCounts } from '../../util/time/duration-counts.ts'

/** Error codes kept for `errorstats`. Scripts may make up codes, so there must be a bound. */
const ERROR_CODES_MAX = 128

/**
 * The counters that CONFIG RESETSTAT sets back. A row of INFO shows each
 * (commands/server/info-table.ts).
 */
class Counters {
  connectionsReceived = 0
  connectionsRejected = 0
  commandsProcessed = 0
  /** The number of turns that have ended, and the most commands of one turn. */
  turns = 0
  commandsPerTurnMax = 0
  /**
   * The longest turn, and what the journal's writes and work by the clock took in all, in
   * milliseconds.
   */
  turnMsMax = 0
  journalMs = 0
  upkeepMs = 0
  readsProcessed = 0
  writesProcessed = 0
  inputBytes = 0
  outputBytes = 0
  /** Bytes that came from a primary. They are not part of `inputBytes`. */
  replicationInputBytes = 0
  expiredKeys = 0
  evictedKeys = 0
  /** Connections closed because all connections together took too much memory. */
  evictedClients = 0
  /** Removed values whose memory was freed in steps. */
  lazyFreedObjects = 0
  errorReplies = 0
  /** Refusals for lack of rights, by what was refused. */
  accessDenied = { auth: 0, command: 0, key: 0, channel: 0 }
  outputLimitDisconnects = 0
  /**
   * Replicas that got a full copy, that went on from their offset, and that asked to go on and
   * could not.
   */
  fullSyncs = 0
  partialSyncs = 0
  partialSyncsRefused = 0
  /** Bytes sent to replicas. */
  streamedBytes = 0
  /**
   * Messages of kept channels that some subscriber will never get: they were removed before it read
   * them, or it was too slow.
   */
  messagesMissed = 0
  /** Subscribers that continued at a remembered position. */
  positionsResumed = 0
}

export class Stats extends Counters {
  /** The number of times that the counters were set back. */
  resets = 0
  changesSinceSave = 0
  usedMemoryPeak = 0
  /** Clients that are paused. */
  pausedClients = 0
  /** The duration of each fdatasync of the append-only file. */
  readonly syncs = new DurationCounts()
  /** Error code → count. */
  readonly errors = new Map<string, number>()

  /** Counts work by the clock, which is a turn of its own. */
  countUpkeep(milliseconds: number): void {
    this.upkeepMs += milliseconds
    this.countTurn(milliseconds)
  }

  /** Counts the duration of a turn. */
  countTurn(milliseconds: number): void {
    if (milliseconds > this.turnMsMax) this.turnMsMax = milliseconds
  }

  countError(error: ReplyError): void {
    this.errorReplies++
    const { code } = error
    const count = this.errors.get(code)
    if (count !== undefined || this.errors.size < ERROR_CODES_MAX) this.errors.set(code, (count ?? 0) + 1)
  }

  /** CONFIG RESETSTAT. */
  reset(): void {
    Object.assign(this, new Counters())
    this.resets++
    this.errors.clear()
    this.syncs.reset()
  }
}
