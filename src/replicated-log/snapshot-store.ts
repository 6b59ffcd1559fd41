// Where snapshots of the data lie, so that the log before them can be removed and a new node need not read all of it.

/** A snapshot of the data as it is after the batch at `position`. */
export interface StoredSnapshot {
  readonly position: number
  readonly bytes: number
}

export interface SnapshotStore {
  /** Keeps a snapshot. Nobody sees it before it is whole; one that is there already for this position stays as it is. */
  put(position: number, parts: AsyncIterable<Uint8Array>): Promise<void>
  /** Those that are whole, oldest first. */
  list(): Promise<readonly StoredSnapshot[]>
  /** The bytes of one. Fails in the middle rather than end early. */
  get(position: number): AsyncIterable<Uint8Array>
  /** Does nothing where there is none. */
  remove(position: number): Promise<void>
}
