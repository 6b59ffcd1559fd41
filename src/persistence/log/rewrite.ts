// Rewriting the append-only file: a new base, made of what the data is, in the place of everything that led to it.
//
// Also how the append-only file is turned on while the server runs: that is a
// rewrite whose increment is the first to be written to.
//
// The steps, and what a start finds when the process or the power ends after each:
//
//   1  the next increment is created, empty,     no manifest names it: as before. Its name is used again, emptied
//      and made durable
//   2  the manifest names it                     the last increment but one is the last with content, and may have a torn end
//                                                that is cut (replay.ts): as before
//   3  between two turns the journal goes on     the increment before was synced before the first byte came to the new one: both
//      in the new increment; the image is        are replayed, the last one may have a torn end. Without the base nothing is missing
//      taken at that moment
//   4  the image is written under a temporary    as after 3; the temporary file is named nowhere and is overwritten by the next
//      name, and synced                          rewrite
//   5  the base gets its name, and that is made  as after 3
//      durable
//   6  the manifest names base and new           the new state: base and increment are replayed. What they replace is in the
//      increment, everything else as history     manifest as history, and removed at the start
//   7  history is removed                        as after 6
//   8  the manifest forgets it                   the new state
//
// A test for each row: test/persistence/rewrite-steps.test.ts.
//
// Steps 2, 6 and 8 each replace the manifest at one stroke (disk.ts), so there is
// always one of two whole manifests, and all files that either names.
//
// Turning it on, step 2 is left out: before 6 the directory belongs to an older
// history, or to none. Rewriting while it is off, steps 1 to 3 are: only a base is made.
//
// What a failure leaves: after 1 or 2 the increment is withdrawn if possible, else it stays, empty. After 3 there is one
// increment more, and the next rewrite replaces them all. After 5 there is a base without a name in the manifest, or with one:
// nobody can tell, so both stay and its name is not used again.

import { noProgress, type Progress } from '../../engine/effects/journal.ts'
import type { Engine } from '../../engine/engine.ts'
import type { Log } from '../../engine/log.ts'
import type { Disk, DiskFile } from '../disk/disk.ts'
import { describeDiskError } from '../errors.ts'
import { noteOf } from '../snapshot/history-note.ts'
import type { SnapshotRun } from '../snapshot/snapshot-run.ts'
import { AofDirectory } from './aof-directory.ts'
import type { AppendOnlyFile } from './append-only-file.ts'
import type { Part } from './manifest.ts'
import { attachJournal, type OpenJournal } from './open-journal.ts'

/** Takes an image that shall become a file. */
export type TakeImage = (target: string, format: 'rdb' | 'aof') => SnapshotRun

/** What is rewritten, and how: an append-only file, or what stands in its place. */
export interface Rewrite {
  /** What is written to, and grows; undefined while there is nothing. */
  readonly journal: AppendOnlyFile | undefined
  /** Size of all files after the last rewrite, or of the base at the start. */
  readonly baseBytes: number
  /** It shall be there, as `appendonly` says. */
  isWanted: boolean
  /** It was asked for, and is not there yet. */
  readonly owesBase: boolean
  /** The files, as far as there is a log. */
  readonly directory: AofDirectory | undefined
  /** Runs something at a moment when the data is what is in the log, or is going to be: neither more nor less. Throws why there is none. */
  atOnePosition(run: () => void): Promise<void>
  /** Rewrites it. Throws what went wrong; what is on the disk is right then, too. */
  run(takeImage: TakeImage): Promise<void>
  /** Ends it: it is not wanted any more. */
  retire(): void
  /** Makes everything durable. Throws what the disk says. */
  close(): Promise<void>
}

export class AofRewrite implements Rewrite {
  /** What writes go to; undefined while `appendonly` is off. */
  journal: AppendOnlyFile | undefined
  baseBytes: number
  /** `appendonly` as it was last set. */
  isWanted: boolean
  /** What writes go to has the base without which it means nothing. */
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

  /** Files that were kept are removed as soon as `aof-disable-auto-gc` is off; a rewrite under way does it in the end. */
  #collectSoon(): void {
    const directory = this.#directory
    if (directory !== undefined && !this.#isRunning) this.#collecting = this.#removeHistory(directory)
  }

  /** `appendonly` was turned on, and its first base is not there yet: what is acknowledged now, a restart would not find. */
  get owesBase(): boolean {
    return this.isWanted && !this.#isBased
  }

  get directory(): AofDirectory | undefined {
    return this.#directory
  }

  /** Between two commands it always is. */
  async atOnePosition(run: () => void): Promise<void> {
    run()
  }

  /** Rewrites, turns on, or only makes a base, as things stand. Throws what went wrong; what is on the disk is right then, too. */
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
    const journal = attachJournal(this.#engine, { path, file, size: 0, earlierBytes: 0, baseBytes: 0 })
    this.journal = journal
    const image = takeImage(directory.pathOf(base), format)
    try {
      await this.#makeBase(image, directory, base, [part])
    } catch (error) {
      // What it holds means nothing without the base. Should the disk's manifest have both, they are right up to here.
      this.retire()
      await this.#retiring
      const { increments } = directory.manifest
      if (increments.includes(part)) increments.splice(increments.indexOf(part), 1)
      throw error
    }
    this.#isBased = true
    journal.rebased(image.bytes, 0)
  }

  /** Steps 4 to 6. */
  async #makeBase(image: SnapshotRun, directory: AofDirectory, base: Part, kept: readonly Part[]): Promise<void> {
    const { journal } = this
    try {
      await image.complete()
      // What was turned off meanwhile is not to be found turned on.
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

  /** Steps 7 and 8. A failure costs nothing but space: the next rewrite, or start, does it. */
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

  /** Goes on without a journal: what was appended is made durable, and who waits for that gets its reply. */
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
      // Whoever turned it off wants no more promises.
      closed = true
      for (const run of listeners) run()
    }
    this.#retiring = close()
  }

  /** Makes everything durable. Throws what the disk says. */
  async close(): Promise<void> {
    const position = this.#engine.parts.replication?.position
    if (position !== undefined) this.journal?.annotate(noteOf(position))
    await this.#retiring
    await this.#collecting
    await this.journal?.close()
  }
}

/**
 * Steps 1 to 3: has a journal go on in the next increment, and takes what `atSwitch` returns at that moment: the image, unless there is to be none. An
 * increment that was not begun is withdrawn. Throws what the disk says.
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
  return { part, image: taken!.image }
}

async function withdraw(directory: AofDirectory, part: Part, file: DiskFile, log: Log): Promise<void> {
  try {
    await file.close()
    await directory.withdrawIncrement(part)
  } catch (error) {
    log.warn({ error: describeDiskError(error) }, 'an empty increment stays in the append-only file')
  }
}
