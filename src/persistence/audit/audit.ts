// DEBUG AUDIT: compares the data in memory with the append-only file.
//
//   moment    Nothing else is written. The files are opened. Between two commands the end of the
//             log is noted, and the walk begins.
//   walk      Fingerprints each value, as a snapshot walks (snapshot.ts). Clients go on, and the
//             gate fingerprints values before they change.
//   replay    The log up to that place is replayed into a second engine, in slices.
//   compare   Each value of the second engine is compared with its fingerprint, in slices. Keys
//             that differ are named.
//
// A round needs the memory of its keys twice. Several rounds, each of a part of the keys
// (portion.ts), need less memory and more time; each has a moment of its own. An audit changes no
// data and no file.

import type { AuditReport } from '../../engine/effects/saving.ts'
import type { Engine } from '../../engine/engine.ts'
import { Arguments } from '../../protocol/arguments.ts'
import type { DigestDepth } from '../../store/keyspace/data-digest.ts'
import { itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import type { Disk } from '../disk/disk.ts'
import { describeDiskError } from '../errors.ts'
import type { AofDirectory } from '../log/aof-directory.ts'
import type { AppendOnlyFile } from '../log/append-only-file.ts'
import { CommandReader } from '../log/command-reader.ts'
import { replay } from '../log/replay.ts'
import type { ImageWriter } from '../snapshot/image-writer.ts'
import type { Snapshot, SnapshotSink } from '../snapshot/snapshot.ts'
import { compare, Findings } from './comparison.ts'
import { Pace } from './pace.ts'
import { type LogPosition, PinnedLogFiles } from './pinned-log-files.ts'
import { ALL_KEYS, PartOfKeys, type Portion } from './portion.ts'
import { ValueTable } from './value-table.ts'
import { ValuesWriter } from './values-writer.ts'

/** More parts than this save no memory: each needs the table that joins keys. */
export const PARTS_MAX = 1024
/** Time between two checks whether the log was written up to the moment. */
const WRITTEN_LOOK_MS = 1
/**
 * Memory of the second engine, measured by the first one's data; names and fingerprints come on
 * top.
 */
const MEMORY_FACTOR = 1.3
/** Differences that the log names one by one. */
const LOGGED_MAX = 100

/** The reason why there is nothing to compare; a sentence for the caller. */
export class NoAudit extends Error {}

/** The interface of the part that saves, as an audit needs it. */
export interface AuditHost {
  readonly disk: Disk
  readonly directory: AofDirectory | undefined
  readonly journal: AppendOnlyFile | undefined
  /** Runs a function while nothing else is written. */
  alone(run: (walk: Walk) => Promise<void>): Promise<void>
  /** The same as Rewrite's. */
  atOnePosition(run: () => void): Promise<void>
  readonly second: ((like: Engine) => Engine) | undefined
  readonly later: (run: () => void) => void
  readonly rested: (run: () => void) => void
}

/** Walks all data as it is now, as a snapshot that is no file. */
export type Walk = (writer: () => ImageWriter, sink: SnapshotSink) => { snapshot: Snapshot; walked: Promise<void> }

/** The values and the log of one moment. */
interface Moment {
  readonly files: PinnedLogFiles
  readonly table: ValueTable
  readonly depth: DigestDepth
  /** The journal's offset at the moment. */
  readonly offset: number
  readonly journal: AppendOnlyFile
}

/** A sink for a writer that writes nothing. */
const NOWHERE: SnapshotSink = { write() {}, spare: () => undefined, waitingBytes: 0, onDrained() {} }

export class Audit {
  readonly #engine: Engine
  readonly #host: AuditHost
  readonly #parts: number
  readonly #findings = new Findings()
  readonly #pace: Pace
  readonly #beganMs: number
  #second: Engine | undefined = undefined
  #table: ValueTable | undefined = undefined
  #givenUp: Error | undefined = undefined
  /** Rejects when the audit is given up. */
  readonly #ends: Promise<never>
  #end: (error: Error) => void = () => {}

  /** Throws NoAudit. */
  constructor(engine: Engine, host: AuditHost, parts: number | undefined) {
    this.#engine = engine
    this.#host = host
    this.#refuse()
    this.#parts = parts ?? partsFor(engine)
    this.#beganMs = engine.environment.workClock.monotonic()
    this.#pace = new Pace({
      workClock: engine.environment.workClock,
      stats: engine.figures.stats,
      later: host.later,
      rested: host.rested,
      check: () => this.#check(),
    })
    this.#ends = new Promise((_, reject) => {
      this.#end = reject
    })
    this.#ends.catch(() => {})
  }

  /** Gives up: `run` rejects. */
  giveUp(error: Error): void {
    this.#givenUp ??= error
    this.#end(this.#givenUp)
  }

  /** Throws NoAudit, PersistenceError where the log cannot be replayed, and the disk's error. */
  async run(): Promise<AuditReport> {
    const { log, workClock } = this.#engine.environment
    const { memory } = this.#engine.upkeep
    memory.besideBytes = () => this.#heldBytes('reserved')
    log.info({ parts: this.#parts }, 'audit: comparing memory with the append-only file')
    try {
      for (let part = 0; part < this.#parts; part++) await this.#round(part)
    } finally {
      memory.besideBytes = undefined
    }
    const { differing, keys, named } = this.#findings
    const report: AuditReport = {
      keys,
      differing,
      named,
      parts: this.#parts,
      milliseconds: workClock.monotonic() - this.#beganMs,
      longestSliceMs: this.#pace.longestSliceMs,
    }
    this.#tell(report)
    return report
  }

  async #round(part: number): Promise<void> {
    assert(this.#second === undefined && this.#table === undefined, 'one round of an audit is under way at a time')
    const portion = this.#parts === 1 ? ALL_KEYS : new PartOfKeys(part, this.#parts)
    const moment = await Promise.race([this.#moment(portion), this.#ends])
    const { files, table, depth } = moment
    try {
      this.#table = table
      await this.#written(moment)
      const makeSecond = this.#host.second
      assert(makeSecond !== undefined, 'an audit that was not refused has a second engine')
      const second = makeSecond(this.#engine)
      this.#second = second
      second.conditions.loading.begin()
      this.#pace.begin()
      if (portion instanceof PartOfKeys) await this.#readAhead(files, second, portion)
      const chosen = portion === ALL_KEYS ? {} : { portion }
      await replay(second, files, { pace: this.#pace, tornEnd: 'left', ...chosen })
      await compare(table, second, { findings: this.#findings, portion, depth, pace: this.#pace })
    } finally {
      this.#table = undefined
      for (const db of this.#second?.databases ?? []) db.clear()
      this.#second?.stop()
      this.#second = undefined
      await files.close()
    }
  }

  // ── the moment ───────────────────────────────────────────────────────────

  async #moment(portion: Portion): Promise<Moment> {
    let moment: Moment | undefined
    await this.#host.alone(async (walk) => {
      this.#check()
      this.#refuse()
      const { directory, disk, journal } = this.#host
      assert(directory !== undefined && journal !== undefined, 'an audit that was not refused has a log')
      const files = await PinnedLogFiles.open(disk, directory, journal.path, () => this.#pace.begin())
      try {
        let walked: Promise<void> | undefined
        let snapshot: Snapshot | undefined
        await this.#host.atOnePosition(() => {
          this.#check()
          this.#refuse()
          if (this.#host.journal !== journal || !files.holds(journal.path))
            throw new NoAudit('the append-only file was changed')
          const end: LogPosition = journal.endInFile
          files.endAt(end)
          const depth = { fieldsFromMs: this.#engine.environment.clock.now() }
          const table = new ValueTable(keysIn(this.#engine) / this.#parts)
          this.#table = table
          moment = { files, table, depth, offset: journal.appended, journal }
          const picture = walk(() => new ValuesWriter(table, portion, depth, this.#cannotRead), NOWHERE)
          walked = picture.walked
          snapshot = picture.snapshot
        })
        this.#ends.catch((error) => snapshot?.abort(error))
        await walked
        this.#check()
        assert(snapshot !== undefined, 'a moment that was taken is walked')
        if (snapshot.written !== snapshot.total) throw new NoAudit('other data took the place of the present')
      } catch (error) {
        await files.close()
        throw error
      }
    })
    assert(moment !== undefined, 'an audit that ran alone has its moment')
    return moment
  }

  readonly #cannotRead = (error: unknown): void => {
    this.#engine.environment.log.error({ error: String(error) }, 'audit: a value in memory cannot be read')
  }

  /** Waits until the log is written up to the moment. */
  async #written({ journal, offset }: Moment): Promise<void> {
    while (journal.written < offset) {
      if (journal.failure !== undefined) throw new NoAudit(`the append-only file cannot be written: ${journal.failure}`)
      this.#check()
      await new Promise<void>((resolve) => void this.#engine.environment.workClock.after(WRITTEN_LOOK_MS, resolve))
    }
  }

  // ── parts ────────────────────────────────────────────────────────────────

  /** Finds out which keys commands name together. */
  async #readAhead(files: PinnedLogFiles, second: Engine, portion: PartOfKeys): Promise<void> {
    const args = new Arguments()
    const { keys } = itemAt(second.databases, 0)
    for (const part of files.manifest.parts) {
      // A snapshot names keys one by one.
      if (part.name.endsWith('.base.rdb')) continue
      const file = await files.disk.open(files.pathOf(part), 'read')
      const magic = Buffer.alloc(5)
      await file.read(magic, 0, magic.length, 0)
      if (magic.toString('latin1') === 'REDIS') {
        // The place where commands begin behind a snapshot is not known before the snapshot was
        // read.
        portion.joinAll()
        continue
      }
      const reader = new CommandReader(file, await file.size())
      do {
        for (let read = 1; reader.next(args); read++) {
          const command = second.commands.findWritten(args.bytes(0))
          if (command !== undefined) portion.note(keys, command, args)
          if (read % this.#pace.commandsPerLook === 0 && this.#pace.isOver) await this.#pace.rest()
        }
      } while (await reader.fill(reader.offset))
    }
  }

  // ── whether it may go on ─────────────────────────────────────────────────

  #refuse(): void {
    const { config } = this.#engine
    const { state } = this.#engine.conditions
    const { directory, journal, second } = this.#host
    if (second === undefined) throw new NoAudit('there is no second engine here')
    if (state.loading.holds) throw new NoAudit('the data is being loaded')
    if (journal === undefined || directory === undefined) {
      throw new NoAudit(
        config.get('appendonly')
          ? 'the append-only file has no base yet: it is being turned on'
          : 'there is no append-only file to compare with (appendonly no); `respite audit --dir` looks at snapshots',
      )
    }
    if (journal.failure !== undefined) throw new NoAudit(`the append-only file cannot be written: ${journal.failure}`)
  }

  #check(): void {
    if (this.#givenUp !== undefined) throw this.#givenUp
    const { config } = this.#engine
    const { memory } = this.#engine.upkeep
    const limit = config.get('maxmemory')
    if (limit === 0 || memory.boundedBytes + this.#heldBytes('used') <= limit) return
    throw new NoAudit(
      `it needs more memory than maxmemory leaves (${this.#heldBytes('used')} bytes so far); ask for more PARTS than ${this.#parts}, or raise maxmemory for a while`,
    )
  }

  /**
   * Bytes that the audit has in use, or reserved. Memory is reserved in large pieces, and taken
   * from the machine as it is used.
   */
  #heldBytes(which: 'used' | 'reserved'): number {
    let bytes = this.#table?.heldBytes ?? 0
    for (const db of this.#second?.databases ?? []) {
      bytes += db.usedBytes
      if (which === 'reserved') bytes += db.arena.reservedBytes - db.arena.blockBytes
    }
    return bytes
  }

  #tell({ differing, keys, longestSliceMs, milliseconds, named, parts }: AuditReport): void {
    const { log } = this.#engine.environment
    if (differing === 0) {
      log.info({ keys, parts, milliseconds, longestSliceMs }, 'audit: memory and append-only file are equal')
      return
    }
    for (const { database, key, what } of named.slice(0, LOGGED_MAX)) {
      log.error({ database, key, what }, 'audit: memory and append-only file differ')
    }
    log.error(
      { keys, differing, parts, milliseconds, longestSliceMs },
      'audit: not all keys are what the append-only file says',
    )
  }
}

/** Returns a line with the reason why an audit came to nothing. */
export function describeNoAudit(error: unknown): string {
  return error instanceof NoAudit ? error.message : describeDiskError(error)
}

/** Returns how many parts let the second engine fit into the memory that `maxmemory` leaves. */
function partsFor({ config, data: { dataset }, upkeep: { memory } }: Engine): number {
  const limit = config.get('maxmemory')
  if (limit === 0) return 1
  const room = Math.max(1, limit - memory.boundedBytes)
  return Math.min(PARTS_MAX, Math.max(1, Math.ceil((dataset.usedBytes * MEMORY_FACTOR) / room)))
}

function keysIn({ databases }: Engine): number {
  return databases.reduce((sum, { size }) => sum + size, 0)
}
