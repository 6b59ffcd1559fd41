// A node: an engine, its local copy, and its part in leading and following.
//
//   following ──silence, or a handover to us──▶ standing ──our epoch record is in the log──▶ (entered) ──▶ leading
//       ▲                                          │ somebody was faster, or is alive            │
//       ├──────────────────────────────────────────┘                                           │
//       └──◀── (goes back to the copy, if it did what is not in the log) ◀── fenced, handed over ──┘
//
//   stopped: the log or a disk holds what it must not; or somebody has asked for it. `failure` says why.
//
// following  reads the log, applies what counts, writes it into the copy, and answers reads.
// standing   reads to the end, and appends an epoch record there. That succeeds for one; and only where nobody else has said anything since.
//            One of several shards then enters itself into their map, and leads only when it stands there (`NodeOptions.enter`).
// leading    answers as a primary does. Its journal (replicated-journal.ts) says how far it may.
//
// Whoever loses its place drops what it had not answered: connections with replies on the way are closed, since what became of them is
// for whoever leads now to say. Nothing is said of what was not acknowledged. All others are closed at once, too: no request of theirs is run on
// data that may be old by now, and clients look for whoever leads. Those whose writes had to wait for the handover hear that they were not done.

import { noProgress } from '../engine/effects/journal.ts'
import type { Engine } from '../engine/engine.ts'
import type { DirectoryClaimsView } from '../persistence/disk/directory-claims.ts'
import type { Disk } from '../persistence/disk/disk.ts'
import { PersistenceError } from '../persistence/errors.ts'
import { BackgroundSaving } from '../persistence/snapshot/background-saving.ts'
import { ERR } from '../protocol/errors.ts'
import type { Timer } from '../util/time/clock.ts'
import { isPassing, settleAppend } from './append-outcome.ts'
import type { Chain, Counted } from './chain.ts'
import { type CopyHolder, CopyRewrite } from './copy-rewrite.ts'
import { sendingTime } from './lease.ts'
import type { LocalCopy } from './local-copy.ts'
import { Gap, LogAway, type LogEntry, LogError, type ReplicatedLog, Truncated } from './log.ts'
import { LogStream } from './log-stream.ts'
import { decodeRecord, type EpochNote, encodeEpochNote, encodeRecord } from './record.ts'
import { type Loss, ReplicatedJournal } from './replicated-journal.ts'
import type { SnapshotStore } from './snapshot-store.ts'
import { Snapshots } from './snapshots.ts'
import type { Timing } from './timing.ts'

export interface NodeOptions {
  readonly engine: Engine
  readonly disk: Disk
  readonly log: ReplicatedLog
  readonly copy: LocalCopy
  readonly chain: Chain
  readonly timing: Timing
  readonly self: EpochNote
  /** Where snapshots lie; without one the log must be kept whole. */
  readonly store?: SnapshotStore
  /** A snapshot is made when the log has grown by so many records. */
  readonly snapshotEvery: number
  /** What is written into is claimed before. Default: nobody else is expected there. */
  readonly claims?: DirectoryClaimsView
  /** Makes the engine that an audit replays into. Default: there are no audits. */
  readonly second?: (like: Engine) => Engine
  /** Takes the object that saves this node's data, before the node does anything. */
  readonly onSaving?: (saving: BackgroundSaving) => void
  /**
   * Called when this node's epoch record stands, before it leads; false = it may not. Leases go on meanwhile; when the place is lost `isWanted` says so, and
   * the answer is of no interest.
   */
  enter?(epoch: number, isWanted: () => boolean): Promise<boolean>
}

export type NodeState = 'following' | 'standing' | 'leading' | 'stopped'

/** How long a handover may take before the server ends without it. */
const HANDOVER_MS_MAX = 5000
/** Why a reading ends; without a reason an error is made for it. */
const ENOUGH = 'enough'

export class ReplicatedNode implements CopyHolder {
  state: NodeState = 'following'
  /** Why it has stopped by itself. */
  failure: string | undefined = undefined
  readonly #options: NodeOptions
  readonly #stream: LogStream
  /** Of a leader. */
  #journal: ReplicatedJournal | undefined = undefined
  /** Of who is going to lead. */
  #candidate: ReplicatedJournal | undefined = undefined
  /** When something was last read; never before that. */
  #heardMs: number
  /** Ends the reading that is under way. */
  #reading: AbortController | undefined = undefined
  #timer: Timer | undefined = undefined
  readonly #saving: BackgroundSaving
  readonly #snapshots: Snapshots | undefined
  /** The last position of the log when it was last asked. */
  #end = 0
  /** The last record that counts, while this node follows. */
  #counted = 0
  /** Fulfilled when the record that is being applied, or what is done between two, is at its end. */
  #applied: Promise<unknown> = Promise.resolve()
  /** Fulfilled when leading has ended. */
  #ledOut: () => void = () => {}
  #wake: () => void = () => {}
  readonly #work: Promise<void>
  readonly #listeners: (() => void)[] = []

  constructor(options: NodeOptions) {
    this.#options = options
    this.#stream = new LogStream(options.engine)
    this.#heardMs = options.engine.environment.workClock.monotonic()
    const { engine, disk, log, self, store } = options
    const rewrite = new CopyRewrite(engine, options.copy, this)
    const claims = options.claims && { claims: options.claims }
    const second = options.second && { second: options.second }
    this.#saving = new BackgroundSaving(engine, {
      disk,
      later: engine.environment.later,
      rewrite,
      ...claims,
      ...second,
    })
    options.onSaving?.(this.#saving)
    this.#snapshots =
      store &&
      new Snapshots({
        engine,
        log,
        store,
        node: self.node,
        saving: this.#saving,
        everyPositions: options.snapshotEvery,
      })
    const { config } = engine
    const { durability, role } = engine.effects
    const follow = (): void => this.#journal?.setPolicy(config.get('appendfsync'), durability.rules)
    config.onChange('appendfsync', follow)
    config.onChange('durability', follow)
    role.become('follower')
    this.#work = this.#run()
  }

  get isFollowing(): boolean {
    return this.state === 'following'
  }

  get journal(): ReplicatedJournal | undefined {
    return this.#journal
  }

  get chain(): Chain {
    return this.#options.chain
  }

  /** Who leads, as far as this node knows. Where this node was the last to do so, nobody is known to lead. */
  get leader(): EpochNote | undefined {
    const { chain, self } = this.#options
    return chain.leader?.node === self.node && this.state !== 'leading' ? undefined : chain.leader
  }

  /** How long the lease still runs; 0 where there is none. */
  get leaseLeftMs(): number {
    return this.#journal?.leaseLeftMs ?? 0
  }

  /** Records of ours that were sent, and are not acknowledged. */
  get underWay(): number {
    return this.#journal?.underWay ?? 0
  }

  /** When the log was last heard, by the monotonic clock. */
  get heardMs(): number {
    return this.#heardMs
  }

  /** Nothing has been read for so long that somebody may take over. */
  get isSilent(): boolean {
    return this.#now >= this.#heardMs + this.#options.timing.silenceMs
  }

  /** Calls `run` whenever the state has changed, or somebody else leads. */
  onChange(run: () => void): void {
    this.#listeners.push(run)
  }

  // ── what is asked of it ──────────────────────────────────────────────────

  /** Hands the lead over, to a node of this name or to whoever is first. Does nothing where this node does not lead. */
  async handOver(to = ''): Promise<void> {
    const { dataset } = this.#options.engine.data
    const { pause } = this.#options.engine.conditions
    const journal = this.#journal
    if (journal === undefined) return
    pause.begin('failover', 'write', Number.MAX_SAFE_INTEGER)
    try {
      do {
        await journal.drain()
        // Nothing is answered from then on: whoever was acknowledged hears of it before.
        await this.#turnEnded()
        if (this.#journal !== journal) return
      } while (journal.isBehind)
      const over = new Promise<void>((resolve) => this.onChange(() => this.#journal !== journal && resolve()))
      // What is removed from now on would have to be undone, and the copy be loaded for it.
      dataset.expiry = 'hide'
      journal.handOver(to)
      await over
    } finally {
      pause.end('failover')
    }
  }

  /** Hands over if it leads, and ends: nothing is read, done or answered by it any more. Throws what the disk says. */
  async close(): Promise<void> {
    const { copy, engine, log } = this.#options
    const tooLong = new Promise<void>((resolve) => void engine.environment.workClock.after(HANDOVER_MS_MAX, resolve))
    await Promise.race([this.handOver(), tooLong])
    this.#stop()
    await log.close()
    await this.#work
    await this.#saving.close()
    await copy.close()
  }

  // ── the states ───────────────────────────────────────────────────────────

  async #run(): Promise<void> {
    this.#watch()
    try {
      while (this.state !== 'stopped') {
        if (!(await this.#agree())) continue
        await this.#follow()
        if (this.#isStopped) return
        this.#become('standing')
        const journal = await this.#stand()
        if (this.#isStopped) return
        if (journal !== undefined && (await this.#mayLead(journal))) await this.#lead(journal)
        if (!this.#isStopped) this.#become('following')
      }
    } catch (error) {
      this.#fail(error)
    }
  }

  get #isStopped(): boolean {
    return this.state === 'stopped'
  }

  #become(state: NodeState): void {
    if (this.state === state || this.#isStopped) return
    this.state = state
    this.#tell()
  }

  #tell(): void {
    for (const run of this.#listeners) run()
  }

  /** Holds the copy against the log. False when the log cannot be asked just now. Throws `Gap` where they differ. */
  async #agree(): Promise<boolean> {
    const { chain, log } = this.#options
    try {
      const { first, last } = await log.bounds()
      if (this.#isStopped) return false
      this.#end = last
      if (last < chain.position) await this.#restoreEnd(last)
      else if (chain.position >= first) await this.#compare(chain.position)
      else if (chain.position < first - 1) await this.#beginWithSnapshot(first - 1)
      return true
    } catch (error) {
      if (!isPassing(error)) throw error
      await this.#rest()
      return false
    }
  }

  /**
   * The log is kept only from behind a position on: goes on from the oldest snapshot with which the log goes on. That one was verified, or the log would be
   * there; of newer ones nobody knows yet.
   */
  async #beginWithSnapshot(least: number): Promise<void> {
    const { chain, copy, engine, store } = this.#options
    try {
      const verified = (await store?.list())?.find(({ position }) => position >= least)
      if (store === undefined || verified === undefined)
        throw new Truncated(`the log begins behind position ${least}, and there is no snapshot from which to go on`)
      chain.goTo(await copy.replace(store.get(verified.position)))
    } catch (error) {
      if (error instanceof LogError || error instanceof PersistenceError) throw error
      // The store, or the disk, may work a little later.
      engine.environment.log.warn({ error }, 'the data cannot be begun with a snapshot')
      throw new LogAway('the snapshot cannot be had')
    }
  }

  async #compare(position: number): Promise<void> {
    const { chain, log } = this.#options
    const batch = await log.at(position)
    if (batch === undefined) throw new Gap(`there is nothing at position ${position}`)
    const { epoch, hash } = decodeRecord(batch)
    // What does not count is not in the copy.
    if (hash !== chain.hash && epoch >= chain.epoch)
      throw new Gap(`the log holds another record at position ${position} than this node's copy`)
  }

  /** The log has lost its end, which is in our copy: puts the same records there again. What another node has put there is the same. */
  async #restoreEnd(last: number): Promise<void> {
    const { chain, copy, engine, log } = this.#options
    engine.environment.log.warn(
      { last, position: chain.position },
      'the log has lost its end: it is appended again from the copy',
    )
    for await (const { batch, position } of copy.records(last)) {
      if (this.#isStopped) return
      const { is } = await settleAppend(log, batch, position - 1)
      if (is !== 'there')
        throw new Gap(`the log had lost its end, and holds something else at position ${position} by now`)
    }
  }

  /** Reads and applies, until it is time to stand. */
  async #follow(): Promise<void> {
    const { chain, log } = this.#options
    // It was to lead, and the log was away.
    if (this.#isMeant && chain.position >= this.#end) return
    this.#reading = new AbortController()
    const { signal } = this.#reading
    this.#counted = chain.position
    try {
      for await (const entry of log.read(chain.position + 1, signal)) {
        if (signal.aborted || this.#isStopped) return
        if (await this.betweenRecords(() => this.#take(entry))) return
      }
    } catch (error) {
      // A follower that was away for long begins with a snapshot.
      if (!isPassing(error) && !(error instanceof Truncated)) throw error
    }
    if (!signal.aborted) await this.#rest()
  }

  /** Takes a record; true = nothing more is to be read. */
  async #take(entry: LogEntry): Promise<boolean> {
    const { chain } = this.#options
    if (this.#isStopped) return true
    const { leader } = chain
    const counted = chain.take(entry)
    if (chain.leader?.node !== leader?.node) this.#tell()
    this.#heardMs = this.#now
    // What does not count may stand behind a handover.
    if (counted === undefined) return this.#isMeant
    await this.#apply(counted)
    if (this.#isStopped) return true
    this.#snapshots?.look(chain, this.#counted)
    this.#counted = chain.position
    return this.#isMeant
  }

  betweenRecords<T>(run: () => Promise<T>): Promise<T> {
    const done = this.#applied.then(run)
    this.#applied = done.catch(() => {})
    return done
  }

  async #apply(counted: Counted): Promise<void> {
    const { copy } = this.#options
    if (counted.effects !== undefined) await this.#stream.apply(counted.effects)
    if (this.#isStopped) return
    copy.take(counted)
    // What the disk does not take is not heaped up.
    while (copy.failure !== undefined && !this.#isStopped) await this.#rest()
  }

  /** The leader has named us, or nobody. */
  get #isMeant(): boolean {
    const { chain, self } = this.#options
    return chain.handedTo === self.node || (chain.handedTo === '' && chain.leader?.node !== self.node)
  }

  /** Tries to lead. Returns the journal of the new leader; undefined where somebody else is alive, or was faster. */
  async #stand(): Promise<ReplicatedJournal | undefined> {
    const { chain, engine, log, self, timing } = this.#options
    try {
      const { last } = await log.bounds()
      if (this.#isStopped) return undefined
      // Somebody has said something: whoever leads may have a lease from then on.
      if (last > chain.position) {
        this.#heardMs = this.#now
        return undefined
      }
      // What the log has lost is put back before anything else is.
      if (last < chain.position) return undefined
      const position = chain.position + 1
      const fields = {
        kind: 'epoch',
        epoch: chain.epoch + 1,
        position,
        previous: chain.hash,
        payload: encodeEpochNote(self),
      } as const
      const { batch, hash } = encodeRecord(fields)
      const since = sendingTime(engine.environment.workClock)
      if (!(await this.#isTaken(batch, position - 1))) {
        this.#heardMs = this.#now
        return undefined
      }
      if (this.#isStopped) return undefined
      const counted = chain.count({ ...fields, hash })
      this.#options.copy.take(counted!)
      return new ReplicatedJournal({
        log,
        chain,
        since,
        self,
        clock: engine.environment.workClock,
        timing,
        policy: engine.config.get('appendfsync'),
        rules: engine.effects.durability.rules,
        localFailure: () => this.#options.copy.failure,
        localBytes: () => this.#options.copy.journal.status.currentBytes,
        sent: (place, before) => {
          // A command that is running may have done what it has not told yet.
          const isRunning = engine.conditions.state.busy.holds || engine.requests.runner.client !== undefined
          if (!isRunning) this.#snapshots?.lookWhileLeading(place, before)
        },
        counted: (whole) => this.#options.copy.take(whole),
        lost: (loss) => this.#lost(loss),
        failed: (error) => this.#fail(error),
      })
    } catch (error) {
      if (!isPassing(error)) throw error
      // The log is away, or full: it is asked again a little later.
      await this.#rest()
      return undefined
    }
  }

  /** Appends the record that begins our epoch; tells whether it stands there. */
  async #isTaken(batch: Buffer, expected: number): Promise<boolean> {
    const { log } = this.#options
    try {
      await log.lead(batch, expected)
      return true
    } catch (error) {
      if (!(error instanceof LogError)) throw error
    }
    return (await settleAppend(log, batch, expected)).is === 'there'
  }

  /** Asks whether this node may lead; false also where it has lost its place meanwhile. */
  async #mayLead(journal: ReplicatedJournal): Promise<boolean> {
    const { enter } = this.#options
    if (enter === undefined) return true
    this.#candidate = journal
    const isLost = new Promise<false>((resolve) => {
      this.#ledOut = () => resolve(false)
    })
    const entered = enter(this.chain.epoch, () => this.#candidate === journal)
    const mayLead = (await Promise.race([entered, isLost])) && this.#candidate === journal
    this.#candidate = undefined
    if (mayLead) return true
    journal.stop()
    this.#heardMs = this.#now
    return false
  }

  /** Leads until that is over. */
  async #lead(journal: ReplicatedJournal): Promise<void> {
    const { durability, propagation, role } = this.#options.engine.effects
    const { log } = this.#options.engine.environment
    log.info({ epoch: this.chain.epoch, position: this.chain.position }, 'this node leads')
    this.#journal = journal
    const isOver = new Promise<void>((resolve) => {
      this.#ledOut = resolve
    })
    propagation.add(journal)
    durability.follow(journal)
    role.become('primary')
    this.#become('leading')
    await isOver
    if (this.#isStopped) return
    if (journal.isBehind) await this.#options.copy.restore()
    this.#heardMs = this.#now
  }

  /** Leads no more: at once, before anything else happens. */
  #lost(loss: Loss): void {
    const { blocking, config } = this.#options.engine
    const { connected: clients, tracking } = this.#options.engine.clients
    const { durability, propagation, role } = this.#options.engine.effects
    const { loading } = this.#options.engine.conditions
    const { log } = this.#options.engine.environment
    const journal = this.#journal
    if (journal === undefined) {
      this.#candidate = undefined
      this.#ledOut()
      return
    }
    log.warn({ epoch: this.chain.epoch, position: this.chain.position, reason: loss }, 'this node leads no more')
    this.#journal = undefined
    this.#snapshots?.forgetBehind(this.chain.position)
    propagation.remove(journal)
    // From here on this node changes nothing by itself: not even where subscribers are whose connections end.
    role.become('follower')
    // Nobody may see what is going to be undone.
    if (journal.isBehind) loading.begin()
    for (const client of [...clients.values()]) {
      // What it was going to be told may not be so.
      if (client.pendingBytes > 0 || client.heldForDurability || client.watched.size > 0) clients.close(client, 'now')
    }
    // Who waits here would wait for what only the leader may bring.
    for (const client of blocking.endAll(ERR.roleChanged)) clients.close(client, 'flushed')
    if (!config.get('cluster-enabled')) this.#sendAway()
    tracking.flushed()
    durability.follow(noProgress)
    this.#become('following')
    this.#ledOut()
  }

  /**
   * Has clients look for whoever leads now, as Redis Sentinel has it done: they ask when they connect, and would stay here and hear READONLY. Those
   * whose requests had to wait for the handover hear that first. In a cluster they are told by MOVED.
   */
  #sendAway(): void {
    const { connected: clients } = this.#options.engine.clients
    const { incoming: requests } = this.#options.engine.requests
    for (const client of [...clients.values()]) {
      if (client.origin !== 'client') continue
      requests.refusePostponed(client, ERR.readOnly)
      clients.close(client, 'flushed')
    }
  }

  // ── time ─────────────────────────────────────────────────────────────────

  get #now(): number {
    return this.#options.engine.environment.workClock.monotonic()
  }

  /** Has the reading end when nothing has been read for too long. */
  #watch(): void {
    const { engine, timing } = this.#options
    const leftMs = this.#heardMs + timing.silenceMs - this.#now
    this.#timer = engine.environment.workClock.after(Math.max(leftMs, timing.retryMs), () => {
      if (this.isSilent) this.#reading?.abort(ENOUGH)
      this.#watch()
    })
  }

  #turnEnded(): Promise<void> {
    const { later } = this.#options.engine.environment
    const { turn } = this.#options.engine.requests
    turn.endSoon()
    return new Promise((resolve) => void later(resolve))
  }

  #rest(): Promise<void> {
    const { engine, timing } = this.#options
    return new Promise((resolve) => {
      this.#wake = resolve
      engine.environment.workClock.after(timing.retryMs, resolve)
    })
  }

  // ── the end ──────────────────────────────────────────────────────────────

  /** Goes on no more. Clients hear LOADING: what is here may be wrong. */
  #fail(error: unknown): void {
    if (this.#isStopped) return
    const { loading } = this.#options.engine.conditions
    const { log } = this.#options.engine.environment
    loading.begin()
    this.failure = error instanceof Error ? error.message : String(error)
    // The operator can put right what the log or the disk has done. Where that happened in our code is of no use to anybody.
    const isOurs = !(error instanceof LogError || error instanceof PersistenceError)
    const advice = error instanceof Truncated || error instanceof Gap ? 'See what the log and the other nodes hold' : ''
    log.error(
      { ...(isOurs ? { error } : {}), ...(advice === '' ? {} : { advice }) },
      `this node has stopped: ${this.failure}`,
    )
    this.#stop()
  }

  #stop(): void {
    if (this.#isStopped) return
    const journal = this.#journal
    journal?.stop()
    this.#candidate?.stop()
    this.#candidate = undefined
    if (journal !== undefined) this.#lost('fenced')
    this.#become('stopped')
    this.#timer?.cancel()
    this.#reading?.abort(ENOUGH)
    this.#stream.stop()
    this.#wake()
    this.#ledOut()
  }
}
