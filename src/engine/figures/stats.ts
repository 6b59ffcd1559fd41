// Counters for INFO: only what the engine counts itself.

import type { ReplyError } from '../../protocol/errors.ts'
import { DurationCounts } from '../../util/time/duration-counts.ts'

/** Error codes kept for `errorstats`; a client that makes up codes (scripts) must not grow it without bound. */
const ERROR_CODES_MAX = 128

/** What CONFIG RESETSTAT sets back. Each is shown by a row of INFO (commands/server/info-table.ts). */
class Counters {
  connectionsReceived = 0
  connectionsRejected = 0
  commandsProcessed = 0
  /** Turns of the loop that ended here, and the most commands of one. */
  turns = 0
  commandsPerTurnMax = 0
  /** The longest turn, and what the journal's writes and work by the clock took in all, in milliseconds. */
  turnMsMax = 0
  journalMs = 0
  upkeepMs = 0
  readsProcessed = 0
  writesProcessed = 0
  inputBytes = 0
  outputBytes = 0
  /** Of the bytes above those that came from a primary are not counted, but here. */
  replicationInputBytes = 0
  expiredKeys = 0
  evictedKeys = 0
  /** Connections closed because all together took too much memory. */
  evictedClients = 0
  /** Removed values whose memory was freed in steps. */
  lazyFreedObjects = 0
  errorReplies = 0
  /** What users were refused, by what it was. */
  accessDenied = { auth: 0, command: 0, key: 0, channel: 0 }
  outputLimitDisconnects = 0
  /** Replicas that were given everything, that could go on, and that wanted to and could not. */
  fullSyncs = 0
  partialSyncs = 0
  partialSyncsRefused = 0
  /** Bytes sent to replicas. */
  streamedBytes = 0
  /** Messages of channels under rules that somebody will never hear: they went before they were read, or a slow subscriber was spared them. */
  messagesMissed = 0
}

export class Stats extends Counters {
  /** How often the counters were set back. */
  resets = 0
  changesSinceSave = 0
  usedMemoryPeak = 0
  /** Clients of which nothing is run for now. */
  pausedClients = 0
  /** How long each fdatasync of the append-only file took. */
  readonly syncs = new DurationCounts()
  /** Error code → count. */
  readonly errors = new Map<string, number>()

  /** Work by the clock took so long: it is a turn of its own. */
  countUpkeep(milliseconds: number): void {
    this.upkeepMs += milliseconds
    this.countTurn(milliseconds)
  }

  /** A turn took so long. */
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
