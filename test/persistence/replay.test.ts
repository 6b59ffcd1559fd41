import { describe, expect, test } from 'vitest'
import { PersistenceError } from '../../src/persistence/errors.ts'
import { openJournal } from '../../src/persistence/log/open-journal.ts'
import { dump } from '../support/dump.ts'
import { createEngine, withoutJournal } from '../support/engine.ts'
import { commands, DIRECTORY, INCREMENT, MANIFEST, putLog, start } from '../support/journal.ts'
import { MemoryDisk } from '../support/memory-disk.ts'

const BASE = 'appendonly.aof.1.base.aof'
const FIRST = 'appendonly.aof.1.incr.aof'
const SECOND = 'appendonly.aof.2.incr.aof'

function diskWith(files: Record<string, string>): MemoryDisk {
  const disk = new MemoryDisk()
  putLog(disk, files)
  return disk
}

async function load(files: Record<string, string>): Promise<Record<string, string>> {
  return dump((await start(diskWith(files))).engine)
}

async function refusal(disk: MemoryDisk, settings: Parameters<typeof start>[1] = {}): Promise<PersistenceError> {
  const error = await start(disk, settings).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(PersistenceError)
  return error as PersistenceError
}

describe('a first start', () => {
  test('makes directory, increment and manifest, and all of them survive a power cut', async () => {
    const disk = new MemoryDisk()
    await start(disk)
    const after = disk.powerCut()
    const base = `${DIRECTORY}/appendonly.aof.1.base.rdb`
    expect(after.files).toEqual([base, INCREMENT, MANIFEST])
    expect(after.get(MANIFEST).toString()).toBe(
      'file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n',
    )
    expect([base, INCREMENT].map((file) => after.get(file).length)).toEqual([0, 0])
  })

  test('interrupted at any operation it can simply be repeated', async () => {
    for (let n = 1; ; n++) {
      const disk = new MemoryDisk()
      disk.failAt(n, 'EIO')
      const failed = await start(disk).then(
        () => false,
        () => true,
      )
      if (!failed) {
        expect(n).toBeGreaterThan(6)
        break
      }
      const { engine } = await start(disk.powerCut())
      expect(dump(engine)).toEqual({})
    }
  })

  test('a disk that refuses is named in the error', async () => {
    const disk = new MemoryDisk()
    disk.fail('open', 'EACCES')
    const error = await refusal(disk)
    expect(error.message).toContain('Permission denied')
    expect(error.file).toBe(`${DIRECTORY}/appendonly.aof.1.base.rdb`)
  })
})

describe('replay', () => {
  test('runs base and increments in order, and each database of its own', async () => {
    expect(
      await load({
        [BASE]: commands('SELECT 0', 'SET a base', 'SET b base'),
        [FIRST]: commands('SELECT 1', 'SET a other', 'SELECT 0', 'SET a one'),
        [SECOND]: commands('SELECT 0', 'SET a two'),
      }),
    ).toEqual({ '0 a': 'string two', '0 b': 'string base', '1 a': 'string other' })
  })

  test('room is made for keys that are to come, and given back when they did not', async () => {
    const words: string[] = []
    // The first megabyte promises very many keys; then most go again, and the same few are written over and over.
    for (let i = 0; i < 40_000; i++) words.push(`SET key:${i} ${i}`)
    for (let i = 0; i < 39_000; i++) words.push(`DEL key:${i}`)
    for (let i = 0; i < 40_000; i++) words.push(`SET key:${39_000 + (i % 1000)} ${i}`)
    const few = await start(diskWith({ [FIRST]: commands('SELECT 0', ...words.slice(-1000)) }))
    const { engine } = await start(diskWith({ [FIRST]: commands('SELECT 0', ...words) }))
    expect(dump(engine)).toEqual(dump(few.engine))
    const [before, after] = [few.engine, engine].map(({ databases }) => databases[0]!.keys.indexBytes)
    expect(after! - before!).toBeLessThanOrEqual(4 * 3003)
  })

  test('very many keys are all there', async () => {
    const words: string[] = []
    for (let i = 0; i < 60_000; i++) words.push(`SET key:${i} ${i}`)
    const { engine } = await start(diskWith({ [FIRST]: commands('SELECT 0', ...words) }))
    const found = dump(engine)
    expect(Object.keys(found)).toHaveLength(60_000)
    for (let i = 0; i < 60_000; i += 7) expect(found[`0 key:${i}`]).toBe(`string ${i}`)
  })

  test('every file begins in the database where the one before ended, as Redis has it', async () => {
    expect(await load({ [FIRST]: commands('SELECT 3', 'SET a 1'), [SECOND]: commands('SET b 2') })).toEqual({
      '3 a': 'string 1',
      '3 b': 'string 2',
    })
  })

  test('runs the commands of a unit, in any case', async () => {
    expect(await load({ [FIRST]: commands('multi', 'SELECT 2', 'set a 1', 'Set b 2', 'exec', 'SET c 3') })).toEqual({
      '2 a': 'string 1',
      '2 b': 'string 2',
      '2 c': 'string 3',
    })
  })

  test('knows commands by the names they had when it was written, as clients do not', async () => {
    const renamed = createEngine({ dir: '/data', appendonly: 'yes' })
    renamed.engine.commands.rename('set', 'put')
    renamed.engine.commands.rename('del', '')
    withoutJournal(renamed)
    await openJournal(renamed.engine, diskWith({ [FIRST]: commands('SET a 1', 'put b 2', 'SET c 3', 'DEL c') }))
    expect(dump(renamed.engine)).toEqual({ '0 a': 'string 1', '0 b': 'string 2' })
    const client = renamed.connect()
    expect(client.ask('DEL', 'a')).toBe("-ERR unknown command 'DEL', with args beginning with: 'a' \r\n")
    expect(client.ask('SET', 'a', '2')).toContain("-ERR unknown command 'SET'")
    expect(client.ask('Put', 'a')).toBe("-ERR wrong number of arguments for 'set' command\r\n")
    expect(client.ask('pUT', 'a', '2')).toBe('+OK\r\n')
  })

  test('passes over annotations', async () => {
    const file = `#TS:1700000000\r\n${commands('SET a 1')}#TS:1700000001\r\n${commands('MULTI')}#TS:1\r\n${commands('SET b 2', 'EXEC')}#TS:2\r\n`
    const disk = diskWith({ [FIRST]: file })
    const { engine, warnings } = await start(disk)
    expect(dump(engine)).toEqual({ '0 a': 'string 1', '0 b': 'string 2' })
    expect(warnings).toEqual([])
    expect(disk.get(INCREMENT)).toHaveLength(file.length)
  })

  test('reads words and units larger than its buffer', async () => {
    const big = 'x'.repeat(3_000_000)
    const many = Array.from({ length: 60_000 }, (_, i) => `SET key:${i} ${i}`)
    const loaded = await load({ [FIRST]: commands('SET a 1', `SET big ${big}`, 'MULTI', ...many, 'EXEC', 'SET z 1') })
    expect(Object.keys(loaded)).toHaveLength(60_003)
    expect(loaded['0 big']).toBe(`string ${big}`)
    expect(loaded['0 key:59999']).toBe('string 59999')
  })

  test('clients get LOADING meanwhile, no events are published, and counters begin at zero', async () => {
    const many = Array.from({ length: 20_000 }, (_, i) => `SET key:${i} ${i}`)
    const disk = diskWith({ [FIRST]: commands(...many) })
    const { createEngine } = await import('../support/engine.ts')
    const { openJournal } = await import('../../src/persistence/log/open-journal.ts')
    const { engine, connect, clock } = createEngine({ dir: '/data', 'notify-keyspace-events': 'KEA' })
    // Every look at the clock costs a millisecond, so that a slice ends soon.
    Object.assign(clock, {
      monotonic: () =>
        (Object.assign(clock, { looks: ((clock as { looks?: number }).looks ?? 0) + 1 }) as { looks: number }).looks,
    })
    const client = connect()
    const done = openJournal(engine, disk)
    let shares = 0
    let last = 0
    while (engine.effects.durability.progress.status === undefined) {
      const { progress } = engine.conditions.loading
      if (progress !== undefined && progress.loadedBytes > last) {
        shares++
        last = progress.loadedBytes
        expect(client.ask('GET', 'key:1')).toBe('-LOADING Redis is loading the dataset in memory\r\n')
        expect(progress.totalBytes).toBe(disk.get(INCREMENT).length)
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
    await done
    expect(shares).toBeGreaterThan(5)
    expect(engine.conditions.loading.progress).toBeUndefined()
    expect(client.ask('GET', 'key:19999')).toBe('$5\r\n19999\r\n')
    expect(engine.figures.stats.changesSinceSave).toBe(0)
    expect(engine.commands.get('SET')!.calls).toBe(0)
  })

  test('replayed commands are not journaled again, and appending goes on behind them', async () => {
    const disk = diskWith({ [FIRST]: commands('SELECT 1', 'SET a 1') })
    const { connect } = await start(disk)
    expect(connect().ask('SET', 'b', '2')).toBe('+OK\r\n')
    expect(disk.get(INCREMENT).toString()).toBe(commands('SELECT 1', 'SET a 1', 'SELECT 0', 'SET b 2'))
  })

  test('reports what was loaded', async () => {
    const file = commands('SET a 1', 'SET b 2')
    const { aof, journal } = await start(diskWith({ [BASE]: file, [FIRST]: file }))
    expect(aof.loaded).toMatchObject({ bytes: 2 * file.length, cutBytes: 0 })
    expect(journal.status).toMatchObject({ currentBytes: 2 * file.length, baseBytes: file.length })
  })

  test('deletes history files', async () => {
    const disk = diskWith({ [FIRST]: commands('SET a 1') })
    disk.put(MANIFEST, `file old.base.aof seq 1 type h\nfile gone.aof seq 1 type h\nfile ${FIRST} seq 2 type i\n`)
    disk.put(`${DIRECTORY}/old.base.aof`, commands('SET old 1'))
    const { engine } = await start(disk)
    expect(dump(engine)).toEqual({ '0 a': 'string 1' })
    expect(disk.files).toEqual([INCREMENT, MANIFEST])
    expect(disk.get(MANIFEST).toString()).toBe(`file ${FIRST} seq 2 type i\n`)
  })
})

describe('a single file from before Redis 7', () => {
  const SINGLE = '/data/appendonly.aof'

  test('becomes the base', async () => {
    const disk = new MemoryDisk()
    disk.put(SINGLE, commands('SET a 1'))
    const { engine } = await start(disk)
    expect(dump(engine)).toEqual({ '0 a': 'string 1' })
    expect(disk.files).toEqual([`${DIRECTORY}/appendonly.aof`, INCREMENT, MANIFEST].sort())
    expect(disk.powerCut().get(MANIFEST).toString()).toBe(
      'file appendonly.aof seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n',
    )
  })

  test('is never lost, wherever the power goes', async () => {
    for (let n = 1; ; n++) {
      const disk = new MemoryDisk()
      disk.put(SINGLE, commands('SET a 1'))
      disk.failAt(n, 'EIO', 1000)
      const failed = await start(disk).then(
        () => false,
        () => true,
      )
      for (const after of [disk.powerCut(), disk.copy()]) {
        expect(dump((await start(after)).engine)).toEqual({ '0 a': 'string 1' })
      }
      if (!failed) break
    }
  })

  test('is left alone when there is a newer log', async () => {
    const disk = diskWith({ [FIRST]: commands('SET a new') })
    disk.put(SINGLE, commands('SET a old'))
    expect(dump((await start(disk)).engine)).toEqual({ '0 a': 'string new' })
    expect(disk.files).toContain(SINGLE)
  })
})

test('no client can write before the journal is there to take it', async () => {
  const { createEngine } = await import('../support/engine.ts')
  const { openJournal } = await import('../../src/persistence/log/open-journal.ts')
  const disk = diskWith({ [FIRST]: commands('SET a 1') })
  disk.put(MANIFEST, `file ${FIRST} seq 1 type b\nfile old seq 1 type h\n`)
  const { engine, connect } = createEngine({ dir: '/data' })
  const client = connect()
  let open = false
  const done = openJournal(engine, disk).then(() => {
    open = true
  })
  const acknowledged: string[] = []
  for (let i = 0; !open || acknowledged.length === 0; i++) {
    if (client.ask('SET', `key${i}`, '1') === '+OK\r\n') acknowledged.push(`0 key${i}`)
    await (i % 8 === 7 ? new Promise((resolve) => setImmediate(resolve)) : null)
  }
  await done
  expect(Object.keys(dump((await start(disk.copy())).engine))).toEqual(['0 a', ...acknowledged])
})

test('a start that is refused leaves the engine refusing', async () => {
  const { createEngine } = await import('../support/engine.ts')
  const { openJournal } = await import('../../src/persistence/log/open-journal.ts')
  const { engine, connect } = createEngine({ dir: '/data' })
  await expect(openJournal(engine, diskWith({ [FIRST]: 'damage' }))).rejects.toThrow(PersistenceError)
  expect(connect().ask('SET', 'a', '1')).toContain('LOADING')
})

describe('a torn end', () => {
  const LINES = ['SELECT 2', 'SET a 1', 'MULTI', 'SET b 2', 'SET a 3', 'EXEC', 'SELECT 0', 'SET c 4']
  /** Offset of the end of each whole unit → the data there. */
  const units: [number, Record<string, string>][] = [
    [0, {}],
    [commands(...LINES.slice(0, 1)).length, {}],
    [commands(...LINES.slice(0, 2)).length, { '2 a': 'string 1' }],
    [commands(...LINES.slice(0, 6)).length, { '2 a': 'string 3', '2 b': 'string 2' }],
    [commands(...LINES.slice(0, 7)).length, { '2 a': 'string 3', '2 b': 'string 2' }],
    [commands(...LINES).length, { '0 c': 'string 4', '2 a': 'string 3', '2 b': 'string 2' }],
  ]

  test('at any byte is cut at the last whole unit, and then appended to', async () => {
    const file = commands(...LINES)
    for (let length = 0; length <= file.length; length++) {
      // Every day around the ends of units, and every third byte elsewhere.
      const isNearEnd = units.some(([end]) => Math.abs(end - length) <= 1)
      if (process.env.SOAK === undefined && !isNearEnd && length % 3 !== 0) continue
      const disk = diskWith({ [FIRST]: file.slice(0, length) })
      const { engine, warnings, connect } = await start(disk)
      const [end, data] = units.findLast(([end]) => end <= length)!
      expect(dump(engine)).toEqual(data)
      expect(disk.powerCut().get(INCREMENT).toString()).toBe(file.slice(0, end))
      expect(warnings).toHaveLength(end === length ? 0 : 1)
      if (end !== length) expect(warnings[0]).toContain(`"offset":${end},"bytes":${length - end}`)
      connect().ask('SET', 'z', '9')
      expect(dump((await start(disk.copy())).engine)).toEqual({ ...data, '0 z': 'string 9' })
    }
  })

  test('is also cut in a base without increments', async () => {
    const whole = commands('SET a 1')
    const disk = diskWith({ [BASE]: `${whole}*3\r\n$3\r\nSE` })
    expect(dump((await start(disk)).engine)).toEqual({ '0 a': 'string 1' })
    expect(disk.get(`${DIRECTORY}/${BASE}`).toString()).toBe(whole)
  })

  test('of zeros, as a power cut leaves them, is cut', async () => {
    const file = commands('SET a 1', 'SET b 22222')
    const whole = commands('SET a 1').length
    for (let length = whole; length < file.length; length++) {
      const disk = diskWith({ [FIRST]: file.slice(0, length) + '\0'.repeat(5000) })
      expect(dump((await start(disk)).engine)).toEqual({ '0 a': 'string 1' })
      expect(disk.get(INCREMENT)).toHaveLength(whole)
    }
  })

  test('refuses the start with aof-load-truncated no, and the file stays as it is', async () => {
    const file = commands('SET a 1', 'SET b 2').slice(0, -1)
    const disk = diskWith({ [FIRST]: file })
    const error = await refusal(disk, { 'aof-load-truncated': 'no' })
    expect(error.file).toBe(INCREMENT)
    expect(error.offset).toBe(commands('SET a 1').length)
    expect(error.message).toContain('aof-load-truncated')
    expect(disk.get(INCREMENT)).toHaveLength(file.length)
  })

  test('in a file that is not the last one is damage', async () => {
    const disk = diskWith({ [FIRST]: commands('SET a 1', 'MULTI', 'SET b 2'), [SECOND]: commands('SET c 3') })
    const error = await refusal(disk)
    expect(error.file).toBe(INCREMENT)
    expect(error.offset).toBe(commands('SET a 1').length)
    expect(error.message).toContain('run respite check-aof --fix')
  })
})

describe('damage', () => {
  const whole = commands('SET a 1', 'SET b 2')
  const at = commands('SET a 1').length

  test.each([
    ['a missing star', `${commands('SET a 1')}3\r\n$3\r\nSET\r\n$1\r\nb\r\n$1\r\n2\r\n`, at],
    ['an inline command', `${commands('SET a 1')}SET b 2\r\n${whole}`, at],
    ['a word too long', `${commands('SET a 1')}*3\r\n$3\r\nSET\r\n$1\r\nbb\r\n$1\r\n2\r\n${whole}`, at + 18],
    ['a word too short', `${commands('SET a 1')}*3\r\n$4\r\nSET\r\n$1\r\nb\r\n$1\r\n2\r\n${whole}`, at + 12],
    ['no number', `${commands('SET a 1')}*x\r\n${whole}`, at + 1],
    ['a negative length', `${commands('SET a 1')}*1\r\n$-1\r\n${whole}`, at + 5],
    ['a command without words', `${commands('SET a 1')}*0\r\n${whole}`, at],
    ['a number that does not end', `${commands('SET a 1')}*${'1'.repeat(30)}\r\n${whole}`, at + 1],
    ['an unknown command', commands('SET a 1', 'NOSUCH x') + whole, at],
    ['a command that does not write', commands('SET a 1', 'GET a') + whole, at],
    ['a command with the wrong number of words', commands('SET a 1', 'SET a') + whole, at],
    ['an unknown database', commands('SET a 1', 'SELECT 16') + whole, at],
    ['EXEC without MULTI', commands('SET a 1', 'EXEC') + whole, at],
    ['MULTI in MULTI', commands('SET a 1', 'MULTI', 'MULTI') + whole, at + commands('MULTI').length],
    ['zeros in the middle', `${commands('SET a 1')}${'\0'.repeat(40)}${whole}`, at],
    ['an annotation without end', `${commands('SET a 1')}#${'x'.repeat(5000)}${whole}`, at],
  ])('%s refuses the start with file and offset', async (_what, file, offset) => {
    const disk = diskWith({ [FIRST]: file })
    const error = await refusal(disk)
    expect(error.file).toBe(INCREMENT)
    expect(error.offset).toBe(offset)
    expect(error.message).toContain('run respite check-aof --fix')
    expect(disk.get(INCREMENT).toString()).toBe(file)
  })

  test('a length that claims more than the file holds is no torn end when whole commands follow', async () => {
    const error = await refusal(diskWith({ [FIRST]: `*3\r\n$3\r\nSET\r\n$1\r\na\r\n$9999\r\n1\r\n${whole}` }))
    expect(error.offset).toBe(0)
    expect(error.message).toContain('whole ones follow')
  })

  test('any flipped bit either refuses the start or changes no more than a word', async () => {
    const file = commands('SELECT 1', 'SET key value', 'MULTI', 'SET a 1', 'SET b 2', 'EXEC', 'SET c 3', 'SET d 4')
    let refused = 0
    for (let i = 0; i < file.length; i++) {
      for (const bit of process.env.SOAK === undefined ? [i % 2 === 0 ? 1 : 128] : [1, 128]) {
        const bytes = Buffer.from(file, 'latin1')
        bytes[i]! ^= bit
        const disk = new MemoryDisk()
        putLog(disk, { [FIRST]: '' })
        disk.put(INCREMENT, bytes)
        try {
          const { engine } = await start(disk)
          expect(Object.keys(dump(engine)).length).toBeGreaterThanOrEqual(i < file.length - 40 ? 4 : 3)
        } catch (error) {
          expect(error).toBeInstanceOf(PersistenceError)
          refused++
        }
      }
    }
    expect(refused).toBeGreaterThan(file.length / 2)
  })

  test('a file that the manifest names and that is not there refuses the start', async () => {
    const disk = diskWith({ [FIRST]: commands('SET a 1'), [SECOND]: commands('SET b 2') })
    await disk.remove(INCREMENT)
    const error = await refusal(disk)
    expect(error.file).toBe(INCREMENT)
    expect(error.message).toContain('does not exist')
  })

  test('a damaged snapshot in front is refused by name', async () => {
    const disk = diskWith({ 'appendonly.aof.1.base.rdb': 'REDIS0011xyz', [FIRST]: commands('SET a 1') })
    const error = await refusal(disk)
    expect(error.file).toBe(`${DIRECTORY}/appendonly.aof.1.base.rdb`)
    expect(error.message).toContain('RDB')
  })

  test('a file that cannot be read refuses the start', async () => {
    const disk = diskWith({ [FIRST]: commands('SET a 1') })
    let reads = 0
    disk.fault = (operation, file) => (operation === 'read' && file === INCREMENT && ++reads === 3 ? 'EIO' : undefined)
    const error = await refusal(disk)
    expect(error.file).toBe(INCREMENT)
    expect(error.message).toContain('Input/output error')
  })
})
