// What a sender reads: bytes one after the other, each at an offset, of which somebody else keeps as many as are needed.

/** Bytes that several senders read, each at a place of its own. */
export interface SharedBytes {
  /** Offset behind the last byte. */
  readonly end: number
  /** Returns bytes from `offset` on, at least one and as many as lie together; `offset` is before the end. They do not change any more. */
  slice(offset: number): Buffer
}
