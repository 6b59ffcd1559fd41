// Directories change hands: what this journal wrote redis-server loads, and the other way round.

import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openJournal } from '../../src/persistence/log/open-journal.ts'
import { dump } from '../support/dump.ts'
import { createEngine, encode, type TestEngine } from '../support/engine.ts'
import { redisServerMissing, startRedisServer } from '../support/redis-server.ts'
import { temporaryDirectory } from '../support/server.ts'

/** Starts redis-server on a directory and connects. */
async function startRedis(dir: string): Promise<Redis> {
  const server = await startRedisServer(['--dir', dir, '--appendonly', 'yes', '--aof-use-rdb-preamble', 'no'])
  const redis = new Redis({ path: server.socketPath })
  onTestFinished(async () => {
    redis.disconnect()
    await server.stop()
  })
  return redis
}

/** The same picture of a redis-server as `dump` gives of an engine. */
async function dumpRedis(redis: Redis, databases: number[]): Promise<Record<string, string>> {
  const lines: [string, string][] = []
  for (const database of databases) {
    await redis.select(database)
    for (const key of await redis.keys('*')) {
      const type = await redis.type(key)
      const expiry = (await redis.call('PEXPIRETIME', key)) as number
      let value: string
      if (type === 'list') {
        const elements = await redis.lrangeBuffer(key, 0, -1)
        value = elements.map((e) => `$${e.length}\r\n${e.toString('latin1')}\r\n`).join('')
        value = `*${elements.length}\r\n${value}`
      } else {
        value = (await redis.getBuffer(key))!.toString('latin1')
      }
      lines.push([`${database} ${key}`, `${type} ${value}${expiry === -1 ? '' : ` until ${expiry}`}`])
    }
  }
  return Object.fromEntries(lines.sort(([a], [b]) => (a < b ? -1 : 1)))
}

async function startHere(dir: string): Promise<TestEngine & { close(): Promise<void> }> {
  const test = createEngine({ dir })
  // Far from anything that expires.
  test.clock.advance(Date.now() - test.clock.now())
  const { close } = await openJournal(test.engine)
  return { ...test, close }
}

const COMMANDS = [
  ['SET', 'text', 'value'],
  ['SET', 'binary', '\x00\xff\r\n\x80'],
  ['SET', 'empty', ''],
  ['SET', 'volatile', '1', 'EX', '100000'],
  ['SET', 'big', 'x'.repeat(100_000)],
  ['INCRBY', 'counter', '9007199254740993'],
  ['RPUSH', 'list', 'a', 'b', '', '\xff'],
  ['LPOP', 'list'],
  ['LMOVE', 'list', 'other', 'LEFT', 'RIGHT'],
  ['MULTI'],
  ['SELECT', '3'],
  ['SET', 'in three', '1'],
  ['EXPIRE', 'in three', '5000'],
  ['EXEC'],
  ['SET', 'gone', '1'],
  ['DEL', 'gone'],
  ['SELECT', '0'],
  ['RENAME', 'text', 'renamed'],
  ['COPY', 'renamed', 'copied', 'DB', '2'],
]

describe.skipIf(redisServerMissing())('with redis-server', () => {
  test('it loads what was written here, and redis-check-aof finds nothing wrong', async () => {
    const dir = temporaryDirectory()
    const here = await startHere(dir)
    const client = here.connect()
    for (const words of COMMANDS) expect(client.ask(...words)).not.toMatch(/^-/)
    await here.close()
    const data = dump(here.engine)
    expect(Object.keys(data)).toHaveLength(10)
    const check = spawnSync('redis-check-aof', [join(dir, 'appendonlydir/appendonly.aof.manifest')], {
      encoding: 'utf8',
    })
    expect(check.stdout).toContain('All AOF files and manifest are valid')
    const redis = await startRedis(dir)
    expect(await dumpRedis(redis, [0, 2, 3])).toEqual(data)
    // And it goes on in the same directory, for us to load once more.
    await redis.select(0)
    await redis.set('from redis', '1')
    await redis.config('SET', 'appendfsync', 'always')
    await redis.set('synced', '1')
    const again = await startHere(dir)
    expect(dump(again.engine)).toEqual({ ...data, '0 from redis': 'string 1', '0 synced': 'string 1' })
    await again.close()
  })

  test('what it wrote is loaded here, base and increments', async () => {
    const dir = temporaryDirectory()
    const redis = await startRedis(dir)
    const send = async (): Promise<void> => {
      for (const [name, ...words] of COMMANDS) await redis.call(name!, ...words.map((w) => Buffer.from(w, 'latin1')))
    }
    await send()
    await redis.config('SET', 'aof-timestamp-enabled', 'yes')
    await redis.call('BGREWRITEAOF')
    while (/aof_rewrite_in_progress:1|aof_rewrite_scheduled:1/.test(await redis.info('persistence'))) {
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await redis.config('SET', 'appendfsync', 'always')
    await send()
    const data = await dumpRedis(redis, [0, 2, 3])
    expect(readdirSync(join(dir, 'appendonlydir')).some((name) => name.endsWith('.base.aof'))).toBe(true)
    const here = await startHere(dir)
    expect(dump(here.engine)).toEqual(data)
    await here.close()
  })

  test('its snapshot as a base is loaded, and what it wrote after that', async () => {
    const dir = temporaryDirectory()
    const redis = await startRedis(dir)
    for (const [name, ...words] of COMMANDS) await redis.call(name!, ...words.map((w) => Buffer.from(w, 'latin1')))
    await redis.config('SET', 'aof-use-rdb-preamble', 'yes')
    await redis.call('BGREWRITEAOF')
    while (!readdirSync(join(dir, 'appendonlydir')).some((name) => name.endsWith('.base.rdb'))) {
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await redis.config('SET', 'appendfsync', 'always')
    await redis.select(0)
    await redis.rpush('list', 'after')
    const data = await dumpRedis(redis, [0, 2, 3])
    const here = await startHere(dir)
    expect(dump(here.engine)).toEqual(data)
    expect(here.engine.conditions.loading.progress).toBeUndefined()
    await here.close()
  })

  test('a single file of an older Redis, a snapshot with commands behind it, is taken over', async () => {
    const dir = temporaryDirectory()
    const redis = await startRedis(dir)
    await redis.set('in the snapshot', '1')
    await redis.call('SAVE')
    writeFileSync(
      join(dir, 'appendonly.aof'),
      Buffer.concat([readFileSync(join(dir, 'dump.rdb')), Buffer.from(encode(['SET', 'behind', '2']), 'latin1')]),
    )
    rmSync(join(dir, 'appendonlydir'), { recursive: true })
    const here = await startHere(dir)
    expect(dump(here.engine)).toEqual({ '0 behind': 'string 2', '0 in the snapshot': 'string 1' })
    await here.close()
  })

  test('a torn end is cut at the same place', async () => {
    const files = encode(['SET', 'a', '1']) + encode(['MULTI']) + encode(['SET', 'b', '2'])
    const data: Record<string, string>[] = []
    for (const open of [startHere, startRedis]) {
      const dir = temporaryDirectory()
      mkdirSync(join(dir, 'appendonlydir'))
      writeFileSync(join(dir, 'appendonlydir/appendonly.aof.manifest'), 'file x.1.incr.aof seq 1 type i\n')
      writeFileSync(join(dir, 'appendonlydir/x.1.incr.aof'), files)
      const opened = await open(dir)
      data.push('engine' in opened ? dump(opened.engine) : await dumpRedis(opened, [0]))
      if ('close' in opened) await opened.close()
    }
    expect(data[0]).toEqual({ '0 a': 'string 1' })
    expect(data[1]).toEqual(data[0])
  })
})
