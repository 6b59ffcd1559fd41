// Loads a primary's snapshot in place of the data.
//
// The snapshot is loaded into databases of its own, which are exchanged for the others in one step
// at the end. So clients never see an incomplete snapshot. Clients and the old data are treated as
// Redis does:
//
//   served    clients read the old data, which stays if this fails (`repl-diskless-load swapdb`,
//             the same history)
//   kept      clients get LOADING; the old data stays if this fails (swapdb, another history)
//   emptied   clients get LOADING; the old data goes first, so that there is memory for the new
//             data

import type { Engine } from '../engine/engine.ts'
import type { DiskFile } from '../persistence/disk/disk.ts'
import { TestKeyDelay } from '../persistence/disk/test-key-delay.ts'
import { RdbDamage } from '../persistence/rdb/damage.ts'
import { LoadTarget } from '../persistence/rdb/load-target.ts'
import { readRdb } from '../persistence/rdb/read-rdb.ts'
import { streamDatabaseIn } from '../persistence/snapshot/history-note.ts'
import { Database } from '../store/keyspace/database.ts'
import { NONE } from '../store/keyspace/keyspace.ts'
import { itemAt } from '../util/array-reads.ts'
import { assert } from '../util/assert.ts'
import type { Bytes } from '../util/bytes/bytes.ts'
import { CHECKED } from '../util/invariant.ts'

export type Meanwhile = 'served' | 'kept' | 'emptied'

/**
 * A snapshot announces how many keys it has. Room for more than this is made only when they arrive:
 * 64 MB of buckets.
 */
const EXPECTED_KEYS_MAX = 16 * 1024 * 1024

export interface FullLoadOptions {
  /** The source of the snapshot, read in order. */
  readonly file: Pick<DiskFile, 'read'>
  /**
   * Its size, or the most it can have; and the announced size, 0 when the end is marked instead.
   */
  readonly size: number
  readonly announcedBytes: number
  readonly meanwhile: Meanwhile
  /** Called between two chunks; loading is given up when it throws. */
  check(): void
  /** Called after the last byte, before the snapshot counts; throws when it is not complete. */
  complete(end: number): Promise<void>
}

/**
 * Loads the snapshot and returns the database of the stream behind it. Throws RdbDamage, errors of
 * reading, or ReplyError for a library; the data is then as `meanwhile` says.
 */
export async function loadFully(engine: Engine, options: FullLoadOptions): Promise<number> {
  const { config } = engine
  const { loading } = engine.conditions
  const { saving } = engine.parts
  const { announcedBytes, check, complete, file, meanwhile, size } = options
  const progress = meanwhile === 'served' ? loading.beginBeside() : loading.begin()
  progress.totalBytes = announcedBytes
  // The file on disk keeps its meaning, without what follows.
  saving?.leaveLog()
  try {
    if (meanwhile === 'emptied') exchange(engine, emptyDatabases(engine), [])
    const databases = emptyDatabases(engine)
    const libraries: string[] = []
    const target = new LoadTarget(
      { databases, environment: engine.environment, parts: engine.parts },
      {
        expired: 'kept',
        loadFunction: (code) => void libraries.push(code),
        expectedKeysMax: EXPECTED_KEYS_MAX,
        progress,
      },
    )
    const delay = new TestKeyDelay(() => config.get('key-load-delay'))
    const { end } = await readRdb({
      file,
      size,
      target,
      checksum: config.get('rdbchecksum') && engine.conditions.switches.comparesChecksums,
      progress: (bytes) => {
        check()
        progress.loadedBytes = bytes
        return delay.pass(engine.environment.workClock, target.keys)
      },
    })
    await complete(end)
    check()
    exchange(engine, databases, libraries)
    return streamDatabaseIn(target.auxiliaries)
  } finally {
    if (meanwhile === 'served') loading.endBeside()
    else loading.end()
    saving?.beginLogAnew()
    engine.requests.turn.endSoon()
  }
}

function emptyDatabases({ databases, data: { dataset } }: Engine): Database[] {
  return databases.map(({ index }) => new Database(index, dataset))
}

/**
 * Replaces the contents of all databases, and tells every part that keeps something about the old
 * data. Throws ReplyError before anything has changed.
 */
function exchange(engine: Engine, fresh: readonly Database[], libraries: readonly string[]): void {
  const { blocking, databases } = engine
  const { durability } = engine.effects
  const { loading, state } = engine.conditions
  const { replicaExpiry } = engine.upkeep
  const { scripts } = engine.parts
  const { tracking } = engine.clients
  const { watches } = engine.data
  assert(engine.requests.runner.client === undefined, 'invariant 1: data is replaced between two commands')
  assert(fresh.length === databases.length, 'each database has a replacement')
  const bringLibrariesBack = scripts.setLibrariesAside()
  try {
    for (const code of libraries) scripts.loadLibrary(code)
  } catch (error) {
    bringLibrariesBack()
    throw error
  }
  // Parts that keep something about the data build it again when loading has ended.
  const isLoading = state.loading.holds
  if (!isLoading) loading.begin()
  for (const [i, db] of databases.entries()) {
    const other = itemAt(fresh, i)
    const isInEither = (key: Bytes): boolean => db.keys.find(key) !== NONE || other.keys.find(key) !== NONE
    watches.databaseReplaced(db, isInEither)
    blocking.contentsReplaced(db, other)
    db.swap(other)
    // A save of the old data may be in progress.
    other.clear()
    if (CHECKED) db.check()
  }
  if (!isLoading) loading.end()
  replicaExpiry.forget()
  durability.changedEverywhere()
  tracking.flushed()
  if (blocking.room.hasReady) blocking.serve()
}

/** Tells whether an error is caused by the bytes from the primary. */
export function isDamage(error: unknown): error is RdbDamage {
  return error instanceof RdbDamage
}
