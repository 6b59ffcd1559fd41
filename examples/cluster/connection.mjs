// How the programs of the example find the leader: every broker answers as Redis Sentinel would.

/**
 * Options of ioredis, and of BullMQ. A connection to a broker that stands still is given up after
 * two seconds.
 */
export function connectionTo(sentinels, options = {}) {
  return {
    sentinels,
    name: 'orders',
    sentinelRetryStrategy: () => 100,
    retryStrategy: () => 100,
    sentinelCommandTimeout: 1000,
    connectTimeout: 1000,
    socketTimeout: 2000,
    enableOfflineQueue: true,
    ...options,
  }
}
