// The audit: hears every order. The broker remembers, by its name, how far it has heard, whichever
// broker leads.

import { Redis } from 'ioredis'
import { connectionTo } from './connection.mjs'

const { sentinels } = JSON.parse(process.argv[2])
const redis = new Redis(
  connectionTo(sentinels, { connectionName: 'audit', maxRetriesPerRequest: null, socketTimeout: undefined }),
)
redis.on('error', () => {})
redis.on('message', (_, order) => process.send({ heard: Number(order) }))
await redis.subscribe('orders.created')
process.send('ready')
