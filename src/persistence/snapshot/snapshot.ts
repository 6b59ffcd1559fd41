// A snapshot: all databases as they are at one moment, written out while clients go on changing them.
//
// Nothing is copied at the start. Each keyspace has an epoch, which the beginning
// raises: an entry that bears an older mark was there and is not written yet; one
// with the current mark was written, or came later. Two things write entries:
//
//   the walk   goes through all entries by number, a slice at a time
//   the gate   hears of every entry before its first change (invariant 6), and writes it then if the walk has not been there
//
// So memory is needed only for what changes faster than the disk takes it, and
// the walk rests while much is waiting for the disk. SWAPDB exchanges keyspaces,
// which keep their epochs and are found wherever they are; a database that is
// emptied hands its contents over, to be walked like any other.
//
// The walk goes on in slices of half a millisecond. What follows a slice depends on
// the clients:
//
// - Commands come in at every turn: the walk rests until it takes a tenth of the time.
// - Commands came in since the last slice, but not at every turn: the loop sleeps for
//   a millisecond. A client that waits for each answer would else meet a slice with
//   every command.
// - No commands came in: the next slice follows at once.
//
// Before a key changes, the gate writes its old value. That value is not compressed: the
// client that changes it waits meanwhile, and compressing is a quarter of the work.
//
// Large values would break both bounds, the slice's and the gate's. Therefore:
//
//   seeking   a first walk finds them: it reads two words an entry
//   large     they are written, in steps. Whoever is going to write to one that is not written waits for it (`concerns`), others go on
//   walking   everything else
//   done      the end is written; or `failed`, and the output is of no use
//
// What somebody waits for (`hurry`) is written before everything else, and without
// rests: a queue of a million jobs is closed for a tenth of a second, not for one.
//
// A large value that goes as a whole although it is not written (its time is up, it
// is evicted, a script removes or replaces what it did not declare) is not waited
// for: the snapshot takes it over, writes it in steps and frees it, which costs
// nothing but its memory until then. What changes *within* a large value unforeseen
// (such a script, a BLMOVE that was waiting before, a field of a hash that expires)
// has it written in one go.

import type { Engine } from '../../engine/engine.ts'
import { Database } from '../../store/keyspace/database.ts'
import type { Extent } from '../../store/keyspace/database-host.ts'
import { type Keyspace, MARK, NONE } from '../../store/keyspace/keyspace.ts'
import { TYPE_STRING } from '../../store/structures/value.ts'
import { itemAt } from '../../util/array-reads.ts'
import type { Source } from '../../util/bytes/bytes.ts'
import { TestKeyDelay } from '../disk/test-key-delay.ts'
import { STRING_AT_ONCE_BYTES_MAX } from '../rdb/rdb-writer.ts'
import type { ImageWriter } from './image-writer.ts'

/** How long a slice walks. */
const SLICE_MS = 0.5
/** Rest after a slice while commands come in at every turn, in slices: the walk takes a tenth of the time then. */
const REST_SLICES = 9
/** Entries that are sought through between two looks at the clock: microseconds. Before the code is warm, a hundred times as much. */
const SEEK_ENTRIES_PER_LOOK = 128
/** Bytes of work between two looks at the clock. Compressing them takes a tenth of a millisecond. */
const LOOK_BYTES = 16 * 1024
/** Entries written between two looks, should they be tiny. A look costs as much as a tenth of such an entry. */
const ENTRIES_PER_LOOK = 16
/** Output is passed on in pieces of this size: with what is gathered until the next look it fits into 128 KB. */
const PIECE_BYTES = 96 * 1024
/** While so much waits for the disk, the walk rests. */
const WAITING_BYTES_MAX = 8 * 1024 * 1024
/** A structure with more elements, or more bytes, is large: fewer are written in about a millisecond. */
const SMALL_ELEMENTS_MAX = 2048
const SMALL_BYTES_MAX = 128 * 1024

/** Where a snapshot's bytes go. */
export interface SnapshotSink {
  /** Takes bytes, which are the sink's from then on. */
  write(bytes: Buffer): void
  /** Gives back the memory of bytes that have left, for others to be gathered in; undefined when there is none. */
  spare(): Source | undefined
  /** Bytes taken that are not on their way out of memory yet. */
  readonly waitingBytes: number
  /** Calls `run` once, when some of what waits is gone. */
  onDrained(run: () => void): void
}

export interface SnapshotOptions {
  engine: Engine
  /** Writes the image; `aside` makes another writer of the same format for what must not wait for it. */
  writer: ImageWriter
  aside: () => ImageWriter
  sink: SnapshotSink
  /** False = keys are left out. Default: true. */
  includesData?: boolean
  /** What is said about the whole. */
  auxiliary: Readonly<Record<string, string | number>>
  /** Codes of the function libraries. */
  functions: readonly string[]
  /** Runs something after the events of this turn of the loop. */
  later: (run: () => void) => void
  /** Runs something after a rest of about two slices, in which the loop may sleep; as `later` does where nobody is to rest. */
  rested: (run: () => void) => void
  /** The end was written, or something failed. Told once. */
  ended: (error: unknown) => void
  /** A large value was written, or is not where it was: whoever waits for one may try again. */
  largeWritten: () => void
}

/** One database at the beginning. */
interface Part {
  readonly index: number
  readonly keys: Keyspace
  /** Entries from here on came later, or began another numbering. */
  readonly end: number
  sought: number
  walked: number
  /** Large ones that somebody waits for. */
  readonly hurried: Set<number>
  /** Where large values are that were removed before they were written. */
  removed: Removed | undefined
}

/** Values that nobody has any more but the snapshot. */
interface Removed {
  readonly index: number
  readonly keys: Keyspace
  /** Shares the memory of the database they were in. */
  readonly contents: Database
}

/** A value to be written in steps. */
interface Target {
  readonly part: Part | Removed
  readonly entry: number
}

type Phase = 'seeking' | 'large' | 'walking' | 'done' | 'failed'

export class Snapshot {
  readonly #options: SnapshotOptions
  readonly #engine: Engine
  readonly #writer: ImageWriter
  readonly #parts: Part[] = []
  readonly #byKeyspace = new Map<Keyspace, Part>()
  /** Contents of databases that were emptied meanwhile. */
  #emptied: Database[] = []
  #phase: Phase = 'seeking'
  #partAt = 0
  readonly #large: Target[] = []
  /** Those of them that somebody waits for, and whether anybody does. */
  readonly #hurried: Target[] = []
  #hurries = false
  /** Those that were taken over and not begun. */
  readonly #removed: Target[] = []
  /** The value that is being written in steps. */
  #current: Target | undefined = undefined
  /** Entries that changed while one is being written in steps: pieces that are full, and the last one. */
  #aside: ImageWriter | undefined = undefined
  readonly #asidePieces: Buffer[] = []
  #resting = false
  #sliceMs = 0
  #sliceEndMs = Number.NEGATIVE_INFINITY
  /** Commands processed by the last turn, and by the last slice. */
  #seenCommands: number
  #sliceCommands: number
  readonly #delay: TestKeyDelay
  /** Keys written so far, and keys at the beginning. */
  written = 0
  readonly total: number
  /** The longest stretch for which everybody waited: a slice, or what the gate wrote of one large value. */
  longestSliceMs = 0
  readonly #turn = () => this.#run()

  /** Takes the picture: everything that is in the databases now, and nothing that comes later. To be called between two commands. */
  constructor(options: SnapshotOptions) {
    this.#options = options
    this.#engine = options.engine
    this.#delay = new TestKeyDelay(() => options.engine.config.get('rdb-key-save-delay'))
    this.#writer = options.writer
    this.#seenCommands = this.#sliceCommands = options.engine.figures.stats.commandsProcessed
    let total = 0
    for (const { index, keys } of this.#engine.databases) {
      // Even an empty one: what comes into it is none of ours.
      keys.epoch = (keys.epoch + 1) | 0
      if (keys.count === 0 || options.includesData === false) continue
      const hurried = new Set<number>()
      const part = { index, keys, end: keys.entriesEnd, sought: 0, walked: 0, hurried, removed: undefined }
      this.#parts.push(part)
      this.#byKeyspace.set(keys, part)
      total += keys.count
    }
    this.total = total
    this.#writer.header(options.auxiliary)
    for (const code of options.functions) this.#writer.function(code)
    for (const { index, keys } of this.#parts) this.#writer.database(index, keys.count, keys.expiries.count)
    const { dataset } = this.#engine.data
    dataset.onBeforeChange.add(this.#beforeChange)
    dataset.onEmptied.add(this.#keepEmptied)
    options.later(this.#turn)
  }

  get ended(): boolean {
    return this.#phase === 'done' || this.#phase === 'failed'
  }

  /** True while large values may be unwritten: `concerns` must be asked before a command writes. */
  get hasLarge(): boolean {
    return this.#phase === 'seeking' || this.#phase === 'large'
  }

  /** Tells whether an entry's value is large and not written yet. */
  concerns(db: Database, entry: number): boolean {
    const { keys } = db
    return keys.word(entry, MARK) !== keys.epoch && this.#byKeyspace.has(keys) && isLarge(db, entry)
  }

  /** Has a large value of which `concerns` was true written next: somebody waits for it. */
  hurry(db: Database, entry: number): void {
    const part = this.#byKeyspace.get(db.keys)!
    this.#hurries = true
    if (part.hurried.has(entry)) return
    part.hurried.add(entry)
    this.#hurried.push({ part, entry })
  }

  /** Gives up; what was written so far is of no use. */
  abort(error: unknown): void {
    if (!this.ended) this.#end('failed', error)
  }

  /** Walks to the end in one go, whatever waits for the disk. */
  finish(): void {
    while (!this.ended) this.#slice(Number.POSITIVE_INFINITY)
  }

  // ── slices ───────────────────────────────────────────────────────────────

  #run(): void {
    if (this.ended || this.#resting) return
    const { later, rested, sink } = this.#options
    const { workClock } = this.#engine.environment
    const { stats } = this.#engine.figures
    if (sink.waitingBytes >= WAITING_BYTES_MAX) {
      this.#resting = true
      sink.onDrained(() => {
        this.#resting = false
        later(this.#turn)
      })
      return
    }
    const restMs = this.#delay.next(this.written)
    if (restMs > 0) {
      workClock.after(restMs, this.#turn)
      return
    }
    const now = workClock.monotonic()
    const { commandsProcessed } = stats
    const busy = commandsProcessed !== this.#seenCommands
    this.#seenCommands = commandsProcessed
    if (busy && !this.#hurries && now - this.#sliceEndMs < REST_SLICES * this.#sliceMs) {
      later(this.#turn)
      return
    }
    const served = commandsProcessed !== this.#sliceCommands
    this.#slice(this.#delay.isOn ? now : now + SLICE_MS)
    this.#sliceEndMs = workClock.monotonic()
    this.#sliceMs = Math.max(this.#sliceEndMs - now, 0)
    this.#sliceCommands = commandsProcessed
    this.#tookSlice(this.#sliceMs)
    if (this.ended) return
    if (served && !this.#hurries) rested(this.#turn)
    else later(this.#turn)
  }

  #slice(untilMs: number): void {
    try {
      if (this.#phase === 'large' || this.#hurries || this.#inPieces) this.#writeLarge(untilMs)
      else if (this.#phase === 'seeking') this.#seek(untilMs)
      else this.#walk(untilMs)
      this.#passOn(PIECE_BYTES)
    } catch (error) {
      this.abort(error)
    }
  }

  /** Something is begun that must be ended before other entries may follow it in the file. */
  get #inPieces(): boolean {
    return this.#current !== undefined || this.#asidePieces.length > 0 || (this.#aside?.output.length ?? 0) > 0
  }

  #seek(untilMs: number): void {
    const { workClock } = this.#engine.environment
    for (; this.#partAt < this.#parts.length; this.#partAt++) {
      const part = itemAt(this.#parts, this.#partAt)
      const db = this.#databaseOf(part)
      while (db !== undefined && part.sought < Math.min(part.end, part.keys.entriesEnd)) {
        const entry = part.sought++
        if (this.#isDue(part, entry) && isLarge(db, entry)) this.#large.push({ part, entry })
        if (part.sought % SEEK_ENTRIES_PER_LOOK === 0 && workClock.monotonic() >= untilMs) return
      }
    }
    this.#phase = 'large'
    this.#nextLarge()
  }

  /** Goes on with what is large; says so when nothing is. */
  #nextLarge(): void {
    if (this.#large.length > 0 || this.#removed.length > 0 || this.#inPieces) return
    this.#phase = 'walking'
    this.#partAt = 0
    this.#options.largeWritten()
  }

  #writeLarge(untilMs: number): void {
    const { workClock } = this.#engine.environment
    const { output } = this.#writer
    do {
      if (this.#current === undefined) {
        if (this.#inPieces) {
          this.#addAside()
          continue
        }
        const next = this.#nextToWrite()
        if (next === undefined) break
        const db = this.#databaseOf(next.part)
        // Written at the gate meanwhile, and perhaps removed.
        if (db === undefined || !this.#isDue(next.part, next.entry)) continue
        this.#writer.select(next.part.index)
        this.#current = next
        if (this.#writer.begin(db, next.entry)) this.#currentWritten()
      } else if (this.#writer.step(output.length + LOOK_BYTES)) {
        this.#currentWritten()
      }
      this.#passOn(PIECE_BYTES)
    } while (workClock.monotonic() < untilMs)
    if (this.#phase === 'large') this.#nextLarge()
  }

  #nextToWrite(): Target | undefined {
    const hurried = this.#hurried.shift()
    if (hurried !== undefined) return hurried
    this.#hurries = false
    // They keep memory that was given up.
    const removed = this.#removed.pop()
    if (removed !== undefined) return removed
    return this.#phase === 'large' ? this.#large.pop() : undefined
  }

  #currentWritten(): void {
    const { part, entry } = this.#current!
    this.#current = undefined
    this.#wrote(part.keys, entry)
    if ('contents' in part) {
      part.contents.letGo(entry)
      this.#engine.upkeep.timedWork.arm()
    }
    if (this.hasLarge) this.#options.largeWritten()
  }

  /** Adds one piece of what was written aside. It may be as much as changed while something large was written: too much to add at once. */
  #addAside(): void {
    this.#passOn(0)
    const piece = this.#asidePieces.shift() ?? this.#takeAside()
    // It has selected a database of its own.
    this.#writer.forgetDatabase()
    this.#writer.output.passThrough(piece)
    this.#options.sink.write(piece)
  }

  /** Takes what was written aside as a piece that says its database, whatever stands before it in the file. */
  #takeAside(): Buffer {
    const aside = this.#aside!
    aside.forgetDatabase()
    return aside.output.take(this.#options.sink.spare())
  }

  #walk(untilMs: number): void {
    const { workClock } = this.#engine.environment
    const writer = this.#writer
    let looked = writer.work
    let entries = 0
    for (; this.#partAt < this.#parts.length; this.#partAt++) {
      const part = itemAt(this.#parts, this.#partAt)
      const { keys } = part
      const db = this.#databaseOf(part)
      while (db !== undefined && part.walked < Math.min(part.end, keys.entriesEnd)) {
        const entry = part.walked++
        if (this.#isDue(part, entry)) this.#write(writer, db, part, entry)
        if (++entries < ENTRIES_PER_LOOK && writer.work - looked < LOOK_BYTES) continue
        entries = 0
        looked = writer.work
        this.#passOn(PIECE_BYTES)
        if (workClock.monotonic() >= untilMs) return
      }
    }
    this.#writer.end()
    this.#passOn(0)
    this.#end('done', undefined)
  }

  // ── entries ──────────────────────────────────────────────────────────────

  readonly #keepEmptied = (contents: Database): void => {
    this.#emptied.push(contents)
  }

  /** The gate: an entry is going to change. */
  readonly #beforeChange = (db: Database, entry: number, extent: Extent): void => {
    const { keys } = db
    if (keys.word(entry, MARK) === keys.epoch) return
    const part = this.#byKeyspace.get(keys)
    if (part === undefined) return
    // Whoever changes it must not suffer from a snapshot that fails.
    try {
      const current = this.#current
      const large = this.hasLarge && isLarge(db, entry)
      if (large && extent === 'whole' && this.#takeOver(part, db, entry)) return
      const beganMs = large ? this.#engine.environment.workClock.monotonic() : 0
      if (current !== undefined && current.part === part && current.entry === entry) {
        this.#writer.step(Number.POSITIVE_INFINITY)
        this.#currentWritten()
      } else if (this.#inPieces) {
        this.#aside ??= this.#options.aside()
        this.#writeQuickly(this.#aside, db, part, entry)
        if (this.#aside.output.length > PIECE_BYTES) this.#asidePieces.push(this.#takeAside())
      } else {
        this.#writeQuickly(this.#writer, db, part, entry)
      }
      this.#passOn(PIECE_BYTES)
      if (large) this.#tookSlice(this.#engine.environment.workClock.monotonic() - beganMs)
    } catch (error) {
      this.abort(error)
    }
  }

  #tookSlice(milliseconds: number): void {
    if (milliseconds > this.longestSliceMs) this.longestSliceMs = milliseconds
    this.#engine.figures.latency.note('snapshot-slice', milliseconds)
    this.#engine.figures.stats.countUpkeep(milliseconds)
  }

  /** Makes a value the snapshot's own, whether or not it is being written; false when there is no room for that. */
  #takeOver(part: Part, db: Database, entry: number): boolean {
    const { keys } = db
    if (part.removed === undefined) {
      const contents = new Database(part.index, this.#engine.data.dataset, db)
      // What comes with an older mark is not written, there as here.
      contents.keys.epoch = keys.epoch
      part.removed = { index: part.index, keys: contents.keys, contents }
    }
    const { removed } = part
    const taken = db.handOver(entry, removed.contents)
    if (taken === NONE) return false
    keys.setWord(entry, MARK, keys.epoch)
    const current = this.#current
    if (current !== undefined && current.part === part && current.entry === entry) {
      this.#current = { part: removed, entry: taken }
    } else {
      this.#removed.push({ part: removed, entry: taken })
    }
    this.#options.largeWritten()
    return true
  }

  #isDue(part: Part | Removed, entry: number): boolean {
    const { keys } = part
    return entry < keys.entriesEnd && keys.isLive(entry) && keys.word(entry, MARK) !== keys.epoch
  }

  #write(writer: ImageWriter, db: Database, part: Part, entry: number): void {
    writer.select(part.index)
    if (!writer.begin(db, entry)) writer.step(Number.POSITIVE_INFINITY)
    this.#wrote(part.keys, entry)
  }

  #writeQuickly(writer: ImageWriter, db: Database, part: Part, entry: number): void {
    const { output } = writer
    const { compress } = output
    output.compress = false
    this.#write(writer, db, part, entry)
    output.compress = compress
  }

  #wrote(keys: Keyspace, entry: number): void {
    keys.setWord(entry, MARK, keys.epoch)
    this.written++
  }

  /** Where a part's entries are now; undefined when they are gone, which only an empty keyspace can be. */
  #databaseOf(part: Part | Removed): Database | undefined {
    if ('contents' in part) return part.contents
    for (const db of this.#engine.databases) if (db.keys === part.keys) return db
    for (const db of this.#emptied) if (db.keys === part.keys) return db
    return undefined
  }

  // ── the output ───────────────────────────────────────────────────────────

  #passOn(fromBytes: number): void {
    const { output } = this.#writer
    const { sink } = this.#options
    // At each look, not a whole piece at a time: until the checksum's code is warm that takes ten milliseconds.
    output.sumUp()
    if (output.length > fromBytes) sink.write(output.take(sink.spare()))
  }

  #end(phase: 'done' | 'failed', error: unknown): void {
    this.#phase = phase
    const { dataset } = this.#engine.data
    dataset.onBeforeChange.remove(this.#beforeChange)
    dataset.onEmptied.remove(this.#keepEmptied)
    this.#large.length = 0
    this.#hurried.length = 0
    this.#removed.length = 0
    this.#asidePieces.length = 0
    this.#hurries = false
    this.#current = undefined
    for (const { removed } of this.#parts) {
      if (removed === undefined) continue
      const { contents, keys } = removed
      for (let entry = 0; entry < keys.entriesEnd; entry++) if (keys.isLive(entry)) contents.letGo(entry)
    }
    // Nobody else has what was emptied meanwhile.
    for (const contents of this.#emptied) contents.clear()
    this.#emptied = []
    this.#engine.upkeep.timedWork.arm()
    this.#options.largeWritten()
    this.#options.ended(error)
  }
}

/** Tells whether writing a value in one go would take too long. */
export function isLarge(db: Database, entry: number): boolean {
  if (db.typeOf(entry) === TYPE_STRING) return db.strings.lengthOf(entry) > STRING_AT_ONCE_BYTES_MAX
  const value = db.structureOf(entry)
  return value.length > SMALL_ELEMENTS_MAX || value.bytes > SMALL_BYTES_MAX
}
