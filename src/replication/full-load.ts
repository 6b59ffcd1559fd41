// A primary's snapshot takes the place of the data.
//
// It is loaded into databases of its own, which are exchanged for the others in one step at the end; so it is nobody's
// data until it is whole. What becomes of clients and of the old data meanwhile is Redis's:
//
//   served    clients read the old data, which stays if this fails (`repl-diskless-load swapdb`, the same history)
//   kept      clients hear LOADING; the old data stays if this fails (swapdb, another history)
//   emptied   clients hear LOADING; the old data goes first, so that there is memory for the new

import type { Engine } from '../engine/engine.ts'
import type { DiskFile } from '../persistence/disk/disk.ts'
import { KeyDelay } from '../persistence/disk/key-delay.ts'
import { RdbDamage } from '../persistence/rdb/damage.ts'
import { LoadTarget } from '../persistence/rdb/load-target.ts'
import { readRdb } from '../persistence/rdb/read-rdb.ts'
import { streamDatabaseIn } from '../persistence/snapshot/history-note.ts'
import { Database } from '../store/keyspace/database.ts'
import { NONE } from '../store/keyspace/keyspace.ts'
import type { Bytes } from '../util/bytes/bytes.ts'

export type Meanwhile = 'served' | 'kept' | 'emptied'

/** A snapshot announces how many keys come. More are made room for when they do come: 64 MB of buckets. */
const EXPECTED_KEYS_MAX = 16 * 1024 * 1024

export interface FullLoadOptions {
  /** Where the snapshot is read from, in order. */
  readonly file: Pick<DiskFile, 'read'>
  /** As many bytes as it has at most, and as many as were announced; 0 = its end shows itself. */
  readonly size: number
  readonly announcedBytes: number
  readonly meanwhile: Meanwhile
  /** Looked at between two chunks; it is given up when this throws. */
  check(): void
  /** Asked for when all is read, before it counts: throws where it is not whole after all. */
  complete(end: number): Promise<void>
}

/**
 * Loads it, and returns the database that the stream behind it is in. Throws RdbDamage, what the reading throws, or ReplyError
 * for a library; the data is as `meanwhile` says then.
 */
export async function loadFully(engine: Engine, options: FullLoadOptions): Promise<number> {
  const { config } = engine
  const { loading } = engine.conditions
  const { saving } = engine.parts
  const { announcedBytes, check, complete, file, meanwhile, size } = options
  const progress = meanwhile === 'served' ? loading.beginBeside() : loading.begin()
  progress.totalBytes = announcedBytes
  // The file on the disk goes on meaning what it means, without what is to come.
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
    const delay = new KeyDelay(() => config.get('key-load-delay'))
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

/** Puts other contents in the place of the data, and tells everybody who has to do with what was there. Throws ReplyError before anything has changed. */
function exchange(engine: Engine, fresh: readonly Database[], libraries: readonly string[]): void {
  const { blocking, databases } = engine
  const { durability } = engine.effects
  const { loading, state } = engine.conditions
  const { replicaExpiry } = engine.upkeep
  const { scripts } = engine.parts
  const { tracking } = engine.clients
  const { watches } = engine.data
  const bringLibrariesBack = scripts.setLibrariesAside()
  try {
    for (const code of libraries) scripts.loadLibrary(code)
  } catch (error) {
    bringLibrariesBack()
    throw error
  }
  // Rooms that keep something about the data look at all of it anew when a loading has ended.
  const isLoading = state.loading.holds
  if (!isLoading) loading.begin()
  for (const [i, db] of databases.entries()) {
    const other = fresh[i]!
    const isInEither = (key: Bytes): boolean => db.keys.find(key) !== NONE || other.keys.find(key) !== NONE
    watches.databaseReplaced(db, isInEither)
    blocking.contentsReplaced(db, other)
    db.swap(other)
    // Somebody may be saving what was there.
    other.clear()
  }
  if (!isLoading) loading.end()
  replicaExpiry.forget()
  durability.changedEverywhere()
  tracking.flushed()
  if (blocking.room.hasReady) blocking.serve()
}

/** Tells whether an error is about what the primary has sent. */
export function isDamage(error: unknown): error is RdbDamage {
  return error instanceof RdbDamage
}
