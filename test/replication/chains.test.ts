// Replicas of replicas: one history from the top to the bottom, whoever is in between, and whoever takes the place of the first.

import net from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type RunningServer, type ServerOptions, startServer } from '../../src/index.ts'
import { SocketPeer } from '../differential/peers.ts'
import { type RedisServer, redisServerCannotReadOurs, startRedisServer } from '../support/redis-server.ts'
import { eventually, RawConnection, temporaryDirectory } from '../support/server.ts'

/** A server of a chain, ours or theirs. */
interface Member {
  /** Where others can follow it. */
  readonly port: number
  ask(...words: string[]): Promise<unknown>
}

describe.skipIf(redisServerCannotReadOurs())('a chain of replicas', () => {
  let server: RedisServer
  let redis: Member
  let stop: () => Promise<void>

  beforeAll(async () => {
    server = await startRedisServer([
      ...['--enable-debug-command', 'yes', '--repl-diskless-sync-delay', '0'],
      // Offsets stand still while they are compared.
      ...['--repl-ping-replica-period', '3600'],
    ])
    const peer = new SocketPeer('redis-server', server.socketPath)
    const door = await openDoor(server.socketPath)
    redis = { port: door.port, ask: (...words) => peer.ask(...words) }
    stop = async () => {
      door.close()
      await peer.stop()
      await server.stop()
    }
  })

  afterAll(() => stop())

  test('redis-server, ours, ours: what the first does is on all, and the second can take its place', async () => {
    await redis.ask('REPLICAOF', 'NO', 'ONE')
    const [middle, bottom] = [await startMember(), await startMember()]
    await follow(middle, redis)
    await write(redis, 'before')
    await expectSame(redis, middle)
    await follow(bottom, middle)
    await write(redis, 'a')
    await expectSame(redis, middle, bottom)
    await expectPartialAfterCut(redis, middle, bottom)
    await promote(middle, { primary: redis, replica: bottom })
    await write(middle, 'b')
    await expectSame(middle, bottom, redis)
  })

  test('ours, ours, redis-server: what the first does is on all, and the second can take its place', async () => {
    await redis.ask('REPLICAOF', 'NO', 'ONE')
    const [top, middle] = [await startMember(), await startMember()]
    await follow(middle, top)
    await write(top, 'before')
    await expectSame(top, middle)
    await follow(redis, middle)
    await write(top, 'a')
    await expectSame(top, middle, redis)
    await expectPartialAfterCut(top, middle, redis)
    await promote(middle, { primary: top, replica: redis })
    await write(middle, 'b')
    await expectSame(middle, redis, top)
    // And once more: the last becomes the first.
    await promote(redis, { primary: middle })
    await write(redis, 'c')
    await expectSame(redis, middle, top)
  })

  test('a replica that is promoted before anything has happened is followed by its sibling without a snapshot', async () => {
    await redis.ask('REPLICAOF', 'NO', 'ONE')
    const [one, sibling] = [await startMember(), await startMember()]
    await follow(one, redis)
    await follow(sibling, redis)
    await one.ask('REPLICAOF', 'NO', 'ONE')
    await write(one, 'd')
    await follow(sibling, one)
    await expectSame(one, sibling)
    expect((await figures(one))('sync_full')).toBe('0')
  })

  test.each([
    ['ours', 'redis-server'],
    ['redis-server', 'ours'],
    ['ours', 'ours'],
  ])('FAILOVER hands the place of %s over to %s, and no write is lost', async (from, to) => {
    await redis.ask('REPLICAOF', 'NO', 'ONE')
    const primary = from === 'ours' ? await startMember() : redis
    const replica = to === 'ours' ? await startMember() : redis
    await primary.ask('FLUSHALL')
    await announce(replica)
    await follow(replica, primary)
    const before = await figures(primary)
    const writer = await RawConnection.open(primary.port)
    let acknowledged = 0
    let refusal = ''
    const writing = (async () => {
      while (refusal === '') {
        writer.send('INCR n\r\n')
        const reply = await writer.takeLine()
        if (reply.startsWith(':')) acknowledged++
        else refusal = reply || 'closed'
      }
    })()
    await eventually(() => acknowledged > 10)
    expect(String(await primary.ask('FAILOVER', 'TO', '127.0.0.1', String(replica.port)))).toBe('OK')
    await writing
    expect(refusal).toBe("-READONLY You can't write against a read only replica.\r\n")
    await expectSame(replica, primary)
    const [demoted, promoted] = [await figures(primary), await figures(replica)]
    expect([demoted('role'), promoted('role')]).toEqual(['slave', 'master'])
    expect(demoted('master_failover_state')).toBe('no-failover')
    expect(promoted('master_replid2')).toBe(before('master_replid'))
    expect(Number(await replica.ask('GET', 'n'))).toBe(acknowledged)
    await write(replica, 'e')
    await expectSame(replica, primary)
    expect(promoted('sync_full')).toBe(to === 'ours' ? '0' : promoted('sync_full'))
  })

  test.each(['append-only file', 'snapshot'])(
    'a replica that starts from its %s goes on where it stopped',
    async (file) => {
      await redis.ask('REPLICAOF', 'NO', 'ONE')
      const dir = temporaryDirectory()
      const settings = {
        dir,
        appendonly: file === 'append-only file',
        config: { replicaof: `127.0.0.1 ${redis.port}`, save: file === 'snapshot' ? '3600 1' : '' },
      }
      const first = await startMember(settings)
      await linked(first)
      await write(redis, 'a')
      await expectSame(redis, first)
      await first.close()
      await write(redis, 'b')
      const before = await figures(redis)
      const second = await startMember(settings)
      await expectSame(redis, second)
      const after = await figures(redis)
      expect(after('sync_full')).toBe(before('sync_full'))
      expect(Number(after('sync_partial_ok'))).toBe(Number(before('sync_partial_ok')) + 1)
    },
  )
})

/** Writes of many kinds, their keys beginning with `prefix`. */
async function write(to: Member, prefix: string): Promise<void> {
  await to.ask('SELECT', '3')
  await to.ask('SET', `${prefix}:first`, 'value')
  await to.ask('SELECT', '0')
  await to.ask('SET', `${prefix}:string`, 'value')
  await to.ask('SET', `${prefix}:brief`, 'value', 'PX', '1')
  await to.ask('RPUSH', `${prefix}:list`, 'a', 'b', 'c')
  await to.ask('EVAL', "redis.call('INCR', KEYS[1]) redis.call('INCR', KEYS[1])", '1', `${prefix}:counter`)
  await to.ask('EXPIRE', `${prefix}:list`, '1000')
  await to.ask('PUBLISH', 'news', 'hello')
  await to.ask('SELECT', '0')
  await eventually(async () => (await to.ask('EXISTS', `${prefix}:brief`)) === 0)
  // The stream stays in another database: what is written next says none.
  await to.ask('SELECT', '3')
  await to.ask('XADD', `${prefix}:stream`, '*', 'field', 'value')
  await to.ask('SELECT', '0')
}

/** Has a server tell its primary where it can be reached: behind a door that is not where it seems to be. */
async function announce({ ask, port }: Member): Promise<void> {
  await ask('CONFIG', 'SET', 'replica-announce-ip', '127.0.0.1', 'replica-announce-port', String(port))
}

async function follow(member: Member, primary: Member): Promise<void> {
  expect(String(await member.ask('REPLICAOF', '127.0.0.1', String(primary.port)))).toBe('OK')
  await linked(member)
}

async function linked(member: Member): Promise<void> {
  await eventually(async () => (await figures(member))('master_link_status') === 'up', 'a link')
}

/** Waits until all of them are at the same offset of one history, and compares their data. */
async function expectSame(...members: Member[]): Promise<void> {
  await eventually(
    async () => {
      const all = await Promise.all(members.map(figures))
      const [first] = all
      return all.every(
        (one, i) =>
          (i === 0 || one('master_link_status') === 'up') &&
          one('master_replid') === first!('master_replid') &&
          one('master_repl_offset') === first!('master_repl_offset'),
      )
    },
    'one offset everywhere',
    10_000,
  ).catch(async (error) => {
    for (const member of members) console.log(await member.ask('INFO', 'replication'))
    throw error
  })
  const digests = await Promise.all(members.map((member) => member.ask('DEBUG', 'DIGEST')))
  expect(new Set(digests.map(String)).size).toBe(1)
}

/** Cuts the link of the last one and writes on the first: the last goes on where it was. */
async function expectPartialAfterCut(top: Member, middle: Member, bottom: Member): Promise<void> {
  const before = await figures(middle)
  await middle.ask('CLIENT', 'KILL', 'TYPE', 'replica')
  await write(top, 'cut')
  await expectSame(top, middle, bottom)
  const after = await figures(middle)
  expect(after('sync_full')).toBe(before('sync_full'))
  expect(Number(after('sync_partial_ok'))).toBe(Number(before('sync_partial_ok')) + 1)
}

/** `member` becomes a primary, and its primary its replica; nobody needs a snapshot for that. */
async function promote(member: Member, { primary, replica }: { primary: Member; replica?: Member }): Promise<void> {
  const before = await figures(member)
  await member.ask('REPLICAOF', 'NO', 'ONE')
  const promoted = await figures(member)
  expect(promoted('master_replid2')).toBe(before('master_replid'))
  expect(Number(promoted('second_repl_offset'))).toBe(Number(before('master_repl_offset')) + 1)
  await follow(primary, member)
  if (replica !== undefined) await linked(replica)
  await expectSame(member, primary, ...(replica === undefined ? [] : [replica]))
  const after = await figures(member)
  expect(after('sync_full')).toBe(before('sync_full'))
}

/** What INFO says, to be asked for by name. */
async function figures(member: Member): Promise<(name: string) => string | undefined> {
  const text = String(await member.ask('INFO'))
  const all = new Map(text.split('\r\n').map((line) => line.split(':') as [string, string]))
  return (name) => all.get(name)
}

interface OurMember extends Member {
  readonly server: RunningServer
  close(): Promise<void>
}

async function startMember({ config, ...options }: ServerOptions = {}): Promise<OurMember> {
  const unixSocket = join(temporaryDirectory(), 'respite.sock')
  const server = await startServer({
    port: 0,
    unixSocket,
    ...options,
    config: {
      'enable-debug-command': 'yes',
      'repl-diskless-sync-delay': 0,
      'repl-diskless-load': 'swapdb',
      'repl-ping-replica-period': 3600,
      ...config,
    },
  })
  const peer = new SocketPeer('ours', unixSocket)
  let isClosed = false
  const close = async (): Promise<void> => {
    if (isClosed) return
    isClosed = true
    await peer.stop()
    await server.close()
  }
  onTestFinished(close)
  return { server, port: server.port!, ask: (...words) => peer.ask(...words), close }
}

/** A port that leads to a unix socket: what follows a server dials a port. */
async function openDoor(path: string): Promise<{ port: number; close(): void }> {
  const door = net.createServer((socket) => {
    const inner = net.connect(path)
    socket.pipe(inner).pipe(socket)
    socket.on('error', () => inner.destroy())
    inner.on('error', () => socket.destroy())
  })
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve))
  return { port: (door.address() as net.AddressInfo).port, close: () => void door.close() }
}
