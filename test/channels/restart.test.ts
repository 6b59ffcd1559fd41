import { expect, test } from 'vitest'
import { dump } from '../support/dump.ts'
import type { TestClient, TestEngine } from '../support/engine.ts'
import { type Started, start } from '../support/journal.ts'
import { MemoryDisk } from '../support/memory-disk.ts'

const SETTINGS = { channel: 'orders.* keep 1h', redeliver: '0', appendfsync: 'no' } as const

function named({ connect }: Pick<TestEngine, 'connect'>, name: string): TestClient {
  const client = connect()
  client.ask('CLIENT', 'SETNAME', name)
  client.ask('CLIENT', 'CAPA', 'message-ids')
  return client
}

/** Makes every change that CHANNEL can make. */
async function used(disk: MemoryDisk): Promise<Started> {
  const engine = await start(disk, SETTINGS)
  const publisher = engine.connect()
  for (const name of ['billing', 'shipping', 'gone']) {
    const client = named(engine, name)
    client.ask('SUBSCRIBE', 'orders.eu')
    client.ask('PSUBSCRIBE', 'orders.*')
    client.ask('SSUBSCRIBE', 'orders.eu')
  }
  for (const text of ['one', 'two', 'three', 'four', 'five']) publisher.ask('PUBLISH', 'orders.eu', text)
  publisher.ask('SPUBLISH', 'orders.eu', 'six')
  const history = publisher.ask('CHANNEL', 'HISTORY', 'orders.eu', '-', '+')
  const ids = [...history.matchAll(/(\d+-\d+)\r\n/g)].map(([, id]) => id!)
  named(engine, 'billing').ask('CHANNEL', 'ACK', 'orders.eu', ids[2]!)
  publisher.ask('MULTI')
  publisher.ask('CHANNEL', 'SEEK', 'orders.eu', 'default', 'shipping', ids[1]!)
  publisher.ask('CHANNEL', 'TRIM', 'orders.eu', 'MAXLEN', 4)
  publisher.ask('EXEC')
  publisher.ask('CHANNEL', 'SEEK', 'orders.*', 'default', 'billing', 'first', 'PATTERN')
  for (const kind of [[], ['SHARD']]) publisher.ask('CHANNEL', 'FORGET', 'orders.eu', 'default', 'gone', ...kind)
  return engine
}

test('changes by CHANNEL survive a restart, and replay needs no rules', async () => {
  const disk = new MemoryDisk()
  const before = await used(disk)
  const expected = dump(before.engine)
  const plain = await start(disk.copy())
  expect(dump(plain.engine)).toEqual(expected)
  const after = await start(disk.copy(), SETTINGS)
  expect(dump(after.engine)).toEqual(expected)
  const client = after.connect()
  for (const line of [
    'LAG orders.eu',
    'LAG orders.* PATTERN',
    'LAG orders.eu SHARD',
    'HISTORY orders.eu - +',
    'LIST',
  ]) {
    const words = ['CHANNEL', ...line.split(' ')]
    expect(client.ask(...words), line).toBe(before.connect().ask(...words))
  }
  const lag = (name: string, ...kind: string[]): string =>
    client.ask('CHANNEL', 'LAG', kind.length === 0 ? 'orders.eu' : 'orders.*', 'default', name, ...kind)
  expect([lag('billing'), lag('shipping'), lag('gone')]).toEqual([':2\r\n', ':3\r\n', '$-1\r\n'])
  expect([lag('billing', 'PATTERN'), lag('gone', 'PATTERN')]).toEqual([':4\r\n', ':4\r\n'])
  expect(client.ask('INFO', 'stats')).toContain('remembered_subscribers:7\r\n')
  const again = named(after, 'billing')
  const heard = again.ask('SUBSCRIBE', 'orders.eu')
  expect(['three', 'four', 'five'].map((text) => heard.includes(`\r\n${text}\r\n`))).toEqual([false, true, true])
})
