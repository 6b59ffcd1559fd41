// `timeout`: closes connections that were silent for too long. No connection is checked while it is
// 0.
//
// Clients that wait by design are exempt: subscribers, and clients parked in a blocking command.

import type { Engine } from '../../engine/engine.ts'
import type { Timer } from '../../util/time/clock.ts'
import type { SocketTransport } from './socket-transport.ts'

/**
 * The interval between checks. The timeout is in seconds, so shorter intervals would not make it
 * more exact.
 */
const SWEEP_MS = 1000

export class IdleClients {
  readonly #engine: Engine
  readonly #transports: ReadonlySet<SocketTransport>
  #timer: Timer | undefined = undefined
  #stopped = false

  constructor(engine: Engine, transports: ReadonlySet<SocketTransport>) {
    this.#engine = engine
    this.#transports = transports
    engine.config.onChange('timeout', () => this.#arm())
    this.#arm()
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  #arm(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#stopped || this.#engine.config.get('timeout') === 0) return
    this.#timer = this.#engine.environment.clock.after(SWEEP_MS, () => {
      this.#sweep()
      this.#arm()
    })
  }

  #sweep(): void {
    const engine = this.#engine
    const oldest = engine.environment.clock.now() - engine.config.get('timeout') * 1000
    for (const { client } of this.#transports) {
      if (client.activity.lastActiveMs >= oldest || client.requests.parked || client.paused) continue
      if (client.outputClass !== 'normal') continue
      engine.environment.log.debug({ client: client.connection.transport.address }, 'closing idle client')
      engine.clients.connected.close(client, 'now')
    }
  }
}
