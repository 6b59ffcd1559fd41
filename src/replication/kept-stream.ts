// The stream while it is kept: effects go into the backlog, or somebody else's stream is passed on there, and it is known how much
// of it may be sent.
//
//   keep     from now on it is kept: the effects of commands here where this server leads, what its primary sends where it follows one
//   forget   it is dropped, and no more is kept
//
// It may be sent as far as the journal has it: written, or synced where some key's policy asks for that. So a replica never
// has what a restart of this server would lose.

import type { Word } from '../engine/effects/effects.ts'
import type { Engine } from '../engine/engine.ts'
import { assert } from '../util/assert.ts'
import { Source } from '../util/bytes/bytes.ts'
import { Backlog } from './backlog.ts'
import { Stream } from './stream.ts'

/** A turn's end: how far the journal was then, and the stream. */
interface Mark {
  readonly journal: number
  readonly stream: number
}

export class KeptStream {
  /** False while the stream is somebody else's, passed on: nothing may be added to it here. */
  leadsItself = true
  /** Offset up to which it may be sent. */
  sendable = 0
  readonly #engine: Engine
  readonly #neededFrom: () => number
  #backlog: Backlog | undefined = undefined
  #stream: Stream | undefined = undefined
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

  /** The database that the next effect is in unless it says its own; undefined while nothing is kept. */
  get database(): number | undefined {
    return this.#stream && Math.max(0, this.#stream.database)
  }

  /** Begins to encode what happens, unless that is done already. */
  keep(): void {
    if (this.#stream !== undefined) return
    const { config, history, propagation } = this.#engine
    const backlog = new Backlog(history.offset, config.get('repl-backlog-size'), this.#neededFrom)
    this.#backlog = backlog
    this.#stream = new Stream(backlog, history)
    this.sendable = history.offset
    if (this.leadsItself) propagation.add(this.#stream)
  }

  /** Drops it: nobody can go on from it. */
  forget(): void {
    if (this.#stream !== undefined) this.#engine.propagation.remove(this.#stream)
    this.#stream = undefined
    this.#backlog = undefined
    this.#marks = []
  }

  // ── whose it is ──────────────────────────────────────────────────────────

  /** A primary is followed: its stream is passed on, and nothing is added to it here. */
  passOn(): void {
    this.leadsItself = false
    if (this.#stream !== undefined) this.#engine.propagation.remove(this.#stream)
  }

  /** Nobody is followed any more: what happens here is the stream, behind what was passed on. */
  lead(): void {
    this.leadsItself = true
    if (this.#stream === undefined) return
    // Replicas know which database the primary's stream was in, and we do not.
    this.sayDatabase()
    this.#engine.propagation.add(this.#stream)
  }

  // ── what goes into it ────────────────────────────────────────────────────

  get #kept(): Stream {
    assert(this.#stream !== undefined, 'what goes into the stream comes while one is kept')
    return this.#stream
  }

  /** The next effect says its database. */
  sayDatabase(): void {
    this.#kept.database = -1
  }

  /** Adds bytes of somebody else's stream. */
  copy(bytes: Buffer): void {
    this.#kept.copy(new Source(bytes), 0, bytes.length)
  }

  /** Adds what happened before anything was kept. */
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

  /** At the end of a turn: finds out up to where the journal has what was streamed. */
  followJournal(): void {
    const backlog = this.#backlog
    assert(backlog !== undefined, 'how far may be sent is asked while a stream is kept')
    const { end } = backlog
    const { progress } = this.#engine.durability
    if (!progress.enabled) {
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
    if (marks.length === 0 || marks[marks.length - 1]!.stream < end)
      marks.push({ journal: progress.appended, stream: end })
    let passed = 0
    while (passed < marks.length && marks[passed]!.journal <= reached) this.sendable = marks[passed++]!.stream
    if (passed > 0) marks.splice(0, passed)
  }
}
