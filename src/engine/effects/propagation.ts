// Hands the effects of every unit to all who want them, in order (invariant 4).
//
// A unit is marked only where something of it was told: EXEC, a script and a
// command with several effects open one, and the first effect that comes begins it
// at each sink that takes it.

import type { ChannelKind } from '../../broker/subscription-kind.ts'
import { Arguments } from '../../protocol/arguments.ts'
import { itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { type Handler, Handlers } from '../../util/tables/handlers.ts'
import type { Client } from '../clients/client.ts'
import type { Stats } from '../figures/stats.ts'
import type { Call } from '../requests/call.ts'
import type { Effect, EffectSink, Word } from './effects.ts'

export interface PropagationHost {
  readonly figures: {
    readonly stats: Stats
  }
  readonly requests: {
    readonly runner: { readonly client: Client | undefined }
    readonly turn: { endSoon(): void }
  }
}

/** The parts of the same room, which are made before. */
interface Siblings {
  /** Hears whose command had effects. */
  readonly durability: { wrote(client: Client): void }
  readonly history: { readonly offset: number }
}

/** A sink, and whether the open unit has begun there. */
class Line {
  readonly sink: EffectSink
  begun = false

  constructor(sink: EffectSink) {
    this.sink = sink
  }
}

const NO_LINES: readonly Line[] = []

export class Propagation {
  /** False while nobody wants effects: then none are made. */
  on = false
  /** What the running command came across has opened a unit, to which its own effects belong: whoever runs it ends that. */
  endsWithCommand = false
  /** Told of each message to a channel, and each keyspace event, that begins here: others may want to hear it who are told of no effects (src/shards). */
  readonly announced = new Handlers<[channel: Bytes, message: Bytes]>((slot) => {
    this.#announced = slot
  })
  #announced: Handler<[channel: Bytes, message: Bytes]> | null = null
  readonly #host: PropagationHost
  readonly #stats: Stats
  readonly #room: Siblings
  #lines: readonly Line[] = NO_LINES
  #depth = 0

  constructor(host: PropagationHost, room: Siblings) {
    this.#host = host
    this.#stats = host.figures.stats
    this.#room = room
  }

  /** Gives a sink everything from now on, behind those that are there. */
  add(sink: EffectSink): void {
    this.#set([...this.#lines, new Line(sink)])
  }

  /** Gives a sink nothing more. */
  remove(sink: EffectSink): void {
    this.#set(this.#lines.filter((line) => line.sink !== sink))
  }

  #set(lines: readonly Line[]): void {
    this.#lines = lines
    this.on = lines.length > 0
  }

  // ── units ────────────────────────────────────────────────────────────────

  /** Opens a unit: everything propagated until `endUnit` is replayed wholly or not at all. Nests. */
  beginUnit(): void {
    this.#depth++
  }

  endUnit(): void {
    assert(this.#depth > 0, 'invariant 4: a unit that ends has begun')
    if (--this.#depth > 0) return
    this.endsWithCommand = false
    const lines = this.#lines
    for (let i = 0; i < lines.length; i++) {
      const line = itemAt(lines, i)
      if (!line.begun) continue
      line.begun = false
      line.sink.endUnit()
    }
  }

  /** True while something of an open unit was passed on already. */
  get unitBegun(): boolean {
    return this.#lines.some(({ begun }) => begun)
  }

  /** Forgets what the open unit has passed on: the server ends, and nobody is told of what comes after this. */
  abandonUnit(): void {
    if (!this.unitBegun) return
    for (const { begun, sink } of this.#lines) if (begun) sink.abandonUnit?.()
    this.#set(NO_LINES)
  }

  // ── effects ──────────────────────────────────────────────────────────────

  /** A command that changed something has ended: passes its effects on. */
  settle(call: Call): void {
    const { durability, history } = this.#room
    const stats = this.#stats
    const { turn } = this.#host.requests
    stats.changesSinceSave += call.changes
    if (!this.on || call.client.origin === 'replay') return
    const { effects } = call
    if (effects === undefined) {
      this.#appendRequest(call.db.index, call.args)
    } else {
      if (effects.length > 1) this.beginUnit()
      for (let i = 0; i < effects.length; i++) this.#append(call.db.index, itemAt(effects, i))
      if (effects.length > 1) this.endUnit()
    }
    durability.wrote(call.client)
    call.client.streamOffset = history.offset
    turn.endSoon()
  }

  /**
   * Passes on what happened without a command that did it: a key's time was up, or it was evicted. Where a command came across it, both are
   * one unit, as in Redis.
   */
  happened(database: number, effect: Effect): void {
    if (!this.on) return
    if (this.#depth === 0 && this.#host.requests.runner.client !== undefined) {
      this.beginUnit()
      this.endsWithCommand = true
    }
    if (effect instanceof Arguments) this.#appendRequest(database, effect)
    else this.#append(database, effect)
    this.#host.requests.turn.endSoon()
  }

  /** Passes on a request that changes nothing here but is heard elsewhere (PUBLISH), to those who want messages. */
  message(database: number, args: Arguments): void {
    const lines = this.#lines
    for (let i = 0; i < lines.length; i++) {
      const line = itemAt(lines, i)
      if (line.sink.takesMessages === true) this.#begin(line).appendRequest(database, args)
    }
  }

  /** As `message`, for a message that no request says word for word. */
  published(kind: ChannelKind, channel: Bytes, message: Bytes): void {
    const command = kind === 'shard' ? 'SPUBLISH' : 'PUBLISH'
    const lines = this.#lines
    for (let i = 0; i < lines.length; i++) {
      const line = itemAt(lines, i)
      if (line.sink.takesMessages === true) this.#begin(line).append(0, [command, channel, message])
    }
  }

  /** True while other shards want to hear what begins here. */
  get announces(): boolean {
    return this.#announced !== null
  }

  /** Tells other shards of a message to a channel. */
  announce(channel: Bytes, message: Bytes): void {
    if (this.#announced !== null) this.#announced(channel, message)
  }

  #appendRequest(database: number, args: Arguments): void {
    const lines = this.#lines
    for (let i = 0; i < lines.length; i++) this.#begin(itemAt(lines, i)).appendRequest(database, args)
  }

  #append(database: number, words: readonly Word[]): void {
    assert(words.length > 0, 'invariant 4: an effect is a command')
    const lines = this.#lines
    for (let i = 0; i < lines.length; i++) this.#begin(itemAt(lines, i)).append(database, words)
  }

  /** The sink of a line, with the surrounding unit begun. */
  #begin(line: Line): EffectSink {
    if (CHECKED) assert(this.#depth > 0 || !line.begun, 'invariant 4: no unit is left open at a sink')
    if (this.#depth > 0 && !line.begun) {
      line.begun = true
      line.sink.beginUnit()
    }
    return line.sink
  }
}
