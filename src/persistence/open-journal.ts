// From an empty or full directory to a running journal: load, then append.

import type { Engine } from '../engine/engine.ts'
import { AofDirectory } from './aof-directory.ts'
import { AppendOnlyFile, type AppendOnlyFileOptions } from './append-only-file.ts'
import { type Disk, systemDisk } from './disk.ts'
import { describeDiskError, PersistenceError } from './errors.ts'
import { type ReplayReport, replay } from './replay.ts'

export interface OpenJournal {
  readonly journal: AppendOnlyFile
  readonly directory: AofDirectory
  /** What was loaded. */
  readonly loaded: ReplayReport
  /** Writes and syncs everything and closes the file; see AppendOnlyFile.close. */
  close(): Promise<void>
}

/** Makes an engine append to a file from now on, as its configuration says. */
export function attachJournal(
  engine: Engine,
  options: Pick<AppendOnlyFileOptions, 'path' | 'file' | 'size' | 'earlierBytes' | 'baseBytes'>,
): AppendOnlyFile {
  const { clock, config, durability, log } = engine
  const journal = new AppendOnlyFile({
    ...options,
    // Offsets go on where the journal before had got to: somebody may wait for one.
    startOffset: durability.progress.appended,
    policy: config.get('appendfsync'),
    rules: durability.rules,
    clock,
    log,
  })
  engine.propagation.add(journal)
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

/**
 * Loads the append-only files that the engine's configuration names, then makes the engine append to them.
 *
 * Meanwhile the engine's clients hear LOADING. Throws PersistenceError, saying file, place and remedy, when the files cannot be
 * trusted or reached; the engine keeps answering LOADING then and is of no further use.
 */
export async function openJournal(engine: Engine, disk: Disk = systemDisk): Promise<OpenJournal> {
  const { config } = engine
  const location = {
    dir: config.get('dir'),
    directoryName: config.get('appenddirname'),
    prefix: config.get('appendfilename'),
  }
  engine.loading.begin()
  try {
    const directory = await AofDirectory.open(disk, location)
    const loaded = await replay(engine, directory)
    const file = await directory.openLast()
    await directory.removeHistory()
    const size = await file.size()
    const { base, increments } = directory.manifest
    const baseBytes = base === undefined ? 0 : (loaded.sizes.get(base.name) ?? 0)
    let earlierBytes = 0
    for (const [name, bytes] of loaded.sizes) if (name !== increments.at(-1)!.name) earlierBytes += bytes
    const journal = attachJournal(engine, {
      path: directory.pathOf(increments.at(-1)!),
      file,
      size,
      earlierBytes,
      baseBytes,
    })
    engine.loading.end()
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
