// Keys of several policies in one file: who waits for the disk and who does not, and what is there after it failed.

import { describe, expect, test } from 'vitest'
import { dump } from '../support/dump.ts'
import { encode, type TestClient } from '../support/engine.ts'
import { INCREMENT, type Started, start } from '../support/journal.ts'
import { MemoryDisk, settled } from '../support/memory-disk.ts'

const OK = '+OK\r\n'
const RULES = 'bull:* always tick:* everysec cache:* none'

async function begin(settings: Parameters<typeof start>[1] = {}): Promise<Started & { disk: MemoryDisk }> {
  const disk = new MemoryDisk()
  return { ...(await start(disk, { appendfsync: 'no', durability: RULES, ...settings })), disk }
}

function syncs(disk: MemoryDisk): number {
  return disk.history.filter((line) => line === `sync ${INCREMENT}`).length
}

async function afterPowerCut(disk: MemoryDisk): Promise<string[]> {
  return Object.keys(dump((await start(disk.powerCut())).engine))
}

describe('a write', () => {
  test('of an `always` key waits for the sync, of another key for none', async () => {
    const { connect, disk } = await begin()
    const [jobs, cache] = [connect(), connect()]
    disk.held = true
    expect(jobs.ask('SET', 'bull:1', 'a')).toBe('')
    expect(disk.waiting).toBe(1)
    // Written beside the sync, by another thread.
    expect(cache.ask('SET', 'cache:1', 'a')).toBe('')
    expect(disk.waiting).toBe(2)
    disk.held = false
    await disk.release()
    expect([jobs.received(), cache.received()]).toEqual([OK, OK])
    expect(await afterPowerCut(disk)).toContain('0 bull:1')
  })

  test('of another key is answered while the sync goes on', async () => {
    const { connect, disk } = await begin()
    const [jobs, cache] = [connect(), connect()]
    disk.heldOperations = ['sync']
    disk.held = true
    jobs.ask('SET', 'bull:1', 'a')
    for (let i = 0; i < 5; i++) {
      cache.ask('SET', 'cache:1', `${i}`)
      await settled()
      expect(cache.received()).toBe(OK)
      expect(cache.ask('GET', 'cache:1')).toBe(`$1\r\n${i}\r\n`)
    }
    expect(jobs.received()).toBe('')
    await disk.release()
    expect(jobs.received()).toBe(OK)
  })

  test('of `none` keys is never synced for their sake, of `everysec` keys within a second', async () => {
    const { connect, disk, clock } = await begin()
    const client = connect()
    const before = syncs(disk)
    expect(client.ask('SET', 'cache:1', 'a')).toBe(OK)
    clock.advance(10_000)
    await settled()
    expect(syncs(disk)).toBe(before)
    expect(client.ask('SET', 'tick:1', 'a')).toBe(OK)
    clock.advance(1000)
    await settled()
    expect(syncs(disk)).toBe(before + 1)
    expect(await afterPowerCut(disk)).toEqual(['0 cache:1', '0 tick:1'])
    client.ask('SET', 'plain', 'a')
    clock.advance(10_000)
    await settled()
    expect(syncs(disk)).toBe(before + 1)
  })

  test('that touches keys of both kinds waits', async () => {
    const { connect, disk } = await begin()
    const [mover, setter, transaction] = [connect(), connect(), connect()]
    mover.ask('RPUSH', 'cache:list', 'x')
    disk.held = true
    expect(mover.ask('LMOVE', 'cache:list', 'bull:list', 'LEFT', 'RIGHT')).toBe('')
    expect(setter.ask('MSET', 'bull:a', '1', 'cache:a', '2')).toBe('')
    transaction.ask('MULTI')
    transaction.ask('SET', 'bull:b', '1')
    transaction.ask('SET', 'cache:b', '1')
    transaction.received()
    expect(transaction.ask('EXEC')).toBe('')
    await disk.release()
    expect(mover.received()).toBe('$1\r\nx\r\n')
    expect(setter.received() + transaction.received()).toBe('')
    await disk.release()
    await disk.release()
    expect(setter.received()).toBe(OK)
    expect(transaction.received()).toBe('*2\r\n+OK\r\n+OK\r\n')
  })

  test('that serves a waiter makes the waiter wait as well', async () => {
    const { connect, disk } = await begin()
    const [worker, producer] = [connect(), connect()]
    worker.ask('BLPOP', 'bull:q', '0')
    disk.held = true
    expect(producer.ask('RPUSH', 'bull:q', 'job')).toBe('')
    expect(worker.received()).toBe('')
    await disk.release()
    await disk.release()
    expect(producer.received()).toBe(':1\r\n')
    expect(worker.received()).toBe('*2\r\n$6\r\nbull:q\r\n$3\r\njob\r\n')
  })

  test('of the general policy `always` waits, of a key taken out does not', async () => {
    const { connect, disk } = await begin({ appendfsync: 'always', durability: 'cache:* none' })
    const [jobs, cache] = [connect(), connect()]
    disk.heldOperations = ['sync']
    disk.held = true
    expect(cache.ask('SET', 'cache:1', 'a')).toBe(OK)
    expect(disk.waiting).toBe(0)
    expect(jobs.ask('SET', 'x', 'a')).toBe('')
    cache.ask('SET', 'cache:1', 'b')
    await settled()
    expect(cache.received()).toBe(OK)
    await disk.release()
    expect(jobs.received()).toBe(OK)
  })

  test('of everything (FLUSHALL) waits, and so do readers of any key', async () => {
    const { connect, disk } = await begin()
    const [admin, reader] = [connect(), connect()]
    disk.held = true
    expect(admin.ask('FLUSHALL')).toBe('')
    expect(reader.ask('GET', 'cache:1')).toBe('')
    await disk.release()
    expect([admin.received(), reader.received()]).toEqual([OK, '$-1\r\n'])
  })
})

describe('a read', () => {
  test('waits for the change of an `always` key, and of no other', async () => {
    const { connect, disk } = await begin()
    const [jobs, reader, other, counter] = [connect(), connect(), connect(), connect()]
    jobs.ask('SET', 'cache:1', '1')
    disk.heldOperations = ['sync']
    disk.held = true
    jobs.ask('SET', 'bull:1', 'a')
    expect(reader.ask('GET', 'bull:1')).toBe('')
    expect(counter.ask('DBSIZE')).toBe('')
    expect(other.ask('GET', 'cache:1')).toBe('$1\r\n1\r\n')
    expect(other.ask('GET', 'bull:2')).toBe('$-1\r\n')
    await disk.release()
    expect([reader.received(), counter.received()]).toEqual(['$1\r\na\r\n', ':2\r\n'])
  })

  test('of another key never waits, however many keys share the table of what is not synced', async () => {
    const { connect, disk } = await begin()
    const [jobs, reader] = [connect(), connect()]
    disk.heldOperations = ['sync']
    disk.held = true
    jobs.ask('SET', 'bull:1', 'a')
    const questions = Array.from({ length: 10_000 }, (_, i) => encode(['EXISTS', `cache:${i}`]))
    expect(reader.sendRaw(questions.join(''))).toBe(':0\r\n'.repeat(10_000))
  })

  test('of a key waits also if another one took its place in the table', async () => {
    const { connect, disk } = await begin()
    const jobs = connect()
    disk.heldOperations = ['sync']
    disk.held = true
    const keys = Array.from({ length: 6000 }, (_, i) => `bull:${i}`)
    jobs.sendRaw(keys.map((key) => encode(['SET', key, 'x'])).join(''))
    const answered = keys.filter((key) => connect().ask('GET', key) !== '')
    expect(answered).toEqual([])
  })

  test('that finds a key expired, or evicted, does not hang', async () => {
    const { connect, disk, clock } = await begin()
    const client = connect()
    client.ask('SET', 'bull:1', 'a', 'PX', '10')
    await settled()
    client.received()
    clock.advance(11)
    expect(client.ask('GET', 'bull:1') + (await received(client))).toBe('$-1\r\n')
    expect(client.ask('SET', 'cache:1', 'a') + (await received(client))).toBe(OK)
    await settled()
    expect(await afterPowerCut(disk)).not.toContain('0 bull:1')
  })
})

describe('changing the rules', () => {
  test('lets go of those whose key is no longer `always`, once a sync covers it', async () => {
    const { connect, disk, engine } = await begin()
    const [client, admin] = [connect(), connect()]
    disk.held = true
    client.ask('SET', 'bull:1', 'a')
    expect(admin.ask('CONFIG', 'SET', 'durability', '')).toBe(OK)
    expect(client.received()).toBe(OK)
    disk.held = false
    await disk.release()
    engine.config.set('durability', 'bull:* always')
    expect(client.ask('SET', 'bull:1', 'b')).toBe('')
    engine.config.set('durability', 'other:* always')
    await settled()
    expect(client.received()).toBe(OK)
    expect(await afterPowerCut(disk)).toEqual(['0 bull:1'])
  })

  test('to `always` syncs what clients wrote before they hear more', async () => {
    const { connect, disk } = await begin({ durability: '' })
    const [client, admin] = [connect(), connect()]
    client.ask('SET', 'a', '1')
    expect(await afterPowerCut(disk)).toEqual([])
    admin.ask('CONFIG', 'SET', 'durability', 'a always')
    await settled()
    expect(await afterPowerCut(disk)).toEqual(['0 a'])
    expect(client.ask('PING')).toBe('+PONG\r\n')
  })
})

describe('memory', () => {
  test('of unsynced bytes is given back by a sync, which is due when there is much of it', async () => {
    const { connect, disk } = await begin()
    const client = connect()
    const before = syncs(disk)
    for (let i = 0; i < 18; i++) {
      client.ask('SET', `cache:${i % 2}`, 'x'.repeat(1024 * 1024))
      await settled()
    }
    expect(syncs(disk)).toBe(before + 1)
  })
})

describe('a sync that fails', () => {
  test('has everything since the last one written again from memory, other keys’ bytes too', async () => {
    const { connect, disk, clock } = await begin()
    const [jobs, cache] = [connect(), connect()]
    cache.ask('SET', 'cache:1', 'a')
    cache.ask('SET', 'cache:2', 'b')
    disk.fault = (operation) => (operation === 'sync' || operation === 'read' ? 'EIO' : undefined)
    expect(jobs.ask('SET', 'bull:1', 'a')).toBe('')
    await settled()
    expect(jobs.received()).toBe('')
    disk.fault = (operation) => (operation === 'read' ? 'EIO' : undefined)
    clock.advance(1000)
    await settled()
    expect(jobs.received()).toBe(OK)
    disk.heal()
    expect(await afterPowerCut(disk)).toEqual(['0 bull:1', '0 cache:1', '0 cache:2'])
  })
})

describe('whatever fails', () => {
  const KINDS = ['bull', 'tick', 'cache'] as const

  /** Writes from several clients while operation `n` and some after it fail. */
  async function ordeal(n: number, code: string, count: number) {
    const { disk, clock, connect } = await begin()
    const first = disk.operations
    disk.failAt(first + n, code, count)
    const clients = KINDS.map(() => connect())
    const sent: string[][] = KINDS.map(() => [])
    const acknowledged = new Set<string>()
    const refused = new Set<string>()
    const hear = (c: number, text: string): void => {
      for (const match of text.matchAll(/(\+OK|-MISCONF[^\r]*)\r\n/g)) {
        const key = sent[c]!.shift()!
        if (match[1] === '+OK') acknowledged.add(key)
        else refused.add(key)
      }
    }
    const listen = (): void => {
      for (const [c, client] of clients.entries()) hear(c, client.received())
    }
    const check = async (): Promise<void> => {
      listen()
      const afterKill = Object.keys(dump((await start(disk.copy())).engine))
      for (const key of acknowledged) expect(afterKill).toContain(`0 ${key}`)
      for (const key of refused) expect(afterKill).not.toContain(`0 ${key}`)
      const survivors = Object.keys(dump((await start(disk.powerCut(n % 10))).engine))
      for (const key of acknowledged) if (key.startsWith('bull')) expect(survivors).toContain(`0 ${key}`)
    }
    for (let i = 0; i < 15; i++) {
      const c = (i * 7) % KINDS.length
      const key = `${KINDS[c]}:${i}`
      sent[c]!.push(key)
      hear(c, clients[c]!.sendRaw(encode(['SET', key, 'x'])))
      if (i % 4 === 3) await settled()
      if (i % 5 === 4) clock.advance(400)
      if (i === n % 15) await check()
    }
    for (let i = 0; i < 2 + count; i++) {
      await settled()
      listen()
      clock.advance(1000)
    }
    await settled()
    await check()
    return { acknowledged, refused, sent, disk, operations: disk.operations - first }
  }

  test.each([
    ['ENOSPC', 1],
    ['EIO', 1],
    ['EIO', 3],
    ['short', 2],
  ] as const)('with %s (%i times) everything acknowledged is there and nothing twice', async (code, count) => {
    for (let n = 1; ; n++) {
      const { acknowledged, refused, sent, disk, operations } = await ordeal(n, code, count)
      expect(sent.flat()).toEqual([])
      expect(acknowledged.size + refused.size).toBe(15)
      const written =
        disk
          .get(INCREMENT)
          .toString()
          .match(/(bull|tick|cache):\d+/g) ?? []
      expect(new Set(written).size).toBe(written.length)
      expect(written).toHaveLength(acknowledged.size)
      if (n > operations) break
    }
  })
})

async function received(client: TestClient): Promise<string> {
  await settled()
  return client.received()
}
