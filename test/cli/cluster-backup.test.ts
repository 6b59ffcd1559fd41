// `respite cluster backup` and `restore`: a snapshot goes to a bucket, and from there into a cluster.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { runCluster } from '../../src/cli/cluster.ts'
import { systemDisk } from '../../src/persistence/disk/disk.ts'
import { DirectoryStore } from '../../src/replicated-log/snapshots/directory-store.ts'
import { snapshotName } from '../../src/replicated-log/snapshots/snapshot-name.ts'
import { natsLog, natsServerMissing, startNatsServers } from '../support/log-servers.ts'
import { S3_BUCKET, S3_CREDENTIALS, S3_REGION, type S3Server, startS3Server } from '../support/s3-server.ts'
import { eventually, startTestServer, temporaryDirectory } from '../support/server.ts'
import { startServerProcess } from '../support/server-process.ts'

async function run(...args: string[]): Promise<{ code: number; printed: string }> {
  const lines: string[] = []
  const terminal = { print: (line: string) => void lines.push(line), confirm: async () => false }
  const code = await runCluster(args, terminal)
  return { code, printed: lines.join('\n') }
}

afterEach(() => vi.unstubAllEnvs())

const BINARY = Buffer.from([0, 255, 13, 10, 200])

/** A snapshot of keys of several types, in two databases, with a library of functions. */
async function snapshot(): Promise<Buffer> {
  const dir = temporaryDirectory()
  const { port } = await startTestServer({ dir })
  const redis = new Redis(port)
  onTestFinished(() => redis.disconnect())
  for (let i = 0; i < 250; i++) await redis.set(`key:${i}`, `value ${i}`)
  await redis.rpush('list', ...Array.from({ length: 500 }, (_, i) => `${i}`))
  await redis.hset('hash', 'field', BINARY)
  await redis.set(BINARY, BINARY)
  await redis.set('volatile', 'x', 'EX', 10_000)
  await redis.xadd('stream', '1-1', 'field', 'value')
  await redis.call('FUNCTION', 'LOAD', "#!lua name=mine\nredis.register_function('one', function() return 1 end)")
  await redis.select(3)
  await redis.zadd('zset', 1.5, 'member')
  await redis.save()
  return readFileSync(join(dir, 'dump.rdb'))
}

/** Puts snapshots of these positions into a directory, as brokers do; returns its address. */
async function storeWith(bytes: Buffer, ...positions: number[]): Promise<string> {
  const dir = temporaryDirectory()
  const store = new DirectoryStore(systemDisk, dir)
  for (const position of positions) await store.put(position, parts(bytes))
  return `file://${dir}`
}

async function* parts(bytes: Buffer): AsyncIterable<Uint8Array> {
  yield bytes
}

async function bucket(): Promise<{ server: S3Server; address: string }> {
  const server = await startS3Server()
  onTestFinished(() => server.stop())
  vi.stubEnv('AWS_ACCESS_KEY_ID', S3_CREDENTIALS.accessKeyId)
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', S3_CREDENTIALS.secretAccessKey)
  return { server, address: `s3://${S3_BUCKET}/backups?endpoint=${server.endpoint}&region=${S3_REGION}` }
}

describe('backup', () => {
  test('copies the newest snapshot, checks it, and keeps as many as it is told', async () => {
    const bytes = await snapshot()
    const { address, server } = await bucket()
    const keys = ['--backups', address, '--keep', '2']
    for (const position of [10, 20, 30]) {
      const { code, printed } = await run('backup', '--snapshots', await storeWith(bytes, 1, position), ...keys)
      expect(printed).toContain(`The snapshot of position ${position} is copied: whole, 256 keys.`)
      expect(code).toBe(0)
    }
    const names = [20, 30].map((position) => `backups/${snapshotName(position)}`)
    expect([...server.objects.keys()].sort()).toEqual(names)
    expect(server.objects.get(names[1]!)).toEqual(bytes)
    const again = await run('backup', '--snapshots', await storeWith(bytes, 30), ...keys)
    expect(again).toEqual({ code: 0, printed: 'The snapshot of position 30 was there: whole, 256 keys.' })
  })

  test('fails when there is no snapshot, when the copy is damaged, and when the store refuses', async () => {
    const bytes = await snapshot()
    const { address, server } = await bucket()
    const empty = `file://${temporaryDirectory()}`
    expect(await run('backup', '--snapshots', empty, '--backups', address)).toMatchObject({
      code: 1,
      printed: expect.stringContaining('there is no snapshot yet'),
    })
    const damaged = Buffer.from(bytes)
    damaged[damaged.length >> 1]! ^= 1
    const { code, printed } = await run('backup', '--snapshots', await storeWith(damaged, 5), '--backups', address)
    expect(printed).toMatch(/^respite cluster backup: the snapshot of position 5 is damaged at byte \d+/)
    expect(code).toBe(1)
    server.fault = () => 403
    const refused = await run('backup', '--snapshots', await storeWith(bytes, 6), '--backups', address)
    expect(refused.printed).toContain('the store of snapshots refuses')
    expect(refused.code).toBe(1)
    expect((await run('backup', '--snapshots', empty, '--backups', empty)).code).toBe(2)
    expect((await run('backup', '--snapshots', 'nowhere', '--backups', empty)).code).toBe(2)
  })
})

describe.skipIf(natsServerMissing())('restore', () => {
  test('brings keys of all databases and functions into an empty cluster, and refuses one that is not', async () => {
    const bytes = await snapshot()
    const { address } = await bucket()
    await run('backup', '--snapshots', await storeWith(bytes, 40), '--backups', address)
    const nats = await startNatsServers({ count: 1 })
    onTestFinished(() => nats.stop())
    const broker = await startServerProcess({
      port: 0,
      dir: temporaryDirectory(),
      appendfsync: 'always',
      config: { log: `${natsLog(nats, 'restored')}&replicas=1&safety=development`, requirepass: 'secret' },
    })
    onTestFinished(() => void broker.child.kill('SIGKILL'))
    const redis = new Redis({ port: broker.port, password: 'secret' })
    onTestFinished(() => redis.disconnect())
    redis.on('error', () => {})
    await eventually(async () => (await redis.role().catch(() => []))[0] === 'master', 'it leads')

    const dir = join(temporaryDirectory(), 'restore')
    const words = ['--backups', address, '--node', `127.0.0.1:${broker.port}`, '-a', 'secret', '--dir', dir]
    const { code, printed } = await run('restore', ...words)
    expect(printed).toContain('The backup of position 40 is whole: 256 keys.')
    expect(printed).toContain(`256 keys are at 127.0.0.1:${broker.port}`)
    expect(code).toBe(0)
    expect(readdirSync(dir)).toContain('dump.rdb')
    expect(await redis.dbsize()).toBe(255)
    expect(await redis.get('key:249')).toBe('value 249')
    expect(await redis.llen('list')).toBe(500)
    expect(await redis.hgetBuffer('hash', 'field')).toEqual(BINARY)
    expect(await redis.getBuffer(BINARY)).toEqual(BINARY)
    expect(await redis.ttl('volatile')).toBeGreaterThan(9000)
    expect(await redis.xrange('stream', '-', '+')).toEqual([['1-1', ['field', 'value']]])
    expect(await redis.call('FCALL', 'one', '0')).toBe(1)
    await redis.select(3)
    expect(await redis.zscore('zset', 'member')).toBe('1.5')

    const again = await run('restore', ...words)
    expect(again.printed).toContain('has keys: a backup is restored into an empty cluster')
    expect(again.code).toBe(1)
    expect((await run('restore', ...words, '--position', '41')).code).toBe(1)
  })
})
