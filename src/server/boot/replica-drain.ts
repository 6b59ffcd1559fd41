// Lets replicas catch up before a server ends, for up to `shutdown-timeout`. Writes are paused
// meanwhile.

import type { ReplicaStatus } from '../../engine/effects/replication.ts'
import type { Engine } from '../../engine/engine.ts'

/** The interval between checks of the replicas' offsets. */
const LOOK_MS = 10

/** The replicas and their offsets. */
interface Followers {
  readonly onlineCount: number
  readonly statuses: readonly Pick<ReplicaStatus, 'name' | 'offset' | 'lagSeconds' | 'state'>[]
  countUpTo(offset: number, where: 'memory'): number
  askForAcknowledgements(): void
}

export class ReplicaDrain {
  readonly #engine: Engine
  readonly #followers: Followers
  /** The running wait, shared by all callers that end the server, and the function that ends it. */
  #wait: Promise<boolean> | undefined = undefined
  #abort = new AbortController()
  /** The end of the wait, in the machine's time. */
  #untilMs = 0

  constructor(engine: Engine, followers: Followers) {
    this.#engine = engine
    this.#followers = followers
  }

  /**
   * Waits until replicas have everything or the time is up. Returns false if the wait was given up
   * and writes go on. Otherwise writes stay paused until the pause for the shutdown is ended.
   */
  wait(): Promise<boolean> {
    if (this.#wait !== undefined) return this.#wait
    const abort = new AbortController()
    const wait = this.#untilTheyAreHere(abort.signal).finally(() => {
      if (this.#wait === wait) this.#wait = undefined
    })
    this.#abort = abort
    this.#wait = wait
    return wait
  }

  /** The longest time that the wait in progress may still take; undefined when there is none. */
  get millisecondsLeft(): number | undefined {
    return this.#wait && Math.round(this.#untilMs - this.#engine.environment.workClock.monotonic())
  }

  /** Ends the wait, because the server continues. Returns false when there is none. */
  giveUp(): boolean {
    if (this.#wait === undefined) return false
    this.#wait = undefined
    this.#abort.abort()
    this.#engine.conditions.pause.end('shutdown')
    return true
  }

  async #untilTheyAreHere(signal: AbortSignal): Promise<boolean> {
    const { config } = this.#engine
    const { history } = this.#engine.effects
    const { log, workClock } = this.#engine.environment
    const { pause } = this.#engine.conditions
    const followers = this.#followers
    const timeoutMs = config.get('shutdown-timeout') * 1000
    // The request for their offsets is a part of the stream, too; it comes after the bytes that
    // count.
    const { offset } = history
    const countBehind = (): number => followers.onlineCount - followers.countUpTo(offset, 'memory')
    this.#untilMs = workClock.monotonic() + timeoutMs
    if (timeoutMs === 0 || countBehind() === 0) return true
    pause.begin('shutdown', 'write', Number.MAX_SAFE_INTEGER)
    log.info({}, `${countBehind()} of ${followers.onlineCount} replicas are not in sync, waiting for them.`)
    followers.askForAcknowledgements()
    while (!signal.aborted && countBehind() > 0 && workClock.monotonic() < this.#untilMs) {
      await new Promise<void>((resolve) => void workClock.after(LOOK_MS, resolve))
    }
    if (signal.aborted) return false
    const { onlineCount } = followers
    for (const { lagSeconds, name, offset: reached, state } of followers.statuses) {
      if (reached >= offset) continue
      log.info(
        {},
        `Lagging replica ${name} reported offset ${offset - reached} behind master, lag=${lagSeconds}, state=${state}.`,
      )
    }
    log.info({}, `${onlineCount - countBehind()} of ${onlineCount} replicas are in sync when shutting down.`)
    return true
  }
}
