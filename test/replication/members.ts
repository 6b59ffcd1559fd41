// Servers that follow each other, this one and redis-server, with requests for tests.

import net from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { type RunningServer, type ServerOptions, startServer } from '../../src/index.ts'
import { SocketPeer } from '../differential/peers.ts'
import { type RedisServer, startRedisServer } from '../support/redis-server.ts'
import { eventually, temporaryDirectory } from '../support/server.ts'

/** A server of a chain, this one or redis-server. */
export interface Member {
  /** The port where others can follow it. */
  readonly port: number
  readonly peer: SocketPeer
  ask(...words: string[]): Promise<unknown>
}

/** Writes of many kinds, to keys that begin with `prefix`. */
export async function write(to: Member, prefix: string): Promise<void> {
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
  // The stream stays in another database: the next effect must name its own.
  await to.ask('SELECT', '3')
  await to.ask('XADD', `${prefix}:stream`, '*', 'field', 'value')
  await to.ask('SELECT', '0')
}

/**
 * Tells a server's primary the server's port: it is behind a door, so its address is not the one of
 * its connections.
 */
export async function announce({ ask, port }: Member): Promise<void> {
  await ask('CONFIG', 'SET', 'replica-announce-ip', '127.0.0.1', 'replica-announce-port', String(port))
}

/**
 * Makes one follow the other, and waits until both report it: a primary calls a replica online only
 * after its first acknowledgement.
 */
export async function follow(member: Member, primary: Member): Promise<void> {
  expect(String(await member.ask('REPLICAOF', '127.0.0.1', String(primary.port)))).toBe('OK')
  await linked(member)
  await eventually(async () => {
    const replicas = [...String(await primary.ask('INFO', 'replication')).matchAll(/^slave\d+:.*state=(\w+)/gm)]
    return replicas.length > 0 && replicas.every(([, state]) => state === 'online')
  }, 'replicas that are online')
}

export async function linked(member: Member): Promise<void> {
  await eventually(async () => (await figures(member))('master_link_status') === 'up', 'a link')
}

/** Waits until all of them have the same offset of one history, and compares their data. */
export async function expectSame(...members: Member[]): Promise<void> {
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
  // A key may expire on the first of them while they are asked.
  await eventually(async () => {
    const digests = await Promise.all(members.map((member) => member.ask('DEBUG', 'DIGEST')))
    return new Set(digests.map(String)).size === 1
  }, 'the same data everywhere')
}

/** The fields of INFO, by name. */
export async function figures(member: Member): Promise<(name: string) => string | undefined> {
  const text = String(await member.ask('INFO'))
  const all = new Map(text.split('\r\n').map((line) => line.split(':') as [string, string]))
  return (name) => all.get(name)
}

export interface OurMember extends Member {
  readonly server: RunningServer
  close(): Promise<void>
}

export async function startMember({ config, ...options }: ServerOptions = {}): Promise<OurMember> {
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
  return { server, peer, port: server.port!, ask: (...words) => peer.ask(...words), close }
}

/** A port that leads to a unix socket: replicas dial a port. */
export async function openDoor(path: string): Promise<{ port: number; close(): void }> {
  const door = net.createServer((socket) => {
    const inner = net.connect(path)
    socket.pipe(inner).pipe(socket)
    socket.on('error', () => inner.destroy())
    inner.on('error', () => socket.destroy())
  })
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve))
  return { port: (door.address() as net.AddressInfo).port, close: () => void door.close() }
}

export interface TheirMember extends Member {
  readonly server: RedisServer
  close(): Promise<void>
}

/** Starts a redis-server that others can follow: it listens at a path, behind a door. */
export async function startTheirs(options: readonly string[] = []): Promise<TheirMember> {
  const server = await startRedisServer([
    ...['--enable-debug-command', 'yes', '--repl-diskless-sync-delay', '0'],
    // Offsets stand still while they are compared.
    ...['--repl-ping-replica-period', '3600'],
    ...options,
  ])
  const peer = new SocketPeer('redis-server', server.socketPath)
  const door = await openDoor(server.socketPath)
  return {
    server,
    peer,
    port: door.port,
    ask: (...words) => peer.ask(...words),
    async close() {
      door.close()
      await peer.stop()
      await server.stop()
    },
  }
}
