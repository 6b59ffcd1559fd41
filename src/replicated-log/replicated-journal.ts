// The journal of a leader: effects become records of the log, and are durable when a quorum has
// them.
//
//   effects ─▶ gathered ──(turn's end, when it is time)──▶ queue of records ──append──▶ log
//                                                            │ acknowledged, in order
//                                                            └──▶ counted: synced advances,
//                                                                 the local copy grows
//
// Gathered effects become one record at a turn's end, when record-pace.ts says so and fewer records
// are in flight than the log allows. This is group commit, with a quorum in place of a disk. Writes
// to keys whose policy is `always` wait for the acknowledgement (engine/effects/durability.ts).
// Under the other policies replies leave when the batch has been sent, and records that a leader
// had in flight when it died may be lost.
//
// An acknowledgement counts only when those of all earlier records have come. When an answer was
// lost, or an append was refused, the log is asked for the outcome (append-outcome.ts). The journal
// first awaits everything in flight, then looks at each record in order. It finds one of three
// things:
//
//   our record, or it can be put there     the journal continues
//   a record of a higher epoch             another node leads: this journal stops for good
//   a record of a lower epoch              an earlier leader had it in flight. It does not count,
//                                          and ours is sent behind it. It can follow our epoch
//                                          record only by as many positions as records may be in
//                                          flight. Up to there one record of ours is in flight at a
//                                          time, so none can land out of order
//
// Replies leave while the lease runs (lease.ts). Each record that is known to be in the log renews
// it. `answers` is checked when replies leave, after the data they show was read. When the lease
// has run out, a record that renews it is sent at once.
//
// Under policies other than `always` a reply does not wait for the log, so the settings may bound
// the age of the oldest effects that the log lacks (`log-max-lag`, log-lag.ts). Beyond that age
// further writes are refused.
//
// A handover is the last record of this journal: nothing is sent behind it, and later changes are
// undone.

import type { DurabilityRules, SyncPolicy } from '../config/durability-rules.ts'
import { EffectFraming } from '../engine/effects/effect-framing.ts'
import type { Word } from '../engine/effects/effects.ts'
import type { Journal, JournalStatus, JournalTimes } from '../engine/effects/journal.ts'
import type { Arguments } from '../protocol/arguments.ts'
import { itemAt } from '../util/array-reads.ts'
import { assert } from '../util/assert.ts'
import { CHECKED } from '../util/invariant.ts'
import type { Clock, Timer } from '../util/time/clock.ts'
import { isPassing, settleAppend } from './append-outcome.ts'
import type { Chain, CountedRecord, RecordPosition } from './chain.ts'
import { Lease, type SendingTime, sendingTime } from './lease.ts'
import { LogError, type ReplicatedLog } from './log.ts'
import { LogLag } from './log-lag.ts'
import {
  cutPayload,
  decodeRecord,
  type EpochNote,
  encodeEpochNote,
  encodeRecord,
  type LogRecord,
  type RecordKind,
} from './record.ts'
import { RecordPace } from './record-pace.ts'
import type { Timing } from './timing.ts'

/**
 * Bytes that may wait to be sent. Beyond this even writers that do not wait for the quorum have to
 * wait.
 */
const WAITING_BYTES_MAX = 16 * 1024 * 1024

/** Why a leader has lost the lead. */
export type Loss = 'fenced' | 'handed over' | 'lost end'

export interface ReplicatedJournalOptions {
  readonly log: ReplicatedLog
  /** Its position is the epoch record of this leader, which was sent at `since`. */
  readonly chain: Chain
  readonly since: SendingTime
  /** This node, as its records name the leader. */
  readonly self: EpochNote
  readonly clock: Clock
  readonly timing: Timing
  readonly policy: SyncPolicy
  readonly rules: DurabilityRules
  /** The age of the oldest effects that the log lacks, beyond which writes are refused; 0 = none is. */
  readonly lagMsMax: number
  /** Why this node's own disk cannot keep up with the log; undefined when it can. */
  localFailure(): string | undefined
  /** Size of the files of this node's copy. */
  localBytes(): number
  /**
   * Everything done so far has been sent. If the last record lands at this position, the data is
   * what the log says there. `before` is the position of the record before it. Called between two
   * commands.
   */
  sent(place: RecordPosition, before: number): void
  /** A record, with its parts, is in the log. */
  counted(counted: CountedRecord): void
  /** This journal has ended: it will acknowledge nothing more. */
  lost(loss: Loss): void
  /** The log holds what it must not, or a bug was found. */
  failed(error: unknown): void
}

/** A record on its way into the log. */
interface Pending {
  readonly kind: RecordKind
  readonly payload: Buffer
  /** When its oldest effects were appended; undefined for records without effects. */
  readonly sinceMs: number | undefined
  /** How many commands wait for it. */
  readonly waited: number
  /** The value of `synced` once it is counted. */
  readonly offset: number
  /** The record as sent; undefined until it is sent. */
  record: LogRecord | undefined
  batch: Buffer
  /** When it was sent; undefined until it is sent. */
  sent: SendingTime | undefined
  answer: 'none' | 'there' | 'doubtful'
}

export class ReplicatedJournal implements Journal {
  readonly enabled = true
  readonly takesMessages = true
  waits = false
  appended = 0
  written = 0
  synced = 0
  readonly #options: ReplicatedJournalOptions
  /** Writes into `gathered`; each batch names its database, so that it can be applied by itself. */
  readonly #framing = new EffectFraming()
  readonly #gathered = this.#framing.writer
  /** How many commands in the gathered effects wait for the log. */
  #gatheredWaited = 0
  /** Whether each effect tells by itself if its command waits (`require`). */
  #byKey = false
  /** When the oldest of the gathered effects were appended, by the monotonic clock. */
  #gatheredSinceMs = 0
  readonly #lag: LogLag
  readonly #pace: RecordPace
  readonly #row: Pending[] = []
  #waitingBytes = 0
  /** How many records at the head of the queue are in flight. */
  #underWay = 0
  /** The last record sent, which the next one must name. */
  #tip: { position: number; hash: string }
  /** The position of the last record sent that was whole. */
  #whole: number
  readonly #epoch: number
  /** From this position on no record of an earlier leader can land. */
  readonly #settledFrom: number
  /** The outcome of a record in flight is unknown: nothing is sent until it is known. */
  #isStalled = false
  #isMending = false
  #handsOver = false
  #logFailure: string | undefined = undefined
  #isOver = false
  readonly #lease: Lease
  #timer: Timer | undefined = undefined
  /** When the log last acknowledged effects, by the monotonic clock. */
  #countedMs: number | undefined = undefined
  readonly #listeners: (() => void)[] = []
  readonly #drained: (() => void)[] = []

  constructor(options: ReplicatedJournalOptions) {
    const { chain, clock, log, policy, rules, since, timing } = options
    assert(chain.position > 0 && chain.epoch > 0, 'the epoch record of a leader is in the log before it leads')
    assert(timing.heartbeatMs < timing.leaseMs, 'a lease is renewed before it ends')
    this.#options = options
    this.#tip = { position: chain.position, hash: chain.hash }
    this.#whole = chain.position
    this.#epoch = chain.epoch
    this.#settledFrom = chain.position + log.inFlightMax
    this.#lease = new Lease(clock, timing.leaseMs, since)
    this.#pace = new RecordPace(clock, log.batchBytesMax, () => this.#pump())
    this.#lag = new LogLag(
      clock,
      options.lagMsMax,
      () => this.#oldestMs,
      () => this.#progressed(),
    )
    this.setPolicy(policy, rules)
    this.#beat()
  }

  get answers(): boolean {
    return this.leaseLeftMs > 0
  }

  get failure(): string | undefined {
    return this.#logFailure ?? this.#options.localFailure()
  }

  /** How long the lease still runs, in milliseconds; 0 when it has run out. */
  get leaseLeftMs(): number {
    return this.#isOver || this.#handsOver ? 0 : this.#lease.leftMs
  }

  get status(): JournalStatus {
    const bufferedBytes = this.#gathered.length + this.#waitingBytes
    return {
      currentBytes: this.#options.localBytes(),
      baseBytes: 0,
      bufferedBytes,
      pendingSyncs: this.#underWay,
      delayedSyncs: 0,
    }
  }

  get times(): JournalTimes {
    const { clock } = this.#options
    return {
      sinceSyncMs: this.#countedMs === undefined ? undefined : clock.monotonic() - this.#countedMs,
      unsyncedForMs: this.isBehind ? this.lagMs : undefined,
    }
  }

  /** Records that were sent and are not acknowledged. */
  get underWay(): number {
    return this.#underWay
  }

  /** Whether anything has not been acknowledged. */
  get isBehind(): boolean {
    return this.synced < this.appended
  }

  /** The age of the oldest effects that the log lacks, in milliseconds; 0 = it has all. */
  get lagMs(): number {
    return this.#lag.ms
  }

  /** The bytes of effects that the log lacks. */
  get lagBytes(): number {
    return this.appended - this.synced
  }

  get isTooFarBehind(): boolean {
    return this.#lag.isTooLong
  }

  /** Bounds the age of the oldest effects that the log lacks, in milliseconds; 0 = no bound. */
  boundLag(msMax: number): void {
    this.#lag.bound(msMax)
  }

  /** When the oldest effects that the log lacks were appended; undefined when it has all. */
  get #oldestMs(): number | undefined {
    for (let i = 0; i < this.#row.length; i++) {
      const { sinceMs } = itemAt(this.#row, i)
      if (sinceMs !== undefined) return sinceMs
    }
    return this.#gathered.length > 0 ? this.#gatheredSinceMs : undefined
  }

  setPolicy(policy: SyncPolicy, rules: DurabilityRules): void {
    this.#byKey = rules.size > 0
    this.waits = policy === 'always' || rules.anyAlways
    // Where every client waits for the log, no acknowledged write can be lost.
    this.#lag.counts(policy !== 'always' || rules.size > 0)
    this.#progressed()
  }

  /** All effects are sent at the same pace, which is that of commands that wait. */
  require(policy: SyncPolicy): void {
    if (this.#byKey && policy === 'always') this.#gatheredWaited++
  }

  onProgress(run: () => void): void {
    this.#listeners.push(run)
  }

  // ── appending ────────────────────────────────────────────────────────────

  appendRequest(database: number, args: Arguments): void {
    const before = this.#gathered.length
    if (before === 0) this.#beginGathering()
    this.#framing.request(database, args)
    if (!this.#byKey) this.#gatheredWaited++
    this.appended += this.#gathered.length - before
  }

  append(database: number, words: readonly Word[]): void {
    const before = this.#gathered.length
    if (before === 0) this.#beginGathering()
    this.#framing.command(database, words)
    if (!this.#byKey) this.#gatheredWaited++
    this.appended += this.#gathered.length - before
  }

  #beginGathering(): void {
    this.#gatheredSinceMs = this.#options.clock.monotonic()
    this.#lag.watch()
  }

  beginUnit(): void {
    this.#framing.beginUnit()
  }

  endUnit(): void {
    const before = this.#gathered.length
    this.#framing.endUnit()
    this.appended += this.#gathered.length - before
  }

  abandonUnit(): void {
    const before = this.#gathered.length
    this.#framing.abandonUnit()
    this.appended -= before - this.#gathered.length
    assert(this.appended >= this.synced, 'invariant 4: nothing of a unit that is abandoned was sent')
  }

  // ── sending ──────────────────────────────────────────────────────────────

  write(): boolean {
    if (this.#isOver) return false
    if (this.leaseLeftMs === 0) this.#addLease()
    this.#pump()
    if (this.#waitingBytes + this.#gathered.length <= WAITING_BYTES_MAX) this.written = this.appended
    if (CHECKED) assert(this.synced <= this.written, 'invariant 3: effects are written before they are synced')
    return false
  }

  /**
   * Sends the waiting records. After them, when it is time, makes a record of the gathered effects
   * and sends it.
   */
  #pump(): void {
    const { chain, log } = this.#options
    if (this.#isStalled || this.#isOver) return
    const isOneByOne = chain.position + 1 < this.#settledFrom
    const underWayMax = isOneByOne ? 1 : log.inFlightMax
    if (CHECKED) assert(this.#underWay <= this.#row.length, 'records in flight are at the head of the queue')
    assert(!isOneByOne || this.#underWay <= 1, 'one record is in flight where an earlier leader may have records land')
    while (this.#underWay < underWayMax) {
      const next = this.#row[this.#underWay] ?? (this.#isTime() ? this.#takeGathered() : undefined)
      if (next === undefined) return
      this.#send(next)
    }
  }

  #isTime(): boolean {
    const { length } = this.#gathered
    return length > 0 && !this.#handsOver && this.#pace.goes(this.#gatheredWaited, length, this.#hasEffectsUnderWay())
  }

  /** Leases in flight do not count: no command waits for them. */
  #hasEffectsUnderWay(): boolean {
    for (let i = 0; i < this.#underWay; i++) if (itemAt(this.#row, i).kind !== 'lease') return true
    return false
  }

  /** Makes records of the gathered effects; returns the first. */
  #takeGathered(): Pending | undefined {
    const gathered = this.#gathered
    if (gathered.length === 0) return undefined
    assert(!this.#framing.isInUnit, 'a record holds whole units')
    const payload = Buffer.from(gathered.u8.subarray(0, gathered.length))
    gathered.clear()
    const waited = this.#gatheredWaited
    this.#gatheredWaited = 0
    this.#framing.database = -1
    const pieces = cutPayload(payload, this.#options.log.batchBytesMax)
    const at = this.#row.length
    for (const [i, piece] of pieces.entries()) {
      const isLast = i === pieces.length - 1
      if (isLast) this.#add('effects', piece, this.#gatheredSinceMs, this.appended, waited)
      else this.#add('part', piece, this.#gatheredSinceMs)
    }
    return this.#row[at]
  }

  #add(kind: RecordKind, payload: Buffer, sinceMs?: number, offset = 0, waited = 0): void {
    assert(this.#row.at(-1)?.kind !== 'handover', 'a handover is the last record of its leader')
    this.#row.push({
      kind,
      payload,
      sinceMs,
      waited,
      offset,
      record: undefined,
      batch: payload,
      sent: undefined,
      answer: 'none',
    })
    this.#waitingBytes += payload.length
  }

  #send(pending: Pending): void {
    const { chain, clock, log, sent } = this.#options
    const { kind, payload } = pending
    const position = this.#tip.position + 1
    assert(
      !this.#isOver && !this.#isStalled,
      'no record is sent while an outcome is unknown, or by a journal that has ended',
    )
    assert(pending === this.#row[this.#underWay], 'records are sent in the order of the queue')
    assert(position === chain.position + this.#underWay + 1, 'a record is sent behind those that are in flight')
    const fields = { kind, epoch: this.#epoch, position, previous: this.#tip.hash, payload }
    const { batch, hash } = encodeRecord(fields)
    pending.record = { ...fields, hash }
    pending.batch = batch
    pending.sent = sendingTime(clock)
    pending.answer = 'none'
    this.#tip = { position, hash }
    this.#underWay++
    log.append(batch, position - 1).then(
      () => this.#answered(pending, 'there'),
      (error: unknown) => {
        if (error instanceof LogError) this.#answered(pending, 'doubtful')
        else this.#fail(error)
      },
    )
    if (kind === 'part') return
    if (this.#underWay === this.#row.length && this.#gathered.length === 0)
      sent({ epoch: this.#epoch, position, hash }, this.#whole)
    this.#whole = position
  }

  #answered(pending: Pending, answer: Pending['answer']): void {
    if (this.#isOver) return
    assert(pending.answer === 'none', 'a record that was sent is answered once')
    pending.answer = answer
    if (answer === 'doubtful') this.#isStalled = true
    let counts = false
    while (this.#underWay > 0 && itemAt(this.#row, 0).answer === 'there') {
      this.#countFirst()
      counts = true
      if (this.#isOver) return
    }
    this.#pump()
    // Everything behind an unknown outcome is awaited before the log is asked.
    if (this.#isStalled && this.#row.slice(0, this.#underWay).every((one) => one.answer !== 'none')) void this.#mend()
    if (counts) this.#progressed()
  }

  /** Counts the first record of the queue: it is in the log, and all before it. */
  #countFirst(): void {
    const { chain, clock, counted } = this.#options
    assert(!this.#isOver, 'a journal that has ended acknowledges nothing')
    assert(this.#underWay > 0, 'a record that is counted was in flight')
    const pending = this.#row.shift()
    assert(pending?.record !== undefined && pending.sent !== undefined, 'a record is sent before it is counted')
    this.#underWay--
    this.#waitingBytes -= pending.payload.length
    assert(this.#waitingBytes >= 0, 'the bytes of a record were counted when it was queued')
    assert(this.#row.length > 0 || this.#waitingBytes === 0, 'an empty queue has no waiting bytes')
    assert(pending.offset === 0 || pending.offset > this.synced, 'invariant 3: acknowledgements count in order')
    if (pending.offset > 0) {
      this.synced = pending.offset
      this.#countedMs = clock.monotonic()
    }
    assert(this.synced <= this.appended, 'invariant 3: effects are appended before they are acknowledged')
    if (this.written < this.synced) this.written = this.synced
    this.#lag.look()
    this.#lease.renew(pending.sent)
    if (this.waits && pending.kind === 'effects' && !this.#hasEffectsUnderWay())
      this.#pace.answered(clock.monotonic() - pending.sent.monotonicMs, pending.waited + this.#gatheredWaited)
    const whole = chain.count(pending.record)
    if (whole !== undefined) counted(whole)
    if (pending.kind === 'handover') this.#end('handed over')
    else if (!this.isBehind) for (const run of this.#drained.splice(0)) run()
  }

  // ── unknown outcomes ─────────────────────────────────────────────────

  /**
   * Finds out, in order, what became of all records sent, none of which is in flight any more; then
   * continues.
   */
  async #mend(): Promise<void> {
    if (this.#isMending) return
    this.#isMending = true
    try {
      while (this.#underWay > 0 && !this.#isOver) {
        const first = itemAt(this.#row, 0)
        if (await this.#mendFirst(first)) continue
        await this.#rest()
      }
    } catch (error) {
      this.#fail(error)
      return
    }
    this.#isMending = false
    if (this.#isOver) return
    this.#isStalled = false
    this.#logFailure = undefined
    this.#pump()
    this.#progressed()
  }

  /**
   * Returns true when the outcome of the first record is known, false when the log must be asked
   * again later.
   */
  async #mendFirst(first: Pending): Promise<boolean> {
    const { chain, log } = this.#options
    assert(first.record !== undefined, 'a record that is asked for was sent')
    const { position } = first.record
    try {
      const outcome = await settleAppend(log, first.batch, position - 1)
      if (this.#isOver) return true
      if (outcome.is === 'lost end') {
        this.#end('lost end')
      } else if (outcome.is === 'there') {
        this.#countFirst()
        this.#progressed()
      } else if (outcome.by === undefined || decodeRecord(outcome.by).epoch >= this.#epoch) {
        this.#end('fenced')
      } else {
        assert(this.#underWay === 1, 'nothing is in flight behind a position that an earlier leader may take')
        chain.position = position
        this.#tip = { position, hash: chain.hash }
        this.#underWay = 0
      }
      return true
    } catch (error) {
      if (!isPassing(error)) throw error
      if (this.#logFailure === undefined && !this.#isOver) {
        this.#logFailure = error.message
        this.#progressed()
      }
      return false
    }
  }

  #rest(): Promise<void> {
    const { clock, timing } = this.#options
    return new Promise((resolve) => void clock.after(timing.retryMs, resolve))
  }

  // ── leading ──────────────────────────────────────────────────────────────

  /** Writes at intervals that this node leads, for nodes that begin to read here. */
  #beat(): void {
    const { clock, timing } = this.#options
    this.#timer = clock.after(timing.heartbeatMs, () => {
      this.#addLease()
      this.#pump()
      this.#beat()
    })
  }

  /** One lease in the queue is enough, and a leader that hands over needs none. */
  #addLease(): void {
    if (this.#handsOver || this.#row.some(({ kind }) => kind === 'lease')) return
    this.#add('lease', encodeEpochNote(this.#options.self))
  }

  /** Resolves when everything appended is acknowledged, or the journal has ended. */
  async drain(): Promise<void> {
    if (this.#isOver || !this.isBehind) return
    await new Promise<void>((resolve) => void this.#drained.push(resolve))
  }

  /** Hands the lead to `to`, or to any node when it is ''. From now on no reply leaves. */
  handOver(to: string): void {
    if (this.#handsOver || this.#isOver) return
    assert(!this.isBehind, 'everything is acknowledged before a handover')
    assert(this.#gathered.length === 0, 'no effect is left behind by a handover')
    assert(!/\s/.test(to), 'the address of a node has no white space')
    this.#handsOver = true
    this.#add('handover', Buffer.from(to))
    this.#pump()
  }

  /** Ends the journal from this side: nothing is sent, counted or acknowledged any more. */
  stop(): void {
    this.#isOver = true
    this.#timer?.cancel()
    this.#pace.stop()
    this.#lag.stop()
    for (const run of this.#drained.splice(0)) run()
  }

  #end(loss: Loss): void {
    if (this.#isOver) return
    this.stop()
    this.#options.lost(loss)
  }

  #fail(error: unknown): void {
    if (this.#isOver) return
    this.stop()
    this.#options.failed(error)
  }

  #progressed(): void {
    for (let i = 0; i < this.#listeners.length; i++) itemAt(this.#listeners, i)()
  }
}
