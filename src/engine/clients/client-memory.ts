// The memory of all connections together, and `maxmemory-clients`: the largest are closed when it is too much.
//
// A client that asks and reads its replies takes a constant. What it may have beyond that (a request that is only partly
// there, MULTI's queue, names it subscribed to, replies nobody reads) is looked at where it changes: when bytes came in,
// and when a reply did not leave at once. A socket that takes in the end what waited does not say so: who has not read all
// is looked at again until that is gone. So idle clients cost nothing.

import type { Config } from '../../config/config.ts'
import type { Clock, Timer } from '../../util/time/clock.ts'
import type { Stats } from '../figures/stats.ts'
import type { Log } from '../log.ts'
import { CLIENT_BYTES, type Client } from './client.ts'

/** How often clients that have not read all are looked at again. */
const LOOK_MS = 100
/** Below this nobody could talk to the server any more: Redis takes no smaller limit seriously either. */
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
  /** Clients that have not read all they were sent. */
  readonly #unread = new Set<Client>()
  #timer: Timer | undefined = undefined
  /** What all may take together; +Infinity = as much as they like. */
  #limitBytes = Number.POSITIVE_INFINITY
  /** Closing everybody who may be closed left so much: before it is more there is no use in another try. */
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

  /** Looks at what a client holds, because it may have become more or less; true = all together hold too much. */
  note(client: Client): boolean {
    if (client.closed || client.origin === 'replay') return false
    const { requestBytes, heldOutputBytes } = client
    const bytes = CLIENT_BYTES + requestBytes + heldOutputBytes
    this.bytes += bytes - client.countedBytes
    client.countedBytes = bytes
    client.countedRequestBytes = requestBytes
    this.#follow(client, heldOutputBytes)
    if (!this.#isTooMuch) return false
    // A request that is only partly there is answered by nothing that would end this turn.
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

  /** A client is gone. */
  forget(client: Client): void {
    this.bytes -= client.countedBytes
    client.countedBytes = 0
    this.#unread.delete(client)
    this.#unavoidableBytes = 0
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
      ({ noEvict, origin, outputClass }) => origin === 'client' && !noEvict && outputClass !== 'replica',
    )
    evictable.sort((a, b) => b.countedBytes - a.countedBytes)
    for (const client of evictable) {
      if (this.bytes <= this.#limitBytes) return
      log.info({ client: client.transport.address, id: client.id, bytes: client.countedBytes }, 'evicting a client')
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

  /** Lets go of the timer. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  readonly #look = (): void => {
    this.#timer = undefined
    for (const client of this.#unread) this.note(client)
    this.enforce()
  }
}
