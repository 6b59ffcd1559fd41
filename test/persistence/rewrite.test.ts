import { describe, expect, test } from 'vitest'
import { dump } from '../support/dump.ts'
import type { TestClient } from '../support/engine.ts'
import { commands, DIRECTORY, MANIFEST, start } from '../support/journal.ts'
import { type MemoryDisk, settled } from '../support/memory-disk.ts'
import { type SavingEngine, startSaving } from '../support/saving.ts'

const OK = '+OK\r\n'
const REWRITING = '+Background append only file rewriting started\r\n'
const ALWAYS = { appendonly: 'yes', appendfsync: 'always' }

/** Sends a write and waits until it is acknowledged. */
async function write(client: TestClient, ...words: string[]): Promise<string> {
  let reply = client.ask(...words)
  for (let i = 0; reply === '' && i < 20; i++) {
    await settled()
    reply = client.received()
  }
  return reply
}

/** What a disk's log is replayed to. */
async function replayed(disk: MemoryDisk): Promise<Record<string, string>> {
  const started = await start(disk)
  const data = dump(started.engine)
  await started.aof.close()
  return data
}

/** Files of the log's directory. */
function filesOf(disk: MemoryDisk): string[] {
  return disk.files.filter((name) => name.startsWith(`${DIRECTORY}/`)).map((name) => name.slice(DIRECTORY.length + 1))
}

async function rewrite({ finish }: SavingEngine, client: TestClient): Promise<void> {
  expect(client.ask('BGREWRITEAOF')).toBe(REWRITING)
  await finish()
}

describe('BGREWRITEAOF', () => {
  test('makes a base of what the data is, and goes on in a new increment', async () => {
    const started = await startSaving({ settings: ALWAYS })
    const { connect, disk, engine, info } = started
    const client = connect()
    for (let i = 0; i < 100; i++) await write(client, 'SET', 'k', `${i}`)
    await write(client, 'SELECT', '3')
    await write(client, 'SET', 'in three', '1')
    const before = Number(info().aof_current_size)
    await rewrite(started, client)
    expect(filesOf(disk)).toEqual(['appendonly.aof.2.base.rdb', 'appendonly.aof.2.incr.aof', 'appendonly.aof.manifest'])
    expect(disk.get(MANIFEST).toString()).toBe(
      'file appendonly.aof.2.base.rdb seq 2 type b\nfile appendonly.aof.2.incr.aof seq 2 type i\n',
    )
    expect(disk.get(`${DIRECTORY}/appendonly.aof.2.incr.aof`)).toHaveLength(0)
    await write(client, 'SET', 'later', '1')
    expect(disk.get(`${DIRECTORY}/appendonly.aof.2.incr.aof`).toString()).toBe(commands('SELECT 3', 'SET later 1'))
    expect(await replayed(disk.powerCut())).toEqual(dump(engine))
    const after = info()
    expect(Number(after.aof_current_size)).toBeLessThan(before)
    expect(after).toMatchObject({
      aof_rewrite_in_progress: '0',
      aof_last_bgrewrite_status: 'ok',
      aof_last_rewrite_time_sec: '0',
      aof_rewrites: '1',
      aof_rewrites_consecutive_failures: '0',
    })
    const sizes = filesOf(disk)
      .slice(0, 2)
      .map((name) => disk.get(`${DIRECTORY}/${name}`).length)
    expect(Number(after.aof_current_size)).toBe(sizes[0]! + sizes[1]!)
    expect(Number(after.aof_base_size)).toBe(sizes[0])
    await rewrite(started, client)
    expect(filesOf(disk)).toEqual(['appendonly.aof.3.base.rdb', 'appendonly.aof.3.incr.aof', 'appendonly.aof.manifest'])
  })

  test.each(['always', 'everysec'])(
    'changes the increment without a pause for reading clients (%s)',
    async (appendfsync) => {
      const started = await startSaving({ settings: { appendonly: 'yes', appendfsync } })
      const { connect, disk, finish } = started
      const writer = connect()
      await write(writer, 'SET', 'k', '1')
      await write(writer, 'SET', 'other', '1')
      // The disk takes its time over making the old increment whole.
      disk.fault = (operation, file) => {
        disk.held ||= operation === 'syncDirectory' && file === DIRECTORY
        return undefined
      }
      writer.ask('SET', 'k', '2')
      connect().ask('BGREWRITEAOF')
      for (let i = 0; i < 50 && disk.waiting === 0; i++) await settled()
      expect(disk.waiting).toBeGreaterThan(0)
      const reader = connect()
      for (const words of [['PING'], ['GET', 'other'], ['EXISTS', 'other']]) expect(reader.ask(...words)).not.toBe('')
      disk.held = false
      disk.heal()
      await disk.release()
      await finish()
      expect(await write(writer, 'GET', 'k')).toContain('2')
      expect(started.saving.status.lastRewriteOk).toBe(true)
    },
  )

  test('is refused while one is under way, put off while a snapshot is made', async () => {
    const { connect, finish, info } = await startSaving({ settings: ALWAYS })
    const client = connect()
    client.ask('BGSAVE')
    expect(client.ask('BGREWRITEAOF')).toBe('+Background append only file rewriting scheduled\r\n')
    expect(info()).toMatchObject({ aof_rewrite_scheduled: '1', aof_pending_rewrite: '1', aof_rewrite_in_progress: '0' })
    await finish()
    expect(info()).toMatchObject({ aof_rewrite_scheduled: '0', aof_rewrites: '1' })
    client.ask('BGREWRITEAOF')
    expect(client.ask('BGREWRITEAOF')).toBe('-ERR Background append only file rewriting already in progress\r\n')
    await finish()
  })

  test('with appendonly off makes a base that a later start finds', async () => {
    const started = await startSaving()
    const { connect, disk, engine } = started
    const client = connect()
    client.ask('SET', 'k', 'v')
    await rewrite(started, client)
    await rewrite(started, client)
    expect(filesOf(disk)).toEqual(['appendonly.aof.2.base.rdb', 'appendonly.aof.manifest'])
    expect(await replayed(disk.powerCut())).toEqual(dump(engine))
  })

  test('writes commands where the base is not to be a snapshot', async () => {
    const started = await startSaving({
      settings: { ...ALWAYS, 'aof-use-rdb-preamble': 'no', 'aof-timestamp-enabled': 'yes' },
      tickMs: 0.6,
    })
    const { connect, clock, disk, engine } = started
    const client = connect()
    const elements = Array.from({ length: 150 }, (_, i) => `element ${i}`)
    client.ask('SET', 'string', 'binary \x00\xff\r\n')
    client.ask('SET', 'large string', 'x'.repeat(700_000), 'PX', '5000')
    client.ask('RPUSH', 'list', ...elements)
    client.ask('SADD', 'set', ...elements)
    client.ask('SADD', 'intset', '1', '2', '30')
    client.ask('HSET', 'hash', ...elements.flatMap((e) => [e, `${e}!`]))
    client.ask('HPEXPIRE', 'hash', '7000', 'FIELDS', '1', 'element 3')
    client.ask('ZADD', 'zset', ...elements.flatMap((e, i) => [`${i / 4}`, e]))
    client.ask('ZADD', 'small zset', '-inf', 'a', '1e300', 'b', '0.1', 'c')
    client.ask('PFADD', 'loglog', ...elements)
    for (let i = 1; i < 150; i++) client.ask('XADD', 'stream', `${i}-1`, 'f', `${i}`, 'g', 'x')
    client.ask('XDEL', 'stream', '7-1')
    client.ask('XGROUP', 'CREATE', 'stream', 'group', '0')
    client.ask('XREADGROUP', 'GROUP', 'group', 'me', 'COUNT', '3', 'STREAMS', 'stream', '>')
    client.ask('XGROUP', 'CREATECONSUMER', 'stream', 'group', 'idle')
    client.ask('XGROUP', 'CREATE', 'stream', 'other', '$', 'ENTRIESREAD', '5')
    client.ask('XADD', 'emptied', '5-5', 'f', 'v')
    client.ask('XDEL', 'emptied', '5-5')
    client.ask('XGROUP', 'CREATE', 'empty', 'group', '0', 'MKSTREAM')
    await write(client, 'SELECT', '9')
    await write(client, 'SET', 'in nine', '1')
    await rewrite(started, client)
    const [base] = filesOf(disk)
    expect(base).toBe('appendonly.aof.2.base.aof')
    expect(disk.get(`${DIRECTORY}/${base}`).toString()).toMatch(
      /^#TS:\d+\r\n\*3\r\n\$8\r\nFUNCTION|^#TS:\d+\r\n\*2\r\n\$6\r\nSELECT/,
    )
    const again = await startSaving({ settings: ALWAYS, disk: disk.powerCut() })
    const told = (engine: typeof again, key: string): string => {
      const asked = engine.connect()
      return (
        asked.ask('XINFO', 'STREAM', key, 'FULL', 'COUNT', '0') + asked.ask('XPENDING', key, 'group', '-', '+', '100')
      )
    }
    for (const key of ['stream', 'emptied', 'empty']) {
      // When a consumer was last seen no command can say.
      const times = /(seen-time|active-time)\r\n:-?\d+/g
      // How the nodes were divided, neither.
      const nodes = /radix-tree-\w+\r\n:\d+/g
      const plain = (text: string): string => text.replace(times, '').replace(nodes, '')
      expect(plain(told(again, key))).toBe(plain(told(started as unknown as typeof again, key)))
    }
    const without = (data: Record<string, string>): unknown =>
      Object.fromEntries(Object.entries(data).filter(([key]) => !/stream|emptied|empty/.test(key)))
    expect(without(dump(again.engine))).toEqual(without(dump(engine)))
    expect(Object.keys(dump(again.engine))).toEqual(Object.keys(dump(engine)))
    clock.advance(0)
  })

  test.each(['yes', 'no'])(
    'keeps in order what goes and comes again while it is written, preamble %s',
    async (preamble) => {
      const started = await startSaving({ settings: { ...ALWAYS, 'aof-use-rdb-preamble': preamble }, tickMs: 0.6 })
      const { connect, clock, disk, engine, info, slice, finish } = started
      const client = connect()
      const elements = Array.from({ length: 5000 }, (_, i) => `element ${i}`)
      for (const key of ['gone', 'replaced', 'again', 'mortal']) await write(client, 'RPUSH', key, ...elements)
      await write(client, 'PEXPIRE', 'mortal', '100')
      expect(client.ask('BGREWRITEAOF')).toBe(REWRITING)
      while (engine.data.dataset.reports.beforeChange === null) {
        await settled()
        slice()
      }
      const script = (...words: string[]) => write(client, 'EVAL', 'return redis.call(unpack(ARGV))', '0', ...words)
      expect(await script('DEL', 'gone')).toBe(':1\r\n')
      expect(await script('SET', 'replaced', 'new')).toBe(OK)
      for (let i = 0; i < 2; i++) {
        expect(await script('DEL', 'again')).toBe(':1\r\n')
        expect(await write(client, 'RPUSH', 'again', ...elements, `${i}`)).toBe(':5001\r\n')
      }
      clock.advance(200)
      expect(await write(client, 'APPEND', 'mortal', 'new')).toBe(':3\r\n')
      expect(engine.parts.saving!.status.keysProcessed).toBe(0)
      await finish()
      expect(info().aof_last_bgrewrite_status).toBe('ok')
      expect(await replayed(disk.powerCut())).toEqual(dump(engine))
    },
  )

  test('is due by itself when the log has grown enough', async () => {
    const started = await startSaving({
      settings: { appendonly: 'yes', 'auto-aof-rewrite-min-size': '1000', 'auto-aof-rewrite-percentage': '100' },
    })
    const { clock, connect, engine, finish } = started
    const client = connect()
    client.ask('SET', 'k', 'x'.repeat(900))
    clock.advance(600)
    expect(engine.parts.saving!.busyWith).toBe('nothing')
    client.ask('SET', 'k', 'x'.repeat(900))
    clock.advance(600)
    expect(engine.parts.saving!.busyWith).toBe('rewrite')
    await finish()
    const { rewriteBaseBytes } = engine.parts.saving!.status
    expect(rewriteBaseBytes).toBeGreaterThan(0)
    client.ask('SET', 'k', 'x'.repeat(900))
    clock.advance(600)
    // More than twice the base, which is compressed.
    expect(engine.parts.saving!.busyWith).toBe('rewrite')
    await finish()
    engine.config.set('auto-aof-rewrite-percentage', '0')
    for (let i = 0; i < 10; i++) client.ask('SET', 'k', 'x'.repeat(900))
    clock.advance(600)
    expect(engine.parts.saving!.busyWith).toBe('nothing')
  })

  test('that fails by itself again and again is tried less and less often', async () => {
    const settings = { appendonly: 'yes', 'auto-aof-rewrite-min-size': '100', 'auto-aof-rewrite-percentage': '1' }
    const started = await startSaving({ settings })
    const { clock, connect, disk, engine, finish, info } = started
    connect().ask('SET', 'k', 'x'.repeat(900))
    disk.fault = (_operation, file) => (file.includes('.base.') ? 'EIO' : undefined)
    let failures = 0
    for (let second = 0; second < 400; second++) {
      clock.advance(1000)
      if (engine.parts.saving!.busyWith === 'nothing') continue
      await finish()
      failures++
    }
    expect(failures).toBe(5)
    expect(info()).toMatchObject({ aof_rewrites_consecutive_failures: '5', aof_last_bgrewrite_status: 'err' })
    disk.heal()
    expect(await replayed(disk.copy())).toEqual(dump(engine))
  })
})

/**
 * Runs a rewrite while a client writes under `always`, noting at each operation of the disk what was acknowledged.
 * `moment` is told the number of the operation, before it is done.
 */
async function rewriteUnderLoad(
  started: SavingEngine,
  moment: (operation: number, acknowledged: number) => void,
  fail: (operation: number) => string | undefined = () => undefined,
): Promise<number> {
  const { connect, disk, clock, slice, saving } = started
  const client = connect()
  const starter = connect()
  let sent = 0
  let acknowledged = 0
  for (; sent < 5; sent++) expect(await write(client, 'RPUSH', 'list', `${sent}`)).toBe(`:${sent + 1}\r\n`)
  acknowledged = sent
  const first = disk.operations
  disk.fault = (_operation, _file, number) => {
    moment(number - first, acknowledged)
    return fail(number - first)
  }
  expect(starter.ask('BGREWRITEAOF')).toMatch(REWRITING)
  for (let i = 0; i < 60; i++) {
    if (i % 3 === 0 && sent === acknowledged && sent < 20) client.ask('RPUSH', 'list', `${sent++}`)
    slice()
    for (let k = 0; k < 3; k++) await new Promise((resolve) => setImmediate(resolve))
    const reply = client.received()
    if (reply.startsWith('-MISCONF')) sent--
    else if (reply !== '') acknowledged = sent
    clock.advance(100)
  }
  expect(saving.busyWith).toBe('nothing')
  disk.heal()
  clock.advance(2000)
  await settled()
  client.received()
  return sent
}

const listOf = (data: Record<string, string>): string[] =>
  (data['0 list'] ?? '').split('\r\n').filter((_, i) => i > 1 && i % 2 === 0)

describe('the process or the power ending', () => {
  test('at any operation of a rewrite loses nothing that was acknowledged, and the next start rewrites again', async () => {
    const crashes: { disk: MemoryDisk; acknowledged: number; what: string }[] = []
    const started = await startSaving({ settings: ALWAYS })
    const { disk } = started
    await rewriteUnderLoad(started, (operation, acknowledged) => {
      const what = `${operation}: ${disk.history.at(-1)}`
      crashes.push({ disk: disk.copy(), acknowledged, what: `killed at ${what}` })
      crashes.push({ disk: disk.powerCut(), acknowledged, what: `power cut at ${what}` })
      crashes.push({ disk: disk.powerCut(13), acknowledged, what: `torn at ${what}` })
    })
    expect(crashes.length).toBeGreaterThan(60)
    // All steps of the table were come by.
    const steps = [
      'open .*2.incr',
      'rename .*temp-appendonly.aof.manifest',
      'open .*temp-.*base',
      'rename .*base',
      'remove .*1.incr',
    ]
    for (const step of steps) expect(crashes.some(({ what }) => new RegExp(step).test(what))).toBe(true)
    for (const { disk, acknowledged, what } of crashes) {
      const again = await startSaving({ settings: ALWAYS, disk })
      const list = listOf(dump(again.engine))
      expect([what, list]).toEqual([what, list.map((_, i) => `${i}`)])
      expect(list.length, what).toBeGreaterThanOrEqual(acknowledged)
      await rewrite(again, again.connect())
      expect(again.saving.status.lastRewriteOk, what).toBe(true)
      expect(listOf(await replayed(again.disk.powerCut())), what).toEqual(list)
    }
  })
  test('under everysec may lose the last second, but nothing in the middle', async () => {
    const crashes: { disk: MemoryDisk; what: string }[] = []
    const started = await startSaving({ settings: { appendonly: 'yes', appendfsync: 'everysec' } })
    const { disk } = started
    await rewriteUnderLoad(started, (operation) => {
      for (const torn of [0, 20, 80]) {
        crashes.push({
          disk: disk.powerCut(torn),
          what: `power cut, ${torn} bytes torn at ${operation}: ${disk.history.at(-1)}`,
        })
      }
    })
    for (const { disk, what } of crashes) {
      const list = listOf(await replayed(disk))
      expect([what, list]).toEqual([what, list.map((_, i) => `${i}`)])
    }
  })
})

describe('the disk failing', () => {
  test.each(['EIO', 'ENOSPC'])(
    'with %s at any operation of a rewrite loses nothing, and the next rewrite succeeds',
    async (code) => {
      let failures = 0
      for (let number = 1; ; number++) {
        const started = await startSaving({ settings: ALWAYS })
        const { connect, disk, engine, finish, saving } = started
        let reached = false
        const sent = await rewriteUnderLoad(
          started,
          () => {},
          (operation) => {
            if (operation !== number) return undefined
            reached = true
            return code
          },
        )
        if (!reached) break
        if (!saving.status.lastRewriteOk) failures++
        const list = listOf(dump(engine))
        expect(list.length).toBeGreaterThanOrEqual(sent - 1)
        expect(listOf(await replayed(disk.copy())), `${number}`).toEqual(list)
        expect(listOf(await replayed(disk.powerCut())), `${number}`).toEqual(list)
        const client = connect()
        expect(await write(client, 'RPUSH', 'list', `${list.length}`)).toBe(`:${list.length + 1}\r\n`)
        await rewrite(started, client)
        await finish()
        expect(saving.status.lastRewriteOk, `${number}`).toBe(true)
        expect(await write(client, 'RPUSH', 'list', `${list.length + 1}`)).toBe(`:${list.length + 2}\r\n`)
        expect(listOf(await replayed(disk.powerCut())), `${number}`).toHaveLength(list.length + 2)
        expect(filesOf(disk).filter((name) => name.startsWith('temp-'))).toEqual([])
      }
      expect(failures).toBeGreaterThan(8)
    },
  )

  test('for long while the increment is changed refuses writes, and goes on in the old one', async () => {
    const started = await startSaving({ settings: ALWAYS })
    const { clock, connect, disk, engine, finish } = started
    const client = connect()
    await write(client, 'SET', 'k', '1')
    disk.fault = (operation, file) => (operation === 'sync' && file.endsWith('.1.incr.aof') ? 'EIO' : undefined)
    client.ask('BGREWRITEAOF')
    await finish()
    expect(engine.parts.saving!.status.lastRewriteOk).toBe(false)
    expect(await write(connect(), 'SET', 'k', '2')).toContain('MISCONF')
    disk.heal()
    clock.advance(1500)
    await settled()
    expect(await write(connect(), 'SET', 'k', '3')).toBe(OK)
    expect(await replayed(disk.powerCut())).toEqual({ '0 k': 'string 3' })
  })
})

describe('CONFIG SET appendonly', () => {
  test('yes makes a base and an increment, and from then on keeps what is written', async () => {
    const started = await startSaving({ settings: { appendfsync: 'always' } })
    const { connect, disk, engine, finish, info } = started
    const client = connect()
    client.ask('SET', 'before', '1')
    expect(info().aof_enabled).toBe('0')
    expect(client.ask('CONFIG', 'SET', 'appendonly', 'yes')).toBe(OK)
    expect(info()).toMatchObject({ aof_enabled: '1', aof_rewrite_in_progress: '1' })
    client.ask('SET', 'meanwhile', '1')
    await finish()
    expect(info()).toMatchObject({ aof_enabled: '1', aof_rewrite_in_progress: '0', aof_last_bgrewrite_status: 'ok' })
    expect(await write(client, 'SET', 'after', '1')).toBe(OK)
    expect(Object.keys(await replayed(disk.powerCut()))).toEqual(['0 after', '0 before', '0 meanwhile'])
    await rewrite(started, client)
    expect(await replayed(disk.powerCut())).toEqual(dump(engine))
  })

  test('no leaves the log as it is, and no client waits any more', async () => {
    const started = await startSaving({ settings: ALWAYS })
    const { connect, disk, finish, info } = started
    const client = connect()
    await write(client, 'SET', 'k', '1')
    client.ask('SET', 'k', '2')
    expect(connect().ask('CONFIG', 'SET', 'appendonly', 'no')).toBe(OK)
    await finish()
    expect(client.received()).toBe(OK)
    expect(info().aof_enabled).toBe('0')
    expect(client.ask('SET', 'k', '3')).toBe(OK)
    expect(await replayed(disk.powerCut())).toEqual({ '0 k': 'string 2' })
  })

  test('no and yes again puts a new base in the place of the old log', async () => {
    const started = await startSaving({ settings: ALWAYS })
    const { connect, disk, engine, finish } = started
    const client = connect()
    await write(client, 'SET', 'k', '1')
    const admin = connect()
    for (let i = 0; i < 3; i++) {
      expect(admin.ask('CONFIG', 'SET', 'appendonly', 'no')).toBe(OK)
      expect(await write(client, 'SET', 'k', `unseen ${i}`)).toBe(OK)
      expect(admin.ask('CONFIG', 'SET', 'appendonly', 'yes')).toBe(OK)
      await finish()
      expect(await write(client, 'SET', `k${i}`, 'seen')).toBe(OK)
      expect(await replayed(disk.powerCut())).toEqual(dump(engine))
    }
    expect(filesOf(disk)).toHaveLength(3)
  })

  test('no in the middle of a rewrite gives it up', async () => {
    const started = await startSaving({ settings: ALWAYS })
    const { connect, disk, finish } = started
    const client = connect()
    await write(client, 'SET', 'k', '1')
    for (let turns = 0; turns < 12; turns++) {
      client.ask('BGREWRITEAOF')
      for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve))
      client.ask('CONFIG', 'SET', 'appendonly', 'no')
      await finish()
      expect(await replayed(disk.powerCut()), `${turns}`).toEqual({ '0 k': 'string 1' })
      client.ask('CONFIG', 'SET', 'appendonly', 'yes')
      await finish()
      expect(await replayed(disk.powerCut()), `${turns}`).toEqual({ '0 k': 'string 1' })
    }
  })

  test('no while the first base gets its name leaves the next yes without one', async () => {
    const started = await startSaving({ settings: { appendfsync: 'always' } })
    const { connect, disk, finish, saving } = started
    const client = connect()
    client.ask('SET', 'k', '1')
    let isOff = false
    disk.fault = (operation) => {
      if (operation === 'rename' && !isOff) {
        isOff = true
        expect(client.ask('CONFIG', 'SET', 'appendonly', 'no')).toBe(OK)
      }
      return undefined
    }
    client.ask('CONFIG', 'SET', 'appendonly', 'yes')
    await finish()
    expect(isOff).toBe(true)
    client.ask('CONFIG', 'SET', 'appendonly', 'yes')
    expect(saving.owesBase).toBe(true)
    await finish()
    expect(saving.owesBase).toBe(false)
    expect(await replayed(disk.powerCut())).toEqual({ '0 k': 'string 1' })
  })

  test('yes that fails at any operation is tried until it succeeds', async () => {
    for (let number = 1; ; number++) {
      const started = await startSaving({ settings: { appendfsync: 'always' } })
      const { clock, connect, disk, engine, finish } = started
      const client = connect()
      client.ask('SET', 'k', '1')
      const first = disk.operations
      disk.failAt(first + number, 'EIO')
      client.ask('CONFIG', 'SET', 'appendonly', 'yes')
      await finish()
      const failed = !engine.parts.saving!.status.lastRewriteOk
      if (failed) {
        clock.advance(2000)
        await finish()
      }
      const reached = disk.operations >= first + number
      disk.heal()
      expect(await write(client, 'SET', 'after', '1'), `${number}`).toContain('OK')
      expect(await replayed(disk.powerCut()), `${number}`).toEqual(dump(engine))
      if (!reached) break
    }
  })
})

test('aof-disable-auto-gc keeps replaced files over rewrites and restarts, until it is set back', async () => {
  const settings = { ...ALWAYS, 'aof-disable-auto-gc': 'yes' }
  const started = await startSaving({ settings })
  const { connect, disk } = started
  const client = connect()
  for (const value of ['1', '2']) {
    await write(client, 'SET', 'k', value)
    await rewrite(started, client)
  }
  const all = [1, 2, 3].flatMap((i) => [`appendonly.aof.${i}.base.rdb`, `appendonly.aof.${i}.incr.aof`])
  const files = [...all, 'appendonly.aof.manifest']
  expect(filesOf(disk).toSorted()).toEqual(files)

  const again = await startSaving({ disk: disk.copy(), settings })
  expect(filesOf(again.disk).toSorted()).toEqual(files)
  again.connect().ask('CONFIG', 'SET', 'aof-disable-auto-gc', 'no')
  await again.finish()
  expect(filesOf(again.disk).toSorted()).toEqual([...all.slice(4), 'appendonly.aof.manifest'])
  expect(again.disk.get(MANIFEST).toString()).not.toContain('type h')
  expect(await replayed(again.disk)).toEqual({ '0 k': 'string 2' })

  const collecting = await startSaving({ disk: disk.copy(), settings: ALWAYS })
  expect(filesOf(collecting.disk).toSorted()).toEqual([...all.slice(4), 'appendonly.aof.manifest'])
})
