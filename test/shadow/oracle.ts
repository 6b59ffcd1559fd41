// The one that is right: redis-server, or the model where there is none.

import { type RedisServer, startRedisServer } from '../support/redis-server.ts'
import { Link } from './link.ts'
import { Model } from './model.ts'
import type { Unit } from './traffic.ts'
import { type Fact, type Part, readFacts, readValue } from './values.ts'

export interface Oracle {
  readonly name: string
  /** How values of the server are read to be compared with `facts`. */
  readonly reading: 'digests' | 'parts'
  /** The commands it knows; undefined = all. */
  readonly only: ReadonlySet<string> | undefined
  /** Runs units of a lane, whose requests these are, and returns the bytes of all replies; `shift` is added to the numbers of databases. */
  answer(lane: number, units: readonly Unit[], requests: string, shift: number): Promise<Buffer>
  facts(databases: readonly number[], options?: { encodings?: boolean; shift?: number }): Promise<Map<string, Fact>>
  value(database: number, key: string): Promise<Part[] | undefined>
  /** DUMP; undefined where values are not had as bytes. */
  dump(database: number, key: string): Promise<string | undefined>
  /** RESTORE of what DUMP gave for `from`. */
  restore(database: number, from: string, to: string, payload: string): Promise<void>
  flush(): Promise<void>
  /** Removes all of one database. */
  drop(database: number): Promise<void>
  swap(one: number, two: number): Promise<void>
  reload(): Promise<void>
  stop(): Promise<void>
}

export class RedisOracle implements Oracle {
  readonly name: string
  readonly reading = 'digests'
  readonly only = undefined
  readonly #server: RedisServer
  readonly #links: Link[] = []

  private constructor(server: RedisServer) {
    this.#server = server
    this.name = `redis-server ${server.version}`
  }

  static async start(): Promise<RedisOracle> {
    return new RedisOracle(await startRedisServer(['--enable-debug-command', 'yes']))
  }

  async #link(lane: number): Promise<Link> {
    this.#links[lane] ??= await Link.open(this.#server.socketPath)
    return this.#links[lane]
  }

  async answer(lane: number, _units: readonly Unit[], requests: string): Promise<Buffer> {
    return (await this.#link(lane)).exchange(requests)
  }

  async facts(
    databases: readonly number[],
    options: { encodings?: boolean; shift?: number } = {},
  ): Promise<Map<string, Fact>> {
    return readFacts(await this.#link(0), { reading: 'digests', databases, ...options })
  }

  async value(database: number, key: string): Promise<Part[] | undefined> {
    return readValue(await this.#link(0), database, key, 'digests')
  }

  async dump(database: number, key: string): Promise<string | undefined> {
    return dumpOf(await this.#link(0), database, key)
  }

  async restore(database: number, _from: string, to: string, payload: string): Promise<void> {
    await restoreAt(await this.#link(0), database, to, payload)
  }

  async flush(): Promise<void> {
    await (await this.#link(0)).ask([['FLUSHALL']])
  }

  async drop(database: number): Promise<void> {
    await (await this.#link(0)).ask([['SELECT', String(database)], ['FLUSHDB']])
  }

  async swap(one: number, two: number): Promise<void> {
    await (await this.#link(0)).ask([['SWAPDB', String(one), String(two)]])
  }

  async reload(): Promise<void> {
    await (await this.#link(0)).ask([['DEBUG', 'RELOAD']])
  }

  async stop(): Promise<void> {
    for (const link of this.#links) link?.close()
    await this.#server.stop()
  }
}

export class ModelOracle implements Oracle {
  readonly name = 'the model'
  readonly reading = 'parts'
  readonly only = Model.commands
  readonly model: Model

  constructor(model = new Model()) {
    this.model = model
  }

  async answer(_lane: number, units: readonly Unit[], _requests: string, shift: number): Promise<Buffer> {
    return this.model.answer(units, shift)
  }

  async facts(databases: readonly number[], { shift = 0 }: { shift?: number } = {}): Promise<Map<string, Fact>> {
    return this.model.facts(databases, shift)
  }

  async value(database: number, key: string): Promise<Part[] | undefined> {
    return this.model.value(database, key)
  }

  async dump(): Promise<undefined> {}

  async restore(database: number, from: string, to: string): Promise<void> {
    this.model.restore(database, from, to)
  }

  async flush(): Promise<void> {
    this.model.clear()
  }

  async drop(database: number): Promise<void> {
    this.model.clear(database)
  }

  async swap(one: number, two: number): Promise<void> {
    this.model.swap(one, two)
  }

  async reload(): Promise<void> {}

  async stop(): Promise<void> {}
}

/** DUMP, as latin1. */
export async function dumpOf(link: Link, database: number, key: string): Promise<string> {
  const [, dumped] = await link.ask([
    ['SELECT', String(database)],
    ['DUMP', key],
  ])
  return dumped!.head.slice(dumped!.head.indexOf('\r\n') + 2, -2)
}

/** RESTORE in the place of what is there; throws when it is refused. */
export async function restoreAt(link: Link, database: number, key: string, payload: string): Promise<void> {
  const [, restored] = await link.ask([
    ['SELECT', String(database)],
    ['RESTORE', key, '0', payload, 'REPLACE'],
  ])
  if (restored?.head !== '+OK\r\n') throw new Error(`RESTORE of ${key} was answered ${restored?.head}`)
}
