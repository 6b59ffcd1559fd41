// The state of a client's output: is it muted, withheld, waiting for the turn's end, or too much?
// The bytes themselves are the client's (client.ts).

export class ClientOutput {
  /** CLIENT REPLY. `skip` mutes the next command, and becomes `skipping` until that has replied. */
  replyMode: 'on' | 'off' | 'skip' | 'skipping' = 'on'
  /** While muted: output before this position is sent all the same. */
  keptPosition = 0
  /** Journal offset that must be written before its replies leave: the end of its last write. */
  waitsForWritten = 0
  /** Journal offset that must be synced before its replies leave. */
  waitsForSynced = 0
  /** Its replies are withheld until the journal has caught up. */
  heldForDurability = false
  /** Offset of the replicas' stream behind its last write (WAIT). */
  streamOffset = 0
  /**
   * Bytes of the replicas' stream that it has not been sent yet. All replicas share their memory.
   */
  streamBytes = 0
  /** It is in the list of clients with replies to send. */
  queuedForFlush = false
  /** Unix ms since when it has exceeded the soft output limit; 0 = it has not. */
  softLimitSinceMs = 0
  /**
   * It has exceeded an output limit: it gets nothing more, and is disconnected at the turn's end.
   */
  overLimit = false
}
