// A store for snapshots of the data. With it, the log before a snapshot can be removed, and a new
// node need not read all of the log.

/** A snapshot of the data as it is after the batch at `position`. */
export interface StoredSnapshot {
  readonly position: number
  readonly bytes: number
}

export interface SnapshotStore {
  /**
   * Stores a snapshot. It is visible only when it is complete. An existing snapshot of this
   * position stays unchanged.
   */
  put(position: number, parts: AsyncIterable<Uint8Array>): Promise<void>
  /** Complete snapshots, oldest first. */
  list(): Promise<readonly StoredSnapshot[]>
  /** Yields the bytes of a snapshot. Throws in the middle rather than ending early. */
  get(position: number): AsyncIterable<Uint8Array>
  /** Does nothing when there is no such snapshot. */
  remove(position: number): Promise<void>
}
