// BullMQ on a broker in this process, below the wire: its queues call the engine, and no Redis
// client is needed.
//
//   const broker = await openBroker()
//   const { Queue, Worker } = withBackend(createBrokerBackend(broker))
//   const queue = new Queue('mails', { connection: {} })
//
// Jobs are handled by BullMQ's own backend for Redis, with its own scripts. Only the client below
// it is another one. So the data are the same as over TCP, and both may be used at once.

import {
  type BackendFactory,
  type KeyPrefixOptions,
  type QueueBaseOptions,
  QueueKeys,
  RedisConnection,
  RedisQueueBackend,
  type WorkerOptions,
} from 'bullmq'
import type { Broker } from '../../index.ts'
import { BrokerClient } from './client.ts'

/** The options of a connection to a given broker. */
export interface BrokerConnection {
  /** Number of the database. Default 0. */
  db?: number
}

/** The options of queues and workers; only workers have a name. */
type BackendOptions = QueueBaseOptions<BrokerConnection> & KeyPrefixOptions & Pick<WorkerOptions, 'name'>

/**
 * Makes the factory that BullMQ's classes take as their last argument; see `withBackend` and
 * `setDefaultBackendFactory`.
 */
export function createBrokerBackend(broker: Broker): BackendFactory<RedisQueueBackend, BrokerConnection> {
  return (name, opts: BackendOptions, { blocking = false, withBlockingConnection = false } = {}) => {
    const { db = 0 } = opts.connection ?? {}
    const { prefix, skipVersionCheck = false, skipWaitingForReady = false } = opts
    const connect = (isBlocking: boolean, connectionName?: string): RedisConnection => {
      const client = new BrokerClient(broker, { db, ...(connectionName === undefined ? {} : { connectionName }) })
      return new RedisConnection(client, { blocking: isBlocking, shared: false, skipVersionCheck, skipWaitingForReady })
    }
    const keys = new QueueKeys(prefix)
    return new RedisQueueBackend(
      connect(blocking),
      name,
      keys.getKeys(name),
      (type) => keys.toKey(name, type),
      { ...opts, connection: {} },
      withBlockingConnection ? connect(true, workerConnectionName(name, opts)) : undefined,
    )
  }
}

/** BullMQ finds the connections of a queue's workers by this name (`getWorkers`). */
function workerConnectionName(queue: string, { name, prefix = 'bull' }: BackendOptions): string {
  return `${prefix}:${Buffer.from(queue).toString('base64')}${name === undefined ? '' : `:w:${name}`}`
}
