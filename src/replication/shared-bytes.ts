// The bytes that senders read, each at an offset; their owner keeps as many as are needed.

/** Bytes that several senders read, each at an offset of its own. */
export interface SharedBytes {
  /** The offset behind the last byte. */
  readonly end: number
  /**
   * Returns bytes from `offset` on: at least one, and as many as are contiguous. `offset` is before
   * the end. The bytes do not change any more.
   */
  slice(offset: number): Buffer
}
