// A node: an engine, its local copy, and its part in leading and following.
//
//   following ──silence, or a handover to us──▶ standing ──our epoch record counts──▶ leading
//       ▲                                          │ another was faster, or is alive     │
//       ├──────────────────────────────────────────┘                                     │
//       └──◀── (reloads the copy, if the data is ahead of the log) ◀── fenced, handed over
//
//   stopped: the log or a disk holds what it must not, or the node was closed. `failure` says why.
//
// following reads the log, applies records that count, writes them to the copy, and serves reads.
// standing   reads to the end, and appends an epoch record there. That succeeds for one node only,
//            and only if nothing was appended since. One of several shards then enters itself into
//            their map, and leads only when it is entered (`NodeOptions.enter`).
// leading    serves as a primary does, as far as its journal (replicated-journal.ts) allows.
//
// A node that loses the lead drops unsent replies. Connections with such replies are closed,
// because only the new leader knows what became of their writes. Nothing is said about
// unacknowledged writes. All other connections are closed at once, too: their requests would run on
// data that may be old, and the clients then look for the new leader. Clients whose writes were
// held up for a handover are told that the writes were not done.

import { CLIENT_RELAYED, type Client } from '../engine/clients/client.ts'
import { noProgress } from '../engine/effects/journal.ts'
import type { LogSnapshots } from '../engine/effects/replication.ts'
import type { Engine } from '../engine/engine.ts'
import type { DirectoryClaimsView } from '../persistence/disk/directory-claims.ts'
import type { Disk } from '../persistence/disk/disk.ts'
import { PersistenceError } from '../persistence/errors.ts'
import { BackgroundSaving } from '../persistence/snapshot/background-saving.ts'
import { ERR } from '../protocol/errors.ts'
import type { Dial } from '../replication/connection.ts'
import { ExpectedKeys } from '../store/keyspace/expected-keys.ts'
import { itemAt } from '../util/array-reads.ts'
import { assert } from '../util/assert.ts'
import type { Timer } from '../util/time/clock.ts'
import { isPassing, settleAppend } from './append-outcome.ts'
import type { Chain, CountedRecord } from './chain.ts'
import { type CopyHolder, CopyRewrite } from './copy-rewrite.ts'
import { sendingTime } from './lease.ts'
import type { LocalCopy } from './local-copy.ts'
import { Gap, LogAway, type LogEntry, LogError, type ReplicatedLog, Truncated } from './log.ts'
import { decodeRecord, type EpochNote, encodeEpochNote, encodeRecord } from './record.ts'
import { RecordApplier } from './record-applier.ts'
import { Relays } from './relays/relays.ts'
import { type Loss, ReplicatedJournal } from './replicated-journal.ts'
import type { SnapshotStore } from './snapshot-store.ts'
import { Snapshots } from './snapshots.ts'
import { assertTiming, silenceOf, type Timing } from './timing.ts'

export interface NodeOptions {
  readonly engine: Engine
  readonly disk: Disk
  readonly log: ReplicatedLog
  readonly copy: LocalCopy
  readonly chain: Chain
  readonly timing: Timing
  readonly self: EpochNote
  /** Connects to the next leader after a handover. Without it no requests are sent on. */
  readonly dial?: Dial
  /** The store for snapshots. Without it the log must be kept whole. */
  readonly store?: SnapshotStore
  /** A snapshot is made each time the log has grown by this many records. */
  readonly snapshotEvery: number
  /** Claims directories before they are written to. Default: no other process is expected there. */
  readonly claims?: DirectoryClaimsView
  /** Makes the engine that an audit replays into. Without it there are no audits. */
  readonly second?: (like: Engine) => Engine
  /** Takes the object that saves this node's data, before the node does anything. */
  readonly onSaving?: (saving: BackgroundSaving) => void
  /**
   * Called when this node's epoch record is in the log, before it leads; false = it may not lead.
   * Leases continue meanwhile. When the lead is lost `isWanted` returns false, and the result is
   * ignored.
   */
  enter?(epoch: number, isWanted: () => boolean): Promise<boolean>
}

export type NodeState = 'following' | 'standing' | 'leading' | 'stopped'

/** The states that may follow each state. */
const NEXT_STATES: Readonly<Record<NodeState, readonly NodeState[]>> = {
  following: ['standing', 'stopped'],
  standing: ['leading', 'following', 'stopped'],
  leading: ['following', 'stopped'],
  stopped: [],
}

/** A handover may take this long before the server ends without it. */
const HANDOVER_MS_MAX = 5000
/** Clients are kept this long after a handover, until the next leader is known. */
const NEXT_LEADER_MS_MAX = 2000
/** The reason for ending a read; without a reason, `abort` would create an error. */
const ENOUGH = 'enough'

export class ReplicatedNode implements CopyHolder {
  state: NodeState = 'following'
  /** Why the node has stopped by itself. */
  failure: string | undefined = undefined
  readonly #options: NodeOptions
  readonly #stream: RecordApplier
  /** Clients whose requests are sent on after a handover; undefined = none ever are. */
  readonly #relays: Relays | undefined
  /** The journal of a leader. */
  #journal: ReplicatedJournal | undefined = undefined
  /** The journal of a node that is about to lead. */
  #candidate: ReplicatedJournal | undefined = undefined
  /** When the log was last heard; at first, when this node was made. */
  #heardMs: number
  /** Ends the read in progress. */
  #reading: AbortController | undefined = undefined
  #timer: Timer | undefined = undefined
  readonly #saving: BackgroundSaving
  readonly #snapshots: Snapshots | undefined
  /** The last position of the log when it was last asked. */
  #end = 0
  /** The position of the last record that counts, while this node follows. */
  #counted = 0
  /** Resolves when the record being applied, or the work between two records, is done. */
  #applied: Promise<unknown> = Promise.resolve()
  /** The handover under way, until the last client has moved. */
  #handover: Promise<void> | undefined = undefined
  /** Called when leading ends. */
  #ledOut: () => void = () => {}
  #wake: () => void = () => {}
  readonly #work: Promise<void>
  readonly #listeners: (() => void)[] = []

  constructor(options: NodeOptions) {
    assertTiming(options.timing)
    this.#options = options
    this.#stream = new RecordApplier(options.engine)
    this.#relays = options.dial && new Relays(options.engine, options.dial)
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
    config.onChange('log-max-lag', (lagMs) => this.#journal?.boundLag(lagMs))
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

  /**
   * The leader, as far as this node knows. Undefined when this node was the last known leader and
   * does not lead.
   */
  get leader(): EpochNote | undefined {
    const { chain, self } = this.#options
    return chain.leader?.node === self.node && this.state !== 'leading' ? undefined : chain.leader
  }

  /** How long the lease still runs; 0 without a lease. */
  get leaseLeftMs(): number {
    return this.#journal?.leaseLeftMs ?? 0
  }

  /** Records of this node that were sent and are not acknowledged. */
  get underWay(): number {
    return this.#journal?.underWay ?? 0
  }

  /** The secret by which other nodes may send on requests of clients. */
  get relayKey(): string {
    return this.#options.self.relayKey ?? ''
  }

  get snapshots(): LogSnapshots | undefined {
    return this.#snapshots?.positions
  }

  /** When the log was last heard, by the monotonic clock. */
  get heardMs(): number {
    return this.#heardMs
  }

  /** True if nothing has been read for long enough that another node may take over. */
  get isSilent(): boolean {
    return this.#now >= this.#heardMs + this.#silenceMs
  }

  /** The silence that outlasts the lease of the last leader. An empty log has had none. */
  get #silenceMs(): number {
    const { chain, timing } = this.#options
    const { leaseMs = timing.leaseMsMax } = chain.leader ?? (chain.epoch === 0 ? timing : {})
    return silenceOf(Math.max(leaseMs, timing.leaseMs))
  }

  /** Calls `run` whenever the state or the leader has changed. */
  onChange(run: () => void): void {
    this.#listeners.push(run)
  }

  // ── requests ──────────────────────────────────────────────────

  /**
   * Hands the lead to the named node, or to any node, and waits until the clients have moved there.
   * When this node does not lead, it waits for those of an earlier handover.
   */
  async handOver(to = ''): Promise<void> {
    if (this.#journal === undefined) return this.#handover
    const handover = this.#handJournalOver(this.#journal, to)
    this.#handover = handover
    try {
      await handover
    } finally {
      if (this.#handover === handover) this.#handover = undefined
    }
  }

  async #handJournalOver(journal: ReplicatedJournal, to: string): Promise<void> {
    const { engine } = this.#options
    const { dataset } = engine.data
    const { pause } = engine.conditions
    const { maintenance } = engine.clients
    maintenance.announce({ type: 'FAILING_OVER', seconds: HANDOVER_MS_MAX / 1000 })
    pause.begin('failover', 'write', Number.MAX_SAFE_INTEGER)
    let moved: Promise<void> | undefined
    try {
      do {
        await journal.drain()
        // No reply leaves after the handover: those for acknowledged writes leave before it.
        await this.#turnEnded()
        if (this.#journal !== journal) return
      } while (journal.isBehind)
      const over = new Promise<void>((resolve) => this.onChange(() => this.#journal !== journal && resolve()))
      // A key that expired from now on would have to be restored by reloading the copy.
      dataset.expiry = 'hide'
      journal.handOver(to)
      await over
      // Clients that were kept wait for the next leader; without one, nothing does.
      if ((this.#relays?.size ?? 0) > 0) await this.#nextLeader()
      moved = this.#move()
    } finally {
      maintenance.announce({ type: 'FAILED_OVER' })
      pause.end('failover')
    }
    await moved
  }

  /**
   * Hands over if it leads, and ends: nothing is read, done or answered any more. Throws errors of
   * the disk.
   */
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
    assert(NEXT_STATES[this.state].includes(state), `a node that is ${this.state} does not become ${state}`)
    if (state === 'leading') assert(this.#journal !== undefined, 'a node that leads has a journal')
    else assert(this.#journal === undefined, 'only a node that leads has a journal')
    assert(this.#candidate === undefined, 'a node stands no more when its state changes')
    this.state = state
    this.#tell()
  }

  #tell(): void {
    for (const run of this.#listeners) run()
  }

  /**
   * Compares the copy with the log. Returns false when the log cannot be asked now. Throws `Gap`
   * when they differ.
   */
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
   * The log begins behind this node's position: continues from the oldest snapshot that reaches the
   * log's beginning. That snapshot was verified, or the log would not have been truncated; newer
   * ones may not be verified yet.
   */
  async #beginWithSnapshot(least: number): Promise<void> {
    const { chain, copy, engine, store } = this.#options
    try {
      const verified = (await store?.list())?.find(({ position }) => position >= least)
      if (store === undefined || verified === undefined)
        throw new Truncated(`the log begins behind position ${least}, and there is no snapshot to continue from`)
      chain.goTo(await copy.replace(store.get(verified.position)))
    } catch (error) {
      if (error instanceof LogError || error instanceof PersistenceError) throw error
      // The store or the disk may work again later.
      engine.environment.log.warn({ error }, 'the data cannot be loaded from a snapshot')
      throw new LogAway('the snapshot cannot be read')
    }
  }

  async #compare(position: number): Promise<void> {
    const { chain, log } = this.#options
    const batch = await log.at(position)
    if (batch === undefined) throw new Gap(`there is nothing at position ${position}`)
    const { epoch, hash } = decodeRecord(batch)
    // Records that do not count are not in the copy.
    if (hash !== chain.hash && epoch >= chain.epoch)
      throw new Gap(`the log holds another record at position ${position} than this node's copy`)
  }

  /**
   * Appends the records that the log has lost again, from this node's copy. Another node can only
   * put the same records there.
   */
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
        throw new Gap(`the log had lost its end, and now holds something else at position ${position}`)
    }
  }

  /** Reads and applies records until it is time to stand. */
  async #follow(): Promise<void> {
    const { chain, log } = this.#options
    // This node was named as the next leader, and the log was away.
    if (this.#isMeant && chain.position >= this.#end) return
    this.#reading = new AbortController()
    const { signal } = this.#reading
    this.#counted = chain.position
    const { databases } = this.#options.engine
    const expected = new ExpectedKeys(itemAt(databases, 0).keys, chain.position, Math.max(this.#end, chain.position))
    try {
      for await (const entry of log.read(chain.position + 1, signal)) {
        if (signal.aborted || this.#isStopped) return
        if (await this.betweenRecords(() => this.#take(entry))) return
        expected.reached(entry.position)
      }
    } catch (error) {
      // A follower that was away for long begins with a snapshot.
      if (!isPassing(error) && !(error instanceof Truncated)) throw error
    }
    if (!signal.aborted) await this.#rest()
  }

  /** Takes a record; returns true when nothing more should be read. */
  async #take(entry: LogEntry): Promise<boolean> {
    const { chain } = this.#options
    if (this.#isStopped) return true
    assert(this.state === 'following', 'a node reads records while it follows')
    const { leader: before } = chain
    const wasKnown = this.leader !== undefined
    const counted = chain.take(entry)
    if (chain.leader?.node !== before?.node) {
      // A client that came while no leader was known may have taken this node for the leader: it
      // had been one. It would stay here for ever.
      if (!wasKnown && this.leader !== undefined) this.#sendAway()
      this.#tell()
    }
    this.#heardMs = this.#now
    // Records that do not count may stand behind a handover.
    if (counted === undefined) return this.#isMeant
    await this.#apply(counted)
    if (this.#isStopped) return true
    assert(this.#counted < chain.position, 'the position of a node only grows')
    this.#snapshots?.look(chain, this.#counted)
    this.#counted = chain.position
    return this.#isMeant
  }

  betweenRecords<T>(run: () => Promise<T>): Promise<T> {
    const done = this.#applied.then(run)
    this.#applied = done.catch(() => {})
    return done
  }

  async #apply(counted: CountedRecord): Promise<void> {
    const { copy } = this.#options
    if (counted.effects !== undefined) await this.#stream.apply(counted.effects)
    if (this.#isStopped) return
    copy.take(counted)
    // Records are not piled up in memory while the disk accepts nothing.
    while (copy.failure !== undefined && !this.#isStopped) await this.#rest()
  }

  /** Whether the leader has handed over to this node or to any node. */
  get #isMeant(): boolean {
    const { chain, self } = this.#options
    return chain.handedTo === self.node || (chain.handedTo === '' && chain.leader?.node !== self.node)
  }

  /**
   * Tries to take the lead. Returns the journal of the new leader; undefined when another node is
   * alive or was faster.
   */
  async #stand(): Promise<ReplicatedJournal | undefined> {
    const { chain, engine, log, self, timing } = this.#options
    assert(engine.effects.role.isReplica, 'a node that stands does not lead')
    try {
      const { last } = await log.bounds()
      if (this.#isStopped) return undefined
      // Another node has appended: a leader may hold a lease from then on.
      if (last > chain.position) {
        this.#heardMs = this.#now
        return undefined
      }
      // Records that the log has lost are put back first.
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
      assert(counted !== undefined, 'an epoch record is whole')
      this.#options.copy.take(counted)
      return new ReplicatedJournal({
        log,
        chain,
        since,
        self,
        clock: engine.environment.workClock,
        timing,
        policy: engine.config.get('appendfsync'),
        rules: engine.effects.durability.rules,
        lagMsMax: engine.config.get('log-max-lag'),
        localFailure: () => this.#options.copy.failure,
        localBytes: () => this.#options.copy.journal.status.currentBytes,
        sent: (place, before) => {
          // A running command may have made changes whose effects are not propagated yet.
          const isRunning = engine.conditions.state.busy.holds || engine.requests.runner.client !== undefined
          if (!isRunning) this.#snapshots?.lookWhileLeading(place, before)
        },
        counted: (whole) => this.#options.copy.take(whole),
        lost: (loss) => this.#lost(loss),
        failed: (error) => this.#fail(error),
      })
    } catch (error) {
      if (!isPassing(error)) throw error
      // The log is away or full: it is asked again later.
      await this.#rest()
      return undefined
    }
  }

  /** Appends the record that begins our epoch; tells whether it is in the log. */
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

  /** Asks whether this node may lead; false also when it has lost the lead meanwhile. */
  async #mayLead(journal: ReplicatedJournal): Promise<boolean> {
    const { enter } = this.#options
    if (enter === undefined) return true
    assert(this.#candidate === undefined && this.#journal === undefined, 'a node has one journal')
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

  /** Leads until the lead is lost. */
  async #lead(journal: ReplicatedJournal): Promise<void> {
    const { durability, propagation, role } = this.#options.engine.effects
    const { log } = this.#options.engine.environment
    assert(this.#journal === undefined, 'a node leads once at a time')
    assert(this.chain.leader?.node === this.#options.self.node, 'a node leads that the last epoch record names')
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
    assert(this.#journal === undefined, 'a lead that is over has no journal')
    assert(role.isReplica, 'a node that lost the lead changes nothing by itself')
    if (this.#isStopped) return
    if (journal.isBehind) await this.#options.copy.restore()
    this.#heardMs = this.#now
  }

  /** Ends leading at once, before anything else happens. */
  #lost(loss: Loss): void {
    const { blocking } = this.#options.engine
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
    assert(journal.leaseLeftMs === 0, 'invariant 3: no reply leaves after the lead is lost')
    this.#journal = undefined
    this.#snapshots?.forgetBehind(this.chain.position)
    propagation.remove(journal)
    // From here on this node changes nothing by itself, not even when connections of subscribers
    // end.
    role.become('follower')
    // Clients must not see data that is about to be undone.
    if (journal.isBehind) loading.begin()
    for (const client of [...clients.values()]) {
      // Its replies may not be true any more.
      if (client.pendingBytes > 0 || client.output.heldForDurability || client.watched.names.size > 0)
        clients.close(client, 'now')
    }
    // Blocked clients would wait for data that only the leader can bring.
    for (const client of blocking.endAll(ERR.roleChanged)) clients.close(client, 'flushed')
    this.#sendAway(loss)
    tracking.flushed()
    durability.follow(noProgress)
    this.#become('following')
    this.#ledOut()
  }

  /**
   * Closes client connections, so that clients look for the new leader, as Redis Sentinel does:
   * clients ask for the primary when they connect, and would otherwise stay here and get READONLY.
   * Clients whose requests were held up for the handover get READONLY first. Clients of a cluster
   * are redirected by MOVED instead. After a handover, clients stay for a moment: their requests are
   * sent on to the next leader (relays.ts). `loss` is absent if this node has not led just now.
   */
  #sendAway(loss?: Loss): void {
    if (this.#options.engine.config.get('cluster-enabled')) return
    const { connected: clients } = this.#options.engine.clients
    for (const client of [...clients.values()]) {
      if (client.connection.origin !== 'client') continue
      // Its requests are sent on already.
      if ((client.state & CLIENT_RELAYED) !== 0) continue
      if (loss !== 'handed over' || this.#relays?.keep(client) !== true) this.#refuse(client)
    }
  }

  #refuse(client: Client): void {
    this.#options.engine.requests.incoming.refusePostponed(client, ERR.readOnly)
    this.#options.engine.clients.connected.close(client, 'flushed')
  }

  /** Waits until the next leader is known, within a bound. */
  async #nextLeader(): Promise<void> {
    if (this.leader !== undefined || this.#isStopped) return
    const { workClock } = this.#options.engine.environment
    let timer: Timer | undefined
    await new Promise<void>((resolve) => {
      this.onChange(() => (this.leader !== undefined || this.#isStopped) && resolve())
      timer = workClock.after(NEXT_LEADER_MS_MAX, resolve)
    })
    timer?.cancel()
  }

  /**
   * Sends the clients that were kept to the new leader, and their requests with them. The result is
   * fulfilled when none is left. If this node leads again, it serves its clients itself.
   */
  #move(): Promise<void> | undefined {
    const relays = this.#relays
    if (relays === undefined || relays.size === 0) return undefined
    const { leader } = this
    if (this.state === 'leading') relays.release()
    else if (leader !== undefined && leader.address !== '') return relays.begin(leader)
    else for (const client of relays.giveUp()) this.#refuse(client)
    return undefined
  }

  // ── time ─────────────────────────────────────────────────────────────────

  get #now(): number {
    return this.#options.engine.environment.workClock.monotonic()
  }

  /** Ends the read when nothing has been read for too long. */
  #watch(): void {
    const { engine, timing } = this.#options
    // The silence is shorter from the moment on at which a leader with a short lease is known.
    const leftMs = Math.min(this.#heardMs + this.#silenceMs - this.#now, silenceOf(timing.leaseMs))
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

  /** Stops for good. Clients get LOADING: the data here may be wrong. */
  #fail(error: unknown): void {
    if (this.#isStopped) return
    const { loading } = this.#options.engine.conditions
    const { log } = this.#options.engine.environment
    loading.begin()
    this.failure = error instanceof Error ? error.message : String(error)
    // An operator can repair failures of the log or the disk, so these are logged without a stack
    // trace.
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
