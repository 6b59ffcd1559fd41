// A NATS user with exactly the rights listed in docs/cluster.md can use a log, its messages, and
// brokers of several shards.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openJetStreamLog } from '../../src/replicated-log/jetstream/jetstream-log.ts'
import type { JetStreamOptions } from '../../src/replicated-log/jetstream/options.ts'
import { type ReplicatedLog, Truncated } from '../../src/replicated-log/log.ts'
import { sleep } from '../../src/util/time/real-time.ts'
import { type LogServers, NATS_USER, natsServerMissing, startNatsServers } from '../support/log-servers.ts'
import { openSoon } from './open-soon.ts'

/** As in docs/cluster.md, with `orders` for STREAM. */
const RIGHTS = `{
  publish: ["respite.log.orders", "$JS.API.>", "$SYS.REQ.SERVER.PING.JSZ", "respite.log.orders-map", "respite.messages.orders-map"]
  subscribe: ["_INBOX.>", "respite.messages.orders-map"]
}`

describe.skipIf(process.env.SOAK === undefined || natsServerMissing())('a user of NATS with the listed rights', () => {
  let nats: LogServers
  const logs: ReplicatedLog[] = []

  const open = async (stream: string): Promise<ReplicatedLog> => {
    const options: JetStreamOptions = {
      servers: nats.addresses,
      ...NATS_USER,
      stream,
      missing: 'create',
      replicas: 3,
      bytesMax: 64 * 1024 * 1024,
      safety: 'required',
    }
    const log = await openSoon(() => openJetStreamLog(options))
    logs.push(log)
    return log
  }

  beforeAll(async () => {
    nats = await startNatsServers({ permissions: RIGHTS })
  }, 60_000)

  afterAll(async () => {
    for (const log of logs) await log.close()
    await nats?.stop()
  }, 60_000)

  test.each(['orders', 'orders-map'])(
    'leads, reads and truncates the log %s',
    async (stream) => {
      const log = await open(stream)
      expect(await log.lead(Buffer.from('1'), 0)).toBe(1)
      expect(await Promise.all([2, 3, 4].map((i) => log.append(Buffer.from(String(i)), i - 1)))).toEqual([2, 3, 4])
      const other = await open(stream)
      expect(String(Buffer.from((await other.at(3))!))).toBe('3')
      const read: string[] = []
      const stop = new AbortController()
      for await (const { batch } of other.read(1, stop.signal)) if (read.push(String(Buffer.from(batch))) === 4) break
      expect(read).toEqual(['1', '2', '3', '4'])
      await other.truncate(3)
      expect(await other.bounds()).toEqual({ first: 3, last: 4 })
      await expect(log.at(1)).rejects.toBeInstanceOf(Truncated)
    },
    60_000,
  )

  test('sends messages beside the map, and receives them', async () => {
    const [one, other] = [await open('orders-map'), await open('orders-map')]
    const heard: string[] = []
    other.messaging.listen((batch) => void heard.push(String(Buffer.from(batch))))
    // Messages sent before the servers know the listeners are lost.
    for (let i = 0; heard.length === 0 && i < 1000; i++) {
      await one.messaging.send(Buffer.from('hello'))
      await sleep(10)
    }
    expect(heard[0]).toBe('hello')
  }, 60_000)

  test('may not append to another log', async () => {
    const log = await open('mails')
    await expect(log.lead(Buffer.from('1'), 0)).rejects.toThrow(/permission|may not/i)
  }, 60_000)
})
