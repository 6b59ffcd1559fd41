// The stream while it is kept in the backlog, and how much of it may be sent.
//
//   keep     keeps the stream from now on: the effects of commands here when this server leads, the
//            primary's stream when it follows one
//   forget   drops it, and stops keeping it
//
// The stream may be sent as far as the journal has it: written, or synced when the policy of some
// key requires that. So a replica never has anything that a restart of this server would lose.

import type { Word } from '../engine/effects/effects.ts'
import type { Engine } from '../engine/engine.ts'
import { itemAt } from '../util/array-reads.ts'
import { assert } from '../util/assert.ts'
import { Source } from '../util/bytes/bytes.ts'
import { CHECKED } from '../util/invariant.ts'
import { Backlog } from './backlog.ts'
import { EffectEncoder } from './effect-encoder.ts'

/** The offsets of journal and stream at the end of a turn. */
interface Mark {
  readonly journal: number
  readonly stream: number
}

export class BackloggedStream {
  /** False while the primary's stream is passed on: nothing may be added to it here. */
  leadsItself = true
  /** The offset up to which the stream may be sent. */
  sendable = 0
  readonly #engine: Engine
  readonly #neededFrom: () => number
  #backlog: Backlog | undefined = undefined
  #stream: EffectEncoder | undefined = undefined
  /** Turns whose effects the journal may not have yet. */
  #marks: Mark[] = []

  /** `neededFrom` returns the offset of the first byte that a replica may still read. */
  constructor(engine: Engine, neededFrom: () => number) {
    this.#engine = engine
    this.#neededFrom = neededFrom
    engine.config.onChange('repl-backlog-size', (bytes) => {
      if (this.#backlog === undefined) return
      this.#backlog.keepBytes = bytes
      this.#backlog.trim()
    })
  }

  /** Undefined while nothing is kept. */
  get backlog(): Backlog | undefined {
    return this.#backlog
  }

  /**
   * The database of the next effect, unless it begins with SELECT; undefined while nothing is kept.
   */
  get database(): number | undefined {
    return this.#stream && Math.max(0, this.#stream.database)
  }

  /** Begins to keep the stream, unless it is kept already. */
  keep(): void {
    if (this.#stream !== undefined) return
    const { config } = this.#engine
    const { history, propagation } = this.#engine.effects
    assert(this.#backlog === undefined, 'a stream and its backlog are kept together')
    const backlog = new Backlog(history.offset, config.get('repl-backlog-size'), this.#neededFrom)
    this.#backlog = backlog
    this.#stream = new EffectEncoder(backlog, history)
    this.sendable = history.offset
    if (this.leadsItself) propagation.add(this.#stream)
  }

  /** Drops the stream: replicas can no longer continue from it. */
  forget(): void {
    if (this.#stream !== undefined) this.#engine.effects.propagation.remove(this.#stream)
    this.#stream = undefined
    this.#backlog = undefined
    this.#marks = []
  }

  // ── leading or passing on ──────────────────────────────────────────────────────────

  /** This server follows a primary: its stream is passed on, and nothing is added to it here. */
  passOn(): void {
    assert(this.leadsItself, 'a stream that is passed on was led before')
    this.leadsItself = false
    if (this.#stream !== undefined) this.#engine.effects.propagation.remove(this.#stream)
  }

  /**
   * This server follows no primary any more: its own effects are the stream, behind what was passed
   * on.
   */
  lead(): void {
    assert(!this.leadsItself, 'a stream that is led was passed on before')
    this.leadsItself = true
    if (this.#stream === undefined) return
    // Replicas know which database the primary's stream was in; this server does not.
    this.sayDatabase()
    this.#engine.effects.propagation.add(this.#stream)
  }

  // ── what goes into it ────────────────────────────────────────────────────

  get #kept(): EffectEncoder {
    assert(this.#stream !== undefined, 'effects are streamed while a stream is kept')
    return this.#stream
  }

  /** The next effect begins with SELECT. */
  sayDatabase(): void {
    this.#kept.database = -1
  }

  /** Adds bytes of the primary's stream. */
  copy(bytes: Buffer): void {
    this.#kept.copy(new Source(bytes), 0, bytes.length)
  }

  /** Adds an effect from before anything was kept. */
  append(database: number, words: readonly Word[]): void {
    this.#kept.append(database, words)
  }

  ping(): void {
    this.#kept.ping()
  }

  askForAcknowledgements(): void {
    this.#kept.askForAcknowledgements()
  }

  // ── how far it may be sent ───────────────────────────────────────────────

  /** At the end of a turn: updates how far the journal has what was streamed. */
  followJournal(): void {
    const backlog = this.#backlog
    assert(backlog !== undefined, 'the end is asked for while a stream is kept')
    const { end } = backlog
    const { progress } = this.#engine.effects.durability
    if (CHECKED) assert(!this.#kept.isInUnit, 'invariant 4: the stream is sent between two units')
    if (CHECKED) assert(end === this.#engine.effects.history.offset, 'the backlog ends at the offset of the history')
    if (CHECKED) assert(this.sendable <= end, 'no more of the stream is sent than there is')
    if (!progress.enabled) {
      // Another journal counts from its own beginning.
      this.#marks.length = 0
      this.sendable = end
      return
    }
    const reached = progress.waits ? progress.synced : progress.written
    const marks = this.#marks
    if (reached >= progress.appended) {
      marks.length = 0
      this.sendable = end
      return
    }
    if (marks.length === 0 || itemAt(marks, marks.length - 1).stream < end)
      marks.push({ journal: progress.appended, stream: end })
    let passed = 0
    const before = this.sendable
    while (passed < marks.length && itemAt(marks, passed).journal <= reached)
      this.sendable = itemAt(marks, passed++).stream
    if (CHECKED) assert(this.sendable >= before, 'invariant 3: the offset that may be sent only grows')
    if (passed > 0) marks.splice(0, passed)
  }
}
