// The console of another server. Its commands run as the user of the address; who may use the
// console is decided here.

import type { Engine } from '../../commands/call.ts'
import type { Figures, Monitor } from '../../monitoring/monitor.ts'
import type { CommandClients } from '../clients/command-clients.ts'
import type { StreamTargets } from '../clients/stream-client.ts'
import type { Asker, Words } from '../console/asker.ts'
import type { BrokerView } from '../console/broker-view.ts'
import { NOT_KEPT } from '../console/channel-endpoints.ts'
import { Console, databaseOf, type OpenedTail } from '../console/console.ts'
import type { Exchange } from '../exchanges/exchange.ts'
import { HttpError } from '../exchanges/http-error.ts'
import type { RawAsker } from '../jobs/raw-client.ts'
import type { Visitor } from '../rights/visitor.ts'
import type { StreamOpening } from '../streams/stream-opening.ts'
import { placeOf } from './remote-address.ts'
import { RemoteFigures } from './remote-figures.ts'
import { type Info, infoOf, kindIn } from './remote-info.ts'
import type { RemoteServer } from './remote-server.ts'
import { RemoteSubscription } from './remote-subscription.ts'
import { RemoteView } from './remote-view.ts'

/** What a plain Redis or Valkey lacks, and why. */
export const MISSING = {
  loopStalls: 'No command of this server tells when all clients had to wait, and what ran. Respite notes it.',
  schedule: 'PUBLISH has no delay here: a message goes out at once. Respite sends it when it is due.',
  kept: `${NOT_KEPT} Respite keeps the messages of channels for which there is a rule.`,
  names: 'A subscriber that goes away is forgotten here. Respite remembers a name, and sends what it missed.',
  policies: 'One appendfsync holds for all keys here. Respite keeps each pattern of keys as durably as you choose.',
  audit: 'No command of this server compares its memory with its journal. DEBUG AUDIT of Respite does.',
  leases: 'This server has no log with epochs and leases, so a primary that was replaced may still answer for a while.',
} as const

/** The option with which XREAD and XREADGROUP wait. */
const WAITING_OPTION = 'BLOCK'

export class RemoteConsole extends Console {
  readonly #remote: RemoteServer
  readonly #figures: RemoteFigures
  readonly #view: RemoteView

  constructor(engine: Engine, clients: CommandClients, opening: StreamOpening, monitor: Monitor, remote: RemoteServer) {
    super(engine, clients, opening, monitor)
    this.#remote = remote
    this.#figures = new RemoteFigures(remote, engine.environment.workClock)
    this.#view = new RemoteView(remote, engine.environment.workClock)
  }

  override get figures(): Figures {
    return this.#figures
  }

  override get view(): BrokerView {
    return this.#view
  }

  override databaseOf(exchange: Exchange): number {
    return databaseOf(exchange) ?? this.#remote.address.database
  }

  override async askerOf(exchange: Exchange, visitor: Visitor, database = this.databaseOf(exchange)): Promise<Asker> {
    // Throws for a request without a session.
    this.clients.of(exchange, visitor)
    return await this.#remote.asker(database)
  }

  override async rawAskerOf(exchange: Exchange, visitor: Visitor): Promise<RawAsker> {
    this.clients.of(exchange, visitor)
    return await this.#remote.open(this.databaseOf(exchange))
  }

  override async subscribe(exchange: Exchange, visitor: Visitor, targets: StreamTargets): Promise<OpenedTail> {
    this.clients.of(exchange, visitor)
    const release = this.opening.streams.admit(exchange.ip, visitor.user)
    const client = new RemoteSubscription(this.#remote.address, targets, this.engine.environment.workClock)
    try {
      await client.ready
      if (exchange.isOver) throw new HttpError(400, 'the request broke off')
      return { client, release }
    } catch (error) {
      client.leave()
      release()
      throw error
    }
  }

  /** All who look share a connection, so a command that waits would hold them up. */
  override refusalOf(words: Words): string | undefined {
    const refusal = super.refusalOf(words)
    if (refusal !== undefined) return refusal
    const command = this.engine.commands.meant(String(words[0]), words[1])
    if (command?.flags.has('blocking') !== true) return undefined
    const isRead = command.name === 'xread' || command.name === 'xreadgroup'
    const waits = !isRead || words.some((word) => String(word).toUpperCase() === WAITING_OPTION)
    return waits
      ? `ERR ${command.name.toUpperCase()} waits: it is not served by the console of another server`
      : undefined
  }

  override async describe(): Promise<object> {
    const address = placeOf(this.#remote.address)
    const info = await infoOf(this.#remote, 'default').catch((error: unknown) => {
      if (!(error instanceof HttpError)) throw error
      return error
    })
    // A server that is away comes back, so all that a Redis has is offered.
    if (info instanceof HttpError) return { ...this.#describe(address, new Map()), error: info.message }
    return this.#describe(address, info)
  }

  override close(): void {
    super.close()
    this.#figures.close()
    this.#remote.close()
  }

  #describe(address: string, info: Info): object {
    const { name: kind, redisVersion, version } = kindIn(info)
    const seconds = Number(info.get('uptime_in_seconds') ?? 0)
    const isRespite = kind === 'respite'
    const own = { kept: isRespite, names: isRespite, schedule: isRespite, policies: isRespite, audit: isRespite }
    const features = {
      brokers: true,
      channels: true,
      queues: true,
      overview: true,
      durability: true,
      tail: true,
      loopStalls: false,
    }
    const all: Readonly<Record<string, boolean>> = { ...features, ...own, leases: isRespite }
    return {
      name: address,
      kind,
      version,
      redisVersion,
      role: info.get('role') === 'slave' ? 'replica' : 'master',
      mode: info.get('redis_mode') === 'cluster' ? 'cluster' : 'standalone',
      address,
      database: this.#remote.address.database,
      startedAt: seconds === 0 ? 0 : Math.round(this.engine.environment.clock.now() - seconds * 1000),
      features: all,
      missing: Object.fromEntries(Object.entries(MISSING).filter(([name]) => all[name] === false)),
    }
  }
}
