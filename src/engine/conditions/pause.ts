// Pauses: commands wait until a time, or until the cause of the pause ends it.
//
// Several pauses may run at once, each for a reason of its own (CLIENT PAUSE is one). To end one
// leaves the others in force, and the strictest counts. Requests are postponed (postponed.ts) until
// the last pause has ended. A client that was parked before stays parked. Its timeout and CLIENT
// UNBLOCK work as ever, because a reply without an element changes no data.

import type { Arguments } from '../../protocol/arguments.ts'
import { assert } from '../../util/assert.ts'
import { type Handler, Handlers } from '../../util/tables/handlers.ts'
import type { Clock, Timer } from '../../util/time/clock.ts'
import type { Client } from '../clients/client.ts'
import { PostponedClients, type PostponedHost } from './postponed.ts'
import type { ServerState } from './state.ts'

export interface PauseHost extends PostponedHost {
  readonly environment: {
    readonly clock: Clock
  }
  readonly conditions: {
    readonly state: ServerState
  }
  readonly effects: {
    /** Keys that are due do not expire during a pause. */
    readonly role: { followPause(): void }
  }
}

/** The reason for a pause: CLIENT PAUSE, or work that commands must not disturb. */
export type PauseReason = 'client' | 'failover' | 'saving' | 'shutdown'

/** The commands that are postponed: all, or only those that may write. */
export type PauseMode = 'all' | 'write'

export class Pause {
  /** The mode of the strictest pause. */
  mode: PauseMode = 'write'
  /** Called when the last pause has ended. */
  readonly ended = new Handlers<[]>((slot) => {
    this.#ended = slot
  })
  #ended: Handler<[]> | null = null
  readonly #host: PauseHost
  readonly #postponed: PostponedClients
  readonly #pauses = new Map<PauseReason, { mode: PauseMode; untilMs: number }>()
  #timer: Timer | undefined = undefined

  constructor(host: PauseHost) {
    this.#host = host
    this.#postponed = new PostponedClients(host)
  }

  get active(): boolean {
    return this.#host.conditions.state.delays.paused.holds
  }

  /** Tells if there is a pause for this reason. */
  isFor(reason: PauseReason): boolean {
    return this.#pauses.has(reason)
  }

  /** Begins or prolongs a pause. Of two modes `all` counts, of two times the later. */
  begin(reason: PauseReason, mode: PauseMode, untilMs: number): void {
    const before = this.#pauses.get(reason)
    this.#pauses.set(reason, {
      mode: before?.mode === 'all' ? 'all' : mode,
      untilMs: Math.max(before?.untilMs ?? 0, untilMs),
    })
    this.#follow()
  }

  /**
   * Ends the pause for a reason. After the last pause the postponed requests run, in order of
   * arrival.
   */
  end(reason: PauseReason): void {
    this.#pauses.delete(reason)
    this.#follow()
    assert(this.active === this.#pauses.size > 0, 'commands wait as long as a pause has a reason')
  }

  /** Ends all pauses. */
  stop(): void {
    this.#pauses.clear()
    this.#follow()
  }

  /** Postpones a client's current request until the last pause ends. */
  postpone(client: Client, args: Arguments): void {
    this.#postponed.add(client, args)
  }

  /** Forgets a client that is gone. */
  forget(client: Client): void {
    this.#postponed.forget(client)
  }

  /** Works out the strictest mode and the next end, and sets the timer. */
  #follow(): void {
    const { clock } = this.#host.environment
    const { state } = this.#host.conditions
    const now = clock.now()
    let mode: PauseMode = 'write'
    let nextMs = Number.POSITIVE_INFINITY
    for (const [reason, pause] of this.#pauses) {
      if (pause.untilMs <= now) {
        this.#pauses.delete(reason)
        continue
      }
      if (pause.mode === 'all') mode = 'all'
      nextMs = Math.min(nextMs, pause.untilMs)
    }
    this.mode = mode
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#pauses.size === 0) {
      if (state.delays.paused.holds) {
        state.delays.paused.end()
        this.#host.effects.role.followPause()
      }
      this.#postponed.resume()
      this.#ended?.()
      return
    }
    if (!state.delays.paused.holds) {
      state.delays.paused.begin()
      this.#host.effects.role.followPause()
    }
    // A clock's timers may be shorter than a pause. Then this runs once more in between.
    if (nextMs < Number.MAX_SAFE_INTEGER) this.#timer = clock.after(nextMs - now, () => this.#follow())
  }
}
