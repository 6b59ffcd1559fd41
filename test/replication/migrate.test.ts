// MIGRATE to redis-server and from it, and to a target whose every byte a test writes.

import net from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { makeParts } from '../../src/commands/parts.ts'
import type { Dial } from '../../src/replication/connection.ts'
import type { Replication } from '../../src/replication/replication.ts'
import { freePort } from '../../src/util/free-ports.ts'
import { SocketPeer } from '../differential/peers.ts'
import { createEngine, encode, type TestClient, type TestEngine } from '../support/engine.ts'
import {
  type RedisServer,
  redisServerCannotReadOurs,
  redisServerMissing,
  startRedisServer,
} from '../support/redis-server.ts'
import { eventually, RawConnection, startTestServer } from '../support/server.ts'
import { PrimaryEnd } from './scripted-primary.ts'

interface Sender extends TestEngine {
  readonly client: TestClient
  /** Connections in the order in which they were made. */
  readonly dialled: PrimaryEnd[]
  /** Their addresses. */
  readonly addresses: string[]
  readonly target: PrimaryEnd
}

/** An engine whose connections all end in the test. */
function createSender(settings: Parameters<typeof createEngine>[0] = {}): Sender {
  const dialled: PrimaryEnd[] = []
  const addresses: string[] = []
  const dial: Dial = ({ host, port }, listener, destination) => {
    const end = new PrimaryEnd(listener)
    dialled.push(end)
    addresses.push(`${destination} ${host}:${port}`)
    return end
  }
  const test = createEngine(settings, 1, [], undefined, false, (engine) => makeParts(engine, { dial }))
  return {
    ...test,
    client: test.connect(),
    dialled,
    addresses,
    get target() {
      return dialled.at(-1)!
    },
  }
}

const MIGRATE = ['MIGRATE', 'far', '6380', 'k', '3', '500'] as const
const READING = '-IOERR error or timeout reading to target instance\r\n'
const WRITING = '-IOERR error or timeout writing to target instance\r\n'
const CONNECTING = '-IOERR error or timeout connecting to the client\r\n'
const CHANGED =
  '-ERR Keys changed while they were migrated, and stay here: the target instance has their earlier values\r\n'

describe('requests to the target', () => {
  test('a key is sent after the target has agreed to the database, and removed when it has taken the value', () => {
    const { client, journal, addresses, dialled, target: _, ...sender } = createSender()
    client.ask('SET', 'k', 'v', 'PX', 5000)
    journal.take()
    const payload = client.ask('DUMP', 'k').replace(/^\$\d+\r\n|\r\n$/g, '')
    expect(client.ask(...MIGRATE)).toBe('')
    expect(addresses).toEqual(['target far:6380'])
    const [target] = dialled
    target!.accept()
    expect(target!.heard()).toBe(encode(['SELECT', '3']))
    target!.send('+OK\r\n')
    sender.clock.advance(10)
    expect(target!.heard()).toBe(encode(['RESTORE', 'k', 5000, payload]))
    expect(client.ask('PING')).toBe('')
    target!.send('+OK\r\n')
    expect(client.received()).toBe('+OK\r\n+PONG\r\n')
    expect(target!.closed).toBe(true)
    expect(client.ask('EXISTS', 'k')).toBe(':0\r\n')
    expect(journal.take()).toEqual(['0 DEL k'])
    expect(sender.engine.conditions.heldKeys.size).toBe(0)
  })

  test('clients that are told of maintenance hear of many keys once, and that they have left', () => {
    const { client, clock, connect, dialled } = createSender()
    const listener = connect(3)
    listener.ask('CLIENT', 'MAINT_NOTIFICATIONS', 'ON')
    const later = connect()
    client.ask('MSET', 'k', '1', 'l', '2', 'm', '3')
    const take = (i: number) => {
      dialled[i]!.accept()
      dialled[i]!.send('+OK\r\n')
      dialled[i]!.send('+OK\r\n')
    }
    client.ask(...MIGRATE)
    expect(listener.received()).toMatch(/^>4\r\n\$9\r\nMIGRATING\r\n:\d+\r\n:2\r\n\$5\r\n\["1"\]\r\n$/)
    later.ask('MIGRATE', 'far', '6380', 'l', '3', '500')
    take(0)
    take(1)
    clock.advance(999)
    expect(client.ask('MIGRATE', 'far', '6380', 'm', '3', '500')).toBe('+OK\r\n')
    clock.advance(400)
    expect(listener.received()).toBe('')
    take(2)
    clock.advance(999)
    expect(listener.received()).toBe('')
    clock.advance(1)
    expect(listener.received()).toMatch(/^>3\r\n\$8\r\nMIGRATED\r\n:\d+\r\n\$5\r\n\["1"\]\r\n$/)
    expect(client.received() + later.received()).toBe('+OK\r\n+OK\r\n')
  })

  test('AUTH is sent first, and an existing key replaced', () => {
    const { client, dialled } = createSender()
    client.ask('MSET', 'a', '1', 'b', '2')
    client.ask('MIGRATE', 'far', '1', '', '0', '500', 'replace', 'AUTH2', 'me', 'secret', 'KEYS', 'a', 'none', 'b')
    const target = dialled[0]!
    target.accept()
    expect(target.heard()).toBe(encode(['AUTH', 'me', 'secret']) + encode(['SELECT', '0']))
    target.send('+OK\r\n+O')
    expect(target.heard()).toBe('')
    target.send('K\r\n')
    expect(target.heard()).toMatch(
      /^\*5\r\n\$7\r\nRESTORE\r\n\$1\r\na\r\n\$1\r\n0\r\n[\s\S]*\$7\r\nREPLACE\r\n\*5[\s\S]*REPLACE\r\n$/,
    )
    target.send('+OK\r\n+OK\r\n')
    expect(client.received()).toBe('+OK\r\n')
    expect(client.ask('DBSIZE')).toBe(':0\r\n')
  })

  test('a copied key stays', () => {
    const { client, journal, dialled } = createSender()
    client.ask('SET', 'k', 'v')
    journal.take()
    client.ask(...MIGRATE, 'COPY')
    dialled[0]!.accept()
    // Clients do not wait for copied keys.
    expect(client.ask()).toBe('')
    dialled[0]!.send('+OK\r\n')
    dialled[0]!.send('+OK\r\n')
    expect(client.received()).toBe('+OK\r\n')
    expect(client.ask('GET', 'k')).toBe('$1\r\nv\r\n')
    expect(journal.take()).toEqual([])
  })

  test('nothing is sent when the target refuses AUTH, and of several keys only the accepted ones go', () => {
    const { client, dialled, journal } = createSender()
    client.ask('MSET', 'a', '1', 'b', '2', 'c', '3')
    journal.take()
    client.ask('MIGRATE', 'far', '1', '', '99', '500', 'KEYS', 'a', 'b')
    dialled[0]!.accept()
    dialled[0]!.heard()
    dialled[0]!.send('-ERR DB index is out of range\r\n')
    expect(client.received()).toBe('-ERR Target instance replied with error: ERR DB index is out of range\r\n')
    expect(dialled[0]!.heard()).toBe('')
    client.ask('MIGRATE', 'far', '1', '', '0', '500', 'KEYS', 'a', 'b', 'c')
    dialled[1]!.accept()
    dialled[1]!.send('+OK\r\n')
    dialled[1]!.send('+OK\r\n-BUSYKEY Target key name already exists.\r\n+OK\r\n')
    const busy = '-ERR Target instance replied with error: BUSYKEY Target key name already exists.\r\n'
    expect(client.received()).toBe(busy)
    expect(journal.take()).toEqual(['0 DEL a c'])
    expect(client.ask('MGET', 'a', 'b', 'c')).toBe('*3\r\n$-1\r\n$1\r\n2\r\n$-1\r\n')
    expect(client.ask('INFO', 'errorstats')).toContain('errorstat_ERR:count=2')
    expect(client.ask('INFO', 'commandstats')).toMatch(/cmdstat_migrate:calls=2,.*failed_calls=2/)
  })
})

describe('failures', () => {
  let sender: Sender
  beforeEach(() => {
    sender = createSender()
    sender.client.ask('SET', 'k', 'v')
    sender.client.ask(...MIGRATE)
  })

  function expectKept(): void {
    expect(sender.client.ask('GET', 'k')).toBe('$1\r\nv\r\n')
    expect(sender.client.ask('SET', 'k', 'w')).toBe('+OK\r\n')
    expect(sender.engine.conditions.heldKeys.size).toBe(0)
    expect(sender.target.closed).toBe(true)
  }

  test.each([
    ['connecting takes too long', 0, CONNECTING],
    ['nothing is heard', 1, READING],
    ['the value is not acknowledged', 2, READING],
  ])('%s', (_, steps, error) => {
    if (steps > 0) sender.target.accept()
    if (steps > 1) sender.target.send('+OK\r\n')
    sender.clock.advance(499)
    expect(sender.client.received()).toBe('')
    sender.clock.advance(1)
    expect(sender.client.received()).toBe(error)
    expect(sender.dialled.length).toBe(1)
    expectKept()
  })

  test('the timeout starts again with each sign of life', () => {
    sender.clock.advance(400)
    sender.target.accept()
    sender.clock.advance(400)
    sender.target.send('+O')
    sender.clock.advance(400)
    sender.target.send('K\r\n+OK\r\n')
    expect(sender.client.received()).toBe('+OK\r\n')
  })

  test('an unknown host name is not tried again', () => {
    sender.target.cut('getaddrinfo ENOTFOUND far')
    expect(sender.client.received()).toBe(CONNECTING)
    expectKept()
  })

  test('a connection that breaks before anything was taken is made once more', () => {
    sender.target.accept()
    sender.target.send('+OK\r\n')
    sender.target.cut()
    expect(sender.client.received()).toBe('')
    sender.target.accept()
    sender.target.heard()
    sender.target.send('+OK\r\n')
    expect(sender.target.heard()).toContain('RESTORE')
    sender.target.cut()
    expect(sender.client.received()).toBe(READING)
    expect(sender.dialled.length).toBe(2)
    expectKept()
  })

  test('a target that is gone after the first try cannot be written to, as in Redis', () => {
    sender.target.accept()
    sender.target.cut()
    sender.target.cut('connect ECONNREFUSED 10.0.0.1:6379')
    expect(sender.client.received()).toBe(WRITING)
    expectKept()
  })

  test('a target that sends unrequested replies is disconnected', () => {
    sender.target.accept()
    sender.target.send('+OK\r\n')
    sender.target.send('+OK\r\n+OK\r\n')
    expect(sender.client.received()).toBe('+OK\r\n')
    expect(sender.target.closed).toBe(true)
  })

  test('an acknowledged key is removed, whatever else the target sends or does', () => {
    for (const beyond of ['+OK\r\n', '-ERR no\r\n', 'cut']) {
      const { client, dialled } = createSender()
      client.ask('SET', 'k', 'v')
      client.ask(...MIGRATE)
      const target = dialled[0]!
      target.accept()
      // The system reports late that it has taken the bytes.
      const told: (() => void)[] = []
      const { write } = target
      target.write = (data, written) => write.call(target, data, () => void told.push(() => written?.()))
      target.send('+OK\r\n')
      target.send(beyond === 'cut' ? '+OK\r\n' : `+OK\r\n${beyond}`)
      if (beyond === 'cut') target.cut()
      for (const tell of told) tell()
      expect(client.received()).toBe('+OK\r\n')
      expect(client.ask('EXISTS', 'k')).toBe(':0\r\n')
    }
  })

  test('an OK for a key whose end was not sent is not believed', () => {
    const { client, dialled } = createSender({ rdbcompression: 'no' })
    client.ask('SET', 'k', 'v'.repeat(200_000))
    client.ask(...MIGRATE)
    const target = dialled[0]!
    target.accept()
    const { write } = target
    target.write = (data) => write.call(target, data)
    target.send('+OK\r\n')
    target.send('+OK\r\n')
    expect(dialled.length).toBe(2)
    expect(client.ask('PING')).toBe('')
    dialled[1]!.cut()
    expect(client.received()).toBe(`${WRITING}+PONG\r\n`)
    expect(client.ask('EXISTS', 'k')).toBe(':1\r\n')
  })

  test('the keys of a client that disconnects stay here', () => {
    const other = sender.connect()
    sender.target.accept()
    sender.target.send('+OK\r\n')
    expect(other.ask('INCR', 'k')).toBe('')
    sender.client.disconnect()
    expect(sender.target.closed).toBe(true)
    expect(other.received()).toMatch(/^-ERR value/)
    expect(sender.engine.conditions.heldKeys.size).toBe(0)
  })

  test('the keys of an unblocked client stay here', () => {
    const other = sender.connect()
    sender.target.accept()
    sender.target.send('+OK\r\n')
    expect(other.ask('CLIENT', 'UNBLOCK', sender.client.client.id)).toBe(':1\r\n')
    expect(sender.client.received()).toBe(READING)
    sender.target.send('+OK\r\n')
    expectKept()
  })

  test('a server that becomes a replica removes nothing', () => {
    const other = sender.connect()
    const [target] = sender.dialled
    target!.accept()
    target!.send('+OK\r\n')
    other.ask('REPLICAOF', 'else', '1')
    target!.send('+OK\r\n')
    expect(other.ask('EXISTS', 'k')).toBe(':1\r\n')
    expect(sender.engine.conditions.heldKeys.size).toBe(0)
  })

  test('the end of the server ends it', () => {
    ;(sender.engine.parts.replication as Replication).stop()
    expect(sender.target.closed).toBe(true)
    expect(sender.engine.conditions.heldKeys.size).toBe(0)
  })
})

describe('a key in flight', () => {
  let sender: Sender
  let other: TestClient
  beforeEach(() => {
    sender = createSender()
    other = sender.connect()
    sender.client.ask('RPUSH', 'k', 'a', 'b')
    sender.client.ask(...MIGRATE)
    sender.target.accept()
    sender.target.send('+OK\r\n')
    sender.target.heard()
    sender.journal.take()
  })

  test('can be read, and writes to it wait until it has gone', () => {
    const [transaction, script, elsewhere] = [sender.connect(), sender.connect(), sender.connect()]
    expect(other.ask('LLEN', 'k')).toBe(':2\r\n')
    expect(other.ask('RPUSH', 'k', 'c')).toBe('')
    transaction.ask('MULTI')
    transaction.ask('RPUSH', 'k', 'd')
    expect(transaction.ask('EXEC')).toBe('')
    expect(script.ask('EVAL', 'return redis.call("RPUSH", KEYS[1], "e")', 1, 'k')).toBe('')
    elsewhere.ask('SELECT', 1)
    expect(elsewhere.ask('SET', 'k', 'v')).toBe('+OK\r\n')
    sender.target.send('+OK\r\n')
    expect(sender.client.received()).toBe('+OK\r\n')
    expect([other.received(), transaction.received(), script.received()]).toEqual([':1\r\n', '*1\r\n:2\r\n', ':3\r\n'])
    expect(sender.journal.take().slice(0, 3)).toEqual(['1 SET k v', '0 DEL k', '0 RPUSH k c'])
  })

  test('stays with changes by commands that did not name it', () => {
    expect(other.ask('EVAL', 'return redis.call("RPUSH", "k", "c")', 0)).toBe(':3\r\n')
    sender.target.send('+OK\r\n')
    expect(sender.client.received()).toBe(CHANGED)
    expect(other.ask('LRANGE', 'k', 0, -1)).toBe('*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n')
  })

  test('stays if another key has replaced it', () => {
    expect(other.ask('FLUSHALL')).toBe('+OK\r\n')
    expect(other.ask('EVAL', 'return redis.call("SET", "k", "new")', 0)).toBe('+OK\r\n')
    sender.target.send('+OK\r\n')
    expect(sender.client.received()).toBe(CHANGED)
    expect(other.ask('GET', 'k')).toBe('$3\r\nnew\r\n')
  })

  test('may expire by itself: it was moved before', () => {
    expect(other.ask('FLUSHALL')).toBe('+OK\r\n')
    sender.journal.take()
    sender.target.send('+OK\r\n')
    expect(sender.client.received()).toBe('+OK\r\n')
    expect(sender.journal.take()).toEqual([])
  })

  test('is not removed before a pause has ended', () => {
    other.ask('CLIENT', 'PAUSE', 1000, 'WRITE')
    sender.target.send('+OK\r\n')
    expect(sender.client.received()).toBe('')
    expect(sender.journal.take()).toEqual([])
    expect(other.ask('CLIENT', 'UNPAUSE')).toBe('+OK\r\n')
    expect(sender.client.received()).toBe('+OK\r\n')
    expect(sender.journal.take()).toEqual(['0 DEL k'])
  })
})

test('large values and many keys leave as fast as the connection takes them', async () => {
  const heard: Buffer[] = []
  const { port } = await startTarget((socket) => {
    let answered = 0
    socket.on('data', (bytes: Buffer) => {
      heard.push(bytes)
      const asked = Buffer.concat(heard).toString('latin1').split('RESTORE\r\n').length
      if (answered < asked) socket.write('+OK\r\n'.repeat(asked - answered))
      answered = asked
    })
  })
  const server = await startTestServer({ config: { rdbcompression: 'no' } })
  const names = Array.from({ length: 1000 }, (_, i) => `k${i}`)
  const large = 'x'.repeat(1_000_000)
  await server.call('SET', 'large', large)
  for (const name of names) await server.call('SET', name, name)
  expect(await server.call('MIGRATE', '127.0.0.1', port, '', '0', '60000', 'KEYS', ...names, 'large')).toBe('OK')
  expect(await server.call('DBSIZE')).toBe(0)
  // The last key is acknowledged when its beginning has arrived.
  await eventually(() => Buffer.concat(heard).includes(large), 'the large value')
})

describe('the request', () => {
  test.each([
    [['h', 'x', 'k', '0', '1', 'foo'], '-ERR syntax error'],
    [['h', 'x', 'k', '0', '1', 'auth'], '-ERR syntax error'],
    [['h', 'x', 'k', '0', '1', 'auth2', 'a'], '-ERR syntax error'],
    [
      ['h', 'x', 'k', '0', '1', 'keys', 'a'],
      '-ERR When using MIGRATE KEYS option, the key argument must be set to the empty string',
    ],
    [['h', 'x', 'k', '0', 'z'], '-ERR value is not an integer or out of range'],
    [['h', 'x', 'k', '99999999999999999999', '1'], '-ERR value is not an integer or out of range'],
    [['h', 'x', 'none', '0', '1'], '+NOKEY'],
    [['h', 'x', '', '0', '1', 'keys'], '+NOKEY'],
    [['h', 'x', 'k', '0'], "-ERR wrong number of arguments for 'migrate' command"],
  ])('%j is answered %s', (words, reply) => {
    const { client } = createSender()
    client.ask('SET', 'k', 'v')
    expect(client.ask('MIGRATE', ...words)).toBe(`${reply}\r\n`)
  })

  test('is refused where a client cannot wait', () => {
    const { client, dialled } = createSender()
    const refusal = '-ERR MIGRATE waits for another server, which is not possible in a transaction or a script\r\n'
    client.ask('SET', 'k', 'v')
    client.ask('MULTI')
    client.ask(...MIGRATE)
    expect(client.ask('EXEC')).toBe(`*1\r\n${refusal}`)
    expect(client.ask('EVAL', "return redis.pcall('MIGRATE', 'h', '1', 'k', '0', '1')", 0)).toBe(refusal)
    expect(dialled).toEqual([])
  })

  test('has its keys behind KEYS, and its secrets hidden', () => {
    const { client } = createSender()
    const keys = (...words: string[]) => client.ask('COMMAND', 'GETKEYS', 'MIGRATE', ...words)
    expect(keys('h', '1', 'k', '0', '1')).toBe(encode(['k']))
    expect(keys('h', '1', '', '0', '1', 'KEYS', 'a', 'b')).toBe(encode(['a', 'b']))
    expect(keys('h', '1', '', '0', '1', 'auth', 'keys', 'KEYS', 'b')).toBe(encode(['b']))
    expect(keys('h', '1', 'x', '0', '1', 'KEYS', 'a')).toBe('-ERR Invalid arguments specified for command\r\n')
    client.ask('CONFIG', 'SET', 'slowlog-log-slower-than', '0')
    client.ask('MIGRATE', 'h', 'x', 'k', '0', '1', 'auth', 'sec', 'auth2', 'u', 'pw', 'copy')
    const shown = client.ask('SLOWLOG', 'GET', '1')
    expect(shown.split('(redacted)').length).toBe(4)
    expect(shown).toContain('copy')
  })
})

describe.skipIf(redisServerMissing())('with a redis-server', () => {
  let redis: RedisServer
  let peer: SocketPeer
  let redisPort: number

  beforeAll(async () => {
    redisPort = await freePort()
    redis = await startRedisServer(['--bind', '127.0.0.1', '--port', String(redisPort)])
    peer = new SocketPeer('redis-server', redis.socketPath)
  })
  afterAll(async () => {
    await peer?.stop()
    await redis?.stop()
  })
  beforeEach(async () => {
    await peer.ask('CONFIG', 'SET', 'requirepass', '')
    await peer.ask('FLUSHALL')
  })

  const VALUES: readonly (readonly string[])[] = [
    ['SET', 'string', 'some text'],
    ['SET', 'number', '12'],
    ['SET', 'binary', '\r\n\0\xff'],
    ['SET', 'ephemeral', 'v', 'PX', '100000'],
    ['RPUSH', 'list', 'a', '1', 'x'.repeat(100)],
    ['SADD', 'ints', '1', '2', '70000'],
    ['SADD', 'set', 'a', 'b'],
    ['HSET', 'hash', 'f', 'v', 'g', '2'],
    ['ZADD', 'zset', '1', 'a', '2.5', 'b'],
    ['XADD', 'stream', '1-1', 'f', 'v'],
    ['XGROUP', 'CREATE', 'stream', 'g', '0'],
    ['XREADGROUP', 'GROUP', 'g', 'c', 'STREAMS', 'stream', '>'],
    ['SETRANGE', 'large', '300000', 'end'],
    ['SADD', 'many', ...Array.from({ length: 1000 }, (_, i) => `m${i}`)],
  ]
  const NAMES = [
    ...new Set(VALUES.map((words) => (words[0] === 'XGROUP' || words[0] === 'XREADGROUP' ? 'stream' : words[1]!))),
  ]

  test.skipIf(redisServerCannotReadOurs())('all types travel there and back, and are the same', async () => {
    const server = await startTestServer({ config: { 'enable-debug-command': 'yes' } })
    const here = await RawConnection.open(server.port)
    for (const words of VALUES)
      await server.call(words[0]!, ...words.slice(1).map((word) => Buffer.from(word, 'latin1')))
    const digests = async () => {
      const found: unknown[] = []
      for (const name of NAMES) {
        here.send(encode(['DEBUG', 'DIGEST-VALUE', name]))
        found.push((await here.takeLine()) + (await here.takeLine()))
      }
      return found
    }
    const before = await digests()
    await here.ask(encode(['MIGRATE', '127.0.0.1', redisPort, '', '5', '60000', 'KEYS', ...NAMES]), '+OK\r\n')
    expect(await server.call('DBSIZE')).toBe(0)
    await peer.ask('SELECT', '5')
    expect(await peer.ask('DBSIZE')).toBe(NAMES.length)
    const left = Number(await peer.ask('PTTL', 'ephemeral'))
    expect(left > 90_000 && left <= 100_000).toBe(true)
    const back = await peer.ask('MIGRATE', '127.0.0.1', String(server.port), '', '2', '60000', 'KEYS', ...NAMES)
    expect(back).toBe('OK')
    expect(await peer.ask('DBSIZE')).toBe(0)
    await peer.ask('SELECT', '0')
    await here.ask(encode(['SELECT', 2]), '+OK\r\n')
    expect(await digests()).toEqual(before)
    expect(new Set(before).size).toBe(NAMES.length)
    expect(await here.ask(encode(['XPENDING', 'stream', 'g']), '*4\r\n:1\r\n')).toBe('*4\r\n:1\r\n')
  })

  test('both report errors of the other in the same words', async () => {
    const server = await startTestServer()
    const dead = await freePort()
    const here = await RawConnection.open(server.port)
    const there = await RawConnection.open(redis.socketPath)
    const other = await startTestServer({ config: { requirepass: 'secret' } })
    await other.call('SET', 'taken', 'there')
    const set = encode(['MSET', 'k', 'v', 'taken', 'here', 'a', '1', 'b', '2'])
    for (const side of [here, there]) await side.ask(set, '+OK\r\n')
    const auth = ['AUTH', 'secret']
    for (const words of [
      ['127.0.0.1', dead, 'k', 0, 100],
      ['127.0.0.1', other.port, 'k', 0, 5000],
      ['127.0.0.1', other.port, 'k', 0, 5000, 'AUTH', 'wrong'],
      ['127.0.0.1', other.port, 'k', 0, 5000, 'AUTH2', 'nobody', 'x'],
      ['127.0.0.1', other.port, 'k', 99, 5000, ...auth],
      ['127.0.0.1', other.port, 'taken', 0, 5000, ...auth],
      ['127.0.0.1', other.port, '', 0, 5000, ...auth, 'KEYS', 'a', 'taken', 'b'],
      ['127.0.0.1', other.port, '', 0, 5000, ...auth, 'COPY', 'REPLACE', 'KEYS', 'k', 'taken'],
      ['127.0.0.1', other.port, 'k', 0, 5000, 'REPLACE', 'AUTH2', 'default', 'secret'],
      ['127.0.0.1', other.port, 'k', 0, 5000, 'REPLACE', 'AUTH2', 'default', 'secret'],
      ['', other.port, 'taken', 0, 100],
    ]) {
      await other.call('DEL', 'a', 'b')
      const replies: string[] = []
      for (const side of [here, there]) {
        side.send(encode(['MIGRATE', ...words]))
        replies.push(await side.takeLine())
        // The second test must not see the keys of the first.
        await other.call('DEL', 'a', 'b', 'k')
      }
      expect(replies[0], words.join(' ')).toBe(replies[1])
      const left: string[] = []
      for (const side of [here, there]) {
        side.send(encode(['EXISTS', 'k', 'taken', 'a', 'b']))
        left.push(await side.takeLine())
      }
      expect(left[0], words.join(' ')).toBe(left[1])
    }
  })

  test('a target that disconnects or is silent is reported as redis-server reports it', async () => {
    const server = await startTestServer()
    const here = await RawConnection.open(server.port)
    const there = await RawConnection.open(redis.socketPath)
    for (const side of [here, there]) await side.ask(encode(['MSET', 'a', '1', 'b', '2']), '+OK\r\n')
    const behaviours: ((socket: net.Socket) => void)[] = [
      // It is silent, and disconnects after the first bytes.
      (socket) => socket.once('data', () => socket.destroy()),
      // It is silent.
      (socket) => socket.on('data', () => {}),
      // It accepts one key, and disconnects.
      (socket) => {
        let heard = ''
        let answered = 0
        socket.on('data', (bytes) => {
          heard += bytes.toString('latin1')
          if (answered === 0) socket.write('+OK\r\n')
          answered = 1
          if (heard.includes('RESTORE')) socket.end('+OK\r\n')
        })
      },
    ]
    for (const [i, behave] of behaviours.entries()) {
      const { port } = await startTarget(behave)
      const told: string[] = []
      for (const side of [here, there]) {
        side.send(encode(['MIGRATE', '127.0.0.1', port, '', 0, 50, 'KEYS', 'a', 'b']) + encode(['EXISTS', 'a', 'b']))
        told.push((await side.takeLine()) + (await side.takeLine()))
      }
      expect(told[0], String(i)).toBe(told[1])
    }
  })
})

/** Listens with a given behaviour. */
async function startTarget(behave: (socket: net.Socket) => void): Promise<{ port: number }> {
  const sockets = new Set<net.Socket>()
  const target = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    behave(socket)
  })
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    target.close()
  })
  return target.address() as net.AddressInfo
}
