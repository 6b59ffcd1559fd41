import { describe, expect, test } from 'vitest'
import { Bytes } from '../../src/util/bytes/bytes.ts'
import { dump } from '../support/dump.ts'
import { encode, type TestClient } from '../support/engine.ts'
import { commands, DIRECTORY, INCREMENT, type Started, start } from '../support/journal.ts'
import { MemoryDisk, settled } from '../support/memory-disk.ts'

const OK = '+OK\r\n'
const MISCONF_FULL = '-MISCONF Errors writing to the AOF file: No space left on device\r\n'
const POLICIES = ['always', 'everysec', 'no'] as const
type Policy = (typeof POLICIES)[number]

async function begin(policy: Policy, disk = new MemoryDisk()): Promise<Started & { disk: MemoryDisk }> {
  return { ...(await start(disk, { appendfsync: policy })), disk }
}

/** The commands in a disk's first increment. */
function lines(disk: MemoryDisk): string[] {
  const text = disk.get(INCREMENT).toString('latin1')
  return text
    .split(/(?=\*\d+\r\n)/)
    .filter((part) => part !== '')
    .map((part) =>
      part
        .replace(/\*\d+\r\n|\$\d+\r\n/g, '')
        .trimEnd()
        .replaceAll('\r\n', ' '),
    )
}

/** Lets the disk catch up and the engine notice. */
async function catchUp(client: TestClient): Promise<string> {
  await settled()
  return client.received()
}

describe('the written bytes', () => {
  test('requests as they came, SELECT where the database changes', async () => {
    const { connect, disk } = await begin('no')
    const a = connect()
    const b = connect()
    b.client.database = 3
    a.ask('sEt', 'k', '1')
    a.ask('SET', 'k', '2')
    b.ask('SET', 'k', '3')
    a.sendRaw('SET inline "4 5"\r\n')
    expect(disk.get(INCREMENT).toString()).toBe(
      commands('SELECT 0', 'sEt k 1', 'SET k 2', 'SELECT 3', 'SET k 3', 'SELECT 0') + encode(['SET', 'inline', '4 5']),
    )
  })

  test('words of all kinds, printed', async () => {
    const { journal, disk, engine } = await begin('no')
    journal.append(0, ['X', 7, -12, 1234567890123, 9223372036854775807n, 0.5, '', Bytes.from('\x00\xff\r\n')])
    journal.append(0, ['SET', 'k', 'x'.repeat(100_000)])
    engine.endTurn()
    expect(disk.get(INCREMENT).toString('latin1')).toBe(
      commands('SELECT 0') +
        encode(['X', '7', '-12', '1234567890123', '9223372036854775807', '0.5', '', '\x00\xff\r\n']) +
        encode(['SET', 'k', 'x'.repeat(100_000)]),
    )
  })

  test('the time, once a second and never within a unit, where it is asked for', async () => {
    const disk = new MemoryDisk()
    const { connect, clock, engine } = await start(disk, { appendfsync: 'no', 'aof-timestamp-enabled': 'yes' })
    const client = connect()
    client.ask('SET', 'a', '1')
    client.ask('SET', 'a', '2')
    clock.advance(1000)
    engine.effects.propagation.beginUnit()
    engine.effects.propagation.happened(0, ['SET', 'b', '1'])
    clock.advance(2000)
    engine.effects.propagation.happened(0, ['SET', 'c', '1'])
    engine.effects.propagation.endUnit()
    client.ask('SET', 'd', '1')
    client.ask('CONFIG', 'SET', 'aof-timestamp-enabled', 'no')
    clock.advance(1000)
    client.ask('SET', 'e', '1')
    expect(disk.get(INCREMENT).toString()).toBe(
      `#TS:1700000000\r\n${commands('SELECT 0', 'SET a 1', 'SET a 2')}` +
        `#TS:1700000001\r\n${commands('MULTI', 'SET b 1', 'SET c 1', 'EXEC')}` +
        `#TS:1700000003\r\n${commands('SET d 1', 'SET e 1')}`,
    )
    expect(engine.effects.durability.progress.appended).toBe(disk.get(INCREMENT).length)
    expect(Object.keys(dump((await start(disk.copy())).engine))).toHaveLength(5)
  })

  test('units between MULTI and EXEC, those of one command without, read-only ones not at all', async () => {
    const { engine, disk, connect } = await begin('no')
    const client = connect()
    const unit = (...requests: string[][]) =>
      client.sendRaw([['MULTI'], ...requests, ['EXEC']].map((request) => encode(request)).join(''))
    unit(['GET', 'a'])
    unit(['SET', 'a', '1'], ['SELECT', '3'], ['SET', 'b', '2'], ['SELECT', '0'])
    unit(['GET', 'a'], ['SET', 'a', '2'])
    client.ask('EVAL', "redis.call('SET', 'a', 3)", '0')
    engine.endTurn()
    expect(lines(disk)).toEqual([
      ...['MULTI', 'SELECT 0', 'SET a 1', 'SELECT 3', 'SET b 2', 'EXEC'],
      ...['SELECT 0', 'SET a 2', 'SET a 3'],
    ])
    expect(engine.effects.durability.progress.appended).toBe(disk.get(INCREMENT).length)
  })

  test('keys that expire within a command are in one unit with its effects', async () => {
    const { engine, clock, disk, connect } = await begin('no')
    const client = connect()
    client.ask('CONFIG', 'SET', 'active-expire-enabled', 'no')
    for (const key of ['a', 'b']) client.ask('SET', key, '1', 'PXAT', clock.now() + 1)
    clock.advance(10)
    client.ask('GET', 'a')
    client.ask('SET', 'b', '2')
    engine.endTurn()
    expect(lines(disk).slice(-5)).toEqual(['DEL a', 'MULTI', 'DEL b', 'SET b 2', 'EXEC'])
  })

  test('requests larger than any buffer, cut anywhere', async () => {
    const { disk, connect, engine } = await begin('no')
    const client = connect()
    const request = encode(['SET', 'big', 'y'.repeat(5_000_000)])
    client.sendRaw(request.slice(0, 3_000_000))
    expect(client.sendRaw(request.slice(3_000_000))).toBe('')
    expect(await catchUp(client)).toBe(OK)
    client.ask('SET', 'small', '1')
    expect(disk.get(INCREMENT).toString('latin1')).toBe(commands('SELECT 0') + request + commands('SET small 1'))
    expect(engine.effects.durability.progress.appended).toBe(disk.get(INCREMENT).length)
  })

  test('nothing for reads, and the disk is left alone', async () => {
    const { connect, disk } = await begin('always')
    const before = disk.operations
    connect().ask('GET', 'a')
    connect().ask('PING')
    expect(disk.operations).toBe(before)
  })

  test('all clients of a turn in one write', async () => {
    const { connect, disk, engine } = await begin('everysec')
    const before = disk.operations
    for (const key of ['a', 'b', 'c']) {
      const client = connect()
      const bytes = Buffer.from(encode(['SET', key, '1']))
      const { Source } = await import('../../src/util/bytes/bytes.ts')
      engine.receive(client.client, new Source(bytes), 0, bytes.length)
    }
    engine.endTurn()
    expect(disk.operations).toBe(before + 1)
    expect(lines(disk)).toEqual(['SELECT 0', 'SET a 1', 'SET b 1', 'SET c 1'])
  })
})

describe('appendfsync everysec', () => {
  test('writes before the reply and syncs a second later, once', async () => {
    const { connect, disk, clock, journal } = await begin('everysec')
    const client = connect()
    const syncs = () => disk.history.filter((line) => line === `sync ${INCREMENT}`).length
    const before = syncs()
    expect(client.ask('SET', 'a', '1')).toBe(OK)
    expect(lines(disk)).toEqual(['SELECT 0', 'SET a 1'])
    clock.advance(999)
    expect(syncs()).toBe(before)
    clock.advance(1)
    await settled()
    expect(syncs()).toBe(before + 1)
    expect(dump((await start(disk.powerCut())).engine)).toEqual({ '0 a': 'string 1' })
    clock.advance(10_000)
    await settled()
    expect(syncs()).toBe(before + 1)
    client.ask('SET', 'a', '2')
    clock.advance(1000)
    await settled()
    expect(syncs()).toBe(before + 2)
    expect(journal.status.delayedSyncs).toBe(0)
  })

  test('a write beside a sync under way does not hold up the loop; its reply follows it', async () => {
    const { connect, disk, clock } = await begin('everysec')
    const writer = connect()
    const reader = connect()
    writer.ask('SET', 'a', '1')
    disk.held = true
    clock.advance(1000)
    await settled()
    expect(disk.waiting).toBe(1)
    expect(writer.ask('SET', 'a', '2')).toBe('')
    expect(disk.waiting).toBe(2)
    expect(reader.ask('GET', 'a')).toBe('$1\r\n2\r\n')
    expect(lines(disk)).toEqual(['SELECT 0', 'SET a 1'])
    await disk.release()
    expect(writer.received()).toBe(OK)
    expect(lines(disk)).toEqual(['SELECT 0', 'SET a 1', 'SET a 2'])
  })

  test('a sync that takes longer than a second is counted, not doubled', async () => {
    const { connect, disk, clock, engine, journal, warnings } = await begin('everysec')
    const client = connect()
    engine.config.set('latency-monitor-threshold', '20')
    client.ask('SET', 'a', '1')
    disk.held = true
    clock.advance(1000)
    client.ask('SET', 'b', '1')
    clock.advance(5000)
    expect(warnings.filter((line) => line.includes('Asynchronous AOF fsync is taking too long'))).toHaveLength(1)
    expect(journal.status.pendingSyncs).toBe(1)
    expect(disk.waiting).toBe(2)
    disk.held = false
    await disk.release()
    expect(client.received()).toBe(OK)
    // What waited for the sync took as long; nobody waits for the sync itself.
    const journalEvents = [...engine.figures.latency.events.keys()].filter((event) => event.startsWith('aof-'))
    expect(journalEvents).toEqual(['aof-write', 'aof-write-pending-fsync'])
    clock.advance(1000)
    await settled()
    expect(journal.status.pendingSyncs).toBe(0)
    expect(Object.keys(dump((await start(disk.powerCut())).engine))).toHaveLength(2)
  })
})

describe('appendfsync always', () => {
  const syncs = (disk: MemoryDisk) => disk.history.filter((line) => line === `sync ${INCREMENT}`).length

  test('one sync covers all clients that wrote during the sync before', async () => {
    const { connect, disk } = await begin('always')
    const clients = Array.from({ length: 10 }, () => connect())
    const before = syncs(disk)
    disk.held = true
    clients.forEach((client, i) => {
      expect(client.ask('SET', `k${i}`, '1')).toBe('')
    })
    expect(disk.waiting).toBe(1)
    expect(lines(disk)).toEqual(['SELECT 0', 'SET k0 1'])
    await disk.release()
    expect(clients.map((client) => client.received())).toEqual([OK, ...Array(9).fill('')])
    expect(disk.waiting).toBe(1)
    expect(lines(disk)).toHaveLength(11)
    await disk.release()
    expect(clients.map((client) => client.received())).toEqual(['', ...Array(9).fill(OK)])
    expect(syncs(disk)).toBe(before + 2)
    expect(Object.keys(dump((await start(disk.powerCut())).engine))).toHaveLength(10)
  })

  test('readers of other keys never wait for the disk', async () => {
    const { connect, disk } = await begin('always')
    const [writer, reader] = [connect(), connect()]
    disk.held = true
    writer.ask('SET', 'a', '1')
    expect(reader.ask('GET', 'b')).toBe('$-1\r\n')
    expect(reader.ask('GET', 'a')).toBe('')
    await disk.release()
    expect(reader.received()).toBe('$1\r\n1\r\n')
  })

  test('with a slow disk the next sync waits a little for those who were just answered', async () => {
    const { connect, disk, clock } = await begin('always')
    const [a, b] = [connect(), connect()]
    disk.held = true
    a.ask('SET', 'a', '1')
    b.ask('SET', 'b', '1')
    clock.advance(40)
    await disk.release()
    expect(a.received()).toBe(OK)
    // b alone could go, but a is likely to come back.
    expect(disk.waiting).toBe(0)
    a.ask('SET', 'a', '2')
    expect(disk.waiting).toBe(1)
    clock.advance(40)
    await disk.release()
    expect([a.received(), b.received()]).toEqual([OK, OK])
    // Nobody comes back: no longer than two milliseconds.
    a.ask('SET', 'a', '3')
    expect(disk.waiting).toBe(0)
    clock.advance(2)
    expect(a.received()).toBe('')
    expect(disk.waiting).toBe(1)
    await disk.release()
    expect(a.received()).toBe(OK)
  })

  test('clients that wait together are waited for only while most of them come back', async () => {
    const { connect, disk, clock } = await begin('always')
    const clients = [connect(), connect(), connect()]
    const [a] = clients as [TestClient]
    disk.held = true
    for (const client of clients) client.ask('SET', 'k', '1')
    clock.advance(40)
    await disk.release()
    // The other two, who were too late for the first sync, wait for the one that was answered.
    expect(disk.waiting).toBe(0)
    a.ask('SET', 'k', '2')
    expect(disk.waiting).toBe(1)
    clock.advance(40)
    await disk.release()
    for (const client of clients) expect(client.received()).toContain(OK)
    // One of three comes back, waits in vain, and the next time nobody is waited for.
    a.ask('SET', 'k', '3')
    expect(disk.waiting).toBe(0)
    clock.advance(2)
    expect(a.received()).toBe('')
    expect(disk.waiting).toBe(1)
    await disk.release()
    expect(a.received()).toBe(OK)
    for (const client of clients) client.ask('SET', 'k', '4')
    await disk.release()
    expect(a.received()).toBe(OK)
    expect(disk.waiting).toBe(1)
    await disk.release()
    for (const client of clients.slice(1)) expect(client.received()).toBe(OK)
  })

  test('a group too large to be copied at once is written by another thread', async () => {
    const { connect, disk } = await begin('always')
    const [writer, reader] = [connect(), connect()]
    disk.held = true
    writer.ask('SET', 'a', 'x'.repeat(3_000_000))
    expect(disk.get(INCREMENT)).toHaveLength(0)
    expect(reader.ask('GET', 'b')).toBe('$-1\r\n')
    await disk.release()
    expect(writer.received()).toBe('')
    await disk.release()
    expect(writer.received()).toBe(OK)
    expect(Object.keys(dump((await start(disk.powerCut())).engine))).toEqual(['0 a'])
  })
})

describe('appendfsync always, where the loop is the server’s own', () => {
  const SYNC = `sync ${INCREMENT}`
  /** What was done on the disk of late: what is aside waits, what is done here does not. */
  async function beginAlone(): Promise<Started & { disk: MemoryDisk; syncs(): number }> {
    const disk = new MemoryDisk()
    const started = await start(disk, { appendfsync: 'always' }, true)
    disk.held = true
    return { ...started, disk, syncs: () => disk.history.filter((line) => line === SYNC).length }
  }
  /** Makes a sync take so long. */
  function slow(disk: MemoryDisk, clock: { advance(ms: number): void }, milliseconds: number): void {
    disk.fault = (operation) => void (operation === 'sync' && clock.advance(milliseconds))
  }

  test('a sync that all clients wait for is made at once', async () => {
    const { connect, disk, syncs } = await beginAlone()
    const client = connect()
    const before = syncs()
    expect(client.ask('SET', 'a', '1')).toBe(OK)
    expect(client.ask('SET', 'a', '2')).toBe(OK)
    expect(syncs()).toBe(before + 2)
    expect(disk.waiting).toBe(0)
    expect(dump((await start(disk.powerCut())).engine)).toEqual({ '0 a': 'string 2' })
  })

  test('a client that need not wait for the disk does not, nor does one that comes soon after', async () => {
    const { connect, disk, clock } = await beginAlone()
    const [writer, reader] = [connect(), connect()]
    reader.ask('GET', 'b')
    expect(writer.ask('SET', 'a', '1')).toBe('')
    expect(disk.waiting).toBe(1)
    expect(reader.ask('GET', 'b')).toBe('$-1\r\n')
    await disk.release()
    expect(writer.received()).toBe(OK)
    clock.advance(99)
    expect(writer.ask('SET', 'a', '2')).toBe('')
    await disk.release()
    expect(writer.received()).toBe(OK)
    clock.advance(1)
    expect(writer.ask('SET', 'a', '3')).toBe(OK)
  })

  test('a reader in the turn of a writer is told before the disk is done', async () => {
    const { connect, disk, engine } = await beginAlone()
    const [writer, reader] = [connect(), connect()]
    writer.sendUnended('SET', 'a', '1')
    reader.sendUnended('GET', 'b')
    engine.endTurn()
    expect(disk.waiting).toBe(1)
    expect(reader.received()).toBe('$-1\r\n')
    expect(writer.received()).toBe('')
    await disk.release()
    expect(writer.received()).toBe(OK)
  })

  test('a slow disk is left to another thread, and tried again when it has cost a fiftieth of the time', async () => {
    const { connect, disk, clock } = await beginAlone()
    const client = connect()
    slow(disk, clock, 40)
    expect(client.ask('SET', 'a', '1')).toBe(OK)
    expect(client.ask('SET', 'a', '2')).toBe('')
    slow(disk, clock, 0)
    await disk.release()
    expect(client.received()).toBe(OK)
    clock.advance(1999)
    expect(client.ask('SET', 'a', '3')).toBe('')
    await disk.release()
    clock.advance(1)
    expect(client.received()).toBe(OK)
    // One that is quick again is trusted after some more.
    let aside = 0
    for (let i = 0; i < 100; i++) {
      if (client.ask('SET', 'a', '4') !== OK) aside++
      await disk.release()
      client.received()
    }
    expect(aside).toBe(0)
    expect(client.ask('SET', 'a', '5')).toBe(OK)
  })

  test('a group looks for more writers as long as each look finds one', async () => {
    const { connect, disk, engine, syncs } = await beginAlone()
    const clients = [connect(), connect(), connect()]
    const [a, b, c] = clients as [TestClient, TestClient, TestClient]
    for (const client of clients) client.sendUnended('SET', 'k', '1')
    engine.endTurn()
    const before = syncs()
    a.sendUnended('SET', 'k', '2')
    engine.endTurn()
    expect(syncs()).toBe(before)
    b.sendUnended('SET', 'k', '3')
    engine.endTurn()
    expect(syncs()).toBe(before)
    engine.endTurn()
    expect(syncs()).toBe(before + 1)
    expect(disk.waiting).toBe(0)
    expect([a.received(), b.received(), c.received()]).toEqual([OK + OK, OK + OK, OK])
  })

  test('a sync that fails refuses writes until everything was written again', async () => {
    const { connect, disk, clock } = await beginAlone()
    const client = connect()
    expect(client.ask('SET', 'a', '1')).toBe(OK)
    disk.held = false
    disk.fail('sync', 'EIO')
    expect(client.ask('SET', 'b', '2')).toBe('')
    const other = connect()
    expect(other.ask('SET', 'c', '3')).toContain('MISCONF')
    expect(Object.keys(dump((await start(disk.powerCut())).engine))).toEqual(['0 a'])
    disk.heal()
    clock.advance(1000)
    expect(await catchUp(client)).toBe(OK)
    expect(dump((await start(disk.powerCut())).engine)).toEqual({ '0 a': 'string 1', '0 b': 'string 2' })
    expect(other.ask('SET', 'c', '3')).toBe(OK)
  })

  test('WAITAOF is answered by the sync that covers it', async () => {
    const { connect, disk } = await beginAlone()
    const client = connect()
    expect(client.sendRaw(encode(['SET', 'a', '1']) + encode(['WAITAOF', '1', '0', '0']))).toBe(
      `${OK}*2\r\n:1\r\n:0\r\n`,
    )
    expect(disk.waiting).toBe(0)
  })
})

describe('appendfsync no', () => {
  test('never syncs until it is closed', async () => {
    const { connect, disk, clock, aof } = await begin('no')
    expect(connect().ask('SET', 'a', '1')).toBe(OK)
    clock.advance(60_000)
    await settled()
    expect(disk.powerCut().get(INCREMENT)).toHaveLength(0)
    await aof.close()
    expect(dump((await start(disk.powerCut())).engine)).toEqual({ '0 a': 'string 1' })
  })
})

describe('closing', () => {
  test.each(POLICIES)('writes and syncs what is left, and lets replies go (%s)', async (policy) => {
    const { connect, disk, aof, engine } = await begin(policy)
    const client = connect()
    disk.held = true
    const bytes = encode(['SET', 'a', '1'])
    client.sendRaw(bytes)
    client.sendRaw(encode(['SET', 'b', '2']))
    disk.held = false
    const closed = aof.close()
    await disk.release()
    await closed
    engine.endTurn()
    expect(dump((await start(disk.powerCut())).engine)).toEqual({ '0 a': 'string 1', '0 b': 'string 2' })
    await aof.close()
  })

  test('under always no client is told before', async () => {
    const { connect, disk, aof } = await begin('always')
    const client = connect()
    disk.held = true
    expect(client.ask('SET', 'a', '1')).toBe('')
    expect(client.ask('SET', 'b', '2')).toBe('')
    disk.held = false
    const closed = aof.close()
    await disk.release()
    await closed
    expect(client.received()).toBe(OK + OK)
  })

  test('with a disk that still refuses says how much is lost, none of it acknowledged', async () => {
    const { connect, disk, aof } = await begin('everysec')
    const client = connect()
    client.ask('SET', 'a', '1')
    disk.fail('write', 'EIO')
    expect(client.ask('SET', 'b', '2')).toBe('')
    await settled()
    await expect(aof.close()).rejects.toThrow('Input/output error; the last 27 bytes were not written')
    expect(client.received()).toBe('')
    disk.heal()
    expect(dump((await start(disk.copy())).engine)).toEqual({ '0 a': 'string 1' })
  })
})

describe('a disk that is full', () => {
  test.each(POLICIES)(
    'holds the failing turn, refuses further writes, serves readers, recovers (%s)',
    async (policy) => {
      const { connect, disk, clock, journal, engine, warnings } = await begin(policy)
      const writer = connect()
      const other = connect()
      expect(writer.ask('SET', 'a', '1') + (await catchUp(writer))).toBe(OK)
      disk.capacityBytes = disk.files.reduce((sum, name) => sum + disk.get(name).length, 0) + 10
      const before = disk.get(INCREMENT)
      expect(writer.ask('SET', 'b', '2')).toBe('')
      await settled()
      // The half written command is cut off again.
      expect(disk.get(INCREMENT)).toEqual(before)
      expect(other.ask('SET', 'c', '3')).toBe(MISCONF_FULL)
      expect(other.ask('PING')).toBe(MISCONF_FULL)
      expect(other.ask('GET', 'a')).toBe('$1\r\n1\r\n')
      expect(warnings.filter((line) => line.includes('Writes answer MISCONF'))).toHaveLength(1)
      for (let i = 0; i < 5; i++) {
        clock.advance(1000)
        await settled()
      }
      expect(writer.received()).toBe('')
      expect(journal.failure).toBe('No space left on device')
      expect(warnings.filter((line) => line.includes('Writes answer MISCONF'))).toHaveLength(1)
      disk.heal()
      clock.advance(1000)
      expect(await catchUp(writer)).toBe(OK)
      expect(warnings.at(-1)).toContain('AOF write error looks solved')
      expect(journal.failure).toBeUndefined()
      expect(other.ask('SET', 'c', '3') + (await catchUp(other))).toBe(OK)
      expect(lines(disk)).toEqual(['SELECT 0', 'SET a 1', 'SET b 2', 'SET c 3'])
      const again = await start(disk.copy())
      expect(dump(again.engine)).toEqual(dump(engine))
    },
  )

  test('short writes are completed', async () => {
    const { connect, disk } = await begin('everysec')
    disk.fault = (operation) => (operation === 'write' ? 'short' : undefined)
    expect(connect().ask('SET', 'a', 'value')).toBe(OK)
    expect(lines(disk)).toEqual(['SELECT 0', 'SET a value'])
  })

  test('a cut that is refused as well only leaves a torn end', async () => {
    const { connect, disk, clock } = await begin('everysec')
    const client = connect()
    client.ask('SET', 'a', '1')
    disk.capacityBytes = 0
    for (const name of disk.files) disk.capacityBytes += disk.get(name).length
    disk.capacityBytes += 10
    disk.fault = (operation) => (operation === 'truncate' ? 'EIO' : undefined)
    client.ask('SET', 'b', '2')
    await settled()
    expect(dump((await start(disk.copy())).engine)).toEqual({ '0 a': 'string 1' })
    disk.heal()
    clock.advance(1000)
    expect(await catchUp(client)).toBe(OK)
    expect(lines(disk)).toEqual(['SELECT 0', 'SET a 1', 'SET b 2'])
  })

  test('keys that expire meanwhile are journaled when it is over', async () => {
    const { connect, disk, clock, engine } = await begin('everysec')
    const client = connect()
    client.ask('SET', 'a', '1')
    const database = engine.databases[0]!
    database.setExpiry(database.find(Bytes.from('a')), engine.environment.unitClock.now() + 500)
    engine.upkeep.timedWork.arm()
    disk.fail('write', 'ENOSPC')
    client.ask('SET', 'b', '2')
    clock.advance(700)
    engine.endTurn()
    await settled()
    disk.heal()
    clock.advance(1000)
    await settled()
    expect(client.received()).toBe(OK)
    expect(lines(disk)).toEqual(['SELECT 0', 'SET a 1', 'SET b 2', 'DEL a'])
  })
})

describe('a sync that fails', () => {
  test('under always acknowledges only after the bytes were written anew', async () => {
    const { connect, disk, clock } = await begin('always')
    const client = connect()
    disk.fail('sync', 'EIO')
    expect(client.ask('SET', 'a', '1')).toBe('')
    expect(await catchUp(client)).toBe('')
    expect(connect().ask('SET', 'b', '1')).toBe('-MISCONF Errors writing to the AOF file: Input/output error\r\n')
    disk.heal()
    clock.advance(1000)
    expect(await catchUp(client)).toBe(OK)
    expect(lines(disk)).toEqual(['SELECT 0', 'SET a 1'])
    expect(dump((await start(disk.powerCut())).engine)).toEqual({ '0 a': 'string 1' })
  })

  test('under always may fail again and again, and half way', async () => {
    const { connect, disk, clock } = await begin('always')
    const client = connect()
    client.ask('SET', 'z', '0')
    await catchUp(client)
    let round = 0
    disk.fault = (operation) => (operation === 'sync' || (operation === 'write' && round % 2 === 1) ? 'EIO' : undefined)
    client.ask('SET', 'a', '1')
    for (; round < 6; round++) {
      expect(await catchUp(client)).toBe('')
      clock.advance(1000)
    }
    await settled()
    disk.heal()
    clock.advance(1000)
    expect(await catchUp(client)).toBe(OK)
    expect(lines(disk)).toEqual(['SELECT 0', 'SET z 0', 'SET a 1'])
    expect(dump((await start(disk.powerCut())).engine)).toEqual({ '0 a': 'string 1', '0 z': 'string 0' })
  })

  test('under everysec refuses writes, then writes what is uncertain anew', async () => {
    const { connect, disk, clock, journal } = await begin('everysec')
    const client = connect()
    client.ask('SET', 'old', '0')
    clock.advance(1000)
    await settled()
    expect(client.ask('SET', 'a', '1')).toBe(OK)
    disk.fail('sync', 'EIO')
    clock.advance(1000)
    await settled()
    expect(journal.failure).toBe('Input/output error')
    expect(client.ask('SET', 'b', '1')).toContain('MISCONF')
    disk.heal()
    clock.advance(1000)
    await settled()
    expect(client.ask('SET', 'b', '1')).toBe(OK)
    clock.advance(1000)
    await settled()
    expect(lines(disk)).toEqual(['SELECT 0', 'SET old 0', 'SET a 1', 'SET b 1'])
    expect(Object.keys(dump((await start(disk.powerCut())).engine))).toEqual(['0 a', '0 b', '0 old'])
  })

  test('under everysec while a turn is being written beside it', async () => {
    const { connect, disk, clock } = await begin('everysec')
    const client = connect()
    client.ask('SET', 'a', '1')
    disk.held = true
    clock.advance(1000)
    expect(client.ask('SET', 'b', '2')).toBe('')
    disk.fail('sync', 'EIO')
    disk.held = false
    await disk.release()
    expect(client.received()).toBe(OK)
    expect(client.ask('SET', 'c', '3')).toContain('MISCONF')
    disk.heal()
    clock.advance(1000)
    await settled()
    expect(Object.keys(dump((await start(disk.powerCut())).engine))).toEqual(['0 a', '0 b'])
  })
})

describe('CONFIG SET appendfsync', () => {
  test('from always: held replies leave when their bytes are in the file', async () => {
    const { connect, disk, engine } = await begin('always')
    const client = connect()
    disk.held = true
    expect(client.ask('SET', 'a', '1')).toBe('')
    engine.config.set('appendfsync', 'everysec')
    expect(client.received()).toBe(OK)
    expect(client.ask('SET', 'b', '2')).toBe('')
    disk.held = false
    await disk.release()
    expect(client.received()).toBe(OK)
    expect(lines(disk)).toEqual(['SELECT 0', 'SET a 1', 'SET b 2'])
    expect(client.ask('SET', 'c', '3')).toBe(OK)
  })

  test('to always: what was written before is synced as well', async () => {
    const { connect, disk, engine } = await begin('no')
    const client = connect()
    client.ask('SET', 'a', '1')
    engine.config.set('appendfsync', 'always')
    engine.endTurn()
    await settled()
    expect(dump((await start(disk.powerCut())).engine)).toEqual({ '0 a': 'string 1' })
    expect(client.ask('SET', 'b', '2')).toBe('')
    expect(await catchUp(client)).toBe(OK)
  })

  test('to always and back while a sync and a write are under way', async () => {
    const { connect, disk, engine, clock } = await begin('everysec')
    const client = connect()
    client.ask('SET', 'a', '1')
    disk.held = true
    clock.advance(1000)
    expect(client.ask('SET', 'b', '2')).toBe('')
    expect(disk.waiting).toBe(2)
    engine.config.set('appendfsync', 'always')
    engine.endTurn()
    await disk.release()
    expect(client.received()).toBe('')
    engine.config.set('appendfsync', 'everysec')
    expect(client.received()).toBe(OK)
    disk.held = false
    await disk.release()
    expect(client.ask('SET', 'c', '3') + (await catchUp(client))).toBe(OK)
    engine.config.set('appendfsync', 'always')
    expect(client.ask('SET', 'd', '4') + (await catchUp(client))).toBe(OK)
    expect(Object.keys(dump((await start(disk.powerCut())).engine))).toEqual(['0 a', '0 b', '0 c', '0 d'])
    expect(lines(disk)).toEqual(['SELECT 0', 'SET a 1', 'SET b 2', 'SET c 3', 'SET d 4'])
  })

  test('to no: no sync is left to come', async () => {
    const { connect, disk, engine, clock } = await begin('everysec')
    connect().ask('SET', 'a', '1')
    const before = disk.operations
    engine.config.set('appendfsync', 'no')
    clock.advance(5000)
    await settled()
    expect(disk.operations).toBe(before)
  })
})

describe('whatever fails', () => {
  /** Runs writes from several clients while operation `n` and some after it fail; returns what was acknowledged. */
  async function ordeal(policy: Policy, n: number, code: string, count: number) {
    const test = await begin(policy)
    const { disk, clock, connect } = test
    const first = disk.operations
    disk.failAt(first + n, code, count)
    const clients = [connect(), connect(), connect()]
    const sent: string[][] = clients.map(() => [])
    const replies: string[] = clients.map(() => '')
    const acknowledged = new Set<string>()
    const refused = new Set<string>()
    const listen = (): void => {
      clients.forEach((client, c) => {
        replies[c] += client.received()
        for (const match of replies[c]!.matchAll(/(\+OK|-MISCONF[^\r]*)\r\n/g)) {
          const key = sent[c]!.shift()!
          if (match[1] === '+OK') acknowledged.add(key)
          else refused.add(key)
        }
        replies[c] = ''
      })
    }
    const check = async (): Promise<void> => {
      listen()
      const afterKill = Object.keys(dump((await start(disk.copy())).engine))
      for (const key of acknowledged) expect(afterKill).toContain(`0 ${key}`)
      for (const key of refused) expect(afterKill).not.toContain(`0 ${key}`)
      if (policy !== 'always') return
      const afterPowerCut = Object.keys(dump((await start(disk.powerCut(n % 10))).engine))
      for (const key of acknowledged) expect(afterPowerCut).toContain(`0 ${key}`)
    }
    for (let i = 0; i < 12; i++) {
      const c = i % clients.length
      sent[c]!.push(`key${i}`)
      replies[c] += clients[c]!.sendRaw(encode(['SET', `key${i}`, 'x']))
      if (i % 4 === 3) await settled()
      if (i % 5 === 4) clock.advance(400)
      listen()
      if (i % 4 === n % 4) await check()
    }
    for (let i = 0; i < 2 + count; i++) {
      await settled()
      listen()
      clock.advance(1000)
    }
    await settled()
    await check()
    return { acknowledged, refused, sent, disk, test, operations: disk.operations - first }
  }

  test.each(
    POLICIES.flatMap((policy) => [
      [policy, 'ENOSPC', 1] as const,
      [policy, 'EIO', 3] as const,
      [policy, 'short', 2] as const,
    ]),
  )('under %s with %s (%i times) everything acknowledged is there and nothing twice', async (policy, code, count) => {
    for (let n = 1; ; n++) {
      const { acknowledged, refused, sent, disk, operations } = await ordeal(policy, n, code, count)
      // Everybody got an answer in the end.
      expect(sent.flat()).toEqual([])
      expect(acknowledged.size + refused.size).toBe(12)
      const written = lines(disk).filter((line) => line.startsWith('SET'))
      expect(new Set(written).size).toBe(written.length)
      expect(written).toHaveLength(acknowledged.size)
      if (n > operations) break
    }
  })
})

test('the increment that is appended to is the one the manifest names last', async () => {
  const disk = new MemoryDisk()
  const name = 'appendonly.aof.9.incr.aof'
  disk.put(`${DIRECTORY}/appendonly.aof.manifest`, `file ${name} seq 9 type i\n`)
  disk.put(`${DIRECTORY}/${name}`, commands('SET a 1'))
  const { connect } = await start(disk)
  connect().ask('SET', 'b', '2')
  expect(disk.get(`${DIRECTORY}/${name}`).toString()).toBe(commands('SET a 1', 'SELECT 0', 'SET b 2'))
})
