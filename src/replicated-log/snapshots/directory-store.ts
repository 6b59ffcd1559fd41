// Snapshots in a directory that all nodes share: on a network file system or, on one machine, any.
//
//   temp-RANDOM-snapshot-0000000000000042.rdb   being written
//   snapshot-0000000000000042.rdb               complete: written, synced, renamed, the directory
//                                               synced
//
// Two nodes that put a snapshot of the same position at the same time both succeed; one of the two
// files stays, and both are complete.

import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { type Disk, writeAll } from '../../persistence/disk/disk.ts'
import type { SnapshotStore, StoredSnapshot } from '../snapshot-store.ts'
import { snapshotName, snapshotPosition } from './snapshot-name.ts'

/** A snapshot is read in pieces of this size. */
const READ_BYTES = 1024 * 1024
const TEMPORARY = /^temp-[0-9a-f]+-/

export class DirectoryStore implements SnapshotStore {
  readonly #disk: Disk
  readonly #directory: string

  constructor(disk: Disk, directory: string) {
    this.#disk = disk
    this.#directory = directory
  }

  async put(position: number, parts: AsyncIterable<Uint8Array>): Promise<void> {
    const name = this.#path(snapshotName(position))
    await this.#disk.makeDirectory(this.#directory)
    if (await this.#disk.exists(name)) return
    const temporary = this.#path(`temp-${randomBytes(8).toString('hex')}-${snapshotName(position)}`)
    try {
      await this.#write(temporary, parts)
      if (await this.#disk.exists(name)) return await this.#disk.remove(temporary)
      await this.#disk.rename(temporary, name)
    } catch (error) {
      await this.#removeIfThere(temporary)
      throw error
    }
    await this.#disk.syncDirectory(this.#directory)
    await this.#removeLeftovers(position)
  }

  async list(): Promise<readonly StoredSnapshot[]> {
    const found: StoredSnapshot[] = []
    for (const name of await this.#names()) {
      const position = snapshotPosition(name)
      if (position === undefined) continue
      try {
        found.push({ position, bytes: await this.#size(name) })
      } catch (error) {
        // Removed by another node meanwhile.
        if (!isMissing(error)) throw error
      }
    }
    return found.sort((a, b) => a.position - b.position)
  }

  async *get(position: number): AsyncIterable<Uint8Array> {
    const file = await this.#disk.open(this.#path(snapshotName(position)), 'read')
    try {
      const size = await file.size()
      for (let done = 0; done < size; ) {
        const piece = Buffer.allocUnsafe(Math.min(READ_BYTES, size - done))
        const read = await file.read(piece, 0, piece.length, done)
        if (read === 0) throw new Error(`the snapshot ${position} ends after ${done} of ${size} bytes`)
        done += read
        yield piece.subarray(0, read)
      }
    } finally {
      await file.close()
    }
  }

  async remove(position: number): Promise<void> {
    await this.#removeIfThere(this.#path(snapshotName(position)))
  }

  async #write(temporary: string, parts: AsyncIterable<Uint8Array>): Promise<void> {
    const file = await this.#disk.open(temporary, 'new')
    try {
      let written = 0
      for await (const part of parts) {
        const bytes = Buffer.from(part.buffer, part.byteOffset, part.byteLength)
        await writeAll(file, bytes, 0, bytes.length, written)
        written += bytes.length
      }
      await file.sync()
    } finally {
      await file.close()
    }
  }

  /**
   * Removes temporary files for positions before this one: their writer has died, or is too late.
   */
  async #removeLeftovers(before: number): Promise<void> {
    for (const name of await this.#names()) {
      const position = snapshotPosition(name.replace(TEMPORARY, ''))
      if (!TEMPORARY.test(name) || position === undefined || position >= before) continue
      await this.#removeIfThere(this.#path(name))
    }
  }

  async #names(): Promise<string[]> {
    try {
      return await this.#disk.list(this.#directory)
    } catch (error) {
      if (isMissing(error)) return []
      throw error
    }
  }

  async #size(name: string): Promise<number> {
    const file = await this.#disk.open(this.#path(name), 'read')
    try {
      return await file.size()
    } finally {
      await file.close()
    }
  }

  async #removeIfThere(file: string): Promise<void> {
    try {
      await this.#disk.remove(file)
    } catch (error) {
      if (!isMissing(error)) throw error
    }
  }

  #path(name: string): string {
    return path.join(this.#directory, name)
  }
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT'
