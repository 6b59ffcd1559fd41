// Moves slots of this node's shard to others, while this node leads. One move at a time, and of it some slots at a time (a portion):
//
//   copying        every key of the portion goes to the target's leader (RESTORE), which serves none of them yet; what changes meanwhile goes again
//   handing over   few changed: requests for these slots are held; what is left goes; the target's log has it all (WAITAOF)
//                  ──▶ the map says that the target owns them: one append, before which the source does, after which the target does
//                  ──▶ the target has read that ──▶ held requests go on, and are told MOVED
//
// Until the map's record stands, the source has everything, and what the target has is a copy that nobody sees: whatever breaks, it is begun anew. From the
// moment at which that record is sent, until it is known what became of it, nobody is served.
//
// What keeps an earlier leader of the source from doing harm is its epoch. A new leader enters itself into the map before it serves (sharded-cluster.ts); from then
// on the earlier one's record would stand behind that entry, and is refused by its position; and the target takes keys only from the epoch that the map names.

import { payloadWriter } from '../persistence/rdb/payload.ts'
import type { Address, Dial } from '../replication/connection.ts'
import { NONE } from '../store/keyspace/keyspace.ts'
import { Bytes } from '../util/bytes/bytes.ts'
import { hashSlotOf } from '../util/tables/hash-slot.ts'
import { ChangedKeys } from './changed-keys.ts'
import { type MapMove, type ShardMap, type SlotSpan, slotsIn, spansOf } from './shard-map.ts'
import type { ShardView } from './shard-view.ts'
import { LinkError, TargetLink } from './target-link.ts'

/** A portion has as many slots as hold so many keys, but one at least: what breaks is begun anew with it. */
const PORTION_KEYS = 20_000
/** Between two looks at others so much is sent: a millisecond or two. */
const SLICE_KEYS = 200
const SLICE_BYTES = 64 * 1024
/** Requests are held when so few keys have changed since they were sent, or when it has been tried so often. */
const HOLD_AT_KEYS = 50
const ROUNDS_MAX = 20

export interface SlotMoverTiming {
  /** What has failed is tried again. */
  readonly retryMs: number
  /** A target that is alive says something within this time: its log may be away for a moment. */
  readonly silenceMs: number
  /** How long the target's log may take for what is under way. */
  readonly syncMs: number
  /** So often the target is asked how far it has read the map. */
  readonly confirmEveryMs: number
  /** So long requests are held for the target to have read the map; after that they are sent there all the same. */
  readonly confirmMs: number
}

export const MOVER_TIMING: SlotMoverTiming = {
  retryMs: 500,
  silenceMs: 10_000,
  syncMs: 5000,
  confirmEveryMs: 3,
  confirmMs: 1000,
}

export interface SlotMoverHost extends ShardView {
  readonly dial: Dial
  readonly timing: SlotMoverTiming
  /** Where the leader of a shard is; undefined = nobody knows. */
  addressOf(shard: string): Address | undefined
  /** Has requests for these slots wait; those for none where there are none. */
  hold(slots: ReadonlySet<number>): void
}

/** The portion is begun anew, or given up: nothing has been handed over. */
class Interrupted extends Error {}

const NO_SLOTS: ReadonlySet<number> = new Set()

export class SlotMover {
  state: 'waiting' | 'copying' | 'handing over' = 'waiting'
  /** Why it is tried again; '' = it goes well. */
  failure = ''
  /** Keys of the portion in hand that were sent. */
  keysCopied = 0
  /** Keys that have gone for good since this node was started. */
  keysMoved = 0
  readonly #host: SlotMoverHost
  #isBusy = false
  /** The move whose target has our functions. */
  #equipped = 0
  readonly #key = new Bytes()

  constructor(host: SlotMoverHost) {
    this.#host = host
  }

  /** The move in hand: the first of this shard's. */
  get current(): MapMove | undefined {
    const { leadingEpoch, mapLog, shard } = this.#host
    return leadingEpoch === 0 ? undefined : mapLog.map.movesFrom(shard)[0]
  }

  /** To be called whenever there may be something to do. */
  look(): void {
    if (!this.#isBusy && this.current !== undefined) void this.#run()
  }

  async #run(): Promise<void> {
    const { engine, timing } = this.#host
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
      // A bug, or a log that holds what it must not: slots stay where they are.
      this.failure = (error as Error).message
      engine.environment.log.error({ error }, 'slots are moved no more')
      return
    }
    this.#isBusy = false
    this.state = 'waiting'
  }

  async #movePortion(move: MapMove): Promise<void> {
    const { dial, engine, leadingEpoch: epoch, mapLog, timing } = this.#host
    const { config } = engine
    const { dataset } = engine.data
    const { workClock } = engine.environment
    const to = this.#host.addressOf(move.to)
    if (to === undefined) throw new Interrupted(`nobody leads ${move.to}`)
    const spans = this.#portionOf(move.left)
    const slots = new Set(slotsIn(spans))
    this.keysCopied = 0
    this.state = 'copying'
    const user = config.get('masteruser')
    const password = config.get('masterauth')
    const credentials = password === '' ? [] : user === '' ? [password] : [user, password]
    const link = await TargetLink.open({ dial, to, clock: workClock, credentials, silenceMs: timing.silenceMs })
    const changed = new ChangedKeys(dataset, slots)
    /** Throws where it makes no sense to go on. */
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
      this.#host.hold(slots)
      const version = await this.#handOver(link, changed, check, { move, epoch, spans, slots })
      const isOurs = (key: Bytes): boolean => slots.has(hashSlotOf(key))
      engine.data.watches.databaseReplaced(dataset.databases[0]!, isOurs)
      await this.#confirm(link, version)
      this.#host.hold(NO_SLOTS)
    } catch (error) {
      // Where it is not known what became of the slots nobody is served.
      if (isExpected(error)) this.#host.hold(NO_SLOTS)
      throw error
    } finally {
      changed.stop()
      link.close()
    }
  }

  /** The next slots of a move that go together. */
  #portionOf(left: readonly SlotSpan[]): SlotSpan[] {
    const index = this.#host.engine.databases[0]!.keys.slots
    const portion: number[] = []
    let keys = 0
    for (const slot of slotsIn(left)) {
      keys += index?.count(slot) ?? 0
      if (portion.length > 0 && keys > PORTION_KEYS) break
      portion.push(slot)
    }
    return spansOf(portion)
  }

  /** The target removes what is in the way, and takes the functions that it does not have. */
  async #prepare(link: TargetLink, move: MapMove, epoch: number, slots: Iterable<number>): Promise<void> {
    const words = ['CLUSTER', 'RECEIVE', move.id, epoch, ...spansOf(slots).flat()]
    while ((await link.ask(...words)) !== 0);
    if (this.#equipped === move.id) return
    for (const code of this.#host.engine.parts.scripts.libraries()) {
      try {
        await link.ask('FUNCTION', 'LOAD', code)
      } catch (error) {
        // Its own stays.
        if (!(error instanceof LinkError) || !error.message.includes('already exists')) throw error
      }
    }
    this.#equipped = move.id
  }

  /** Sends all keys of the slot that is walked over. */
  async #sendSlot(link: TargetLink, changed: ChangedKeys, check: () => void): Promise<void> {
    const { engine } = this.#host
    const db = engine.databases[0]!
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

  /** Sends what has changed, and what is gone. */
  async #sendChanged(link: TargetLink, changed: ChangedKeys, check: () => void): Promise<void> {
    const { engine } = this.#host
    const db = engine.databases[0]!
    const names = changed.take()
    for (let at = 0; at < names.length; ) {
      engine.environment.unitClock.pass()
      let bytes = 0
      for (const end = at + SLICE_KEYS; at < Math.min(end, names.length) && bytes < SLICE_BYTES; at++) {
        const key = Bytes.from(names[at]!)
        const entry = db.keys.find(key)
        if (entry !== NONE && !db.isExpired(entry)) bytes += this.#send(link, entry)
        else link.tell([DEL, key.toBuffer()])
      }
      await this.#giveWay(link, bytes)
      check()
    }
  }

  /** Sends one key as it is now; returns the bytes of its value. */
  #send(link: TargetLink, entry: number): number {
    const { config, databases } = this.#host.engine
    const db = databases[0]!
    const expiry = db.expiryOf(entry)
    const payload = payloadWriter.write(db, entry, config.get('rdbcompression'))
    const value = Buffer.from(payload.source.u8.subarray(payload.start, payload.start + payload.length))
    payloadWriter.release()
    const key = db.keys.keyOf(entry, this.#key).toBuffer()
    link.tell([RESTORE, key, Buffer.from(String(expiry ?? 0)), value, REPLACE, ABSTTL])
    this.keysCopied++
    return value.length
  }

  /** Lets others have their turn. */
  async #giveWay(link: TargetLink, bytes: number): Promise<void> {
    if (bytes > 0) await link.room()
    await new Promise<void>((resolve) => this.#host.engine.environment.later(resolve))
  }

  /** With requests held: sends what is left, and has the map say whose the slots are. Returns the version of the map that says it. */
  async #handOver(
    link: TargetLink,
    changed: ChangedKeys,
    check: () => void,
    portion: { move: MapMove; epoch: number; spans: readonly SlotSpan[]; slots: ReadonlySet<number> },
  ): Promise<number> {
    const { engine, mapLog, timing } = this.#host
    do {
      await this.#sendChanged(link, changed, check)
      const answer = await link.ask('WAITAOF', 1, 0, timing.syncMs)
      if (!Array.isArray(answer) || answer[0] !== 1)
        throw new LinkError('the log of the target does not take what it is given')
      check()
      // What happens by itself, such as expiry, has happened on.
    } while (changed.size > 0)
    const { epoch, move, slots, spans } = portion
    const index = engine.databases[0]!.keys.slots
    let keys = 0
    for (const slot of slots) keys += index?.count(slot) ?? 0
    /** The version behind which the record was sent last: it may still come to stand there, and nothing can be taken back. */
    let sentAt = -1
    const version = await mapLog.change(
      (map) => {
        const now = moveIn(map, move, epoch)
        if (now === undefined) throw new Interrupted('it was called off')
        // An earlier try has succeeded.
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

  /** Waits until the target knows that the slots are its own, so that nobody is sent to and fro. */
  async #confirm(link: TargetLink, version: number): Promise<void> {
    const { engine, timing } = this.#host
    const { workClock } = engine.environment
    const untilMs = workClock.monotonic() + timing.confirmMs
    try {
      while (workClock.monotonic() < untilMs && Number(await link.ask('CLUSTER', 'RECEIVE')) < version)
        await new Promise<void>((resolve) => void workClock.after(timing.confirmEveryMs, resolve))
    } catch (error) {
      // Whoever leads there now reads the map, too.
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

function isExpected(error: unknown): error is LinkError | Interrupted {
  return error instanceof LinkError || error instanceof Interrupted
}

/** A move as a map has it, where it is still the business of a leader of this epoch; done ones included. */
function moveIn(map: ShardMap, { from, id }: MapMove, epoch: number): MapMove | undefined {
  const now = map.moves.find((move) => move.id === id)
  return now === undefined || now.state === 'cancelled' || map.shard(from)?.epoch !== epoch ? undefined : now
}

function isSettled({ left }: MapMove, slots: ReadonlySet<number>): boolean {
  for (const slot of slotsIn(left)) if (slots.has(slot)) return false
  return true
}
