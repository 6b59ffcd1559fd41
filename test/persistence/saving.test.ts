import { describe, expect, test } from 'vitest'
import { loadSnapshot } from '../../src/persistence/snapshot/load-snapshot.ts'
import { dump } from '../support/dump.ts'
import { createEngine, encode, type TestClient } from '../support/engine.ts'
import { type MemoryDisk, settled } from '../support/memory-disk.ts'
import { replaceMethod } from '../support/replace-method.ts'
import { type SavingEngine, startSaving } from '../support/saving.ts'

const OK = '+OK\r\n'
const STARTED = '+Background saving started\r\n'
const FILE = '/data/dump.rdb'
const FAILED = '-ERR\r\n'

async function loaded(disk: MemoryDisk): Promise<Record<string, string>> {
  const { engine } = createEngine({ dir: '/data' })
  await loadSnapshot(engine, disk)
  return dump(engine)
}

describe('SAVE', () => {
  test('replies when the snapshot is on the disk, also after a power cut; others go on meanwhile', async () => {
    const { connect, disk, finish, slice } = await startSaving()
    const client = connect()
    client.ask('SET', 'k', 'v')
    expect(client.ask('SAVE')).toBe('')
    expect(client.ask('GET', 'k')).toBe('')
    slice()
    expect(connect().ask('SET', 'k', 'later')).toBe(OK)
    await finish()
    expect(client.received()).toBe(`${OK}$5\r\nlater\r\n`)
    expect(await loaded(disk.powerCut())).toEqual({ '0 k': 'string v' })
  })

  test('is refused while a snapshot is made, and waits for a rewrite', async () => {
    const { connect, finish } = await startSaving()
    const client = connect()
    expect(client.ask('BGSAVE')).toBe(STARTED)
    expect(client.ask('SAVE')).toBe('-ERR Background save already in progress\r\n')
    await finish()
    client.ask('BGREWRITEAOF')
    expect(client.ask('SAVE')).toBe('')
    await finish()
    expect(client.received()).toBe(OK)
  })

  test('says when it failed, and refuses no write because of it', async () => {
    const { connect, disk, finish } = await startSaving({ settings: { save: '100 1' } })
    const client = connect()
    disk.fail('rename', 'EISDIR')
    client.ask('SAVE')
    await finish()
    expect(client.received()).toBe(FAILED)
    expect(client.ask('SET', 'k', 'v')).toBe(OK)
    expect(disk.files).toEqual([])
  })

  test('in RESP3, and inside MULTI', async () => {
    const { connect, finish } = await startSaving()
    const client = connect(3)
    client.ask('SAVE')
    await finish()
    expect(client.received()).toBe(OK)
    client.ask('MULTI')
    expect(client.ask('SAVE')).toBe('-ERR Command not allowed inside a transaction\r\n')
  })

  test('does not mind a client that has gone', async () => {
    const { connect, disk, finish } = await startSaving()
    const client = connect()
    client.ask('SAVE')
    client.disconnect()
    await finish()
    expect(disk.files).toEqual([FILE])
    expect(client.received()).toBe('')
  })
})

describe('FLUSHALL', () => {
  test('where there are save points, replies when the emptiness is saved; no change is unsaved then', async () => {
    const { connect, disk, finish, info } = await startSaving({ settings: { save: '3600 1000' } })
    const client = connect()
    client.ask('SET', 'k', 'v')
    client.ask('SAVE')
    await finish()
    client.received()
    client.ask('SET', 'k', 'w')
    expect(client.ask('FLUSHALL')).toBe('')
    expect(info().rdb_changes_since_last_save).toBe('0')
    connect().ask('SET', 'later', '1')
    await finish()
    expect(client.received()).toBe(OK)
    expect(info().rdb_changes_since_last_save).toBe('1')
    expect(await loaded(disk.powerCut())).toEqual({})
  })

  test('gives up the snapshot that still has the data; clients that wait for it get the next', async () => {
    const { connect, disk, finish, info } = await startSaving({ settings: { save: '3600 1000' }, tickMs: 10 })
    const [saver, client] = [connect(), connect()]
    for (let i = 0; i < 100; i++) client.ask('SET', `k${i}`, 'v')
    saver.ask('SAVE')
    expect(client.ask('MULTI') + client.ask('FLUSHALL') + client.ask('SET', 'k', 'v')).toBe(
      `${OK}+QUEUED\r\n+QUEUED\r\n`,
    )
    expect(client.ask('EXEC')).toBe(`*2\r\n${OK}${OK}`)
    expect(info().rdb_changes_since_last_save).toBe('1')
    await finish()
    expect(saver.received()).toBe(OK)
    expect(await loaded(disk)).toEqual({ '0 k': 'string v' })
    expect(info().rdb_last_bgsave_status).toBe('ok')
  })

  test('counts its keys as changes where there are no save points, or where the emptiness could not be saved', async () => {
    const { connect, disk, finish, info } = await startSaving()
    const client = connect()
    client.ask('MSET', 'a', '1', 'b', '2')
    expect(client.ask('FLUSHALL')).toBe(OK)
    expect(info().rdb_changes_since_last_save).toBe('4')
    client.ask('CONFIG', 'SET', 'save', '3600 1000')
    disk.fail('rename', 'EIO')
    client.ask('FLUSHALL')
    await finish()
    expect(client.received()).toBe(OK)
    expect(info().rdb_changes_since_last_save).toBe('4')
  })
})

describe('BGSAVE', () => {
  test('begins, is refused while one is under way, or is put off', async () => {
    const { connect, disk, finish, info } = await startSaving()
    const client = connect()
    expect(client.ask('BGSAVE', 'SCHEDULE')).toBe(STARTED)
    expect(client.ask('BGSAVE')).toBe('-ERR Background save already in progress\r\n')
    expect(client.ask('BGSAVE', 'SCHEDULE')).toBe('-ERR Background save already in progress\r\n')
    expect(client.ask('BGSAVE', 'LATER')).toBe('-ERR syntax error\r\n')
    expect(client.ask('BGSAVE', 'SCHEDULE', 'x')).toBe('-ERR syntax error\r\n')
    await finish()
    client.ask('BGREWRITEAOF')
    expect(client.ask('BGSAVE')).toBe(
      "-ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.\r\n",
    )
    expect(client.ask('BGSAVE', 'schedule')).toBe('+Background saving scheduled\r\n')
    expect(info()).toMatchObject({ rdb_bgsave_in_progress: '0', aof_rewrite_in_progress: '1', rdb_saves: '1' })
    disk.history.length = 0
    await finish()
    expect(disk.history.filter((line) => line.startsWith('rename') && line.endsWith('.rdb'))).toEqual([
      'rename /data/appendonlydir/temp-appendonly.aof.1.base.rdb',
      'rename /data/temp-dump.rdb',
    ])
  })

  test('inside MULTI is put off to its end', async () => {
    const { connect, disk, finish } = await startSaving()
    const client = connect()
    client.ask('MULTI')
    client.ask('SET', 'a', '1')
    client.ask('BGSAVE')
    client.ask('BGREWRITEAOF')
    client.ask('SET', 'b', '2')
    expect(client.ask('EXEC')).toBe(
      '*4\r\n+OK\r\n+Background saving scheduled\r\n+Background append only file rewriting scheduled\r\n+OK\r\n',
    )
    await finish()
    expect(Object.keys(await loaded(disk))).toEqual(['0 a', '0 b'])
  })

  test('is told of in INFO', async () => {
    const { clock, connect, engine, finish, info } = await startSaving()
    const client = connect()
    client.ask('MSET', 'a', '1', 'b', '2')
    expect(info()).toMatchObject({
      rdb_bgsave_in_progress: '0',
      rdb_last_save_time: '1700000000',
      rdb_last_bgsave_status: 'ok',
      rdb_last_bgsave_time_sec: '-1',
      rdb_current_bgsave_time_sec: '-1',
      rdb_saves: '0',
    })
    clock.advance(7000)
    const before = Number(info().rdb_changes_since_last_save)
    expect(before).toBeGreaterThan(0)
    client.ask('BGSAVE')
    client.ask('SET', 'c', '1')
    clock.advance(3000)
    expect(info()).toMatchObject({
      rdb_bgsave_in_progress: '1',
      rdb_current_bgsave_time_sec: '3',
      current_save_keys_total: '2',
      current_save_keys_processed: '0',
    })
    await finish()
    expect(info()).toMatchObject({
      rdb_bgsave_in_progress: '0',
      rdb_last_bgsave_time_sec: '3',
      rdb_current_bgsave_time_sec: '-1',
      rdb_changes_since_last_save: '1',
      rdb_last_save_time: '1700000010',
      rdb_saves: '1',
      current_save_keys_total: '0',
    })
    expect(client.ask('LASTSAVE')).toBe(':1700000010\r\n')
    expect(engine.figures.stats.changesSinceSave).toBe(1)
  })

  test('writes with or without compression and checksum', async () => {
    const sizes: number[] = []
    for (const rdbcompression of ['yes', 'no']) {
      for (const rdbchecksum of ['yes', 'no']) {
        const { connect, disk, finish } = await startSaving({
          settings: { rdbcompression, rdbchecksum, dbfilename: 'x.rdb' },
        })
        const client = connect()
        client.ask('SET', 'k', 'a'.repeat(1000))
        client.ask('BGSAVE')
        await finish()
        const file = disk.get('/data/x.rdb')
        sizes.push(file.length)
        expect(file.subarray(-8).equals(Buffer.alloc(8))).toBe(rdbchecksum === 'no')
      }
    }
    expect(sizes[0]).toBeLessThan(300)
    expect(sizes[2]).toBeGreaterThan(1000)
  })

  test('that fails refuses writes until one succeeds, if there are save points', async () => {
    const { connect, disk, engine, finish, info, warnings } = await startSaving({ settings: { save: '3600 100' } })
    const client = connect()
    disk.fail('open', 'EACCES')
    client.ask('BGSAVE')
    await finish()
    expect(warnings.join()).toContain('Permission denied')
    expect(info().rdb_last_bgsave_status).toBe('err')
    const misconf =
      "-MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify the data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.\r\n"
    expect(client.ask('SET', 'k', 'v')).toBe(misconf)
    expect(client.ask('PING')).toBe(misconf)
    expect(client.ask('GET', 'k')).toBe('$-1\r\n')
    expect(client.ask('EVAL', "return redis.call('SET', KEYS[1], 'v')", '1', 'k')).toContain(misconf.slice(0, 60))
    expect(client.ask('EVAL', "return redis.call('GET', KEYS[1])", '1', 'k')).toBe('$-1\r\n')
    engine.config.set('stop-writes-on-bgsave-error', 'no')
    expect(client.ask('SET', 'k', 'v')).toBe(OK)
    engine.config.set('stop-writes-on-bgsave-error', 'yes')
    expect(client.ask('SET', 'k', 'v')).toBe(misconf)
    engine.config.set('save', '')
    expect(client.ask('SET', 'k', 'v')).toBe(OK)
    engine.config.set('save', '3600 100')
    disk.heal()
    expect(client.ask('BGSAVE')).toBe(STARTED)
    await finish()
    expect(client.ask('SET', 'k', 'v')).toBe(OK)
  })

  test('failing at any operation leaves the old snapshot or the new one, and the next one succeeds', async () => {
    let number = 1
    for (let failed = true; failed; number++) {
      const started = await startSaving()
      const { connect, disk, engine, finish } = started
      const client = connect()
      client.ask('SET', 'k', 'old')
      client.ask('SAVE')
      await finish()
      client.ask('SET', 'k', 'new')
      client.ask('SET', 'big', 'x'.repeat(300_000))
      disk.failAt(disk.operations + number, number % 2 === 0 ? 'ENOSPC' : 'EIO')
      client.ask('BGSAVE')
      await finish()
      failed = !engine.parts.saving!.status.lastSaveOk
      for (const after of [disk.copy(), disk.powerCut()]) {
        const { '0 k': k, '0 big': big } = await loaded(after)
        expect([k, big?.length]).toEqual(k === 'string old' ? ['string old', undefined] : ['string new', 300_007])
        if (!failed) expect(k).toBe('string new')
      }
      disk.heal()
      client.received()
      expect(client.ask('BGSAVE')).toBe(STARTED)
      await finish()
      expect((await loaded(disk.powerCut()))['0 k']).toBe('string new')
      expect(disk.files).toEqual([FILE])
    }
    expect(number).toBeGreaterThan(6)
  })

  test('survives short writes and a disk that is full', async () => {
    const { connect, disk, engine, finish } = await startSaving({ settings: { rdbcompression: 'no' } })
    const client = connect()
    client.ask('SET', 'k', 'v'.repeat(100_000))
    disk.fault = (operation) => (operation === 'write' ? 'short' : undefined)
    client.ask('BGSAVE')
    await finish()
    expect(engine.parts.saving!.status.lastSaveOk).toBe(true)
    expect((await loaded(disk))['0 k']).toHaveLength(100_007)
    disk.heal()
    disk.capacityBytes = 150_000
    client.ask('BGSAVE')
    await finish()
    expect(engine.parts.saving!.status.lastSaveOk).toBe(false)
    expect(disk.files).toEqual([FILE])
  })
})

describe('save points', () => {
  test('make a snapshot after so many seconds with so many changes', async () => {
    const { clock, connect, engine, finish } = await startSaving({ settings: { save: '60 3' } })
    const client = connect()
    client.ask('SET', 'a', '1')
    client.ask('SET', 'b', '1')
    clock.advance(90_000)
    expect(engine.parts.saving!.busyWith).toBe('nothing')
    client.ask('SET', 'c', '1')
    clock.advance(1000)
    expect(engine.parts.saving!.busyWith).toBe('save')
    await finish()
    client.ask('MSET', 'a', '1', 'b', '1', 'c', '1')
    clock.advance(60_000)
    expect(engine.parts.saving!.busyWith).toBe('nothing')
    clock.advance(1500)
    expect(engine.parts.saving!.busyWith).toBe('save')
    await finish()
    expect(engine.parts.saving!.status.saves).toBe(2)
  })

  test('try again five seconds after a failure', async () => {
    const { clock, connect, disk, engine, finish } = await startSaving({ settings: { save: '1 1' } })
    connect().ask('SET', 'a', '1')
    disk.fail('open', 'ENOENT')
    clock.advance(3000)
    await finish()
    expect(engine.parts.saving!.status.lastSaveOk).toBe(false)
    disk.heal()
    clock.advance(4000)
    expect(engine.parts.saving!.busyWith).toBe('nothing')
    clock.advance(2000)
    expect(engine.parts.saving!.busyWith).toBe('save')
    await finish()
    expect(engine.parts.saving!.status.lastSaveOk).toBe(true)
    expect(Object.keys(await loaded(disk))).toEqual(['0 a'])
  })

  test('are taken from the configuration as it is', async () => {
    const { clock, connect, engine } = await startSaving({ settings: { save: '1 1' } })
    const client = connect()
    client.ask('SET', 'a', '1')
    client.ask('CONFIG', 'SET', 'save', '')
    clock.advance(10_000)
    expect(engine.parts.saving!.busyWith).toBe('nothing')
  })
})

test('a snapshot under way when the server ends leaves the one before', async () => {
  const { connect, disk, finish, saving, slice } = await startSaving({ tickMs: 0.6 })
  const client = connect()
  client.ask('SET', 'k', 'old')
  client.ask('SAVE')
  await finish()
  for (let i = 0; i < 1000; i++) client.ask('SET', `k${i}`, 'new')
  client.ask('BGSAVE')
  slice()
  await saving.close()
  expect(await loaded(disk)).toEqual({ '0 k': 'string old' })
  expect(disk.files).toEqual([FILE])
})

test('idle, nothing but a look twice a second is done', async () => {
  const { clock } = await startSaving()
  expect(clock.timers).toBe(1)
})

test('keys that were used are written with their use, as the policy measures it', async () => {
  for (const policy of ['allkeys-lru', 'allkeys-lfu', 'noeviction'] as const) {
    const settings = { 'maxmemory-policy': policy }
    const { clock, connect, disk, finish } = await startSaving({ settings })
    const client = connect()
    client.ask('SET', 'k', 'v')
    client.ask('GET', 'k')
    clock.advance(50_000)
    client.ask('BGSAVE')
    await finish()
    const again = (await startSaving({ settings, disk: disk.copy() })).connect()
    if (policy === 'allkeys-lfu') expect(again.ask('OBJECT', 'FREQ', 'k')).toBe(client.ask('OBJECT', 'FREQ', 'k'))
    else expect(again.ask('OBJECT', 'IDLETIME', 'k')).toBe(policy === 'allkeys-lru' ? ':50\r\n' : ':0\r\n')
  }
})

test('DEBUG RELOAD', async () => {
  const { connect, engine, finish } = await startSaving({ settings: { 'enable-debug-command': 'yes' } })
  const client = connect()
  client.ask('SET', 'k', 'v')
  client.ask('RPUSH', 'list', 'a', 'b')
  const before = dump(engine)
  expect(client.ask('DEBUG', 'RELOAD')).toBe('')
  const other = connect()
  expect(other.ask('SET', 'k', 'too late')).toBe('')
  await finish()
  expect(client.received()).toBe(OK)
  expect(dump(engine)).toEqual({ ...before, '0 k': 'string too late' })
  expect(other.received()).toBe(OK)
})

test('DEBUG RELOAD within a transaction answers in its place, and the client waits behind EXEC until all is loaded', async () => {
  const { connect, engine, finish } = await startSaving({ settings: { 'enable-debug-command': 'yes' } })
  const client = connect()
  const words = [['MULTI'], ['SET', 'k', '1'], ['DEBUG', 'RELOAD'], ['INCR', 'k'], ['DEBUG', 'RELOAD'], ['EXEC']]
  const replies = client.sendRaw([...words, ['GET', 'k']].map(encode).join(''))
  expect(replies).toBe(`${OK}${'+QUEUED\r\n'.repeat(4)}*4\r\n${OK}${OK}:2\r\n${OK}`)
  const other = connect()
  expect(other.ask('GET', 'k')).toBe('')
  await finish()
  expect(client.received()).toBe('$1\r\n2\r\n')
  expect(other.received()).toBe('$1\r\n2\r\n')
  expect(engine.conditions.pause.active).toBe(false)
})

test('DEBUG RELOAD loads what was saved, although a member of a group vanishes meanwhile', async () => {
  const settings = { 'enable-debug-command': 'yes', channel: 'orders.* keep 1h', redeliver: '0' }
  const { clock, connect, engine, finish } = await startSaving({ settings })
  const [client, member] = [connect(), connect()]
  client.ask('SET', 'k', 'v')
  member.ask('SUBSCRIBE', '$share/g/orders.eu')
  member.ask('PSUBSCRIBE', '$share/g/orders.*')
  member.backlogBytes = 100_000
  for (let i = 0; i < 3; i++) client.ask('PUBLISH', 'orders.eu', `message ${i}`)
  const before = dump(engine)
  replaceMethod(
    engine.conditions.loading,
    'begin',
    (begin) =>
      function (this: typeof engine.conditions.loading, ...words) {
        const progress = begin.apply(this, words)
        member.disconnect()
        return progress
      },
  )
  expect(client.ask('DEBUG', 'RELOAD')).toBe('')
  await finish()
  expect(client.received()).toBe(OK)
  expect(dump(engine)).toEqual(before)
  const next = connect()
  const reply = next.ask('SUBSCRIBE', '$share/g/orders.eu')
  clock.advance(10)
  expect((reply + next.received()).match(/message \d/g)).toEqual(['message 0', 'message 1', 'message 2'])
})

describe('DEBUG RELOAD beside what is there', () => {
  const LIBRARY = '#!lua name=one\nredis.register_function("one", function() return 1 end)'

  /** A server with a snapshot of two keys and a library, and other data since. */
  async function withSnapshot(): Promise<SavingEngine & { client: TestClient }> {
    const started = await startSaving({ settings: { 'enable-debug-command': 'yes' } })
    const client = started.connect()
    client.ask('SET', 'saved', 'old', 'EX', '1000')
    client.ask('RPUSH', 'list', 'a', 'b')
    client.ask('FUNCTION', 'LOAD', LIBRARY)
    client.ask('SAVE')
    await started.finish()
    client.received()
    client.ask('DEL', 'list')
    client.ask('SET', 'new', 'v')
    return { ...started, client }
  }

  async function reload(
    { client, finish }: Awaited<ReturnType<typeof withSnapshot>>,
    ...words: string[]
  ): Promise<string> {
    expect(client.ask('DEBUG', 'RELOAD', ...words)).toBe('')
    await finish()
    return client.received()
  }

  test('NOSAVE brings the snapshot back, libraries included', async () => {
    const test = await withSnapshot()
    test.client.ask('FUNCTION', 'FLUSH')
    expect(await reload(test, 'NOSAVE')).toBe(OK)
    expect(Object.keys(dump(test.engine))).toEqual(['0 list', '0 saved'])
    expect(test.client.ask('FCALL', 'one', '0')).toBe(':1\r\n')
    expect(test.client.ask('TTL', 'saved')).toBe(':1000\r\n')
  })

  test('NOFLUSH MERGE adds it, and what is in both is as it was saved', async () => {
    const test = await withSnapshot()
    test.client.ask('SET', 'saved', 'changed')
    expect(await reload(test, 'NOSAVE', 'NOFLUSH', 'MERGE')).toBe(OK)
    expect(Object.keys(dump(test.engine))).toEqual(['0 list', '0 new', '0 saved'])
    expect(test.client.ask('GET', 'saved')).toBe('$3\r\nold\r\n')
    expect(test.client.ask('TTL', 'saved')).toBe(':1000\r\n')
    expect(test.client.ask('FCALL', 'one', '0')).toBe(':1\r\n')
  })

  test('NOFLUSH alone refuses what is there twice, and changes nothing', async () => {
    const test = await withSnapshot()
    const before = dump(test.engine)
    expect(await reload(test, 'NOSAVE', 'NOFLUSH')).toMatch(/^-ERR Error trying to load the RDB dump/)
    expect(test.warnings.at(-1)).toContain("the key 'saved' is there already")
    expect(dump(test.engine)).toEqual(before)
    test.client.ask('DEL', 'saved')
    test.client.ask('FUNCTION', 'FLUSH')
    expect(await reload(test, 'NOSAVE', 'NOFLUSH')).toBe(OK)
    expect(Object.keys(dump(test.engine))).toEqual(['0 list', '0 new', '0 saved'])
  })
})

describe('DEBUG LOADAOF', () => {
  test('loads the append-only files, everything written included', async () => {
    const { connect, engine, finish } = await startSaving({
      settings: { 'enable-debug-command': 'yes', appendonly: 'yes' },
    })
    const client = connect()
    client.ask('SET', 'k', 'v')
    client.ask('RPUSH', 'list', 'a', 'b')
    client.ask('FUNCTION', 'LOAD', '#!lua name=one\nredis.register_function("one", function() return 1 end)')
    const before = dump(engine)
    const { commandsProcessed } = engine.figures.stats
    // Not journaled: a restart would not bring it back.
    client.ask('DEBUG', 'POPULATE', '3')
    client.ask('DEBUG', 'LOADAOF')
    await finish()
    expect(client.received()).toBe(OK)
    expect(engine.figures.stats.commandsProcessed).toBe(commandsProcessed + 2)
    expect(dump(engine)).toEqual(before)
    expect(client.ask('FCALL', 'one', '0')).toBe(':1\r\n')
    expect(client.ask('SET', 'k', 'w')).toBe(OK)
    client.ask('DEBUG', 'LOADAOF')
    await finish()
    expect(client.received()).toBe(OK)
    expect(client.ask('GET', 'k')).toBe('$1\r\nw\r\n')
  })

  test('without an append-only file is refused, and the data stays', async () => {
    const { connect, finish } = await startSaving({ settings: { 'enable-debug-command': 'yes' } })
    const client = connect()
    client.ask('SET', 'k', 'v')
    client.ask('DEBUG', 'LOADAOF')
    await finish()
    expect(client.received()).toBe('-ERR Error trying to load the AOF files, check server logs.\r\n')
    expect(client.ask('GET', 'k')).toBe('$1\r\nv\r\n')
  })
})

describe('rdb-key-save-delay and key-load-delay', () => {
  test('a snapshot takes as long as its keys ask for, and ends when the delay does', async () => {
    const { clock, connect, info, saving, slice } = await startSaving({ settings: { 'rdb-key-save-delay': '1000' } })
    const client = connect()
    for (let i = 0; i < 1000; i++) client.ask('SET', `key ${i}`, 'v')
    client.ask('BGSAVE')
    const advance = async (ms: number): Promise<void> => {
      for (let passed = 0; passed < ms; passed += 10) {
        clock.advance(10)
        slice()
        await settled()
      }
    }
    await advance(500)
    expect(saving.busyWith).toBe('save')
    expect(Number(info().current_save_keys_processed)).toBeGreaterThan(300)
    expect(Number(info().current_save_keys_processed)).toBeLessThan(700)
    expect(client.ask('PING')).toBe('+PONG\r\n')
    client.ask('CONFIG', 'SET', 'rdb-key-save-delay', '0')
    await advance(100)
    expect(saving.busyWith).toBe('nothing')
  })

  test('loading keeps listening, and ends when the delay does', async () => {
    const settings = { 'enable-debug-command': 'yes' }
    const { clock, connect, finish, info } = await startSaving({ settings })
    const client = connect()
    client.ask('DEBUG', 'POPULATE', '1000')
    client.ask('CONFIG', 'SET', 'key-load-delay', '1000')
    client.ask('DEBUG', 'RELOAD')
    await finish()
    expect(info().loading).toBe('1')
    clock.advance(20)
    await finish()
    const other = connect()
    expect(other.ask('GET', 'key:1')).toMatch(/^-LOADING/)
    expect(other.ask('DEBUG', 'RELOAD')).toMatch(/^-ERR/)
    expect(other.ask('CONFIG', 'SET', 'key-load-delay', '0')).toBe(OK)
    clock.advance(20)
    await finish()
    expect(client.received()).toBe(OK)
    expect(client.ask('DBSIZE')).toBe(':1000\r\n')
  })
})

test('DEBUG RELOAD that cannot load what it saved keeps the data, serves it, and expires it', async () => {
  const { clock, connect, disk, engine, finish, warnings } = await startSaving({
    settings: { 'enable-debug-command': 'yes' },
  })
  const client = connect()
  client.ask('SET', 'k', 'v')
  client.ask('SET', 'short', 'v', 'PX', '1000')
  client.ask('RPUSH', 'list', 'a', 'b')
  const before = dump(engine)
  disk.fault = (operation) => (operation === 'read' ? 'EIO' : undefined)
  expect(client.ask('DEBUG', 'RELOAD')).toBe('')
  await finish()
  disk.heal()
  expect(client.received()).toBe('-ERR Error trying to load the RDB dump, check server logs.\r\n')
  expect(warnings).toHaveLength(1)
  expect(dump(engine)).toEqual(before)
  expect(client.ask('INFO', 'persistence')).toContain('loading:0\r\n')
  clock.advance(1001)
  expect(client.ask('GET', 'short')).toBe('$-1\r\n')
  client.ask('DEBUG', 'RELOAD')
  await finish()
  expect(client.received()).toBe(OK)
})
