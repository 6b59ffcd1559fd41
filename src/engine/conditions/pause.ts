// Pauses: commands wait until a time, or until whoever began the pause ends it.
//
// There may be several at once, each for a reason of its own (CLIENT PAUSE is one): who ends one
// leaves the others alone, and the strictest counts. Requests are postponed (postponed.ts) until
// the last has ended. Who was parked before stays parked: its timeout and CLIENT UNBLOCK work as
// ever, because answering "nothing came" changes nothing.

import type { Arguments } from '../../protocol/arguments.ts'
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

/** Who has commands wait: CLIENT PAUSE, or what must not be disturbed. */
export type PauseReason = 'client' | 'failover' | 'saving' | 'shutdown'

/** The commands that are postponed: all, or only those that may write. */
export type PauseMode = 'all' | 'write'

export class Pause {
  /** The mode of the strictest pause. */
  mode: PauseMode = 'write'
  /** Told that commands run again. */
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
    return this.#host.conditions.state.paused.holds
  }

  /** Whether there is a pause for this reason. */
  isFor(reason: PauseReason): boolean {
    return this.#pauses.has(reason)
  }

  /** Begins or prolongs a pause; `all` wins over `write`, the later end over the earlier. */
  begin(reason: PauseReason, mode: PauseMode, untilMs: number): void {
    const before = this.#pauses.get(reason)
    this.#pauses.set(reason, {
      mode: before?.mode === 'all' ? 'all' : mode,
      untilMs: Math.max(before?.untilMs ?? 0, untilMs),
    })
    this.#follow()
  }

  /** Ends the pause for a reason; if it was the last, everybody's request runs now, in order of arrival. */
  end(reason: PauseReason): void {
    this.#pauses.delete(reason)
    this.#follow()
  }

  /** Ends all of them. */
  stop(): void {
    this.#pauses.clear()
    this.#follow()
  }

  /** Puts off a client's current request until the pause ends. */
  postpone(client: Client, args: Arguments): void {
    this.#postponed.add(client, args)
  }

  /** The client is gone. */
  forget(client: Client): void {
    this.#postponed.forget(client)
  }

  /** Finds out what holds now, and until when. */
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
      if (state.paused.holds) {
        state.paused.end()
        this.#host.effects.role.followPause()
      }
      this.#postponed.resume()
      this.#ended?.()
      return
    }
    if (!state.paused.holds) {
      state.paused.begin()
      this.#host.effects.role.followPause()
    }
    // A clock's timers may be shorter than a pause may be: it looks again then.
    if (nextMs < Number.MAX_SAFE_INTEGER) this.#timer = clock.after(nextMs - now, () => this.#follow())
  }
}
