// The file of a snapshot: written while the walk goes on, synced, and only then given its name.
//
//   open temp-NAME ─▶ write … (fsync now and then) ─▶ fsync ─▶ close
//                       ─▶ by the caller: rename to NAME ─▶ fsync directory
//
// A crash before the rename leaves the old file as it was, and temp-NAME, which the next snapshot
// overwrites. A failure removes temp-NAME.

import path from 'node:path'
import type { Log } from '../../engine/log.ts'
import { assert } from '../../util/assert.ts'
import { Source } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { type Disk, type DiskFile, writeAll } from '../disk/disk.ts'
import { describeDiskError } from '../errors.ts'
import type { SnapshotSink } from './snapshot.ts'

/**
 * With incremental fsync at most this many bytes lie in the system's cache. Otherwise the last
 * fsync would stall every process that uses the disk.
 */
const SYNC_BYTES = 16 * 1024 * 1024

/**
 * Pieces kept as memory for new ones: as many as may wait for the disk. Without them a snapshot
 * allocates its own size over again, outside of the heap, and the collector comes for it. Measured
 * with 1 M keys (node --trace-gc): three or four pauses of 3 to 10 ms a snapshot without, none or
 * one with.
 */
const SPARES_MAX = 96
const SPARE_BYTES_MIN = 64 * 1024

export class SnapshotFile implements SnapshotSink {
  waitingBytes = 0
  /** Bytes in the file. */
  bytes = 0
  readonly temporary: string
  readonly #disk: Disk
  readonly #log: Log
  readonly #syncs: boolean
  #queue: Buffer[] = []
  readonly #spares: Source[] = []
  #failure: unknown = undefined
  #ended = false
  #unsynced = 0
  readonly #drained: (() => void)[] = []
  #wake: (() => void) | undefined = undefined
  readonly #failed: (error: unknown) => void
  readonly #done: Promise<void>

  /**
   * Begins the file that will become `target`. `failed` is told of the first refusal of the disk,
   * once and never before the constructor returns.
   */
  constructor(disk: Disk, target: string, incrementalSync: boolean, log: Log, failed: (error: unknown) => void) {
    this.#disk = disk
    this.#log = log
    this.#syncs = incrementalSync
    this.#failed = failed
    this.temporary = path.join(path.dirname(target), `temp-${path.basename(target)}`)
    this.#done = this.#run()
    // `finish` throws the failure; `failed` is told of it in any case.
    this.#done.catch(() => {})
  }

  write(bytes: Buffer): void {
    if (this.#failure !== undefined) return
    assert(!this.#ended, 'a snapshot has no bytes behind its end')
    this.#queue.push(bytes)
    this.waitingBytes += bytes.length
    this.#wake?.()
  }

  spare(): Source | undefined {
    return this.#spares.pop()
  }

  onDrained(run: () => void): void {
    this.#drained.push(run)
  }

  /** Waits until everything is on the disk under the temporary name. Throws the disk's error. */
  async finish(): Promise<void> {
    this.#ended = true
    this.#wake?.()
    await this.#done
    assert(this.#queue.length === 0 && this.waitingBytes === 0, 'a finished snapshot waits for no bytes')
  }

  /** Gives up and removes the file. */
  async discard(): Promise<void> {
    this.#failure ??= new Error('given up')
    this.#queue = []
    this.#wake?.()
    await this.#done.catch(() => {})
    try {
      if (await this.#disk.exists(this.temporary)) await this.#disk.remove(this.temporary)
    } catch (error) {
      // The next snapshot overwrites it.
      this.#log.warn({ file: this.temporary, error: describeDiskError(error) }, 'cannot remove an unfinished snapshot')
    }
  }

  async #run(): Promise<void> {
    try {
      // The caller must not hear of a failure before it has the new object.
      await Promise.resolve()
      const directory = path.dirname(this.temporary)
      if (!(await this.#disk.exists(directory))) await this.#disk.makeDirectory(directory)
      const file = await this.#disk.open(this.temporary, 'create')
      try {
        await this.#writeTo(file)
        await file.sync()
      } finally {
        await file.close()
      }
    } catch (error) {
      const isNew = this.#failure === undefined
      this.#failure ??= error
      this.#queue = []
      this.waitingBytes = 0
      if (isNew) this.#failed(error)
      this.#tellDrained()
      throw error
    }
  }

  async #writeTo(file: DiskFile): Promise<void> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure
      const bytes = this.#queue.shift()
      if (bytes !== undefined) {
        await writeAll(file, bytes, 0, bytes.length, this.bytes)
        this.bytes += bytes.length
        this.#keepSpare(bytes)
        this.waitingBytes = Math.max(0, this.waitingBytes - bytes.length)
        this.#unsynced += bytes.length
        if (this.#syncs && this.#unsynced >= SYNC_BYTES) {
          this.#unsynced = 0
          await file.sync()
        }
        this.#tellDrained()
      } else if (this.#ended) {
        return
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        this.#wake = undefined
      }
    }
  }

  #keepSpare({ buffer, byteOffset }: Buffer): void {
    // A smaller piece shares its memory with others.
    if (this.#spares.length === SPARES_MAX || byteOffset > 0 || buffer.byteLength < SPARE_BYTES_MIN) return
    if (CHECKED) assert(!this.#spares.some(({ u8 }) => u8.buffer === buffer), 'memory is given back once')
    this.#spares.push(new Source(Buffer.from(buffer)))
  }

  #tellDrained(): void {
    for (const run of this.#drained.splice(0)) run()
  }
}
