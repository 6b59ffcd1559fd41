// A primary's snapshot by way of the disk (`repl-diskless-load disabled`): clients read the old
// data until the whole snapshot is here.
//
//   the network ─▶ temp-PID.rdb ─▶ loaded ─▶ renamed to `dbfilename`, as this server's snapshot

import path from 'node:path'
import type { Engine } from '../engine/engine.ts'
import { type Disk, type DiskFile, writeAll } from '../persistence/disk/disk.ts'
import { RdbDamage } from '../persistence/rdb/damage.ts'
import { assert } from '../util/assert.ts'
import { loadFully } from './full-load.ts'
import type { IncomingSnapshot } from './incoming-snapshot.ts'

const PIECE_BYTES = 256 * 1024
/**
 * The most unsynced bytes in the system's cache; otherwise the last sync would stall all users of
 * the disk.
 */
const SYNC_BYTES = 8 * 1024 * 1024

export class SnapshotDownload {
  readonly #engine: Engine
  readonly #disk: Disk
  readonly #directory: string
  readonly #temporary: string
  #size = 0
  #isKept = false

  constructor(engine: Engine, disk: Disk) {
    this.#engine = engine
    this.#disk = disk
    this.#directory = engine.config.get('dir')
    const name = `temp-${Math.floor(engine.environment.clock.now() / 1000)}.${process.pid}.rdb`
    this.#temporary = path.join(this.#directory, name)
  }

  /**
   * Writes the whole snapshot to the file. Throws errors of the disk, or the reason why the rest
   * does not come.
   */
  async receive(snapshot: IncomingSnapshot): Promise<void> {
    const piece = Buffer.allocUnsafeSlow(PIECE_BYTES)
    await this.#withFile('create', async (file) => {
      let unsynced = 0
      for (;;) {
        const length = await snapshot.read(piece, 0, piece.length)
        if (length === 0) break
        await writeAll(file, piece, 0, length, this.#size)
        this.#size += length
        unsynced += length
        if (unsynced < SYNC_BYTES) continue
        unsynced = 0
        await file.sync()
      }
      assert(snapshot.isComplete, 'a snapshot that is in the file has arrived whole')
    })
  }

  /** Loads the file in place of the data; returns the database of the stream behind it. */
  load({ check }: { check(): void }): Promise<number> {
    const size = this.#size
    return this.#withFile('read', (file) =>
      loadFully(this.#engine, {
        file,
        size,
        announcedBytes: size,
        meanwhile: 'emptied',
        check,
        async complete(end) {
          if (end !== size) throw new RdbDamage('there are bytes behind the end of the snapshot')
        },
      }),
    )
  }

  /** Makes it the snapshot of this server, unless nothing is to be kept here. */
  async keep(): Promise<void> {
    const { config } = this.#engine
    const keepsNothing = !config.get('appendonly') && config.get('save').length === 0
    if (keepsNothing && config.get('rdb-del-sync-files')) return
    await this.#disk.rename(this.#temporary, path.join(this.#directory, config.get('dbfilename')))
    this.#isKept = true
  }

  async discard(): Promise<void> {
    if (!this.#isKept && (await this.#disk.exists(this.#temporary))) await this.#disk.remove(this.#temporary)
  }

  async #withFile<T>(mode: 'create' | 'read', use: (file: DiskFile) => Promise<T>): Promise<T> {
    const file = await this.#disk.open(this.#temporary, mode)
    try {
      return await use(file)
    } finally {
      await file.close()
    }
  }
}
