// Replies that must wait until what they show is safe.
//
// Who wrote waits for the bytes of the write (invariant 3): until they are in the
// file, which they are by the turn's end unless the disk refuses them; and where the
// policy of a key it changed is `always`, until they are synced. A key's policy is
// that of its `durability` rule (durability-rules.ts), else `appendfsync`.
//
// Who read such a key waits too, if it has a change that is not synced yet: what
// was shown may not be undone by a power cut. Which keys those are is kept in a
// small table, hash slot → offset of the last change. Reads of other keys never
// wait, nor do messages: a subscriber who hears of a write and then reads the key
// waits there.
//
// There is one journal, in one order, and it advances by whole turns: one offset
// within the bytes of a turn is as good as another. That is why the change of a key can
// be noted before its bytes are appended, and a transaction's command before EXEC is.

import type { Reply } from '../protocol/reply.ts'
import type { Database } from '../store/database.ts'
import { NONE } from '../store/keyspace.ts'
import type { Bytes } from '../util/bytes.ts'
import type { Call } from './call.ts'
import type { Client } from './client.ts'
import { DurabilityRules, type SyncPolicy } from './durability-rules.ts'
import { ENGINE_JOURNAL_FAILED, type Engine } from './engine.ts'
import type { Journal } from './journal.ts'

const SLOTS = 4096
/** Whoever waits for a sync (WAITAOF) is parked under this name: keys are bytes, this character is none. */
const SYNC = '\u{1F4BE}'

export class Durability {
  readonly #engine: Engine
  rules: DurabilityRules
  /** The policy of keys without a rule. */
  #otherwise: SyncPolicy
  /** Hash slot → an offset within the bytes of the last change there of a key that is `always`. */
  readonly #offsets = new Float64Array(SLOTS)
  /** Hash slot → the whole hash of that key. */
  readonly #hashes = new Int32Array(SLOTS)
  /** Hash slot → 1 when changes of several keys there are not synced yet: then all readers of the slot wait. */
  readonly #shared = new Uint8Array(SLOTS)
  /** As if it stood in every slot: a whole database changed. */
  #everywhere = 0
  /** The latest of all these offsets. */
  #latest = 0
  /** Whose command changed keys since something was appended, and whether one of them is `always`. */
  #changer: Client | undefined = undefined
  #changerWaits = false
  /** Clients whose output is kept back. */
  readonly #held = new Set<Client>()
  /** How far the journal was when they were last looked through. */
  #settledWritten = 0
  #settledSynced = 0
  /** As `journal.waits` was last. */
  #waited = false

  constructor(engine: Engine) {
    this.#engine = engine
    const { config } = engine
    this.rules = new DurabilityRules(config.get('durability'))
    this.#otherwise = config.get('appendfsync')
    config.onChange('durability', (rules) => {
      this.rules = new DurabilityRules(rules)
      engine.updateObserving()
    })
    config.onChange('appendfsync', (policy) => {
      this.#otherwise = policy
    })
  }

  /** True when it must hear of every change of a key. */
  get listens(): boolean {
    const { journal } = this.#engine
    return journal.waits || (this.rules.size > 0 && journal.enabled)
  }

  /** Gives the engine a journal, and has it follow the journal's progress and failures from then on. */
  follow(journal: Journal): void {
    const engine = this.#engine
    if (journal.appended < engine.journal.appended) this.#startOver(journal.appended)
    engine.journal = journal
    const follow = (): void => {
      // One that was replaced has nothing to say any more.
      if (engine.journal !== journal) return
      if (journal.failure === undefined) engine.state &= ~ENGINE_JOURNAL_FAILED
      else engine.state |= ENGINE_JOURNAL_FAILED
      if (this.#waited !== journal.waits) this.#changeWaits(journal.waits)
      engine.updateObserving()
      this.#serveSyncWaiters()
      engine.endTurnSoon()
    }
    journal.onProgress(follow)
    follow()
  }

  /**
   * The first key has become `always`: what a client wrote before is synced before it hears more. Or the last one ceased to be:
   * who waits for a sync goes on.
   */
  #changeWaits(waits: boolean): void {
    this.#waited = waits
    this.#settledSynced = -1
    for (const client of this.#engine.clients.values()) client.waitsForSynced = waits ? client.waitsForWritten : 0
  }

  /** Offsets begin anew, before those that were handed out: nobody may wait for one that never comes. */
  #startOver(appended: number): void {
    this.#offsets.fill(0)
    this.#everywhere = 0
    this.#latest = 0
    this.#settledSynced = -1
    for (const client of this.#engine.clients.values()) {
      client.waitsForWritten = Math.min(client.waitsForWritten, appended)
      client.waitsForSynced = Math.min(client.waitsForSynced, appended)
    }
  }

  /** A key was looked at: its reader waits if it changed and the change must be synced and is not yet. */
  readonly looked = (hash: number): void => {
    const { journal } = this.#engine
    const { synced } = journal
    if (this.#latest <= synced) return
    const slot = hash & (SLOTS - 1)
    let offset = this.#offsets[slot]!
    if (this.#hashes[slot] !== hash && this.#shared[slot] === 0) offset = 0
    if (this.#everywhere > offset) offset = this.#everywhere
    if (offset > synced) this.#wait(journal, offset)
  }

  /** Something that depends on every key was shown (KEYS, DBSIZE, SCAN). */
  lookedEverywhere(): void {
    const { journal } = this.#engine
    if (journal.waits && this.#latest > journal.synced) this.#wait(journal, this.#latest)
  }

  #wait(journal: Journal, offset: number): void {
    const client = this.#engine.currentClient
    // A change that was not journaled after all has nothing to wait for beyond what is there.
    const reached = Math.min(offset, journal.appended)
    if (client !== undefined && client.waitsForSynced < reached) client.waitsForSynced = reached
  }

  /** A key changed; its bytes are not in the journal yet. */
  changed(db: Database, key: Bytes): void {
    const { journal } = this.#engine
    if (!this.#classify(this.rules.size === 0 ? undefined : this.rules.policyOf(key, this.#otherwise))) return
    const hash = db.keys.hash(key)
    const slot = hash & (SLOTS - 1)
    if (this.#offsets[slot]! <= journal.synced) this.#shared[slot] = 0
    else if (this.#hashes[slot] !== hash) this.#shared[slot] = 1
    this.#hashes[slot] = hash
    this.#offsets[slot] = this.#latest
  }

  /** A whole database changed, keys of every policy with it; the bytes are not in the journal yet. */
  changedEverywhere(): void {
    if (!this.listens) return
    const strictest = this.#engine.journal.waits ? 'always' : 'everysec'
    if (this.#classify(this.rules.size === 0 ? undefined : strictest)) this.#everywhere = this.#latest
  }

  /** Notes the policy of something that the running command changed; undefined = there are no rules. True when it is `always`. */
  #classify(policy: SyncPolicy | undefined): boolean {
    const { journal, currentClient } = this.#engine
    const offset = journal.appended + 1
    if (policy !== undefined) journal.require(policy, offset)
    const waits = policy === undefined ? journal.waits : policy === 'always'
    if (this.#changer !== currentClient) {
      this.#changer = currentClient
      this.#changerWaits = waits
    } else if (waits) {
      this.#changerWaits = true
    }
    if (waits) this.#latest = offset
    return waits
  }

  /** The effects of a client's command were appended. */
  wrote(client: Client): void {
    const { journal } = this.#engine
    client.waitsForWritten = journal.appended
    let { waits } = journal
    if (this.rules.size > 0) {
      if (this.#changer === client) {
        waits = this.#changerWaits
      } else {
        // Effects without a key (FUNCTION LOAD) are as durable as a key without a rule.
        journal.require(this.#otherwise, journal.appended)
        waits = this.#otherwise === 'always'
      }
      this.#changer = undefined
    }
    if (waits) client.waitsForSynced = journal.appended
  }

  // ── who waits ────────────────────────────────────────────────────────────

  /** Clients whose replies wait at the moment. */
  get heldClients(): number {
    return this.#held.size
  }

  /** Keeps a client's output until the journal has caught up. */
  hold(client: Client): void {
    const { journal } = this.#engine
    client.keepOutput()
    client.heldForDurability = true
    this.#held.add(client)
    this.#settledWritten = journal.written
    this.#settledSynced = journal.synced
  }

  /** A client is gone. */
  forget(client: Client): void {
    if (client.heldForDurability) this.#held.delete(client)
  }

  /** Lets go of those whose offsets are reached by now; they are flushed with this turn. */
  settle(): void {
    if (this.#held.size === 0) return
    const { written, synced } = this.#engine.journal
    // Most turns end while the same fsync is still under way.
    if (written === this.#settledWritten && synced === this.#settledSynced) return
    this.#settledWritten = written
    this.#settledSynced = synced
    for (const client of this.#held) {
      if (client.waitsForWritten > written || client.waitsForSynced > synced) continue
      this.#held.delete(client)
      client.heldForDurability = false
      if (!client.queuedForFlush) {
        client.queuedForFlush = true
        this.#engine.flushQueue.push(client)
      }
    }
  }

  // ── WAITAOF ──────────────────────────────────────────────────────────────

  /** Tells whether everything a client wrote survives a power cut. */
  isSynced(client: Client): boolean {
    const { journal } = this.#engine
    return journal.enabled && client.waitsForWritten <= journal.synced
  }

  /** Parks the client of a call until a sync has ended; its command is then run again. `onTimeout` replies when the time is up. */
  awaitSync(call: Call, timeoutMs: number, onTimeout: (reply: Reply) => void): void {
    if (!call.retrying) {
      // Asking is enough: nobody has to wait for the next second, or under `no` for ever.
      this.#engine.journal.require('always', call.client.waitsForWritten)
      this.#engine.endTurnSoon()
    }
    call.block({ keys: [SYNC], timeoutMs, type: NONE, servedByDeletion: true, onTimeout })
  }

  /** Has those who wait for a sync look again. */
  #serveSyncWaiters(): void {
    const { room } = this.#engine.blocking
    if (room.count === 0) return
    for (const { index } of this.#engine.databases) room.markReady(String.fromCharCode(index) + SYNC)
    // Within a command (CONFIG SET) they are served after it.
    if (room.hasReady && this.#engine.currentClient === undefined) this.#engine.blocking.serve()
  }
}
