// A broker on a replicated log, as a process that is started again when it ends.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Redis } from 'ioredis'
import { program } from '../support/build.ts'
import { type LogServers, natsLog } from '../support/log-servers.ts'
import { clientOf, HOST, isPrimary, Supervised } from './servers.ts'

export class LoggedBroker {
  readonly address: string
  /** The runner's own connection. */
  readonly client: Redis
  readonly #server: Supervised

  constructor(dir: string, port: number, logServers: LogServers, log: string, more: readonly string[] = []) {
    const own = join(dir, `${port}`)
    mkdirSync(own)
    const words = [
      ...['--port', `${port}`, '--bind', HOST, '--dir', own, '--appendfsync', 'always'],
      ...['--shard-name', log, '--log', natsLog(logServers, log), '--channel', 'orders.* keep 1h dedupe 1h'],
      ...more,
    ]
    this.address = `${HOST}:${port}`
    this.#server = new Supervised([process.execPath, program(), ...words])
    this.client = clientOf(port)
  }

  isLeader(): Promise<boolean> {
    return isPrimary(this.client)
  }

  kill(): Promise<void> {
    return this.#server.kill()
  }

  async stop(): Promise<void> {
    this.client.disconnect()
    await this.#server.stop()
  }
}
