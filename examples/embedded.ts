// A broker inside this program: no port, no second process, and the data survives the program's
// end. Calls, subscriptions and an unmodified ioredis with its whole API work on the same engine.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { openBroker } from 'respite'

const dir = mkdtempSync(join(tmpdir(), 'respite-embedded-'))

const broker = await openBroker({ dir, appendfsync: 'always' })

// Commands are calls; replies are values.
await broker.call('SET', 'visits', 41)
console.log('visits:', await broker.call('INCR', 'visits'))
await broker.transaction([
  ['RPUSH', 'mailbox', 'first letter', 'second letter'],
  ['EXPIRE', 'mailbox', 3600],
])

// Listeners are functions.
const heard = new Promise<string>((resolve) => {
  void broker.subscribe('news', (message, channel) => resolve(`${channel}: ${message}`))
})
console.log('listeners reached:', await broker.publish('news', 'hello'))
console.log('heard', await heard)

// Libraries that speak to Redis speak to this: here ioredis, over a stream instead of a socket.
const redis = new Redis({ Connector: broker.Connector })
console.log('ioredis sees:', await redis.lrange('mailbox', 0, -1))
const waiting = redis.blpop('requests', 5)
await broker.call('RPUSH', 'requests', 'a request')
console.log('a blocked client got:', await waiting)
await redis.quit()

await broker.close()

// Everything acknowledged is on disk.
const again = await openBroker({ dir })
console.log(`opened again: ${again.loaded.keys} keys, visits =`, await again.call('GET', 'visits'))
await again.close()
rmSync(dir, { recursive: true })
