// The disk refusing any one call of each longer undertaking: starting, saving, rewriting, turning the log on and off.
//
// What must hold: a start that fails changes nothing for the next one; everything
// acknowledged under `always` is there after a kill and after a power cut.

import { describe, expect, test } from 'vitest'
import { PersistenceError } from '../../src/persistence/errors.ts'
import { Manifest } from '../../src/persistence/log/manifest.ts'
import { dump } from '../support/dump.ts'
import type { TestClient } from '../support/engine.ts'
import { commands, DIRECTORY, MANIFEST, start } from '../support/journal.ts'
import { type MemoryDisk, settled } from '../support/memory-disk.ts'
import { type SavingEngine, startSaving } from '../support/saving.ts'

const ALWAYS = { appendonly: 'yes', appendfsync: 'always' }
const FAULTS = ['EIO', 'ENOSPC', 'short'] as const

/** Has the disk's call number `n` from now on fail, reading included, and the `times` - 1 after it; tells whether it came to that. */
function failCall(disk: MemoryDisk, n: number, code: string, times = 1): () => boolean {
  let calls = 0
  disk.fault = () => (++calls >= n && calls < n + times ? code : undefined)
  return () => calls >= n
}

async function acknowledged(client: TestClient, ...words: string[]): Promise<string> {
  let reply = client.ask(...words)
  for (let i = 0; reply === '' && i < 20; i++) {
    await settled()
    reply = client.received()
  }
  return reply
}

/** A directory that has everything: a base, a history to remove, two increments, a torn end. */
async function everything(): Promise<{ disk: MemoryDisk; data: Record<string, string> }> {
  const started = await startSaving({ settings: ALWAYS })
  const { connect, disk, engine, finish } = started
  const client = connect()
  await acknowledged(client, 'RPUSH', 'list', ...Array.from({ length: 300 }, (_, i) => `${i}`))
  await acknowledged(client, 'SET', 'text', 'x'.repeat(100_000))
  await acknowledged(client, 'XADD', 'stream', '1-1', 'f', 'v')
  client.ask('BGREWRITEAOF')
  await finish()
  await acknowledged(client, 'SET', 'behind', '1')
  const data = dump(engine)
  const files = disk.copy()
  const manifest = files.get(MANIFEST).toString()
  const torn = commands('SET a 1').slice(0, -3)
  files.put(`${DIRECTORY}/appendonly.aof.3.incr.aof`, torn)
  files.put(`${DIRECTORY}/old`, 'whatever')
  files.put(MANIFEST, `${manifest}file old seq 1 type h\nfile appendonly.aof.3.incr.aof seq 3 type i\n`)
  return { disk: files, data }
}

async function outcome(disk: MemoryDisk): Promise<PersistenceError | undefined> {
  try {
    const { aof } = await start(disk)
    disk.heal()
    await aof.close()
    return undefined
  } catch (error) {
    expect(error).toBeInstanceOf(PersistenceError)
    return error as PersistenceError
  }
}

async function replayed(disk: MemoryDisk): Promise<Record<string, string>> {
  const { aof, engine } = await start(disk)
  await aof.close()
  return dump(engine)
}

describe('a start', () => {
  test.each(FAULTS)(
    'with any one call failing (%s) is refused by name or succeeds, and the next finds everything',
    async (code) => {
      const { disk: files, data } = await everything()
      let refused = 0
      for (let n = 1; ; n++) {
        const disk = files.copy()
        const reached = failCall(disk, n, code)
        const error = await outcome(disk)
        if (error !== undefined) {
          refused++
          expect(error.file, `${n}`).toMatch(/^\/data/)
          expect(error.advice, `${n}`).not.toBe('')
        }
        disk.heal()
        for (const after of [disk.copy(), disk.powerCut(), disk.powerCut(7)])
          expect(await replayed(after), `${n}`).toEqual(data)
        if (!reached()) break
      }
      if (code !== 'short') expect(refused).toBeGreaterThan(15)
    },
  )

  test('from dump.rdb with any one call failing is refused, and never empty', async () => {
    const { connect, disk, engine, finish } = await startSaving()
    const client = connect()
    for (let i = 0; i < 50; i++) client.ask('SET', `key ${i}`, `${i}`.repeat(5000))
    client.ask('BGSAVE')
    await finish()
    const data = dump(engine)
    let refused = 0
    for (let n = 1; ; n++) {
      const copy = disk.copy()
      const reached = failCall(copy, n, 'EIO')
      const found = await startSaving({ disk: copy }).then(
        (again) => dump(again.engine),
        (error) => error as unknown,
      )
      if (found instanceof Error) {
        expect(found, `${n}`).toBeInstanceOf(PersistenceError)
        refused++
      } else expect(found, `${n}`).toEqual(data)
      if (!reached()) break
    }
    expect(refused).toBeGreaterThan(1)
  })
})

describe('a manifest', () => {
  test('cut in the middle of a line refuses the start', async () => {
    const { disk: files } = await everything()
    const manifest = files.get(MANIFEST)
    for (let length = 0; length < manifest.length; length++) {
      const disk = files.copy()
      disk.put(MANIFEST, manifest.subarray(0, length))
      // At a line's end it is another manifest: replacing it at one stroke is what keeps that from happening.
      if (length > 0 && manifest[length - 1] === 10) continue
      expect(await outcome(disk), `${length}`).toBeInstanceOf(PersistenceError)
      expect(disk.files, `${length}`).toEqual(files.files)
    }
  })

  test('with any bit flipped refuses the start, or says the same, but for one letter', () => {
    const text =
      'file appendonly.aof.2.base.rdb seq 2 type b\n' +
      'file appendonly.aof.1.incr.aof seq 1 type h\n' +
      'file appendonly.aof.2.incr.aof seq 2 type i\n' +
      'file appendonly.aof.3.incr.aof seq 3 type i\n'
    const bytes = Buffer.from(text, 'latin1')
    const { names, parts } = Manifest.parse(bytes, MANIFEST)
    const unnoticed: string[] = []
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const flipped = Buffer.from(bytes)
      flipped[bit >> 3]! ^= 1 << (bit & 7)
      let found: Manifest
      try {
        found = Manifest.parse(flipped, MANIFEST)
      } catch (error) {
        expect(error).toBeInstanceOf(PersistenceError)
        continue
      }
      // A name of no file refuses the start later.
      if (found.parts.some(({ name }) => !names.has(name))) continue
      if (found.parts.map(({ name }) => name).join() === parts.map(({ name }) => name).join()) continue
      const line = text.slice(0, bit >> 3).split('\n').length
      unnoticed.push(`${line}: ${flipped.toString('latin1').split('\n')[line - 1]}`)
    }
    // There is no checksum in it, here as in Redis: `i` and `h` differ in one bit.
    expect(unnoticed).toEqual([
      '2: file appendonly.aof.1.incr.aof seq 1 type i',
      '3: file appendonly.aof.2.incr.aof seq 2 type h',
      '4: file appendonly.aof.3.incr.aof seq 3 type h',
    ])
  })
})

describe('SAVE and BGSAVE', () => {
  test.each(['SAVE', 'BGSAVE'].flatMap((command) => FAULTS.map((code) => [command, code] as const)))(
    '%s with any call failing (%s) says so, and leaves the old snapshot or the new one',
    async (command, code) => {
      let failures = 0
      for (let n = 1; ; n++) {
        const { connect, disk, engine, finish } = await startSaving()
        const client = connect()
        client.ask('SET', 'k', 'old')
        client.ask('SAVE')
        await finish()
        client.received()
        client.ask('SET', 'k', 'new')
        client.ask('SET', 'big', 'x'.repeat(300_000))
        const reached = failCall(disk, n, code)
        client.ask(command)
        await finish()
        disk.heal()
        const { lastSaveOk } = engine.parts.saving!.status
        const failed = command === 'SAVE' ? client.received() !== '+OK\r\n' : !lastSaveOk
        // A SAVE that failed is told to whoever asked, and to nobody else.
        if (command === 'SAVE') expect(lastSaveOk, `${n}`).toBe(true)
        if (failed) failures++
        for (const after of [disk.copy(), disk.powerCut(), disk.powerCut(11)]) {
          const found = dump((await startSaving({ disk: after })).engine)
          expect(['string old', 'string new'], `${n}`).toContain(found['0 k'])
          if (!failed) expect(found, `${n}`).toEqual(dump(engine))
        }
        if (!reached()) break
      }
      if (code === 'short') expect(failures).toBe(0)
      else expect(failures).toBeGreaterThan(4)
    },
  )
})

describe('a rewrite', () => {
  test('of which any write is cut short succeeds all the same', async () => {
    for (let n = 1; ; n++) {
      const started = await startSaving({ settings: ALWAYS })
      const { connect, disk, engine, finish } = started
      const client = connect()
      await acknowledged(client, 'SET', 'text', 'x'.repeat(300_000))
      await acknowledged(client, 'RPUSH', 'list', 'a', 'b')
      const reached = failCall(disk, n, 'short')
      client.ask('BGREWRITEAOF')
      client.ask('RPUSH', 'list', 'c')
      await finish()
      disk.heal()
      expect(engine.parts.saving!.status.lastRewriteOk, `${n}`).toBe(true)
      expect(await replayed(disk.powerCut()), `${n}`).toEqual(dump(engine))
      if (!reached()) break
    }
  })
})

describe('CONFIG SET appendonly', () => {
  /** A log that was turned off: `k` has moved on since. */
  async function turnedOff(): Promise<SavingEngine & { client: TestClient }> {
    const started = await startSaving({ settings: ALWAYS })
    const client = started.connect()
    await acknowledged(client, 'SET', 'k', 'logged')
    client.ask('CONFIG', 'SET', 'appendonly', 'no')
    await started.finish()
    client.ask('SET', 'k', 'unlogged')
    return { ...started, client }
  }

  test.each(FAULTS)(
    'yes with any call failing (%s) is done in the end; until then the old log is whole',
    async (code) => {
      for (let n = 1; ; n++) {
        const { client, clock, disk, engine, finish, saving } = await turnedOff()
        const reached = failCall(disk, n, code)
        expect(client.ask('CONFIG', 'SET', 'appendonly', 'yes')).toBe('+OK\r\n')
        for (let tries = 0; tries < 5; tries++) {
          await finish()
          if (saving.status.lastRewriteOk && !saving.status.rewriteScheduled) break
          for (const after of [disk.copy(), disk.powerCut()]) {
            expect(['string logged', 'string unlogged'], `${n}`).toContain((await replayed(after))['0 k'])
          }
          clock.advance(2000)
        }
        disk.heal()
        clock.advance(2000)
        await finish()
        client.received()
        expect(await acknowledged(client, 'SET', 'after', '1'), `${n}`).toBe('+OK\r\n')
        expect(await replayed(disk.powerCut()), `${n}`).toEqual(dump(engine))
        if (!reached()) break
      }
    },
  )

  test('yes with the process or the power ending at any call leaves the old log or the new one', async () => {
    const { client, disk, finish } = await turnedOff()
    const crashes: MemoryDisk[] = []
    disk.fault = () => {
      crashes.push(disk.copy(), disk.powerCut(), disk.powerCut(9))
      return undefined
    }
    client.ask('CONFIG', 'SET', 'appendonly', 'yes')
    await finish()
    const found = new Set<string | undefined>()
    for (const crash of crashes) found.add((await replayed(crash))['0 k'])
    expect([...found]).toEqual(['string logged', 'string unlogged'])
  })

  test.each(FAULTS)('no with any call failing (%s) serves all clients, and the log is what it was', async (code) => {
    for (let n = 1; ; n++) {
      const { connect, clock, disk, finish } = await startSaving({ settings: ALWAYS })
      const client = connect()
      await acknowledged(client, 'RPUSH', 'list', 'a')
      const reached = failCall(disk, n, code, 2)
      client.ask('RPUSH', 'list', 'b')
      expect(connect().ask('CONFIG', 'SET', 'appendonly', 'no')).toBe('+OK\r\n')
      await finish()
      clock.advance(2000)
      await finish()
      disk.heal()
      expect(client.received(), `${n}`).toBe(':2\r\n')
      expect(await acknowledged(client, 'RPUSH', 'list', 'c'), `${n}`).toBe(':3\r\n')
      const list = (await replayed(disk.copy()))['0 list']
      expect(list, `${n}`).toMatch(/\r\na\r\n(\$1\r\nb\r\n)?$/)
      if (!reached()) break
    }
  })

  test.each([0, 1, 2, 5, 20])(
    'yes, and the server ending %i turns later: it makes the first base before',
    async (turns) => {
      const { client, disk, engine, saving, slice } = await turnedOff()
      for (let i = 0; i < 300; i++) client.ask('SET', `key ${i}`, 'x'.repeat(2000))
      client.ask('CONFIG', 'SET', 'appendonly', 'yes')
      for (let i = 0; i < turns; i++) {
        await new Promise((resolve) => setImmediate(resolve))
        if (i % 3 === 0) slice()
      }
      const pump = setInterval(slice, 1)
      await saving.close()
      clearInterval(pump)
      expect(await replayed(disk.powerCut())).toEqual(dump(engine))
    },
  )

  test('yes, while a snapshot is made, and the server ending: the log comes first', async () => {
    const { client, disk, engine, saving, slice } = await turnedOff()
    client.ask('BGSAVE')
    client.ask('CONFIG', 'SET', 'appendonly', 'yes')
    const pump = setInterval(slice, 1)
    await saving.close()
    clearInterval(pump)
    expect(await replayed(disk.powerCut())).toEqual(dump(engine))
  })

  test('yes, and the server ending on a disk that refuses: the client that ends it gets an error', async () => {
    const { client, disk, saving, slice } = await turnedOff()
    disk.fault = (operation) => (operation === 'rename' ? 'EIO' : undefined)
    client.ask('CONFIG', 'SET', 'appendonly', 'yes')
    const pump = setInterval(slice, 1)
    await expect(saving.close()).rejects.toThrow('the append-only file that was turned on could not be made')
    clearInterval(pump)
    expect(await replayed(disk.copy())).toEqual({ '0 k': 'string logged' })
  })
})
