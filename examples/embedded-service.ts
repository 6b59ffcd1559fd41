// One program that works on its data by calls, and serves the same data to others: a shop whose
// stock lies in its own process. Here a till connects by a port and a report by a private socket,
// as other programs would.

import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { openBroker } from 'respite'

const broker = await openBroker()

// The program itself: no socket, no password, no client.
await broker.call('HSET', 'stock', 'apples', 10, 'pears', 5)
await broker.subscribe('sold', (what) => console.log('shop: sold', what))

// Others, by a port that is free. `host`, `tls` and users decide who may come.
const listening = await broker.listen({ port: 0 })
console.log('serving on', listening.address.replace(/\d+$/, '<port>'))

const till = new Redis(listening.port)
await till.multi().hincrby('stock', 'apples', -3).publish('sold', '3 apples').exec()

// node-redis opens its sockets itself: here one that only this user can reach, and no port.
const report = createClient(await broker.nodeRedisOptions())
await report.connect()
console.log('report:', { ...(await report.hGetAll('stock')) })

// A worker of the program waits for requests of the others.
const order = broker.call('BLPOP', 'orders', 5)
await till.rpush('orders', 'a box of pears')
console.log('shop: asked for', ((await order) as string[])[1])

await report.close()
await till.quit()
await listening.close()
console.log('no longer serving; apples left:', await broker.call('HGET', 'stock', 'apples'))
await broker.close()
