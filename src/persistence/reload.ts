// DEBUG RELOAD and LOADAOF: loads the files while the server runs. Their data takes the place of
// the present data, or is added to it.
//
// The files are loaded into databases of their own, which stand in the place of the others
// meanwhile; so do the function libraries. So nothing is lost by a file that cannot be read.

import type { ReloadOptions } from '../engine/effects/saving.ts'
import type { Engine } from '../engine/engine.ts'
import { Database } from '../store/keyspace/database.ts'
import { NONE } from '../store/keyspace/keyspace.ts'
import { itemAt } from '../util/array-reads.ts'
import { assert } from '../util/assert.ts'
import { Bytes } from '../util/bytes/bytes.ts'
import { CHECKED } from '../util/invariant.ts'
import type { Disk } from './disk/disk.ts'
import { AofDirectory } from './log/aof-directory.ts'
import { replay } from './log/replay.ts'
import { readSnapshot, snapshotPath } from './snapshot/load-snapshot.ts'

/**
 * Loads the files. Throws their damage, or the name of a key that is there twice; then everything
 * is as it was.
 */
export async function reload(engine: Engine, disk: Disk, { from, present }: ReloadOptions): Promise<void> {
  const { databases } = engine
  const { dataset } = engine.data
  const { loading } = engine.conditions
  const { scripts } = engine.parts
  loading.begin()
  try {
    const others = databases.map(({ index }) => new Database(index, dataset))
    const bringLibrariesBack = scripts.setLibrariesAside()
    const exchange = (): void => {
      for (const [i, db] of databases.entries()) db.swap(itemAt(others, i))
    }
    exchange()
    try {
      await loadFiles(engine, disk, from)
    } catch (error) {
      exchange()
      bringLibrariesBack()
      throw error
    }
    if (present === 'forgotten') return
    const codes = [...scripts.libraries()]
    exchange()
    bringLibrariesBack()
    if (present === 'kept') refuseConflicts(others, databases)
    scripts.addLibraries(codes, present === 'kept' ? 'append' : 'replace')
    merge(others, databases)
  } finally {
    loading.end()
  }
}

async function loadFiles(engine: Engine, disk: Disk, from: ReloadOptions['from']): Promise<void> {
  if (from === 'snapshot') {
    if (!(await disk.exists(snapshotPath(engine)))) throw new Error('there is no snapshot')
    await readSnapshot(engine, disk)
    return
  }
  const { config } = engine
  const directory = await AofDirectory.open(disk, {
    dir: config.get('dir'),
    directoryName: config.get('appenddirname'),
    prefix: config.get('appendfilename'),
  })
  if (directory.manifest.parts.length === 0) throw new Error('there is no append-only file')
  await replay(engine, directory)
}

function refuseConflicts(loaded: readonly Database[], databases: readonly Database[]): void {
  const key = new Bytes()
  for (const [i, { keys }] of loaded.entries()) {
    for (let entry = 0; entry < keys.entriesEnd; entry++) {
      if (!keys.isLive(entry) || itemAt(databases, i).keys.find(keys.keyOf(entry, key)) === NONE) continue
      throw new Error(`the key '${printable(key)}' is there already`)
    }
  }
}

/**
 * Moves every key of `from` to the database of the same number, where it replaces a key of its
 * name.
 */
function merge(from: readonly Database[], to: readonly Database[]): void {
  const key = new Bytes()
  for (const [i, db] of from.entries()) {
    const target = itemAt(to, i)
    for (let entry = 0; entry < db.keys.entriesEnd; entry++) {
      if (!db.keys.isLive(entry)) continue
      db.keys.keyOf(entry, key)
      target.delete(key)
      db.moveTo(key, target)
    }
    if (CHECKED) assert(db.size === 0, 'all keys that were loaded have moved')
  }
}

function printable(key: Bytes): string {
  return key
    .toString()
    .slice(0, 64)
    .replace(/[^ -~]/g, '?')
}
