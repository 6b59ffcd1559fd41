// From an empty or full directory to a running journal: load, then append.
//
// An empty log beside a snapshot is the directory of a server without an append-only file. Then the
// snapshot (`dump.rdb`) is loaded, and becomes the log's first base before any write is
// acknowledged. The order is: the manifest names an empty increment; the base is written and gets
// its name; the manifest names it. A crash before the last step leaves an empty log beside a
// snapshot, so the next start does the same again.

import type { Engine } from '../../engine/engine.ts'
import { assert } from '../../util/assert.ts'
import { setImmediate } from '../../util/time/real-time.ts'
import { type Disk, systemDisk } from '../disk/disk.ts'
import { describeDiskError, PersistenceError } from '../errors.ts'
import { readSnapshot, snapshotPath } from '../snapshot/load-snapshot.ts'
import { SnapshotRun } from '../snapshot/snapshot-run.ts'
import { AofDirectory } from './aof-directory.ts'
import { AppendOnlyFile, type AppendOnlyFileOptions, type DiskTimes } from './append-only-file.ts'
import { type ReplayReport, replay } from './replay.ts'

export interface OpenJournal {
  readonly journal: AppendOnlyFile
  readonly directory: AofDirectory
  /** The files that were loaded, with their sizes. */
  readonly loaded: ReplayReport
  /** Writes and syncs everything and closes the file; see AppendOnlyFile.close. */
  close(): Promise<void>
}

/** Makes an engine append to a file from now on, as its configuration says. */
export function attachJournal(
  engine: Engine,
  options: Pick<AppendOnlyFileOptions, 'path' | 'file' | 'size' | 'earlierBytes' | 'baseBytes'>,
): AppendOnlyFile {
  const { config } = engine
  const { durability } = engine.effects
  const { log, workClock } = engine.environment
  const journal = new AppendOnlyFile({
    ...options,
    // Offsets go on from the end of the journal before: a reply may wait for one.
    startOffset: durability.progress.appended,
    policy: config.get('appendfsync'),
    rules: durability.rules,
    clock: workClock,
    log,
    syncs: engine.figures.stats.syncs,
    switches: engine.conditions.switches,
    ownsLoop: engine.environment.ownsLoop,
    diskTimes: diskTimesOf(engine),
  })
  engine.effects.propagation.add(journal)
  durability.follow(journal)
  const follow = (): void => {
    if (durability.progress === journal) journal.setPolicy(config.get('appendfsync'), durability.rules)
  }
  config.onChange('appendfsync', follow)
  config.onChange('durability', follow)
  journal.timestamps = config.get('aof-timestamp-enabled')
  config.onChange('aof-timestamp-enabled', (enabled) => {
    journal.timestamps = enabled
  })
  return journal
}

/** Tells LATENCY of the disk, in Redis's words, and INFO debug how long the loop waited for it. */
function diskTimesOf(engine: Engine): DiskTimes {
  const { latency, stats } = engine.figures
  return {
    wrote(milliseconds, syncing) {
      if (milliseconds < latency.thresholdMs) return
      const status = engine.parts.saving?.status
      const saving = status?.saveInProgress === true || status?.rewriteInProgress === true
      latency.note('aof-write', milliseconds)
      if (syncing) latency.note('aof-write-pending-fsync', milliseconds)
      else latency.note(saving ? 'aof-write-active-child' : 'aof-write-alone', milliseconds)
    },
    synced: (milliseconds) => latency.note('aof-fsync-always', milliseconds),
    heldLoop(milliseconds) {
      stats.journalMs += milliseconds
    },
  }
}

/**
 * Loads the append-only files that the engine's configuration names, then makes the engine append
 * to them. Meanwhile the engine's clients hear LOADING.
 *
 * Throws PersistenceError, saying file, place and remedy, when the files are damaged or out of
 * reach; then the engine keeps answering LOADING and is of no further use. `attach` makes the
 * journal that writes to the last of the files. `history`: whether files that a base replaced are
 * removed or kept.
 */
export async function openJournal(
  engine: Engine,
  disk: Disk = systemDisk,
  attach: typeof attachJournal = attachJournal,
  history: 'removed' | 'kept' = 'removed',
): Promise<OpenJournal> {
  const { config } = engine
  const location = {
    dir: config.get('dir'),
    directoryName: config.get('appenddirname'),
    prefix: config.get('appendfilename'),
  }
  engine.conditions.loading.begin()
  try {
    const directory = await AofDirectory.open(disk, location)
    await tellOfUnnamed(engine, directory)
    const isBegun = !(await directory.isEmpty())
    const snapshot = snapshotPath(engine)
    const isThere = await disk.exists(snapshot)
    if (isThere && isBegun) {
      engine.environment.log.info(
        { file: snapshot },
        'the snapshot is left as it is: the append-only file has the data',
      )
    }
    const loaded = await replay(engine, directory)
    if (!isThere) await directory.begin(config.get('aof-use-rdb-preamble') ? 'rdb' : 'aof')
    const file = await directory.openLast()
    if (isThere && !isBegun) await loadIntoBase(engine, disk, directory, loaded)
    if (history === 'removed' && !config.get('aof-disable-auto-gc')) await directory.removeHistory()
    const size = await file.size()
    const { base, increments } = directory.manifest
    const lastPart = increments.at(-1)
    assert(lastPart !== undefined, 'a log that is open has an increment to append to')
    const last = directory.pathOf(lastPart)
    if (size !== (loaded.sizes.get(lastPart.name) ?? 0)) {
      throw new PersistenceError(
        last,
        undefined,
        'another process wrote to the file while it was loaded',
        'Find out which other process uses the directory, and stop it',
      )
    }
    const baseBytes = base === undefined ? 0 : (loaded.sizes.get(base.name) ?? 0)
    let earlierBytes = 0
    for (const [name, bytes] of loaded.sizes) if (name !== lastPart.name) earlierBytes += bytes
    assert(baseBytes <= earlierBytes, 'the base is one of the files before the last increment')
    const journal = attach(engine, {
      path: last,
      file,
      size,
      earlierBytes,
      baseBytes,
    })
    engine.conditions.loading.end()
    return { journal, directory, loaded, close: () => journal.close() }
  } catch (error) {
    if (error instanceof PersistenceError || (error as NodeJS.ErrnoException).code === undefined) throw error
    const { path } = error as NodeJS.ErrnoException
    throw new PersistenceError(
      path ?? location.dir,
      undefined,
      describeDiskError(error),
      'Make the directory readable and writable and start again',
      error,
    )
  }
}

/** Loads the snapshot, and makes it the base of an empty log. */
async function loadIntoBase(engine: Engine, disk: Disk, directory: AofDirectory, report: ReplayReport): Promise<void> {
  const { keysExpired, bytes, milliseconds } = await readSnapshot(engine, disk)
  const format = engine.config.get('aof-use-rdb-preamble') ? 'rdb' : 'aof'
  const base = await directory.nextBase(format)
  const image = new SnapshotRun({
    engine,
    disk,
    later: (run) => setImmediate(run),
    target: directory.pathOf(base),
    format,
    isBase: true,
    largeWritten: () => {},
  })
  try {
    await image.complete()
    await directory.adoptBase(image.temporary, base, directory.manifest.increments)
  } catch (error) {
    await image.discard()
    throw error
  }
  report.sizes.set(base.name, image.bytes)
  report.bytes += bytes
  report.milliseconds += milliseconds
  engine.environment.log.info(
    { file: snapshotPath(engine), bytes, keysExpired, base: base.name },
    'there was no append-only file: the snapshot was loaded, and is its first base',
  )
}

async function tellOfUnnamed(engine: Engine, directory: AofDirectory): Promise<void> {
  const files = await directory.unnamed()
  if (files.length === 0) return
  engine.environment.log.warn(
    { directory: directory.path, files },
    'files that the manifest does not name are left as they are',
  )
}
