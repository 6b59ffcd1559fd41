// Files as Redis 2.4 to 6.2 wrote them, built by hand. What redis-server makes of one is what is found here.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { systemDisk } from '../../../src/persistence/disk/disk.ts'
import { loadSnapshot } from '../../../src/persistence/snapshot/load-snapshot.ts'
import { Source } from '../../../src/util/bytes/bytes.ts'
import { Crc64 } from '../../../src/util/bytes/crc64.ts'
import { createEngine } from '../../support/engine.ts'
import { redisServerCannotReadOurs, startRedisServer } from '../../support/redis-server.ts'
import { startSaving } from '../../support/saving.ts'
import { eventually, temporaryDirectory } from '../../support/server.ts'
import { byte, double, intset, little, stream, string, uint32, ziplist, zipmap } from './blobs.ts'

const FUTURE_SECONDS = 4_102_444_800
const key = (type: number, name: string, content: string): string => byte(type) + string(name) + content
const auxiliary = (name: string, value: string): string => `\xfa${string(name)}${string(value)}`

/** Keys of the types that a version's server wrote. */
const STRINGS =
  key(0, 'text', string('value')) + key(0, 'number', '\xc1\x39\x30') + key(0, 'packed', '\xc3\x05\x18\0a\xe0\x0e\0')
const PLAIN =
  key(1, 'list elements', `\x02${string('a')}\xc0\x05`) +
  key(2, 'set members', `\x02${string('a')}${string('b')}`) +
  key(3, 'zset text', `\x02${string('a')}\x032.5${string('b')}\xfe`) +
  key(4, 'hash fields', `\x01${string('f')}${string('v')}`)
const ZIPLISTS =
  key(
    10,
    'list ziplist',
    string(ziplist('a', { integer: 7n, as: 'immediate' }, { integer: -70_000n, as: 24 }, 'x'.repeat(300))),
  ) +
  key(12, 'zset ziplist', string(ziplist('a', '1.5', 'b', { integer: 3n, as: 8 }))) +
  key(13, 'hash ziplist', string(ziplist('f', { integer: 1234n, as: 16 }, 'g', ''))) +
  key(11, 'intset', string(intset(4, -70_000n, 7n)))
const EXPIRING = `\xfd${uint32(FUTURE_SECONDS)}${key(0, 'in seconds', string('v'))}\xfc${little(BigInt(FUTURE_SECONDS) * 1000n + 7n, 8)}${key(0, 'in ms', string('v'))}`
const QUICKLIST = key(
  14,
  'quicklist',
  `\x02${string(ziplist('a', 'b'))}${string(ziplist({ integer: 9n, as: 'immediate' }))}`,
)
const DOUBLES = key(5, 'zset doubles', `\x02${string('a')}${double(2.5)}${string('b')}${double(-1e300)}`)
const STREAM = key(15, 'stream', stream(15))
const SIZED = '\xfe\x00\xfb\x10\x02'
const LRU = `\xf8\x0a${key(0, 'idle', string('v'))}\xf9\x05${key(0, 'frequent', string('v'))}`

const FILES: Record<string, { version: string; content: string }> = {
  'Redis 2.4, zipmaps': {
    version: '0002',
    content: `\xfe\x00${STRINGS}${PLAIN}${ZIPLISTS}${key(9, 'hash zipmap', string(zipmap(['f', 'v'], ['g', 'w'.repeat(260), 3])))}`,
  },
  'Redis 2.8': {
    version: '0006',
    content: `\xfe\x00${STRINGS}${PLAIN}${ZIPLISTS}${EXPIRING}\xfe\x03${key(0, 'in three', string('v'))}`,
  },
  'Redis 4': {
    version: '0008',
    content: `${auxiliary('redis-ver', '4.0.14')}${auxiliary('repl-stream-db', '0')}${auxiliary('lua', 'return 1')}${SIZED}${STRINGS}${ZIPLISTS}${QUICKLIST}${DOUBLES}${EXPIRING}`,
  },
  'Redis 5 and 6': {
    version: '0009',
    content: `${auxiliary('redis-ver', '6.2.6')}${auxiliary('redis-bits', '64')}${auxiliary('aof-preamble', '0')}${SIZED}${STRINGS}${ZIPLISTS}${QUICKLIST}${DOUBLES}${EXPIRING}${LRU}${STREAM}`,
  },
}

function fileOf({ version, content }: { version: string; content: string }): Buffer {
  const body = Buffer.from(`REDIS${version}${content}\xff`, 'latin1')
  // Before version 5 there was no checksum.
  if (Number(version) < 5) return body
  const footer = Source.allocate(8)
  new Crc64().update(new Source(body), 0, body.length).writeTo(footer, 0)
  return Buffer.concat([body, footer.u8])
}

async function redisOn(dir: string): Promise<Redis> {
  const server = await startRedisServer(['--dir', dir, '--enable-debug-command', 'yes'])
  const redis = new Redis({ path: server.socketPath })
  onTestFinished(async () => {
    redis.disconnect()
    await server.stop()
  })
  return redis
}

describe.skipIf(redisServerCannotReadOurs())('with redis-server', () => {
  test.each(Object.keys(FILES))('a file of %s is the same here and there', async (name) => {
    const dir = temporaryDirectory()
    writeFileSync(join(dir, 'dump.rdb'), fileOf(FILES[name]!))
    const theirs = await redisOn(dir)
    const here = await startSaving({ settings: { dir }, realDisk: systemDisk, atMs: Date.now() })
    const client = here.connect()
    expect(client.ask('DBSIZE')).toBe(`:${await theirs.dbsize()}\r\n`)
    expect(await theirs.dbsize()).toBeGreaterThan(8)
    // What they hold is compared by what redis-server says of our own file.
    const there = temporaryDirectory()
    here.engine.config.set('dir', there)
    client.ask('SAVE')
    await eventually(async () => {
      await here.finish()
      return here.saving.busyWith === 'nothing'
    })
    const ours = await redisOn(there)
    expect(await ours.call('DEBUG', 'DIGEST')).toBe(await theirs.call('DEBUG', 'DIGEST'))
    if (name === 'Redis 5 and 6') {
      const groups = (redis: Redis) => redis.call('XINFO', 'STREAM', 'stream', 'FULL')
      expect(await groups(ours)).toEqual(await groups(theirs))
    }
  })
})

test('a value of a module is refused by the name of the module, and the place', async () => {
  // 'hellotype': nine letters of six bits, then ten bits of version; as a length of eight bytes.
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  let id = 0n
  for (const letter of 'hellotype') id = (id << 6n) | BigInt(letters.indexOf(letter))
  const big = little(id << 10n, 8)
    .split('')
    .reverse()
    .join('')
  for (const [version, type] of [['0008', 6] as const, ['0009', 7] as const]) {
    const dir = temporaryDirectory()
    writeFileSync(
      join(dir, 'dump.rdb'),
      fileOf({ version, content: `${SIZED}${STRINGS}${key(type, 'module', `\x81${big}\0`)}` }),
    )
    await expect(loadSnapshot(createEngine({ dir }).engine)).rejects.toThrow(/dump\.rdb at offset \d+: .*'hellotype'/)
  }
})
