// Clients that do not read fast enough: `client-output-buffer-limit`, as in Redis.
//
// A client is disconnected if its backlog passes the hard limit of its class, or stays above the
// soft one for longer than the limit's time. So the server's memory stays bounded and publishers
// never wait.
//
// The backlog is the output that waits in the client, and the bytes that its transport holds. It is
// checked when the turn's output was handed over. Within a turn it is checked as soon as the output
// alone could be too much, for instance of a publisher that pipelines huge messages. A client over
// its limit gets nothing more. Its connection ends with the turn, because a fan-out may be in
// progress. A timer finds the clients that have been over the soft limit for too long and are sent
// nothing.
//
// A client that has not authenticated may have far less, whatever the setting says: such a client,
// by sending commands and reading no reply, must not fill the memory.

import type { Config } from '../../config/config.ts'
import { OUTPUT_CLASSES } from '../../config/config-table.ts'
import { UNAUTHENTICATED_REPLY_BYTES_MAX, UNAUTHENTICATED_UNREAD_BYTES_MAX } from '../../protocol/limits.ts'
import { assert } from '../../util/assert.ts'
import type { Clock, Timer } from '../../util/time/clock.ts'
import type { Stats } from '../figures/stats.ts'
import type { Log } from '../log.ts'
import type { Client, ClientClass } from './client.ts'

export interface OutputLimitsHost {
  readonly config: Config
  readonly environment: {
    readonly clock: Clock
    readonly log: Log
  }
  readonly figures: {
    readonly stats: Stats
  }
  readonly requests: {
    readonly replies: { markFor(client: Client): void }
    readonly turn: { flushSoon(client: Client): void }
  }
}

export class OutputLimits {
  /** The lowest limit of any class: a client with less output is under its limit. */
  leastBytes = Number.POSITIVE_INFINITY
  readonly #host: OutputLimitsHost
  /** Clients over their soft limit. */
  readonly #behind = new Set<Client>()
  #timer: Timer | undefined = undefined

  constructor(host: OutputLimitsHost) {
    this.#host = host
    host.config.onChange('client-output-buffer-limit', () => this.#configure())
    this.#configure()
  }

  #configure(): void {
    const limits = this.#host.config.get('client-output-buffer-limit')
    this.leastBytes = Number.POSITIVE_INFINITY
    for (const name of OUTPUT_CLASSES) {
      const { hardBytes, softBytes } = limits[name]
      if (hardBytes !== 0) this.leastBytes = Math.min(this.leastBytes, hardBytes)
      if (softBytes !== 0) this.leastBytes = Math.min(this.leastBytes, softBytes)
    }
  }

  /**
   * Checks a client's backlog; returns true when it is over its limit, and will be disconnected
   * with this turn.
   */
  check(client: Client): boolean {
    if (client.output.overLimit) return true
    if (client.isObeyed || client.connection.closed) return false
    const backlog = client.outputBytes
    if (!client.authenticated && isTooMuchForStranger(client)) {
      this.#end(client, client.outputClass, backlog)
      return true
    }
    const limit = this.#host.config.get('client-output-buffer-limit')[client.outputClass]
    // A replica that may go on within the backlog must not be disconnected for it.
    const keptBytes = client.outputClass === 'replica' ? this.#host.config.get('repl-backlog-size') : 0
    if (limit.hardBytes !== 0 && backlog >= Math.max(limit.hardBytes, keptBytes)) {
      this.#end(client, client.outputClass, backlog)
      return true
    }
    if (limit.softBytes === 0 || backlog < limit.softBytes) {
      this.forget(client)
      return false
    }
    const now = this.#host.environment.clock.now()
    if (client.output.softLimitSinceMs === 0) {
      client.output.softLimitSinceMs = now
      this.#behind.add(client)
      this.#arm()
      return false
    }
    if (now - client.output.softLimitSinceMs <= limit.softSeconds * 1000) return false
    this.#end(client, client.outputClass, backlog)
    return true
  }

  /** As `check`, right after a command: its reply is counted too. */
  checkReply(client: Client): void {
    this.#host.requests.replies.markFor(client)
    this.check(client)
  }

  /** Forgets a client that keeps up again, or is gone. */
  forget(client: Client): void {
    if (client.output.softLimitSinceMs === 0) return
    client.output.softLimitSinceMs = 0
    this.#behind.delete(client)
  }

  /** Cancels the timer. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #end(client: Client, outputClass: ClientClass, backlogBytes: number): void {
    assert(!client.output.overLimit && !client.isObeyed, 'invariant 8: a client exceeds its output limit once')
    const { log } = this.#host.environment
    const { stats } = this.#host.figures
    const { turn } = this.#host.requests
    log.warn(
      { client: client.connection.transport.address, class: outputClass, backlogBytes },
      'closing a client that does not read its replies fast enough',
    )
    stats.outputLimitDisconnects++
    this.forget(client)
    client.output.overLimit = true
    client.dropOutput()
    turn.flushSoon(client)
  }

  /**
   * Sets the timer to the time when the first client will have been over its soft limit for too
   * long.
   */
  #arm(): void {
    if (this.#timer !== undefined || this.#behind.size === 0) return
    const limits = this.#host.config.get('client-output-buffer-limit')
    let due = Number.POSITIVE_INFINITY
    for (const client of this.#behind) {
      assert(client.output.softLimitSinceMs > 0, 'a client over its soft limit has exceeded it at some time')
      // Redis counts whole seconds and lets the last one pass.
      due = Math.min(due, client.output.softLimitSinceMs + limits[client.outputClass].softSeconds * 1000 + 1)
    }
    this.#timer = this.#host.environment.clock.after(Math.max(0, due - this.#host.environment.clock.now()), this.#fired)
  }

  readonly #fired = (): void => {
    this.#timer = undefined
    for (const client of this.#behind) this.check(client)
    this.#arm()
  }
}

/**
 * True when a client that has not authenticated has too many replies of this turn, or too many that
 * it did not read.
 */
function isTooMuchForStranger({ pendingBytes, connection: { transport } }: Client): boolean {
  return pendingBytes > UNAUTHENTICATED_REPLY_BYTES_MAX || transport.backlogBytes > UNAUTHENTICATED_UNREAD_BYTES_MAX
}
