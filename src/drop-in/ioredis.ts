// `respite/ioredis`: ioredis with the server in this process, for the tests of programs that use
// ioredis.
//
//   import Redis from 'respite/ioredis'   // instead of 'ioredis', or of 'ioredis-mock'
//   const redis = new Redis({ data: { greeting: 'hello', jobs: ['a', 'b'] } })
//
// It is ioredis itself, with all of its features: pipelines, scripts, subscriptions, events, types.
// Only the connection differs: instances with the same host and port (or path) share a broker, and
// no port is opened.

import type {
  AbstractConnector as IOAbstractConnector,
  Cluster as IOCluster,
  Command as IOCommand,
  Pipeline as IOPipeline,
  Redis as IORedis,
  RedisOptions as IORedisOptions,
  ScanStream as IOScanStream,
} from 'ioredis'
import { actual } from './ioredis/actual-ioredis.ts'
import { AddressConnector } from './ioredis/address-connector.ts'
import type { InitialData } from './ioredis/broker-at-address.ts'
import { addDirectMethods } from './ioredis/direct-methods.ts'

export type { Callback, ChainableCommander, RedisKey, RedisValue } from 'ioredis'
export type { InitialData, InitialValue } from './ioredis/broker-at-address.ts'

export const { AbstractConnector, Command, Pipeline, ReplyError, ScanStream } = actual
export type AbstractConnector = IOAbstractConnector
export type Command = IOCommand
export type Pipeline = IOPipeline
export type ScanStream = IOScanStream

export type RedisOptions = IORedisOptions & {
  /**
   * The initial data, in the database of `db`. Keys have their full names, `keyPrefix` included.
   */
  data?: InitialData
}

/** The part of ioredis's class that is used here; its full type is exported. */
const Base = actual.Redis as unknown as new (
  ...args: unknown[]
) => {
  readonly options: RedisOptions
  disconnect(reconnect?: boolean): void
  quit(): Promise<'OK'>
}

class InProcessRedis extends Base {
  constructor(...args: unknown[]) {
    super(...withConnector(args))
  }

  static createClient(...args: unknown[]): InProcessRedis {
    return new InProcessRedis(...args)
  }

  duplicate(override: Partial<RedisOptions> = {}): InProcessRedis {
    return new InProcessRedis({ ...this.options, ...override })
  }
}

addDirectMethods(InProcessRedis.prototype)

/**
 * Adds the connector to the options. They come last, behind port and host, or a URL, and may be
 * missing.
 */
function withConnector(args: readonly unknown[]): unknown[] {
  const address = args.filter((arg) => typeof arg !== 'object' || arg === null)
  const options = args.filter((arg) => typeof arg === 'object')
  return [...address, Object.assign({}, ...options, { Connector: AddressConnector })]
}

export interface ClusterOptions {
  redisOptions?: RedisOptions
  keyPrefix?: string
  lazyConnect?: boolean
}

export type ClusterNode = string | number | { host?: string; port?: number }

/**
 * A cluster as its users see it, in which each node finds every key.
 *
 * All nodes share one broker, that of the first node. There are no slots, so no command is refused
 * because its keys lie apart.
 */
class InProcessCluster extends InProcessRedis {
  readonly #nodes: InProcessRedis[]

  constructor(nodes: readonly ClusterNode[], { redisOptions = {}, keyPrefix, lazyConnect }: ClusterOptions = {}) {
    const [first] = nodes
    if (first === undefined) throw new Error('`startupNodes` should contain at least one node.')
    super(first, {
      ...redisOptions,
      ...(keyPrefix === undefined ? {} : { keyPrefix }),
      ...(lazyConnect === undefined ? {} : { lazyConnect }),
    })
    this.#nodes = nodes.map(() => super.duplicate())
  }

  nodes(): InProcessRedis[] {
    return [...this.#nodes]
  }

  override disconnect(reconnect = false): void {
    for (const node of this.#nodes) node.disconnect(reconnect)
    super.disconnect(reconnect)
  }

  override async quit(): Promise<'OK'> {
    await Promise.all(this.#nodes.map((node) => node.quit()))
    return super.quit()
  }
}

// Exported with ioredis's own types, for which programs are written.
export type Cluster = IOCluster
export const Cluster = InProcessCluster as unknown as typeof IOCluster
export type Redis = IORedis
// Defined rather than assigned: ioredis has a getter of this name, which would be inherited.
Object.defineProperty(InProcessRedis, 'Cluster', { value: Cluster, writable: true })
export const Redis = InProcessRedis as unknown as typeof IORedis & {
  new (options: RedisOptions): IORedis
  new (port: number, options: RedisOptions): IORedis
  new (url: string, options: RedisOptions): IORedis
  new (port: number, host: string, options: RedisOptions): IORedis
}

export default Redis
