// The way to the servers: the packages that speak with them, loaded when the first log is opened, and a connection that never gives up.

import { readFileSync } from 'node:fs'
import type * as JetStreamPackage from '@nats-io/jetstream'
import type * as NatsPackage from '@nats-io/transport-node'
import { LogAway } from '../log.ts'
import { LogUnfit } from '../log-unfit.ts'
import type { JetStreamOptions } from './options.ts'

export type NatsConnection = NatsPackage.NatsConnection

export interface NatsPackages {
  readonly nats: typeof NatsPackage
  readonly jetstream: typeof JetStreamPackage
}

/** A server that is there answers a handshake within this. */
const CONNECT_TIMEOUT_MS = 2_000
/** How soon another server is tried. */
const RECONNECT_WAIT_MS = 100
/** A server that stands still is left after two of these without an answer, before its log has elected another leader (4 to 9 s). */
const PING_INTERVAL_MS = 1_000
const PINGS_UNANSWERED_MAX = 2

/** Loads the packages. They are installed by those who use this log only. */
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

/** Connects to one of the servers. The connection finds another when its own is lost, as often as that takes. */
export async function connectToServers({ nats }: NatsPackages, options: JetStreamOptions): Promise<NatsConnection> {
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
      // A password that is being changed is refused for a while.
      ignoreAuthErrorAbort: true,
      // A stack trace for each request costs more than the request.
      noAsyncTraces: true,
    })
  } catch (error) {
    if (error instanceof nats.errors.AuthorizationError) {
      throw new LogUnfit(`the NATS servers refuse these credentials: ${error.message}`, { cause: error })
    }
    throw new LogAway(`no NATS server can be reached: ${(error as Error).message}`, { cause: error })
  }
}
