import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { runCheckAof, runCheckRdb } from '../../src/cli/check-files.ts'
import { openBroker } from '../../src/index.ts'
import { systemDisk } from '../../src/persistence/disk/disk.ts'
import type { Terminal } from '../../src/prover/terminal.ts'
import { program } from '../support/build.ts'
import { dump } from '../support/dump.ts'
import { commands } from '../support/journal.ts'
import { redisServerMissing } from '../support/redis-server.ts'
import { startSaving } from '../support/saving.ts'
import { temporaryDirectory } from '../support/server.ts'

/** A snapshot with one key, k = v, as redis-server 7.0 writes it without a checksum. */
const SNAPSHOT = Buffer.concat([
  Buffer.from('REDIS0010\xfa\x09redis-ver\x067.0.15\xfe\x00\xfb\x01\x00\x00\x01k\x01v\xff', 'latin1'),
  Buffer.alloc(8),
])

let directory: string
let printed: string[]
let asked: string[]
let answer: boolean
const terminal: Terminal = {
  print: (line) => void printed.push(line),
  confirm: async (question) => {
    asked.push(question)
    return answer
  },
}

beforeEach(() => {
  directory = temporaryDirectory()
  printed = []
  asked = []
  answer = false
})

function put(name: string, content: string | Buffer): string {
  const path = join(directory, name)
  writeFileSync(path, content)
  return path
}

function checkAof(...args: string[]): Promise<number> {
  return runCheckAof(args, terminal)
}

describe('check-aof', () => {
  test('calls a file whole, and counts its commands', async () => {
    const path = put('a.aof', commands('SELECT 0', 'SET a 1', 'MULTI', 'SET b 2', 'EXEC'))
    expect(await checkAof(path)).toBe(0)
    expect(printed).toEqual([`${path}: whole, 106 bytes (5 commands).`, 'Everything is whole.'])
  })

  test('a file cut at any byte is whole up to the last unit, and --fix cuts it there', async () => {
    const units = [commands('SELECT 0'), commands('SET a 1'), commands('MULTI', 'SET b 2', 'EXEC'), commands('SET c 3')]
    const text = units.join('')
    const ends = [0]
    for (const unit of units) ends.push(ends.at(-1)! + unit.length)
    for (let length = 0; length <= text.length; length++) {
      const path = put('a.aof', text.slice(0, length))
      const wholeTo = ends.findLast((end) => end <= length)!
      expect(await checkAof('--yes', '--fix', path)).toBe(0)
      expect(readFileSync(path, 'latin1')).toBe(text.slice(0, wholeTo))
    }
  })

  test('asks before it cuts, and treats no answer as a no', async () => {
    const text = `${commands('SET a 1')}*3\r\n`
    const path = put('a.aof', text)
    expect(await checkAof(path)).toBe(1)
    expect(asked).toEqual([])
    expect(await checkAof('--fix', path)).toBe(1)
    expect(asked).toEqual([`Cut the last 4 of 31 bytes off ${path}?`])
    expect(readFileSync(path, 'latin1')).toBe(text)
    answer = true
    expect(await checkAof('--fix', path)).toBe(0)
    expect(readFileSync(path, 'latin1')).toBe(commands('SET a 1'))
  })

  test.each([
    ['garbage', 'nonsense', /offset 27: a command should begin here, but there is 'n'/],
    ['zeros', '\0\0\0\0', /offset 27: a command should begin here, but there is the byte 0x00/],
    ['a wrong length', '*1\r\n$3\r\nPINGG\r\n', /offset 38: a word of 3 bytes should end here/],
    ['EXEC alone', commands('EXEC'), /offset 27: EXEC without MULTI/],
    ['MULTI in MULTI', commands('MULTI', 'MULTI'), /offset 42: MULTI within MULTI.*first 27 of/],
    ['an open transaction', commands('MULTI', 'SET b 2'), /ends within the transaction that began at 27/],
    ['an open command', '*2\r\n$3\r\nGET\r\n', /ends within a command/],
  ])('tells of %s where it is', async (_, damage, text) => {
    const path = put('a.aof', commands('SET a 1') + damage)
    expect(await checkAof(path)).toBe(1)
    expect(printed[0]).toMatch(text)
    expect(printed[0]).toContain('first 27 of')
  })

  test('reads a snapshot at the beginning, and reports that a damaged one cannot be repaired', async () => {
    const path = put('a.aof', Buffer.concat([SNAPSHOT, Buffer.from(commands('SET b 2'))]))
    expect(await checkAof(path)).toBe(0)
    expect(printed[0]).toContain('a snapshot of format 10 with 1 keys in 1 databases')
    expect(printed[0]).toContain('then 1 commands')
    const damaged = Buffer.from(SNAPSHOT)
    damaged[SNAPSHOT.length - 13] = 0x50
    expect(await checkAof('--fix', '--yes', put('b.aof', damaged))).toBe(1)
    expect(printed.at(-1)).toContain('cannot be repaired')
  })

  test('follows a manifest, and cuts only the last file', async () => {
    const manifest = put(
      'x.manifest',
      'file base.rdb seq 1 type b\nfile 1.aof seq 1 type i\nfile 2.aof seq 2 type i\nfile 0.aof seq 9 type h\n',
    )
    put('base.rdb', SNAPSHOT)
    put('1.aof', commands('SET a 1'))
    const last = put('2.aof', `${commands('SET b 1')}*`)
    expect(await checkAof('--fix', '--yes', manifest)).toBe(0)
    expect(printed.slice(0, 3).map((line) => line.split(':')[0])).toEqual(
      ['base.rdb', '1.aof', '2.aof'].map((name) => join(directory, name)),
    )
    expect(readFileSync(last, 'latin1')).toBe(commands('SET b 1'))
    const earlier = put('1.aof', `${commands('SET a 1')}*`)
    expect(await checkAof('--fix', '--yes', manifest)).toBe(1)
    expect(printed.at(-1)).toContain('not the last file')
    expect(readFileSync(earlier, 'latin1')).toContain('*')
  })

  test('cuts off commands written after a time', async () => {
    const text = `#TS:100\r\n${commands('SET a 1')}#TS:200\r\n${commands('SET b 2', 'MULTI', 'SET c 3')}#TS:300\r\n${commands('EXEC')}`
    const path = put('a.aof', text)
    expect(await checkAof('--truncate-to-timestamp', '300', path)).toBe(0)
    expect(await checkAof('--truncate-to-timestamp', '99', '--yes', path)).toBe(1)
    expect(printed.at(-1)).toContain('Nothing in it is as old as that')
    expect(await checkAof('--truncate-to-timestamp', '250', '--yes', path)).toBe(0)
    // The note is within a transaction: all of that is cut off.
    expect(readFileSync(path, 'latin1')).toBe(text.slice(0, text.indexOf('*1\r\n$5\r\nMULTI')))
    expect(await checkAof('--truncate-to-timestamp', '100', '--yes', path)).toBe(0)
    expect(readFileSync(path, 'latin1')).toBe(text.slice(0, text.indexOf('#TS:200')))
  })

  test('names an option that is not there, and one that lacks its value', async () => {
    expect(await checkAof('--fxi', 'a.aof')).toBe(2)
    expect(printed[0]).toBe("respite check-aof: there is no option '--fxi': did you mean '--fix'?\n")
    printed = []
    expect(await checkAof('--truncate-to-timestamp')).toBe(2)
    expect(printed[0]).toBe("respite check-aof: option '--truncate-to-timestamp' lacks its value\n")
    printed = []
    expect(await runCheckRdb(['--fxi', 'a.rdb'], terminal)).toBe(2)
    expect(printed[0]).toBe("respite check-rdb: there is no option '--fxi': did you mean '--fix'?\n")
  })

  test('explains itself', async () => {
    expect(await checkAof('--help')).toBe(0)
    expect(await checkAof()).toBe(2)
    expect(await checkAof('a', 'b')).toBe(2)
    expect(await checkAof('--truncate-to-timestamp', 'x', 'a')).toBe(2)
    expect(printed[0]).toContain('Usage: respite check-aof')
  })

  test.skipIf(redisServerMissing())('agrees with redis-check-aof wherever a bit is flipped', async () => {
    const text = Buffer.from(commands('SELECT 0', 'SET a 1', 'MULTI', 'SET b 22', 'EXEC'), 'latin1')
    const disagreed: number[] = []
    for (let at = 0; at < text.length; at += 3) {
      const changed = Buffer.from(text)
      changed[at] = changed[at]! ^ 0x10
      const path = put('a.aof', changed)
      const theirs = spawnSync('redis-check-aof', [path]).status === 0
      if (theirs !== ((await checkAof(path)) === 0)) disagreed.push(at)
    }
    expect(disagreed).toEqual([])
  })
})

describe('check-aof --rebuild-manifest', () => {
  const log = commands('SELECT 0', 'RPUSH list v')

  /** Files of a log, in a directory of their own. */
  function putLog(...names: string[]): string {
    const where = join(directory, 'appendonlydir')
    mkdirSync(where, { recursive: true })
    for (const name of names) writeFileSync(join(where, name), name.endsWith('.rdb') ? SNAPSHOT : log)
    return where
  }

  test.each(['the directory', 'the manifest'])(
    'makes a lost manifest again, given %s, and the server starts from it',
    async (given) => {
      const where = putLog('appendonly.aof.2.incr.aof', 'appendonly.aof.10.incr.aof', 'appendonly.aof.1.base.rdb')
      for (let n = 3; n < 10; n++) putLog(`appendonly.aof.${n}.incr.aof`)
      const manifest = join(where, 'appendonly.aof.manifest')
      expect(await checkAof('--rebuild-manifest', given === 'the manifest' ? manifest : where)).toBe(1)
      expect(asked).toEqual(['Write this manifest?'])
      expect(existsSync(manifest)).toBe(false)
      answer = true
      expect(await checkAof('--rebuild-manifest', given === 'the manifest' ? manifest : where)).toBe(0)
      const increments = [2, 3, 4, 5, 6, 7, 8, 9, 10]
      expect(readFileSync(manifest, 'latin1')).toBe(
        [
          'file appendonly.aof.1.base.rdb seq 1 type b',
          ...increments.map((n) => `file appendonly.aof.${n}.incr.aof seq ${n} type i`),
          '',
        ].join('\n'),
      )
      await using broker = await openBroker({ dir: directory })
      expect(await broker.call('LLEN', 'list')).toBe(9)
    },
  )

  test.each([
    ['two bases', ['a.1.base.rdb', 'a.2.base.rdb', 'a.1.incr.aof'], 'there are two bases'],
    ['a gap', ['a.1.incr.aof', 'a.3.incr.aof'], 'increment 2 is missing: there is a.1.incr.aof, and then a.3.incr.aof'],
    ['no beginning', ['a.2.incr.aof'], 'there is no base, and the first increment is number 2'],
    ['two logs', ['a.1.incr.aof', 'b.1.incr.aof'], 'files of several logs (a, b)'],
    ['nothing', ['temp-a.1.base.rdb', 'notes'], 'holds no append-only files'],
    ['a manifest', ['a.manifest', 'a.1.incr.aof'], 'is there: move it away first'],
  ])('refuses %s, and writes nothing', async (_what, names, reason) => {
    const where = putLog(...names)
    expect(await checkAof('--rebuild-manifest', '--yes', where)).toBe(1)
    expect(printed.at(-1)).toContain(`No manifest was made: `)
    expect(printed.at(-1)).toContain(reason)
    expect(readdirSync(where).sort()).toEqual([...names].sort())
  })

  test('requires every file to be whole, except for the end of the last', async () => {
    const where = putLog('a.1.incr.aof', 'a.2.incr.aof')
    writeFileSync(join(where, 'a.2.incr.aof'), log.slice(0, -3))
    expect(await checkAof('--rebuild-manifest', '--yes', where)).toBe(0)
    rmSync(join(where, 'a.manifest'))
    writeFileSync(join(where, 'a.1.incr.aof'), log.slice(0, -3))
    expect(await checkAof('--rebuild-manifest', '--yes', where)).toBe(1)
    expect(printed.at(-1)).toMatch(/a\.1\.incr\.aof is damaged at offset 23/)
  })

  test('is refused while a server uses the directory, as is --fix', async () => {
    await using broker = await openBroker({ dir: directory })
    await broker.call('SET', 'k', 'v')
    const manifest = join(directory, 'appendonlydir/appendonly.aof.manifest')
    const last = join(directory, 'appendonlydir/appendonly.aof.1.incr.aof')
    for (const args of [
      ['--fix', manifest],
      ['--fix', last],
      ['--rebuild-manifest', manifest],
    ])
      await expect(checkAof(...args)).rejects.toThrow('the directory is in use by process')
    expect(await checkAof(manifest)).toBe(0)
  })
})

describe('check-rdb', () => {
  test('prints the contents of a snapshot', async () => {
    const path = put('dump.rdb', SNAPSHOT)
    expect(await runCheckRdb([path], terminal)).toBe(0)
    expect(printed).toEqual([
      `${path}: whole, ${SNAPSHOT.length} bytes: a snapshot of format 10 with 1 keys in 1 databases, 0 with an expiry, 0 expired, written by version 7.0.15.`,
    ])
  })

  test('refuses it cut at any byte, and says where', async () => {
    for (let length = 0; length < SNAPSHOT.length; length++) {
      printed = []
      expect(await runCheckRdb([put('dump.rdb', SNAPSHOT.subarray(0, length))], terminal)).toBe(1)
      expect(printed[0]).toMatch(/damaged at offset \d+: /)
    }
  })

  test('repairs nothing with --fix, and says so', async () => {
    const cut = SNAPSHOT.subarray(0, -12)
    const path = put('dump.rdb', cut)
    expect(await runCheckRdb(['--fix', path], terminal)).toBe(1)
    expect(printed.at(-1)).toBe('A damaged snapshot cannot be repaired: restore a backup.')
    expect(readFileSync(path)).toEqual(cut)
    expect(await runCheckRdb([put('whole.rdb', SNAPSHOT), '--fix'], terminal)).toBe(0)
  })

  test('explains itself', async () => {
    expect(await runCheckRdb([], terminal)).toBe(2)
    expect(await runCheckRdb(['--help'], terminal)).toBe(0)
    expect(printed[0]).toContain('Usage: respite check-rdb [--fix] FILE')
  })
})

test('the program runs the tools by their names', async () => {
  const path = put('a.aof', `${commands('SET a 1')}*`)
  const child = spawn(process.execPath, [program(), 'check-aof', '--fix', path])
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  child.stdin.end('y\n')
  expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0)
  expect(output).toContain('was cut to 27 bytes')
  expect(readFileSync(path, 'latin1')).toBe(commands('SET a 1'))
})

describe('going back to a point in time', () => {
  /**
   * A log of the server, with timestamps, written over some seconds; and the data in each of these
   * seconds.
   */
  async function written() {
    const dir = temporaryDirectory()
    const started = await startSaving({
      settings: { dir, appendonly: 'yes', 'aof-timestamp-enabled': 'yes' },
      realDisk: systemDisk,
      atMs: 1_700_000_000_500,
    })
    const { clock, connect, engine, saving } = started
    const client = connect()
    const moments: { seconds: number; data: Record<string, string> }[] = []
    for (let i = 0; i < 6; i++) {
      client.ask('RPUSH', 'list', `${i}`)
      client.ask('MULTI')
      client.ask('SET', 'a', `${i}`)
      client.ask('SET', 'b', `${i}`)
      client.ask('EXEC')
      client.ask('EVAL', "redis.call('SET', KEYS[1], ARGV[1]) return redis.call('INCR', KEYS[2])", 2, 'c', 'd', `${i}`)
      moments.push({ seconds: Math.floor(clock.now() / 1000), data: dump(engine) })
      clock.advance(1000)
    }
    await saving.close()
    return { dir, moments, log: join(dir, 'appendonlydir/appendonly.aof.1.incr.aof') }
  }

  async function startedOn(dir: string): Promise<Record<string, string>> {
    const { engine, saving } = await startSaving({ settings: { dir, appendonly: 'yes' }, realDisk: systemDisk })
    await saving.close()
    return dump(engine)
  }

  test('a start finds the data of that second', async () => {
    const { dir, moments, log } = await written()
    const whole = readFileSync(log)
    for (const { seconds, data } of moments) {
      writeFileSync(log, whole)
      const manifest = join(dir, 'appendonlydir/appendonly.aof.manifest')
      expect(await checkAof('--truncate-to-timestamp', `${seconds}`, '--yes', manifest)).toBe(0)
      expect(await startedOn(dir), `${seconds}`).toEqual(data)
    }
  })

  test.skipIf(redisServerMissing())('redis-check-aof cuts our log at the same byte', async () => {
    const { moments, log } = await written()
    const whole = readFileSync(log)
    for (const { seconds } of moments.slice(0, -1)) {
      writeFileSync(log, whole)
      expect(await checkAof('--truncate-to-timestamp', `${seconds}`, '--yes', log)).toBe(0)
      const ours = readFileSync(log)
      writeFileSync(log, whole)
      spawnSync('redis-check-aof', ['--truncate-to-timestamp', `${seconds}`, log], { input: 'y\n' })
      expect(readFileSync(log).length, `${seconds}`).toBe(ours.length)
      expect(ours.length).toBeLessThan(whole.length)
    }
  })
})
