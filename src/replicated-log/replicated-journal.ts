// The journal of a leader: effects become records of the log, and are durable when a quorum has them.
//
//   effects ─▶ gathered ──(turn's end, when it is time)──▶ row of records ──append──▶ log
//                                                            │ acknowledged, in order
//                                                            └──▶ counted: synced advances, the local copy grows
//
// What gathers becomes one record, at a turn's end, when record-pace.ts says so and fewer are under way than the log allows: this is the group
// commit, with a quorum in the place of a disk. Keys whose policy is `always` wait for it (engine/effects/durability.ts); under the other
// policies replies leave when the batch is on its way, and what a leader had under way when it died may be lost.
//
// An acknowledgement counts only when all before it have come. What became of a record whose answer was lost, or which was refused, is asked of
// the log (append-outcome.ts): all under way is awaited, then each is looked at in order. Three things may be found:
//
//   ours is there, or can be put there     it goes on
//   a record of a higher epoch             somebody else leads: nothing of this journal advances any more
//   a record of a lower epoch              an earlier leader had it under way. It does not count, and ours goes behind it. It can be only
//                                          so far behind our epoch record as records may be under way; up to there we have
//                                          one under way at a time, so nothing of ours can land out of order
//
// Answers leave while the lease runs (lease.ts), which each record renews that is known to stand in the log. `answers` is looked
// at when they leave, after what they show was read. Where it has run out, a record that renews it is sent at once.
//
// A handover is the last thing that this journal says: nothing is sent behind it. What is done afterwards is undone.

import type { DurabilityRules, SyncPolicy } from '../config/durability-rules.ts'
import { EffectFraming } from '../engine/effects/effect-framing.ts'
import type { Word } from '../engine/effects/effects.ts'
import type { Journal, JournalStatus } from '../engine/effects/journal.ts'
import type { Arguments } from '../protocol/arguments.ts'
import { assert } from '../util/assert.ts'
import type { Clock, Timer } from '../util/time/clock.ts'
import { isPassing, settleAppend } from './append-outcome.ts'
import type { Chain, Counted, RecordPosition } from './chain.ts'
import { Lease, type SendingTime, sendingTime } from './lease.ts'
import { LogError, type ReplicatedLog } from './log.ts'
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

/** So much may wait to be sent; beyond it even writers that do not wait for the quorum wait. */
const WAITING_BYTES_MAX = 16 * 1024 * 1024

/** Why a leader leads no more. */
export type Loss = 'fenced' | 'handed over' | 'lost end'

export interface ReplicatedJournalOptions {
  readonly log: ReplicatedLog
  /** At the epoch record of this leader, which was sent at `since`. */
  readonly chain: Chain
  readonly since: SendingTime
  /** Who leads: this node. */
  readonly self: EpochNote
  readonly clock: Clock
  readonly timing: Timing
  readonly policy: SyncPolicy
  readonly rules: DurabilityRules
  /** Why this node's own disk cannot keep up with the log; undefined = it does. */
  localFailure(): string | undefined
  /** Size of the files of this node's copy. */
  localBytes(): number
  /**
   * All that was done is on its way to the log: if the record that was sent last comes to stand at this place, the data is what the log says there. `before` is the
   * place of the record before it. Called between two commands.
   */
  sent(place: RecordPosition, before: number): void
  /** A record, with its parts, is in the log. */
  counted(counted: Counted): void
  /** This journal is over. What was not acknowledged until now never will be by it. */
  lost(loss: Loss): void
  /** The log holds what it must not, or a bug was found. */
  failed(error: unknown): void
}

/** A record that is to go into the log. */
interface Pending {
  readonly kind: RecordKind
  readonly payload: Buffer
  /** So many commands wait for it. */
  readonly waited: number
  /** `synced` when it is counted. */
  readonly offset: number
  /** As it was sent; undefined = it was not yet. */
  record: LogRecord | undefined
  batch: Buffer
  /** When it was sent; undefined = it was not yet. */
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
  /** Writes into `gathered`; each batch says its database, so that it stands for itself. */
  readonly #framing = new EffectFraming()
  readonly #gathered = this.#framing.writer
  /** So many commands of what gathered are waited for. */
  #gatheredWaited = 0
  /** Each effect is said to be waited for or not (`require`). */
  #byKey = false
  readonly #pace: RecordPace
  readonly #row: Pending[] = []
  #waitingBytes = 0
  /** The first so many of the row were sent. */
  #underWay = 0
  /** The last record that was sent, as the next one must name it. */
  #tip: { position: number; hash: string }
  /** The last one that was whole. */
  #whole: number
  readonly #epoch: number
  /** From this position on nothing of an earlier leader can come. */
  readonly #settledFrom: number
  /** Something under way is doubtful: nothing is sent until it is known what became of it. */
  #isStalled = false
  #isMending = false
  #handsOver = false
  #logFailure: string | undefined = undefined
  #isOver = false
  readonly #lease: Lease
  #timer: Timer | undefined = undefined
  readonly #listeners: (() => void)[] = []
  readonly #drained: (() => void)[] = []

  constructor(options: ReplicatedJournalOptions) {
    const { chain, clock, log, policy, rules, since, timing } = options
    this.#options = options
    this.#tip = { position: chain.position, hash: chain.hash }
    this.#whole = chain.position
    this.#epoch = chain.epoch
    this.#settledFrom = chain.position + log.inFlightMax
    this.#lease = new Lease(clock, timing.leaseMs, since)
    this.#pace = new RecordPace(clock, log.batchBytesMax, () => this.#pump())
    this.setPolicy(policy, rules)
    this.#beat()
  }

  get answers(): boolean {
    return this.leaseLeftMs > 0
  }

  get failure(): string | undefined {
    return this.#logFailure ?? this.#options.localFailure()
  }

  /** How long the lease still runs, in milliseconds; 0 = it has run out. */
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

  /** Records that were sent, and are not acknowledged. */
  get underWay(): number {
    return this.#underWay
  }

  /** Something has not been acknowledged. */
  get isBehind(): boolean {
    return this.synced < this.appended
  }

  setPolicy(policy: SyncPolicy, rules: DurabilityRules): void {
    this.#byKey = rules.size > 0
    this.waits = policy === 'always' || rules.anyAlways
    this.#progressed()
  }

  /** Everything is on its way to the quorum at the same pace, which is that of those who wait. */
  require(policy: SyncPolicy): void {
    if (this.#byKey && policy === 'always') this.#gatheredWaited++
  }

  onProgress(run: () => void): void {
    this.#listeners.push(run)
  }

  // ── appending ────────────────────────────────────────────────────────────

  appendRequest(database: number, args: Arguments): void {
    const before = this.#gathered.length
    this.#framing.request(database, args)
    if (!this.#byKey) this.#gatheredWaited++
    this.appended += this.#gathered.length - before
  }

  append(database: number, words: readonly Word[]): void {
    const before = this.#gathered.length
    this.#framing.command(database, words)
    if (!this.#byKey) this.#gatheredWaited++
    this.appended += this.#gathered.length - before
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
  }

  // ── sending ──────────────────────────────────────────────────────────────

  write(): boolean {
    if (this.#isOver) return false
    if (this.leaseLeftMs === 0) this.#addLease()
    this.#pump()
    if (this.#waitingBytes + this.#gathered.length <= WAITING_BYTES_MAX) this.written = this.appended
    return false
  }

  /** Sends the records that wait; after them, if it is time, what gathered becomes a record and is sent. */
  #pump(): void {
    const { chain, log } = this.#options
    if (this.#isStalled || this.#isOver) return
    const isOneByOne = chain.position + 1 < this.#settledFrom
    const underWayMax = isOneByOne ? 1 : log.inFlightMax
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

  /** Nobody waits for a lease. */
  #hasEffectsUnderWay(): boolean {
    for (let i = 0; i < this.#underWay; i++) if (this.#row[i]!.kind !== 'lease') return true
    return false
  }

  /** Makes records of what gathered; returns the first. */
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
      if (isLast) this.#add('effects', piece, this.appended, waited)
      else this.#add('part', piece)
    }
    return this.#row[at]
  }

  #add(kind: RecordKind, payload: Buffer, offset = 0, waited = 0): void {
    this.#row.push({
      kind,
      payload,
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
    const { clock, log, sent } = this.#options
    const { kind, payload } = pending
    const position = this.#tip.position + 1
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
    pending.answer = answer
    if (answer === 'doubtful') this.#isStalled = true
    let counts = false
    while (this.#underWay > 0 && this.#row[0]!.answer === 'there') {
      this.#countFirst()
      counts = true
      if (this.#isOver) return
    }
    this.#pump()
    // All behind a doubtful one is awaited before anything is asked.
    if (this.#isStalled && this.#row.slice(0, this.#underWay).every((one) => one.answer !== 'none')) void this.#mend()
    if (counts) this.#progressed()
  }

  /** The first record of the row is in the log, and all before it. */
  #countFirst(): void {
    const { chain, clock, counted } = this.#options
    const pending = this.#row.shift()!
    assert(pending.record !== undefined && pending.sent !== undefined, 'what is counted was sent')
    this.#underWay--
    this.#waitingBytes -= pending.payload.length
    if (pending.offset > 0) this.synced = pending.offset
    if (this.written < this.synced) this.written = this.synced
    this.#lease.renew(pending.sent)
    if (this.waits && pending.kind === 'effects' && !this.#hasEffectsUnderWay())
      this.#pace.answered(clock.monotonic() - pending.sent.monotonicMs, pending.waited + this.#gatheredWaited)
    const whole = chain.count(pending.record)
    if (whole !== undefined) counted(whole)
    if (pending.kind === 'handover') this.#end('handed over')
    else if (!this.isBehind) for (const run of this.#drained.splice(0)) run()
  }

  // ── what became of them? ─────────────────────────────────────────────────

  /** Finds out, in order, what became of all that were sent, none of which is under way any more; then goes on. */
  async #mend(): Promise<void> {
    if (this.#isMending) return
    this.#isMending = true
    try {
      while (this.#underWay > 0 && !this.#isOver) {
        const first = this.#row[0]!
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

  /** True when something is known of the first; false when the log must be asked later. */
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
        assert(this.#underWay === 1, 'nothing is under way behind a place that an earlier leader may take')
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

  /** Says now and then that we lead, and who we are, for nodes that begin to read here. */
  #beat(): void {
    const { clock, timing } = this.#options
    this.#timer = clock.after(timing.heartbeatMs, () => {
      this.#addLease()
      this.#pump()
      this.#beat()
    })
  }

  /** One is enough at a time; and who hands over leads no more. */
  #addLease(): void {
    if (this.#handsOver || this.#row.some(({ kind }) => kind === 'lease')) return
    this.#add('lease', encodeEpochNote(this.#options.self))
  }

  /** Fulfilled when everything that was appended is acknowledged, or the journal is over. */
  async drain(): Promise<void> {
    if (this.#isOver || !this.isBehind) return
    await new Promise<void>((resolve) => void this.#drained.push(resolve))
  }

  /** Says that we lead no more, but `to` does, or whoever is first where it is ''. From now on nothing is answered. */
  handOver(to: string): void {
    assert(!this.isBehind, 'what is handed over is whole')
    this.#handsOver = true
    this.#add('handover', Buffer.from(to))
    this.#pump()
  }

  /** Ends it from this side: nothing is sent, counted or answered any more. */
  stop(): void {
    this.#isOver = true
    this.#timer?.cancel()
    this.#pace.stop()
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
    for (let i = 0; i < this.#listeners.length; i++) this.#listeners[i]!()
  }
}
