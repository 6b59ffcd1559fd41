// Groups (`$share/…`) as ioredis and node-redis hear them: listeners are found by the name that was subscribed to.

import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { expect, onTestFinished, test } from 'vitest'
import { eventually, startTestServer } from '../support/server.ts'

test('members of a group in ioredis and in node-redis share the messages of a channel and of a pattern', async () => {
  const { port } = await startTestServer()
  const heard: string[] = []
  const ioredis = new Redis(port, '127.0.0.1', { lazyConnect: true })
  const publisher = new Redis(port, '127.0.0.1', { lazyConnect: true })
  const nodeRedis = createClient({ socket: { port, host: '127.0.0.1' }, RESP: 3 })
  nodeRedis.on('error', () => {})
  await Promise.all([ioredis.connect(), publisher.connect(), nodeRedis.connect()])
  onTestFinished(() => {
    ioredis.disconnect()
    publisher.disconnect()
    nodeRedis.destroy()
  })
  ioredis.on('message', (channel, message) => heard.push(`ioredis ${channel} ${message}`))
  ioredis.on('pmessage', (pattern, channel, message) => heard.push(`ioredis ${pattern} ${channel} ${message}`))
  await ioredis.subscribe('$share/workers/orders.eu')
  await nodeRedis.subscribe('$share/workers/orders.eu', (message, channel) =>
    heard.push(`node-redis ${channel} ${message}`),
  )
  await publisher.publish('orders.eu', '0')
  await eventually(() => heard.length === 1)
  await publisher.publish('orders.eu', '1')
  await eventually(() => heard.length === 2)
  expect(heard.splice(0).sort()).toEqual([
    'ioredis $share/workers/orders.eu 0',
    'node-redis $share/workers/orders.eu 1',
  ])
  await ioredis.unsubscribe('$share/workers/orders.eu')
  await nodeRedis.unsubscribe('$share/workers/orders.eu')
  await ioredis.psubscribe('$share/workers/o*')
  await nodeRedis.pSubscribe('$share/workers/o*', (message, channel) => heard.push(`node-redis ${channel} ${message}`))
  expect(await publisher.publish('orders.us', '2')).toBe(1)
  await eventually(() => heard.length === 1)
  await publisher.publish('orders.us', '3')
  await eventually(() => heard.length === 2)
  expect(heard.sort()).toEqual(['ioredis $share/workers/o* orders.us 2', 'node-redis orders.us 3'])
})
