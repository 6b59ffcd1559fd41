import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { startTestServer } from '../support/server.ts'

test('ioredis: a subscriber that was away hears the messages it missed, with ids too, and its lag is shown', async () => {
  const server = await startTestServer({ config: { channel: 'orders.* keep 1h', redeliver: '0' } })
  const connect = (connectionName?: string): Redis => {
    const redis = new Redis({ port: server.port, ...(connectionName === undefined ? {} : { connectionName }) })
    onTestFinished(() => redis.disconnect())
    return redis
  }
  const publisher = connect()
  const first = connect('billing')
  await first.subscribe('orders.eu')
  await first.quit()
  for (const text of ['one', 'two']) await publisher.publish('orders.eu', text)
  expect(await publisher.call('CHANNEL', 'LAG', 'orders.eu', 'default', 'billing')).toBe(2)
  const again = connect('billing')
  const heard: unknown[] = []
  const both = new Promise<void>((resolve) => {
    again.on('message', (channel, text) => heard.push([channel, text]) === 2 && resolve())
  })
  await again.call('CLIENT', 'CAPA', 'message-ids')
  await again.subscribe('orders.eu')
  await both
  expect(heard).toEqual([
    ['orders.eu', 'one'],
    ['orders.eu', 'two'],
  ])
  const [[id]] = (await publisher.call('CHANNEL', 'HISTORY', 'orders.eu', '-', '+')) as [[string]]
  expect(await connect('billing').call('CHANNEL', 'ACK', 'orders.eu', id)).toBe(1)
  expect(await publisher.call('CHANNEL', 'LAG', 'orders.eu')).toEqual([['default', 'billing', 1]])
})
