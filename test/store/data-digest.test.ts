// The digest of data: equal for what is equal, however it lies in memory and in whatever order it came, and in memory and file alike.

import { expect, test } from 'vitest'
import { BackgroundSaving } from '../../src/persistence/snapshot/background-saving.ts'
import { checkSnapshot } from '../../src/persistence/snapshot/check-rdb.ts'
import { areComparable, DataDigest } from '../../src/store/keyspace/data-digest.ts'
import { createEngine, type TestClient, type TestEngine } from '../support/engine.ts'
import { MemoryDisk } from '../support/memory-disk.ts'

/** Some of everything, large and small. */
function fill(client: TestClient): void {
  client.ask('SET', 'string', 'value')
  client.ask('SET', 'integer', '12345', 'PXAT', '99999999999999')
  client.ask('SETRANGE', 'long', '300000', 'end')
  client.ask('RPUSH', 'list', 'a', 'b', '17')
  client.ask('SADD', 'integers', '1', '2', '3')
  client.ask('SADD', 'set', 'x', 'y')
  client.ask('ZADD', 'zset', '1.5', 'a', '-inf', 'b', '3e100', 'c')
  client.ask('HSET', 'hash', 'f', 'v', 'g', '')
  client.ask('XADD', 'stream', '1-1', 'f', 'v')
  client.ask('XADD', 'stream', '2-7', 'f', 'w', 'g', 'x')
  client.ask('XGROUP', 'CREATE', 'stream', 'group', '0')
  client.ask('XREADGROUP', 'GROUP', 'group', 'consumer', 'COUNT', '1', 'STREAMS', 'stream', '>')
  client.ask('XADD', 'empty', '1-1', 'f', 'v')
  client.ask('XDEL', 'empty', '1-1')
  client.ask('PFADD', 'hll', 'a', 'b')
  for (let i = 0; i < 1500; i++) {
    client.ask('SADD', 'large:set', `member ${i}`)
    client.ask('HSET', 'large:hash', `field ${i}`, `value ${i}`)
    client.ask('RPUSH', 'large:list', `element ${i}`)
    client.ask('ZADD', 'large:zset', String(i / 7), `member ${i}`)
  }
  client.ask('SELECT', '3')
  client.ask('SET', 'string', 'value')
  client.ask('SELECT', '0')
  client.ask('FUNCTION', 'LOAD', "#!lua name=library\nredis.register_function('f', function() return 1 end)")
}

/** Takes a picture; returns the digest of the memory, the file, and what was found in it. */
async function digestsOf({
  engine,
}: TestEngine): Promise<{ ofMemory: string; ofFile: string; said: string; damage: unknown }> {
  const saving = new BackgroundSaving(engine, { disk: new MemoryDisk() })
  const pieces: Buffer[] = []
  const data = new DataDigest()
  let ended: Promise<void> | undefined
  const sink = {
    waitingBytes: 0,
    write: (bytes: Buffer) => void pieces.push(Buffer.from(bytes)),
    spare: () => undefined,
    onDrained: () => {},
  }
  saving.copyNow({
    run: (pictures) => {
      const { walked } = pictures.send(sink, undefined, {
        digest: { data, field: 'digest', isWritten: () => true },
      })
      ended = walked
      return walked
    },
  })
  await ended
  const file = Buffer.concat(pieces)
  const digest = new DataDigest()
  const about = new Map<string, string>()
  const { damage } = await checkSnapshot(
    { read: async (into, start, length, position) => file.copy(into, start, position, position + length) },
    file.length,
    { digest, auxiliary: (name, value) => void about.set(name, value) },
  )
  await saving.close()
  return { ofMemory: String(data), ofFile: String(digest), said: about.get('digest')!, damage }
}

test('a file sums up to what the memory did that it was made from, and says so at its end', async () => {
  const engine = createEngine()
  fill(engine.connect())
  const { damage, ofFile, ofMemory, said } = await digestsOf(engine)
  expect(damage).toBeUndefined()
  expect(ofFile).toBe(ofMemory)
  expect(said).toBe(ofMemory)
})

test('the order in which keys, members and fields came, encodings and use do not matter', async () => {
  const one = createEngine()
  const other = createEngine({ 'hash-max-listpack-entries': '1', 'set-max-intset-entries': '1' })
  const [a, b] = [one.connect(), other.connect()]
  a.ask('HSET', 'hash', 'f', 'v', 'g', 'w')
  a.ask('SADD', 'set', '1', '2', '3')
  a.ask('SET', 'number', '100')
  a.ask('PFADD', 'hll', 'x')
  b.ask('PFADD', 'hll', 'x')
  b.ask('PFCOUNT', 'hll')
  b.ask('SET', 'number', '10')
  b.ask('APPEND', 'number', '0')
  b.ask('SADD', 'set', '3', '1', '2')
  b.ask('HSET', 'hash', 'g', 'w', 'f', 'v')
  expect((await digestsOf(one)).ofMemory).toBe((await digestsOf(other)).ofMemory)
})

test.each([
  ['a value that differs in a bit', ['SET', 'string', 'valud']],
  ['two values that have changed places', ['MSET', 'left', 'two', 'right', 'one']],
  ['a name', ['RENAME', 'string', 'strinh']],
  ['the end of a key', ['PEXPIREAT', 'string', '99999999999998']],
  ['a database', ['MOVE', 'string', '5']],
  ['an element at another place', ['LMOVE', 'list', 'list', 'LEFT', 'RIGHT']],
  ['a score', ['ZADD', 'zset', '1.25', 'a']],
  ['what a consumer has not acknowledged', ['XACK', 'stream', 'group', '1-1']],
  ['a type', ['EVAL', "redis.call('DEL', KEYS[1]); redis.call('SADD', KEYS[1], 'value')", '1', 'string']],
  ['a library that is gone', ['FUNCTION', 'FLUSH']],
])('%s makes another digest', async (_what, change) => {
  const digests = []
  for (const changes of [false, true]) {
    const engine = createEngine()
    const client = engine.connect()
    client.ask('MSET', 'string', 'value', 'left', 'one', 'right', 'two')
    client.ask('RPUSH', 'list', 'a', 'b')
    client.ask('ZADD', 'zset', '1.5', 'a')
    client.ask('XADD', 'stream', '1-1', 'f', 'v')
    client.ask('XGROUP', 'CREATE', 'stream', 'group', '0')
    client.ask('XREADGROUP', 'GROUP', 'group', 'consumer', 'STREAMS', 'stream', '>')
    client.ask('FUNCTION', 'LOAD', "#!lua name=library\nredis.register_function('f', function() return 1 end)")
    if (changes) expect(client.ask(...change)).not.toMatch(/^-/)
    const { ofFile, ofMemory } = await digestsOf(engine)
    expect(ofFile).toBe(ofMemory)
    digests.push(ofMemory)
  }
  expect(digests[0]).not.toBe(digests[1])
})

test('digests that are made in another way are not held against each other', () => {
  expect(areComparable('1:5:abc', '1:6:abd')).toBe(true)
  expect(areComparable('1:5:abc', '2:5:abc')).toBe(false)
})
