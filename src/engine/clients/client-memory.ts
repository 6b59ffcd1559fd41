// The memory of all connections together, and `maxmemory-clients`: when they take too much, the
// largest are closed.
//
// A client that asks and reads its replies takes a constant. It may hold more: a request of which
// only a part has come, the queue of MULTI, its subscriptions, replies that it does not read. Those
// are counted when they change: when bytes came in, and when a reply did not leave at once. A
// socket does not report that it has taken waiting bytes in the end. Therefore clients with unread
// replies are counted again until they have read all. So idle clients cost nothing.

import type { Config } from '../../config/config.ts'
import { assert } from '../../util/assert.ts'
import { CHECKED } from '../../util/invariant.ts'
import type { Clock, Timer } from '../../util/time/clock.ts'
import type { Stats } from '../figures/stats.ts'
import type { Log } from '../log.ts'
import { CLIENT_BYTES, type Client } from './client.ts'

/** The interval at which clients with unread replies are counted again. */
const LOOK_MS = 100
/**
 * Smaller limits are raised to this value, as in Redis: below it no client could send commands any
 * more.
 */
const LIMIT_BYTES_MIN = 128 * 1024

export interface ClientMemoryHost {
  readonly config: Config
  readonly environment: {
    readonly workClock: Clock
    readonly log: Log
  }
  readonly figures: {
    readonly stats: Stats
  }
  readonly clients: {
    readonly connected: { values(): Iterable<Client>; close(client: Client, when: 'flushed' | 'now'): void }
  }
  readonly requests: {
    readonly turn: { endSoon(): void }
  }
}

export class ClientMemory {
  /** Bytes of all connections. */
  bytes = 0
  readonly #host: ClientMemoryHost
  /** Clients with unread replies. */
  readonly #unread = new Set<Client>()
  #timer: Timer | undefined = undefined
  /** The most bytes of all connections; +Infinity = no limit. */
  #limitBytes = Number.POSITIVE_INFINITY
  /**
   * Bytes that were left when all clients that may be closed were closed. Until there are more,
   * another try is of no use.
   */
  #unavoidableBytes = 0

  constructor(host: ClientMemoryHost) {
    this.#host = host
    host.config.onChange('maxmemory-clients', () => this.#configure())
    host.config.onChange('maxmemory', () => this.#configure())
    this.#configure()
  }

  #configure(): void {
    const { config } = this.#host
    const text = config.get('maxmemory-clients')
    const percent = text.endsWith('%') ? Number(text.slice(0, -1)) : undefined
    const bytes = percent === undefined ? Number(text) : (config.get('maxmemory') * percent) / 100
    this.#limitBytes = bytes === 0 ? Number.POSITIVE_INFINITY : Math.max(LIMIT_BYTES_MIN, Math.floor(bytes))
    this.#unavoidableBytes = 0
  }

  /**
   * Counts the bytes of a client, because they may have changed. Returns true when all clients
   * together hold too much.
   */
  note(client: Client): boolean {
    if (client.connection.closed || client.connection.origin === 'replay') return false
    const { requestBytes, heldOutputBytes } = client
    const bytes = CLIENT_BYTES + requestBytes + heldOutputBytes
    this.bytes += bytes - client.bytes.counted
    client.bytes.counted = bytes
    client.bytes.countedRequests = requestBytes
    this.#follow(client, heldOutputBytes)
    if (!this.#isTooMuch) return false
    // A request of which only a part has come gets no reply that would end this turn.
    this.#host.requests.turn.endSoon()
    return true
  }

  #follow(client: Client, heldOutputBytes: number): void {
    if (heldOutputBytes === 0) {
      this.#unread.delete(client)
      return
    }
    this.#unread.add(client)
    this.#timer ??= this.#host.environment.workClock.after(LOOK_MS, this.#look)
  }

  /** Forgets a client that is gone. */
  forget(client: Client): void {
    this.bytes -= client.bytes.counted
    client.bytes.counted = 0
    this.#unread.delete(client)
    this.#unavoidableBytes = 0
    assert(this.bytes >= 0, 'the bytes of all connections are the sum of theirs')
  }

  get #isTooMuch(): boolean {
    return this.bytes > this.#limitBytes && this.bytes > this.#unavoidableBytes
  }

  /** Closes clients, the largest first, while all together take too much. */
  enforce(): void {
    if (!this.#isTooMuch) return
    const { connected: clients } = this.#host.clients
    const { log } = this.#host.environment
    const { stats } = this.#host.figures
    const evictable = [...clients.values()].filter(
      ({ outputClass, connection: { origin, noEvict } }) =>
        origin === 'client' && !noEvict && outputClass !== 'replica',
    )
    evictable.sort((a, b) => b.bytes.counted - a.bytes.counted)
    for (const client of evictable) {
      if (this.bytes <= this.#limitBytes) return
      log.info(
        { client: client.connection.transport.address, id: client.id, bytes: client.bytes.counted },
        'evicting a client',
      )
      stats.evictedClients++
      clients.close(client, 'now')
    }
    if (this.bytes <= this.#limitBytes) return
    log.warn(
      { bytes: this.bytes, limit: this.#limitBytes },
      'over maxmemory-clients after evicting all evictable clients',
    )
    this.#unavoidableBytes = this.bytes
  }

  /** Cancels the timer. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #check(): void {
    let bytes = 0
    for (const {
      bytes: { counted: countedBytes },
    } of this.#host.clients.connected.values())
      bytes += countedBytes
    assert(bytes === this.bytes, 'the bytes of all connections are the sum of theirs')
  }

  readonly #look = (): void => {
    this.#timer = undefined
    for (const client of this.#unread) this.note(client)
    if (CHECKED) this.#check()
    this.enforce()
  }
}
