// A store of snapshots in memory, for tests.

import type { SnapshotStore, StoredSnapshot } from '../snapshot-store.ts'

export class MemorySnapshots implements SnapshotStore {
  readonly #snapshots = new Map<number, Buffer>()

  async put(position: number, parts: AsyncIterable<Uint8Array>): Promise<void> {
    const pieces: Uint8Array[] = []
    for await (const part of parts) pieces.push(part)
    if (!this.#snapshots.has(position)) this.#snapshots.set(position, Buffer.concat(pieces))
  }

  async list(): Promise<readonly StoredSnapshot[]> {
    return [...this.#snapshots]
      .map(([position, { length }]) => ({ position, bytes: length }))
      .sort((a, b) => a.position - b.position)
  }

  async *get(position: number): AsyncIterable<Uint8Array> {
    const snapshot = this.#snapshots.get(position)
    if (snapshot === undefined) throw new Error(`there is no snapshot at position ${position}`)
    yield snapshot
  }

  async remove(position: number): Promise<void> {
    this.#snapshots.delete(position)
  }

  /** Flips a bit in the middle of a snapshot. */
  damage(position: number): void {
    const snapshot = this.#snapshots.get(position)!
    snapshot[snapshot.length >> 1]! ^= 1
  }
}
