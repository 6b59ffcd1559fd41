// Somebody else at the append-only file while a server writes to it: another server, a script, an operator's mistake.
//
// What must hold: nobody's bytes are overwritten or cut off, and within a second writes are refused instead of being
// acknowledged to a file that nobody will load.

import { appendFileSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { systemDisk } from '../../src/persistence/disk/disk.ts'
import { dump } from '../support/dump.ts'
import { commands, DIRECTORY, INCREMENT, MANIFEST, start } from '../support/journal.ts'
import { MemoryDisk, settled } from '../support/memory-disk.ts'
import { startSaving } from '../support/saving.ts'
import { eventually, temporaryDirectory } from '../support/server.ts'

const OK = '+OK\r\n'
const REFUSED = /^-MISCONF Errors writing to the AOF file: the append-only file was .* by another process\r\n$/

/** Whoever writes to a file without asking. */
async function append(disk: MemoryDisk, text: string): Promise<void> {
  const file = await disk.openToAppend(INCREMENT)
  file.appendSync(Buffer.from(text), 0, text.length)
}

describe('two servers that write to one file', () => {
  test('overwrite nothing, and refuse writes within a second', async () => {
    const disk = new MemoryDisk()
    const [first, second] = [await start(disk), await start(disk)]
    for (let i = 0; i < 50; i++) {
      expect(first.connect().ask('RPUSH', 'first', `${i}`)).toMatch(/^:/)
      expect(second.connect().ask('RPUSH', 'second', `${i}`)).toMatch(/^:/)
    }
    for (const { clock, connect, warnings } of [first, second]) {
      clock.advance(1000)
      await settled()
      expect(connect().ask('SET', 'more', '1')).toMatch(REFUSED)
      expect(connect().ask('LLEN', 'first')).toMatch(/^:/)
      expect(warnings.at(-1)).toContain('Stop the other process that writes to it, then restart this server')
    }
    const data = dump((await start(disk.copy())).engine)
    for (const list of ['first', 'second']) expect(data[`0 ${list}`]).toMatch(/^list \*50\r\n/)
  })

  test('a group of which half was written is cut off again, but nothing behind it', async () => {
    const disk = new MemoryDisk()
    const { connect, clock } = await start(disk)
    connect().ask('SET', 'a', '1')
    const before = disk.get(INCREMENT)
    let writes = 0
    disk.fault = (operation) => {
      if (operation === 'truncate') return 'EIO'
      if (operation === 'write') return ++writes === 1 ? 'short' : 'ENOSPC'
      return undefined
    }
    expect(connect().ask('SET', 'b', '22222222')).toBe('')
    await settled()
    disk.heal()
    const half = disk.get(INCREMENT)
    expect(half.length).toBeGreaterThan(before.length)
    const foreign = commands('SET foreign 1')
    await append(disk, foreign)
    clock.advance(1000)
    await settled()
    expect(connect().ask('SET', 'c', '1')).toMatch(REFUSED)
    expect(disk.get(INCREMENT).toString()).toBe(half.toString() + foreign)
  })

  test('one that begins to write while the file is loaded refuses the start', async () => {
    const disk = new MemoryDisk()
    const { connect, aof } = await start(disk)
    connect().ask('SET', 'a', '1')
    await aof.close()
    let done = false
    disk.fault = (operation, file) => {
      if (operation === 'open' && file === INCREMENT && !done) {
        done = true
        void append(disk, commands('SET b 1'))
      }
      return undefined
    }
    await expect(start(disk)).rejects.toThrow(/another process wrote to the file while it was loaded/)
    disk.heal()
    expect(Object.keys(dump((await start(disk)).engine))).toEqual(['0 a', '0 b'])
  })

  test('one that lost the directory writes no more, and says that at its end', async () => {
    const disk = new MemoryDisk()
    const { connect, aof, journal } = await start(disk)
    expect(connect().ask('SET', 'a', '1')).toBe(OK)
    journal.disown()
    expect(connect().ask('SET', 'b', '1')).toBe(
      '-MISCONF Errors writing to the AOF file: the append-only file was taken over by another process\r\n',
    )
    const before = disk.get(INCREMENT)
    await expect(aof.close()).rejects.toThrow('taken over by another process')
    expect(disk.get(INCREMENT)).toEqual(before)
  })

  test('at the end of one it is told', async () => {
    const disk = new MemoryDisk()
    const { connect, aof } = await start(disk)
    connect().ask('SET', 'a', '1')
    await append(disk, commands('SET b 1'))
    await expect(aof.close()).rejects.toThrow('written to by another process')
  })
})

describe('on a real disk', () => {
  /** Changes the files under a running server, and has it write everything anew from memory. */
  test.each([
    ['the directory removed', (dir: string) => rmSync(join(dir, 'appendonlydir'), { recursive: true })],
    ['the directory moved', (dir: string) => renameSync(join(dir, 'appendonlydir'), join(dir, '.aside'))],
    ['the file truncated', (dir: string) => truncateSync(join(dir, 'appendonlydir/appendonly.aof.1.incr.aof'), 10)],
  ])('%s: writes are refused, and appendonly no, then yes, saves what is in memory', async (_what, change) => {
    const dir = temporaryDirectory()
    const { clock, connect, engine, finish, saving, warnings } = await startSaving({
      realDisk: systemDisk,
      settings: { dir, appendonly: 'yes' },
    })
    const client = connect()
    expect(client.ask('SET', 'a', '1')).toBe(OK)
    change(dir)
    expect(client.ask('SET', 'b', '1')).toBe(OK)
    clock.advance(1000)
    await eventually(() => engine.effects.durability.progress.failure, 'the change to be noticed')
    expect(client.ask('SET', 'c', '1')).toMatch(REFUSED)
    expect(client.ask('GET', 'b')).toBe('$1\r\n1\r\n')
    expect(warnings.at(-1)).toContain('CONFIG SET appendonly no, then yes')
    expect(client.ask('CONFIG', 'SET', 'appendonly', 'no')).toBe(OK)
    expect(client.ask('CONFIG', 'SET', 'appendonly', 'yes')).toBe(OK)
    await eventually(async () => {
      await finish()
      clock.advance(600)
      return !saving.status.rewriteScheduled && saving.busyWith === 'nothing' && saving.journal !== undefined
    }, 'the new base')
    expect(client.ask('SET', 'c', '1')).toBe(OK)
    await saving.close()
    const again = await startSaving({ realDisk: systemDisk, settings: { dir, appendonly: 'yes' } })
    expect(Object.keys(dump(again.engine))).toEqual(['0 a', '0 b', '0 c'])
    await again.saving.close()
  })

  test('bytes that another process appended lie behind, and those of this process lie behind them', async () => {
    const file = join(temporaryDirectory(), 'f')
    const open = await systemDisk.openToAppend(file)
    const word = Buffer.from('own')
    expect(open.appendSync(word, 0, 3)).toBe(3)
    appendFileSync(file, 'other')
    expect(await open.append(word, 0, 3)).toBe(3)
    expect(await open.write(Buffer.from('OWN'), 0, 3, 0)).toBe(3)
    expect(readFileSync(file, 'latin1')).toBe('OWNotherown')
    expect(await open.isInPlace()).toBe(true)
    renameSync(file, `${file}.1`)
    expect(await open.isInPlace()).toBe(false)
    await open.close()
  })

  test('a directory is made with its parents; where that cannot be the reason is given, and nothing hangs', async () => {
    const dir = temporaryDirectory()
    await systemDisk.makeDirectory(join(dir, 'a/b/c'))
    await systemDisk.makeDirectory(join(dir, 'a/b/c'))
    expect(readdirSync(join(dir, 'a/b'))).toEqual(['c'])
    await (await systemDisk.open(join(dir, 'file'), 'new')).close()
    await expect(systemDisk.makeDirectory(join(dir, 'file'))).rejects.toMatchObject({ code: 'ENOTDIR' })
    await expect(systemDisk.makeDirectory(join(dir, 'file/below/it'))).rejects.toMatchObject({ code: 'ENOTDIR' })
    if (process.platform === 'linux')
      await expect(systemDisk.makeDirectory('/proc/nowhere/at/all')).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

describe('a start', () => {
  const log = commands('SELECT 0', 'SET k v')

  /** What is there is refused, and stays what it was. */
  async function refused(files: Record<string, string>, reason: RegExp): Promise<void> {
    const disk = new MemoryDisk()
    for (const [name, content] of Object.entries(files)) disk.put(name, content)
    const before = disk.copy()
    await expect(start(disk)).rejects.toThrow(reason)
    expect(disk.files).toEqual(before.files)
    for (const name of before.files) expect(disk.get(name), name).toEqual(before.get(name))
  }

  test('without the manifest, but with its files, is refused and cuts nothing', async () => {
    await refused(
      { [INCREMENT]: log },
      /manifest: the manifest is missing, but there are files of a log: appendonly\.aof\.1\.incr\.aof.*--rebuild-manifest/,
    )
  })

  test('under another appendfilename is refused, saying which', async () => {
    await refused(
      {
        [`${DIRECTORY}/old.aof.manifest`]: 'file old.aof.1.incr.aof seq 1 type i\n',
        [`${DIRECTORY}/old.aof.1.incr.aof`]: log,
      },
      /there is no appendonly\.aof\.manifest in it, but old\.aof\.manifest\. Set appendfilename to 'old\.aof'/,
    )
  })

  test('under another appenddirname is refused, saying which', async () => {
    await refused(
      { '/data/aof/appendonly.aof.manifest': 'file a seq 1 type i\n', '/data/aof/a': log },
      /there is no log in it, but one in \/data\/aof\. Set appenddirname to 'aof'/,
    )
  })

  test('with an increment in the middle that no line names is refused', async () => {
    const part = (n: number): string => `${DIRECTORY}/appendonly.aof.${n}.incr.aof`
    await refused(
      {
        [MANIFEST]: [1, 3].map((n) => `file appendonly.aof.${n}.incr.aof seq ${n} type i\n`).join(''),
        [part(1)]: log,
        [part(2)]: log,
        [part(3)]: '',
      },
      /names increments before and after appendonly\.aof\.2\.incr\.aof/,
    )
  })

  test('with an increment in the middle that is not there is refused', async () => {
    await refused(
      { [MANIFEST]: 'file a seq 1 type i\nfile b seq 2 type i\n', [`${DIRECTORY}/b`]: log },
      /appendonlydir\/a: the manifest names this file, but it does not exist/,
    )
  })

  test('leaves files that no manifest names, says so, and uses none of their names', async () => {
    const disk = new MemoryDisk()
    disk.put(MANIFEST, 'file appendonly.aof.1.incr.aof seq 1 type i\n')
    disk.put(INCREMENT, log)
    const strangers = ['appendonly.aof.1.base.rdb', 'appendonly.aof.2.incr.aof'].map((name) => `${DIRECTORY}/${name}`)
    for (const name of strangers) disk.put(name, 'something')
    const { connect, finish, warnings } = await startSaving({ disk, settings: { appendonly: 'yes' } })
    expect(warnings).toEqual([expect.stringContaining('files that the manifest does not name are left as they are')])
    connect().ask('BGREWRITEAOF')
    await finish()
    expect(disk.get(MANIFEST).toString()).toContain('2.base.rdb')
    for (const name of strangers) expect(disk.get(name).toString()).toBe('something')
  })

  test('with appendonly no, and yes later, leaves the files that it did not load', async () => {
    const disk = new MemoryDisk()
    disk.put(MANIFEST, 'file appendonly.aof.1.incr.aof seq 1 type i\n')
    disk.put(INCREMENT, log)
    const { connect, finish, warnings } = await startSaving({ disk })
    const client = connect()
    client.ask('SET', 'new', '1')
    client.ask('CONFIG', 'SET', 'appendonly', 'yes')
    await finish()
    expect(warnings).toEqual([expect.stringContaining('that were replaced, but never loaded, are left there')])
    expect(disk.get(INCREMENT).toString()).toBe(log)
    expect(Object.keys(dump((await start(disk.copy())).engine))).toEqual(['0 new'])
  })
})

describe('a start with dump.rdb', () => {
  async function snapshot(): Promise<{ disk: MemoryDisk; data: Record<string, string> }> {
    const { connect, disk, engine, finish } = await startSaving({ settings: { save: '' } })
    const client = connect()
    client.ask('SET', 'k', 'v')
    client.ask('RPUSH', 'list', 'a', 'b')
    client.ask('SELECT', '3')
    client.ask('SET', 'volatile', 'v', 'PX', '100000')
    client.ask('FUNCTION', 'LOAD', "#!lua name=l\nredis.register_function('f', function() return 1 end)")
    client.ask('SAVE')
    await finish()
    return { disk, data: dump(engine) }
  }

  test.each(['yes', 'no'])(
    'alone loads it, and makes it the first base (aof-use-rdb-preamble %s)',
    async (preamble) => {
      const { disk, data } = await snapshot()
      const settings = { appendonly: 'yes', 'aof-use-rdb-preamble': preamble }
      const first = await startSaving({ disk, settings })
      expect(dump(first.engine)).toEqual(data)
      expect(first.connect().ask('FCALL', 'f', '0')).toBe(':1\r\n')
      expect(first.connect().ask('SET', 'after', '1')).toBe(OK)
      expect(first.engine.data.dataset.expiry).toBe('remove')
      await first.saving.close()
      const again = await startSaving({ disk: disk.powerCut(), settings })
      expect(dump(again.engine)).toEqual({ ...data, '0 after': 'string 1' })
      expect(again.connect().ask('FCALL', 'f', '0')).toBe(':1\r\n')
      expect(disk.files).toContain('/data/dump.rdb')
    },
  )

  test('interrupted anywhere, or failing anywhere, is repeated by the next one', async () => {
    const { disk: files, data } = await snapshot()
    const crashes: MemoryDisk[] = []
    const disk = files.copy()
    disk.fault = () => {
      crashes.push(disk.copy(), disk.powerCut(), disk.powerCut(9))
      return undefined
    }
    await startSaving({ disk, settings: { appendonly: 'yes' } })
    expect(crashes.length).toBeGreaterThan(60)
    for (const crash of crashes) {
      expect(dump((await startSaving({ disk: crash, settings: { appendonly: 'yes' } })).engine)).toEqual(data)
    }
    for (let n = 1; ; n++) {
      const failing = files.copy()
      let calls = 0
      failing.fault = () => (++calls === n ? 'EIO' : undefined)
      await startSaving({ disk: failing, settings: { appendonly: 'yes' } }).catch(() => {})
      failing.heal()
      expect(dump((await startSaving({ disk: failing, settings: { appendonly: 'yes' } })).engine)).toEqual(data)
      if (calls < n) break
    }
  })

  test('and an append-only file with data leaves it, and says so', async () => {
    const { disk } = await snapshot()
    disk.put(MANIFEST, 'file appendonly.aof.1.incr.aof seq 1 type i\n')
    disk.put(INCREMENT, commands('SELECT 0', 'SET newer 1'))
    const { engine } = await startSaving({ disk, settings: { appendonly: 'yes' } })
    expect(dump(engine)).toEqual({ '0 newer': 'string 1' })
  })
})
