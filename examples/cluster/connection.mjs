// How the programs of the example find the leader: every broker answers what Redis Sentinel would.

/** Options of ioredis, and of BullMQ. Somebody who stands still is left after two seconds. */
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
