// Moves slots of this node's shard to other shards, while this node leads. It works on one move at
// a time, and on some of its slots at a time (a portion):
//
//   copying        every key of the portion is sent to the target's leader (RESTORE), which serves
//                  none of them yet; keys that change meanwhile are sent again
//   handing over   few keys change: requests for these slots are held; the rest is sent; the
//                  target's log has everything (WAITAOF)
//                  ──▶ the map gives the slots to the target, in one append: before it the source
//                      owns them, after it the target
//                  ──▶ the target has read that map ──▶ held requests continue, and get MOVED
//
// Until that record is in the map's log, the source has everything, and the target has a copy that
// clients cannot see. After any failure the portion is begun again. While the outcome of the append
// is unknown, requests for these slots are not served.
//
// The epoch keeps an earlier leader of the source from doing harm. A new leader enters itself into
// the map before it serves (sharded-cluster.ts). From then on the earlier leader's record would
// follow that entry, and is refused by its position. And the target accepts keys only from the
// epoch in the map.

import { payloadWriter } from '../persistence/rdb/payload.ts'
import type { Address, Dial } from '../replication/connection.ts'
import { NONE } from '../store/keyspace/keyspace.ts'
import { Bytes } from '../util/bytes/bytes.ts'
import { hashSlotOf } from '../util/tables/hash-slot.ts'
import { ChangedKeys } from './changed-keys.ts'
import { describeSpans, type MapMove, type ShardMap, type SlotSpan, slotsIn, spansOf } from './shard-map.ts'
import type { ShardView } from './shard-view.ts'
import { LinkError, TargetLink } from './target-link.ts'

/**
 * A portion is as many slots as hold this many keys, but at least one: after a failure the whole
 * portion is sent again.
 */
const PORTION_KEYS = 20_000
/** The amount sent before other work gets its turn: a millisecond or two. */
const SLICE_KEYS = 200
const SLICE_BYTES = 64 * 1024
/** Requests are held when no more than this many keys have changed, or after this many rounds. */
const HOLD_AT_KEYS = 50
const ROUNDS_MAX = 20

export interface SlotMoverTiming {
  /** The wait before a failed portion is tried again. */
  readonly retryMs: number
  /** A live target answers within this time, even while its log is away for a moment. */
  readonly silenceMs: number
  /** How long the target's log may take for writes in flight. */
  readonly syncMs: number
  /** How often the target is asked how far it has read the map. */
  readonly confirmEveryMs: number
  /**
   * How long requests are held until the target has read the map; after that they are redirected
   * anyway.
   */
  readonly confirmMs: number
}

export const MOVER_TIMING: SlotMoverTiming = {
  retryMs: 500,
  silenceMs: 10_000,
  syncMs: 5000,
  confirmEveryMs: 3,
  confirmMs: 1000,
}

export interface SlotMoverOptions {
  readonly dial: Dial
  readonly timing: SlotMoverTiming
}

export interface SlotMoverHost extends ShardView {
  /** The address of a shard's leader; undefined when it is not known. */
  addressOf(shard: string): Address | undefined
  /** Holds requests for the given slots. With an empty set, none is held. */
  hold(slots: ReadonlySet<number>): void
}

/** The portion is begun again or given up: nothing has been handed over. */
class Interrupted extends Error {}

const NO_SLOTS: ReadonlySet<number> = new Set()

export class SlotMover {
  state: 'waiting' | 'copying' | 'handing over' = 'waiting'
  /** Why it is being tried again; '' = there was no failure. */
  failure = ''
  /** Keys of the current portion that were sent. */
  keysCopied = 0
  /** Keys that were moved since this node was started. */
  keysMoved = 0
  readonly #host: SlotMoverHost
  readonly #options: SlotMoverOptions
  #isBusy = false
  /** The move whose target has this shard's functions. */
  #equipped = 0
  readonly #key = new Bytes()

  constructor(host: SlotMoverHost, options: SlotMoverOptions) {
    this.#host = host
    this.#options = options
  }

  /** The current move: the first of this shard. */
  get current(): MapMove | undefined {
    const { leadingEpoch, mapLog, shard } = this.#host
    return leadingEpoch === 0 ? undefined : mapLog.map.movesFrom(shard)[0]
  }

  /** Call it whenever there may be something to move. */
  look(): void {
    if (!this.#isBusy && this.current !== undefined) void this.#run()
  }

  async #run(): Promise<void> {
    const { engine } = this.#host
    const { timing } = this.#options
    this.#isBusy = true
    try {
      for (let move = this.current; move !== undefined; move = this.current) {
        try {
          await this.#movePortion(move)
          this.failure = ''
        } catch (error) {
          if (!isExpected(error)) throw error
          this.failure = error.message
          this.state = 'waiting'
          await new Promise<void>((resolve) => void engine.environment.workClock.after(timing.retryMs, resolve))
        }
      }
    } catch (error) {
      // A bug, or a log that holds what it must not: the slots stay where they are.
      this.failure = (error as Error).message
      engine.environment.log.error({ error }, 'this node no longer moves slots')
      return
    }
    this.#isBusy = false
    this.state = 'waiting'
  }

  async #movePortion(move: MapMove): Promise<void> {
    const { dial, timing } = this.#options
    const { engine, leadingEpoch: epoch, mapLog } = this.#host
    const { config } = engine
    const { dataset } = engine.data
    const { workClock } = engine.environment
    const to = this.#host.addressOf(move.to)
    if (to === undefined) throw new Interrupted(`${move.to} has no leader`)
    const spans = this.#portionOf(move.left)
    const slots = new Set(slotsIn(spans))
    this.keysCopied = 0
    this.state = 'copying'
    const user = config.get('masteruser')
    const password = config.get('masterauth')
    const credentials = password === '' ? [] : user === '' ? [password] : [user, password]
    const link = await TargetLink.open({ dial, to, clock: workClock, credentials, silenceMs: timing.silenceMs })
    const changed = new ChangedKeys(dataset, slots)
    /** Throws when the portion must be given up. */
    const check = (): void => {
      if (changed.isEmptied) throw new Interrupted('the data was emptied')
      if (this.#host.leadingEpoch !== epoch || mapLog.map.move(move.id) === undefined)
        throw new Interrupted('it was called off')
    }
    try {
      check()
      await this.#prepare(link, move, epoch, slots)
      for (const slot of slots) {
        if (changed.walk(slot)) await this.#sendSlot(link, changed, check)
      }
      for (let round = 0; changed.size > HOLD_AT_KEYS && round < ROUNDS_MAX; round++)
        await this.#sendChanged(link, changed, check)
      this.state = 'handing over'
      const { maintenance } = engine.clients
      const moving = describeSpans(spans).replaceAll(' ', ',')
      maintenance.announce({ type: 'SMIGRATING', slots: moving })
      this.#host.hold(slots)
      const version = await this.#handOver(link, changed, check, { move, epoch, spans, slots })
      const isOurs = (key: Bytes): boolean => slots.has(hashSlotOf(key))
      engine.data.watches.databaseReplaced(this.#host.data, isOurs)
      await this.#confirm(link, version)
      const from = this.#host.addressOf(move.from)
      if (from !== undefined) maintenance.announce({ type: 'SMIGRATED', moves: [[placeOf(from), placeOf(to), moving]] })
      this.#host.hold(NO_SLOTS)
    } catch (error) {
      // After an unexpected error the outcome may be unknown: the slots stay held.
      if (isExpected(error)) this.#host.hold(NO_SLOTS)
      throw error
    } finally {
      changed.stop()
      link.close()
    }
  }

  /** The next portion of a move. */
  #portionOf(left: readonly SlotSpan[]): SlotSpan[] {
    const index = this.#host.data.keys.slots
    const portion: number[] = []
    let keys = 0
    for (const slot of slotsIn(left)) {
      keys += index?.count(slot) ?? 0
      if (portion.length > 0 && keys > PORTION_KEYS) break
      portion.push(slot)
    }
    return spansOf(portion)
  }

  /** Lets the target remove existing keys, and loads the functions that it lacks. */
  async #prepare(link: TargetLink, move: MapMove, epoch: number, slots: Iterable<number>): Promise<void> {
    const words = ['CLUSTER', 'RECEIVE', move.id, epoch, ...spansOf(slots).flat()]
    while ((await link.ask(...words)) !== 0);
    if (this.#equipped === move.id) return
    for (const code of this.#host.engine.parts.scripts.libraries()) {
      try {
        await link.ask('FUNCTION', 'LOAD', code)
      } catch (error) {
        // The target keeps its own library.
        if (!(error instanceof LinkError) || !error.message.includes('already exists')) throw error
      }
    }
    this.#equipped = move.id
  }

  /** Sends all keys of the slot that is being walked. */
  async #sendSlot(link: TargetLink, changed: ChangedKeys, check: () => void): Promise<void> {
    const { data: db, engine } = this.#host
    let isAtEnd = false
    while (!isAtEnd) {
      engine.environment.unitClock.pass()
      let bytes = 0
      for (let keys = 0; keys < SLICE_KEYS && bytes < SLICE_BYTES; keys++) {
        const entry = changed.step()
        isAtEnd = entry === NONE
        if (isAtEnd) break
        if (!db.isExpired(entry)) bytes += this.#send(link, entry)
      }
      await this.#giveWay(link, bytes)
      check()
    }
  }

  /** Sends changed keys, and deletes removed ones. */
  async #sendChanged(link: TargetLink, changed: ChangedKeys, check: () => void): Promise<void> {
    const { data: db, engine } = this.#host
    const names = changed.take()
    for (let at = 0; at < names.length; ) {
      engine.environment.unitClock.pass()
      let bytes = 0
      for (const end = at + SLICE_KEYS; at < Math.min(end, names.length) && bytes < SLICE_BYTES; at++) {
        const key = Bytes.from(names[at] ?? '')
        const entry = db.keys.find(key)
        if (entry !== NONE && !db.isExpired(entry)) bytes += this.#send(link, entry)
        else link.tell([DEL, key.toBuffer()])
      }
      await this.#giveWay(link, bytes)
      check()
    }
  }

  /** Sends one key as it is now; returns the size of its value in bytes. */
  #send(link: TargetLink, entry: number): number {
    const { data: db, engine } = this.#host
    const { config } = engine
    const expiry = db.expiryOf(entry)
    const payload = payloadWriter.write(db, entry, config.get('rdbcompression'))
    const value = Buffer.from(payload.source.u8.subarray(payload.start, payload.start + payload.length))
    payloadWriter.release()
    const key = db.keys.keyOf(entry, this.#key).toBuffer()
    link.tell([RESTORE, key, Buffer.from(String(expiry ?? 0)), value, REPLACE, ABSTTL])
    this.keysCopied++
    return value.length
  }

  /** Lets other work have its turn. */
  async #giveWay(link: TargetLink, bytes: number): Promise<void> {
    if (bytes > 0) await link.room()
    await new Promise<void>((resolve) => this.#host.engine.environment.later(resolve))
  }

  /**
   * With requests held: sends the rest, and gives the slots to the target in the map. Returns the
   * version of that map.
   */
  async #handOver(
    link: TargetLink,
    changed: ChangedKeys,
    check: () => void,
    portion: { move: MapMove; epoch: number; spans: readonly SlotSpan[]; slots: ReadonlySet<number> },
  ): Promise<number> {
    const { timing } = this.#options
    const { data, mapLog } = this.#host
    do {
      await this.#sendChanged(link, changed, check)
      const answer = await link.ask('WAITAOF', 1, 0, timing.syncMs)
      if (!Array.isArray(answer) || answer[0] !== 1)
        throw new LinkError('the log of the target does not take what it is given')
      check()
      // Changes by the server itself, such as expiry, have continued.
    } while (changed.size > 0)
    const { epoch, move, slots, spans } = portion
    const index = data.keys.slots
    let keys = 0
    for (const slot of slots) keys += index?.count(slot) ?? 0
    /**
     * The version behind which the record was last sent. It may still land there, so the hand-over
     * cannot be taken back.
     */
    let sentAt = -1
    const version = await mapLog.change(
      (map) => {
        const now = moveIn(map, move, epoch)
        if (now === undefined) throw new Interrupted('it was called off')
        // An earlier attempt has succeeded.
        if (isSettled(now, slots)) return undefined
        if (sentAt !== mapLog.version && (changed.size > 0 || changed.isEmptied))
          throw new Interrupted('keys have changed while they were handed over')
        sentAt = mapLog.version
        return map.withSettled(move.id, spans, keys)
      },
      () => this.#host.leadingEpoch === epoch,
    )
    if (version === undefined) throw new Interrupted('another leads')
    this.keysMoved += keys
    return version
  }

  /**
   * Waits until the target has read that it owns the slots, so that clients are not redirected back
   * and forth.
   */
  async #confirm(link: TargetLink, version: number): Promise<void> {
    const { engine } = this.#host
    const { timing } = this.#options
    const { workClock } = engine.environment
    const untilMs = workClock.monotonic() + timing.confirmMs
    try {
      while (workClock.monotonic() < untilMs && Number(await link.ask('CLUSTER', 'RECEIVE')) < version)
        await new Promise<void>((resolve) => void workClock.after(timing.confirmEveryMs, resolve))
    } catch (error) {
      // The target's new leader reads the map, too.
      if (!(error instanceof LinkError)) throw error
    }
  }
}

const [RESTORE, REPLACE, ABSTTL, DEL] = ['RESTORE', 'REPLACE', 'ABSTTL', 'DEL'].map((word) => Buffer.from(word)) as [
  Buffer,
  Buffer,
  Buffer,
  Buffer,
]

function placeOf({ host, port }: Address): string {
  return `${host}:${port}`
}

function isExpected(error: unknown): error is LinkError | Interrupted {
  return error instanceof LinkError || error instanceof Interrupted
}

/** The move in a map, done or not, if a leader of this epoch may still change it. */
function moveIn(map: ShardMap, { from, id }: MapMove, epoch: number): MapMove | undefined {
  const now = map.moves.find((move) => move.id === id)
  return now === undefined || now.state === 'cancelled' || map.shard(from)?.epoch !== epoch ? undefined : now
}

function isSettled({ left }: MapMove, slots: ReadonlySet<number>): boolean {
  for (const slot of slotsIn(left)) if (slots.has(slot)) return false
  return true
}
