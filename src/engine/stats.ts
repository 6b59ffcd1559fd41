// Counters for INFO: only what the engine counts itself.

import type { ReplyError } from '../protocol/errors.ts'

/** Error codes kept for `errorstats`; a client that makes up codes (scripts) must not grow it without bound. */
const ERROR_CODES_MAX = 128

export class Stats {
  connectionsReceived = 0
  connectionsRejected = 0
  commandsProcessed = 0
  inputBytes = 0
  outputBytes = 0
  expiredKeys = 0
  evictedKeys = 0
  /** Connections closed because all together took too much memory. */
  evictedClients = 0
  /** Removed values whose memory was freed in steps. */
  lazyFreedObjects = 0
  errorReplies = 0
  outputLimitDisconnects = 0
  changesSinceSave = 0
  usedMemoryPeak = 0
  /** Error code → count. */
  readonly errors = new Map<string, number>()

  countError(error: ReplyError): void {
    this.errorReplies++
    const { code } = error
    const count = this.errors.get(code)
    if (count !== undefined || this.errors.size < ERROR_CODES_MAX) this.errors.set(code, (count ?? 0) + 1)
  }

  /** CONFIG RESETSTAT. */
  reset(): void {
    this.connectionsReceived = 0
    this.connectionsRejected = 0
    this.commandsProcessed = 0
    this.inputBytes = 0
    this.outputBytes = 0
    this.expiredKeys = 0
    this.evictedKeys = 0
    this.evictedClients = 0
    this.lazyFreedObjects = 0
    this.errorReplies = 0
    this.outputLimitDisconnects = 0
    this.errors.clear()
  }
}
