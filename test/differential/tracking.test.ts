// What clients are told of others beside redis-server, through sockets: bytes and order of replies, pushes and lines on every
// connection.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type RunningServer, startServer } from '../../src/index.ts'
import { Random } from '../../src/util/numbers/random.ts'
import { type RedisServer, redisServerIsOlder, redisServerMissing, startRedisServer } from '../support/redis-server.ts'
import { SETTLE_LINE, SocketPeer } from './peers.ts'
import { type Command, encodeCommand, type Word } from './program.ts'

const PROGRAMS = process.env.SOAK ? 200 : 8
const PROGRAM_STEPS = 80

/** Two that cache in RESP3, one that caches in RESP2, one of RESP2 that is told for it, one that writes. */
const ONE = 0
const OTHER = 1
const OLD = 2
const TOLD = 3
const WRITER = 4
const CONNECTIONS = 5

// Redis 7.0, as Debian has it, puts what a client's own command did into the middle of its replies.
describe.skipIf(redisServerMissing() || redisServerIsOlder())('CLIENT TRACKING and MONITOR beside redis-server', () => {
  let redis: RedisServer
  let server: RunningServer
  let theirs: SocketPeer
  let ours: SocketPeer
  let directory: string

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'respite-tracking-'))
    const socketPath = join(directory, 'respite.sock')
    redis = await startRedisServer(['--enable-debug-command', 'yes'])
    server = await startServer({ port: false, unixSocket: socketPath, config: { 'enable-debug-command': 'yes' } })
    theirs = new SocketPeer('redis-server', redis.socketPath)
    ours = new SocketPeer('respite', socketPath)
  })

  afterAll(async () => {
    await ours?.stop()
    await theirs?.stop()
    await server?.close()
    await redis?.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  beforeEach(async () => {
    for (const peer of [ours, theirs]) await peer.reset(CONNECTIONS)
    for (const connection of [ONE, OTHER]) await both(connection, 'HELLO 3')
  })

  /** What every connection received, with the ids of connections as their places. */
  function received(peer: SocketPeer): string[] {
    const places = new Map(Array.from({ length: CONNECTIONS }, (_, i) => [peer.idOf(i), i]))
    return Array.from({ length: CONNECTIONS }, (_, connection) => {
      const { bytes, closed } = peer.take(connection)
      const named = bytes
        .replace(SETTLE_LINE, '')
        .replace(/(redirect\r\n|redir-broken\r\n):(\d+)/g, (_, words, id) => `${words}#${places.get(id) ?? id}`)
        .replace(/^\+\d+\.\d{6} (\[\d+ )unix:\S+\]/gm, '+time $1unix:path]')
        .replace(/^\+\d+\.\d{6} \[/gm, '+time [')
        .replace(/( redir=|\$2\r\nid\r\n:)(\d+)/g, (_, words, id) => `${words}#${places.get(id) ?? id}`)
      return closed ? `${named}(closed)` : named
    })
  }

  /** Sends commands in one write to both servers and expects every connection to receive the same. Returns what this one did. */
  async function both(connection: number, ...lines: (string | Command)[]): Promise<string> {
    const commands: Command[] = lines.map((line) => (typeof line === 'string' ? line.split(' ') : line))
    const results: string[][] = []
    for (const peer of [theirs, ours]) {
      peer.send(connection, commands.map((command) => encodeCommand(command, (i) => peer.idOf(i))).join(''))
      await peer.settle()
      results.push(received(peer))
    }
    expect(results[1], `${connection}: ${JSON.stringify(lines)}`).toEqual(results[0])
    return results[1]![connection]!
  }

  test('before each command keys are given up until tracking-table-max-keys holds, or the effort is spent', async () => {
    const keys = Array.from({ length: 1500 }, (_, i) => `k${String(i).padStart(4, '0')}`)
    const looks = Array.from({ length: 8 }, (): Command => ['INFO', 'stats'])
    const lines: Command[] = [
      ['CLIENT', 'TRACKING', 'ON'],
      ['CONFIG', 'SET', 'tracking-table-max-keys', '0'],
      ['MGET', ...keys],
      ['CONFIG', 'SET', 'tracking-table-max-keys', '100'],
      ...looks,
      ['MGET', ...keys.slice(0, 150).map((key) => `other ${key}`)],
      ...looks,
      ['CONFIG', 'SET', 'tracking-table-max-keys', '1000000'],
    ]
    const told: string[][] = []
    for (const peer of [theirs, ours]) {
      // In one write: no other connection's command comes between these.
      peer.send(ONE, lines.map((line) => encodeCommand(line, () => '')).join(''))
      await peer.settle()
      // The keys are chosen by chance, their number is not.
      told.push(peer.take(ONE).bytes.match(/invalidate|tracking_total_keys:\d+/g) ?? [])
    }
    expect(told[1]).toEqual(told[0])
    expect(told[1]).toContain('tracking_total_keys:500')
    expect(told[1]?.at(-1)).toBe('tracking_total_keys:100')
  })

  test('every way of asking, and every mistake', async () => {
    const lines = [
      'CLIENT TRACKINGINFO',
      'CLIENT GETREDIR',
      'CLIENT TRACKING',
      'CLIENT TRACKING MAYBE',
      'CLIENT TRACKING ON WHAT',
      'CLIENT TRACKING ON REDIRECT',
      'CLIENT TRACKING ON REDIRECT x',
      'CLIENT TRACKING ON REDIRECT 0',
      'CLIENT TRACKING ON REDIRECT -1',
      'CLIENT TRACKING ON REDIRECT 999999999999',
      'CLIENT TRACKING ON REDIRECT 99999999999999999999',
      'CLIENT TRACKING ON PREFIX',
      'CLIENT TRACKING ON PREFIX a',
      'CLIENT TRACKING OFF PREFIX a',
      'CLIENT TRACKING ON BCAST OPTIN',
      'CLIENT TRACKING ON BCAST OPTOUT',
      'CLIENT TRACKING ON OPTIN OPTOUT',
      'CLIENT CACHING YES',
      'CLIENT CACHING',
      'CLIENT TRACKING ON NOLOOP',
      'CLIENT TRACKINGINFO',
      'CLIENT CACHING YES',
      'CLIENT CACHING NO',
      'CLIENT CACHING MAYBE',
      'CLIENT TRACKING ON BCAST',
      'CLIENT TRACKING ON OPTIN',
      'CLIENT CACHING NO',
      'CLIENT CACHING YES',
      'CLIENT TRACKINGINFO',
      'CLIENT TRACKING ON OPTOUT',
      'CLIENT TRACKING ON',
      'CLIENT TRACKING ON OPTOUT NOLOOP',
      'CLIENT CACHING YES',
      'CLIENT CACHING NO',
      'CLIENT TRACKINGINFO',
      'CLIENT GETREDIR',
      'CLIENT TRACKING OFF',
      'CLIENT TRACKING ON BCAST PREFIX foo PREFIX bar',
      'CLIENT TRACKING ON BCAST PREFIX fo',
      'CLIENT TRACKING ON BCAST PREFIX foo',
      'CLIENT TRACKING ON BCAST PREFIX other PREFIX food',
      'CLIENT TRACKING ON BCAST PREFIX b PREFIX ba',
      'CLIENT TRACKING ON BCAST PREFIX x NOLOOP',
      'CLIENT TRACKINGINFO',
      'CLIENT TRACKING ON BCAST',
      'CLIENT TRACKING ON BCAST',
      'CLIENT TRACKING ON BCAST PREFIX zoo',
      'CLIENT TRACKINGINFO',
      'CLIENT TRACKING ON',
      'CLIENT CACHING YES',
      'RESET',
      'CLIENT TRACKINGINFO',
      'client tracking on bcast prefix ab prefix abc',
      'client tracking on bcast prefix abc prefix ab',
      'client tracking on bcast prefix A prefix ab',
      'client trackinginfo',
    ]
    for (const line of lines) await both(OLD, line)
    await both(OLD, 'RESET')
    await both(OLD, ['CLIENT', 'TRACKING', 'ON', 'BCAST', 'PREFIX', 'a\0b', 'PREFIX', 'a\0b'])
    await both(OLD, ['CLIENT', 'TRACKING', 'ON', 'BCAST', 'PREFIX', 'a\nb', 'PREFIX', 'a\nb'])
    await both(OLD, ['CLIENT', 'TRACKING', 'ON', 'REDIRECT', { idOf: TOLD }, 'REDIRECT', { idOf: TOLD }])
    await both(OLD, ['CLIENT', 'TRACKING', 'ON', 'REDIRECT', { idOf: TOLD }], 'CLIENT TRACKINGINFO')
    for (const line of ['CLIENT TRACKING ON BCAST PREFIX b PREFIX a', 'CLIENT TRACKINGINFO']) await both(ONE, line)
  })

  test('overlapping prefixes are refused, where Redis does so and enables them all the same', async () => {
    const request = encodeCommand('CLIENT TRACKING ON BCAST PREFIX x PREFIX a PREFIX ab'.split(' '), () => '')
    const replies: string[] = []
    for (const peer of [theirs, ours]) {
      peer.send(ONE, request)
      await peer.settle()
      replies.push(peer.take(ONE).bytes)
    }
    expect(replies[0]).toBe(`${replies[1]}+OK\r\n`)
  })

  test('a client is told once of a key that it read, at the first change, and again after it read the key again', async () => {
    await both(ONE, 'CLIENT TRACKING ON', 'GET k', 'MGET a b c', 'EXISTS e f')
    await both(WRITER, 'SET k 1', 'SET k 2', 'MSET c 1 x 1 a 1', 'DEL e', 'SET e 1')
    await both(ONE, 'GET k', 'HGETALL h', 'TYPE t')
    await both(WRITER, 'HSET h f 1', 'RPUSH t 1', 'APPEND k 1', 'RENAME k a', 'COPY a b', 'SWAPDB 0 1')
    await both(ONE, 'SELECT 3', 'GET k', 'GET s')
    await both(WRITER, 'SELECT 2', 'SET k 1', 'SET s 1 EX 100', 'PERSIST s')
    await both(ONE, 'XREAD STREAMS x1 x2 0 0', 'SORT_RO so BY nosort GET w_*', 'ZUNION 2 z1 z2', 'OBJECT ENCODING o')
    await both(ONE, 'ZUNION 5 y1', 'SORT sorted', 'GETEX gx', 'SCAN 0', ['EVAL', 'return 1', '1', 'ev'], 'STRLEN')
    await both(WRITER, 'SELECT 3', 'XADD x2 1-1 f v', 'RPUSH so 1', 'SET w_1 1', 'ZADD z1 1 m', 'SET o 1', 'SET y1 1')
    await both(WRITER, 'RPUSH sorted 1', 'SET gx 1', 'SET ev 1')
    await both(ONE, 'CLIENT TRACKING OFF', 'GET q', 'CLIENT TRACKING ON', 'GET r', 'CLIENT TRACKING OFF')
    await both(WRITER, 'SET q 1', 'SET r 1')
    await both(ONE, 'CLIENT TRACKING ON', 'GET r', 'CLIENT TRACKING OFF', 'CLIENT TRACKING ON')
    await both(WRITER, 'SET r 1', 'FLUSHDB', 'FLUSHALL')
  })

  test('a client is told of its own changes after its reply, transaction or script', async () => {
    await both(ONE, 'CONFIG SET notify-keyspace-events KEA', 'CLIENT TRACKING ON', 'GET k', 'SET k 1', 'PING')
    await both(ONE, 'SUBSCRIBE __keyevent@0__:set', 'GET k', 'SET k 2', 'GET k')
    await both(OTHER, 'CLIENT TRACKING ON', 'GET k', 'SUBSCRIBE __keyevent@0__:set')
    await both(ONE, 'MULTI', 'SET k 3', 'GET k', 'SET k 4', 'DEL k', 'FLUSHALL', 'SET k 1', 'EXEC', 'PING')
    await both(OTHER, 'MGET k l')
    await both(ONE, ['EVAL', 'redis.call("get", "k") redis.call("set", "k", 1) return {1, {2}}', '0'], 'PING')
    await both(ONE, ['EVAL', 'return redis.call("get", "l")', '0'], ['EVAL_RO', 'return 1', '1', 'm'])
    await both(WRITER, 'SET l 1', 'SET m 1')
    await both(ONE, 'FLUSHALL', 'BLPOP w 0')
    await both(OTHER, 'LRANGE w 0 -1')
    await both(WRITER, 'RPUSH w 1')
    await both(
      ONE,
      'CLIENT REPLY OFF',
      'GET k',
      'SET k 1',
      'SET k 2',
      'CLIENT REPLY ON',
      'CLIENT REPLY SKIP',
      'GET k',
      'SET k 3',
    )
    await both(WRITER, 'CONFIG SET notify-keyspace-events KEA')
  })

  test('NOLOOP leaves out what a client does itself', async () => {
    await both(ONE, 'CLIENT TRACKING ON NOLOOP', 'MGET a b', 'SET a 1', ['EVAL', 'redis.call("set", "b", 1)', '0'])
    await both(ONE, 'MGET a b', 'FLUSHALL', 'MGET a b')
    await both(WRITER, 'MSET a 1 b 1')
    await both(OTHER, 'CLIENT TRACKING ON BCAST NOLOOP PREFIX a PREFIX b')
    await both(OTHER, 'MSET a 1 b 1', 'SET ab 1')
    await both(OTHER, 'SET b 1', ['EVAL', 'redis.call("set", "a", 1)', '0'])
    await both(WRITER, 'MSET a 1 bb 1 c 1')
    await both(OTHER, 'MULTI', 'SET a 1', 'SET b 1', 'EXEC')
  })

  test('BCAST tells what changed under each prefix, in order, once a turn', async () => {
    await both(ONE, 'CLIENT TRACKING ON BCAST PREFIX b PREFIX a')
    await both(OTHER, 'CLIENT TRACKING ON BCAST')
    await both(WRITER, 'MSET b2 1 a2 1 b1 1 a1 1 c 1 b 1', 'DEL b2', 'SET a1 1')
    await both(ONE, 'SET a 1', 'SET x 1', 'GET a')
    await both(WRITER, 'FLUSHALL', 'SET a 1')
    await both(OTHER, 'CLIENT TRACKING OFF', 'CLIENT TRACKING ON', 'GET a', 'SET a 1')
    await both(ONE, 'RESET')
    await both(WRITER, 'SET a 1')
  })

  test('CLIENT CACHING is about the next command, or the transaction', async () => {
    await both(ONE, 'CLIENT TRACKING ON OPTIN', 'GET n0', 'CLIENT CACHING YES', 'GET y1', 'GET n1')
    await both(ONE, 'CLIENT CACHING YES', 'MULTI', 'GET y2', 'GET y3', 'EXEC', 'GET n2')
    await both(ONE, 'CLIENT CACHING YES', 'CLIENT GETNAME', 'GET y4', 'CLIENT CACHING YES', 'NOSUCH', 'GET n3')
    await both(ONE, 'CLIENT CACHING YES', 'CLIENT CACHING', 'GET y5', 'CLIENT CACHING YES', 'CLIENT NOSUCH', 'GET n4')
    await both(ONE, 'CLIENT CACHING YES', 'GET', 'GET n5', 'CLIENT CACHING YES', 'CLIENT', 'GET n6')
    await both(
      ONE,
      'MULTI',
      'GET n7',
      'CLIENT CACHING YES',
      'GET y6',
      'EXEC',
      'GET n8',
      'CLIENT CACHING YES',
      'PING',
      'GET n9',
    )
    await both(ONE, 'CLIENT CACHING YES', 'MULTI', 'DISCARD', 'GET n10', 'CLIENT CACHING YES', 'CLIENT TRACKINGINFO')
    await both(OTHER, 'CLIENT TRACKING ON OPTOUT', 'CLIENT CACHING NO', 'MGET n0 n1', 'MGET n2 n3')
    for (let i = 0; i <= 10; i++) await both(WRITER, `SET n${i} 1`, `SET y${i} 1`)
    await both(ONE, 'CLIENT CACHING YES', 'XREAD BLOCK 0 STREAMS s $')
    await both(WRITER, 'XADD s 1-1 f v')
    await both(ONE, 'GET n0')
    await both(WRITER, 'SET n0 1', 'XADD s 1-2 f v')
  })

  test('REDIRECT tells another client, in its protocol, until that is gone', async () => {
    const redirect = (to: number): Command => ['CLIENT', 'TRACKING', 'ON', 'REDIRECT', { idOf: to }]
    await both(OLD, redirect(TOLD), 'GET k', 'CLIENT TRACKINGINFO')
    await both(WRITER, 'SET k 1')
    await both(TOLD, 'SUBSCRIBE __redis__:invalidate')
    await both(OLD, 'GET k', 'SET k 2', 'GET k', 'MULTI', 'SET k 1', 'FLUSHALL', 'EXEC')
    await both(OTHER, redirect(TOLD), 'GET k')
    await both(ONE, redirect(OTHER), 'GET k')
    await both(WRITER, 'SET k 1')
    await both(OLD, 'CLIENT TRACKING OFF')
    await both(WRITER, 'FLUSHALL')
    await both(OLD, redirect(TOLD))
    await both(OTHER, 'CLIENT TRACKING OFF', 'CLIENT TRACKING ON BCAST', [
      'CLIENT',
      'TRACKING',
      'ON',
      'BCAST',
      'REDIRECT',
      { idOf: TOLD },
    ])
    await both(OLD, 'MSET a 1 b 1', 'GET z')
    await both(ONE, 'GET z')
    await both(TOLD, 'UNSUBSCRIBE', 'SET z 1')
    await both(TOLD, 'SSUBSCRIBE a', 'PSUBSCRIBE b')
    await both(OLD, 'GET z', redirect(OLD), 'SUBSCRIBE q')
    await both(WRITER, 'SET z 1', 'FLUSHALL')
    await both(TOLD, 'QUIT')
    await both(OTHER, 'SET z 1')
    await both(OTHER, 'CLIENT TRACKINGINFO', 'FLUSHALL')
    await both(OTHER, 'CLIENT TRACKING ON BCAST', 'CLIENT TRACKINGINFO')
  })

  test('expiry and eviction are changes too', async () => {
    // The key must live until the last command of its request has run, on a busy machine too.
    await both(ONE, 'CLIENT TRACKING ON', 'MGET a b')
    await both(OTHER, 'CLIENT TRACKING ON BCAST NOLOOP')
    await both(WRITER, 'PSETEX a 50 x')
    for (const peer of [ours, theirs]) await peer.wait(60)
    await both(OTHER, 'GET a')
    await both(ONE, 'CLIENT TRACKING ON NOLOOP', 'GET a', 'PSETEX a 50 x', 'GET a')
    for (const peer of [ours, theirs]) await peer.wait(60)
    await both(ONE, 'GET a', 'PING')
    await both(WRITER, 'SET a 1')
  })

  test('MONITOR shows every command as it runs, without passwords', async () => {
    await both(TOLD, 'MONITOR')
    await both(OLD, 'SET k 1', 'GET k', 'SELECT 1', 'GET x', 'SELECT 0', 'NOSUCH a', 'GET', 'LPUSH k x')
    await both(OLD, ['SET', 'a"\n\\\x01\xff', '\t\r\x07\b~ [^]'], ['get', ''])
    await both(OLD, 'MULTI', 'SET k 1', 'CONFIG GET port', 'GET k', 'EXEC', 'MULTI', 'SET k 1', 'DISCARD')
    await both(OLD, [
      'EVAL',
      'redis.call("select", 3) redis.call("set", KEYS[1], 1) return redis.pcall("nosuch")',
      '1',
      'kk',
    ])
    await both(OLD, 'EVAL x y', 'EVALSHA x 0', ['EVAL_RO', 'return redis.call("get", "k")', '0'], 'FCALL f 0')
    // In one write Redis leaves the second refusal out.
    await both(OLD, 'AUTH pw')
    await both(OLD, 'AUTH u pw')
    await both(OLD, 'AUTH a b c', 'HELLO 2 AUTH default pw SETNAME n', 'HELLO 2 AUTH', 'HELLO 9')
    await both(
      OLD,
      'CONFIG SET maxmemory 0',
      'CLIENT SETNAME q',
      'CLIENT LIST ID 0',
      'OBJECT ENCODING k',
      'PING',
      'ECHO hi',
    )
    await both(OLD, 'SUBSCRIBE x', 'UNSUBSCRIBE x', 'WATCH k', 'UNWATCH', 'CLIENT REPLY OFF', 'PING', 'CLIENT REPLY ON')
    await both(OLD, 'BLPOP list 0')
    await both(WRITER, 'RPUSH list 1')
    await both(ONE, 'MONITOR')
    await both(TOLD, 'PING', 'SET k 1', 'MULTI', 'GET k', 'EXEC', 'MONITOR', 'MULTI', 'MONITOR', 'EXEC', 'EVAL x 0')
    await both(TOLD, 'CLIENT REPLY OFF')
    await both(OLD, 'PING')
    await both(TOLD, 'RESET')
    await both(ONE, 'RESET')
    await both(OLD, 'PING')
  })

  test(`${PROGRAMS} random programs of ${PROGRAM_STEPS} steps`, async () => {
    for (let seed = 1; seed <= PROGRAMS; seed++) {
      if (seed > 1) {
        for (const peer of [ours, theirs]) await peer.reset(CONNECTIONS)
        for (const connection of [ONE, OTHER]) await both(connection, 'HELLO 3')
      }
      await both(TOLD, 'SUBSCRIBE __redis__:invalidate')
      const random = new Random(seed)
      for (let step = 0; step < PROGRAM_STEPS; step++) {
        const connection = [ONE, ONE, OTHER, OTHER, OLD, WRITER][random.below(6)]!
        const commands = Array.from({ length: 1 + random.below(4) }, () => randomCommand(random, connection))
        await both(connection, ...commands)
      }
    }
  }, 120_000)
})

/** Whom each may name. In which order FLUSHALL tells those of different protocols who named the same one is Redis's chance. */
const REDIRECTS = [[ONE, OTHER], [OTHER, ONE], [OLD, TOLD], [TOLD], [WRITER]]
const KEYS = ['a', 'ab', 'abc', 'b', 'ba', 'c']

function randomCommand(random: Random, connection: number): Command {
  const pick = <T>(from: readonly T[]): T => from[random.below(from.length)]!
  const key = () => pick(KEYS)
  const chance = (percent: number) => random.below(100) < percent
  if (chance(20)) {
    const words: Word[] = ['CLIENT', 'TRACKING', pick(['ON', 'ON', 'ON', 'OFF'])]
    if (chance(30)) words.push('BCAST')
    // Only the first may overlap: where another does, Redis replies twice.
    if (chance(20)) words.push('PREFIX', pick(['a', 'b', 'ab', '']))
    if (chance(15)) words.push('OPTIN')
    if (chance(15)) words.push('OPTOUT')
    if (chance(30)) words.push('NOLOOP')
    if (chance(20)) words.push('REDIRECT', { idOf: pick(REDIRECTS[connection]!) })
    return words
  }
  const text = pick([
    ...Array<string>(8).fill(`GET ${key()}`),
    `MGET ${key()} ${key()}`,
    `EXISTS ${key()}`,
    `LRANGE ${key()} 0 -1`,
    ...Array<string>(5).fill(`SET ${key()} 1`),
    `MSET ${key()} 1 ${key()} 2`,
    `DEL ${key()} ${key()}`,
    `RENAME ${key()} ${key()}`,
    `COPY ${key()} ${key()}`,
    `RPUSH ${key()} x`,
    `LMOVE ${key()} ${key()} LEFT RIGHT`,
    `SUNIONSTORE ${key()} ${key()} ${key()}`,
    `INCR ${key()}`,
    `EXPIRE ${key()} 1000`,
    `EXPIRE ${key()} -1`,
    `PERSIST ${key()}`,
    'SELECT 0',
    'SELECT 1',
    'MULTI',
    'MULTI',
    'EXEC',
    'EXEC',
    'EXEC',
    'DISCARD',
    'CLIENT CACHING YES',
    'CLIENT CACHING NO',
    'CLIENT TRACKINGINFO',
    'FLUSHDB',
    'FLUSHALL',
    'SWAPDB 0 1',
    'PING',
  ])
  if (chance(8)) {
    return [
      'EVAL',
      `redis.call('get', '${key()}') redis.call('set', '${key()}', 1) return redis.call('get', '${key()}')`,
      '0',
    ]
  }
  return text.split(' ')
}
