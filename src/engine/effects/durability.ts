// Replies that must wait until what they show is safe.
//
// A client that wrote waits for the bytes of its write (invariant 3): until they are in the
// file, which they are by the turn's end unless the disk refuses them; and where the
// policy of a key it changed is `always`, until they are synced. A key's policy is
// that of its `durability` rule (durability-rules.ts), else `appendfsync`.
//
// A client that read such a key waits too, if it has a change that is not synced yet: what
// was shown may not be undone by a power cut. Which keys those are is kept in a
// small table, hash slot → offset of the last change. Reads of other keys never
// wait, nor do messages: a subscriber who hears of a write and then reads the key
// waits there.
//
// There is one journal, in one order, and it advances by whole turns: one offset
// within the bytes of a turn is as good as another. That is why the change of a key can
// be noted before its bytes are appended, and a transaction's command before EXEC is.

import type { Config } from '../../config/config.ts'
import { DurabilityRules, type SyncPolicy } from '../../config/durability-rules.ts'
import type { Reply } from '../../protocol/reply.ts'
import { Signal } from '../../queues/waiting-room.ts'
import type { Database } from '../../store/keyspace/database.ts'
import { numberAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import type { Client } from '../clients/client.ts'
import type { Clients } from '../clients/clients.ts'
import type { ServerState } from '../conditions/state.ts'
import type { Changes } from '../data/changes.ts'
import type { Dataset } from '../data/dataset.ts'
import type { Call } from '../requests/call.ts'
import { noProgress, type Progress } from './journal.ts'

const SLOTS = 4096

export interface DurabilityHost {
  readonly config: Config
  readonly conditions: {
    readonly state: ServerState
  }
  readonly clients: {
    readonly connected: Clients
  }
  readonly data: {
    readonly dataset: Dataset
    readonly changes: Changes
  }
  readonly requests: {
    readonly runner: { readonly client: Client | undefined }
    readonly turn: { endSoon(): void; flushSoon(client: Client): void }
  }
  readonly blocking: { raise(signal: Signal): void }
}

export class Durability {
  /** How far the journal has got. */
  progress: Progress = noProgress
  /** True while it must hear of every change of a key. */
  listens = false
  readonly #host: DurabilityHost
  /** Raised when the journal has got further, or is another. */
  readonly #advanced = new Signal('a sync')
  rules: DurabilityRules
  /** The policy of keys without a rule. */
  #otherwise: SyncPolicy
  // Three tables, empty before the first such change: most engines have none.
  /** Hash slot → an offset within the bytes of the last change there of a key that is `always`. */
  #offsets = new Float64Array(0)
  /** Hash slot → the whole hash of that key. */
  #hashes = new Int32Array(0)
  /** Hash slot → 1 when changes of several keys there are not synced yet: then all readers of the slot wait. */
  #shared = new Uint8Array(0)
  /** As if it stood in every slot: a whole database changed. */
  #everywhere = 0
  /** Of the last change of the libraries of functions, which have no key. */
  #libraries = 0
  /** The latest of all these offsets. */
  #latest = 0
  /** The client whose command changed keys since something was appended, and whether one of these is `always`. */
  #changer: Client | undefined = undefined
  #changerWaits = false
  /** Clients whose output is kept back. */
  readonly #held = new Set<Client>()
  /** How far the journal was when they were last looked through. */
  #settledWritten = 0
  #settledSynced = 0
  /** As `progress.waits` was last. */
  #waited = false

  constructor(host: DurabilityHost) {
    this.#host = host
    const { config } = host
    this.rules = new DurabilityRules(config.get('durability'))
    this.#otherwise = config.get('appendfsync')
    config.onChange('durability', (rules) => {
      this.rules = new DurabilityRules(rules)
      this.#listen()
    })
    config.onChange('appendfsync', (policy) => {
      this.#otherwise = policy
    })
    // A client that waits for a journal that is not there yet (WAITAOF) hears that none comes.
    config.onChange('appendonly', () => host.blocking.raise(this.#advanced))
  }

  /** Hears of changes, and of looks, as long as some key's durability asks for it. */
  #listen(): void {
    const { changes, dataset } = this.#host.data
    const { progress } = this
    this.listens = progress.waits || (this.rules.size > 0 && progress.enabled)
    changes.observers.follow(this.changed, this.listens)
    dataset.onLooked.follow(this.#looked, progress.waits)
  }

  /** Follows a journal's progress and failures from now on. */
  follow(progress: Progress): void {
    if (progress.appended < this.progress.appended) this.#startOver(progress.appended)
    this.progress = progress
    const follow = (): void => {
      // One that was replaced has nothing to say any more.
      if (this.progress !== progress) return
      const { state } = this.#host.conditions
      const { turn } = this.#host.requests
      state.journalFailed.follow(progress.failure !== undefined)
      if (this.#waited !== progress.waits) this.#changeWaits(progress.waits)
      this.#listen()
      this.#host.blocking.raise(this.#advanced)
      // Where a turn's end has synced by itself nobody is left to be told.
      if (this.#held.size > 0 || progress.synced < progress.appended) turn.endSoon()
    }
    progress.onProgress(follow)
    follow()
  }

  /**
   * The first key has become `always`: what a client wrote before is synced before it hears more. Or the last one ceased to be:
   * who waits for a sync goes on.
   */
  #changeWaits(waits: boolean): void {
    this.#waited = waits
    this.#settledSynced = -1
    for (const client of this.#host.clients.connected.values())
      client.waitsForSynced = waits ? client.waitsForWritten : 0
  }

  /** Offsets begin anew, before those that were handed out: nobody may wait for one that never comes. */
  #startOver(appended: number): void {
    this.#offsets.fill(0)
    this.#everywhere = 0
    this.#libraries = 0
    this.#latest = 0
    this.#settledSynced = -1
    for (const client of this.#host.clients.connected.values()) {
      client.waitsForWritten = Math.min(client.waitsForWritten, appended)
      client.waitsForSynced = Math.min(client.waitsForSynced, appended)
    }
  }

  /** A key was looked at: its reader waits if it changed and the change must be synced and is not yet. */
  readonly #looked = (hash: number): void => {
    const { progress } = this
    const { synced } = progress
    if (this.#latest <= synced) return
    const slot = hash & (SLOTS - 1)
    let offset = this.#offsets[slot] ?? 0
    if (this.#hashes[slot] !== hash && this.#shared[slot] === 0) offset = 0
    if (this.#everywhere > offset) offset = this.#everywhere
    if (offset > synced) this.#wait(progress, offset)
  }

  /** Something that depends on every key was shown (KEYS, DBSIZE, SCAN). */
  lookedEverywhere(): void {
    const { progress } = this
    if (progress.waits && this.#latest > progress.synced) this.#wait(progress, this.#latest)
  }

  /** Libraries of functions were shown, or one of them is run. */
  lookedAtLibraries(): void {
    const { progress } = this
    if (progress.waits && this.#libraries > progress.synced) this.#wait(progress, this.#libraries)
  }

  #wait(progress: Progress, offset: number): void {
    const { client } = this.#host.requests.runner
    // A change that was not journaled after all has nothing to wait for beyond what is there.
    const reached = Math.min(offset, progress.appended)
    if (client !== undefined && client.waitsForSynced < reached) client.waitsForSynced = reached
  }

  /** A key changed; its bytes are not in the journal yet. */
  readonly changed = (db: Database, key: Bytes): void => {
    const { progress } = this
    if (!this.#classify(this.rules.size === 0 ? undefined : this.rules.policyOf(key, this.#otherwise))) return
    if (this.#offsets.length === 0) this.#makeTables()
    const hash = db.keys.hash(key)
    const slot = hash & (SLOTS - 1)
    if (numberAt(this.#offsets, slot) <= progress.synced) this.#shared[slot] = 0
    else if (this.#hashes[slot] !== hash) this.#shared[slot] = 1
    this.#hashes[slot] = hash
    this.#offsets[slot] = this.#latest
  }

  #makeTables(): void {
    this.#offsets = new Float64Array(SLOTS)
    this.#hashes = new Int32Array(SLOTS)
    this.#shared = new Uint8Array(SLOTS)
  }

  /** A whole database changed, keys of every policy with it; the bytes are not in the journal yet. */
  changedEverywhere(): void {
    if (!this.listens) return
    const strictest = this.progress.waits ? 'always' : 'everysec'
    if (this.#classify(this.rules.size === 0 ? undefined : strictest)) this.#everywhere = this.#latest
  }

  /** Libraries of functions changed, which are as durable as a key without a rule; the bytes are not in the journal yet. */
  changedLibraries(): void {
    if (!this.listens) return
    if (this.#classify(this.rules.size === 0 ? undefined : this.#otherwise)) this.#libraries = this.#latest
  }

  /** Notes the policy of something that the running command changed; undefined = there are no rules. True when it is `always`. */
  #classify(policy: SyncPolicy | undefined): boolean {
    const { progress } = this
    const { client } = this.#host.requests.runner
    const offset = progress.appended + 1
    if (policy !== undefined) progress.require(policy, offset)
    const waits = policy === undefined ? progress.waits : policy === 'always'
    if (this.#changer !== client) {
      this.#changer = client
      this.#changerWaits = waits
    } else if (waits) {
      this.#changerWaits = true
    }
    if (waits) this.#latest = offset
    return waits
  }

  /** The effects of a client's command were appended. */
  wrote(client: Client): void {
    const { progress } = this
    assert(client.waitsForWritten <= progress.appended, 'invariant 3: the journal never goes back')
    client.waitsForWritten = progress.appended
    let { waits } = progress
    if (this.rules.size > 0) {
      if (this.#changer === client) {
        waits = this.#changerWaits
      } else {
        // Effects without a key are as durable as a key without a rule.
        progress.require(this.#otherwise, progress.appended)
        waits = this.#otherwise === 'always'
      }
      this.#changer = undefined
    }
    if (waits) client.waitsForSynced = progress.appended
  }

  // ── who waits ────────────────────────────────────────────────────────────

  /** Clients whose replies wait at the moment. */
  get heldClients(): number {
    return this.#held.size
  }

  /** Keeps a client's output until the journal has caught up. */
  hold(client: Client): void {
    const { progress } = this
    assert(progress.written <= progress.appended, 'invariant 3: bytes are appended before they are written')
    client.keepOutput()
    client.heldForDurability = true
    this.#held.add(client)
    this.#settledWritten = progress.written
    // When answers may leave again nothing else need have changed.
    this.#settledSynced = progress.answers === false ? -1 : progress.synced
  }

  /** A client is gone. */
  forget(client: Client): void {
    if (client.heldForDurability) this.#held.delete(client)
  }

  /** Lets go of those whose offsets are reached by now; they are flushed with this turn. */
  settle(): void {
    if (this.#held.size === 0) return
    const { answers, written, synced } = this.progress
    if (answers === false) return
    assert(synced <= written, 'invariant 3: bytes are written before they are synced')
    // Most turns end while the same fsync is still under way.
    if (written === this.#settledWritten && synced === this.#settledSynced) return
    this.#settledWritten = written
    this.#settledSynced = synced
    for (const client of this.#held) {
      if (client.waitsForWritten > written || client.waitsForSynced > synced) continue
      this.#held.delete(client)
      client.heldForDurability = false
      this.#host.requests.turn.flushSoon(client)
    }
  }

  // ── WAITAOF ──────────────────────────────────────────────────────────────

  /** Tells whether everything a client wrote survives a power cut. */
  isSynced(client: Client): boolean {
    const { progress } = this
    return progress.enabled && client.waitsForWritten <= progress.synced
  }

  /** Parks the client of a call until a sync has ended; its command is then run again. `onTimeout` replies when the time is up; `others`: what else it waits for. */
  awaitSync(call: Call, timeoutMs: number, onTimeout: (reply: Reply) => void, others: readonly Signal[] = []): void {
    // Asking is enough: nobody has to wait for the next second, or under `no` for ever. Another journal may follow while it waits.
    this.progress.require('always', call.client.waitsForWritten)
    if (!call.retrying) this.#host.requests.turn.endSoon()
    call.waitFor({ signals: [this.#advanced, ...others], timeoutMs, onTimeout })
  }
}
