// Used memory: what keys, clients and the tables around them take, with a share of what the runtime takes; and what
// `maxmemory` bounds.
//
//   start       a constant: the engine's own tables, before the first key
//   data        keys and values, counted by the databases as they allocate
//   beside it   clients, scripts, users, subscriptions, waiters, who caches what, logs of what was slow and of what was
//               refused, the journal's buffer: counted by their rooms
//   runtime     what the process holds beyond that: its heap and buffers. It is measured, and counts for no more than a
//               quarter of what is used
//
// All but the last is known at any moment, so that eviction can stop at the very key that made enough room. The last is
// measured, a few times a second while something happens: the runtime is asked what it holds. Garbage comes and goes in
// there, so the least of some measurements counts, and only a change by a step is taken over: used memory stands still while
// nothing is kept, and no key is evicted for what the collector has not come round to.
//
// Eviction cannot make the runtime smaller. The runtime's share therefore falls with the data: evicting keys always leads to
// a used memory within the limit, however the process grows, and a small limit is a limit of data (decision 0056).
//
// Who measures is handed in. Where the engine lives inside another program nobody does: what of that heap is the
// program's own cannot be told, so there only what is counted counts.

import type { SubscriptionKind } from '../../broker/subscription-kind.ts'
import type { Database } from '../../store/keyspace/database.ts'
import type { Clock, Timer } from '../../util/time/clock.ts'

/** How often the runtime is asked; it takes 20 µs. */
const LOOK_MS = 250
/** Measurements of which the least counts: the young generation is collected several times meanwhile. */
const LOOKS = 4
/** Smaller changes of what is measured are garbage. */
const STEP_BYTES = 8 * 1024 * 1024
/**
 * What the runtime takes in its first seconds of work, whatever that is: compiled code, a young generation that is full. Counted from
 * the start on: keys that come before it must not be evicted for it.
 */
const WARM_UP_BYTES = 8 * 1024 * 1024
/** What an engine takes before its first key, as used memory tells it; about what Redis takes. */
const START_BYTES = 1024 * 1024
/** So much is counted before the runtime has a share: a limit of a few MiB is one of data, as in Redis. */
const UNSHARED_BYTES = 16 * 1024 * 1024
/** The runtime's share is one part in so many of what is counted beyond that: a quarter of the sum. */
const SHARE_DIVISOR = 3

/** What a channel, a pattern or an awaited key takes besides its name. */
const LINE_BYTES = 320
/** What somebody's place in such a line takes. */
const PLACE_BYTES = 160

export interface MemoryHost {
  readonly environment: {
    readonly workClock: Clock
  }
  readonly figures: {
    readonly stats: { usedMemoryPeak: number }
    readonly slowLog: { readonly bytes: number }
  }
  readonly data: {
    readonly dataset: { readonly databases: readonly Database[]; readonly usedBytes: number }
    readonly watches: { readonly size: number }
  }
  readonly clients: {
    readonly memory: { readonly bytes: number }
    readonly pubSub: { count(kind: SubscriptionKind): number }
    readonly users: { readonly bytes: number }
    readonly tracking: { readonly tableBytes: number; readonly prefixCount: number }
  }
  readonly parts: {
    readonly channels: { readonly bytes: number } | undefined
    readonly scripts: { readonly scriptBytes: number; readonly functionBytes: number }
    readonly replication: { readonly replicas: { readonly memoryBytes: number } } | undefined
  }
  readonly blocking: { readonly room: { readonly count: number; readonly awaitedTopics: number } }
  readonly effects: {
    readonly durability: { readonly progress: { readonly status?: { readonly bufferedBytes: number } } }
  }
}

export class Memory {
  /** Bytes that count before the first key. */
  readonly startupBytes: number
  /** Bytes that the process holds beyond what is counted. */
  runtimeBytes: number
  /** As held when the engine came into being, with the runtime's warming up. */
  readonly #runtimeBytesMin: number
  /** Tells what the process holds for a while beside the data: it is no growth for which keys would be evicted. Undefined = nothing. */
  besideBytes: (() => number) | undefined = undefined
  readonly #host: MemoryHost
  readonly #measure: (() => number) | undefined
  readonly #looks: number[] = []
  #nextLook = 0
  #timer: Timer | undefined = undefined
  /** What is beside data and clients, as of the end of the last turn. */
  #besides = 0

  /** `measure` returns what the process holds; undefined = it is not only ours. */
  constructor(host: MemoryHost, measure: (() => number) | undefined) {
    this.#host = host
    this.#measure = measure
    this.startupBytes = measure === undefined ? 0 : START_BYTES
    this.#runtimeBytesMin = measure === undefined ? 0 : measure() + WARM_UP_BYTES - START_BYTES
    this.runtimeBytes = this.#runtimeBytesMin
    this.#besides = this.startupBytes
  }

  /** Bytes used by everything: INFO's used_memory. */
  get usedBytes(): number {
    const counted = this.#countAll()
    return counted + this.#shareAt(counted) + this.journalBytes + this.streamBytes
  }

  /**
   * Bytes that `maxmemory` bounds: all but the journal's buffer and the replicas' stream. They grow with what eviction writes
   * there, so that it would never end. Asked before every command: what changes seldom is taken as of the end of the last turn.
   */
  get boundedBytes(): number {
    const { memory: clientMemory } = this.#host.clients
    const { dataset } = this.#host.data
    const counted = dataset.usedBytes + clientMemory.bytes + this.#besides
    return counted + this.#shareAt(counted)
  }

  /** Bytes that wait to be written to the journal. */
  get journalBytes(): number {
    return this.#host.effects.durability.progress.status?.bufferedBytes ?? 0
  }

  /** Bytes of the replicas' stream. */
  get streamBytes(): number {
    return this.#host.parts.replication?.replicas.memoryBytes ?? 0
  }

  /** Bytes that finding keys takes: entries, buckets, expiries. */
  get indexBytes(): number {
    let bytes = 0
    for (const { keys, size } of this.#host.data.dataset.databases) if (size !== 0) bytes += keys.indexBytes
    return bytes
  }

  /** Bytes that are not contents of keys, of those in use. */
  get overheadBytes(): number {
    return this.usedBytes - this.#host.data.dataset.usedBytes + this.indexBytes
  }

  /** Bytes of the tables of who listens, who waits and who caches; names of channels are counted as the clients'. */
  get tableBytes(): number {
    const { blocking } = this.#host
    const { channels } = this.#host.parts
    const { pubSub, tracking } = this.#host.clients
    const { watches } = this.#host.data
    const lines = pubSub.count('channel') + pubSub.count('pattern') + pubSub.count('shard') + tracking.prefixCount
    return (
      tracking.tableBytes +
      (channels === undefined ? 0 : channels.bytes) +
      (lines + watches.size + blocking.room.awaitedTopics) * LINE_BYTES +
      blocking.room.count * PLACE_BYTES
    )
  }

  /** Takes note of how much memory is used when it is more than ever. */
  notePeak(): void {
    const { stats } = this.#host.figures
    const used = this.boundedBytes
    if (used > stats.usedMemoryPeak) stats.usedMemoryPeak = used
  }

  /** Follows the turns: counts what is beside data and clients, and has the process measured before long. */
  follow(): void {
    this.#besides = this.#countBesides()
    if (this.#measure !== undefined) this.#timer ??= this.#host.environment.workClock.after(LOOK_MS, this.#look)
    this.notePeak()
  }

  /** Lets go of the timer. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #countBesides(): number {
    const { scripts } = this.#host.parts
    const { slowLog } = this.#host.figures
    const { users } = this.#host.clients
    const scriptBytes = scripts.scriptBytes + scripts.functionBytes
    return this.startupBytes + scriptBytes + users.bytes + slowLog.bytes + this.tableBytes
  }

  #countAll(): number {
    const { memory: clientMemory } = this.#host.clients
    const { dataset } = this.#host.data
    return dataset.usedBytes + clientMemory.bytes + this.#countBesides()
  }

  /** The runtime's share beside so many counted bytes. */
  #shareAt(counted: number): number {
    return Math.min(this.runtimeBytes, Math.max(0, Math.floor((counted - UNSHARED_BYTES) / SHARE_DIVISOR)))
  }

  readonly #look = (): void => {
    this.#timer = undefined
    const { dataset } = this.#host.data
    // Chunks are reserved whole, and eviction fills gaps in them, it does not close them. Nor would it free what a snapshot holds.
    let idle = this.besideBytes?.() ?? 0
    for (const { arena, lazyFree } of dataset.databases)
      idle += arena.reservedBytes - arena.blockBytes + lazyFree.heldBytes
    const known = this.#countAll() + this.journalBytes + this.streamBytes
    this.#looks[this.#nextLook] = this.#measure!() - idle - known
    this.#nextLook = (this.#nextLook + 1) % LOOKS
    if (this.#looks.length < LOOKS) return
    const runtime = Math.max(this.#runtimeBytesMin, Math.min(...this.#looks))
    if (Math.abs(runtime - this.runtimeBytes) >= STEP_BYTES) this.runtimeBytes = runtime
  }
}
