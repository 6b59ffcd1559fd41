// Whose directory it is, and what an embedded broker finds there.

import { spawn } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type Broker, type BrokerOptions, openBroker, PersistenceError, startServer } from '../../src/index.ts'
import { library } from '../support/build.ts'
import { temporaryDirectory } from '../support/server.ts'
import { startServerProcess } from '../support/server-process.ts'

async function open(options: BrokerOptions): Promise<Broker> {
  const broker = await openBroker(options)
  onTestFinished(() => broker.close())
  return broker
}

const IN_USE = new RegExp(`the directory is in use by process ${process.pid} on `)

test('a directory is opened once at a time, by whatever name, and again when it was closed', async () => {
  const dir = temporaryDirectory()
  symlinkSync(dir, `${dir}.link`)
  onTestFinished(() => rmSync(`${dir}.link`))
  const first = await openBroker({ dir })
  await first.call('SET', 'a', 1)
  const ways = [
    () => openBroker({ dir }),
    () => openBroker({ dir: `${dir}.link` }),
    () => startServer({ port: 0, dir }),
  ]
  for (const open of ways) {
    const again = open()
    await expect(again).rejects.toThrow(PersistenceError)
    await expect(again).rejects.toThrow(IN_USE)
  }
  await first.call('SET', 'b', 1)
  await first.close()
  const second = await open({ dir })
  expect(await second.call('DBSIZE')).toBe(2)
})

test('of two that open a directory at once one gets it', async () => {
  const dir = temporaryDirectory()
  const outcomes = await Promise.allSettled([1, 2, 3, 4].map(() => openBroker({ dir })))
  const opened = outcomes.filter((outcome) => outcome.status === 'fulfilled')
  expect(opened).toHaveLength(1)
  await opened[0]!.value.close()
  expect(readdirSync(dir)).toEqual(['appendonlydir'])
})

test('a start that fails gives the directory back', async () => {
  const dir = temporaryDirectory()
  mkdirSync(join(dir, 'appendonlydir'))
  writeFileSync(join(dir, 'appendonlydir/appendonly.aof.1.incr.aof'), 'something')
  await expect(openBroker({ dir })).rejects.toThrow('--rebuild-manifest')
  rmSync(join(dir, 'appendonlydir'), { recursive: true })
  await (await openBroker({ dir })).close()
})

test('in memory no directory is claimed; saving, or turning the append-only file on, claims it then', async () => {
  const dir = temporaryDirectory()
  const config = { dir, save: '' }
  const [first, second] = [await open({ config }), await open({ config })]
  expect(readdirSync(dir)).toEqual([])
  await first.call('SET', 'a', 1)
  expect(await first.call('SAVE')).toBe('OK')
  expect(readdirSync(dir).sort()).toEqual(['dump.rdb', 'respite.lock'])
  await expect(second.call('SAVE')).rejects.toThrow('ERR')
  await first.close()
  expect(await second.call('SAVE')).toBe('OK')
})

test.each([
  ['a file in the way', 'file', /file: the data directory .* cannot be used: Not a directory\. Make it/],
  ['a file above it', 'file/below', /cannot be used: Not a directory/],
])('a directory that cannot be made is a PersistenceError with the path: %s', async (_what, name, reason) => {
  const directory = temporaryDirectory()
  writeFileSync(join(directory, 'file'), '')
  const dir = join(directory, name)
  for (const open of [() => openBroker({ dir }), () => startServer({ port: 0, dir })]) {
    const opening = open()
    await expect(opening).rejects.toThrow(PersistenceError)
    await expect(opening).rejects.toThrow(reason)
    await expect(opening).rejects.toThrow(dir)
  }
})

test('a dump.rdb alone is loaded, and kept in the append-only file from then on', async () => {
  const dir = temporaryDirectory()
  const before = await openBroker({ appendonly: false, config: { dir } })
  await before.call('SET', 'a', 1)
  await before.call('SAVE')
  await before.close()
  const first = await openBroker({ dir })
  expect(await first.call('GET', 'a')).toBe('1')
  expect(first.loaded.keys).toBe(1)
  await first.call('INCR', 'a')
  await first.close()
  rmSync(join(dir, 'dump.rdb'))
  const second = await open({ dir })
  expect(await second.call('GET', 'a')).toBe('2')
})

test('a server process that was killed does not keep its directory from the next; one that lives does', async () => {
  const dir = temporaryDirectory()
  const first = await startServerProcess({ port: 0, dir, appendfsync: 'always' })
  onTestFinished(async () => {
    first.child.kill('SIGKILL')
    await first.exited
  })
  await expect(openBroker({ dir })).rejects.toThrow(`in use by process ${first.child.pid}`)
  first.child.kill('SIGKILL')
  await first.exited
  const started = performance.now()
  await (await openBroker({ dir })).close()
  // It is not watched first.
  expect(performance.now() - started).toBeLessThan(5000)
})

test('a program that ends without closing leaves no lock', async () => {
  const dir = temporaryDirectory()
  const index = JSON.stringify(library())
  const script = `import { openBroker } from ${index}
    await openBroker({ dir: ${JSON.stringify(dir)} })
    process.exit(3)`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script])
  expect(await new Promise((resolve) => child.once('close', resolve))).toBe(3)
  expect(readdirSync(dir)).toEqual(['appendonlydir'])
})
