// Loads the snapshot (`dbfilename` in `dir`) into an empty engine, at a start without an
// append-only file.
//
// A primary leaves out keys whose time is up, as Redis does. Its replicas may have them, so they
// are told when they come back and go on from the snapshot's offset in the history
// (replication.ts). A replica keeps such keys until its primary removes them.

import path from 'node:path'
import type { DroppedKey } from '../../engine/effects/replication-history.ts'
import type { Engine } from '../../engine/engine.ts'
import { assert } from '../../util/assert.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import { type Disk, systemDisk } from '../disk/disk.ts'
import { TestKeyDelay } from '../disk/test-key-delay.ts'
import { describeDiskError, PersistenceError, seconds } from '../errors.ts'
import { RdbDamage } from '../rdb/damage.ts'
import { type LoadOptions, LoadTarget } from '../rdb/load-target.ts'
import { readRdb } from '../rdb/read-rdb.ts'
import { positionIn } from './history-note.ts'

/** Bytes of a removal in the stream besides the key's name, at least. */
const REMOVAL_BYTES = 20

export interface LoadedSnapshot {
  bytes: number
  milliseconds: number
  /** Keys left out because their time was up. */
  keysExpired: number
}

/**
 * Loads the snapshot if there is one; undefined when there is none.
 *
 * Meanwhile the engine's clients hear LOADING. Throws PersistenceError, saying file, place and
 * remedy, when the file is damaged or out of reach; then the engine keeps answering LOADING and is
 * of no further use.
 */
export async function loadSnapshot(
  engine: Engine,
  disk: Disk = systemDisk,
  options: Pick<LoadOptions, 'loadFunction'> = {},
): Promise<LoadedSnapshot | undefined> {
  if (!(await disk.exists(snapshotPath(engine)))) return undefined
  engine.conditions.loading.begin()
  const loaded = await readSnapshot(engine, disk, options)
  engine.conditions.loading.end()
  return loaded
}

/** The path of the snapshot, whether or not it is there. */
export function snapshotPath({ config }: Engine): string {
  return path.join(config.get('dir'), config.get('dbfilename'))
}

/**
 * Reads the snapshot into an engine that is loading, and goes on loading. Throws PersistenceError.
 */
export async function readSnapshot(
  engine: Engine,
  disk: Disk,
  options: Pick<LoadOptions, 'loadFunction'> & Partial<Pick<LoadOptions, 'expired'>> = {},
): Promise<LoadedSnapshot> {
  const { config } = engine
  const file = snapshotPath(engine)
  const started = engine.environment.workClock.monotonic()
  const { progress } = engine.conditions.loading
  assert(progress !== undefined, 'a snapshot is read while the engine is loading')
  const dropped = new DroppedKeys(config.get('repl-backlog-size'))
  const target = new LoadTarget(engine, {
    expired: engine.effects.role.isReplica ? 'kept' : 'dropped',
    dropped: ({ index }, key) => dropped.add(index, key),
    ...options,
    progress,
  })
  const delay = new TestKeyDelay(() => config.get('key-load-delay'))
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
        checksum: config.get('rdbchecksum') && engine.conditions.switches.comparesChecksums,
        progress: (loaded) => {
          progress.loadedBytes = loaded
          return delay.pass(engine.environment.workClock, target.keys)
        },
      })
      bytes = end
      if (end < size)
        engine.environment.log.warn({ file, bytes: size - end }, 'something follows the end of the snapshot')
    } finally {
      await open.close()
    }
  } catch (error) {
    if (error instanceof RdbDamage) {
      throw new PersistenceError(
        file,
        error.offset,
        `Short read or OOM loading DB, the snapshot cannot be loaded: ${error.message}`,
        'Run respite check-rdb on it to see how much is whole, restore a backup, or move the file away to start empty',
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
    engine.environment.log.warn({ file, keys: target.withoutElements }, 'keys without elements were left out')
  }
  const position = positionIn(target.auxiliaries)
  engine.effects.history.found = position && {
    ...position,
    dropped: dropped.keys,
    forgottenBytes: dropped.forgottenBytes,
  }
  engine.figures.stats.changesSinceSave = 0
  const milliseconds = engine.environment.workClock.monotonic() - started
  engine.environment.log.info(
    { file, bytes, keysExpired: target.expired },
    `DB loaded from disk: ${seconds(milliseconds)} seconds`,
  )
  return { bytes, milliseconds, keysExpired: target.expired }
}

/** The last of the keys that were left out: as many as fit into a backlog of this size. */
class DroppedKeys {
  keys: DroppedKey[] = []
  /** Bytes of the keys before them. */
  forgottenBytes = 0
  readonly #bytesMax: number
  #bytes = 0

  constructor(backlogBytes: number) {
    this.#bytesMax = backlogBytes
  }

  add(database: number, key: Bytes): void {
    this.keys.push({ database, key: key.copy() })
    this.#bytes += key.length + REMOVAL_BYTES
    if (this.#bytes <= this.#bytesMax) return
    this.forgottenBytes += this.#bytes
    this.#bytes = 0
    this.keys = []
  }
}
