// CLIENT PAUSE: commands wait until a time, or until CLIENT UNPAUSE.
//
// A held client keeps its request and stops reading further ones; when the pause
// ends all go on in the order in which they were held. Who was parked before the
// pause stays parked: its timeout and CLIENT UNBLOCK work as ever, because answering
// "nothing came" changes nothing.

import type { Arguments } from '../protocol/arguments.ts'
import type { Clock, Timer } from '../util/clock.ts'
import type { Client } from './client.ts'
import type { ServerState } from './state.ts'

export interface PauseHost {
  readonly clock: Clock
  readonly state: ServerState
  readonly turn: { resumeSoon(client: Client): void }
}

export class Pause {
  /** What waits: everything, or only commands that may write. */
  mode: 'all' | 'write' = 'write'
  untilMs = 0
  readonly #host: PauseHost
  readonly #waiting = new Set<Client>()
  #timer: Timer | undefined = undefined

  constructor(host: PauseHost) {
    this.#host = host
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
    for (const client of this.#waiting) {
      client.paused = false
      this.#host.turn.resumeSoon(client)
    }
    this.#waiting.clear()
  }

  /** Holds a client's current request, which will be run when the pause ends. */
  hold(client: Client, args: Arguments): void {
    client.paused = true
    client.heldRequest = args.copy()
    this.#waiting.add(client)
  }

  /** The client is gone. */
  forget(client: Client): void {
    client.heldRequest = undefined
    this.#waiting.delete(client)
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
