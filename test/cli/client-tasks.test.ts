// The tasks of `respite cli` that are no commands, beside redis-cli.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runCheckRdb } from '../../src/cli/check-files.ts'
import { freePort } from '../../src/util/free-ports.ts'
import { eventually, RawConnection, startTestServer, temporaryDirectory } from '../support/server.ts'
import { cli, type Outcome, redisCli, redisCliMissing } from './run-client.ts'

/** A server with a key of each type, and the words that name it. */
async function filledServer(config: Record<string, string> = {}): Promise<{ port: number; p: string[] }> {
  const { port } = await startTestServer({ config: { 'maxmemory-policy': 'allkeys-lfu', ...config } })
  const p = ['-p', String(port)]
  const commands = [
    'set a 12345',
    'set "b \\xff\\"" 1',
    'rpush l 1 2 3',
    'hset h a 1 b 2',
    'sadd s 1 2',
    'zadd z 1 a',
    'xadd st 1-1 a 1',
    'get a',
    'get a',
  ]
  await cli(p, commands.join('\n'))
  return { port, p }
}

/** redis-cli prints the types in the order of a hash table with a seed. */
const sorted = ({ printed, ...rest }: Outcome): object => ({ ...rest, lines: printed.split('\n').sort() })

describe.skipIf(redisCliMissing())('does as redis-cli does', () => {
  test.each([
    ['--bigkeys'],
    ['--bigkeys', '--pattern', 's*', '--count', '3'],
    ['-n', '3', '--bigkeys'],
    ['--memkeys'],
    ['--memkeys-samples', '0'],
    ['--scan'],
    ['--scan', '--pattern', 's*'],
    ['--no-raw', '--scan'],
    ['--scan', '--count', '0'],
  ])('%s %s %s %s %s', async (...args) => {
    const { p } = await filledServer()
    const words = args.filter((word) => word !== undefined)
    expect(sorted(await cli([...p, ...words]))).toEqual(sorted(await redisCli([...p, ...words])))
  })

  test('--hotkeys', async () => {
    // Counters fall by time: here they stay.
    const { p } = await filledServer({ 'lfu-decay-time': '0' })
    const ours = await cli([...p, '--hotkeys'])
    expect(ours).toEqual(await redisCli([...p, '--hotkeys']))
    expect(ours.printed).toContain('Hot key')
    await cli([...p, 'config', 'set', 'maxmemory-policy', 'noeviction'])
    expect(await cli([...p, '--hotkeys'])).toEqual(await redisCli([...p, '--hotkeys']))
  })

  test.each([
    [['-r', '3', 'incr', 'n'], ''],
    [['-r', '2', '-i', '0.001', 'incr', 'n'], ''],
    [['-r', '0', 'incr', 'n'], ''],
    [['-r', '2'], 'incr n\n3 incr n\n'],
    [['-x', 'set', 'x'], 'a value\nof lines\n'],
    [['-X', 'T', 'eval', 'return ARGV[1]', '0', 'T'], 'value'],
    [['--quoted-input', 'set', '"q\\x00"', "'v'"], ''],
    [['--csv', 'lrange', 'l', '0', '-1'], ''],
    [['--csv', 'hgetall', 'h'], ''],
    [['-3', '--csv', 'hgetall', 'h'], ''],
    [['--csv', 'get', 'nothing'], ''],
    [['--csv', 'get', 'b \\"'], ''],
    [['--csv', 'nonsense'], ''],
    [['-3', '--csv', 'zscore', 'z', 'a'], ''],
    [['-d', ',', 'lrange', 'l', '0', '-1'], ''],
    [['-D', '|', 'lrange', 'l', '0', '-1'], ''],
    [['-3', '-d', ';', 'hgetall', 'h'], ''],
    [['--pipe'], 'SET p 1\r\nBAD\r\n*2\r\n$3\r\nGET\r\n$1\r\np\r\n'],
    [['--pipe'], 'SET p 1'],
    [['--pipe'], ''],
  ])('%j', async (args, input) => {
    const [ours, theirs] = [await filledServer(), await filledServer()]
    const outcome = await cli([...ours.p, ...args], input, args.includes('--pipe') ? 'endless' : 100)
    expect(outcome).toEqual(await redisCli([...theirs.p, ...args], input))
    expect((await cli([...ours.p, 'mget', 'n', 'x', 'q\0', 'p'])).printed).toBe(
      (await cli([...theirs.p, 'mget', 'n', 'x', 'q\0', 'p'])).printed,
    )
  })

  test('--eval', async () => {
    const { p } = await filledServer()
    const file = join(temporaryDirectory(), 'script.lua')
    writeFileSync(file, 'return {KEYS[1], #KEYS, ARGV[1], #ARGV}')
    for (const words of [
      ['a', 'b', ',', 'c'],
      ['a', 'b'],
      [',', 'c'],
    ]) {
      const args = [...p, '--eval', file, ...words]
      expect(await cli(args)).toEqual(await redisCli(args))
    }
  })

  test('--stat, but for the figures', async () => {
    const { p } = await filledServer()
    const shapes = ({ printed }: Outcome): string[] =>
      printed
        .split('\n')
        .slice(0, 5)
        .map((line) => line.replace(/[\d.]+[KM]?/g, (figure) => '9'.repeat(figure.length)))
    const ours = await cli([...p, '--stat', '-i', '0.01'], '', 2)
    expect(shapes(ours)).toEqual([...shapes(await redisCli([...p, '-i', '0.01', '--stat'], '', 6))])
  })

  test('--latency and --latency-history, but for the figures', async () => {
    const { p } = await filledServer()
    const shape = (text: string): string => text.replace(/\d+(\.\d+)?/g, '9')
    for (const format of [['--raw'], ['--csv']]) {
      const args = [...p, '-i', '0.02', ...format, '--latency']
      expect(shape((await cli(args, '', 1e6)).printed)).toBe(shape((await redisCli(args)).printed))
    }
    const args = [...p, '-i', '0', '--raw', '--latency-history']
    const theirs = shape((await redisCli(args, '', 4)).printed).split('\n')
    const ours = shape((await cli(args, '', 2)).printed).split('\n')
    expect(ours.slice(0, 2)).toEqual(theirs.slice(0, 2))
    expect((await cli([...p, '--no-raw', '--latency'], '', 1)).printed).toMatch(
      /^(\x1b\[0G\x1b\[2Kmin: \d+, max: \d+, avg: \d+\.\d\d \([12] samples\)){2}$/,
    )
  })

  test('--rdb, from a server that streams it', async () => {
    const { p } = await filledServer({ 'repl-diskless-sync-delay': '0' })
    const [ours, theirs] = [join(temporaryDirectory(), 'ours.rdb'), join(temporaryDirectory(), 'theirs.rdb')]
    const outcome = await cli([...p, '--rdb', ours])
    const other = await redisCli([...p, '--rdb', theirs])
    const named = ({ complaints }: Outcome): string[] => complaints.map((line) => line.replace(/'.*'/, 'FILE'))
    expect(outcome.code).toBe(0)
    expect(named(outcome)).toEqual(named(other))
    expect(readFileSync(ours).length).toBe(readFileSync(theirs).length)
    const said: string[] = []
    const terminal = { print: (line: string) => void said.push(line), confirm: async () => false }
    expect(await runCheckRdb([ours], terminal), said.join('\n')).toBe(0)
    const printed = Buffer.from((await cli([...p, '--rdb', '-'])).printed, 'latin1')
    expect(printed.subarray(0, 9).toString()).toBe('REDIS0011')
    expect(printed.length).toBe(readFileSync(ours).length)
  })

  test('shutdown, which is answered by the end of the server', async () => {
    for (const words of [['shutdown', 'nosave'], ['SHUTDOWN']]) {
      const [ours, theirs] = [await filledServer(), await filledServer()]
      expect(await cli([...ours.p, ...words])).toEqual(await redisCli([...theirs.p, ...words]))
    }
  })

  test('-c follows the nodes of a cluster', async () => {
    const nodes = await twoNodes()
    const input = 'set foo 1\nget foo\nset bar 1\nget foo\nmget foo bar\n'
    for (const args of [['-c', '--no-raw'], ['-c'], ['--no-raw']]) {
      const words = ['-p', String(nodes[0]), ...args]
      expect(await cli(words, input)).toEqual(await redisCli(words, input))
    }
    const once = ['-c', '-p', String(nodes[0]), '--no-raw', '-r', '2', 'get', 'foo']
    expect(await cli(once)).toEqual(await redisCli(once))
  })
})

/** The ports of two nodes that share the slots. */
async function twoNodes(): Promise<readonly number[]> {
  const ports = [await freePort(), await freePort()]
  const SLOTS = ['0-8191', '8192-16383']
  for (const own of ports) {
    const dir = temporaryDirectory()
    const lines = ports.map((port, i) => {
      const flags = port === own ? 'myself,master' : 'master'
      return `${String(i).repeat(40)} 127.0.0.1:${port}@1 ${flags} - 0 0 ${i + 1} connected ${SLOTS[i]}\n`
    })
    writeFileSync(join(dir, 'nodes.conf'), `${lines.join('')}vars currentEpoch 2 lastVoteEpoch 0\n`)
    await startTestServer({ port: own, dir, appendonly: false, config: { 'cluster-enabled': 'yes' } })
  }
  return ports
}

describe('respite cli', () => {
  test('names an option that it does not have, and the one that was meant', async () => {
    const complaint = async (...args: string[]): Promise<string> => {
      const { code, complaints } = await cli(args)
      expect(code).toBe(1)
      return complaints.join('\n').split('\n')[0]!
    }
    expect(await complaint('--bigkey')).toBe("respite cli: there is no option '--bigkey': did you mean '--bigkeys'?")
    expect(await complaint('--nonsense')).toBe("respite cli: there is no option '--nonsense'")
    expect(await complaint('-r')).toBe("respite cli: the option '-r' needs a value")
    expect(await complaint('-r', 'x', 'ping')).toBe(
      "respite cli: the value of '-r' must be a whole number from -1 on: 'x'",
    )
    expect(await complaint('-i', 'x', 'ping')).toBe("respite cli: the value of '-i' must be seconds: 'x'")
    expect(await complaint('-p', '70000')).toBe(
      "respite cli: the value of '-p' must be a whole number from 0 on: '70000'",
    )
    expect(await complaint('--stat', '--scan')).toBe("respite cli: '--scan' and '--stat' exclude each other")
    expect(await complaint('--ldb')).toBe(
      "respite cli: redis-cli's option '--ldb' is not here: there is no debugger for scripts",
    )
    expect(await complaint('-u', 'http://x')).toMatch(/^respite cli: the value of '-u' is not redis:/)
  })

  test('prints its help and its version', async () => {
    const { code, printed } = await cli(['--help'])
    expect(code).toBe(0)
    for (const name of ['--bigkeys', '--hotkeys', '-r COUNT', '--pipe-timeout SECONDS']) expect(printed).toContain(name)
    expect((await cli(['--version'])).printed).toMatch(/^respite cli \d/)
  })

  test('tells why a task failed', async () => {
    const { port } = await startTestServer({ password: 'secret' })
    const p = ['-p', String(port)]
    const NOAUTH = 'NOAUTH Authentication required.'
    expect(await cli([...p, '--bigkeys'])).toMatchObject({
      code: 1,
      complaints: [`Couldn't determine DBSIZE: ${NOAUTH}`],
    })
    expect(await cli([...p, '--stat'])).toMatchObject({ code: 1, complaints: [`ERROR: ${NOAUTH}`] })
    const { code, complaints } = await cli([...p, '--rdb', '-'])
    expect([code, complaints.at(-1)]).toEqual([1, `SYNC with master failed: -${NOAUTH}`])
    expect((await cli([...p, '--eval', 'nowhere.lua'])).complaints[0]).toMatch(/^Can't open file 'nowhere.lua': /)
  })

  test('--pipe gives up when no reply comes, and when the server closes the connection', async () => {
    const { port } = await startTestServer()
    const paused = await RawConnection.open(port)
    paused.send('CLIENT PAUSE 1000000 ALL\r\n')
    await eventually(() => paused.received !== '')
    const silent = await cli(['-p', String(port), '--pipe'], 'PING\r\n')
    expect(silent).toMatchObject({ code: 1, complaints: ['No replies for 30 seconds: exiting.'] })
    const { port: other } = await startTestServer()
    const closed = await cli(['-p', String(other), '--pipe', '--pipe-timeout', '0'], 'QUIT\r\nPING\r\n', 'endless')
    expect(closed).toMatchObject({ code: 1, complaints: ['Server closed the connection'] })
  })
})
