// This server follows a redis-server that runs seeded programs; afterwards both have the same data.

import net from 'node:net'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { Log } from '../../src/engine/log.ts'
import { openBroker } from '../../src/index.ts'
import type { Dial } from '../../src/replication/connection.ts'
import { Boot } from '../../src/server/boot/boot.ts'
import { createConfig } from '../../src/server/boot/options.ts'
import { PrimarySocket } from '../../src/server/listening/dial-primary.ts'
import { CONNECTIONS, type Generator } from '../differential/generator.ts'
import { SocketPeer } from '../differential/peers.ts'
import type { Program } from '../differential/program.ts'
import { TestClient } from '../support/engine.ts'
import { type RedisServer, redisServerIsOlder, redisServerMissing, startRedisServer } from '../support/redis-server.ts'
import { eventually, temporaryDirectory } from '../support/server.ts'
import { createGenerator, runStep } from './run-program.ts'

const PROGRAM_COMMANDS = 1000
const DATABASES = 16
/** A digest of each key of a database. */
const CONTENTS = `#!lua flags=no-writes
  local function sorted(list) table.sort(list) return list end
  local read = {
    string = function(key) return redis.call('GET', key) end,
    list = function(key) return redis.call('LRANGE', key, 0, -1) end,
    set = function(key) return sorted(redis.call('SMEMBERS', key)) end,
    zset = function(key)
      local all = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
      -- 7.0 prints more digits of the same score.
      for i = 2, #all, 2 do all[i] = tonumber(all[i]) end
      return all
    end,
    stream = function(key) return { redis.call('XRANGE', key, '-', '+'), redis.call('XINFO', 'GROUPS', key) } end,
    hash = function(key)
      local pairs, all = {}, redis.call('HGETALL', key)
      for i = 1, #all, 2 do pairs[#pairs + 1] = #all[i] .. ':' .. all[i] .. all[i + 1] end
      return sorted(pairs)
    end,
  }
  local found = {}
  for i, key in ipairs(sorted(redis.call('KEYS', '*'))) do
    local type = redis.call('TYPE', key).ok
    found[i] = redis.sha1hex(cmsgpack.pack({ key, redis.call('PEXPIRETIME', key), read[type](key) })) .. type
  end
  return table.concat(found, ' ')`
/**
 * A link is cut after about this many bytes, and the next one after some more; so everything that
 * must come at once comes in the end.
 */
const CUT_BYTES = 20_000

describe.skipIf(redisServerMissing())('following a redis-server', () => {
  let server: RedisServer
  let primary: SocketPeer
  let generator: Generator

  beforeAll(async () => {
    server = await startRedisServer([
      ...['--enable-debug-command', 'yes', '--repl-diskless-sync-delay', '0'],
      // A replica that comes back finds all of it.
      ...['--repl-backlog-size', '64mb'],
    ])
    primary = new SocketPeer('redis-server', server.socketPath)
    generator = await createGenerator(primary)
  })

  afterAll(async () => {
    await primary?.stop()
    await server?.stop()
  })

  /** Makes a replica follow the server; with `cutting` its link is cut again and again. */
  async function follow(
    load: string,
    cutting = false,
  ): Promise<{ boot: Boot; client: TestClient; messages: string[] }> {
    const messages: string[] = []
    const note = (details: object, message: string): void => {
      messages.push(`${message} ${JSON.stringify(details)}`)
    }
    const log: Log = { debug: () => {}, info: note, warn: note, error: note, fatal: note }
    const config = createConfig({
      port: '0',
      save: '',
      'repl-diskless-load': load,
      dir: server.directory,
      'enable-debug-command': 'yes',
    })
    let cutBytes = CUT_BYTES
    const dial: Dial = (_to, listener) => {
      const socket = net.connect(server.socketPath)
      let left = cutBytes
      cutBytes *= 1.1
      if (cutting) {
        socket.on('data', ({ length }) => {
          left -= length
          if (left >= 0) return
          // A longer snapshot is begun again each time, a second later: it must not need many
          // attempts.
          if (boot.replication.following?.linkUp !== true) cutBytes *= 2
          socket.destroy()
        })
      }
      return new PrimarySocket(socket, 'connect', config, listener)
    }
    const boot: Boot = new Boot(config, log, { snapshot: 'ignored', dial })
    await boot.load()
    const client = new TestClient(boot.engine, 2)
    client.ask('REPLICAOF', 'primary', '6379')
    return { boot, client, messages }
  }

  async function run(program: Program): Promise<void> {
    await primary.reset(CONNECTIONS)
    for (const step of program.steps) {
      if (step.kind === 'raw' || step.kind === 'scan' || step.kind === 'random-key') continue
      await runStep(primary, step)
    }
  }

  /** Waits until the replica has everything from the primary, and compares. */
  async function expectEqual(client: TestClient, messages: readonly string[]): Promise<void> {
    const offset = /master_repl_offset:(\d+)/.exec(await ask('INFO', 'replication'))![1]!
    await eventually(() => {
      const own = /slave_repl_offset:(\d+)/.exec(client.ask('INFO', 'replication'))
      return own !== null && client.ask('ROLE').includes('connected') && Number(own[1]) >= Number(offset)
    }, `offset ${offset}`)
    expect(messages.filter((message) => message.includes('CRITICAL'))).toEqual([])
    if (redisServerIsOlder()) await expectEqualContents(client)
    else expect(client.ask('DEBUG', 'DIGEST').trim()).toBe(`+${await ask('DEBUG', 'DIGEST')}`)
    expect(client.ask('FUNCTION', 'LIST', 'WITHCODE').length > 6).toBe((await ask('FUNCTION', 'LIST')).length > 0)
  }

  /** Redis 7.0 computes another DEBUG DIGEST of the same data. */
  async function expectEqualContents(client: TestClient): Promise<void> {
    for (let database = 0; database < DATABASES; database++) {
      client.ask('SELECT', database)
      await ask('SELECT', String(database))
      const theirs = (await ask('EVAL', CONTENTS, '0')).trim()
      expect(client.ask('EVAL', CONTENTS, 0).split('\r\n')[1], `database ${database}`).toBe(theirs)
    }
    client.ask('SELECT', 0)
    await ask('SELECT', '0')
  }

  async function ask(...words: string[]): Promise<string> {
    return String(await primary.ask(...words))
  }

  test.each([
    ['disabled', false],
    ['swapdb', true],
  ] as const)('has the same data, its snapshot loaded as %s, its link cut: %s', async (load, cutting) => {
    await run(generator.program(load === 'swapdb' ? 71 : 72, PROGRAM_COMMANDS))
    const { boot, client, messages } = await follow(load)
    await expectEqual(client, messages)
    await boot.close()
    const again = await follow(load, cutting)
    for (const seed of [1, 2, 3]) {
      await run(generator.program(seed + (cutting ? 80 : 90), PROGRAM_COMMANDS))
      await expectEqual(again.client, again.messages)
    }
    if (cutting) expect(again.messages.some((message) => message.startsWith('Successful partial'))).toBe(true)
    await again.boot.close()
  })

  test('a broker in a program follows it, keeps what it has on disk, and goes on alone', async () => {
    // A replica dials a port; the server listens at a path.
    const door = net.createServer((socket) => {
      const inner = net.connect(server.socketPath)
      socket.pipe(inner).pipe(socket)
      socket.on('error', () => inner.destroy())
      inner.on('error', () => socket.destroy())
    })
    await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void door.close())
    const { port } = door.address() as net.AddressInfo
    await primary.reset(1)
    await ask('SET', 'k', 'v')
    const dir = temporaryDirectory()
    const broker = await openBroker({ dir, replicaOf: { host: '127.0.0.1', port } })
    const heard: string[] = []
    for (const event of ['up', 'down', 'synced'] as const) broker.primary.on(event, () => heard.push(event))
    await broker.primary.up()
    expect(heard).toEqual(['synced', 'up'])
    expect(await broker.call('GET', 'k')).toBe('v')
    await expect(broker.call('SET', 'k', 'w')).rejects.toThrow(/^READONLY/)
    await ask('RPUSH', 'l', 'a')
    await ask('EVAL', "redis.call('INCR', 'n') redis.call('INCR', 'n')", '0')
    await eventually(() => broker.call('EXISTS', 'n'))
    expect(broker.primary.status).toMatchObject({ host: '127.0.0.1', port, state: 'up', waitingBytes: 0 })
    // The new log begins with the data of the snapshot.
    await eventually(async () => /aof_rewrite_in_progress:0/.test(String(await broker.call('INFO', 'persistence'))))
    await ask('INCR', 'n')
    await eventually(async () => (await broker.call('GET', 'n')) === '3')
    expect(await broker.call('REPLICAOF', 'NO', 'ONE')).toBe('OK')
    expect(broker.primary.status).toMatchObject({ host: undefined, state: 'down' })
    expect(await broker.call('INCR', 'n')).toBe(4)
    await broker.close()
    const alone = await openBroker({ dir })
    onTestFinished(() => alone.close())
    expect(await alone.call('MGET', 'k', 'n')).toEqual(['v', '4'])
    expect(await alone.call('LRANGE', 'l', 0, -1)).toEqual(['a'])
  })
})
