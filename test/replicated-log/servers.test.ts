// Whole servers on a log that JetStream keeps: sockets, threads, files. What the simulation shows of nodes is shown here of programs.

import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type RunningServer, startServer } from '../../src/index.ts'
import { type LogServers, NATS_USER, natsServerMissing, startNatsServers } from '../support/log-servers.ts'
import { eventually, temporaryDirectory } from '../support/server.ts'

describe.skipIf(natsServerMissing())('servers on one log', () => {
  let nats: LogServers
  let streams = 0

  beforeAll(async () => {
    nats = await startNatsServers()
  })

  afterAll(async () => {
    await nats?.stop()
  })

  function logOf(stream: string): string {
    const places = nats.addresses.map((address) => address.replace('nats://', '')).join(',')
    return `nats://${NATS_USER.user}:${NATS_USER.password}@${places}/${stream}?bytes=64mb`
  }

  async function startNode(log: string, dir = temporaryDirectory()): Promise<RunningServer> {
    const server = await startServer({ port: 0, dir, appendfsync: 'always', config: { log, 'shard-name': 'orders' } })
    onTestFinished(() => server.close().catch(() => {}))
    return server
  }

  async function clientOf(server: RunningServer): Promise<Redis> {
    const client = new Redis({ port: server.port, maxRetriesPerRequest: null, retryStrategy: () => 50 })
    client.on('error', () => {})
    onTestFinished(() => client.disconnect())
    return client
  }

  async function field(client: Redis, name: string): Promise<string | undefined> {
    return new RegExp(`^${name}:(.*?)\r$`, 'm').exec(await client.info('replication'))?.[1]
  }

  async function leads(client: Redis): Promise<boolean> {
    return (await field(client, 'role')) === 'master'
  }

  test('one leads, others follow; who leads is handed over, and nothing that was acknowledged is missing', async () => {
    const log = logOf(`servers-${++streams}`)
    const [a, b] = [await startNode(log), await startNode(log)]
    const [atA, atB] = [await clientOf(a), await clientOf(b)]
    const first = await eventually(
      async () => ((await leads(atA)) ? atA : (await leads(atB)) ? atB : undefined),
      'a leader',
    )
    const second = first === atA ? atB : atA
    for (let i = 0; i < 50; i++) await first.rpush('list', `${i}`)
    expect(await eventually(async () => (await second.llen('list')) === 50)).toBe(true)
    await expect(second.rpush('list', 'x')).rejects.toThrow(/^READONLY/)
    expect(await field(second, 'log_leader')).toBe(`127.0.0.1:${first.options.port}`)
    expect(await second.call('ROLE')).toEqual([
      'slave',
      '127.0.0.1',
      first.options.port,
      'connected',
      expect.any(Number),
    ])

    // Whoever is asked tells where the leader is.
    for (const client of [first, second])
      expect(await client.call('SENTINEL', 'get-master-addr-by-name', 'orders')).toEqual([
        '127.0.0.1',
        `${first.options.port}`,
      ])

    await first.call('FAILOVER')
    await eventually(() => leads(second), 'the other one leads')
    for (let i = 50; i < 100; i++) await second.rpush('list', `${i}`)
    expect(await eventually(async () => (await first.llen('list')) === 100)).toBe(true)
    expect(await first.lrange('list', 0, -1)).toEqual(Array.from({ length: 100 }, (_, i) => `${i}`))

    const secondServer = second === atA ? a : b
    await secondServer.close()
    await eventually(() => leads(first), 'the first leads again')
    expect(await first.llen('list')).toBe(100)
    await expect(first.call('REPLICAOF', '127.0.0.1', '1')).rejects.toThrow('decided by the log')
  })

  test('a node that comes back goes on from its copy', async () => {
    const log = logOf(`servers-${++streams}`)
    const dir = temporaryDirectory()
    const once = await startNode(log, dir)
    const client = await clientOf(once)
    await eventually(() => leads(client), 'it leads')
    await client.set('key', 'kept')
    client.disconnect()
    await once.close()
    const again = await startNode(log, dir)
    const back = await clientOf(again)
    expect(await back.get('key')).toBe('kept')
    await eventually(() => leads(back), 'it leads again')
    expect(Number(await field(back, 'log_epoch'))).toBeGreaterThan(1)
  })

  test('an address that is none is refused by name', async () => {
    await expect(startServer({ port: 0, dir: temporaryDirectory(), config: { log: 'kafka://x' } })).rejects.toThrow(
      /'log': the address is/,
    )
    await expect(
      startServer({ port: 0, dir: temporaryDirectory(), config: { log: 'nats://h:1/s?replica=3' } }),
    ).rejects.toThrow("no option 'replica'")
  })
})
