// Messages between all nodes that have a log open, over the same servers. They are not kept.
//
// Each batch reaches every listener of that moment, the sender included, at most once. Batches of
// one sender arrive in the order of sending, but some may be missing. A listener that must know of
// missing batches counts them (src/shards/message-batch.ts).

export interface Messaging {
  /** The largest batch in bytes. */
  readonly batchBytesMax: number
  /**
   * Sends a batch; keeps the bytes until it has answered. Resolves when the batch has left and the
   * next one may be sent. Rejects with a LogError when the batch was lost or may have been; it is
   * not sent again.
   */
  send(batch: Uint8Array): Promise<void>
  /**
   * Calls `hear` with each batch from now on, until the log is closed. Call it once; `hear` may
   * keep the bytes.
   */
  listen(hear: (batch: Uint8Array) => void): void
}
