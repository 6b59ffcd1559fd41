// Used memory: the bytes of keys, clients and the tables around them, with a share of the
// runtime's; and the part of it that `maxmemory` bounds.
//
//   start       a constant: the engine's own tables, before the first key
//   data        keys and values, counted by the databases as they allocate
//   beside it   clients, scripts, users, subscriptions, waiters, tracked keys, the logs of slow and of
//               refused requests, the journal's buffer: counted by their rooms
//   runtime     the rest of the process: its heap and buffers. It is measured, and counts for no more
//               than a quarter of used memory
//
// All but the last are known at any moment, so eviction can stop at the very key that made enough
// room. The last is measured a few times a second while requests run. Garbage comes and goes in it,
// so the least of some measurements counts, and only a change by a large step is taken over.
// Therefore used memory stands still while nothing is stored, and no key is evicted because of
// garbage.
//
// Eviction cannot make the runtime smaller. So the runtime's share falls with the data. To evict
// keys always leads to used memory within the limit, however the process grows. A small limit is a
// limit of the data (decision 0056).
//
// The function that measures is handed in. Inside another program there is none, because its part
// of the heap cannot be told from the engine's. There only counted bytes are used memory.

import type { SubscriptionKind } from '../../broker/subscription-kind.ts'
import type { Database } from '../../store/keyspace/database.ts'
import { assert } from '../../util/assert.ts'
import { CHECKED } from '../../util/invariant.ts'
import type { Clock, Timer } from '../../util/time/clock.ts'

/** The interval between two measurements of the process. One takes 20 µs. */
const LOOK_MS = 250
/**
 * The least of this many measurements counts: the young generation is collected several times
 * meanwhile.
 */
const LOOKS = 4
/** A smaller change between measurements is garbage. */
const STEP_BYTES = 8 * 1024 * 1024
/**
 * Bytes that the runtime takes in its first seconds of work under any load: compiled code, a full
 * young generation. They are counted from the start, so that they evict none of the first keys.
 */
const WARM_UP_BYTES = 8 * 1024 * 1024
/** Used memory of an engine before its first key; about as much as Redis's. */
const START_BYTES = 1024 * 1024
/**
 * Up to this many counted bytes the runtime has no share: a limit of a few MiB is a limit of the
 * data, as in Redis.
 */
const UNSHARED_BYTES = 16 * 1024 * 1024
/**
 * The runtime's share is at most the counted bytes beyond that, divided by this number: so a
 * quarter of the sum.
 */
const SHARE_DIVISOR = 3

/** Bytes of a channel, a pattern, a prefix or an awaited topic besides its name. */
const LINE_BYTES = 320
/** Bytes of a parked client in the waiting room. */
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
  /** The value of `runtimeBytes` when the engine was made, with the runtime's warming up. */
  readonly #runtimeBytesMin: number
  /**
   * Returns bytes that the process holds for a while beside the data, which must evict no key.
   * Undefined = there are none.
   */
  besideBytes: (() => number) | undefined = undefined
  readonly #host: MemoryHost
  readonly #measure: (() => number) | undefined
  readonly #looks: number[] = []
  #nextLook = 0
  #timer: Timer | undefined = undefined
  /** Bytes beside data and clients, as of the end of the last turn. */
  #besides = 0

  /**
   * `measure` returns the bytes of the process; undefined where other programs share the process.
   */
  constructor(host: MemoryHost, measure: (() => number) | undefined) {
    this.#host = host
    this.#measure = measure
    this.startupBytes = measure === undefined ? 0 : START_BYTES
    this.#runtimeBytesMin = measure === undefined ? 0 : measure() + WARM_UP_BYTES - START_BYTES
    this.runtimeBytes = this.#runtimeBytesMin
    this.#besides = this.startupBytes
  }

  /** All used bytes: INFO's used_memory. */
  get usedBytes(): number {
    const counted = this.#countAll()
    return counted + this.#shareAt(counted) + this.journalBytes + this.streamBytes
  }

  /**
   * Bytes that `maxmemory` bounds: all but the journal's buffer and the replicas' stream. Each
   * eviction adds to those, so it would never end. Read before every command: figures that seldom
   * change are as of the end of the last turn.
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

  /** Bytes of the index of keys: entries, buckets, expiries. */
  get indexBytes(): number {
    let bytes = 0
    for (const { keys, size } of this.#host.data.dataset.databases) if (size !== 0) bytes += keys.indexBytes
    return bytes
  }

  /** Used bytes that are not contents of keys. */
  get overheadBytes(): number {
    return this.usedBytes - this.#host.data.dataset.usedBytes + this.indexBytes
  }

  /**
   * Bytes of the tables of subscriptions, waiters, watches and tracked keys. The names of channels
   * are counted as the clients'.
   */
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

  /** Raises the peak when more memory is used than ever. */
  notePeak(): void {
    const { stats } = this.#host.figures
    const used = this.boundedBytes
    if (used > stats.usedMemoryPeak) stats.usedMemoryPeak = used
  }

  /**
   * Called at each end of a turn: counts the bytes beside data and clients, and schedules a
   * measurement of the process.
   */
  follow(): void {
    this.#besides = this.#countBesides()
    if (CHECKED) assert(this.#besides >= this.startupBytes, 'no room counts less than nothing')
    if (this.#measure !== undefined) this.#timer ??= this.#host.environment.workClock.after(LOOK_MS, this.#look)
    this.notePeak()
  }

  /** Cancels the timer. */
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

  /** Returns the runtime's share for this many counted bytes. */
  #shareAt(counted: number): number {
    return Math.min(this.runtimeBytes, Math.max(0, Math.floor((counted - UNSHARED_BYTES) / SHARE_DIVISOR)))
  }

  readonly #look = (): void => {
    this.#timer = undefined
    const { dataset } = this.#host.data
    // Chunks are reserved whole, and eviction leaves gaps in them, so their free bytes are not the
    // runtime's. Values that a snapshot holds are not, either.
    let idle = this.besideBytes?.() ?? 0
    for (const { arena, lazyFree } of dataset.databases)
      idle += arena.reservedBytes - arena.blockBytes + lazyFree.heldBytes
    assert(this.#looks.length <= LOOKS, 'invariant 8: a few measurements are kept')
    const known = this.#countAll() + this.journalBytes + this.streamBytes
    this.#looks[this.#nextLook] = this.#measure!() - idle - known
    this.#nextLook = (this.#nextLook + 1) % LOOKS
    if (this.#looks.length < LOOKS) return
    const runtime = Math.max(this.#runtimeBytesMin, Math.min(...this.#looks))
    if (Math.abs(runtime - this.runtimeBytes) >= STEP_BYTES) this.runtimeBytes = runtime
  }
}
