// redis-cli from the PATH, as a person uses it.

import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { encode } from '../support/engine.ts'
import { redisServerMissing } from '../support/redis-server.ts'
import { eventually, startTestServer, temporaryDirectory } from '../support/server.ts'

/** Runs redis-cli; `input` is what is typed. */
async function cli(port: number, args: readonly string[], input = ''): Promise<string> {
  const child = spawn('redis-cli', ['-p', String(port), ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString('latin1')
    })
  }
  child.stdin.on('error', () => {})
  child.stdin.end(Buffer.from(input, 'latin1'))
  await new Promise((resolve) => child.once('close', resolve))
  return output
}

const missing = redisServerMissing() || spawnSync('redis-cli', ['--version']).status !== 0

describe.skipIf(missing)('redis-cli', () => {
  test('one command, and several typed', async () => {
    const { port } = await startTestServer()
    expect(await cli(port, ['SET', 'greeting', 'hello world'])).toBe('OK\n')
    expect(await cli(port, ['GET', 'greeting'])).toBe('hello world\n')
    const typed = 'rpush list a b c\nlrange list 0 -1\nget nothing\nlpush greeting x\nmulti\nset t 1\nget t\nexec\n'
    expect(await cli(port, ['--no-raw'], typed)).toBe(
      '(integer) 3\n1) "a"\n2) "b"\n3) "c"\n(nil)\n' +
        '(error) WRONGTYPE Operation against a key holding the wrong kind of value\n' +
        'OK\nQUEUED\nQUEUED\n1) OK\n2) "1"\n',
    )
  })

  test('RESP3 with -3', async () => {
    const { port } = await startTestServer()
    expect(await cli(port, ['-3', '--no-raw', 'CONFIG', 'GET', 'databases'])).toBe('1# "databases" => "16"\n')
  })

  test('--pipe loads a hundred thousand keys', async () => {
    const { port } = await startTestServer()
    let input = ''
    for (let i = 0; i < 100_000; i++) input += encode(['SET', `key:${i}`, `value ${i}`])
    const output = await cli(port, ['--pipe'], input)
    expect(output).toContain('errors: 0, replies: 100000')
    expect(await cli(port, ['DBSIZE'])).toBe('100000\n')
    expect(await cli(port, ['GET', 'key:99999'])).toBe('value 99999\n')
  })

  test('--scan, --bigkeys, --memkeys, --hotkeys, --latency-dist and --stat', async () => {
    const { port } = await startTestServer()
    let input = ''
    for (let i = 0; i < 300; i++) input += `SET key:${i} ${'x'.repeat(i + 1)}\r\n`
    input += `RPUSH queue ${Array.from({ length: 50 }, (_, i) => i).join(' ')}\r\n`
    await cli(port, [], input)
    const scanned = await cli(port, ['--scan', '--pattern', 'key:*'])
    expect(scanned.trim().split('\n').length).toBe(300)
    const bigkeys = await cli(port, ['--bigkeys'])
    expect(bigkeys).toMatch(/Biggest string found '"key:299"' has 300 bytes/)
    expect(bigkeys).toMatch(/Biggest +list found '"queue"' has 50 items/)
    expect(bigkeys).toContain('Sampled 301 keys in the keyspace!')
    const memkeys = await cli(port, ['--memkeys'])
    expect(memkeys).toMatch(/Biggest +list found '"queue"' has \d+ bytes/)
    expect(memkeys).toContain('Sampled 301 keys in the keyspace!')
    await cli(port, ['CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lfu'])
    await cli(port, [], 'GET key:7\r\n'.repeat(500))
    const hotkeys = await cli(port, ['--hotkeys'])
    expect(hotkeys).toMatch(/hot key found with counter: \d+\tkeyname: "key:7"/)
    const spectrum = spawn('redis-cli', ['-p', String(port), '--latency-dist', '-i', '0.01'])
    onTestFinished(() => {
      spectrum.kill('SIGKILL')
    })
    let lines = ''
    spectrum.stdout.on('data', (chunk) => {
      lines += chunk
    })
    await eventually(() => /---/.test(lines) && /\n.*\n/.test(lines), '--latency-dist prints its spectrum')
    const stat = spawn('redis-cli', ['-p', String(port), '--stat', '-i', '0.01'])
    onTestFinished(() => {
      stat.kill('SIGKILL')
    })
    let output = ''
    stat.stdout.on('data', (chunk) => {
      output += chunk
    })
    await eventually(() => /^301 +\S+ +\d+ /m.test(output), '--stat prints the number of keys')
    // Shortest, longest, average, and how many were asked.
    expect(await cli(port, ['--latency', '-i', '0.1'])).toMatch(/^\d+ \d+ \d+\.\d+ \d+\n$/)
  })

  test('--rdb takes a snapshot away, which a server starts with', async () => {
    const { port } = await startTestServer()
    await cli(port, [], 'SET greeting hello\nRPUSH queue 1 2 3\n')
    const dir = temporaryDirectory()
    expect(await cli(port, ['--rdb', join(dir, 'dump.rdb')])).toContain('Transfer finished with success')
    const copy = await startTestServer({ dir, appendonly: false })
    expect(await cli(copy.port, ['LRANGE', 'queue', '0', '-1'])).toBe('1\n2\n3\n')
    expect(await cli(copy.port, ['GET', 'greeting'])).toBe('hello\n')
  })

  test('--rdb and --functions-rdb fetch snapshots, --replica hears the stream', async () => {
    const { call, port } = await startTestServer({ config: { 'repl-diskless-sync-delay': 0 } })
    const directory = temporaryDirectory()
    await call('SET', 'in-the-data', 'x')
    await call('FUNCTION', 'LOAD', "#!lua name=lib\nredis.register_function('f', function() return 1 end)")
    const [all, functions] = [join(directory, 'all.rdb'), join(directory, 'functions.rdb')]
    expect(await cli(port, ['--rdb', all])).toContain('Transfer finished with success')
    expect(await cli(port, ['--functions-rdb', functions])).toContain('Transfer finished with success')
    expect(readFileSync(all, 'latin1')).toMatch(/^REDIS0011.*in-the-data/s)
    expect(readFileSync(functions, 'latin1')).toMatch(/^REDIS0011.*register_function/s)
    expect(readFileSync(functions, 'latin1')).not.toContain('in-the-data')
    const replica = spawn('redis-cli', ['-p', String(port), '--replica'])
    onTestFinished(() => {
      replica.kill('SIGKILL')
    })
    let output = ''
    replica.stdout.on('data', (chunk) => {
      output += chunk
    })
    await eventually(async () => String(await call('INFO', 'replication')).includes('state=online'))
    // It takes the first request for a reply to its REPLCONF ACK.
    await call('SET', 'a', '1')
    await call('SET', 'b', '2')
    await eventually(() => output.includes('"SET","b","2"'))
  })

  test('subscribing prints messages as they come', async () => {
    const { port } = await startTestServer()
    const subscriber = spawn('redis-cli', ['-p', String(port), 'SUBSCRIBE', 'news'])
    onTestFinished(() => {
      subscriber.kill('SIGKILL')
    })
    let output = ''
    subscriber.stdout.on('data', (chunk) => {
      output += chunk
    })
    await eventually(() => output.includes('subscribe\nnews\n1\n'))
    expect(await cli(port, ['PUBLISH', 'news', 'hello'])).toBe('1\n')
    await eventually(() => output.includes('message\nnews\nhello\n'))
  })

  test('blocking commands, and INFO, HELP and COMMAND DOCS', async () => {
    const { port } = await startTestServer()
    const popped = cli(port, ['BLPOP', 'queue', '0'])
    await eventually(async () => (await cli(port, ['INFO', 'clients'])).includes('blocked_clients:1'))
    await cli(port, ['RPUSH', 'queue', 'job'])
    expect(await popped).toBe('queue\njob\n')
    expect(await cli(port, ['INFO', 'server'])).toMatch(/redis_version:7\.2\./)
    expect(await cli(port, ['CLIENT', 'HELP'])).toContain('KILL')
    expect(await cli(port, ['COMMAND', 'DOCS', 'GET'])).toContain('summary')
  })
})
