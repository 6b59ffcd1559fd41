// Hands the effects of every unit to all sinks, in order (invariant 4).
//
// EXEC, a script and a command with several effects open a unit. The first effect begins the unit
// at each sink that takes it, so a unit without effects leaves no trace.

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

/** The parts of the same room, which were made before. */
interface Siblings {
  /** Is told of each client whose command had effects. */
  readonly durability: { wrote(client: Client): void }
  readonly history: { readonly offset: number }
}

/** A sink, and if the open unit has begun there. */
class Line {
  readonly sink: EffectSink
  begun = false

  constructor(sink: EffectSink) {
    this.sink = sink
  }
}

const NO_LINES: readonly Line[] = []

export class Propagation {
  /** False while there is no sink: then no effects are made. */
  on = false
  /**
   * An expiry or eviction within the running command has opened a unit, which the command's own
   * effects join. The runner ends the unit with the command.
   */
  endsWithCommand = false
  /**
   * Called with each message to a channel, and each keyspace event, that begins here. Other shards
   * may want them, though they get no effects (src/shards).
   */
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

  /** Adds a sink behind the others. It gets all effects from now on. */
  add(sink: EffectSink): void {
    this.#set([...this.#lines, new Line(sink)])
  }

  /** Removes a sink. It gets no more effects. */
  remove(sink: EffectSink): void {
    this.#set(this.#lines.filter((line) => line.sink !== sink))
  }

  #set(lines: readonly Line[]): void {
    this.#lines = lines
    this.on = lines.length > 0
  }

  // ── units ────────────────────────────────────────────────────────────────

  /** Opens a unit: the effects up to `endUnit` are replayed wholly or not at all. Units nest. */
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

  /** True while a sink has effects of an open unit. */
  get unitBegun(): boolean {
    return this.#lines.some(({ begun }) => begun)
  }

  /**
   * Takes the open unit back from the sinks, and removes them: the server ends, and no effect may
   * follow.
   */
  abandonUnit(): void {
    if (!this.unitBegun) return
    assert(this.#depth > 0, 'invariant 4: a unit that has begun at a sink is open')
    for (const { begun, sink } of this.#lines) if (begun) sink.abandonUnit?.()
    this.#set(NO_LINES)
  }

  // ── effects ──────────────────────────────────────────────────────────────

  /** Passes on the effects of a command that has changed something. */
  settle(call: Call): void {
    const { durability, history } = this.#room
    const stats = this.#stats
    const { turn } = this.#host.requests
    stats.changesSinceSave += call.changes
    if (!this.on || call.client.connection.origin === 'replay') return
    const { effects } = call
    if (CHECKED) checkReplays(call)
    if (effects === undefined) {
      this.#appendRequest(call.db.index, call.args)
    } else {
      if (effects.length > 1) this.beginUnit()
      for (let i = 0; i < effects.length; i++) this.#append(call.db.index, itemAt(effects, i))
      if (effects.length > 1) this.endUnit()
    }
    durability.wrote(call.client)
    call.client.output.streamOffset = history.offset
    turn.endSoon()
  }

  /**
   * Passes on a change that no command made: an expiry or an eviction. If it happens within a
   * command, both are one unit, as in Redis.
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

  /** Passes on a request that changes no data (PUBLISH), to the sinks that take messages. */
  message(database: number, args: Arguments): void {
    const lines = this.#lines
    for (let i = 0; i < lines.length; i++) {
      const line = itemAt(lines, i)
      if (line.sink.takesMessages === true) this.#begin(line).appendRequest(database, args)
    }
  }

  /** As `message`, for a message that no request carries word for word. */
  published(kind: ChannelKind, channel: Bytes, message: Bytes): void {
    const command = kind === 'shard' ? 'SPUBLISH' : 'PUBLISH'
    const lines = this.#lines
    for (let i = 0; i < lines.length; i++) {
      const line = itemAt(lines, i)
      if (line.sink.takesMessages === true) this.#begin(line).append(0, [command, channel, message])
    }
  }

  /** True while other shards want the messages that begin here. */
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

  /** Returns a line's sink. If a unit is open, it is begun there first. */
  #begin(line: Line): EffectSink {
    if (CHECKED) assert(this.#depth > 0 || !line.begun, 'invariant 4: no unit is left open at a sink')
    if (this.#depth > 0 && !line.begun) {
      line.begun = true
      line.sink.beginUnit()
    }
    return line.sink
  }
}

/**
 * Commands whose outcome depends on the clock, on chance or on waiting. Each propagates effects
 * that do not.
 */
const NEVER_REPLAYED = new Set(
  'expire pexpire setex psetex getex incrbyfloat hincrbyfloat spop blpop brpop blmove brpoplpush blmpop bzpopmin bzpopmax bzmpop xreadgroup'.split(
    ' ',
  ),
)

function checkReplays({ client, command, effects }: Call): void {
  const isSafe = effects !== undefined || client.isObeyed || !NEVER_REPLAYED.has(command.name)
  assert(isSafe, 'invariant 4: effects need no clock, no chance and no waiting')
}
