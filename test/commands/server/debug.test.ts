import { describe, expect, test } from 'vitest'
import { REDIS_VERSION } from '../../../src/config/version.ts'
import { Bytes } from '../../../src/util/bytes/bytes.ts'
import { createEngine } from '../../support/engine.ts'

const REFUSED = /^-ERR DEBUG command not allowed\. If the enable-debug-command option is set to "local"/

describe('DEBUG', () => {
  test('is refused unless it is allowed', () => {
    expect(createEngine().connect().ask('DEBUG', 'SLEEP', '0')).toMatch(REFUSED)
    expect(createEngine({ 'enable-debug-command': 'yes' }).connect().ask('DEBUG', 'SLEEP', '0')).toBe('+OK\r\n')
  })

  test('that is not allowed is refused before a password is asked for, and is not queued', () => {
    expect(createEngine({ requirepass: 'pw' }).connect().ask('DEBUG', 'SLEEP', '0')).toMatch(REFUSED)
    const client = createEngine().connect()
    client.ask('MULTI')
    expect(client.ask('DEBUG', 'SLEEP', '0')).toMatch(REFUSED)
    expect(client.ask('EXEC')).toMatch(/^-EXECABORT /)
    const allowed = createEngine({ requirepass: 'pw', 'enable-debug-command': 'yes' }).connect()
    expect(allowed.ask('DEBUG', 'SLEEP', '0')).toMatch(/^-NOAUTH /)
  })

  test.each([
    ['127.0.0.1:5000', true],
    ['[::1]:5000', true],
    ['::1:5000', true],
    ['::ffff:127.0.0.1:5000', true],
    ['/tmp/respite.sock:0', true],
    ['embedded', true],
    ['10.0.0.7:5000', false],
    ['2001:db8::1:5000', false],
  ])('enable-debug-command local: from %s %s', (address, allowed) => {
    const { connect } = createEngine({ 'enable-debug-command': 'local' })
    const client = connect()
    Object.assign(client, { address })
    expect(client.ask('DEBUG', 'SLEEP', '0') === '+OK\r\n').toBe(allowed)
  })

  test.each([[['foo']], [['JMAP']], [['STRUCTSIZE']], [['SLEEP']], [['SLEEP', '0', '1']], [['OBJECT']]])(
    'refuses %j as unknown',
    (words) => {
      expect(
        createEngine({ 'enable-debug-command': 'yes' })
          .connect()
          .ask('DEBUG', ...words),
      ).toBe(`-ERR unknown subcommand or wrong number of arguments for '${words[0]}'. Try DEBUG HELP.\r\n`)
    },
  )

  test('OBJECT tells encoding and idle time without counting as use', () => {
    const { clock, connect } = createEngine({ 'enable-debug-command': 'yes' })
    const client = connect()
    client.ask('SET', 'a', 'text')
    clock.advance(5000)
    const line =
      /^\+Value at:0x[0-9a-f]{12} refcount:1 encoding:embstr serializedlength:\d+ lru:\d+ lru_seconds_idle:5\r\n$/
    expect(client.ask('DEBUG', 'OBJECT', 'a')).toMatch(line)
    expect(client.ask('DEBUG', 'OBJECT', 'a')).toMatch(line)
    expect(client.ask('DEBUG', 'OBJECT', 'nosuch')).toBe('-ERR no such key\r\n')
  })

  test('SET-ACTIVE-EXPIRE 0 leaves keys whose time is up until they are looked at', () => {
    const { engine, clock, connect } = createEngine({ 'enable-debug-command': 'yes' })
    const client = connect()
    const [database] = engine.databases
    const expiring = (key: string) => {
      client.ask('SET', key, 'v')
      database!.setExpiry(database!.find(Bytes.from(key)), clock.now() + 100)
    }
    client.ask('DEBUG', 'SET-ACTIVE-EXPIRE', '0')
    expiring('a')
    clock.advance(1000)
    expect(client.ask('DBSIZE')).toBe(':1\r\n')
    expect(client.ask('GET', 'a')).toBe('$-1\r\n')
    expect(client.ask('DBSIZE')).toBe(':0\r\n')
    client.ask('DEBUG', 'SET-ACTIVE-EXPIRE', '1')
    expiring('b')
    client.ask('PING')
    clock.advance(1000)
    expect(client.ask('DBSIZE')).toBe(':0\r\n')
  })

  test('SET-ACTIVE-EXPIRE 1 removes at once what was left', () => {
    const { engine, clock, connect } = createEngine({ 'enable-debug-command': 'yes' })
    const client = connect()
    const [database] = engine.databases
    client.ask('DEBUG', 'SET-ACTIVE-EXPIRE', '0')
    client.ask('SET', 'a', 'v')
    database!.setExpiry(database!.find(Bytes.from('a')), clock.now() + 100)
    clock.advance(1000)
    client.ask('DEBUG', 'SET-ACTIVE-EXPIRE', '1')
    clock.advance(1)
    expect(client.ask('DBSIZE')).toBe(':0\r\n')
  })

  test('STRINGMATCH-LEN runs the glob matcher', () => {
    const client = createEngine({ 'enable-debug-command': 'yes' }).connect()
    expect(client.ask('DEBUG', 'STRINGMATCH-LEN', 'h*llo', 'heeello')).toBe(':1\r\n')
    expect(client.ask('DEBUG', 'STRINGMATCH-LEN', 'h?llo', 'heeello')).toBe(':0\r\n')
  })

  test.each(['SEGFAULT', 'PANIC', 'ASSERT', 'OOM'])('%s is refused, saying why', (word) => {
    const client = createEngine({ 'enable-debug-command': 'yes' }).connect()
    expect(client.ask('DEBUG', word.toLowerCase())).toBe(
      `-ERR DEBUG ${word} is not supported: end the process with a signal instead\r\n`,
    )
    expect(client.ask('DEBUG', 'RESTART')).toBe('-ERR failed to restart the server. Check server logs.\r\n')
  })

  test('STRINGMATCH-TEST tries the glob matcher with whatever comes', () => {
    const client = createEngine({ 'enable-debug-command': 'yes' }).connect()
    expect(client.ask('DEBUG', 'STRINGMATCH-TEST')).toBe('+Apparently Redis did not crash: test passed\r\n')
  })

  test('HTSTATS counts the keys of a database and those that expire, HTSTATS-KEY the members of a table', () => {
    const client = createEngine({ 'enable-debug-command': 'yes' }).connect()
    for (let i = 0; i < 100; i++) client.ask('SET', `key ${i}`, 'v')
    client.ask('EXPIRE', 'key 1', '100')
    const figures = client.ask('DEBUG', 'HTSTATS', '0', 'FULL')
    expect(figures).toMatch(/\[Dictionary HT\]\nHash table 0 .*\n table size: \d+\n number of elements: 100\n/)
    expect(figures).toMatch(/\[Expires HT\]\nHash table 0 .*\n table size: 1\n number of elements: 1\n/)
    const chains = [...figures.split('[Expires')[0]!.matchAll(/^ {3}(\d+): (\d+) \(/gm)]
    expect(chains.reduce((sum, [, length, buckets]) => sum + Number(length) * Number(buckets), 0)).toBe(100)
    for (const [key, ...maker] of [
      ['set', 'SADD'],
      ['hash', 'HSET'],
      ['zset', 'ZADD'],
    ]) {
      const members = Array.from({ length: 600 }, (_, i) => (maker[0] === 'SADD' ? `m${i}` : String(i)))
      client.ask(maker[0]!, key!, ...members)
      const count = maker[0] === 'SADD' ? 600 : 300
      expect(client.ask('DEBUG', 'HTSTATS-KEY', key!)).toContain(` number of elements: ${count}\n`)
    }
  })

  test('SET-SKIP-CHECKSUM-VALIDATION lets RESTORE take a payload whose checksum is wrong', () => {
    const client = createEngine({ 'enable-debug-command': 'yes' }).connect()
    const payload = '\x00\x01v\x0b\x00????????'
    expect(client.ask('RESTORE', 'k', '0', payload)).toBe('-ERR DUMP payload version or checksum are wrong\r\n')
    client.ask('DEBUG', 'SET-SKIP-CHECKSUM-VALIDATION', '1')
    expect(client.ask('RESTORE', 'k', '0', payload)).toBe('+OK\r\n')
    expect(client.ask('RESTORE', 'l', '0', payload.replace('\x01', '\x20'))).toBe('-ERR Bad data format\r\n')
    client.ask('DEBUG', 'SET-SKIP-CHECKSUM-VALIDATION', '0')
    expect(client.ask('RESTORE', 'l', '0', payload)).toMatch(/^-ERR DUMP payload/)
  })

  test('SET-DISABLE-DENY-SCRIPTS lets scripts call what is not for them', () => {
    const test = createEngine({ 'enable-debug-command': 'yes' })
    const client = test.connect()
    const asks = () => client.ask('EVAL', "return redis.call('debug', 'digest-value')", '0')
    expect(asks()).toMatch(/^-ERR This Redis command is not allowed from script/)
    client.ask('DEBUG', 'SET-DISABLE-DENY-SCRIPTS', '1')
    expect(asks()).toBe('*0\r\n')
    client.ask('DEBUG', 'SET-DISABLE-DENY-SCRIPTS', '0')
    expect(asks()).toMatch(/^-ERR/)
  })

  test('CHANGE-REPL-ID gives the history another name', () => {
    const client = createEngine({ 'enable-debug-command': 'yes' }).connect()
    const id = () => /master_replid:([0-9a-f]{40})\r/.exec(client.ask('INFO', 'replication'))?.[1]
    const before = id()
    expect(client.ask('DEBUG', 'CHANGE-REPL-ID')).toBe('+OK\r\n')
    expect(id()).toMatch(/^[0-9a-f]{40}$/)
    expect(id()).not.toBe(before)
  })

  test('CLIENT-EVICTION counts clients by what they hold', () => {
    const client = createEngine({ 'enable-debug-command': 'yes', 'maxmemory-clients': '10mb' }).connect(3)
    const lines = client.ask('DEBUG', 'CLIENT-EVICTION').split('\n').slice(1, -1)
    expect(lines).toHaveLength(20)
    expect(lines[0]).toMatch(/^txt:bucket {10}0 - {6}32767: tot-mem: {7}\d{4}, clients: 1$/)
    expect(lines[18]).toBe('bucket 4294967296+            : tot-mem:          0, clients: 0')
  })

  test('HELP lists what there is', () => {
    const help = createEngine({ 'enable-debug-command': 'yes' }).connect().ask('DEBUG', 'HELP')
    for (const word of ['OBJECT', 'RELOAD', 'SLEEP', 'SET-ACTIVE-EXPIRE', 'HELP']) expect(help).toContain(`+${word}`)
  })
})

describe('SHUTDOWN', () => {
  test.each([
    [[], { save: 'default', now: false, force: false }],
    [['NOSAVE'], { save: 'nosave', now: false, force: false }],
    [['save', 'now', 'force'], { save: 'save', now: true, force: true }],
  ])('%j asks the host, and runs nothing more of this client', (words, options) => {
    const { engine, connect } = createEngine()
    const asked: object[] = []
    engine.parts.host = { shutdown: (given) => asked.push(given) }
    const client = connect()
    const request = ['SHUTDOWN', ...words]
    client.sendRaw(
      `*${request.length}\r\n${request.map((w) => `$${w.length}\r\n${w}\r\n`).join('')}*1\r\n$8\r\nFLUSHALL\r\n`,
    )
    expect(asked).toEqual([options])
    expect(engine.figures.stats.commandsProcessed).toBe(1)
  })

  test('that does not come about is answered with an error, and the client goes on', () => {
    const { engine, connect } = createEngine()
    let refuse = (): void => {}
    engine.parts.host = {
      shutdown: (_options, refused) => {
        refuse = refused
      },
    }
    const client = connect()
    expect(client.sendRaw('SHUTDOWN\r\nPING\r\n')).toBe('')
    refuse()
    expect(client.received()).toBe('-ERR Errors trying to SHUTDOWN. Check logs.\r\n+PONG\r\n')
  })

  test.each([
    [['foo'], '-ERR syntax error\r\n'],
    [['NOSAVE', 'SAVE'], '-ERR syntax error\r\n'],
    [['ABORT', 'NOW'], '-ERR syntax error\r\n'],
    [['ABORT'], '-ERR No shutdown in progress.\r\n'],
  ])('%j is refused and the server goes on', (words, error) => {
    const { engine, connect } = createEngine()
    engine.parts.host = {
      shutdown: () => {
        throw new Error('asked')
      },
    }
    const client = connect()
    expect(client.ask('SHUTDOWN', ...words)).toBe(error)
    expect(client.ask('PING')).toBe('+PONG\r\n')
  })

  test('is refused where there is nothing to shut down', () => {
    expect(createEngine().connect().ask('SHUTDOWN')).toBe('-ERR Errors trying to SHUTDOWN. Check logs.\r\n')
  })
})

describe('MEMORY USAGE', () => {
  test('answers the bytes of a key, nil for one that is not there', () => {
    const { connect } = createEngine()
    const client = connect(3)
    client.ask('SET', 'a', 'x'.repeat(1000))
    const bytes = Number(/^:(\d+)\r\n$/.exec(client.ask('MEMORY', 'USAGE', 'a'))?.[1])
    expect(bytes).toBeGreaterThanOrEqual(1000)
    expect(bytes).toBeLessThan(1500)
    expect(client.ask('MEMORY', 'USAGE', 'a', 'SAMPLES', '0')).toBe(`:${bytes}\r\n`)
    expect(client.ask('MEMORY', 'USAGE', 'nosuch')).toBe('_\r\n')
  })

  test.each([
    [['FOO'], '-ERR syntax error\r\n'],
    [['SAMPLES'], '-ERR syntax error\r\n'],
    [['SAMPLES', '-1'], '-ERR syntax error\r\n'],
    [['SAMPLES', 'x'], '-ERR value is not an integer or out of range\r\n'],
  ])('refuses %j', (words, error) => {
    const client = createEngine().connect()
    client.ask('SET', 'a', 'b')
    expect(client.ask('MEMORY', 'USAGE', 'a', ...words)).toBe(error)
  })
})

test('MODULE LOAD is refused as redis-server refuses it', () => {
  for (const words of [
    ['LOAD', '/x'],
    ['LOADEX', '/x'],
    ['UNLOAD', 'x'],
  ]) {
    expect(
      createEngine()
        .connect()
        .ask('MODULE', ...words),
    ).toMatch(/^-ERR MODULE command not allowed\. If the enable-module/)
    expect(
      createEngine({ 'enable-module-command': 'yes' })
        .connect()
        .ask('MODULE', ...words),
    ).toMatch(
      words[0] === 'UNLOAD'
        ? /^-ERR Error unloading module: no such module with that name\r\n$/
        : /^-ERR Error loading the extension\. Please check the server logs\.\r\n$/,
    )
  }
})

test('MODULE LIST is empty', () => {
  expect(createEngine().connect().ask('MODULE', 'LIST')).toBe('*0\r\n')
})

describe('LOLWUT', () => {
  test('draws a picture of the size that is asked for, and ends with the version', () => {
    const { connect } = createEngine()
    const reply = Buffer.from(connect(3).ask('LOLWUT', 'VERSION', '5', '10', '3'), 'latin1').toString('utf8')
    const lines = reply.split('\r\n')[1]!.split('\n')
    expect(lines[0]!.startsWith('txt:')).toBe(true)
    expect(lines.slice(0, 3).map((line) => [...line.replace('txt:', '')].length)).toEqual([10, 10, 10])
    expect(lines.at(-2)).toMatch(new RegExp(`Redis ver\\. ${REDIS_VERSION}$`))
  })

  test('is bounded, and wants numbers after VERSION', () => {
    const client = createEngine().connect()
    expect(client.ask('LOLWUT', 'VERSION', '5', '999999999', '999999999').length).toBeLessThan(100_000)
    expect(client.ask('LOLWUT', 'VERSION', 'x')).toBe('-ERR value is not an integer or out of range\r\n')
    expect(client.ask('LOLWUT')).not.toBe(client.ask('LOLWUT'))
  })
})
