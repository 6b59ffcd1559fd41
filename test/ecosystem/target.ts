// The server that the libraries in this folder are pointed at: Respite, in this process and on a free port.
//
// With ECOSYSTEM_SERVER=redis-server the same tests run against a private redis-server: what fails there too is the
// library's own doing, what fails only here is ours. With ECOSYSTEM_SERVER=in-process BullMQ runs below the wire (`respite/bullmq`), and
// clients of ioredis go through the broker's connector: for the tests of BullMQ that open no port.

import { setDefaultBackendFactory } from 'bullmq'
import { afterAll, beforeAll } from 'vitest'
import { createBrokerBackend } from '../../src/drop-in/bullmq.ts'
import { type ConnectorClass, openBroker, startServer } from '../../src/index.ts'
import { freePort } from '../../src/util/free-ports.ts'
import { startRedisServer } from '../support/redis-server.ts'

export interface Target {
  readonly host: string
  readonly port: number
  /** As ioredis wants it where commands may block for as long as they like. */
  readonly connection: { host: string; port: number; maxRetriesPerRequest: null; Connector?: ConnectorClass }
  readonly url: string
}

/** One server for all tests of a file; they keep apart by the names of their queues. */
export function useTarget(config: Record<string, string> = {}): Target {
  let port = 0
  let connector: { Connector?: ConnectorClass } = {}
  let stop: (() => Promise<void>) | undefined
  beforeAll(async () => {
    if (process.env.ECOSYSTEM_SERVER === 'redis-server') {
      port = await freePort()
      const words = Object.entries(config).flatMap(([name, value]) => [`--${name}`, value])
      const redis = await startRedisServer(['--port', String(port), ...words])
      stop = () => redis.stop()
    } else if (process.env.ECOSYSTEM_SERVER === 'in-process') {
      const broker = await openBroker({ config })
      setDefaultBackendFactory(createBrokerBackend(broker))
      connector = { Connector: broker.Connector }
      stop = async () => {
        setDefaultBackendFactory()
        await broker.close()
      }
    } else {
      const server = await startServer({ port: 0, config })
      port = server.port
      stop = () => server.close()
    }
  })
  afterAll(() => stop?.())
  const host = '127.0.0.1'
  return {
    host,
    get port() {
      return port
    },
    get connection() {
      return { host, port, maxRetriesPerRequest: null, ...connector }
    },
    get url() {
      return `redis://${host}:${port}`
    },
  }
}

/** A port that was free a moment ago: redis-server cannot choose one by itself. */
/** A promise with its handles: for "the worker has begun", "the worker may go on". */
export class Signal<T = void> {
  readonly reached: Promise<T>
  give!: (value: T) => void

  constructor() {
    this.reached = new Promise((resolve) => {
      this.give = resolve
    })
  }
}
