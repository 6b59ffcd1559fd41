// Replay: the append-only files through the real engine, at start.
//
// Each command runs for a client that is obeyed: no checks, no journal, no events. Nothing expires
// on the way, because the journal tells what happened (invariant 4). A replay goes in slices, so
// that clients hear LOADING in the meantime and INFO shows how far it got.
//
// A file may begin with an RDB snapshot, or be nothing else: the base of a rewrite. The snapshot is
// read first (rdb/), then the commands after it.
//
// A unit (MULTI … EXEC) is parsed to its end before its first command runs, and once more to run.
// So an unfinished unit leaves no trace, and nothing is copied.
//
// Faults of a file, and what follows:
//
//   The last unit is not whole: a crash cut a write short. In the last file the unit is cut off
//   (aof-load-truncated); in any other file it is damage. An increment that only empty ones follow
//   counts as the last: a rewrite names the next one before the first byte goes there (rewrite.ts).
//
//   The last file has zeros from some place to its end: a power cut after the size and before the
//   bytes reached the disk. The zeros are cut off, too.
//
//   Anything else is damage: the start is refused, naming file, offset and remedy.
//
// A damaged length can look like a cut: the word seems to reach beyond the end of the file. But
// nothing follows a write that a crash cut short. When whole commands follow, it is damage, and a
// cut would throw them away.

import type { Client } from '../../engine/clients/client.ts'
import type { Transport } from '../../engine/clients/transport.ts'
import type { LoadingProgress } from '../../engine/conditions/loading.ts'
import type { HistoryPosition } from '../../engine/effects/replication-history.ts'
import type { Engine } from '../../engine/engine.ts'
import type { Command } from '../../engine/spec/command.ts'
import { Arguments } from '../../protocol/arguments.ts'
import { itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { parseInteger } from '../../util/numbers/numbers.ts'
import { setImmediate } from '../../util/time/real-time.ts'
import { concerns, type Portion } from '../audit/portion.ts'
import { PortionTarget } from '../audit/portion-target.ts'
import type { DiskFile, OpenMode } from '../disk/disk.ts'
import { TestKeyDelay } from '../disk/test-key-delay.ts'
import { describeDiskError, PersistenceError, seconds } from '../errors.ts'
import { RdbDamage } from '../rdb/damage.ts'
import { LoadTarget } from '../rdb/load-target.ts'
import { readRdb } from '../rdb/read-rdb.ts'
import { readNote } from '../snapshot/history-note.ts'
import { CommandReader, DamagedFile } from './command-reader.ts'
import type { Part } from './manifest.ts'

/** Other clients are served at least this often while loading. */
const SLICE_MS = 10
/** Commands between two looks at the clock. */
const COMMANDS_PER_LOOK = 128
/** Whole commands are looked for up to this many bytes behind a cut one. */
const RESYNC_BYTES_MAX = 4 * 1024 * 1024
/** Number of places tried there at which a command might begin. */
const RESYNC_TRIES_MAX = 10_000
/** After this many keys of a file, the number still to come can be guessed. */
const KEYS_TELLING = 4096
/**
 * With more keys in place, making room for others would take too long: each of them is linked
 * again.
 */
const KEYS_RELINKED_MAX = 64 * 1024
/** The most buckets that are made after a guess, which may be wrong: 16 MB. */
const BUCKETS_GUESSED_MAX = 4 * 1024 * 1024
/** An RDB file begins with this, also in front of commands. */
const RDB_MAGIC = 'REDIS'

const RDB_ADVICE = 'Run respite check-rdb on the file to see how much of it is whole, or restore a backup'
/** The counters of a command that was first used by a replay. */
const NEVER_CALLED = { calls: 0, microseconds: 0, untimed: 0, failed: 0, latencies: undefined }

const BAD_FORMAT = 'Bad file format reading the append only file'
const CHECK_ADVICE =
  'Make a copy of the directory, then run respite check-aof --fix on its manifest (it cuts everything from the damaged place on), or restore a backup'

/** The sizes and the time of a replay. */
export interface ReplayReport {
  /** Bytes of each file, by name, in order. */
  sizes: Map<string, number>
  bytes: number
  milliseconds: number
  /** Bytes cut off the end of the last file. */
  cutBytes: number
}

/** The files that are replayed. */
export interface ReplayedFiles {
  readonly manifest: { readonly parts: readonly Part[] }
  pathOf(part: Part): string
  readonly disk: { open(path: string, mode: OpenMode): Promise<DiskFile> }
}

/** The pace of a replay beside other work. */
export interface ReplayPace {
  /** How long commands run in one go, and after how many of them the clock is read. */
  readonly sliceMs: number
  readonly commandsPerLook: number
  /** Bytes of a snapshot that are parsed in one go; undefined = as at a start. */
  readonly chunkBytes: number | undefined
  /**
   * Called after each go, and between; the replay goes on when it is done. Its exception ends the
   * replay.
   */
  rest(): Promise<void>
}

export interface ReplayOptions {
  /** Default: as at a start, when all clients hear LOADING. */
  pace?: ReplayPace
  /**
   * Whether a last unit that is not whole is cut off or left in the file. Default: it is cut off.
   */
  tornEnd?: 'cut' | 'left'
  /** Limits the replay to these keys. Default: all. */
  portion?: Portion
}

const AT_A_START: ReplayPace = {
  sliceMs: SLICE_MS,
  commandsPerLook: COMMANDS_PER_LOOK,
  chunkBytes: undefined,
  rest: () => new Promise((resolve) => void setImmediate(resolve)),
}

/**
 * Runs all files of a directory through an engine that is loading. Throws PersistenceError; then
 * the engine's data is incomplete.
 */
export async function replay(
  engine: Engine,
  directory: ReplayedFiles,
  options: ReplayOptions = {},
): Promise<ReplayReport> {
  return new Replay(engine, directory, options).run()
}

/**
 * Drops the replies to replayed commands. The last reply is kept until the next, to quote an error.
 */
class Discard implements Transport {
  readonly kind = 'in-process'
  readonly address = 'replay'
  readonly localAddress = 'replay'
  readonly descriptor = -1
  readonly backlogBytes = 0
  last: Buffer | undefined = undefined

  write(bytes: Buffer): boolean {
    this.last = bytes
    return true
  }

  close(): void {}
}

class Replay {
  readonly #engine: Engine
  readonly #directory: ReplayedFiles
  readonly #pace: ReplayPace
  readonly #tornEnd: 'cut' | 'left'
  readonly #portion: Portion | undefined
  readonly #transport = new Discard()
  readonly #client: Client
  readonly #args = new Arguments()
  #path = ''
  #reader!: CommandReader
  /** Where the current unit's MULTI stands; -1 outside of one. */
  #unitStart = -1
  /** Where that unit ends while its commands are run; -1 otherwise. */
  #unitEnd = -1
  /**
   * Keys of each database when the file began; infinite when nothing is guessed from it any more.
   */
  #keysBefore: number[] = []
  /** The file is whole up to here. */
  #wholeTo = 0
  /** How many commands had been run when the last annotation was read. */
  #notedAt = -1
  /** Commands run, for the delay after each of them. */
  #run = 0
  readonly #delay: TestKeyDelay

  constructor(engine: Engine, directory: ReplayedFiles, options: ReplayOptions) {
    this.#engine = engine
    this.#pace = options.pace ?? AT_A_START
    this.#tornEnd = options.tornEnd ?? 'cut'
    this.#portion = options.portion
    this.#delay = new TestKeyDelay(() => engine.config.get('key-load-delay'))
    this.#directory = directory
    this.#client = engine.connect(this.#transport, 'replay')
  }

  async run(): Promise<ReplayReport> {
    const engine = this.#engine
    const { parts } = this.#directory.manifest
    const started = engine.environment.workClock.monotonic()
    const progress = this.#progress
    const bringCountsBack = this.#rememberCounts()
    const report: ReplayReport = { sizes: new Map(), bytes: 0, milliseconds: 0, cutBytes: 0 }
    try {
      const sizes: number[] = []
      for (const part of parts) sizes.push(await this.#sizeOf(part))
      progress.totalBytes = sizes.reduce((sum, size) => sum + size, 0)
      let last = parts.length - 1
      while (last > 0 && sizes[last] === 0 && itemAt(parts, last - 1).type === 'increment') last--
      for (let i = 0; i < parts.length; i++) {
        const beganMs = engine.environment.workClock.monotonic()
        const cut = await this.#file(itemAt(parts, i), itemAt(sizes, i), i >= last)
        if (itemAt(sizes, i) > 0) this.#tellOfPart(itemAt(parts, i), engine.environment.workClock.monotonic() - beganMs)
        report.cutBytes += cut
        report.bytes += itemAt(sizes, i) - cut
        report.sizes.set(itemAt(parts, i).name, itemAt(sizes, i) - cut)
      }
      for (const { keys } of engine.databases) {
        while (!keys.trim()) await this.#pace.rest()
      }
    } finally {
      bringCountsBack()
      engine.disconnect(this.#client)
    }
    report.milliseconds = engine.environment.workClock.monotonic() - started
    if (progress.totalBytes > 0) {
      engine.environment.log.info(
        { bytes: report.bytes },
        `DB loaded from append only file: ${seconds(report.milliseconds)} seconds`,
      )
    }
    return report
  }

  get #progress(): LoadingProgress {
    const { progress } = this.#engine.conditions.loading
    assert(progress !== undefined, 'files are replayed while the engine is loading')
    return progress
  }
  #tellOfPart({ name, type }: Part, milliseconds: number): void {
    const kind = type === 'base' ? 'base' : 'incr'
    this.#engine.environment.log.info({}, `DB loaded from ${kind} file ${name}: ${seconds(milliseconds)} seconds`)
  }

  async #sizeOf(part: Part): Promise<number> {
    return this.#withFile(part, 'read', (file) => file.size())
  }

  /** Runs one file; returns how many bytes were cut off its end. */
  async #file(part: Part, size: number, isLast: boolean): Promise<number> {
    this.#path = this.#directory.pathOf(part)
    this.#wholeTo = 0
    this.#unitStart = -1
    this.#unitEnd = -1
    const torn = await this.#withFile(part, 'read', async (file) => {
      const preamble = await this.#preamble(file, size)
      this.#wholeTo = preamble
      this.#reader = new CommandReader(file, size, preamble)
      let noted: HistoryPosition | undefined
      this.#reader.onAnnotation = (text) => {
        noted = readNote(text)
        this.#notedAt = this.#run
      }
      try {
        await this.#commands()
        assert(this.#unitEnd === -1, 'invariant 4: a unit is replayed whole or not at all')
        // The note at the file's end holds if no command came after it.
        if (size > 0) this.#engine.effects.history.found = this.#notedAt === this.#run ? noted : undefined
        if (this.#wholeTo === size) return false
        if (isLast) await this.#refuseIfCommandsFollow(file)
        return true
      } catch (error) {
        if (!(error instanceof DamagedFile)) throw error
        if (isLast && (await isZeroToEnd(file, error.offset, size))) return true
        throw new PersistenceError(this.#path, error.offset, `${BAD_FORMAT}: ${error.message}`, CHECK_ADVICE)
      }
    })
    if (!torn) return 0
    const cut = size - this.#wholeTo
    if (!isLast) {
      throw new PersistenceError(
        this.#path,
        this.#wholeTo,
        `${BAD_FORMAT}: it ends within a command or transaction, but it is not the last one`,
        CHECK_ADVICE,
      )
    }
    if (!this.#engine.config.get('aof-load-truncated')) {
      throw new PersistenceError(
        this.#path,
        this.#wholeTo,
        `Unexpected end of file reading the append only file: the last command or transaction is not whole (${cut} bytes)`,
        'Set aof-load-truncated to yes to cut it off, or run respite check-aof --fix on the manifest',
      )
    }
    if (this.#tornEnd === 'left') return cut
    await this.#withFile(part, 'write', async (file) => {
      await file.truncate(this.#wholeTo)
      await file.sync()
    })
    const { log } = this.#engine.environment
    log.info({}, `!!! Warning: short read while loading the AOF file ${part.name}!!!`)
    log.warn(
      { file: this.#path, offset: this.#wholeTo, bytes: cut },
      `!!! Truncating the AOF ${part.name} at offset ${this.#wholeTo} !!!`,
    )
    log.info({}, `AOF ${part.name} loaded anyway because aof-load-truncated is enabled`)
    return cut
  }

  /** Loads the snapshot that a file begins with; returns where the commands begin. */
  async #preamble(file: DiskFile, size: number): Promise<number> {
    const magic = Buffer.alloc(RDB_MAGIC.length)
    await readFully(file, magic, 0)
    if (magic.toString('latin1') !== RDB_MAGIC) return 0
    const engine = this.#engine
    const progress = this.#progress
    const before = progress.loadedBytes
    const target = new LoadTarget(engine, { expired: 'kept', progress })
    const pace = this.#pace
    try {
      const { end } = await readRdb({
        file,
        size,
        target: this.#portion === undefined ? target : new PortionTarget(target, this.#portion),
        ...(pace.chunkBytes === undefined ? {} : { chunkBytes: pace.chunkBytes }),
        checksum: engine.config.get('rdbchecksum') && engine.conditions.switches.comparesChecksums,
        progress: (bytes) => {
          progress.loadedBytes = before + bytes
          return pace === AT_A_START
            ? this.#delay.pass(engine.environment.workClock, this.#run + target.keys)
            : pace.rest()
        },
      })
      progress.loadedBytes = before + end
      this.#run += target.keys
      // Commands behind the snapshot were not read beforehand.
      if (this.#portion !== undefined && end < size) throw new Error(`commands follow the snapshot in ${this.#path}`)
      return end
    } catch (error) {
      if (!(error instanceof RdbDamage)) throw error
      throw new PersistenceError(
        this.#path,
        error.offset,
        `Short read or OOM loading DB, the RDB snapshot in it cannot be loaded: ${error.message}`,
        RDB_ADVICE,
      )
    }
  }

  /** Runs all whole units of the current file. */
  async #commands(): Promise<void> {
    const reader = this.#reader
    const progress = this.#progress
    const before = progress.loadedBytes
    const start = reader.offset
    this.#keysBefore = this.#engine.databases.map(({ keys }) => keys.count)
    while (true) {
      const outcome = this.#slice()
      progress.loadedBytes = before + reader.offset - start
      // Replies are dropped, and other clients hear LOADING.
      this.#engine.endTurn()
      if (outcome === 'starved') this.#expectKeys(start)
      if (outcome === 'starved' && !(await reader.fill(this.#unitStart === -1 ? reader.offset : this.#unitStart)))
        return
      if (outcome === 'paused' || this.#pace !== AT_A_START) await this.#pace.rest()
      await this.#delay.pass(this.#engine.environment.workClock, this.#run)
    }
  }

  /**
   * Makes room for the keys still to come, if the keys since `start` let their number be guessed.
   * Splitting buckets one by one took a fifth of the start from 1,000,000 SETs. Buckets that turn
   * out to be too many are given back when all is read.
   */
  #expectKeys(start: number): void {
    const { database } = this.#client
    const { keys } = itemAt(this.#engine.databases, database)
    const come = keys.count - itemAt(this.#keysBefore, database)
    if (come < KEYS_TELLING) return
    // One guess for each file is enough.
    this.#keysBefore[database] = Number.POSITIVE_INFINITY
    if (keys.count > KEYS_RELINKED_MAX) return
    const { offset, size } = this.#reader
    const guessed = keys.count + Math.floor((come * (size - offset)) / (offset - start))
    keys.reserve(Math.min(guessed, BUCKETS_GUESSED_MAX))
  }

  /** Runs commands until the time of a slice is up or the reader needs more bytes. */
  #slice(): 'paused' | 'starved' {
    const engine = this.#engine
    const reader = this.#reader
    const args = this.#args
    const { commandsPerLook, sliceMs } = this.#pace
    const end = engine.environment.workClock.monotonic() + sliceMs
    const interrupted = engine.requests.replies.open(this.#client)
    try {
      for (let n = 1; ; n++) {
        if (n % commandsPerLook === 0 && engine.environment.workClock.monotonic() >= end) return 'paused'
        const start = reader.offset
        if (this.#unitEnd !== -1) {
          const isThere = reader.next(args)
          if (CHECKED) assert(isThere && reader.offset <= this.#unitEnd, 'a unit that was parsed is read once more')
          if (reader.offset === this.#unitEnd) this.#endUnit()
          else this.#execute(start)
          continue
        }
        if (!reader.next(args)) {
          // Annotations may have been passed.
          if (this.#unitStart === -1 && reader.reachedEnd && reader.peek(reader.offset) === undefined) {
            this.#wholeTo = reader.offset
          }
          return 'starved'
        }
        const name = args.bytes(0)
        if (this.#unitStart === -1) {
          if (name.equalsIgnoreCase('MULTI')) this.#unitStart = start
          else if (name.equalsIgnoreCase('EXEC')) throw new DamagedFile(start, 'EXEC without MULTI')
          else this.#execute(start)
        } else if (name.equalsIgnoreCase('EXEC')) {
          this.#runUnit(reader.offset)
        } else if (name.equalsIgnoreCase('MULTI')) {
          throw new DamagedFile(start, 'MULTI within MULTI')
        } else {
          // A damaged EXEC must not make everything up to the file's end look like one unfinished
          // unit.
          this.#command(start)
        }
        if (this.#unitStart === -1) this.#wholeTo = reader.offset
      }
    } finally {
      engine.requests.replies.close()
      if (interrupted !== undefined) engine.requests.replies.open(interrupted)
    }
  }

  /**
   * Makes the unit that begins at #unitStart and ends at `end` run. All of it is in the reader's
   * buffer.
   */
  #runUnit(end: number): void {
    this.#unitEnd = end
    this.#reader.seek(this.#unitStart)
    const isThere = this.#reader.next(this.#args)
    assert(isThere && this.#reader.offset < end, 'the MULTI of a unit that is run is still in the buffer')
  }

  #endUnit(): void {
    assert(this.#unitStart !== -1 && this.#unitStart < this.#unitEnd, 'a unit that ends has begun')
    this.#wholeTo = this.#unitEnd
    this.#unitStart = -1
    this.#unitEnd = -1
  }

  /** Returns the command that #args name; undefined for SELECT, which replay does itself. */
  #command(start: number): Command | undefined {
    const name = this.#args.bytes(0)
    if (name.equalsIgnoreCase('SELECT')) return undefined
    const command = this.#engine.commands.findWritten(name)
    if (command === undefined) throw new DamagedFile(start, `unknown command ${quote(name)}`)
    if (!mayBeJournaled(command))
      throw new DamagedFile(start, `${quote(name)} does not belong into an append-only file`)
    return command
  }

  /** Runs the command in #args, which began at `start`. */
  #execute(start: number): void {
    const engine = this.#engine
    const args = this.#args
    const name = args.bytes(0)
    const command = this.#command(start)
    if (command === undefined) {
      this.#select(start)
      return
    }
    this.#run++
    if (this.#portion !== undefined) {
      const { keys } = itemAt(engine.databases, this.#client.database)
      if (!concerns(this.#portion, keys, command, args)) return
    }
    const errors = engine.figures.stats.errorReplies
    const appended = CHECKED ? engine.effects.durability.progress.appended : 0
    engine.requests.dispatch.execute(this.#client, args)
    if (CHECKED) {
      assert(engine.effects.durability.progress.appended === appended, 'invariant 4: a replay propagates nothing')
    }
    if (engine.figures.stats.errorReplies !== errors) {
      throw new DamagedFile(start, `${quote(name)} failed when replayed: ${this.#lastError()}`)
    }
    if (this.#client.requests.parked) {
      engine.blocking.release(this.#client)
      throw new DamagedFile(start, `${quote(name)} waited when replayed`)
    }
  }

  #select(start: number): void {
    const args = this.#args
    const database = args.length === 2 ? parseInteger(args.bytes(1)) : undefined
    if (typeof database !== 'number' || database < 0 || database >= this.#engine.databases.length) {
      throw new DamagedFile(start, `SELECT names no database of the ${this.#engine.databases.length} configured`)
    }
    this.#client.database = database
  }

  #lastError(): string {
    this.#engine.requests.replies.mark()
    this.#client.flush()
    const text = this.#transport.last?.toString('latin1') ?? ''
    return text.trimEnd().split('\r\n').at(-1)!.slice(1)
  }

  /** Throws DamagedFile when whole commands follow the one that seems cut short. */
  async #refuseIfCommandsFollow(file: DiskFile): Promise<void> {
    const start = this.#reader.offset
    const length = Math.min(this.#reader.size - start, RESYNC_BYTES_MAX)
    const tail = Buffer.alloc(length)
    const end = await readFully(file, tail, start)
    const reader = new CommandReader(new BytesFile(tail.subarray(0, end)), end, 0, end)
    await reader.fill(0)
    let at = tail.indexOf('\n*', 0, 'latin1')
    for (let tries = 0; at !== -1 && tries < RESYNC_TRIES_MAX; tries++) {
      if (this.#isCommandAt(reader, at + 1)) {
        throw new DamagedFile(start, `this command seems to reach beyond the end, but whole ones follow it`)
      }
      at = tail.indexOf('\n*', at + 1, 'latin1')
    }
  }

  #isCommandAt(reader: CommandReader, at: number): boolean {
    reader.seek(at)
    try {
      return reader.next(this.#args) && this.#engine.commands.findWritten(this.#args.bytes(0)) !== undefined
    } catch (error) {
      if (error instanceof DamagedFile) return false
      throw error
    }
  }

  /**
   * Keeps the counters of commands and errors: a replay is no traffic. Returns a function that sets
   * them to their values of now. `changesSinceSave` becomes 0: everything replayed is on the disk.
   */
  #rememberCounts(): () => void {
    const { commands } = this.#engine
    const { dataset } = this.#engine.data
    const { stats } = this.#engine.figures
    const { commandsProcessed, errorReplies } = stats
    const {
      use: { hits, misses },
    } = dataset
    const errors = new Map(stats.errors)
    const counts = new Map<Command, Partial<Command>>()
    for (const command of commands.used()) {
      const { calls, microseconds, untimed, failed, latencies } = command
      counts.set(command, { calls, microseconds, untimed, failed, latencies })
      // The replay is counted in a histogram of its own, which is dropped.
      command.latencies = undefined
    }
    return () => {
      Object.assign(stats, { commandsProcessed, errorReplies, changesSinceSave: 0 })
      stats.errors.clear()
      for (const [code, count] of errors) stats.errors.set(code, count)
      Object.assign(dataset, { hits, misses })
      for (const command of commands.used()) Object.assign(command, counts.get(command) ?? NEVER_CALLED)
    }
  }

  /** Opens a part for a moment. Errors of the disk become a PersistenceError. */
  async #withFile<T>(part: Part, mode: 'read' | 'write', use: (file: DiskFile) => Promise<T>): Promise<T> {
    const path = this.#directory.pathOf(part)
    try {
      const file = await this.#directory.disk.open(path, mode)
      try {
        return await use(file)
      } finally {
        await file.close()
      }
    } catch (error) {
      if (error instanceof PersistenceError || (error as NodeJS.ErrnoException).code === undefined) throw error
      throw new PersistenceError(
        path,
        undefined,
        describeDiskError(error),
        'Make the file readable and start again',
        error,
      )
    }
  }
}

/** A stretch of memory as a file, for the reader. */
class BytesFile implements Pick<DiskFile, 'read'> {
  readonly #bytes: Buffer

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  async read(into: Buffer, start: number, length: number, position: number): Promise<number> {
    return this.#bytes.copy(into, start, position, position + length)
  }
}

/**
 * Only commands that change data are journaled, besides SELECT. PFCOUNT and its like may change a
 * cached value.
 */
function mayBeJournaled(command: Command): boolean {
  return command.isWrite || command.mayReplicate || command.subcommands !== undefined
}

async function readFully(file: DiskFile, into: Buffer, position: number): Promise<number> {
  let filled = 0
  while (filled < into.length) {
    const read = await file.read(into, filled, into.length - filled, position + filled)
    if (read === 0) break
    filled += read
  }
  return filled
}

async function isZeroToEnd(file: DiskFile, from: number, size: number): Promise<boolean> {
  const chunk = Buffer.alloc(Math.min(1024 * 1024, size - from))
  for (let at = from; at < size; ) {
    const read = await file.read(chunk, 0, Math.min(chunk.length, size - at), at)
    if (read === 0) return false
    for (let i = 0; i < read; i++) if (chunk[i] !== 0) return false
    at += read
  }
  return true
}

function quote(word: Bytes): string {
  return `'${word
    .toString()
    .slice(0, 64)
    .replace(/[^ -~]/g, '?')}'`
}
