// Withholds replies until the writes that they show are safe.
//
// A client that wrote waits until the bytes of its write are in the file (invariant 3). They are by
// the end of the turn, unless the disk refuses them. If a key that it changed has the policy
// `always`, it waits until they are synced. A key's policy is that of its `durability` rule
// (durability-rules.ts), else `appendfsync`.
//
// A client that read such a key waits too, while the last change of the key is not synced: a power
// cut must not undo a value that a client has seen. A small table, hash slot → offset of the last
// change, tells these keys. Reads of other keys never wait, nor do messages. A subscriber that
// receives a message and then reads the key waits at that read.
//
// There is one journal in one order, and it advances by whole turns, so each offset within the
// bytes of a turn is as good as another. Therefore the change of a key may be noted before its
// bytes are appended, and the command of a transaction before EXEC is.

import type { Config } from '../../config/config.ts'
import { DurabilityRules, type SyncPolicy } from '../../config/durability-rules.ts'
import type { Reply } from '../../protocol/reply.ts'
import { Signal } from '../../queues/waiting-room.ts'
import type { Database } from '../../store/keyspace/database.ts'
import { numberAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
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
  /** The progress of the journal. */
  progress: Progress = noProgress
  /** True while this object must be told of every change of a key. */
  listens = false
  readonly #host: DurabilityHost
  /** Raised when the journal has advanced, or was replaced. */
  readonly #advanced = new Signal('a sync')
  rules: DurabilityRules
  /** The policy of keys without a rule. */
  #otherwise: SyncPolicy
  // Three tables, empty before the first change of an `always` key: most engines have none.
  /** Hash slot → an offset within the bytes of the last change of an `always` key there. */
  #offsets = new Float64Array(0)
  /** Hash slot → the whole hash of that key. */
  #hashes = new Int32Array(0)
  /**
   * Hash slot → 1 while changes of several keys there are not synced: then all readers of the slot
   * wait.
   */
  #shared = new Uint8Array(0)
  /** An offset that counts for every slot: that of the last change of a whole database. */
  #everywhere = 0
  /** The offset of the last change of function libraries, which have no key. */
  #libraries = 0
  /** The highest of all these offsets. */
  #latest = 0
  /**
   * The client whose command changed keys since the last append. `#changerWaits`: one of the keys
   * is `always`.
   */
  #changer: Client | undefined = undefined
  #changerWaits = false
  /**
   * Clients whose replies are withheld, and since when, in Unix milliseconds. The first waits
   * longest.
   */
  readonly #held = new Map<Client, number>()
  /** The journal's offsets when these clients were last looked through. */
  #settledWritten = 0
  #settledSynced = 0
  /** The last known value of `progress.waits`. */
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
    // A client in WAITAOF learns that its journal is gone.
    config.onChange('appendonly', () => host.blocking.raise(this.#advanced))
  }

  /**
   * Adds the handlers of changes and of reads while the policy of some key needs them, else removes
   * them.
   */
  #listen(): void {
    const { changes, dataset } = this.#host.data
    const { progress } = this
    this.listens = progress.waits || (this.rules.size > 0 && progress.enabled)
    changes.observers.follow(this.changed, this.listens)
    dataset.on.looked.follow(this.#looked, progress.waits)
  }

  /** Follows the progress and the failures of a journal from now on. */
  follow(progress: Progress): void {
    assert(progress.synced <= progress.written, 'invariant 3: bytes are written before they are synced')
    assert(progress.written <= progress.appended, 'invariant 3: bytes are appended before they are written')
    if (progress.appended < this.progress.appended) this.#startOver(progress.appended)
    this.progress = progress
    const follow = (): void => {
      // A journal that was replaced may still report.
      if (this.progress !== progress) return
      const { state } = this.#host.conditions
      const { turn } = this.#host.requests
      state.refusals.journalFailed.follow(progress.failure !== undefined)
      state.refusals.logBehind.follow(progress.isTooFarBehind === true)
      if (this.#waited !== progress.waits) this.#changeWaits(progress.waits)
      this.#listen()
      this.#host.blocking.raise(this.#advanced)
      // A turn's end that has synced by itself has no client left to serve.
      if (this.#held.size > 0 || progress.synced < progress.appended) turn.endSoon()
    }
    progress.onProgress(follow)
    follow()
  }

  /**
   * Adapts all clients when the first key has become `always`: earlier writes of a client are
   * synced before its next reply. When the last such key has ceased to be `always`, clients that
   * wait for a sync go on.
   */
  #changeWaits(waits: boolean): void {
    this.#waited = waits
    this.#settledSynced = -1
    for (const client of this.#host.clients.connected.values())
      client.output.waitsForSynced = waits ? client.output.waitsForWritten : 0
  }

  /**
   * Lowers all offsets: a new journal counts from a lower one. Else clients would wait for offsets
   * that never come.
   */
  #startOver(appended: number): void {
    this.#offsets.fill(0)
    this.#everywhere = 0
    this.#libraries = 0
    this.#latest = 0
    this.#settledSynced = -1
    for (const client of this.#host.clients.connected.values()) {
      client.output.waitsForWritten = Math.min(client.output.waitsForWritten, appended)
      client.output.waitsForSynced = Math.min(client.output.waitsForSynced, appended)
    }
  }

  /** A key was read. Its reader waits if the last change must be synced and is not. */
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

  /** A reply depends on every key (KEYS, DBSIZE, SCAN). */
  lookedEverywhere(): void {
    const { progress } = this
    if (progress.waits && this.#latest > progress.synced) this.#wait(progress, this.#latest)
  }

  /** A reply shows function libraries, or depends on one. */
  lookedAtLibraries(): void {
    const { progress } = this
    if (progress.waits && this.#libraries > progress.synced) this.#wait(progress, this.#libraries)
  }

  #wait(progress: Progress, offset: number): void {
    const { client } = this.#host.requests.runner
    // A change that was not journaled in the end has no offset of its own: the present end of the
    // journal is enough.
    const reached = Math.min(offset, progress.appended)
    if (client !== undefined && client.output.waitsForSynced < reached) client.output.waitsForSynced = reached
  }

  /** A key changed. Its bytes are not in the journal yet. */
  readonly changed = (db: Database, key: Bytes): void => {
    const { progress } = this
    if (!this.#classify(this.rules.size === 0 ? undefined : this.rules.policyOf(key, this.#otherwise))) return
    if (CHECKED)
      assert(this.#latest > progress.appended, 'invariant 3: a change is noted before its bytes are appended')
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

  /** A whole database changed, with keys of every policy. The bytes are not in the journal yet. */
  changedEverywhere(): void {
    if (!this.listens) return
    const strictest = this.progress.waits ? 'always' : 'everysec'
    if (this.#classify(this.rules.size === 0 ? undefined : strictest)) this.#everywhere = this.#latest
  }

  /**
   * Function libraries changed. They have the policy of a key without a rule. The bytes are not in
   * the journal yet.
   */
  changedLibraries(): void {
    if (!this.listens) return
    if (this.#classify(this.rules.size === 0 ? undefined : this.#otherwise)) this.#libraries = this.#latest
  }

  /**
   * Notes the policy of a change that the running command has made; undefined while there are no
   * rules. Returns true when it is `always`.
   */
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

  /** Notes that the effects of a client's command were appended. */
  wrote(client: Client): void {
    const { progress } = this
    assert(client.output.waitsForWritten <= progress.appended, 'invariant 3: the journal never goes back')
    client.output.waitsForWritten = progress.appended
    let { waits } = progress
    if (this.rules.size > 0) {
      if (this.#changer === client) {
        waits = this.#changerWaits
      } else {
        // Effects without a key have the policy of a key without a rule.
        progress.require(this.#otherwise, progress.appended)
        waits = this.#otherwise === 'always'
      }
      this.#changer = undefined
    }
    if (waits) client.output.waitsForSynced = progress.appended
  }

  // ── clients that wait ─────────────────────────────────────────────────────

  /** The number of clients whose replies are withheld. */
  get heldClients(): number {
    return this.#held.size
  }

  /**
   * The time of the request whose client waits longest, in Unix milliseconds; undefined = none
   * waits.
   */
  get heldSinceMs(): number | undefined {
    for (const sinceMs of this.#held.values()) return sinceMs
    return undefined
  }

  /** Withholds a client's replies until the journal has caught up. */
  hold(client: Client): void {
    const { progress } = this
    // A journal that answers no more appends nothing: SHUTDOWN NOSAVE ends a script that has
    // changed data.
    if (CHECKED && progress.answers !== false) assertAppended(client, progress)
    client.keepOutput()
    client.output.heldForDurability = true
    if (!this.#held.has(client)) this.#held.set(client, client.activity.lastActiveMs)
    this.#settledWritten = progress.written
    // -1: replies may leave again without any progress of the journal.
    this.#settledSynced = progress.answers === false ? -1 : progress.synced
  }

  /** Forgets a client that is gone. */
  forget(client: Client): void {
    if (client.output.heldForDurability) this.#held.delete(client)
  }

  /** Releases the clients whose offsets are reached. They are flushed with this turn. */
  settle(): void {
    if (this.#held.size === 0) return
    const { answers, written, synced } = this.progress
    if (answers === false) return
    assert(synced <= written, 'invariant 3: bytes are written before they are synced')
    // Most turns end while the same fsync is still under way.
    if (written === this.#settledWritten && synced === this.#settledSynced) return
    this.#settledWritten = written
    this.#settledSynced = synced
    for (const client of this.#held.keys()) {
      assert(client.output.heldForDurability, 'a client whose replies are withheld knows it')
      if (client.output.waitsForWritten > written || client.output.waitsForSynced > synced) continue
      this.#held.delete(client)
      client.output.heldForDurability = false
      this.#host.requests.turn.flushSoon(client)
    }
  }

  // ── WAITAOF ──────────────────────────────────────────────────────────────

  /** Tells if all writes of a client survive a power cut. */
  isSynced(client: Client): boolean {
    const { progress } = this
    return progress.enabled && client.output.waitsForWritten <= progress.synced
  }

  /**
   * Parks the client of a call until a sync has ended; the command then runs again. `onTimeout`
   * replies when the time is up. `others` are further signals that end the waiting.
   */
  awaitSync(call: Call, timeoutMs: number, onTimeout: (reply: Reply) => void, others: readonly Signal[] = []): void {
    // One request is enough, even under the policy `no`. Another journal may follow while the
    // client waits.
    this.progress.require('always', call.client.output.waitsForWritten)
    if (!call.retrying) this.#host.requests.turn.endSoon()
    call.waitFor({ signals: [this.#advanced, ...others], timeoutMs, onTimeout })
  }
}

function assertAppended(client: Client, { appended, written }: Progress): void {
  assert(written <= appended, 'invariant 3: bytes are appended before they are written')
  assert(client.output.waitsForWritten <= appended, 'invariant 3: a client waits for bytes that were appended')
  assert(client.output.waitsForSynced <= appended, 'invariant 3: a client waits for a sync that will come')
}
