// This node's append-only file: a copy of the log up to a noted position.
//
// The file holds only what is in the log. Behind each record stands a line that identifies it
// (position-note.ts):
//
//   SELECT 0, RPUSH k a …            the effects of a record, as in the log
//   #POS 3 17 5f0c… effects 56       the record was at position 17
//   #POS 3 18 9a41… lease            position 18 changed nothing
//
// A node starts from this file, and a leader that was replaced goes back to it. Bytes that a crash
// left behind the last note are cut off: the log has them. The file is not synced for each record,
// because other machines have the records. A power cut loses about a second of it, which is read
// from the log again. Redis can read the file like any other.
//
// When the file has grown it is rewritten like other append-only files (persistence/log/rewrite.ts
// has the steps): into a base with the data at one position, and an increment that begins with the
// note of that position. The replaced files stay in the manifest as history until the next rewrite.
// If the log loses its end, the records are made again from them.

import path from 'node:path'
import { DurabilityRules } from '../config/durability-rules.ts'
import type { Engine } from '../engine/engine.ts'
import { appendAll, type Disk, writeAll } from '../persistence/disk/disk.ts'
import { PersistenceError } from '../persistence/errors.ts'
import { AofDirectory, type AofLocation } from '../persistence/log/aof-directory.ts'
import { AppendOnlyFile, type AppendOnlyFileOptions } from '../persistence/log/append-only-file.ts'
import { CommandReader, DamagedFile } from '../persistence/log/command-reader.ts'
import type { Part } from '../persistence/log/manifest.ts'
import { type OpenJournal, openJournal } from '../persistence/log/open-journal.ts'
import { goOnBehind, type TakeImage } from '../persistence/log/rewrite.ts'
import { reload } from '../persistence/reload.ts'
import type { SnapshotRun } from '../persistence/snapshot/snapshot-run.ts'
import { Arguments } from '../protocol/arguments.ts'
import { assert } from '../util/assert.ts'
import { type CountedRecord, NOWHERE, type RecordPosition, type RestoredPosition } from './chain.ts'
import type { LogEntry } from './log.ts'
import { firstNoteOf, type PositionNote, positionNoteOf, readPositionNote } from './position-note.ts'
import { decodeEpochNote, type EpochNote } from './record.ts'
import { copiedRecords } from './restored-records.ts'
import { type SnapshotNote, snapshotNoteIn } from './snapshots.ts'

/** The first character of a note. */
const HASH = '#'.charCodeAt(0)
const NO_RULES = new DurabilityRules([])

export class LocalCopy {
  readonly #engine: Engine
  readonly #disk: Disk
  #files: OpenJournal
  /** Callbacks of those waiting for the file to grow. */
  #waiting: (() => void)[] = []
  /** The rewrite in progress. */
  #rewriting: { readonly image: SnapshotRun; ended: Promise<void>; isGivenUp: boolean } | undefined = undefined
  /** Size of all files after the last rewrite, or of the base at the start. */
  #bytesAfterRewrite: number
  /** The position of the last record taken. */
  #place: RecordPosition

  private constructor(engine: Engine, disk: Disk, files: OpenJournal, place: RecordPosition) {
    this.#engine = engine
    this.#disk = disk
    this.#files = files
    this.#place = place
    this.#bytesAfterRewrite = files.journal.status.baseBytes
    files.journal.onProgress(() => this.#progressed())
  }

  /**
   * Loads the copy from the configured directory, or creates an empty one. Returns it with the
   * position that it reaches. Throws PersistenceError.
   */
  static async open(engine: Engine, disk: Disk): Promise<{ copy: LocalCopy; place: RestoredPosition }> {
    const place = await cutToLastPlace(engine, disk)
    const files = await openJournal(engine, disk, journalOf, 'kept')
    return { copy: new LocalCopy(engine, disk, files, place), place }
  }

  /** The increment that is currently written to. */
  get journal(): AppendOnlyFile {
    return this.#files.journal
  }

  get directory(): AofDirectory {
    return this.#files.directory
  }

  /** Size of all files after the last rewrite, or of the base at the start. */
  get baseBytes(): number {
    return this.#bytesAfterRewrite
  }

  /** Why nothing can be written now; undefined when writing works. */
  get failure(): string | undefined {
    return this.#files.journal.failure
  }

  /** Appends a record from the log. */
  take({ effects, records }: CountedRecord): void {
    const { journal } = this.#files
    const first = records[0]
    const last = records.at(-1)
    assert(first !== undefined && last !== undefined, 'a record that counts has a part')
    assert(last.position > this.#place.position, 'the position of a copy only grows')
    assert(last.epoch >= this.#place.epoch, 'the epoch of a copy never goes back')
    assert(first.previous === this.#place.hash, 'the copy takes each record that counts, and no other')
    assert(last.kind !== 'part', 'the copy takes whole records')
    if (effects !== undefined) journal.appendEncoded(effects)
    for (const record of records) journal.annotate(positionNoteOf(record))
    const { epoch, hash, position } = last
    this.#place = { epoch, hash, position }
    journal.write('others')
  }

  /** Replaces the data in memory with the contents of the copy. */
  async restore(): Promise<void> {
    await this.written()
    await reload(this.#engine, this.#disk, { from: 'log', present: 'forgotten', saves: false })
  }

  /** Waits until everything taken is written to the file. */
  async written(): Promise<void> {
    const { journal } = this.#files
    while (journal.written < journal.appended) {
      journal.write('others')
      if (journal.written === journal.appended) return
      await this.#progress()
    }
  }

  /** Waits until more has been written or synced. */
  #progress(): Promise<void> {
    return new Promise((resolve) => void this.#waiting.push(resolve))
  }

  #progressed(): void {
    for (const run of this.#waiting.splice(0)) run()
  }

  /** The records of the log after a position. Throws `Gap` when the copy does not have them. */
  async *records(after: number): AsyncIterable<LogEntry> {
    await this.written()
    const { directory } = this.#files
    const files = [...directory.replacedIncrements, ...directory.manifest.increments].map((part) =>
      directory.pathOf(part),
    )
    yield* copiedRecords(this.#disk, files, after)
  }

  /**
   * Rewrites the copy with the data as its base. Call it when the data equals the records taken so
   * far. The data must not change until the promise resolves; `isStill` tells whether that holds.
   * The base is written afterwards, until `ended` resolves. Throws errors of the disk.
   */
  async rewrite(takeImage: TakeImage, isStill: () => boolean): Promise<{ ended: Promise<void> }> {
    assert(this.#rewriting === undefined, 'a copy is rewritten once at a time')
    const { directory, journal } = this.#files
    const base = await directory.nextBase('rdb')
    let noteEnd = 0
    const { image, part } = await goOnBehind(journal, directory, this.#engine.environment.log, () => {
      journal.annotate(firstNoteOf(this.#place))
      noteEnd = journal.appended
      return isStill() ? takeImage(directory.pathOf(base), 'rdb') : undefined
    })
    if (image === undefined) throw new Error('the data was changed meanwhile')
    assert(
      noteEnd > 0 && noteEnd <= journal.appended,
      'the increment behind a base begins with the note of its position',
    )
    // A base without its position on disk is of no use.
    journal.require('always', noteEnd)
    journal.write('others')
    this.#rewriting = { image, isGivenUp: false, ended: Promise.resolve() }
    const ended = this.#finishRewrite(image, base, part, noteEnd)
    // `close` waits for the end of the rewrite, whatever its outcome.
    this.#rewriting.ended = ended.catch(() => {})
    return { ended }
  }

  async #finishRewrite(image: SnapshotRun, base: Part, part: Part, noteEnd: number): Promise<void> {
    const { directory, journal } = this.#files
    const replaced = directory.manifest.increments.filter((one) => one !== part).map(({ name }) => name)
    try {
      await image.complete()
      while (journal.synced < noteEnd) {
        if (this.#rewriting?.isGivenUp === true) throw new Error('the copy is closed')
        await this.#progress()
      }
      await directory.adoptBase(image.temporary, base, [part])
      journal.rebased(image.bytes, 0)
      this.#bytesAfterRewrite = journal.status.currentBytes
      await this.#removeHistory(replaced)
    } catch (error) {
      await image.discard()
      throw error
    } finally {
      this.#rewriting = undefined
    }
  }

  async #removeHistory(kept: readonly string[]): Promise<void> {
    if (!this.#engine.config.get('aof-disable-auto-gc')) await this.#files.directory.removeHistory(kept)
  }

  /** Aborts the rewrite in progress. */
  async #endRewrite(): Promise<void> {
    const rewriting = this.#rewriting
    if (rewriting === undefined) return
    rewriting.isGivenUp = true
    rewriting.image.snapshot.abort(new Error('the copy is closed'))
    this.#progressed()
    await rewriting.ended
    assert(this.#rewriting === undefined, 'a rewrite that has ended is forgotten')
  }

  /**
   * Replaces the copy and the data with a snapshot, when the log no longer holds the records
   * between. Returns the position that it reaches. Throws PersistenceError, and errors of the
   * store.
   */
  async replace(snapshot: AsyncIterable<Uint8Array>): Promise<RecordPosition> {
    const engine = this.#engine
    const { config } = engine
    const temporary = path.join(this.#files.directory.path, 'temp-snapshot')
    const note = await download(this.#disk, snapshot, temporary)
    // Nothing has been changed up to here.
    await this.#endRewrite()
    await this.#files.journal.close()
    const directory = await AofDirectory.open(this.#disk, locationOf(engine))
    const base = await directory.nextBase('rdb')
    const { part, file } = await directory.addIncrement('named later')
    const line = Buffer.from(firstNoteOf(note))
    await appendAll(file, line, 0, line.length)
    await file.sync()
    await directory.adoptBase(temporary, base, [part])
    await directory.removeHistory()
    const journal = journalOf(engine, {
      path: directory.pathOf(part),
      file,
      size: line.length,
      earlierBytes: 0,
      baseBytes: 0,
    })
    journal.onProgress(() => this.#progressed())
    this.#files = { ...this.#files, directory, journal, close: () => journal.close() }
    this.#place = note
    this.#bytesAfterRewrite = journal.status.currentBytes
    await reload(engine, this.#disk, { from: 'log', present: 'forgotten', saves: false })
    engine.environment.log.info(
      { dir: config.get('dir'), position: note.position },
      'the data was loaded from a snapshot',
    )
    return note
  }

  /** Syncs and closes the file. Throws what the disk says. */
  async close(): Promise<void> {
    await this.#endRewrite()
    await this.#files.close()
  }
}

/** Finds the last position noted in the files of a copy, and cuts off the bytes behind it. */
async function cutToLastPlace(engine: Engine, disk: Disk): Promise<RestoredPosition> {
  const { log } = engine.environment
  const directory = await AofDirectory.open(disk, locationOf(engine))
  for (const part of directory.manifest.increments.toReversed()) {
    const file = directory.pathOf(part)
    const { end, isCopy, leader, note, size } = await lastNote(disk, file)
    if (!isCopy) throw notACopy(directory)
    if (end < size) {
      log.warn(
        { file, offset: end, bytes: size - end },
        'the end of the copy is incomplete; it is read from the log again',
      )
      const open = await disk.open(file, 'write')
      try {
        await open.truncate(end)
        await open.sync()
      } finally {
        await open.close()
      }
    }
    if (note !== undefined) {
      const { epoch, hash, kind, position, rest } = note
      return {
        ...{ epoch, hash, position },
        ...(kind === 'handover' && { handedTo: rest }),
        ...(leader !== undefined && { leader }),
      }
    }
  }
  if (!(await directory.isEmpty())) throw notACopy(directory)
  return NOWHERE
}

function locationOf({ config }: Engine): AofLocation {
  return {
    dir: config.get('dir'),
    directoryName: config.get('appenddirname'),
    prefix: config.get('appendfilename'),
  }
}

/** The file is written at once and synced within a second: other machines have its contents. */
function journalOf(
  { environment: { log, workClock } }: Engine,
  options: Pick<AppendOnlyFileOptions, 'path' | 'file' | 'size' | 'earlierBytes' | 'baseBytes'>,
): AppendOnlyFile {
  return new AppendOnlyFile({ ...options, policy: 'everysec', rules: NO_RULES, clock: workClock, log })
}

/** Writes a snapshot to a file, and returns the position that it names. */
async function download(disk: Disk, snapshot: AsyncIterable<Uint8Array>, temporary: string): Promise<SnapshotNote> {
  const file = await disk.open(temporary, 'create')
  let note: SnapshotNote | undefined
  try {
    let at = 0
    for await (const part of snapshot) {
      const bytes = Buffer.from(part.buffer, part.byteOffset, part.byteLength)
      if (at === 0) note = snapshotNoteIn(bytes)
      await writeAll(file, bytes, 0, bytes.length, at)
      at += bytes.length
    }
    await file.sync()
  } finally {
    await file.close()
  }
  if (note !== undefined) return note
  throw new PersistenceError(temporary, undefined, 'the snapshot does not name its position in a log', 'Remove it')
}

function notACopy({ path }: AofDirectory): PersistenceError {
  return new PersistenceError(
    path,
    undefined,
    'it is not a copy of a replicated log',
    'Start with an empty directory: the data comes from the log and its snapshots',
  )
}

/** The result of reading a file through. */
interface LastNote {
  readonly note: PositionNote | undefined
  /** The last leader that a note names; undefined if none does. */
  readonly leader: EpochNote | undefined
  /** The end offset of the note. */
  readonly end: number
  readonly size: number
  /**
   * Whether it begins as a copy does: each file with a note, the first with the note of an epoch.
   */
  readonly isCopy: boolean
}

/** Reads a file through, up to the last note that completes a record. */
async function lastNote(disk: Disk, path: string): Promise<LastNote> {
  const file = await disk.open(path, 'read')
  try {
    const size = await file.size()
    const reader = new CommandReader(file, size)
    const args = new Arguments()
    let note: PositionNote | undefined
    let leader: PositionNote | undefined
    let end = 0
    await reader.fill(0)
    const isCopy = size === 0 || reader.peek(0) === HASH
    reader.onAnnotation = (text) => {
      const found = readPositionNote(text)
      if (found === undefined || found.kind === 'part') return
      note = found
      if (found.kind === 'epoch' || (found.kind === 'lease' && found.rest !== '')) leader = found
      end = reader.offset + text.length + 1
    }
    try {
      while (reader.next(args) || (await reader.fill(reader.offset)));
    } catch (error) {
      // Bytes that cannot be read lie behind the last note.
      if (!(error instanceof DamagedFile)) throw error
    }
    assert(end <= size, 'a note lies within the file it was read from')
    return { note, leader: leader && decodeEpochNote(Buffer.from(leader.rest, 'latin1')), end, size, isCopy }
  } finally {
    await file.close()
  }
}
