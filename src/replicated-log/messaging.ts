// Messages between all who have a log open, over the same servers: what is said is not kept.
//
// Each batch is heard by everybody who listens at that moment, its sender included, at most once; batches of one sender are heard in the order in which
// they were sent, and between two of them some may be missing. Whoever must know what is missing counts (src/shards/message-batch.ts).

export interface Messaging {
  /** The largest batch in bytes. */
  readonly batchBytesMax: number
  /**
   * Sends a batch, and keeps the bytes until it has answered: it has left, and the next one may be sent. Rejects with a LogError where it was lost, or may have
   * been; it is not sent again.
   */
  send(batch: Uint8Array): Promise<void>
  /** Has `hear` called with each batch from now on, until the log is closed. To be called once; `hear` may keep the bytes. */
  listen(hear: (batch: Uint8Array) => void): void
}
