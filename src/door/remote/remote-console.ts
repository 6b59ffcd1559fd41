// The console of another server. Its commands run as the user of the address; who may use the
// console is decided here.

import type { Engine } from '../../commands/call.ts'
import type { Figures, Monitor } from '../../monitoring/monitor.ts'
import type { CommandClients } from '../clients/command-clients.ts'
import type { Asker } from '../console/asker.ts'
import { Console, databaseOf } from '../console/console.ts'
import type { Exchange } from '../exchanges/exchange.ts'
import { HttpError } from '../exchanges/http-error.ts'
import type { RawAsker } from '../jobs/raw-client.ts'
import type { Visitor } from '../rights/visitor.ts'
import type { StreamOpening } from '../streams/stream-opening.ts'
import { infoOf, RemoteFigures } from './remote-figures.ts'
import type { RemoteServer } from './remote-server.ts'

export class RemoteConsole extends Console {
  readonly #remote: RemoteServer
  readonly #figures: RemoteFigures

  constructor(engine: Engine, clients: CommandClients, opening: StreamOpening, monitor: Monitor, remote: RemoteServer) {
    super(engine, clients, opening, monitor)
    this.#remote = remote
    this.#figures = new RemoteFigures(remote, engine.environment.workClock)
  }

  override get figures(): Figures {
    return this.#figures
  }

  override async askerOf(exchange: Exchange, visitor: Visitor, database = databaseOf(exchange)): Promise<Asker> {
    // Throws for a request without a session.
    this.clients.of(exchange, visitor)
    return await this.#remote.asker(database)
  }

  override async rawAskerOf(exchange: Exchange, visitor: Visitor): Promise<RawAsker> {
    this.clients.of(exchange, visitor)
    return await this.#remote.open(databaseOf(exchange))
  }

  override async describe(): Promise<object> {
    const { host, port } = this.#remote.address
    const address = `${host}:${port}`
    const none = { channels: false, loopStalls: false, durability: false, tail: false, schedule: false }
    const info = await infoOf(this.#remote).catch((error: unknown) => {
      if (!(error instanceof HttpError)) throw error
      return error
    })
    const unknown = { version: '', redisVersion: '', role: 'master', mode: 'standalone', startedAt: 0 }
    if (info instanceof HttpError) {
      const features = { ...none, queues: false, overview: false }
      return { name: address, kind: 'redis', ...unknown, address, features, error: info.message }
    }
    const kind = info.has('respite_version') ? 'respite' : info.has('valkey_version') ? 'valkey' : 'redis'
    const seconds = Number(info.get('uptime_in_seconds') ?? 0)
    return {
      name: address,
      kind,
      version: info.get(`${kind}_version`) ?? '',
      redisVersion: info.get('redis_version') ?? '',
      role: info.get('role') === 'slave' ? 'replica' : 'master',
      mode: info.get('redis_mode') === 'cluster' ? 'cluster' : 'standalone',
      address,
      startedAt: Math.round(this.engine.environment.clock.now() - seconds * 1000),
      features: { ...none, queues: true, overview: true },
    }
  }
}
