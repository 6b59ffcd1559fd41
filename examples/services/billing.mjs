// A service of examples/durable-event-bus.ts with ioredis: its name is `connectionName`, and
// ioredis subscribes again by itself. It prints what it hears.

import { Redis } from 'ioredis'

// It ends with the program that started it.
process.stdin.resume().once('end', () => process.exit())

const redis = new Redis(Number(process.argv[2]), { connectionName: 'billing', retryStrategy: () => 20 })
redis.on('error', () => {})
redis.on('message', (_channel, order) => console.log(order))
await redis.subscribe('orders.created')
console.log('ready')
