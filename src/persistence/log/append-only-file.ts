// The journal on this disk: the last increment of the append-only file.
//
// The effects of a turn's commands gather in one buffer. At the turn's end `write` puts them into
// the file, before the replies leave (invariant 3). Three offsets count the bytes since the start.
// They advance over whole turns only:
//
//   synced ≤ written ≤ appended
//
// The engine decides which replies wait for which offset (engine/effects/durability.ts). All
// effects go into one file in one order, whatever the policies of their keys. The policies differ
// in how soon a sync is due: at once for `always`, a second later for `everysec`, never for `no`.
//
//   gathered ──write──▶ flight ──(in the file)──▶ unsynced ──fdatasync──▶ gone
//
//   idle     Flight is empty. `write` puts small groups into the system's cache at once: a copy,
//            some microseconds.
//   putting  Another thread writes the flight, because it is large or because an fdatasync is under
//            way. Behind one, a write on this thread could have to wait for the disk. Meanwhile the
//            next group gathers. This is also the state while `switchTo` makes the file whole
//            before it begins the next one.
//   syncing  An fdatasync is under way, on another thread. A group whose clients all wait for a
//            sync gathers until this one has ended: this is the group commit. A group with other
//            clients in it is written beside the sync. Where this thread syncs by itself
//            (commit-pace.ts) the state stays idle.
//   failed   The disk refused something. `failure` is set; the engine answers writes with MISCONF
//            and goes on reading. Flight and gathered are kept. Once a second `#recover` tries
//            again, and it clears the failure when it succeeds.
//
// The disk's failures, and what follows:
//
//   A write fails (ENOSPC, EIO), perhaps half done. The file is cut back to the end of the last
//   whole group, and the group is appended again later: first the half is gone, so nothing can be
//   replayed twice. Replies to that group wait, under every policy. Memory is bounded, because
//   further writes are refused; only expired and evicted keys still add their DEL.
//
//   An fdatasync fails. The system may have dropped the very pages that it could not write, and
//   marked them clean. Then the next fdatasync would succeed and prove nothing. Therefore
//   everything since the last success is written again, in the same place, before the next
//   fdatasync counts. While any key is `always`, those bytes are still in memory, whatever key they
//   are of: a hole in front of an acknowledged effect would take it along. Under the other policies
//   they are read back from the file: their replies have left, and only a power cut could take
//   them.
//
//   Another process changed the file, or took it away (increment-file.ts). The journal looks for
//   that once a second while there are writes, and before it cuts off or rewrites anything. Then it
//   tries nothing more: an operator has to decide which data counts.

import { DurabilityRules, type SyncPolicy } from '../../config/durability-rules.ts'
import { EffectFraming } from '../../engine/effects/effect-framing.ts'
import type { Word } from '../../engine/effects/effects.ts'
import type { Journal, JournalStatus, JournalTimes, Served } from '../../engine/effects/journal.ts'
import type { Log } from '../../engine/log.ts'
import type { DebugSwitches } from '../../engine/upkeep/debug-switches.ts'
import type { Arguments } from '../../protocol/arguments.ts'
import { RequestWriter } from '../../protocol/request-writer.ts'
import { itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { Source } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { stopEverything } from '../../util/time/block-process.ts'
import type { Clock, Timer } from '../../util/time/clock.ts'
import { DurationCounts } from '../../util/time/duration-counts.ts'
import type { AppendedFile } from '../disk/disk.ts'
import { describeDiskError } from '../errors.ts'
import { CommitPace } from './commit-pace.ts'
import { ChangedFile, IncrementFile } from './increment-file.ts'
import { SyncTimes } from './sync-times.ts'
import { UnsyncedBytes } from './unsynced-bytes.ts'

/** Time between two syncs under `everysec`, and between two attempts at a disk that failed. */
const SYNC_INTERVAL_MS = 1000
const RETRY_INTERVAL_MS = 1000
/**
 * Time between two checks that the file is still the one that was written. For that long, writes
 * may be acknowledged to a file that is gone.
 */
const CHECK_INTERVAL_MS = 1000
/** A sync that takes longer is logged. Redis's. */
const SLOW_SYNC_MS = 2000
/**
 * A larger group is written by another thread: copying it would hold up the loop for over a
 * millisecond.
 */
const PUT_AT_ONCE_BYTES_MAX = 2 * 1024 * 1024
/**
 * While any key is `always`, everything since the last sync stays in memory. Beyond the first bound
 * a sync is due even if no client waits for it. Beyond the second nothing more is written, and no
 * writer answered, until the sync under way has ended.
 */
const UNSYNCED_BYTES_SOFT_MAX = 16 * 1024 * 1024
const UNSYNCED_BYTES_MAX = 64 * 1024 * 1024
/** Pieces in which uncertain bytes are read back and written again. */
const REWRITE_BYTES = 1024 * 1024

type DiskSwitches = Pick<DebugSwitches, 'journalSleepMs' | 'syncDelayMs'>

const NO_SWITCHES: DiskSwitches = { journalSleepMs: 0, syncDelayMs: 0 }
const NO_RULES = new DurabilityRules([])

export interface AppendOnlyFileOptions {
  /** Its path, for messages. */
  path: string
  file: AppendedFile
  /** Bytes in the file already: all whole units. */
  size: number
  /** Bytes in the files before this one, for INFO. */
  earlierBytes: number
  /** The base's part of `earlierBytes`. */
  baseBytes: number
  /**
   * The offset at which this journal begins; a journal that follows another one begins at its end.
   * Default 0.
   */
  startOffset?: number
  policy: SyncPolicy
  /** Keys with a policy of their own. With rules, `require` follows each append. Default none. */
  rules?: DurabilityRules
  clock: Clock
  log: Log
  /** Takes the time of each fdatasync. Default: it is not counted. */
  syncs?: DurationCounts
  /** Says how long to stop before each write, for tests. Default: not at all. */
  switches?: DiskSwitches
  /**
   * The event loop serves only this journal's clients, and may wait for the disk on their behalf.
   * Default false.
   */
  ownsLoop?: boolean
  /** Is told how long the disk took. Default none. */
  diskTimes?: DiskTimes
}

/** Hears how long the disk took. */
export interface DiskTimes {
  /** A group was written, on the loop or aside. `syncing`: a sync was under way meanwhile. */
  wrote(milliseconds: number, syncing: boolean): void
  /** A sync ended that clients may have waited for. */
  synced(milliseconds: number): void
  /** The loop waited for a write or a sync. */
  heldLoop(milliseconds: number): void
}

export class AppendOnlyFile implements Journal {
  readonly enabled = true
  failure: string | undefined = undefined
  waits = false
  /** `aof-timestamp-enabled`: the file has notes of the time. */
  timestamps = false
  appended = 0
  written = 0
  synced = 0
  #policy: SyncPolicy
  /** There are rules: `require` says how soon bytes are to be synced. */
  #byKey = false
  /**
   * Bytes before the first offset are to be synced at once, bytes before the second within a
   * second.
   */
  #atOnceTo = 0
  #soonTo = 0
  /** The gathered bytes include an effect whose client waits for no sync. */
  #othersGathered = false
  /** Position in the file that offset 0 has, or would have. */
  #origin: number
  #file: IncrementFile
  readonly #clock: Clock
  readonly #log: Log
  readonly #syncs: DurationCounts
  readonly #switches: DiskSwitches
  readonly #diskTimes: DiskTimes | undefined
  #earlierBytes: number
  #baseBytes: number
  /** Writes into `#gathered`. */
  readonly #framing = new EffectFraming()
  #gathered = this.#framing.writer
  /** Where the open unit begins in `#gathered`, with the note of the time before it. */
  #unitStart = 0
  /** The last time noted, Unix seconds. */
  #stampedSeconds = 0
  /** The group that is being written, or that could not be written; empty otherwise. */
  #flight = new RequestWriter()
  /** Offset of the flight's first byte. */
  #flightAt = 0
  readonly #unsynced = new UnsyncedBytes()
  /** Another thread is writing, truncating or rewriting. */
  #putting = false
  #syncing = false
  /** An fdatasync failed: the bytes between synced and written must be written again. */
  #uncertain = false
  #closed = false
  /**
   * `switchTo` or `close` waits until nothing is under way: no sync begins right after another one.
   */
  #ending = false
  #work: Promise<void> = Promise.resolve()
  #syncWork: Promise<void> = Promise.resolve()
  #syncTimer: Timer | undefined = undefined
  #retryTimer: Timer | undefined = undefined
  #checkTimer: Timer | undefined = undefined
  /** Another process changed the file. */
  #changed = false
  #delayedSyncs = 0
  /**
   * When the last sync aside began (monotonic), and the timer that finds out whether it takes long.
   */
  #syncStartedMs = 0
  #slowTimer: Timer | undefined = undefined
  /** Commands in `#gathered` and in `#flight`. */
  #gatheredCommands = 0
  #flightCommands = 0
  readonly #pace: CommitPace
  readonly #times: SyncTimes
  readonly #listeners: (() => void)[] = []

  constructor(options: AppendOnlyFileOptions) {
    this.#file = new IncrementFile(options.path, options.file, options.size)
    const { startOffset = 0 } = options
    this.appended = startOffset
    this.written = startOffset
    this.synced = startOffset
    this.#flightAt = startOffset
    this.#origin = options.size - startOffset
    this.#earlierBytes = options.earlierBytes
    this.#baseBytes = options.baseBytes
    this.#policy = options.policy
    this.#clock = options.clock
    this.#times = new SyncTimes(options.clock)
    this.#pace = new CommitPace(options.clock, options.ownsLoop === true, () => this.#progressed())
    this.#log = options.log
    this.#syncs = options.syncs ?? new DurationCounts()
    this.#switches = options.switches ?? NO_SWITCHES
    this.#diskTimes = options.diskTimes
    this.setPolicy(options.policy, options.rules)
  }

  /** Path of the increment that is written to. */
  get path(): string {
    return this.#file.path
  }

  /**
   * Where the bytes appended so far end in the file. It may be asked between two commands, and not
   * while `switchTo` is at work.
   */
  get endInFile(): { readonly path: string; readonly bytes: number } {
    assert(!this.#framing.isInUnit, 'a unit is appended whole')
    return { path: this.path, bytes: this.#positionOf(this.appended) }
  }

  /**
   * False when another process changed the file: it may hold data that this process does not know.
   */
  get isOurs(): boolean {
    return !this.#changed
  }

  get status(): JournalStatus {
    return {
      currentBytes: this.#earlierBytes + this.#origin + this.written,
      baseBytes: this.#baseBytes,
      bufferedBytes: this.appended - this.written,
      pendingSyncs: this.#syncing ? 1 : 0,
      delayedSyncs: this.#delayedSyncs,
    }
  }

  get times(): JournalTimes {
    return this.#times
  }

  onProgress(run: () => void): void {
    this.#listeners.push(run)
  }

  /** Follows CONFIG SET appendfsync and durability. */
  setPolicy(policy: SyncPolicy, rules: DurabilityRules = NO_RULES): void {
    this.#policy = policy
    this.#byKey = rules.size > 0
    this.waits = policy === 'always' || rules.anyAlways
    if (this.waits) {
      // A reply may wait for bytes that are there already; they lie before all that is to come.
      this.#atOnceTo = this.appended
    } else if (!this.#syncing && !this.#uncertain) {
      this.#unsynced.release(this.written)
    }
    this.#soonTo = this.appended
    // Under the other policies withheld replies may leave.
    this.#armSync()
    this.#progressed()
  }

  require(policy: SyncPolicy, offset: number): void {
    if (policy === 'always') {
      if (offset > this.#atOnceTo) this.#atOnceTo = offset
      if (this.#byKey) this.#gatheredCommands++
      return
    }
    this.#othersGathered = true
    if (policy === 'everysec') this.#soonTo = offset
  }

  // ── appending ────────────────────────────────────────────────────────────

  appendRequest(database: number, args: Arguments): void {
    const gathered = this.#gathered
    const before = gathered.length
    if (this.timestamps && !this.#framing.isInUnit) this.#stamp()
    if (!this.#byKey) this.#gatheredCommands++
    this.#framing.request(database, args)
    this.appended += gathered.length - before
    if (CHECKED) this.#checkAppended(gathered)
  }

  append(database: number, words: readonly Word[]): void {
    const gathered = this.#gathered
    const before = gathered.length
    if (this.timestamps && !this.#framing.isInUnit) this.#stamp()
    if (!this.#byKey) this.#gatheredCommands++
    this.#framing.command(database, words)
    this.appended += gathered.length - before
    if (CHECKED) this.#checkAppended(gathered)
  }

  /** Appends whole units that are encoded already, and annotation lines behind them. */
  appendEncoded(bytes: Buffer): void {
    assert(!this.#framing.isInUnit, 'invariant 4: encoded units are appended between units, never within one')
    this.#gathered.copy(new Source(bytes), 0, bytes.length)
    this.appended += bytes.length
  }

  beginUnit(): void {
    const gathered = this.#gathered
    this.#unitStart = gathered.length
    if (this.timestamps) this.#stamp()
    this.#framing.beginUnit()
    this.appended += gathered.length - this.#unitStart
    if (CHECKED) this.#checkAppended(gathered)
  }

  endUnit(): void {
    const before = this.#gathered.length
    this.#framing.endUnit()
    this.appended += this.#gathered.length - before
  }

  abandonUnit(): void {
    // Nothing is written while a unit is open: turns end between commands.
    assert(this.#unitStart <= this.#gathered.length, 'invariant 3: nothing of an open unit is written')
    this.appended -= this.#gathered.length - this.#unitStart
    this.#framing.abandonUnit()
    this.#gathered.length = this.#unitStart
    if (CHECKED) this.#checkAppended(this.#gathered)
  }

  /**
   * Notes the time, at most once a second and always between units, for `check-aof
   * --truncate-to-timestamp`.
   */
  #stamp(): void {
    const seconds = Math.floor(this.#clock.now() / 1000)
    if (seconds <= this.#stampedSeconds) return
    this.#stampedSeconds = seconds
    this.#gathered.raw(`#TS:${seconds}\r\n`)
  }

  /** Asserts that each appended byte has one place, after an append to `buffer`. */
  #checkAppended(buffer: RequestWriter): void {
    assert(buffer === this.#framing.writer, 'invariant 3: effects go to the buffer that the next write takes')
    this.#checkBytes()
  }

  #checkBytes(): void {
    const { appended, written } = this
    const inMemory = this.#flight.length + this.#gathered.length
    assert(appended - written === inMemory, 'invariant 3: a byte that is not written is gathered or in flight')
  }

  // ── writing ──────────────────────────────────────────────────────────────

  write(served: Served): boolean {
    if (this.waits) this.#pace.serves(served)
    return this.#advance(served)
  }

  /**
   * Puts the gathered bytes into the file, and begins the sync that is due. Returns true to be
   * asked again at once.
   */
  #advance(served: Served): boolean {
    if (this.appended === this.synced) return false
    this.#times.noteBytes()
    if (this.#putting || this.failure !== undefined || this.#closed) return false
    const due = this.#isSyncDue()
    if (this.#gathered.length > 0) {
      const others = this.#byKey ? this.#othersGathered : this.#policy !== 'always'
      if (this.#syncing && (!others || this.#unsynced.length >= UNSYNCED_BYTES_MAX)) return false
      if (due && !others) {
        const verdict = this.#pace.verdict(this.#gatheredCommands)
        if (verdict !== 'goes') return verdict === 'looks'
      }
      this.#put()
      if (this.#putting || this.failure !== undefined) return false
    }
    if (!due || this.#syncing) this.#armSync()
    else if (served === 'waiting' && this.#switches.syncDelayMs === 0 && this.#pace.place === 'here')
      this.#syncHere('paced')
    else this.#sync()
    return false
  }

  get settlesNow(): boolean {
    // While a sync is under way nothing could be said of a second one: whether the first failed is
    // not known yet.
    return this.failure === undefined && !this.#closed && !this.#putting && !this.#syncing
  }

  settleNow(): boolean {
    if (!this.settlesNow) return false
    if (this.appended > this.synced) this.#times.noteBytes()
    if (this.#gathered.length > 0) {
      this.#takeFlight()
      this.#putHere()
    }
    if (this.failure !== undefined) return false
    if (this.#isSyncDue()) this.#syncHere('asked for')
    else this.#armSync()
    return this.failure === undefined
  }

  #isSyncDue(): boolean {
    const atOnceTo = this.#policy === 'always' && !this.#byKey ? this.appended : Math.min(this.#atOnceTo, this.appended)
    return atOnceTo > this.synced || this.#unsynced.length >= UNSYNCED_BYTES_SOFT_MAX
  }

  /** Puts the gathered bytes into the file: at once when that cannot take long. */
  #put(): void {
    if (this.#switches.journalSleepMs > 0) stopEverything(this.#switches.journalSleepMs)
    this.#takeFlight()
    if (this.#syncing || this.#flight.length > PUT_AT_ONCE_BYTES_MAX) {
      this.#work = this.#putAside()
      return
    }
    this.#putHere()
  }

  #putHere(): void {
    const startedMs = this.#clock.monotonic()
    try {
      this.#file.appendSync(this.#flight)
    } catch (error) {
      this.#work = this.#putFailed(error)
      return
    }
    const milliseconds = this.#clock.monotonic() - startedMs
    this.#diskTimes?.wrote(milliseconds, false)
    this.#diskTimes?.heldLoop(milliseconds)
    this.#flightArrived()
  }

  async #putAside(): Promise<void> {
    this.#putting = true
    const startedMs = this.#clock.monotonic()
    const syncing = this.#syncing
    try {
      await this.#file.append(this.#flight)
    } catch (error) {
      await this.#putFailed(error)
      return
    }
    this.#diskTimes?.wrote(this.#clock.monotonic() - startedMs, syncing)
    this.#putting = false
    this.#flightArrived()
    this.#progressed()
  }

  #takeFlight(): void {
    const flight = this.#gathered
    assert(this.#flight.length === 0, 'a group is in the file before the next one is written')
    this.#framing.goOnIn(this.#flight)
    this.#gathered = this.#flight
    this.#flight = flight
    this.#flightAt = this.appended - flight.length
    assert(this.#flightAt === this.written, 'invariant 3: a group begins where the written bytes end')
    this.#flightCommands = this.#gatheredCommands
    this.#gatheredCommands = 0
    this.#othersGathered = false
  }

  /** The group in flight was written to the file. */
  #flightArrived(): void {
    const flight = this.#flight
    this.written = this.#flightAt + flight.length
    assert(this.#file.length === this.#positionOf(this.written), 'the file is as long as its whole groups')
    if (this.waits && flight.length > 0) this.#flight = this.#unsynced.keep(flight, this.#flightAt)
    else flight.clear()
    if (this.#checkTimer === undefined) this.#checkLater()
  }

  #positionOf(offset: number): number {
    return this.#origin + offset
  }

  // ── syncing ──────────────────────────────────────────────────────────────

  /**
   * Syncs on this thread: every client that is served would wait for it anyway (commit-pace.ts).
   */
  #syncHere(why: 'paced' | 'asked for'): void {
    assert(this.written === this.appended, 'invariant 3: a sync on this thread covers all that was appended')
    const startedMs = this.#clock.monotonic()
    try {
      this.#file.syncSync()
    } catch (error) {
      this.#syncFailed(error)
      return
    }
    const milliseconds = this.#clock.monotonic() - startedMs
    this.#noteSync(milliseconds)
    this.#diskTimes?.heldLoop(milliseconds)
    // The pace is measured only with callers that wait for a sync.
    if (why === 'paced') this.#pace.syncedHere(milliseconds)
    this.synced = this.written
    this.#times.noteEnd(this.appended > this.synced)
    this.#unsynced.release(this.synced)
    this.#armSync()
    this.#progressed()
  }

  #sync(): void {
    assert(!this.#syncing && !this.#putting, 'one sync is under way at a time, and it begins after a group is whole')
    this.#syncing = true
    this.#syncTimer?.cancel()
    this.#syncTimer = undefined
    this.#syncWork = this.#runSync(this.written)
  }

  /** Returns how many milliseconds it took. */
  async #fdatasync(): Promise<number> {
    const startedMs = this.#clock.monotonic()
    this.#times.noteBegin(startedMs)
    const { syncDelayMs } = this.#switches
    if (syncDelayMs > 0) await new Promise<void>((resolve) => void this.#clock.after(syncDelayMs, resolve))
    await this.#file.sync()
    const milliseconds = this.#clock.monotonic() - startedMs
    this.#noteSync(milliseconds)
    return milliseconds
  }

  #noteSync(milliseconds: number): void {
    this.#syncs.note(milliseconds / 1000)
    if (this.waits) this.#diskTimes?.synced(milliseconds)
  }

  async #runSync(target: number): Promise<void> {
    this.#watchSync()
    let milliseconds: number
    try {
      milliseconds = await this.#fdatasync()
    } catch (error) {
      this.#syncing = false
      this.#syncFailed(error)
      return
    }
    this.#syncing = false
    assert(target >= this.synced && target <= this.written, 'invariant 3: synced advances, up to written')
    this.synced = target
    this.#times.noteEnd(this.appended > this.synced)
    if (this.waits) this.#pace.syncedAside(milliseconds, this.#flightCommands + this.#gatheredCommands)
    this.#unsynced.release(this.waits ? target : this.written)
    // The next group need not wait for the turn's end, with the disk idle, when it is as large as
    // the one before: there are no units half appended between two events. A smaller group waits
    // for the clients whose requests are about to be read.
    if (this.waits && !this.#ending && this.#gatheredCommands >= this.#flightCommands && this.#pace.place === 'aside')
      this.#advance('others')
    this.#armSync()
    this.#progressed()
  }

  #syncFailed(error: unknown): void {
    this.#uncertain = true
    this.#fail(error, 'fdatasync')
  }

  /** Begins the timer of `everysec`: one fdatasync a second while there is something to sync. */
  #armSync(): void {
    if (this.#syncSoonTo() <= this.synced) {
      this.#syncTimer?.cancel()
      this.#syncTimer = undefined
      return
    }
    if (this.#syncTimer !== undefined || this.#syncing) return
    this.#syncTimer = this.#clock.after(SYNC_INTERVAL_MS, () => {
      this.#syncTimer = undefined
      if (this.failure !== undefined || this.#closed) return
      // The disk needs longer than a second: INFO counts it, and the next sync follows when this
      // one is done.
      if (this.#putting || this.#syncing) {
        this.#delayedSyncs++
        this.#armSync()
      } else if (this.#syncSoonTo() > this.synced) {
        this.#sync()
      }
    })
  }

  /**
   * Logs a warning later if the sync that begins takes long. One timer serves many syncs: making a
   * timer costs as much as a command.
   */
  #watchSync(): void {
    this.#syncStartedMs = this.#clock.monotonic()
    this.#slowTimer ??= this.#clock.after(SLOW_SYNC_MS, this.#tellOfSlowSync)
  }

  readonly #tellOfSlowSync = (): void => {
    this.#slowTimer = undefined
    if (!this.#syncing) return
    const remainingMs = this.#syncStartedMs + SLOW_SYNC_MS - this.#clock.monotonic()
    if (remainingMs > 0) {
      this.#slowTimer = this.#clock.after(remainingMs, this.#tellOfSlowSync)
      return
    }
    this.#log.warn(
      { file: this.path },
      'Asynchronous AOF fsync is taking too long (disk is busy?). What is written meanwhile waits, or is at risk longer than a second.',
    )
  }

  #syncSoonTo(): number {
    if (this.#byKey) return Math.min(this.#soonTo, this.written)
    return this.#policy === 'everysec' ? this.written : 0
  }

  #progressed(): void {
    assert(this.synced <= this.written && this.written <= this.appended, 'synced ≤ written ≤ appended')
    this.#checkBytes()
    for (let i = 0; i < this.#listeners.length; i++) itemAt(this.#listeners, i)()
  }

  // ── failing and recovering ───────────────────────────────────────────────

  /** A group could not be written, or not wholly: cuts off the part that is in the file. */
  async #putFailed(error: unknown): Promise<void> {
    assert(this.#flight.length > 0, 'a write that failed had bytes')
    this.#putting = true
    this.#fail(error, 'write')
    try {
      await this.#file.cutBack(this.#flight)
    } catch (cutError) {
      // Not vital: the cut is tried again before the next attempt. After a crash before that, the
      // next start cuts the torn end off.
      if (cutError instanceof ChangedFile) this.#fail(cutError, 'write')
      else
        this.#log.warn({ file: this.path, error: describeDiskError(cutError) }, 'cannot cut off a half written group')
    }
    this.#putting = false
  }

  #fail(error: unknown, operation: 'write' | 'fdatasync'): void {
    const repeated = this.failure !== undefined
    this.failure = describeDiskError(error)
    if (error instanceof ChangedFile) {
      this.#changed = true
      this.#log.error({ file: this.path, advice: error.advice }, `${error.message}: writes are refused`)
    } else if (!repeated) {
      const what = operation === 'write' ? 'Error writing to the AOF file' : 'Fail to fsync the AOF file'
      this.#log.error({ file: this.path }, `${what}: ${this.failure}. Writes answer MISCONF until it can be written`)
    }
    this.#retryLater()
    this.#progressed()
  }

  #retryLater(): void {
    if (this.#closed || this.#changed) return
    this.#retryTimer?.cancel()
    this.#retryTimer = this.#clock.after(RETRY_INTERVAL_MS, () => {
      if (this.#putting || this.#syncing) this.#retryLater()
      else if (!this.#closed) this.#work = this.#recover()
    })
  }

  #checkLater(): void {
    this.#checkTimer = this.#clock.after(CHECK_INTERVAL_MS, () => {
      this.#checkTimer = undefined
      if (this.failure === undefined && !this.#closed) void this.#check(this.#file)
    })
  }

  async #check(file: IncrementFile): Promise<void> {
    try {
      await file.check()
    } catch (error) {
      // A disk that cannot be asked says so when it is written to. A file that is closed or
      // replaced may be anything.
      if (error instanceof ChangedFile && this.#file === file && !this.#closed) this.#fail(error, 'write')
    }
  }

  /**
   * Writes all bytes that are not certain again, in their place, and syncs them; then the failure
   * is over.
   */
  async #recover(): Promise<void> {
    assert(!this.#putting && !this.#syncing, 'a recovery begins while nothing else is under way')
    this.#putting = true
    const flight = this.#flight
    try {
      await this.#file.cutBack(flight)
      if (this.#uncertain) await this.#rewriteUncertain()
      if (flight.length > 0) await this.#file.append(flight)
    } catch (error) {
      if (flight.length > 0) {
        await this.#putFailed(error)
      } else {
        this.#putting = false
        this.#fail(error, 'write')
      }
      return
    }
    if (flight.length > 0) this.#flightArrived()
    try {
      await this.#fdatasync()
    } catch (error) {
      this.#putting = false
      this.#syncFailed(error)
      return
    }
    this.synced = this.written
    this.#times.noteEnd(this.appended > this.synced)
    this.#unsynced.release(this.synced)
    this.#uncertain = false
    this.#putting = false
    if (this.failure !== undefined) {
      this.failure = undefined
      this.#log.warn({ file: this.path }, 'AOF write error looks solved, the file can be written again.')
    }
    this.#progressed()
  }

  /**
   * Writes the bytes between synced and written again: from memory, or read back from the file
   * where memory has let go of them.
   */
  async #rewriteUncertain(): Promise<void> {
    let from = this.synced
    for (const { at, buffer } of this.#unsynced.stretches) {
      assert(at + buffer.length > from, 'invariant 3: unsynced stretches follow one another, behind what is synced')
      if (at > from) await this.#rewrite(from, at)
      await this.#file.rewrite(buffer.u8, buffer.length, this.#positionOf(at))
      from = at + buffer.length
    }
    assert(from <= this.written, 'invariant 3: bytes are written before they are kept for a second write')
    await this.#rewrite(from, this.written)
  }

  /**
   * Reads [from, to) back from the file and writes it again. That makes the system write it to the
   * disk.
   */
  async #rewrite(from: number, to: number): Promise<void> {
    const piece = Buffer.allocUnsafe(Math.min(REWRITE_BYTES, Math.max(0, to - from)))
    for (let at = from; at < to; ) {
      const length = await this.#file.read(piece, Math.min(piece.length, to - at), this.#positionOf(at))
      if (length === 0) throw new Error('the file is shorter than what was written')
      await this.#file.rewrite(piece, length, this.#positionOf(at))
      at += length
    }
  }

  // ── going on in another file ─────────────────────────────────────────────

  /**
   * Goes on in another, empty file, and closes this one. `atSwitch` runs between two turns' bytes:
   * what was appended before it is in the old file, what is appended after it goes to the new one.
   *
   * Nothing reaches the new file before the old one is synced: after a power cut there is never a
   * gap between them. So writers wait for one fdatasync. Throws the disk's error; then nothing has
   * changed, and `atSwitch` may have run.
   */
  async switchTo(next: { path: string; file: AppendedFile }, atSwitch: () => void): Promise<void> {
    // Most of what is not synced yet is synced beside the writing.
    if (!this.#putting && !this.#syncing && this.synced < this.written && this.failure === undefined) this.#sync()
    this.#ending = true
    while (this.#putting || this.#syncing) await Promise.all([this.#work, this.#syncWork])
    this.#ending = false
    if (this.#closed) throw new Error('the append-only file is closed')
    if (this.failure !== undefined) throw new Error(this.failure)
    const switching = this.#makeWhole(atSwitch)
    this.#work = switching.then(
      () => {},
      () => {},
    )
    await switching
    assert(this.synced === this.written, 'invariant 3: an increment is durable before the next one begins')
    assert(this.#flight.length === 0 && this.#unsynced.length === 0, 'no byte of an increment goes to the next one')
    const file = this.#file
    this.#earlierBytes += this.#origin + this.written
    this.#file = new IncrementFile(next.path, next.file, 0)
    this.#origin = -this.written
    this.#putting = false
    this.#progressed()
    try {
      await file.close()
    } catch (error) {
      // The file is whole and synced; only a descriptor is lost.
      this.#log.warn({ error: describeDiskError(error) }, 'cannot close the increment before')
    }
  }

  /** Writes and syncs the gathered bytes. When it succeeds, the state stays `putting`. */
  async #makeWhole(atSwitch: () => void): Promise<void> {
    this.#putting = true
    this.#syncTimer?.cancel()
    this.#syncTimer = undefined
    this.#takeFlight()
    this.#framing.database = -1
    this.#stampedSeconds = 0
    assert(!this.#framing.isInUnit, 'invariant 4: a unit lies in one increment')
    atSwitch()
    const flight = this.#flight
    try {
      if (flight.length > 0) await this.#file.append(flight)
    } catch (error) {
      await this.#putFailed(error)
      throw error
    }
    this.#flightArrived()
    try {
      await this.#fdatasync()
    } catch (error) {
      this.#putting = false
      this.#syncFailed(error)
      throw error
    }
    this.synced = this.written
    this.#times.noteEnd(this.appended > this.synced)
    this.#unsynced.release(this.synced)
  }

  /** A base replaced the files before the current one, except `otherBytes`; for INFO. */
  rebased(baseBytes: number, otherBytes: number): void {
    this.#baseBytes = baseBytes
    this.#earlierBytes = baseBytes + otherBytes
  }

  /** Ends all writing: the directory belongs to another process now. */
  disown(): void {
    if (!this.#changed) this.#fail(new ChangedFile('taken'), 'write')
  }

  // ── the end ──────────────────────────────────────────────────────────────

  /** Adds an annotation line behind everything. */
  annotate(line: string): void {
    assert(!this.#framing.isInUnit, 'invariant 4: an annotation stands between units')
    this.#gathered.raw(line)
    this.appended += line.length
  }

  /**
   * Writes and syncs everything, whatever the policy, and closes the file. Bytes that are appended
   * later stay unwritten, and replies to them are never sent.
   *
   * Throws the disk's error when it still refuses; none of the unwritten effects was acknowledged.
   */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#ending = true
    while (this.#putting || this.#syncing) await Promise.all([this.#work, this.#syncWork])
    this.#ending = false
    this.#closed = true
    this.#syncTimer?.cancel()
    this.#slowTimer?.cancel()
    this.#retryTimer?.cancel()
    const unchecked = this.#checkTimer !== undefined || this.appended > this.written
    this.#checkTimer?.cancel()
    if (this.failure === undefined && this.#gathered.length > 0) this.#takeFlight()
    if (this.failure !== undefined || this.appended > this.synced) await this.#recoverAtEnd()
    assert(this.synced === this.written, 'invariant 3: a file is closed when all that was written is synced')
    try {
      if (unchecked) await this.#file.check()
    } finally {
      await this.#file.close()
    }
    this.#progressed()
  }

  async #recoverAtEnd(): Promise<void> {
    if (!this.#changed) await this.#recover()
    if (this.failure === undefined && this.#gathered.length > 0) {
      this.#takeFlight()
      await this.#recover()
    }
    if (this.failure === undefined) return
    await this.#file.close()
    throw new Error(`${this.path}: ${this.failure}; the last ${this.appended - this.written} bytes were not written`)
  }
}
