// `respite audit` on data directories without a server, good and damaged, and on one that a server
// holds.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { runAudit } from '../../src/cli/audit.ts'
import { systemDisk } from '../../src/persistence/disk/disk.ts'
import type { Terminal } from '../../src/prover/terminal.ts'
import { Bytes } from '../../src/util/bytes/bytes.ts'
import { commands } from '../support/journal.ts'
import { type SavingEngine, startSaving } from '../support/saving.ts'
import { eventually, startTestServer, temporaryDirectory } from '../support/server.ts'

let directory: string
let printed: string[]
const terminal: Terminal = { print: (line) => void printed.push(line), confirm: async () => false }

beforeEach(() => {
  directory = temporaryDirectory()
  printed = []
})

const audit = (...args: string[]): Promise<number> => runAudit(['--dir', directory, ...args], terminal)

/** Runs an engine on the directory, and keeps the log before a rewrite beside the one after it. */
function startThere(): Promise<SavingEngine> {
  const settings = { dir: directory, appendonly: 'yes', 'aof-disable-auto-gc': 'yes' }
  return startSaving({ realDisk: systemDisk, settings })
}

/** A directory after a rewrite; `damage` changes memory just before that. */
async function rewritten(damage: (started: SavingEngine) => void = () => {}): Promise<void> {
  const started = await startThere()
  const client = started.connect()
  client.ask('SET', 'string', 'value')
  client.ask('HSET', 'hash', 'f', 'one', 'g', 'two')
  client.ask('HPEXPIRE', 'hash', '100000', 'FIELDS', '1', 'g')
  client.ask('SET', 'fleeting', 'v', 'PX', '100')
  client.ask('SELECT', '2')
  client.ask('RPUSH', 'list', 'a', 'b')
  started.clock.advance(200)
  damage(started)
  client.ask('BGREWRITEAOF')
  for (let i = 0; i < 2000 && started.saving.status.lastRewriteSeconds === -1; i++) {
    await new Promise((resolve) => setTimeout(resolve, 1))
    started.slice()
  }
  expect(started.warnings).toEqual([])
  client.ask('APPEND', 'list 2', 'more')
  await started.saving.close()
  started.engine.stop()
}

function contents(folder = directory): Record<string, string> {
  const found: Record<string, string> = {}
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile())
      found[join(entry.parentPath, entry.name)] = readFileSync(join(entry.parentPath, entry.name), 'latin1')
  }
  return found
}

describe('a directory that no server uses', () => {
  test('whose files agree: 0, and nothing in it is changed', async () => {
    await rewritten()
    const before = contents()
    expect(await audit(), printed.join('\n')).toBe(0)
    expect(printed[0]).toMatch(/^Compared the log before the last rewrite \(.*\): 3 keys, 0 differ\.$/)
    expect(printed.at(-1)).toBe('No difference was found.')
    expect(contents()).toEqual(before)
  })

  test('whose memory was damaged before the last rewrite: 1, and the keys are named', async () => {
    await rewritten(({ engine }) => {
      const db = engine.databases[0]!
      const value = db.strings.read(db.keys.find(Bytes.from('string')), new Bytes())
      value.source.u8[value.start]! ^= 1
    })
    expect(await audit()).toBe(1)
    expect(printed.slice(0, 2)).toEqual([
      expect.stringMatching(/^Compared the log before .*: 3 keys, 1 differ\.$/),
      '  database 0, key "string": the value differs',
    ])
    expect(printed.at(-1)).toBe('There are differences.')
  })

  test('says so when the log from before the rewrite is gone', async () => {
    const log = join(directory, 'appendonlydir')
    await systemDisk.makeDirectory(log)
    writeFileSync(join(log, 'appendonly.aof.manifest'), 'file appendonly.aof.1.incr.aof seq 1 type i\n')
    writeFileSync(join(log, 'appendonly.aof.1.incr.aof'), `${commands('SET k v')}*2\r\n$3\r\nS`)
    const before = contents()
    expect(await audit()).toBe(0)
    expect(printed.join('\n')).toContain('Not compared: the log from before the last rewrite is not there any more')
    // Its torn end is left to the next start.
    expect(contents()).toEqual(before)
  })

  test('compares dump.rdb with the log when both are of the same offset of one history', async () => {
    const id = 'a'.repeat(40)
    const text = (word: string): string => String.fromCharCode(word.length) + word
    const about = (name: string, value: string): string => `\xfa${text(name)}${text(value)}`
    const put = (offset: number, value: string): void => {
      const fields = about('ctime', '1700000000') + about('repl-id', id) + about('repl-offset', String(offset))
      const content = `REDIS0010${fields}\xfe\x00\xfb\x01\x00\x00${text('k')}${text(value)}\xff${'\0'.repeat(8)}`
      writeFileSync(join(directory, 'dump.rdb'), Buffer.from(content, 'latin1'))
    }
    const log = join(directory, 'appendonlydir')
    await systemDisk.makeDirectory(log)
    writeFileSync(join(log, 'appendonly.aof.manifest'), 'file appendonly.aof.1.incr.aof seq 1 type i\n')
    writeFileSync(join(log, 'appendonly.aof.1.incr.aof'), `${commands('SET k value')}#HISTORY:${id}:70:0\r\n`)
    put(70, 'value')
    expect(await audit(), printed.join('\n')).toBe(0)
    expect(printed.join('\n')).toMatch(/Compared the log with the snapshot of the same moment .*: 1 keys, 0 differ/)
    put(70, 'valuf')
    printed = []
    expect(await audit()).toBe(1)
    expect(printed).toContain('  database 0, key "k": the value differs')
    put(71, 'valuf')
    printed = []
    expect(await audit()).toBe(0)
    expect(printed.join('\n')).toContain('dump.rdb was not compared')
    writeFileSync(join(directory, 'alone'), readFileSync(join(directory, 'dump.rdb')))
    printed = []
    expect(await audit('--appenddirname', 'none', '--dbfilename', 'alone')).toBe(2)
    expect(printed.join()).toContain('there is no log in it, but one in')
  })

  test('that is damaged, empty or missing: 2, and the reason', async () => {
    expect(await audit()).toBe(2)
    expect(printed.join()).toContain('neither an append-only file nor a snapshot')
    await rewritten()
    const log = join(directory, 'appendonlydir')
    const increment = readdirSync(log).findLast((name) => name.endsWith('.incr.aof'))!
    writeFileSync(join(log, increment), '*1\r\nX')
    printed = []
    expect(await audit()).toBe(2)
    expect(printed.join()).toContain(increment)
    expect(await runAudit(['--dir', join(directory, 'nothing')], terminal)).toBe(2)
    expect(await runAudit([], terminal)).toBe(2)
    expect(await runAudit(['--dir', directory, 'word'], terminal)).toBe(2)
    expect(await runAudit(['--help'], terminal)).toBe(0)
  })
})

describe('a directory that a server holds', () => {
  test('is audited by that server', async () => {
    const server = await startTestServer({ dir: directory, config: { appendonly: 'yes' } })
    await server.call('SET', 'k', 'v')
    expect(await audit('-p', String(server.port)), printed.join('\n')).toBe(0)
    expect(printed).toEqual([
      `The server at 127.0.0.1:${server.port} (process ${process.pid}) compares its memory with its append-only file.`,
      '1 keys were compared, 0 differ.',
    ])
  })

  test('prints the findings of that server', async () => {
    const server = await startTestServer({
      dir: directory,
      config: { appendonly: 'yes', 'enable-debug-command': 'yes' },
    })
    await server.call('SET', 'k', 'v')
    // A change that is not propagated.
    await server.call('DEBUG', 'POPULATE', '2')
    expect(await audit('-p', String(server.port), '--parts', '2')).toBe(1)
    expect(printed.slice(1).sort()).toEqual([
      '  database 0, key "key:0": only in memory, not in the append-only file',
      '  database 0, key "key:1": only in memory, not in the append-only file',
      '3 keys were compared, 2 differ.',
    ])
  })

  test('is not read when its server cannot be asked, or another one answers: 2, and its process is named', async () => {
    const server = await startTestServer({ dir: directory, config: { appendonly: 'yes' } })
    expect(await audit('-s', join(directory, 'no-socket'))).toBe(2)
    expect(printed.join()).toContain(`is in use by process ${process.pid}`)
    expect(printed.join()).toContain('there is nothing at')
    await server.call('CONFIG', 'SET', 'appendonly', 'no')
    printed = []
    expect(await audit('-p', String(server.port))).toBe(2)
    expect(printed.join()).toContain('There was no audit: there is no append-only file')
  })
})

test.each([
  [['--dri', 'data'], "there is no option '--dri': did you mean '--dir'?"],
  [['--prats', '4'], "there is no option '--prats': did you mean '--parts'?"],
  [['--appendfilname', 'a'], "there is no option '--appendfilname': did you mean '--appendfilename'?"],
  [['data'], "'data' is no option"],
  [['--parts'], "option '--parts' lacks its value"],
  [['-p'], "option '-p' lacks its value"],
  [['--parts', 'many'], "the value of '--parts' must be a whole number of four digits at most: 'many'"],
])('the words %j are refused, and the wrong one is named', async (words, message) => {
  expect(await audit(...words)).toBe(2)
  expect(printed.join('\n').split('\n')[0]).toBe(`respite audit: ${message}`)
})

test('a replica compares its memory with its own file, while its primary writes and keys expire', async () => {
  const primary = await startTestServer({ config: { appendonly: 'no', save: '' } })
  await primary.call('SET', 'before', 'v')
  const replicaof = `127.0.0.1 ${primary.port}`
  const replica = await startTestServer({ dir: directory, config: { appendonly: 'yes', replicaof } })
  await primary.call('SET', 'short', 'v', 'PX', '1')
  await primary.call('HSET', 'hash', 'f', 'v', 'g', 'w')
  await primary.call('HPEXPIRE', 'hash', '1', 'FIELDS', '1', 'f')
  for (let i = 0; i < 200; i++) await primary.call('RPUSH', 'list', `element ${i}`)
  // While it loads the snapshot of its primary it replies LOADING.
  await eventually(async () => (await replica.call('LLEN', 'list').catch(() => 0)) === 200)
  // Its new log begins with the data of its primary.
  await eventually(async () => {
    printed = []
    return (await audit('-p', String(replica.port))) !== 2
  })
  expect(printed.at(-1)).toMatch(/^[34] keys were compared, 0 differ\.$/)
})
