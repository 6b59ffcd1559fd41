// What is saved and rewritten here, redis-server starts from; and the other way round.

import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { systemDisk } from '../../src/persistence/disk/disk.ts'
import { Random } from '../../src/util/numbers/random.ts'
import { pick } from '../differential/values.ts'
import { dump } from '../support/dump.ts'
import { redisServerCannotReadOurs, startRedisServer } from '../support/redis-server.ts'
import { type SavingEngine, startSaving } from '../support/saving.ts'
import { eventually, temporaryDirectory } from '../support/server.ts'
import { SAMPLES } from './rdb/redis-values.ts'

const LIBRARY = '#!lua name=library\nredis.register_function("answer", function() return 42 end)'

async function startRedis(dir: string, ...options: string[]): Promise<{ redis: Redis; stop(): Promise<void> }> {
  const server = await startRedisServer(['--dir', dir, ...options])
  const redis = new Redis({ path: server.socketPath })
  const stop = async (): Promise<void> => {
    redis.disconnect()
    await server.stop()
  }
  onTestFinished(stop)
  return { redis, stop }
}

/** Starts here, at the time it is: redis-server has no other. */
async function startHere(dir: string, settings: Record<string, string> = {}): Promise<SavingEngine> {
  const started = await startSaving({ settings: { dir, ...settings }, realDisk: systemDisk, atMs: Date.now() })
  return started
}

/** Has a client's requests run here to the end of what they began. */
async function done({ engine, finish }: SavingEngine): Promise<void> {
  await eventually(async () => {
    await finish()
    return engine.parts.saving!.busyWith === 'nothing'
  })
}

const elements = Array.from({ length: 300 }, (_, i) => `element ${i}`)
const COMMANDS: string[][] = [
  ['SET', 'text', 'value'],
  ['SET', 'binary', '\x00\xff\r\n\x80'],
  ['SET', 'number', '-123456'],
  ['SET', 'volatile', '1', 'EX', '100000'],
  ['SET', 'large', 'x'.repeat(400_000)],
  ['RPUSH', 'list', 'a', 'b', '', '\xff'],
  ['RPUSH', 'long list', ...elements, 'y'.repeat(100_000)],
  ['HSET', 'hash', 'f', '1', 'g', '2'],
  ['HSET', 'large hash', ...elements, ...elements.map((e) => `${e}!`)],
  ['SADD', 'intset', '1', '2', '70000'],
  ['SADD', 'set', 'a', 'b'],
  ['SADD', 'large set', ...elements],
  ['ZADD', 'zset', '1', 'a', '-inf', 'b', '0.1', 'c'],
  ['ZADD', 'large zset', ...elements.flatMap((e, i) => [`${i / 8}`, e])],
  ['PFADD', 'loglog', ...elements],
  ['XADD', 'stream', '1-1', 'f', 'v'],
  ['XADD', 'stream', '2-1', 'f', 'v', 'g', 'w'],
  ['XDEL', 'stream', '1-1'],
  ['XGROUP', 'CREATE', 'stream', 'group', '0'],
  ['XREADGROUP', 'GROUP', 'group', 'consumer', 'STREAMS', 'stream', '>'],
  ['SELECT', '7'],
  ['SET', 'in seven', '1'],
  ['SELECT', '0'],
  ['FUNCTION', 'LOAD', LIBRARY],
]

describe.skipIf(redisServerCannotReadOurs())('with redis-server', () => {
  test('dump.rdb goes there and back', async () => {
    const dir = temporaryDirectory()
    const here = await startHere(dir)
    const client = here.connect()
    for (const words of COMMANDS) expect(client.ask(...words)).not.toMatch(/^-/)
    client.ask('BGSAVE')
    await done(here)
    expect(here.warnings).toEqual([])
    const data = dump(here.engine)
    expect(Object.keys(data)).toHaveLength(17)
    const check = spawnSync('redis-check-rdb', [join(dir, 'dump.rdb')], { encoding: 'utf8' })
    expect(check.stdout).toContain('RDB looks OK')
    const { redis, stop } = await startRedis(dir)
    expect(await redis.dbsize()).toBe(16)
    expect(await redis.call('FCALL', 'answer', '0')).toBe(42)
    await redis.save()
    await stop()
    const again = await startHere(dir)
    expect(dump(again.engine)).toEqual(data)
    expect(again.connect().ask('FCALL', 'answer', 0)).toBe(':42\r\n')
  })

  test.each(['yes', 'no'])(
    'every type and encoding goes there in commands and in a base, aof-use-rdb-preamble %s',
    async (preamble) => {
      // Replayed in another order, a score of -0 passes through a listpack, which makes it 0, here and there.
      const samples = preamble === 'yes' ? SAMPLES : SAMPLES.filter(({ key }) => key !== 'zset long')
      const commands = samples.flatMap((sample) => sample.commands)
      const { redis: oracle } = await startRedis(temporaryDirectory(), '--enable-debug-command', 'yes')
      for (const [name, ...words] of commands) await oracle.call(name!, ...words.map((w) => Buffer.from(w, 'latin1')))
      await oracle.call('SET', 'volatile', '1', 'PXAT', '4102444800123')
      const digest = await oracle.call('DEBUG', 'DIGEST')
      const groups = async (redis: Redis): Promise<unknown> => {
        const told = JSON.stringify(await redis.call('XINFO', 'STREAM', 'stream groups', 'FULL', 'COUNT', '0'))
        // When something was seen or delivered differs, and so do nodes, which no command can divide.
        return told.replace(/"(seen-time|radix-tree-\w+)",\d+/g, '').replace(/\d{13}/g, 'TIME')
      }

      const dir = temporaryDirectory()
      const settings = { appendonly: 'yes', 'aof-use-rdb-preamble': preamble }
      const here = await startHere(dir, settings)
      const client = here.connect()
      for (const words of commands) expect(client.ask(...words)).not.toMatch(/^-/)
      client.ask('SET', 'volatile', '1', 'PXAT', '4102444800123')
      for (const stage of ['commands', 'base']) {
        if (stage === 'base') {
          client.ask('BGREWRITEAOF')
          await done(here)
          expect(here.saving.status.lastRewriteOk).toBe(true)
          await here.saving.close()
        } else {
          await eventually(async () => {
            here.engine.endTurn()
            const { appended, written } = here.engine.effects.durability.progress
            return written === appended
          })
        }
        const copy = temporaryDirectory()
        cpSync(join(dir, 'appendonlydir'), join(copy, 'appendonlydir'), { recursive: true })
        const manifest = join(copy, 'appendonlydir/appendonly.aof.manifest')
        const check = spawnSync('redis-check-aof', [manifest], { encoding: 'utf8' })
        expect(check.stdout, stage).toContain('All AOF files and manifest are valid')
        const { redis, stop } = await startRedis(copy, '--appendonly', 'yes', '--enable-debug-command', 'yes')
        expect(await redis.call('DEBUG', 'DIGEST'), stage).toBe(digest)
        // Commands cannot say that an entry is pending which was deleted: XCLAIM forgets it, here and there.
        const keepsPending = preamble === 'yes' || stage === 'commands'
        if (keepsPending) expect(await groups(redis), stage).toBe(await groups(oracle))
        // And what it makes of that is found here: its base, whichever it writes.
        await redis.config('SET', 'aof-use-rdb-preamble', preamble)
        await redis.call('BGREWRITEAOF')
        await eventually(async () => /aof_rewrite_in_progress:0/.test(await redis.info('persistence')))
        await stop()
        const again = await startHere(copy, settings)
        const back = temporaryDirectory()
        again.engine.config.set('dir', back)
        again.connect().ask('SAVE')
        await done(again)
        await again.saving.close()
        const { redis: last } = await startRedis(back, '--enable-debug-command', 'yes')
        expect(await last.call('DEBUG', 'DIGEST'), stage).toBe(digest)
        if (preamble === 'yes') expect(await groups(last), stage).toBe(await groups(oracle))
      }
    },
  )

  test.each(['yes', 'no'])('a rewritten directory goes there and back, aof-use-rdb-preamble %s', async (preamble) => {
    const dir = temporaryDirectory()
    const settings = { appendonly: 'yes', 'aof-use-rdb-preamble': preamble }
    const here = await startHere(dir, settings)
    const client = here.connect()
    for (const words of COMMANDS) expect(client.ask(...words)).not.toMatch(/^-/)
    client.ask('BGREWRITEAOF')
    await done(here)
    client.ask('SET', 'later', '1')
    const data = dump(here.engine)
    await here.saving.close()
    const folder = join(dir, 'appendonlydir')
    const base = preamble === 'yes' ? 'appendonly.aof.2.base.rdb' : 'appendonly.aof.2.base.aof'
    expect(readdirSync(folder).sort()).toEqual([base, 'appendonly.aof.2.incr.aof', 'appendonly.aof.manifest'])
    const check = spawnSync('redis-check-aof', [join(folder, 'appendonly.aof.manifest')], { encoding: 'utf8' })
    expect(check.stdout).toContain('All AOF files and manifest are valid')
    const { redis, stop } = await startRedis(dir, '--appendonly', 'yes', '--aof-use-rdb-preamble', preamble)
    expect(await redis.dbsize()).toBe(17)
    expect(await redis.get('later')).toBe('1')
    expect(await redis.call('FCALL', 'answer', '0')).toBe(42)
    await redis.call('BGREWRITEAOF')
    await eventually(async () => /aof_rewrite_in_progress:0/.test(await redis.info('persistence')))
    await redis.config('SET', 'appendfsync', 'always')
    await redis.set('from there', '1')
    await stop()
    const again = await startHere(dir, settings)
    // When a consumer was last seen no command can say, nor how a stream's nodes were divided.
    const plain = (record: Record<string, string>): unknown =>
      preamble === 'yes' ? record : { ...record, '0 stream': undefined }
    expect(plain(dump(again.engine))).toEqual(plain({ ...data, '0 from there': 'string 1' }))
    expect(again.connect().ask('XRANGE', 'stream', '-', '+')).toBe(client.ask('XRANGE', 'stream', '-', '+'))
    expect(again.connect().ask('FCALL', 'answer', 0)).toBe(':42\r\n')
    const last = again.connect()
    last.ask('BGREWRITEAOF')
    await done(again)
    expect(again.saving.status.lastRewriteOk).toBe(true)
    await again.saving.close()
    expect(readdirSync(folder)).toHaveLength(3)
  })
})

describe.skipIf(redisServerCannotReadOurs())('the files of the log', () => {
  test.each([1, 2, 3])(
    'are named and counted as redis-server does it, whatever is asked for: seed %s',
    async (seed) => {
      const random = new Random(seed)
      const settings = {
        appendonly: random.below(3) === 0 ? 'no' : 'yes',
        'aof-use-rdb-preamble': random.below(2) === 0 ? 'yes' : 'no',
      }
      const dir = temporaryDirectory()
      const theirs = temporaryDirectory()
      const options = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
      const { redis } = await startRedis(theirs, ...options)
      const here = await startHere(dir, settings)
      const client = here.connect()
      for (let i = 0; i < 12; i++) {
        const words = pick(random, [
          ['CONFIG', 'SET', 'appendonly', 'yes'],
          ['CONFIG', 'SET', 'appendonly', 'no'],
          ['BGREWRITEAOF'],
          ['BGREWRITEAOF'],
          ['INCR', 'n'],
          ['FLUSHALL'],
        ])
        await redis.call(words[0]!, ...words.slice(1))
        await eventually(async () =>
          /aof_rewrite_in_progress:0[\s\S]*aof_rewrite_scheduled:0/.test(await redis.info('persistence')),
        )
        client.ask(...words)
        await done(here)
        await eventually(
          async () =>
            here.engine.effects.durability.progress.written === here.engine.effects.durability.progress.appended,
        )
        // What Redis deletes in the background may still be there.
        await eventually(async () => filesOfLog(dir) === filesOfLog(theirs))
        expect(`${words.join(' ')}\n${manifestOf(dir)}`).toBe(`${words.join(' ')}\n${manifestOf(theirs)}`)
      }
      await here.saving.close()
    },
  )
})

function filesOfLog(dir: string): string {
  const path = join(dir, 'appendonlydir')
  return existsSync(path) ? readdirSync(path).sort().join(' ') : ''
}

function manifestOf(dir: string): string {
  const path = join(dir, 'appendonlydir/appendonly.aof.manifest')
  return existsSync(path) ? readFileSync(path, 'latin1') : ''
}
