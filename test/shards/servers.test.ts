// Whole servers, two shards on logs in JetStream: clients of Redis Cluster continue to work while
// slots move.

import { Cluster, Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type RunningServer, startServer } from '../../src/index.ts'
import { type LogServers, natsLog, natsServerMissing, startNatsServers } from '../support/log-servers.ts'
import { eventually, temporaryDirectory } from '../support/server.ts'

describe.skipIf(natsServerMissing())('two shards', () => {
  let nats: LogServers

  beforeAll(async () => {
    nats = await startNatsServers()
  })

  afterAll(async () => {
    await nats?.stop()
  })

  const logOf = (stream: string): string => natsLog(nats, stream)

  async function startNode(shard: string): Promise<RunningServer> {
    const server = await startServer({
      port: 0,
      dir: temporaryDirectory(),
      appendfsync: 'always',
      config: {
        log: logOf(shard),
        'shard-name': shard,
        'cluster-enabled': 'yes',
        ...(shard === 'first' ? {} : { 'cluster-log': logOf('first') }),
      },
    })
    onTestFinished(() => server.close().catch(() => {}))
    return server
  }

  function clientOf(port: number): Redis {
    const client = new Redis({ port, maxRetriesPerRequest: 0, retryStrategy: () => 50 })
    client.on('error', () => {})
    onTestFinished(() => client.disconnect())
    return client
  }

  /**
   * Publishes at each node in turn; a subscriber at each of them must get everything once, in order
   * of each publisher.
   */
  async function heardEverywhere(nodes: readonly Redis[]): Promise<void> {
    const heard = await Promise.all(
      nodes.map(async (node) => {
        const messages: string[] = []
        const subscriber = clientOf(node.options.port!)
        subscriber.on('message', (_channel, message) => messages.push(message))
        subscriber.on('pmessage', (_pattern, _channel, message) => messages.push(`by pattern ${message}`))
        await subscriber.subscribe('news')
        await subscriber.psubscribe('__keyevent@0__:lpush')
        return { messages, subscriber }
      }),
    )
    const texts = nodes.flatMap((_, i) => [0, 1, 2].map((n) => `${i}:${n} ${'x'.repeat(n * 200_000)}`))
    await Promise.all(
      nodes.map(async (node, i) => {
        for (const text of texts.filter((one) => one.startsWith(`${i}:`))) await node.publish('news', text)
      }),
    )
    await eventually(async () => heard.every(({ messages }) => messages.length >= texts.length), 'all is heard')
    for (const { messages } of heard) {
      expect([...messages].sort()).toEqual([...texts].sort())
      nodes.forEach((_, i) => {
        const ofOne = (all: readonly string[]): string[] => all.filter((text) => text.startsWith(`${i}:`))
        expect(ofOne(messages)).toEqual(ofOne(texts))
      })
    }
    const [owner] = nodes
    await owner!.config('SET', 'notify-keyspace-events', 'El')
    const key = await ownKey(owner!)
    await owner!.lpush(key, 'x')
    await eventually(async () => heard.every(({ messages }) => messages.at(-1) === `by pattern ${key}`), 'the event')
    await owner!.config('SET', 'notify-keyspace-events', '')
    await owner!.del(key)
    for (const { messages, subscriber } of heard) {
      expect(messages).toHaveLength(texts.length + 1)
      subscriber.disconnect()
    }
  }

  /** A key whose slot a node owns. */
  async function ownKey(node: Redis): Promise<string> {
    for (let i = 0; ; i++) {
      const moved = await node.lpushx(`own${i}`, 'x').then(
        () => false,
        () => true,
      )
      if (!moved) return `own${i}`
    }
  }

  interface Move {
    state: string
    left: string
    'keys-moved': number
    failure: string
  }

  async function movesAt(client: Redis): Promise<Move[]> {
    const moves = (await client.call('CLUSTER', 'MOVES')) as unknown[][]
    return moves.map((fields) => {
      const move: Record<string, unknown> = {}
      for (let i = 0; i < fields.length; i += 2) move[String(fields[i])] = fields[i + 1]
      return move as unknown as Move
    })
  }

  test('slots move with their keys while clients write; a replica leads when its primary leaves; nothing is missing', async () => {
    const servers = [await startNode('first'), await startNode('second')] as const
    const secondPort = servers[1].port
    const [first, second] = servers.map(({ port }) => clientOf(port)) as [Redis, Redis]
    await eventually(async () => /cluster_state:ok/.test(String(await second.cluster('INFO'))), 'the map is known')
    // The second shard has no slots yet, and the first knows it.
    await eventually(
      async () => ((await first.call('CLUSTER', 'SHARDS')) as unknown[]).length === 2,
      'both shards are in the map',
    )
    await eventually(async () => String(await second.call('ROLE')).startsWith('master'), 'it leads')
    await expect(second.get('key')).rejects.toThrow(`MOVED 12539 127.0.0.1:${servers[0].port}`)
    await expect(first.call('CLUSTER', 'MOVESLOTS', 'third', 0, 1)).rejects.toThrow('There is no shard third')
    await expect(second.call('CLUSTER', 'MOVESLOTS', 'first', 0, 1)).rejects.toThrow('not this shard')
    await expect(first.call('CLUSTER', 'SETSLOT', 0, 'STABLE')).rejects.toThrow('CLUSTER MOVESLOTS')
    await expect(first.call('MULTI').then(() => first.call('CLUSTER', 'MOVESLOTS', 'second', 0, 1))).rejects.toThrow()
    await first.call('DISCARD')

    const cluster = new Cluster([{ host: '127.0.0.1', port: servers[1].port }])
    onTestFinished(() => cluster.disconnect())
    await first.call('FUNCTION', 'LOAD', "#!lua name=lib\nredis.register_function('one', function() return 1 end)")
    await cluster.set('{1}expiring', 'x', 'EX', 1000)
    await cluster.xadd('{1}stream', '5-1', 'field', 'value')
    await cluster.xgroup('CREATE', '{1}stream', 'group', '0')
    const acknowledged: string[] = []
    let isWriting = true
    const writing = (async () => {
      for (let i = 0; isWriting; i++) {
        await cluster.rpush(`{${i % 50}}list`, String(i))
        acknowledged.push(`${i % 50}:${i}`)
      }
    })()
    await eventually(async () => acknowledged.length > 100, 'writes')
    expect(await first.call('CLUSTER', 'MOVESLOTS', 'second', 8192, 16383)).toBe('OK')
    expect(await first.call('CLUSTER', 'MOVESLOTS', 'second', 0, 99)).toBe('OK')
    await eventually(async () => (await movesAt(first)).every(({ state }) => state === 'done'), 'they have moved')
    const before = acknowledged.length
    await eventually(async () => acknowledged.length > before + 100, 'more writes')
    isWriting = false
    await writing

    expect((await movesAt(second)).map(({ left }) => left)).toEqual(['', ''])
    await expect(first.get('key')).rejects.toThrow(`MOVED 12539 127.0.0.1:${servers[1].port}`)
    const found: string[] = []
    for (let i = 0; i < 50; i++)
      for (const value of await cluster.lrange(`{${i}}list`, 0, -1)) found.push(`${i}:${value}`)
    expect(found.sort()).toEqual(acknowledged.sort())
    expect(await cluster.ttl('{1}expiring')).toBeGreaterThan(900)
    expect(await cluster.xinfo('GROUPS', '{1}stream')).toHaveLength(1)
    expect(await second.call('FCALL', 'one', 0)).toBe(1)
    // Moved keys are removed from the source.
    await eventually(async () => (await first.dbsize()) + (await second.dbsize()) === 52, 'keys are in one place')
    await heardEverywhere([first, second])
    expect(await first.info('cluster')).toMatch(/cluster_moves:0\r\n(?:.*\r\n)*cluster_keys_moved:[1-9]/)

    const third = await startNode('second')
    const replica = clientOf(third.port)
    await eventually(async () => (await replica.dbsize()) === (await second.dbsize()), 'it follows')
    await expect(replica.get('key')).rejects.toThrow(`MOVED 12539 127.0.0.1:${servers[1].port}`)
    await heardEverywhere([first, second, replica])
    await servers[1].close()
    await eventually(async () => (await replica.set('key', 'value').catch(() => '')) === 'OK', 'it leads')
    await eventually(
      async () => /127\.0\.0\.1:\d+@\d+ myself,master/.test(String(await replica.cluster('NODES'))),
      'it says so',
    )
    expect(await cluster.lrange('{1}list', 0, -1)).toEqual(
      acknowledged
        .filter((one) => one.startsWith('1:'))
        .map((one) => one.slice(2))
        .sort((a, b) => Number(a) - Number(b)),
    )
    const gone = String(await replica.cluster('NODES'))
      .split('\n')
      .find((line) => line.includes(`:${secondPort}@`))
    expect(await replica.call('CLUSTER', 'FORGET', gone?.split(' ')[0] ?? '')).toBe('OK')
    await eventually(
      async () =>
        String(await first.cluster('NODES'))
          .trim()
          .split('\n').length === 2,
      'all forget it',
    )
  }, 120_000)
})
