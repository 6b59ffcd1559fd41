// The connection to the NATS servers. It loads the client packages when the first log is opened,
// and never gives up.

import { readFileSync } from 'node:fs'
import type * as JetStreamPackage from '@nats-io/jetstream'
import type * as NatsPackage from '@nats-io/transport-node'
import { assert } from '../../util/assert.ts'
import { clearTimeout, setTimeout, sleep } from '../../util/time/real-time.ts'
import { LogAway } from '../log.ts'
import { LogUnfit } from '../log-unfit.ts'
import type { JetStreamOptions } from './options.ts'

export type NatsConnection = NatsPackage.NatsConnection

export interface NatsPackages {
  readonly nats: typeof NatsPackage
  readonly jetstream: typeof JetStreamPackage
}

/** A reachable server answers a handshake within this time. */
const CONNECT_TIMEOUT_MS = 2_000
/** The wait before another server is tried. */
const RECONNECT_WAIT_MS = 100
/**
 * The client leaves a stalled server after two of these without an answer. That is before its log
 * has elected another leader (4 to 9 s).
 */
const PING_INTERVAL_MS = 1_000
const PINGS_UNANSWERED_MAX = 2
/** The wait before a client that has given up is replaced by a new one. */
const REOPEN_MS = 1_000

/** Loads the packages. Only users of this log install them. */
export async function loadNats(): Promise<NatsPackages> {
  try {
    const [nats, jetstream] = await Promise.all([import('@nats-io/transport-node'), import('@nats-io/jetstream')])
    return { nats, jetstream }
  } catch (error) {
    throw new LogUnfit(
      'a log on JetStream needs two packages: npm install @nats-io/transport-node @nats-io/jetstream',
      {
        cause: error,
      },
    )
  }
}

/**
 * A connection to one of the servers. When it is lost, the client connects to another, as often as
 * needed.
 */
export class LastingConnection {
  /** Called when a connection is lost: requests sent over it will have no answer. */
  onLost: () => void = () => {}
  /** Called when a new client has replaced one that had given up. */
  onOpened: (connection: NatsConnection) => void = () => {}
  /**
   * Called when the server does not allow this account to publish to a subject or to subscribe to
   * it.
   */
  onRefused: (subject: string, error: Error) => void = () => {}
  readonly #packages: NatsPackages
  readonly #options: JetStreamOptions
  #current: NatsConnection
  #isUp = true
  #isClosed = false
  readonly #waiting = new Set<() => void>()

  private constructor(packages: NatsPackages, options: JetStreamOptions, connection: NatsConnection) {
    this.#packages = packages
    this.#options = options
    this.#current = connection
    void this.#follow()
  }

  /** Throws `LogUnfit` when the credentials are wrong, `LogAway` when no server answers. */
  static async open(packages: NatsPackages, options: JetStreamOptions): Promise<LastingConnection> {
    return new LastingConnection(packages, options, await connectToServers(packages, options))
  }

  get current(): NatsConnection {
    return this.#current
  }

  get isUp(): boolean {
    return this.#isUp
  }

  /**
   * Waits for a connection: a request sent without one is lost. Throws `LogAway` after the timeout.
   */
  async whenUp(timeoutMs: number): Promise<void> {
    if (this.#isUp) return
    await new Promise<void>((resolve, reject) => {
      const end = (): void => {
        this.#waiting.delete(end)
        clearTimeout(timer)
        if (this.#isUp) resolve()
        else reject(new LogAway(this.#isClosed ? 'the log was closed' : 'there is no connection to the log'))
      }
      const timer = setTimeout(end, timeoutMs)
      this.#waiting.add(end)
      if (this.#isClosed) end()
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#setUp(false)
    this.#endWaiting()
    await this.#current.close()
  }

  async #follow(): Promise<void> {
    while (!this.#isClosed) {
      for await (const status of this.#current.status()) {
        if (status.type === 'reconnect') this.#setUp(true)
        if (status.type === 'disconnect') this.#setUp(false)
        if (status.type === 'error') this.#refused(status.error)
      }
      // The client gives up by itself when its credentials were refused twice: an operator is
      // changing them.
      this.#setUp(false)
      while (!this.#isClosed && !this.#isUp) await this.#reopen()
    }
  }

  async #reopen(): Promise<void> {
    await sleep(REOPEN_MS)
    try {
      this.#current = await connectToServers(this.#packages, this.#options)
    } catch (error) {
      if (error instanceof LogAway || error instanceof LogUnfit) return
      throw error
    }
    if (this.#isClosed) return this.#current.close()
    this.onOpened(this.#current)
    this.#setUp(true)
  }

  #refused(error: Error): void {
    if (error instanceof this.#packages.nats.errors.PermissionViolationError) this.onRefused(error.subject, error)
  }

  #setUp(isUp: boolean): void {
    const wasUp = this.#isUp
    this.#isUp = isUp && !this.#isClosed
    if (wasUp && !isUp) this.onLost()
    if (this.#isUp) this.#endWaiting()
  }

  #endWaiting(): void {
    for (const end of [...this.#waiting]) end()
    assert(this.#waiting.size === 0, 'no request waits for a connection that is there, or for a log that was closed')
  }
}

async function connectToServers({ nats }: NatsPackages, options: JetStreamOptions): Promise<NatsConnection> {
  const { servers, user, password, token, credentialsFile, tls } = options
  try {
    return await nats.connect({
      servers: [...servers],
      name: `respite ${options.stream}`,
      ...(user !== undefined && { user }),
      ...(password !== undefined && { pass: password }),
      ...(token !== undefined && { token }),
      ...(credentialsFile !== undefined && { authenticator: nats.credsAuthenticator(readFileSync(credentialsFile)) }),
      ...(tls !== undefined && { tls }),
      timeout: CONNECT_TIMEOUT_MS,
      maxReconnectAttempts: -1,
      reconnectTimeWait: RECONNECT_WAIT_MS,
      reconnectJitter: RECONNECT_WAIT_MS,
      reconnectJitterTLS: RECONNECT_WAIT_MS,
      pingInterval: PING_INTERVAL_MS,
      maxPingOut: PINGS_UNANSWERED_MAX,
      // A stack trace for each request would cost more than the request.
      noAsyncTraces: true,
    })
  } catch (error) {
    if (error instanceof nats.errors.AuthorizationError) {
      throw new LogUnfit(`the NATS servers refuse these credentials: ${error.message}`, { cause: error })
    }
    throw new LogAway(`no NATS server can be reached: ${(error as Error).message}`, { cause: error })
  }
}
