// A primary's snapshot by way of the disk (`repl-diskless-load disabled`): clients read the old data until all of it is here.
//
//   temp-PID.rdb ◀─ the network ─▶ loaded ─▶ renamed to `dbfilename`, where it is the snapshot of this server

import path from 'node:path'
import type { Engine } from '../engine/engine.ts'
import { type Disk, type DiskFile, writeAll } from '../persistence/disk/disk.ts'
import { RdbDamage } from '../persistence/rdb/damage.ts'
import { loadFully } from './full-load.ts'
import type { IncomingSnapshot } from './incoming-snapshot.ts'

const PIECE_BYTES = 256 * 1024
/** So many bytes at most lie in the system's cache, or the last sync would stall everybody who uses the disk. */
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

  /** Writes all of a snapshot into the file. Throws what the disk says, or why it does not come. */
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
    })
  }

  /** Loads the file in the place of the data; returns the database that the stream behind it is in. */
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
          if (end !== size) throw new RdbDamage('something follows the end of the snapshot')
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
