// Loads the snapshot (`dbfilename` in `dir`) into an empty engine, at a start without an append-only file.

import path from 'node:path'
import type { Engine } from '../engine/engine.ts'
import { type Disk, systemDisk } from './disk.ts'
import { describeDiskError, PersistenceError, seconds } from './errors.ts'
import { positionIn } from './history-note.ts'
import { KeyDelay } from './key-delay.ts'
import { RdbDamage } from './rdb/damage.ts'
import { type LoadOptions, LoadTarget } from './rdb/load-target.ts'
import { readRdb } from './rdb/read-rdb.ts'

export interface LoadedSnapshot {
  bytes: number
  milliseconds: number
  /** Keys left out because their time was up. */
  keysExpired: number
}

/**
 * Loads the snapshot if there is one; undefined when there is none.
 *
 * Meanwhile the engine's clients hear LOADING. Throws PersistenceError, saying file, place and remedy, when the file cannot be
 * trusted or reached; the engine keeps answering LOADING then and is of no further use.
 */
export async function loadSnapshot(
  engine: Engine,
  disk: Disk = systemDisk,
  options: Pick<LoadOptions, 'loadFunction'> = {},
): Promise<LoadedSnapshot | undefined> {
  if (!(await disk.exists(snapshotPath(engine)))) return undefined
  engine.loading.begin()
  const loaded = await readSnapshot(engine, disk, options)
  engine.loading.end()
  return loaded
}

/** Where the snapshot is, or would be. */
export function snapshotPath({ config }: Engine): string {
  return path.join(config.get('dir'), config.get('dbfilename'))
}

/** Reads the snapshot into an engine that is loading, and goes on loading. Throws PersistenceError. */
export async function readSnapshot(
  engine: Engine,
  disk: Disk,
  options: Pick<LoadOptions, 'loadFunction'> & Partial<Pick<LoadOptions, 'expired'>> = {},
): Promise<LoadedSnapshot> {
  const { config } = engine
  const file = snapshotPath(engine)
  const started = engine.machine.monotonic()
  const progress = engine.loading.progress!
  const target = new LoadTarget(engine, { expired: 'dropped', ...options, progress })
  const delay = new KeyDelay(() => config.get('key-load-delay'))
  let bytes: number
  try {
    const open = await disk.open(file, 'read')
    try {
      const size = await open.size()
      progress.totalBytes = size
      const { end } = await readRdb({
        file: open,
        size,
        target,
        checksum: config.get('rdbchecksum') && engine.switches.comparesChecksums,
        progress: (loaded) => {
          progress.loadedBytes = loaded
          return delay.pass(engine.machine, target.keys)
        },
      })
      bytes = end
      if (end < size) engine.log.warn({ file, bytes: size - end }, 'something follows the end of the snapshot')
    } finally {
      await open.close()
    }
  } catch (error) {
    if (error instanceof RdbDamage) {
      throw new PersistenceError(
        file,
        error.offset,
        `Short read or OOM loading DB, the snapshot cannot be loaded: ${error.message}`,
        'Run redis-check-rdb on it to see how much is whole, restore a backup, or move the file away to start empty',
      )
    }
    if ((error as NodeJS.ErrnoException).code === undefined) throw error
    throw new PersistenceError(
      file,
      undefined,
      describeDiskError(error),
      'Make the file readable and start again',
      error,
    )
  }
  if (target.withoutElements > 0) {
    engine.log.warn({ file, keys: target.withoutElements }, 'keys without elements were left out')
  }
  engine.history.found = positionIn(target.auxiliaries)
  engine.stats.changesSinceSave = 0
  const milliseconds = engine.machine.monotonic() - started
  engine.log.info({ file, bytes, keysExpired: target.expired }, `DB loaded from disk: ${seconds(milliseconds)} seconds`)
  return { bytes, milliseconds, keysExpired: target.expired }
}
