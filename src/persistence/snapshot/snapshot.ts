// A snapshot: all databases as they are at one moment, written out while clients go on changing
// them.
//
// Nothing is copied at the start. Each keyspace has an epoch, which the beginning raises. An entry
// with an older mark was there and is not written yet; an entry with the current mark was written,
// or came later. Two things write entries:
//
//   the walk   goes through all entries by number, a slice at a time
//   the gate   hears of every entry before its first change (invariant 6), and writes it then if
//              the walk has not reached it
//
// So memory is needed only for changes that come faster than the disk takes them, and the walk
// rests while many bytes wait for the disk. SWAPDB exchanges keyspaces, which keep their epochs and
// are found wherever they are. A database that is emptied hands its contents over, to be walked
// like any other.
//
// The walk goes on in slices of half a millisecond. The next slice depends on the clients:
//
// - Commands come in at every turn: the walk rests until it takes a tenth of the time.
// - Commands came in since the last slice, but not at every turn: the loop sleeps for a
//   millisecond. A client that waits for each answer would else meet a slice with every command.
// - No commands came in: the next slice follows at once.
//
// Before a key changes, the gate writes its old value. That value is not compressed: the client
// that changes it waits meanwhile, and compressing is a quarter of the work.
//
// Large values would break both bounds, the slice's and the gate's. Therefore:
//
//   seeking   A first walk finds them: it reads two words of each entry.
//   large     They are written, in steps. A client that is going to write to one that is not
//             written waits for it (`concerns`); other clients go on.
//   walking   Everything else is written.
//   done      The end is written. Or `failed`: the output is of no use.
//
// A value for which a client waits (`hurry`) is written before everything else, and without rests:
// a queue of a million jobs is closed for a tenth of a second, not for one.
//
// A large value may go as a whole before it is written: its time is up, it is evicted, a script
// removes or replaces a key that it did not declare. No client waits for that: the snapshot takes
// the value over, writes it in steps and frees it. That costs only its memory until then. A large
// value may also change unforeseen: by such a script, by a BLMOVE that was waiting before, by a
// field of a hash that expires. Then the gate writes it in one go.

import type { Engine } from '../../engine/engine.ts'
import { Database } from '../../store/keyspace/database.ts'
import type { Extent } from '../../store/keyspace/database-reports.ts'
import { type Keyspace, MARK, NONE } from '../../store/keyspace/keyspace.ts'
import { TYPE_STRING } from '../../store/structures/value.ts'
import { itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import type { Source } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { TestKeyDelay } from '../disk/test-key-delay.ts'
import { STRING_AT_ONCE_BYTES_MAX } from '../rdb/rdb-writer.ts'
import type { ImageWriter } from './image-writer.ts'

/** Duration of a slice. */
const SLICE_MS = 0.5
/**
 * Rest after a slice while commands come in at every turn, in slices: then the walk takes a tenth
 * of the time.
 */
const REST_SLICES = 9
/**
 * Entries sought through between two looks at the clock: microseconds. Before the code is warm, it
 * is a hundred times as much.
 */
const SEEK_ENTRIES_PER_LOOK = 128
/**
 * Bytes of work between two looks at the clock. Compressing them takes a tenth of a millisecond.
 */
const LOOK_BYTES = 16 * 1024
/** Tiny entries written between two looks. A look costs as much as a tenth of such an entry. */
const ENTRIES_PER_LOOK = 16
/**
 * Output is passed on in pieces of this size. With the bytes gathered until the next look a piece
 * fits into 128 KB.
 */
const PIECE_BYTES = 96 * 1024
/** While this many bytes wait for the disk, the walk rests. */
const WAITING_BYTES_MAX = 8 * 1024 * 1024
/**
 * A structure with more elements, or more bytes, is large. A smaller one is written in about a
 * millisecond.
 */
const SMALL_ELEMENTS_MAX = 2048
const SMALL_BYTES_MAX = 128 * 1024

/** Takes a snapshot's bytes. */
export interface SnapshotSink {
  /** Takes bytes, which are the sink's from then on. */
  write(bytes: Buffer): void
  /** Returns memory of bytes that have left, to gather others in; undefined when there is none. */
  spare(): Source | undefined
  /** Bytes taken that are still in memory. */
  readonly waitingBytes: number
  /** Calls `run` once, when some of the waiting bytes have left. */
  onDrained(run: () => void): void
}

export interface SnapshotOptions {
  engine: Engine
  /**
   * Writes the image. `aside` makes another writer of the same format, for entries that must not
   * wait for it.
   */
  writer: ImageWriter
  aside: () => ImageWriter
  sink: SnapshotSink
  /** False = keys are left out. Default: true. */
  includesData?: boolean
  /** Fields about the whole. */
  auxiliary: Readonly<Record<string, string | number>>
  /** Codes of the function libraries. */
  functions: readonly string[]
  /** Runs a function after the events of this turn of the loop. */
  later: (run: () => void) => void
  /**
   * Runs a function after a rest of about two slices, in which the loop may sleep. The same as
   * `later` where no rest is wanted.
   */
  rested: (run: () => void) => void
  /** Called once: the end was written, or something failed. */
  ended: (error: unknown) => void
  /**
   * A large value was written, or is in another place: requests that wait for one may try again.
   */
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
  /** Large entries that a client waits for. */
  readonly hurried: Set<number>
  /** The place of large values that were removed before they were written. */
  removed: Removed | undefined
}

/** Values that belong to the snapshot alone. */
interface Removed {
  readonly index: number
  readonly keys: Keyspace
  /** Shares the memory of the database that they were in. */
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
  /** The large values that clients wait for, and whether there are any. */
  readonly #hurried: Target[] = []
  #hurries = false
  /** Values that were taken over and not begun. */
  readonly #removed: Target[] = []
  /** The value that is being written in steps. */
  #current: Target | undefined = undefined
  /**
   * Entries that changed while a value is being written in steps: full pieces, and the last one.
   */
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
  /**
   * The longest stretch for which all clients waited: a slice, or the gate's writing of one large
   * value.
   */
  longestSliceMs = 0
  readonly #turn = () => this.#run()

  /**
   * Takes the picture: everything that is in the databases now, and nothing that comes later. To be
   * called between two commands.
   */
  constructor(options: SnapshotOptions) {
    this.#options = options
    this.#engine = options.engine
    this.#delay = new TestKeyDelay(() => options.engine.config.get('rdb-key-save-delay'))
    this.#writer = options.writer
    this.#seenCommands = this.#sliceCommands = options.engine.figures.stats.commandsProcessed
    let total = 0
    for (const { index, keys } of this.#engine.databases) {
      // Even an empty one: keys that come into it are not part of the snapshot.
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
    dataset.on.beforeChange.add(this.#beforeChange)
    dataset.on.emptied.add(this.#keepEmptied)
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

  /**
   * Makes a large value of which `concerns` was true the next to be written: a client waits for it.
   */
  hurry(db: Database, entry: number): void {
    const part = this.#byKeyspace.get(db.keys)
    assert(part !== undefined, 'a value that concerns the snapshot is in one of its keyspaces')
    this.#hurries = true
    if (part.hurried.has(entry)) return
    part.hurried.add(entry)
    this.#hurried.push({ part, entry })
  }

  /** Gives up; the bytes written so far are of no use. */
  abort(error: unknown): void {
    if (!this.ended) this.#end('failed', error)
  }

  /** Walks to the end in one go, however many bytes wait for the disk. */
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

  /**
   * True when something is begun that must be ended before other entries may follow it in the file.
   */
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

  /** Goes on with large values; begins the walk when there are none left. */
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
    // Removed values keep memory that was given up.
    const removed = this.#removed.pop()
    if (removed !== undefined) return removed
    return this.#phase === 'large' ? this.#large.pop() : undefined
  }

  #currentWritten(): void {
    const current = this.#current
    assert(current !== undefined, 'a value that was written in steps was begun')
    const { part, entry } = current
    this.#current = undefined
    this.#wrote(part.keys, entry)
    if ('contents' in part) {
      part.contents.letGo(entry)
      this.#engine.upkeep.timedWork.arm()
    }
    if (this.hasLarge) this.#options.largeWritten()
  }

  /**
   * Adds one piece of the entries written aside. All of them may be as much as changed while a
   * large value was written: too much to add at once.
   */
  #addAside(): void {
    this.#passOn(0)
    const piece = this.#asidePieces.shift() ?? this.#takeAside()
    // The piece has selected a database of its own.
    this.#writer.forgetDatabase()
    this.#writer.output.passThrough(piece)
    this.#options.sink.write(piece)
  }

  /**
   * Takes the entries written aside as a piece. It begins by selecting its database, whatever
   * stands before it in the file.
   */
  #takeAside(): Buffer {
    const aside = this.#aside
    assert(aside !== undefined, 'a piece that is taken was written aside')
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
    assert(!this.#inPieces && this.#removed.length === 0, 'invariant 6: a snapshot ends without unwritten old values')
    assert(this.written <= this.total, 'invariant 6: a snapshot has no key that came after its moment')
    // DEBUG RELOAD and LOADAOF put other databases in the place of those that were to be written.
    if (this.written < this.total) {
      this.#end('failed', new Error('other data took the place of the data'))
      return
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
    // The client that changes it must not suffer from a snapshot that fails.
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

  /**
   * Makes a value the snapshot's own, whether or not it is being written. Returns false when there
   * is no memory for that.
   */
  #takeOver(part: Part, db: Database, entry: number): boolean {
    const { keys } = db
    if (part.removed === undefined) {
      const contents = new Database(part.index, this.#engine.data.dataset, db)
      // An entry with an older mark is not written yet, there as here.
      contents.keys.epoch = keys.epoch
      part.removed = { index: part.index, keys: contents.keys, contents }
    }
    const { removed } = part
    const taken = db.handOver(entry, removed.contents)
    if (taken === NONE) return false
    if (CHECKED)
      assert(removed.keys.word(taken, MARK) !== keys.epoch, 'invariant 6: a value taken over is to be written')
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
    if (CHECKED) assert(keys.word(entry, MARK) !== keys.epoch, 'invariant 6: an entry is written once')
    keys.setWord(entry, MARK, keys.epoch)
    this.written++
  }

  /**
   * Returns the database where a part's entries are now. Undefined when they are gone: other data
   * took their place.
   */
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
    // The checksum is made at each look, not for a whole piece at a time: until its code is warm, a
    // piece takes ten milliseconds.
    output.sumUp()
    if (output.length > fromBytes) sink.write(output.take(sink.spare()))
  }

  #end(phase: 'done' | 'failed', error: unknown): void {
    assert(!this.ended, 'a snapshot ends once')
    this.#phase = phase
    const { dataset } = this.#engine.data
    dataset.on.beforeChange.remove(this.#beforeChange)
    dataset.on.emptied.remove(this.#keepEmptied)
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
    // The contents of emptied databases belong to the snapshot alone.
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
