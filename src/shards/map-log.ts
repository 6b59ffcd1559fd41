// The log that holds the map of a cluster: a sequence of whole maps, which every node reads and to
// which every node may append.
//
// It has no leader. A change is made from the last map and appended directly behind it. If another
// node was faster, the log refuses the append, and the change is made again from the newer map. So
// changes form a sequence, each made from the one before:
//
//   A  change(map 7) ── append behind 7 ──▶ 8
//   B  change(map 7) ── append behind 7 ──▶ refused; reads 8; change(map 8) ── append behind 8 ──▶ 9
//
// An append that arrives late does no harm: it lands only if nothing has changed since. A change
// must depend only on the map that it was made from, or on facts that stay true.
//
// A record is the map as JSON, behind a line that is unique to the record. So two nodes that append
// the same map can tell their records apart.

import type { Log } from '../engine/log.ts'
import { isPassing, settleAppend, tryAppend } from '../replicated-log/append-outcome.ts'
import { Gap, LogAway, type ReplicatedLog, Truncated } from '../replicated-log/log.ts'
import { assert } from '../util/assert.ts'
import { Random } from '../util/numbers/random.ts'
import { type Handler, Handlers } from '../util/tables/handlers.ts'
import type { Clock } from '../util/time/clock.ts'
import { ShardMap } from './shard-map.ts'

/** The number of maps kept, for readers that are behind; only the last one is needed. */
const KEPT_RECORDS = 64

const NONCE_LENGTH = 24

export interface MapLogOptions {
  readonly clock: Clock
  readonly messages: Log
  /** The wait before a refused request to the log is repeated. */
  readonly retryMs: number
}

export class MapLog {
  /** The last known map, and its position. */
  map = ShardMap.empty
  version = 0
  /** Why the log is not followed any more; undefined while it is. */
  failure: string | undefined = undefined
  /** Called when the map has changed. */
  readonly changed = new Handlers<[]>((slot) => {
    this.#changed = slot
  })
  #changed: Handler<[]> | null = null
  readonly #options: MapLogOptions
  readonly #closing = new AbortController()
  /** Undefined until the log can be reached. */
  #log: ReplicatedLog | undefined = undefined
  readonly #random = new Random()
  /** Each entry ends a wait. */
  readonly #resting = new Set<() => void>()
  /** Changes of this node are made one after the other. */
  #line: Promise<unknown> = Promise.resolve()
  #following: Promise<void> | undefined = undefined

  constructor(options: MapLogOptions) {
    this.#options = options
  }

  /** Reads the log from now on, and appends to it. */
  follow(log: ReplicatedLog): void {
    assert(this.#log === undefined, "the map's log is given once")
    this.#log = log
    this.#following = this.#follow(log)
  }

  /**
   * Changes the map. `make` gets the last map and returns the next one, or undefined when the
   * change is made already. It is called again for each map that comes between, so it must
   * recognise its own change. Continues while the log is away, as long as `isWanted`. Returns the
   * position of the map with the change; undefined = it was not wanted any more, and may have been
   * made. Throws what `make` throws, and `Gap`.
   */
  change(make: (map: ShardMap) => ShardMap | undefined, isWanted: () => boolean): Promise<number | undefined> {
    const made = this.#line.then(() => this.#change(make, isWanted))
    this.#line = made.catch(() => {})
    return made
  }

  async close(): Promise<void> {
    this.#closing.abort('enough')
    for (const wake of this.#resting) wake()
    await this.#log?.close()
    await this.#following
    await this.#line
  }

  async #change(make: (map: ShardMap) => ShardMap | undefined, isWanted: () => boolean): Promise<number | undefined> {
    while (isWanted() && !this.#closing.signal.aborted) {
      try {
        const version = await this.#try(make)
        if (version !== undefined) return version
      } catch (error) {
        if (!isPassing(error)) throw error
        await this.#rest()
      }
    }
    return undefined
  }

  /** Makes a change from the known map; undefined when the map has changed meanwhile. */
  async #try(make: (map: ShardMap) => ShardMap | undefined): Promise<number | undefined> {
    const log = this.#log
    if (log === undefined) throw new LogAway('the log of the map could not be reached yet')
    // The first map may be made only when a quorum has confirmed that there is none.
    if (this.version === 0) await this.#catchUp(log)
    const { map, version } = this
    const next = make(map)
    if (next === undefined) return version
    const record = Buffer.from(`${this.#random.hex(NONCE_LENGTH)}\n${next.print()}`)
    const outcome = await tryAppend(log, record, version)
    const isThere =
      outcome === 'there' || (outcome === 'unknown' && (await settleAppend(log, record, version)).is === 'there')
    if (!isThere) {
      await this.#catchUp(log)
      return undefined
    }
    this.#take(version + 1, record)
    if (this.version % KEPT_RECORDS === 0) await this.#truncate(log)
    return version + 1
  }

  async #truncate(log: ReplicatedLog): Promise<void> {
    try {
      await log.truncate(this.version - KEPT_RECORDS / 2)
    } catch (error) {
      // The next change truncates again.
      if (!isPassing(error)) throw error
    }
  }

  /** Reads the last map that a quorum has. */
  async #catchUp(log: ReplicatedLog): Promise<void> {
    // While the answer was on its way, other nodes may have appended, and this one may have read.
    const read = this.version
    const { last } = await log.bounds()
    if (last < read) throw new Gap(`the map's log ends at ${last}, and ${read} was read`)
    if (last <= this.version) return
    try {
      const record = await log.at(last)
      if (record !== undefined) this.#take(last, record)
    } catch (error) {
      // The log was truncated beyond this position meanwhile.
      if (!(error instanceof Truncated)) throw error
    }
  }

  async #follow(log: ReplicatedLog): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      try {
        await this.#catchUp(log)
        for await (const { batch, position } of log.read(this.version + 1, signal)) {
          if (signal.aborted) return
          this.#take(position, batch)
        }
      } catch (error) {
        if (!isPassing(error) && !(error instanceof Truncated)) {
          this.#fail(error)
          return
        }
      }
      if (!signal.aborted) await this.#rest()
    }
  }

  #take(version: number, record: Uint8Array): void {
    if (version <= this.version) return
    const text = Buffer.from(record.buffer, record.byteOffset, record.byteLength).toString()
    let map: ShardMap
    try {
      map = ShardMap.parse(text.slice(text.indexOf('\n') + 1))
    } catch (error) {
      throw new Gap(`the record at position ${version} of the map's log is none: ${(error as Error).message}`)
    }
    this.map = map
    this.version = version
    this.#changed?.()
  }

  #fail(error: unknown): void {
    this.failure = error instanceof Error ? error.message : String(error)
    this.#options.messages.error({ error }, `this node no longer follows the map of the cluster: ${this.failure}`)
  }

  async #rest(): Promise<void> {
    const { clock, retryMs } = this.#options
    let wake = (): void => {}
    const rested = new Promise<void>((resolve) => {
      const timer = clock.after(retryMs, resolve)
      wake = () => {
        timer.cancel()
        resolve()
      }
    })
    this.#resting.add(wake)
    await rested
    this.#resting.delete(wake)
  }
}
