// Rewriting the append-only file: a new base, made from the current data, replaces all the files
// that led to it.
//
// Also how the append-only file is turned on while the server runs: that is a rewrite whose
// increment is the first to be written to.
//
// The steps, and what a start finds when the process or the power ends after each:
//
//   1  The next increment is created, empty, and made durable.
//        No manifest names it: as before. Its name is used again.
//   2  The manifest names it.
//        The last increment with content is the last but one. It may have a torn end, which is cut
//        (replay.ts): as before.
//   3  Between two turns the journal goes on in the new increment. The image is taken then.
//        The increment before was synced before the first byte came to the new one. Both are
//        replayed, and the last one may have a torn end. Without the base nothing is missing.
//   4  The image is written under a temporary name, and synced.
//        As after 3. No manifest names the temporary file, and the next rewrite overwrites it.
//   5  The base gets its name, and that is made durable.
//        As after 3.
//   6  The manifest names base and new increment, and everything else as history.
//        The new state: base and increment are replayed. The replaced files are removed at the
//        start.
//   7  History is removed.
//        As after 6.
//   8  The manifest forgets it.
//        The new state.
//
// A test for each step: test/persistence/rewrite-steps.test.ts.
//
// Steps 2, 6 and 8 each replace the manifest at one stroke (replace-file.ts). So there is always
// one of two whole manifests, and all files that either names.
//
// Turning the file on leaves step 2 out: before 6 the directory belongs to an older history, or to
// none. A rewrite while the file is off leaves steps 1 to 3 out: only a base is made.
//
// The state after a failure: after 1 or 2 the increment is withdrawn if possible, else it stays,
// empty. After 3 there is one increment more, and the next rewrite replaces them all. After 5 there
// is a base, which the manifest on the disk may name or not. That cannot be known, so both stay,
// and the name is not used again.

import { noProgress, type Progress } from '../../engine/effects/journal.ts'
import type { Engine } from '../../engine/engine.ts'
import type { Log } from '../../engine/log.ts'
import { assert } from '../../util/assert.ts'
import type { Disk, DiskFile } from '../disk/disk.ts'
import { describeDiskError } from '../errors.ts'
import { noteOf } from '../snapshot/history-note.ts'
import type { SnapshotRun } from '../snapshot/snapshot-run.ts'
import { AofDirectory } from './aof-directory.ts'
import type { AppendOnlyFile } from './append-only-file.ts'
import type { Part } from './manifest.ts'
import { attachJournal, type OpenJournal } from './open-journal.ts'

/** Takes an image that will become a file. */
export type TakeImage = (target: string, format: 'rdb' | 'aof') => SnapshotRun

/** A log that can be rewritten: an append-only file, or what stands in its place. */
export interface Rewrite {
  /** The journal that is written to, and grows; undefined while there is none. */
  readonly journal: AppendOnlyFile | undefined
  /** Size of all files after the last rewrite, or of the base at the start. */
  readonly baseBytes: number
  /** True when `appendonly` says that it shall be there. */
  isWanted: boolean
  /** True when it was asked for and is not there yet. */
  readonly owesBase: boolean
  /** The files, as far as there is a log. */
  readonly directory: AofDirectory | undefined
  /**
   * Runs a function at a moment when the data and the log (with its unwritten end) are the same.
   * Throws the reason why there is no such moment.
   */
  atOnePosition(run: () => void): Promise<void>
  /** Rewrites the log. Throws on failure; the files on the disk are right then, too. */
  run(takeImage: TakeImage): Promise<void>
  /** Ends the log: it is not wanted any more. */
  retire(): void
  /** Makes everything durable. Throws the disk's error. */
  close(): Promise<void>
}

export class AofRewrite implements Rewrite {
  /** The journal of writes; undefined while `appendonly` is off. */
  journal: AppendOnlyFile | undefined
  baseBytes: number
  /** `appendonly` as it was last set. */
  isWanted: boolean
  /** The journal has the base without which its files mean nothing. */
  #isBased: boolean
  readonly #engine: Engine
  readonly #disk: Disk
  #directory: AofDirectory | undefined
  /** The journal that was turned off, until it is closed. */
  #retiring: Promise<void> = Promise.resolve()
  #isRunning = false
  /** Files that were replaced are being removed. */
  #collecting: Promise<void> = Promise.resolve()

  constructor(engine: Engine, disk: Disk, aof: OpenJournal | undefined) {
    this.#engine = engine
    this.#disk = disk
    this.journal = aof?.journal
    this.baseBytes = aof?.journal.status.baseBytes ?? 0
    this.#directory = aof?.directory
    this.isWanted = aof !== undefined
    this.#isBased = aof !== undefined
    engine.config.onChange('aof-disable-auto-gc', () => this.#collectSoon())
  }

  /**
   * Files that were kept are removed as soon as `aof-disable-auto-gc` is off; a rewrite under way
   * does it in the end.
   */
  #collectSoon(): void {
    const directory = this.#directory
    if (directory !== undefined && !this.#isRunning) this.#collecting = this.#removeHistory(directory)
  }

  /**
   * `appendonly` was turned on, and its first base is not there yet: a restart would not find the
   * writes that are acknowledged now.
   */
  get owesBase(): boolean {
    return this.isWanted && !this.#isBased
  }

  get directory(): AofDirectory | undefined {
    return this.#directory
  }

  /** Between two commands the data and the log are always the same. */
  async atOnePosition(run: () => void): Promise<void> {
    run()
  }

  /**
   * Rewrites, turns on, or only makes a base, whichever is due. Throws on failure; the files on the
   * disk are right then, too.
   */
  async run(takeImage: TakeImage): Promise<void> {
    this.#isRunning = true
    try {
      await this.#collecting
      await this.#runOne(takeImage)
    } finally {
      this.#isRunning = false
    }
  }

  async #runOne(takeImage: TakeImage): Promise<void> {
    const engine = this.#engine
    const directory = await this.#open()
    const { journal } = this
    const format = engine.config.get('aof-use-rdb-preamble') ? 'rdb' : 'aof'
    if (journal !== undefined) {
      await this.#replaceBehind(journal, directory, format, takeImage)
    } else if (this.isWanted) {
      await this.#turnOn(directory, format, takeImage)
    } else {
      await directory.create()
      const base = await directory.nextBase(format)
      await this.#makeBase(takeImage(directory.pathOf(base), format), directory, base, [])
    }
    await this.#removeHistory(directory)
    this.baseBytes = this.journal?.status.currentBytes ?? 0
    assert(!this.#isBased || this.journal !== undefined, 'a base without a journal is no log that is written to')
  }

  async #open(): Promise<AofDirectory> {
    const { config } = this.#engine
    if (this.#directory === undefined) {
      const location = {
        dir: config.get('dir'),
        directoryName: config.get('appenddirname'),
        prefix: config.get('appendfilename'),
      }
      this.#directory = await AofDirectory.open(this.#disk, location, 'replaced')
    }
    return this.#directory
  }

  /** Steps 1 to 6 while the journal is written. */
  async #replaceBehind(
    journal: AppendOnlyFile,
    directory: AofDirectory,
    format: 'rdb' | 'aof',
    takeImage: TakeImage,
  ): Promise<void> {
    const base = await directory.nextBase(format)
    const { image, part } = await goOnBehind(journal, directory, this.#engine.environment.log, () =>
      takeImage(directory.pathOf(base), format),
    )
    await this.#makeBase(image, directory, base, [part])
    journal.rebased(image.bytes, 0)
  }

  /** Steps 1 and 3 to 6, with a new journal. */
  async #turnOn(directory: AofDirectory, format: 'rdb' | 'aof', takeImage: TakeImage): Promise<void> {
    const base = await directory.nextBase(format)
    const { part, file } = await directory.addIncrement('named later')
    if (!this.isWanted) {
      await withdraw(directory, part, file, this.#engine.environment.log)
      throw new Error('appendonly was turned off')
    }
    const path = directory.pathOf(part)
    assert(this.journal === undefined, 'the append-only file is turned on while there is none')
    const journal = attachJournal(this.#engine, { path, file, size: 0, earlierBytes: 0, baseBytes: 0 })
    this.journal = journal
    const image = takeImage(directory.pathOf(base), format)
    try {
      await this.#makeBase(image, directory, base, [part])
    } catch (error) {
      // The increment means nothing without the base. If the disk's manifest has both, they are
      // right up to here.
      this.retire()
      await this.#retiring
      const { increments } = directory.manifest
      if (increments.includes(part)) increments.splice(increments.indexOf(part), 1)
      throw error
    }
    // `appendonly` may have been turned off while the base got its name.
    this.#isBased = this.journal === journal
    journal.rebased(image.bytes, 0)
  }

  /** Steps 4 to 6. */
  async #makeBase(image: SnapshotRun, directory: AofDirectory, base: Part, kept: readonly Part[]): Promise<void> {
    const { journal } = this
    try {
      await image.complete()
      // The append-only file was turned off meanwhile, and must stay off.
      if (this.journal !== journal) throw new Error('appendonly was changed')
      const left = await directory.adoptBase(image.temporary, base, kept)
      if (left.length > 0) {
        const details = { directory: directory.path, files: left }
        this.#engine.environment.log.warn(
          details,
          'append-only files that were replaced, but never loaded, are left there',
        )
      }
    } catch (error) {
      await image.discard()
      throw error
    }
  }

  /** Steps 7 and 8. A failure costs only space: the next rewrite, or start, removes the files. */
  async #removeHistory(directory: AofDirectory): Promise<void> {
    if (this.#engine.config.get('aof-disable-auto-gc')) return
    try {
      await directory.removeHistory()
    } catch (error) {
      this.#engine.environment.log.warn(
        { error: describeDiskError(error) },
        'cannot remove append-only files that were replaced',
      )
    }
  }

  /**
   * Goes on without a journal. The appended bytes are made durable, and replies that wait for them
   * leave.
   */
  retire(): void {
    const { journal } = this
    if (journal === undefined) return
    if (!journal.isOurs) this.#directory?.keep(journal.path)
    const engine = this.#engine
    this.journal = undefined
    this.#isBased = false
    const listeners: (() => void)[] = []
    const { appended } = journal
    let closed = false
    const retired: Progress = {
      ...noProgress,
      appended,
      get written() {
        return closed ? appended : journal.written
      },
      get synced() {
        return closed ? appended : journal.synced
      },
      onProgress(run) {
        listeners.push(run)
      },
    }
    engine.effects.propagation.remove(journal)
    engine.effects.durability.follow(retired)
    const before = this.#retiring
    const close = async (): Promise<void> => {
      await before
      try {
        await journal.close()
      } catch (error) {
        engine.environment.log.error(
          { error: describeDiskError(error) },
          'the append-only file was turned off, but it is not whole',
        )
      }
      // After `appendonly no` a reply waits for no file.
      closed = true
      for (const run of listeners) run()
    }
    this.#retiring = close()
  }

  /** Makes everything durable. Throws the disk's error. */
  async close(): Promise<void> {
    const position = this.#engine.parts.replication?.position
    if (position !== undefined) this.journal?.annotate(noteOf(position))
    await this.#retiring
    await this.#collecting
    await this.journal?.close()
  }
}

/**
 * Steps 1 to 3: makes a journal go on in the next increment. `atSwitch` runs at that moment and
 * returns the image, or undefined if there is to be none. An increment that was not begun is
 * withdrawn. Throws the disk's error.
 */
export async function goOnBehind<I extends SnapshotRun | undefined>(
  journal: AppendOnlyFile,
  directory: AofDirectory,
  log: Log,
  atSwitch: () => I,
): Promise<{ readonly part: Part; readonly image: I }> {
  const { part, file } = await directory.addIncrement('named')
  let taken: { readonly image: I } | undefined
  try {
    await journal.switchTo({ path: directory.pathOf(part), file }, () => {
      taken = { image: atSwitch() }
    })
  } catch (error) {
    await taken?.image?.discard()
    await withdraw(directory, part, file, log)
    throw error
  }
  assert(taken !== undefined, 'a journal that goes on in the next increment has run atSwitch')
  return { part, image: taken.image }
}

async function withdraw(directory: AofDirectory, part: Part, file: DiskFile, log: Log): Promise<void> {
  try {
    await file.close()
    await directory.withdrawIncrement(part)
  } catch (error) {
    log.warn({ error: describeDiskError(error) }, 'an empty increment stays in the append-only file')
  }
}
