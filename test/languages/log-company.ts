// All servers on replicated logs, and what happens to them while a program runs.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../../src/util/free-ports.ts'
import { type LogServers, startNatsServers } from '../support/log-servers.ts'
import { SentinelPair } from './sentinel-pair.ts'
import type { Variables } from './servers.ts'
import { TwoShards } from './two-shards.ts'

export class LogCompany {
  readonly #dir: string
  readonly #logServers: LogServers
  readonly #pair: SentinelPair
  readonly #shards: TwoShards

  private constructor(dir: string, logServers: LogServers, pair: SentinelPair, shards: TwoShards) {
    this.#dir = dir
    this.#logServers = logServers
    this.#pair = pair
    this.#shards = shards
  }

  static async start(): Promise<LogCompany> {
    const dir = mkdtempSync(join(tmpdir(), 'respite-clients-'))
    const logServers = await startNatsServers()
    const [a, b, c, d] = (await freePorts(4)) as [number, number, number, number]
    const [pair, shards] = await Promise.all([
      SentinelPair.start(dir, [a, b], logServers),
      TwoShards.start(dir, [c, d], logServers),
    ])
    return new LogCompany(dir, logServers, pair, shards)
  }

  get variables(): Variables {
    return { ...this.#pair.variables, ...this.#shards.variables }
  }

  /** Makes the failovers, and moves the slot, that a program waits for. */
  async accompany(tag: string, hasEnded: () => boolean): Promise<void> {
    await Promise.all([this.#pair.accompany(tag, hasEnded), this.#shards.accompany(tag, hasEnded)])
  }

  async stop(): Promise<void> {
    await Promise.all([this.#pair.stop(), this.#shards.stop()])
    await this.#logServers.stop()
    rmSync(this.#dir, { recursive: true, force: true })
  }
}
