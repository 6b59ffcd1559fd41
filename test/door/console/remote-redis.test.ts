// The console of a redis-server: each endpoint, a server that is killed, stopped and started again, a
// wrong password, a user with few rights, and two nodes of a cluster.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { freePort } from '../../../src/util/free-ports.ts'
import { FIRST, SECOND, twoShards } from '../../cluster/node.ts'
import { redisServerIsOlder, redisServerMissing, startRedisServer } from '../../support/redis-server.ts'
import { openRemote, type RemoteBrowser } from '../../support/remote-console.ts'
import { eventually } from '../../support/server.ts'

async function startRedis(options: readonly string[] = []) {
  const server = await startRedisServer(options)
  onTestFinished(() => server.stop())
  return server
}

/** A client of the server, as an application has one. */
function clientOf(path: string, options: object = {}): Redis {
  const redis = new Redis({ path, maxRetriesPerRequest: null, ...options })
  redis.on('error', () => {})
  onTestFinished(() => redis.disconnect())
  return redis
}

async function json<T = Record<string, unknown>>({ get }: RemoteBrowser, path: string): Promise<T> {
  const answer = await get(path)
  expect(answer.status, path).toBe(200)
  return (await answer.json()) as T
}

/** Reads a stream until its text has a part. */
async function readUntil(answer: Response, wanted: string, tell: () => unknown = () => {}): Promise<string> {
  let text = ''
  for await (const chunk of answer.body!) {
    text += Buffer.from(chunk as Uint8Array).toString()
    await tell()
    if (text.includes(wanted)) return text
  }
  throw new Error(`the stream ended before it had ${wanted}: ${text}`)
}

const PATHS = [
  '/v1/channels',
  '/v1/channels/news',
  '/v1/tail?channel=news',
  '/v1/queues',
  '/v1/queues/mails/details',
  '/v1/queues/mails/jobs',
  '/v1/queues/mails/jobs/1',
  '/v1/lists/todo',
  '/v1/streams/events',
  '/v1/durability',
  '/v1/brokers',
  '/v1/overview',
] as const

describe.skipIf(redisServerMissing() || redisServerIsOlder())('the console of a redis-server', () => {
  test('says what a Redis has, and why the rest is missing', async () => {
    const server = await startRedis()
    const { session } = await openRemote(`unix://${server.socketPath}`)
    expect(session).toMatchObject({
      broker: {
        kind: 'redis',
        redisVersion: server.version,
        features: { channels: true, tail: true, queues: true, durability: true, kept: false, loopStalls: false },
        missing: { kept: expect.stringContaining('keeps no messages'), names: expect.stringContaining('forgotten') },
      },
    })
  })

  test('lists channels and counts patterns; messages are tailed, and published', async () => {
    const server = await startRedis()
    const browser = await openRemote(`unix://${server.socketPath}`)
    const listener = clientOf(server.socketPath)
    await listener.subscribe('news', 'sports')
    await listener.psubscribe('w*')
    const shards = clientOf(server.socketPath)
    await shards.ssubscribe('shard')
    expect(await json(browser, '/v1/channels')).toEqual({
      channels: [
        { name: expect.stringMatching(/news|sports/) as string, kind: 'channel', subscribers: 1, rate: null },
        { name: expect.stringMatching(/news|sports/) as string, kind: 'channel', subscribers: 1, rate: null },
        { name: 'shard', kind: 'shard', subscribers: 1, rate: null },
      ],
      kept: [],
      unnamedPatterns: 1,
      truncated: false,
    })
    expect(await json(browser, '/v1/channels?match=ne*')).toMatchObject({ channels: [{ name: 'news' }] })
    expect(await json(browser, '/v1/channels/news')).toMatchObject({ subscribers: 1, messages: 0, places: [] })
    expect((await browser.get('/v1/channels/none')).status).toBe(404)
    const kept = await browser.get('/v1/channels/news/messages')
    expect([kept.status, await kept.json()]).toEqual([501, { error: expect.stringContaining('keeps no messages') }])

    const tail = await browser.get('/v1/tail?channel=news&pattern=w*')
    const publish = (): unknown => browser.post('/v1/command', { command: ['PUBLISH', 'weather', 'Regen übermorgen'] })
    const text = await readUntil(tail, 'event: messages', publish)
    expect(text).toContain('"channel":"weather","pattern":"w*","message":"Regen übermorgen"')
  })

  test('finds queues of BullMQ, lists with the clients that wait, and streams with groups', async () => {
    const server = await startRedis()
    const browser = await openRemote(`unix://${server.socketPath}?db=2`)
    const connection = { path: server.socketPath, db: 2, maxRetriesPerRequest: null }
    const queue = new Queue('mails', { connection })
    onTestFinished(() => queue.close())
    await queue.addBulk([
      { name: 'good', data: { to: 'ana' } },
      { name: 'late', data: { to: 'bob' }, opts: { delay: 60_000 } },
    ])
    const redis = clientOf(server.socketPath, { db: 2 })
    await redis.rpush('todo', 'a', 'b')
    await redis.xadd('events', '1-1', 'k', 'v')
    await redis.xgroup('CREATE', 'events', 'workers', '0')
    await redis.xreadgroup('GROUP', 'workers', 'ana', 'STREAMS', 'events', '>')
    const waiter = clientOf(server.socketPath, { db: 2, connectionName: 'printer' })
    void waiter.blpop('paper', 0).catch(() => undefined)

    // The database of the address is shown unless another is asked for.
    expect(await json(browser, '/v1/queues')).toMatchObject({
      queues: [{ name: 'mails', kind: 'bullmq', counts: { waiting: 1, delayed: 1 }, db: 2 }],
      lists: [{ name: 'todo', length: 2, waitingClients: 0 }],
      streams: [{ name: 'events', length: 1, groups: 1 }],
      searching: false,
    })
    expect(await json(browser, '/v1/queues?db=0')).toMatchObject({ queues: [], lists: [], streams: [] })
    expect(await json(browser, '/v1/queues/mails/details')).toMatchObject({ backlog: 1 })
    expect(await (await browser.get('/v1/queues/mails/jobs?text=bob')).text()).toContain('"name":"late"')
    expect(await json(browser, '/v1/queues/mails/jobs/2')).toMatchObject({ name: 'late', state: 'delayed' })
    expect((await browser.post('/v1/queues/mails/jobs/2/promote', {})).status).toBe(200)
    expect(await queue.getWaitingCount()).toBe(2)
    expect((await browser.post('/v1/queues/mails/pause', {})).status).toBe(200)
    expect(await queue.isPaused()).toBe(true)

    expect(await json(browser, '/v1/lists/todo')).toMatchObject({ length: 2, waiting: [], head: ['a', 'b'] })
    await eventually(async () => (await json<{ waiting: unknown[] }>(browser, '/v1/lists/paper')).waiting.length === 1)
    expect(await json(browser, '/v1/lists/paper')).toMatchObject({
      waiting: [{ name: 'printer', command: 'BLPOP', waitsMs: expect.any(Number) }],
      waitingIsOfList: false,
    })
    expect(await json(browser, '/v1/streams/events')).toMatchObject({
      groups: [{ name: 'workers', pending: 1, pendingEntries: [{ id: '1-1', consumer: 'ana', deliveries: 1 }] }],
    })
    const claim = ['XCLAIM', 'events', 'workers', 'bob', '0', '1-1', 'JUSTID']
    expect(await (await browser.post('/v1/command', { command: claim })).json()).toEqual({ result: ['1-1'] })
  })

  test('tells keys, clients, the slow log and latency by commands; one that waits is refused', async () => {
    const server = await startRedis(['--latency-monitor-threshold', '1', '--slowlog-log-slower-than', '0'])
    const browser = await openRemote(`unix://${server.socketPath}`)
    const commands = [
      ['SET', 'k', 'v'],
      ['SCAN', '0', 'MATCH', 'k', 'TYPE', 'string'],
      ['OBJECT', 'ENCODING', 'k'],
      ['CLIENT', 'LIST'],
      ['SLOWLOG', 'GET', '1'],
      ['LATENCY', 'LATEST'],
      ['BLPOP', 'none', '0'],
      ['XREAD', 'BLOCK', '0', 'STREAMS', 'none', '$'],
      ['MONITOR'],
    ]
    const { results } = (await (await browser.post('/v1/command', { commands })).json()) as { results: object[] }
    expect(results).toMatchObject([
      { result: 'OK' },
      { result: ['0', ['k']] },
      { result: 'embstr' },
      { result: expect.stringContaining('id=') },
      { result: [expect.any(Array)] },
      { result: [] },
      { error: expect.stringContaining('BLPOP waits') },
      { error: expect.stringContaining('XREAD waits') },
      { error: expect.stringContaining('changes the state of a connection') },
    ])
  })

  test('says what a crash would lose, as far as INFO tells', async () => {
    const server = await startRedis()
    const browser = await openRemote(`unix://${server.socketPath}`)
    await browser.post('/v1/command', { command: ['SET', 'k', 'v'] })
    expect(await json(browser, '/v1/durability')).toMatchObject({
      appendonly: false,
      crash: { power: expect.stringContaining('The 1 changes'), processLoses: null, powerLoses: null },
      lastSaveOk: true,
    })
    for (const [name, value] of [
      ['appendonly', 'yes'],
      ['appendfsync', 'always'],
    ] as const)
      await browser.post('/v1/command', { command: ['CONFIG', 'SET', name, value] })
    await eventually(async () => (await json<{ files: unknown[] }>(browser, '/v1/durability')).files.length > 0)
    expect(await json(browser, '/v1/durability')).toMatchObject({
      appendonly: true,
      fsync: 'always',
      crash: { power: expect.stringContaining('Nothing would be lost'), powerLoses: 0 },
      directory: server.directory,
    })
    await browser.post('/v1/command', { command: ['CONFIG', 'SET', 'appendfsync', 'everysec'] })
    expect(await json(browser, '/v1/durability')).toMatchObject({ crash: { powerLoses: null } })
  })

  test('shows a primary with its replica', async () => {
    const port = await freePort()
    const primary = await startRedis(['--port', String(port), '--bind', '127.0.0.1'])
    const replica = await startRedis(['--replicaof', `127.0.0.1 ${port}`])
    const above = await openRemote(`unix://${primary.socketPath}`)
    const below = await openRemote(`unix://${replica.socketPath}`)
    interface Brokers {
      readonly brokers: readonly { role: string; state: string | null; self: boolean }[]
    }
    await eventually(async () => (await json<Brokers>(above, '/v1/brokers')).brokers[1]?.state === 'online')
    expect(await json(above, '/v1/brokers')).toMatchObject({
      brokers: [
        { role: 'primary', self: true },
        { role: 'replica', state: 'online', reachable: true, behind: expect.any(Number), behindUnit: 'bytes' },
      ],
    })
    await eventually(async () => (await json<Brokers>(below, '/v1/brokers')).brokers[1]?.state === 'connected')
    expect(await json(below, '/v1/brokers')).toMatchObject({
      brokers: [
        { role: 'primary', address: `127.0.0.1:${port}` },
        { role: 'replica', self: true },
      ],
    })
  })

  test('follows keys to other nodes of a cluster, and has the map of slots', async () => {
    const ports = [await freePort(), await freePort()]
    const directory = mkdtempSync(join(tmpdir(), 'respite-nodes-'))
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
    for (const [i, id] of [FIRST, SECOND].entries()) {
      const file = join(directory, `${i}.conf`)
      const text = twoShards(id, ports).replaceAll(
        /^((.).*@\d+) /gm,
        (_, place: string, digit: string) => `${place},,tls-port=0,shard-id=${digit.repeat(40)} `,
      )
      writeFileSync(file, text)
      const enabled = ['--cluster-enabled', 'yes', '--cluster-config-file', file]
      await startRedis(['--port', String(ports[i]), '--bind', '127.0.0.1', ...enabled])
    }
    const browser = await openRemote(`redis://127.0.0.1:${ports[0]}`)
    const command = async (...words: string[]): Promise<unknown> =>
      (await browser.post('/v1/command', { command: words })).json()
    // The slots of foo and bar are 12182 and 5061; the nodes need a moment to know each other.
    for (const key of ['foo', 'bar'])
      await eventually(async () => JSON.stringify(await command('SET', key, '1')) === '{"result":"OK"}')
    const both = await browser.post('/v1/command', {
      commands: [
        ['SET', 'bar', '2'],
        ['GET', 'foo'],
        ['GET', 'bar'],
        ['RPUSH', 'foo', 'x'],
      ],
    })
    expect(await both.json()).toEqual({
      results: [
        { result: 'OK' },
        { result: '1' },
        { result: '2' },
        { code: 'WRONGTYPE', error: expect.stringContaining('WRONGTYPE') },
      ],
    })
    expect(await json(browser, '/v1/brokers')).toMatchObject({
      brokers: expect.arrayContaining([
        expect.objectContaining({ self: true, role: 'primary', slots: [[0, 8191]] }),
        expect.objectContaining({ self: false, role: 'primary', slots: [[8192, 16383]] }),
      ]) as unknown[],
    })
    expect(browser.session).toMatchObject({ broker: { mode: 'cluster' } })
  })

  test('a server that is killed and started again: nothing hangs, the page is told, and it goes on', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'respite-again-'))
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
    const path = join(directory, 'redis.sock')
    const server = await startRedisServer(['--unixsocket', path])
    const browser = await openRemote(`unix://${path}`)
    expect((await browser.post('/v1/command', { command: ['PING'] })).status).toBe(200)
    const overview = browser.get('/v1/overview').then((answer) => readUntil(answer, 'RespiteDown'))
    const tail = await browser.get('/v1/tail?channel=news')
    await server.stop()
    const refused = await browser.post('/v1/command', { command: ['PING'] })
    expect([refused.status, await refused.json()]).toMatchObject([503, { error: expect.stringContaining(path) }])
    for (const name of ['/v1/queues', '/v1/channels', '/v1/durability', '/v1/brokers'])
      expect((await browser.get(name)).status, name).toBe(503)
    expect(await overview).toContain(`The server ${path} is not reached`)
    // A page that is opened now is not greyed for ever.
    expect(await json(browser, '/v1/session')).toMatchObject({
      broker: { error: expect.stringContaining('not reached'), features: { channels: true, queues: true } },
    })
    await startRedis(['--unixsocket', path])
    await eventually(async () => (await browser.post('/v1/command', { command: ['PING'] })).status === 200)
    expect(await readUntil(tail, 'event: gap')).toContain('"channel":"news","count":null')
  })

  test('a server that stands still does not hold the page up for ever', async () => {
    const server = await startRedis()
    const patience = { connectMsMax: 300, replyMsMax: 300 }
    const browser = await openRemote(`unix://${server.socketPath}`, { patience })
    process.kill(server.pid, 'SIGSTOP')
    const answer = await browser.post('/v1/command', { command: ['PING'] })
    process.kill(server.pid, 'SIGCONT')
    expect([answer.status, await answer.json()]).toMatchObject([503, { error: expect.stringContaining('not answer') }])
    expect((await browser.post('/v1/command', { command: ['PING'] })).status).toBe(200)
  })

  test('a wrong password, and none, are told as such; the session of the page goes on', async () => {
    const server = await startRedis(['--requirepass', 'there'])
    const wrong = await openRemote(`unix://:wrong@${server.socketPath}`)
    const without = await openRemote(`unix://${server.socketPath}`)
    expect(wrong.session).toMatchObject({ broker: { error: expect.stringContaining('WRONGPASS') } })
    for (const path of PATHS.slice(0, -1)) {
      const answers = [await wrong.get(path), await without.get(path)]
      expect(await answers[0]!.json(), path).toEqual({ error: expect.stringContaining('WRONGPASS') })
      expect(await answers[1]!.json(), path).toEqual({ error: expect.stringContaining('NOAUTH') })
      for (const { status } of answers) expect(status, path).toBe(503)
    }
    const right = await openRemote(`unix://:there@${server.socketPath}`)
    expect((await right.get('/v1/queues')).status).toBe(200)
  })

  test('a user without rights is refused in the words of the server', async () => {
    const server = await startRedis()
    await clientOf(server.socketPath).call('ACL', 'SETUSER', 'guest', 'on', '>pw', '-@all', '+ping')
    const browser = await openRemote(`unix://guest:pw@${server.socketPath}`)
    for (const path of PATHS) {
      const answer = await browser.get(path)
      expect([answer.status, await answer.json()], path).toEqual([403, { error: expect.stringContaining('NOPERM') }])
    }
    expect((await browser.post('/v1/command', { command: ['SET', 'k', 'v'] })).status).toBe(403)
    expect((await browser.post('/v1/command', { command: ['PING'] })).status).toBe(200)
  })
})
