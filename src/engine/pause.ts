// CLIENT PAUSE: commands wait until a time, or until CLIENT UNPAUSE.
//
// Requests are postponed (postponed.ts) until the pause ends. Who was parked before the
// pause stays parked: its timeout and CLIENT UNBLOCK work as ever, because answering
// "nothing came" changes nothing.

import type { Arguments } from '../protocol/arguments.ts'
import type { Clock, Timer } from '../util/clock.ts'
import { type Listener, Seats } from '../util/seats.ts'
import type { Client } from './client.ts'
import { PostponedClients, type PostponedHost } from './postponed.ts'
import type { ServerState } from './state.ts'

export interface PauseHost extends PostponedHost {
  readonly clock: Clock
  readonly state: ServerState
}

export class Pause {
  /** The commands that are postponed: all, or only those that may write. */
  mode: 'all' | 'write' = 'write'
  untilMs = 0
  /** Told that commands run again. */
  readonly ended = new Seats<[]>((slot) => {
    this.#ended = slot
  })
  #ended: Listener<[]> | null = null
  readonly #host: PauseHost
  readonly #postponed: PostponedClients
  #timer: Timer | undefined = undefined

  constructor(host: PauseHost) {
    this.#host = host
    this.#postponed = new PostponedClients(host)
  }

  get active(): boolean {
    return this.#host.state.paused.holds
  }

  /** Begins or prolongs a pause; `all` wins over `write`, the later end over the earlier. */
  begin(mode: 'all' | 'write', untilMs: number): void {
    this.mode = this.active && this.mode === 'all' ? 'all' : mode
    this.untilMs = this.active ? Math.max(this.untilMs, untilMs) : untilMs
    this.#host.state.paused.begin()
    this.#arm()
  }

  /** Ends the pause: everybody's request runs now, in order of arrival. */
  end(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#host.state.paused.end()
    this.#postponed.resume()
    this.#ended?.()
  }

  /** Puts off a client's current request until the pause ends. */
  postpone(client: Client, args: Arguments): void {
    this.#postponed.add(client, args)
  }

  /** The client is gone. */
  forget(client: Client): void {
    this.#postponed.forget(client)
  }

  #arm(): void {
    this.#timer?.cancel()
    const { clock } = this.#host
    this.#timer = clock.after(Math.max(0, this.untilMs - clock.now()), () => {
      // A clock's timers may be shorter than a pause may be.
      if (clock.now() < this.untilMs) this.#arm()
      else this.end()
    })
  }
}
