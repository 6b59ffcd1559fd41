// Decides on the time of each save: SAVE, BGSAVE, the `save` points, BGREWRITEAOF, growth of the
// append-only file, `appendonly` turned on or off.
//
// One thing is under way at a time, because there is one *before* gate:
//
//   nothing ──▶ save     an image to dbfilename (save)
//      ▲  ├───▶ rewrite  an image to the base of the append-only file (rewrite.ts)
//      │  └───▶ copy     an image for another part: replicas that need all of the data, an audit
//      └──────────┘      then the next request: SAVE, then a copy, then a rewrite, then BGSAVE
//
// SAVE does not stop the server as Redis's does: its client waits, the others go on. Its promise is
// kept: when it replies, everything before it is on disk.
//
// A failed save is tried again after five seconds if a save point asks for it. Until one succeeds,
// writes are refused (`stop-writes-on-bgsave-error`), as in Redis. A rewrite that fails again and
// again is tried less and less often.

import path from 'node:path'
import type { Client } from '../../engine/clients/client.ts'
import type { AuditReport, ReloadOptions, Saving, SavingStatus } from '../../engine/effects/saving.ts'
import type { Engine } from '../../engine/engine.ts'
import type { Command } from '../../engine/spec/command.ts'
import type { Arguments } from '../../protocol/arguments.ts'
import { assert } from '../../util/assert.ts'
import { CHECKED } from '../../util/invariant.ts'
import { happened, RESTLESS, restlessRandom } from '../../util/restless.ts'
import type { Timer } from '../../util/time/clock.ts'
import { setImmediate, setTimeout } from '../../util/time/real-time.ts'
import { Audit, NoAudit, type Walk } from '../audit/audit.ts'
import type { DirectoryClaimsView } from '../disk/directory-claims.ts'
import { type Disk, systemDisk } from '../disk/disk.ts'
import { describeDiskError } from '../errors.ts'
import type { AppendOnlyFile } from '../log/append-only-file.ts'
import { hasGrown } from '../log/growth.ts'
import type { OpenJournal } from '../log/open-journal.ts'
import { AofRewrite, type Rewrite } from '../log/rewrite.ts'
import { reload } from '../reload.ts'
import { LargeChanges } from './large-changes.ts'
import type { Snapshot, SnapshotSink } from './snapshot.ts'
import {
  type SnapshotContents,
  SnapshotRun,
  type SnapshotWalk,
  type SnapshotWalkOptions,
  walkSnapshot,
} from './snapshot-run.ts'

/**
 * Where housekeeping never rests (util/restless.ts), everything is saved or rewritten after this
 * many commands.
 */
const RESTLESS_COMMANDS = 100
/** Time between two checks whether something is due. */
const LOOK_MS = RESTLESS ? 5 : 500
/** A failed snapshot that a save point asks for is tried again after this time. */
const SAVE_RETRY_MS = 5000
/**
 * From this many failed rewrites in a row on, the next one waits: a minute, then twice as long each
 * time, at most an hour.
 */
const REWRITE_FAILURES_MAX = 3
const REWRITE_DELAY_MS = 60_000
const REWRITE_DELAY_MS_MAX = 3_600_000

/** Rest of a snapshot after a slice while clients send commands. Timers have no shorter one. */
const REST_MS = 1

/** How long clients may have to wait for DEBUG RELOAD: 25 days. */
const PAUSE_MS_MAX = 2 ** 31 - 1
/** Time between two checks whether the append-only file holds everything. */
const WRITTEN_LOOK_MS = 1

/** The snapshot under way shows data that FLUSHALL has emptied. */
class GivenUp extends Error {}

export interface BackgroundSavingOptions {
  disk?: Disk
  /** Runs a function after the events of this turn of the loop; default setImmediate. */
  later?: (run: () => void) => void
  /** The append-only file, if there is one. */
  aof?: OpenJournal
  /** Keeps the data in the place of an append-only file: then a save is a backup. */
  rewrite?: Rewrite
  /**
   * Directories are claimed before anything is written there. Default: no other process is expected
   * there.
   */
  claims?: DirectoryClaimsView
  /** Makes the engine that an audit replays into. Default: there are no audits. */
  second?: (like: Engine) => Engine
  /** Keys that the start loaded and left out, for INFO. */
  keysLoaded?: number
  keysExpired?: number
}

/** Takes the pictures of one copy, one after the other. */
export interface Pictures {
  /** Takes a picture for a sink that is no file. Default: everything, with no fields besides. */
  send(
    sink: SnapshotSink,
    contents?: SnapshotContents,
    more?: Pick<SnapshotWalkOptions, 'about' | 'digest' | 'rested' | 'writer'>,
  ): SnapshotWalk
  /** Claims the directory of the configuration; then files may be made there. */
  claim(): Promise<void>
  /** Takes an image for a file, which keeps its temporary name. */
  save(target: string, contents: SnapshotContents): SnapshotRun
  readonly disk: Disk
}

/** A part that wants the data of one moment. */
export interface CopyOrder {
  /**
   * Called when nothing else is under way. Takes its picture and waits until it is written. Never
   * rejects.
   */
  run(pictures: Pictures): Promise<void>
}

export class BackgroundSaving implements Saving {
  lastSaveMs: number
  readonly isBackup: boolean
  busyWith: 'nothing' | 'save' | 'rewrite' | 'copy' = 'nothing'
  readonly #engine: Engine
  readonly #disk: Disk
  readonly #later: (run: () => void) => void
  readonly #rested: (run: () => void) => void
  readonly #claims: DirectoryClaimsView | undefined
  readonly #rewrite: Rewrite
  readonly #second: BackgroundSavingOptions['second']
  #audit: Audit | undefined = undefined
  readonly #largeChanges: LargeChanges
  readonly #keysLoaded: number
  readonly #keysExpired: number
  /** The snapshot under way. */
  #snapshot: Snapshot | undefined = undefined
  /** Changes since the last save that the image under way contains. */
  #changesInImage = 0
  /** The longest slice of the last snapshot. */
  #longestSliceMs = 0
  #work: Promise<void> = Promise.resolve()
  #closed = false
  #timer: Timer | undefined = undefined
  #beganMs = 0
  /** Clients of SAVE that wait for their turn. */
  #saves: ((saved: boolean) => void)[] = []
  #saveScheduled = false
  #rewriteScheduled = false
  /**
   * Reloads that are asked for and not over, the replies of those that are over, and the last of
   * them.
   */
  #reloads = 0
  readonly #reloaded: (() => void)[] = []
  #lastReload: Promise<void> = Promise.resolve()
  /** Copies that wait for their turn. */
  readonly #copies: CopyOrder[] = []
  #saveOk = true
  #saveSeconds = -1
  #saveTriedMs = 0
  #saveCount = 0
  #rewriteOk = true
  #rewriteSeconds = -1
  #rewriteCount = 0
  #rewriteFailures = 0
  #rewriteNotBeforeMs = Number.NEGATIVE_INFINITY
  /** Commands that had run when RESTLESS last wrote something. */
  #restlessFrom = 0

  constructor(engine: Engine, options: BackgroundSavingOptions = {}) {
    this.#engine = engine
    this.#disk = options.disk ?? systemDisk
    this.#later = options.later ?? ((run) => setImmediate(run))
    this.#rested = options.later ?? ((run) => setTimeout(run, REST_MS))
    this.#claims = options.claims
    this.isBackup = options.rewrite !== undefined
    this.#rewrite = options.rewrite ?? new AofRewrite(engine, this.#disk, options.aof)
    this.#second = options.second
    this.#largeChanges = new LargeChanges(engine)
    this.#keysLoaded = options.keysLoaded ?? 0
    this.#keysExpired = options.keysExpired ?? 0
    this.lastSaveMs = engine.environment.clock.now()
    const { config } = engine
    config.onChange('appendonly', (wanted) => this.#appendOnly(wanted))
    config.onChange('save', () => this.#followFailure())
    config.onChange('stop-writes-on-bgsave-error', () => this.#followFailure())
    this.#lookLater()
  }

  /** The append-only file that is written to. */
  get journal(): AppendOnlyFile | undefined {
    return this.#rewrite.journal
  }

  /** See Rewrite. */
  get owesBase(): boolean {
    return this.#rewrite.owesBase
  }

  get refusesWrites(): boolean {
    const { config } = this.#engine
    return !this.isBackup && !this.#saveOk && config.get('stop-writes-on-bgsave-error') && config.get('save').length > 0
  }

  get status(): SavingStatus {
    const { busyWith } = this
    // Redis counts a snapshot for replicas as a save.
    const isSaving = busyWith === 'save' || busyWith === 'copy'
    const seconds = Math.floor((this.#engine.environment.workClock.monotonic() - this.#beganMs) / 1000)
    return {
      saveInProgress: isSaving,
      currentSaveSeconds: isSaving ? seconds : -1,
      lastSaveSeconds: this.#saveSeconds,
      lastSaveOk: this.#saveOk,
      saves: this.#saveCount,
      keysProcessed: this.#snapshot?.written ?? 0,
      keysTotal: this.#snapshot?.total ?? 0,
      longestSliceMs: this.#snapshot?.longestSliceMs ?? this.#longestSliceMs,
      rewriteInProgress: busyWith === 'rewrite',
      rewriteScheduled: this.#rewriteScheduled,
      currentRewriteSeconds: busyWith === 'rewrite' ? seconds : -1,
      lastRewriteSeconds: this.#rewriteSeconds,
      lastRewriteOk: this.#rewriteOk,
      rewrites: this.#rewriteCount,
      rewriteFailuresInARow: this.#rewriteFailures,
      rewriteBaseBytes: this.#rewrite.baseBytes,
      keysLoaded: this.#keysLoaded,
      keysExpiredAtLoad: this.#keysExpired,
    }
  }

  // ── asked for ────────────────────────────────────────────────────────────

  save(done: (saved: boolean) => void): void {
    this.#saves.push(done)
    this.#next()
  }

  saveEmptiness(done: (saved: boolean) => void): void {
    const { stats } = this.#engine.figures
    const changes = stats.changesSinceSave
    stats.changesSinceSave = 0
    this.#changesInImage = 0
    if (this.busyWith === 'save') this.#snapshot?.abort(new GivenUp())
    this.save((saved) => {
      if (!saved) stats.changesSinceSave += changes
      done(saved)
    })
  }

  finishImage(): void {
    this.#snapshot?.finish()
  }

  saveInBackground(): void {
    this.#saveScheduled = false
    this.#work = this.#save()
  }

  scheduleSave(): void {
    this.#saveScheduled = true
    this.#later(() => this.#next())
  }

  rewriteInBackground(): void {
    this.#rewriteScheduled = false
    this.#work = this.#runRewrite()
  }

  scheduleRewrite(): void {
    this.#rewriteScheduled = true
    // A client wants it now.
    this.#rewriteFailures = 0
    this.#later(() => this.#next())
  }

  leaveLog(): void {
    this.#appendOnly(false)
  }

  beginLogAnew(): void {
    this.#appendOnly(this.#engine.config.get('appendonly'))
  }

  reload(options: ReloadOptions, done: (outcome: 'reloaded' | 'not saved' | 'not loaded') => void): void {
    const { clock } = this.#engine.environment
    const { pause } = this.#engine.conditions
    // No client may change the saved data before it is loaded.
    pause.begin('saving', 'all', clock.now() + PAUSE_MS_MAX)
    // A transaction may ask for several; its client waits for all of them.
    const isFirst = this.#reloads++ === 0
    const reloaded = isFirst ? this.#reload(options) : this.#lastReload.then(() => this.#reload(options))
    this.#lastReload = reloaded.then((outcome) => {
      this.#reloaded.push(() => done(outcome))
      if (--this.#reloads > 0) return
      pause.end('saving')
      for (const reply of this.#reloaded.splice(0)) reply()
    })
  }

  async #reload(options: ReloadOptions): Promise<'reloaded' | 'not saved' | 'not loaded'> {
    const engine = this.#engine
    if (options.saves && !(await new Promise((resolve) => this.save(resolve)))) return 'not saved'
    try {
      if (options.from === 'log') await this.#completeLog()
      await reload(engine, this.#disk, options)
      return 'reloaded'
    } catch (error) {
      engine.environment.log.error(
        { error: describeDiskError(error) },
        'the data cannot be loaded again; it stays as it was',
      )
      return 'not loaded'
    }
  }

  /**
   * Waits until the append-only file holds everything and no rewrite is under way. Throws the
   * disk's error.
   */
  async #completeLog(): Promise<void> {
    // The turn ends first: its effects are written then.
    await new Promise<void>((resolve) => this.#later(resolve))
    if (this.busyWith === 'rewrite') await this.#work
    const { journal } = this
    while (journal !== undefined && journal.written < journal.appended) {
      if (journal.failure !== undefined) throw new Error(journal.failure)
      await new Promise<void>((resolve) => void this.#engine.environment.workClock.after(WRITTEN_LOOK_MS, resolve))
    }
  }

  get isAuditing(): boolean {
    return this.#audit !== undefined
  }

  audit(parts: number | undefined, done: (outcome: AuditReport | Error) => void): void {
    const rewrite = this.#rewrite
    const host = {
      disk: this.#disk,
      get directory() {
        return rewrite.directory
      },
      get journal() {
        return rewrite.owesBase ? undefined : rewrite.journal
      },
      alone: (run: (walk: Walk) => Promise<void>) => this.#alone(run),
      atOnePosition: (run: () => void) => rewrite.atOnePosition(run),
      second: this.#second,
      later: this.#later,
      rested: this.#rested,
    }
    if (this.#audit !== undefined) throw new NoAudit('another audit is under way')
    if (this.#closed) throw new NoAudit('the server is ending')
    const audit = new Audit(this.#engine, host, parts)
    this.#audit = audit
    const end = (outcome: AuditReport | Error): void => {
      this.#audit = undefined
      done(outcome)
    }
    void audit.run().then(end, (error) => {
      const details = { error: describeDiskError(error) }
      if (!this.#closed)
        this.#engine.environment.log.error(details, 'audit: memory was not compared with the append-only file')
      end(error as Error)
    })
  }

  /** Lets an audit walk the data while nothing else is under way. Rejects with its failure. */
  #alone(run: (walk: Walk) => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.copy({
        run: ({ send }) => {
          const walk: Walk = (writer, sink) => send(sink, undefined, { writer, rested: this.#rested })
          return run(walk).then(resolve, reject)
        },
      })
    })
  }

  postpones(client: Client, command: Command, args: Arguments): boolean {
    const snapshot = this.#snapshot
    if (snapshot === undefined || !snapshot.hasLarge) return false
    return this.#largeChanges.postpone(snapshot, client, command, args)
  }

  /** Begins the next thing that is due. */
  #next(): void {
    if (this.busyWith !== 'nothing' || this.#closed) return
    if (this.#saves.length > 0) this.#work = this.#save(this.#saves.splice(0))
    else if (this.#copies.length > 0) this.#copyNext()
    else if (this.#rewriteScheduled && this.#engine.environment.workClock.monotonic() >= this.#rewriteNotBeforeMs)
      this.rewriteInBackground()
    else if (this.#saveScheduled && this.#mayTryToSave()) this.saveInBackground()
  }

  #copyNext(): void {
    const order = this.#copies.shift()
    assert(order !== undefined, 'a copy that is due is in line')
    this.#work = this.#copy(order)
  }
  // ── saving ───────────────────────────────────────────────────────────────

  /** Makes a snapshot; `waiting` are told whether it succeeded. */
  async #save(waiting?: ((saved: boolean) => void)[]): Promise<void> {
    const engine = this.#engine
    const { config } = engine
    const { clock, log, workClock } = engine.environment
    const { stats } = engine.figures
    const directory = config.get('dir')
    const target = path.join(directory, config.get('dbfilename'))
    this.#changesInImage = stats.changesSinceSave
    this.#begin('save')
    this.#saveTriedMs = clock.now()
    this.#saveCount++
    let image: SnapshotRun | undefined
    let saved = false
    if (waiting === undefined) log.info({ file: target }, `Background saving started by pid ${process.pid}`)
    try {
      if (!this.#isClaimed) await this.#claims?.claim(directory)
      image = this.#takeImage(target, 'rdb', false)
      await image.complete()
      await this.#disk.rename(image.temporary, target)
      await this.#disk.syncDirectory(directory)
      saved = true
      if (CHECKED) happened('snapshot made')
      stats.changesSinceSave = Math.max(0, stats.changesSinceSave - this.#changesInImage)
      this.lastSaveMs = clock.now()
      log.info({ file: target, bytes: image.bytes, keys: image.snapshot.written }, 'DB saved on disk')
      if (waiting === undefined) log.info({}, 'Background saving terminated with success')
    } catch (error) {
      await image?.discard()
      if (error instanceof GivenUp) {
        this.#end()
        // Another one takes its place at once, also for the clients that wait.
        this.#saves.push(...(waiting ?? []))
        this.#next()
        return
      }
      // A disk that crashes is no news when the server is ending.
      if (!this.#closed) {
        log.error(
          { file: target },
          `${waiting === undefined ? 'Background saving error' : 'Error saving DB'}: ${describeDiskError(error)}`,
        )
      }
    }
    // As in Redis, a failed SAVE refuses no writes: its client knows.
    if (saved || waiting === undefined) {
      this.#saveOk = saved
      this.#followFailure()
    }
    if (waiting === undefined) this.#saveSeconds = Math.floor((workClock.monotonic() - this.#beganMs) / 1000)
    this.#end()
    for (const done of waiting ?? []) done(saved)
    this.#next()
  }

  #takeImage(target: string, format: 'rdb' | 'aof', isBase: boolean, contents?: SnapshotContents): SnapshotRun {
    const picture = this.#pictureOptions(format, isBase, contents)
    const image = new SnapshotRun({ ...picture, disk: this.#disk, target })
    this.#snapshot = image.snapshot
    return image
  }

  #pictureOptions(format: 'rdb' | 'aof', isBase: boolean, contents?: SnapshotContents): SnapshotWalkOptions {
    const before = this.#snapshot
    assert(this.busyWith !== 'nothing', 'a picture is part of a save, a rewrite or a copy')
    assert(before === undefined || before.ended, 'invariant 6: one picture is taken at a time, there is one gate')
    const engine = this.#engine
    engine.conditions.state.delays.snapshot.begin()
    return {
      engine,
      later: this.#later,
      // A replica waits for its copy.
      rested: this.busyWith === 'copy' ? this.#later : this.#rested,
      format,
      isBase,
      ...(contents === undefined ? {} : { contents }),
      largeWritten: () => {
        if (this.#snapshot?.hasLarge !== true) engine.conditions.state.delays.snapshot.end()
        this.#largeChanges.resume()
      },
    }
  }

  // ── copies ───────────────────────────────────────────────────────────────

  /** Lets another part take a picture as soon as nothing is under way. */
  copy(order: CopyOrder): void {
    this.#copies.push(order)
    this.#later(() => this.#next())
  }

  /**
   * Lets another part take a picture at once. Returns false, and forgets the order, when something
   * is under way.
   */
  copyNow(order: CopyOrder): boolean {
    if (this.busyWith !== 'nothing' || this.#closed) return false
    this.#work = this.#copy(order)
    return true
  }

  async #copy(order: CopyOrder): Promise<void> {
    this.#begin('copy')
    await order.run({
      send: (sink, contents, more = {}) => {
        const picture = walkSnapshot({ ...this.#pictureOptions('rdb', false, contents), ...more }, sink)
        this.#snapshot = picture.snapshot
        return picture
      },
      claim: async () => {
        if (!this.#isClaimed) await this.#claims?.claim(this.#engine.config.get('dir'))
      },
      save: (target, contents) => this.#takeImage(target, 'rdb', false, contents),
      disk: this.#disk,
    })
    this.#end()
    this.#next()
  }

  /** True when the directory needs no wait, so that the picture can be taken at once. */
  get #isClaimed(): boolean {
    return this.#claims === undefined || this.#claims.has(this.#engine.config.get('dir'))
  }

  /** Ends all writing: the directory belongs to another process now. */
  disown(): void {
    this.journal?.disown()
  }

  #begin(what: 'save' | 'rewrite' | 'copy'): void {
    assert(this.busyWith === 'nothing', 'one save, rewrite or copy is under way at a time')
    this.busyWith = what
    this.#beganMs = this.#engine.environment.workClock.monotonic()
  }

  #end(): void {
    assert(this.busyWith !== 'nothing', 'a save, rewrite or copy that ends has begun')
    assert(this.#snapshot?.ended !== false, 'a save, rewrite or copy ends after its snapshot')
    this.busyWith = 'nothing'
    if (this.#snapshot !== undefined) this.#longestSliceMs = this.#snapshot.longestSliceMs
    this.#snapshot = undefined
  }

  #followFailure(): void {
    this.#engine.conditions.state.refusals.saveFailed.follow(this.refusesWrites)
  }

  // ── rewriting ────────────────────────────────────────────────────────────

  async #runRewrite(): Promise<void> {
    const { log, workClock } = this.#engine.environment
    const images: SnapshotRun[] = []
    this.#begin('rewrite')
    this.#rewriteCount++
    log.info({}, `Background append only file rewriting started by pid ${process.pid}`)
    try {
      if (!this.#isClaimed) await this.#claims?.claim(this.#engine.config.get('dir'))
      await this.#rewrite.run((target, format) => {
        const image = this.#takeImage(target, format, true)
        images.push(image)
        return image
      })
      this.#rewriteOk = true
      this.#rewriteFailures = 0
      if (CHECKED) happened('journal rewritten')
      log.info({ bytes: images.at(-1)?.bytes ?? 0 }, 'Background AOF rewrite finished successfully')
    } catch (error) {
      this.#rewriteOk = false
      this.#rewriteFailures++
      if (!this.#closed) log.error({ error: describeDiskError(error) }, 'Background AOF rewrite terminated with error')
      // Turning the append-only file on is tried until it succeeds, or is not wanted any more.
      if (this.#rewrite.isWanted && this.#rewrite.journal === undefined) this.#rewriteScheduled = true
    }
    this.#rewriteSeconds = Math.floor((workClock.monotonic() - this.#beganMs) / 1000)
    this.#rewriteNotBeforeMs = workClock.monotonic() + this.#rewriteDelayMs
    this.#end()
    this.#next()
  }

  get #rewriteDelayMs(): number {
    if (this.#rewriteOk) return 0
    if (this.#rewriteFailures < REWRITE_FAILURES_MAX) return LOOK_MS
    return Math.min(REWRITE_DELAY_MS_MAX, REWRITE_DELAY_MS * 2 ** (this.#rewriteFailures - REWRITE_FAILURES_MAX))
  }

  /** Follows CONFIG SET appendonly. */
  #appendOnly(wanted: boolean): void {
    if (wanted === this.#rewrite.isWanted) return
    this.#rewrite.isWanted = wanted
    this.#rewriteNotBeforeMs = Number.NEGATIVE_INFINITY
    // A rewrite that is under way is not the one that is wanted now.
    if (this.busyWith === 'rewrite') this.#snapshot?.abort(new Error('appendonly was changed'))
    if (wanted) {
      this.#rewriteFailures = 0
      this.#rewriteScheduled = true
      this.#next()
    } else {
      this.#rewriteScheduled = false
      this.#rewrite.retire()
    }
  }

  // ── what is due ──────────────────────────────────────────────────────────

  #lookLater(): void {
    this.#timer = this.#engine.environment.workClock.after(LOOK_MS, () => {
      this.#look()
      if (!this.#closed) this.#lookLater()
    })
  }

  #look(): void {
    this.#next()
    if (this.busyWith !== 'nothing' || this.#closed || this.#engine.conditions.state.loading.holds) return
    if (RESTLESS && this.#ranMany()) this.#writeSomething()
    else if (this.#savePointReached()) this.saveInBackground()
    else if (this.#hasGrown()) this.rewriteInBackground()
  }

  /** Tells whether RESTLESS_COMMANDS ran since it last answered yes. */
  #ranMany(): boolean {
    const { commandsProcessed } = this.#engine.figures.stats
    if (commandsProcessed < this.#restlessFrom + RESTLESS_COMMANDS) return false
    this.#restlessFrom = commandsProcessed
    return true
  }

  #writeSomething(): void {
    if (this.journal !== undefined && restlessRandom.below(2) === 0) this.rewriteInBackground()
    else if (!this.isBackup && this.#mayTryToSave()) this.saveInBackground()
  }

  #savePointReached(): boolean {
    const { config } = this.#engine
    const { clock } = this.#engine.environment
    const { stats } = this.#engine.figures
    if (this.isBackup) return false
    const seconds = Math.floor(clock.now() / 1000) - Math.floor(this.lastSaveMs / 1000)
    for (const point of config.get('save')) {
      if (stats.changesSinceSave >= point.changes && seconds > point.seconds && this.#mayTryToSave()) return true
    }
    return false
  }

  #mayTryToSave(): boolean {
    return this.#saveOk || this.#engine.environment.clock.now() - this.#saveTriedMs > SAVE_RETRY_MS
  }

  #hasGrown(): boolean {
    const { config } = this.#engine
    const { workClock } = this.#engine.environment
    const { journal } = this
    if (journal === undefined || workClock.monotonic() < this.#rewriteNotBeforeMs) return false
    return hasGrown(journal, this.#rewrite.baseBytes, config)
  }

  /**
   * Stops everything under way and makes the append-only file durable. If it was just turned on,
   * its first base is made before: redis-server refuses to end then. Throws the disk's error.
   */
  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    this.#audit?.giveUp(new NoAudit('the server is ending'))
    if (this.#rewrite.owesBase) await this.#makeFirstBase()
    this.#snapshot?.abort(new Error('the server is ending'))
    // A rewrite may wait for the journal; closing the journal frees it.
    const closing = this.#rewrite.close()
    closing.catch(() => {})
    await this.#work
    await closing
    if (this.#rewrite.owesBase) throw new Error('the append-only file that was turned on could not be made')
  }

  async #makeFirstBase(): Promise<void> {
    const snapshot = this.#snapshot
    if (this.busyWith === 'save') snapshot?.abort(new Error('the server is ending'))
    else snapshot?.finish()
    await this.#work
    // The rewrite had not begun, or has failed before.
    if (this.#rewrite.owesBase) await this.#runRewrite()
  }
}
