// EVAL and its kin: what a script does to everybody else.

import { expect, test } from 'vitest'
import { createEngine } from '../../support/engine.ts'

const OK = '+OK\r\n'

/** A script's SHA-1, as the server knows it. */
function load(client: { ask(...words: string[]): string }, script: string): string {
  return client.ask('SCRIPT', 'LOAD', script).split('\r\n')[1]!
}

test('the changes of a script are journaled as one unit, in the words of its commands', () => {
  const { connect, journal } = createEngine()
  const client = connect()
  const script = "redis.call('SET', KEYS[1], ARGV[1]) redis.call('INCR', 'n') return redis.call('RPUSH', 'l', 1, 2)"
  expect(client.ask('EVAL', script, 1, 'k', 'v\x00\xff')).toBe(':2\r\n')
  expect(journal.take()).toEqual(['MULTI', '0 SET k v\x00\xff', '0 INCR n', '0 RPUSH l 1 2', 'EXEC'])
})

test('a script that changes nothing journals nothing', () => {
  const { connect, journal } = createEngine()
  const client = connect()
  client.ask('SET', 'k', 'v')
  journal.take()
  expect(client.ask('EVAL', "redis.call('DEL', 'none') return redis.call('GET', 'k')", 0)).toBe('$1\r\nv\r\n')
  expect(journal.take()).toEqual([])
})

test('commands that would replay differently are journaled by their effects: chance, time and databases', () => {
  const { connect, journal, clock } = createEngine()
  const client = connect()
  client.ask('SADD', 's', 'only')
  journal.take()
  const script =
    "redis.call('SPOP', 's') redis.call('SET', 'k', 'v', 'EX', 10) redis.call('SELECT', 3) redis.call('SET', 'k', 'w')"
  expect(client.ask('EVAL', script, 0)).toBe('$-1\r\n')
  expect(journal.take()).toEqual([
    'MULTI',
    '0 SREM s only',
    `0 SET k v PXAT ${clock.now() + 10_000}`,
    '3 SET k w',
    'EXEC',
  ])
  // The caller is where it was.
  expect(client.ask('GET', 'k')).toBe('$1\r\nv\r\n')
})

test('the changes of a script before it failed stay, and are journaled', () => {
  const { connect, journal } = createEngine()
  const client = connect()
  expect(client.ask('EVAL', "redis.call('SET', 'k', 'v') error('no')", 0)).toMatch(/^-ERR user_script:1: no script: /)
  expect(client.ask('GET', 'k')).toBe('$1\r\nv\r\n')
  expect(journal.take()).toEqual(['0 SET k v'])
})

test('within MULTI the unit is the transaction', () => {
  const { connect, journal } = createEngine()
  const client = connect()
  client.ask('MULTI')
  client.ask('SET', 'a', 1)
  client.ask('EVAL', "redis.call('SET', 'b', 2) return redis.call('GET', 'a')", 0)
  client.ask('EVAL', 'return nonsense', 0)
  client.ask('SET', 'c', 3)
  const reply = client.ask('EXEC')
  expect(reply).toMatch(/^\*4\r\n\+OK\r\n\$1\r\n1\r\n-ERR user_script:1: .*\r\n\+OK\r\n$/)
  expect(journal.take()).toEqual(['MULTI', '0 SET a 1', '0 SET b 2', '0 SET c 3', 'EXEC'])
})

test('parked clients are served after the script, in order of arrival', () => {
  const { connect, journal } = createEngine()
  const [first, second, pusher] = [connect(), connect(), connect()]
  first.ask('BLPOP', 'l', 0)
  second.ask('BLPOP', 'l', 0)
  const script = "redis.call('RPUSH', 'l', 'a', 'b', 'c') redis.call('RPOP', 'l') return redis.call('LLEN', 'l')"
  expect(pusher.ask('EVAL', script, 0)).toBe(':2\r\n')
  expect(first.received()).toBe('*2\r\n$1\r\nl\r\n$1\r\na\r\n')
  expect(second.received()).toBe('*2\r\n$1\r\nl\r\n$1\r\nb\r\n')
  expect(journal.take()).toEqual(['MULTI', '0 RPUSH l a b c', '0 RPOP l', 'EXEC', '0 LPOP l', '0 LPOP l'])
})

test('a script does not wait: blocking commands answer as if the time were up', () => {
  const { connect } = createEngine()
  const client = connect()
  const calls = ["'BLPOP','k',0", "'BRPOP','k',0", "'BLMOVE','k','l','LEFT','LEFT',0", "'BRPOPLPUSH','k','l',0"]
  calls.push("'BLMPOP',0,1,'k','LEFT'", "'BZPOPMIN','k',0", "'BZPOPMAX','k',0", "'BZMPOP',0,1,'k','MIN'")
  for (const call of calls) expect(client.ask('EVAL', `return redis.call(${call})`, 0), call).toBe('$-1\r\n')
  expect(client.ask('EVAL', "return redis.call('WAIT', 1, 0)", 0)).toBe(':0\r\n')
  expect(client.ask('EVAL', "return redis.pcall('WAITAOF', 0, 1, 0)", 0)).toBe(
    '-ERR This Redis command is not allowed from script\r\n',
  )
  expect(client.ask('PING')).toBe('+PONG\r\n')
})

test('a script breaks the WATCHes of the keys it changes', () => {
  const { connect } = createEngine()
  const [watcher, other] = [connect(), connect()]
  watcher.ask('WATCH', 'k')
  other.ask('EVAL', "redis.call('SET', 'k', 'v')", 0)
  watcher.ask('MULTI')
  expect(watcher.ask('EXEC')).toBe('*-1\r\n')
})

test('events are sent for what a script changes', () => {
  const { connect } = createEngine({ 'notify-keyspace-events': 'KEA' })
  const [listener, client] = [connect(), connect()]
  listener.ask('PSUBSCRIBE', '__keyevent@0__:*')
  client.ask('EVAL', "redis.call('SET', 'k', 'v') redis.call('DEL', 'k')", 0)
  const events = [...listener.received().matchAll(/__keyevent@0__:(\w+)/g)].map(([, event]) => event)
  expect(events).toEqual(['set', 'del'])
})

test('a message a script sends to its own caller comes after the reply', () => {
  const { connect } = createEngine()
  const client = connect(3)
  client.ask('SUBSCRIBE', 'c')
  expect(client.ask('EVAL', "return redis.call('PUBLISH', 'c', 'm')", 0)).toBe(
    ':1\r\n>3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n',
  )
})

test('a script has one reading of the clock: keys do not expire while it runs', () => {
  const { engine, connect, clock } = createEngine()
  const client = connect()
  client.ask('SET', 'k', 'v', 'PX', 5)
  // Time goes on with every look at the clock.
  const { now } = clock
  clock.now = () => {
    clock.advance(1)
    return now.call(clock)
  }
  const script =
    "local t = redis.call('TIME') for i = 1, 50 do redis.call('GET', 'k') end local u = redis.call('TIME') return {redis.call('GET', 'k'), t[1] == u[1] and t[2] == u[2]}"
  expect(client.ask('EVAL', script, 0)).toBe('*2\r\n$1\r\nv\r\n:1\r\n')
  expect(engine.databases[0]!.size).toBe(1)
})

test('EVALSHA finds what EVAL and SCRIPT LOAD have brought, until SCRIPT FLUSH', () => {
  const { connect } = createEngine()
  const [a, b] = [connect(), connect()]
  const missing = '-NOSCRIPT No matching script. Please use EVAL.\r\n'
  const sha = load(a, 'return {KEYS[1], ARGV[1]}')
  expect(b.ask('EVALSHA', sha, 1, 'k', 'v')).toBe('*2\r\n$1\r\nk\r\n$1\r\nv\r\n')
  expect(b.ask('EVALSHA', sha.toUpperCase(), 1, 'k', 'v')).toBe('*2\r\n$1\r\nk\r\n$1\r\nv\r\n')
  b.ask('EVAL', 'return 1', 0)
  expect(a.ask('EVALSHA', 'e0e1f9fabfc9d4800c877a703b823ac0578ff8db', 0)).toBe(':1\r\n')
  expect(a.ask('SCRIPT', 'FLUSH')).toBe(OK)
  expect(a.ask('EVALSHA', sha, 0)).toBe(missing)
  expect(a.ask('SCRIPT', 'EXISTS', sha)).toBe('*1\r\n:0\r\n')
})

test('scripts that differ in one byte anywhere are different scripts', () => {
  const { engine, connect } = createEngine()
  const client = connect()
  const body = (i: number): string => `return '${'.'.repeat(i)}x${'.'.repeat(200 - i)}'`
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i <= 200; i++) {
      expect(client.ask('EVAL', body(i), 0)).toBe(`$201\r\n${'.'.repeat(i)}x${'.'.repeat(200 - i)}\r\n`)
    }
  }
  expect(engine.parts.scripts.cachedScripts).toBe(201)
})

test('a script that failed to compile is not kept', () => {
  const { engine, connect } = createEngine()
  const client = connect()
  expect(client.ask('EVAL', 'return +', 0)).toMatch(/^-ERR Error compiling script \(new function\): user_script:1: /)
  expect(engine.parts.scripts.cachedScripts).toBe(0)
})

test('a read-only script may not write, and says so before it has changed anything', () => {
  const { connect, journal } = createEngine()
  const client = connect()
  const reply = client.ask('EVAL_RO', "return redis.call('SET', 'k', 'v')", 0)
  expect(reply).toMatch(/^-ERR Write commands are not allowed from read-only scripts\. script: /)
  expect(client.ask('EVAL', "#!lua flags=no-writes\nreturn redis.call('SET', 'k', 'v')", 0)).toMatch(/^-ERR Write comm/)
  expect(client.ask('EXISTS', 'k')).toBe(':0\r\n')
  expect(journal.take()).toEqual([])
})

test('without memory a script may read, free, and end what it has begun, but not begin to use more', () => {
  const client = createEngine().connect()
  client.ask('SET', 'large', 'x'.repeat(100_000))
  client.ask('CONFIG', 'SET', 'maxmemory', '1')
  const oom = /^-OOM command not allowed when used memory > 'maxmemory'\./
  expect(client.ask('SET', 'k', 'v')).toMatch(oom)
  expect(client.ask('EVAL', "return redis.call('SET', 'k', 'v')", 0)).toMatch(oom)
  expect(client.ask('EVAL', "return redis.call('GET', 'k')", 0)).toBe('$-1\r\n')
  expect(client.ask('EVAL', "redis.call('DEL', 'k') return redis.call('SET', 'k', 'v')", 0)).toBe(OK)
  expect(client.ask('EVAL', "#!lua\nreturn redis.call('GET', 'k')", 0)).toMatch(oom)
  expect(client.ask('EVAL', "#!lua flags=allow-oom\nreturn redis.call('SET', 'k', 'w')", 0)).toBe(OK)
  expect(client.ask('EVAL', "#!lua flags=no-writes\nreturn redis.call('GET', 'k')", 0)).toBe('$1\r\nw\r\n')
})

test('while the journal cannot be written a script may read, and its writes are refused', () => {
  const { engine, connect, journal } = createEngine()
  const client = connect()
  engine.effects.durability.follow(journal)
  journal.failure = 'No space left on device'
  journal.progress()
  const refused = /^-MISCONF Errors writing to the AOF file: No space left on device/
  expect(client.ask('EVAL', "return redis.call('SET', 'k', 'v')", 0)).toMatch(refused)
  expect(client.ask('EVAL', "return redis.call('GET', 'k')", 0)).toBe('$-1\r\n')
  expect(client.ask('EVAL', '#!lua\nreturn 1', 0)).toMatch(refused)
  expect(client.ask('EVAL', '#!lua flags=no-writes\nreturn 1', 0)).toBe(':1\r\n')
})

test('errors are counted where they arise, once', () => {
  const { engine, connect } = createEngine()
  const client = connect()
  client.ask('SET', 'k', 'v')
  client.ask('EVAL', "return redis.call('LPUSH', 'k', 'x')", 0)
  expect(engine.figures.stats.errors.get('WRONGTYPE')).toBe(1)
  client.ask('EVAL', "return redis.pcall('LPUSH', 'k', 'x')", 0)
  expect(engine.figures.stats.errors.get('WRONGTYPE')).toBe(2)
  expect(engine.figures.stats.errorReplies).toBe(2)
  client.ask('EVAL', "return redis.error_reply('MINE x')", 0)
  expect(engine.figures.stats.errors.get('MINE')).toBe(1)
  expect(engine.commands.get('EVAL')!.failed).toBe(3)
  expect(engine.commands.get('LPUSH')!.failed).toBe(2)
})

test('CLIENT LIST shows a script as the command that ran it', () => {
  const { connect } = createEngine()
  const client = connect()
  client.ask('EVAL', "redis.call('SET', 'k', 'v')", 0)
  expect(client.client.activity.lastCommand).toBe('eval')
})

test('arguments of any size reach commands whole', () => {
  const { connect } = createEngine()
  const client = connect()
  const large = 'x'.repeat(300_000)
  const script =
    "redis.call('MSET', KEYS[1], ARGV[1], KEYS[2], 'small', KEYS[3], ARGV[1] .. 'y') return {redis.call('STRLEN', KEYS[1]), redis.call('GET', KEYS[2]), redis.call('STRLEN', KEYS[3])}"
  expect(client.ask('EVAL', script, 3, 'a', 'b', 'c', large)).toBe('*3\r\n:300000\r\n$5\r\nsmall\r\n:300001\r\n')
  expect(client.ask('GET', 'a')).toBe(`$300000\r\n${large}\r\n`)
})

test('a script speaks RESP2 to its commands whatever the last one spoke', () => {
  const { connect } = createEngine()
  const client = connect(3)
  client.ask('HSET', 'h', 'f', 'v')
  expect(client.ask('EVAL', "redis.setresp(3) return redis.call('HGETALL', 'h')", 0)).toBe(
    '%1\r\n$1\r\nf\r\n$1\r\nv\r\n',
  )
  expect(client.ask('EVAL', "return redis.call('HGETALL', 'h')", 0)).toBe('*2\r\n$1\r\nf\r\n$1\r\nv\r\n')
})

test('a script is found by its SHA-1 in either case, and by no other that begins alike', () => {
  const client = createEngine().connect()
  const sha = load(client, 'return KEYS[1]')
  expect(client.ask('EVALSHA', sha, 1, 'k')).toBe('$1\r\nk\r\n')
  expect(client.ask('EVALSHA', sha.toUpperCase(), 1, 'k')).toBe('$1\r\nk\r\n')
  const other = sha.slice(0, 39) + (sha.endsWith('0') ? '1' : '0')
  expect(client.ask('EVALSHA', other, 1, 'k')).toBe('-NOSCRIPT No matching script. Please use EVAL.\r\n')
  expect(client.ask('SCRIPT', 'EXISTS', sha, other, 'short')).toBe('*3\r\n:1\r\n:0\r\n:0\r\n')
  client.ask('SCRIPT', 'FLUSH')
  expect(client.ask('EVALSHA', sha, 1, 'k')).toBe('-NOSCRIPT No matching script. Please use EVAL.\r\n')
})

test('numbers are words as Redis prints them', () => {
  const client = createEngine().connect()
  const script =
    "for i, n in ipairs({0, -0, 7, -12, 2^31, 2^53 - 1, 1 - 2^53, 0.5, 1e20}) do redis.call('RPUSH', 'l', n) end"
  client.ask('EVAL', script, 0)
  const words = ['0', '0', '7', '-12', '2147483648', '9007199254740991', '-9007199254740991', '0.5', '1e+20']
  expect(client.ask('LRANGE', 'l', 0, -1)).toBe(`*9\r\n${words.map((w) => `$${w.length}\r\n${w}\r\n`).join('')}`)
})

test('a word that is no word fails its call only, wherever it stands', () => {
  const client = createEngine().connect()
  const script =
    "local r = redis.pcall('SET', {}, 'v') redis.call('SET', 'k', 'v') return {r.err, redis.call('GET', 'k')}"
  expect(client.ask('EVAL', script, 0)).toBe(
    '*2\r\n$63\r\nERR Lua redis lib command arguments must be strings or integers\r\n$1\r\nv\r\n',
  )
})

test('while data is loaded no script runs, whatever it declares; help is given', () => {
  const { engine, connect } = createEngine()
  const client = connect()
  const sha = load(client, 'return 1')
  client.ask('FUNCTION', 'LOAD', "#!lua name=l\nredis.register_function('f', function() return 1 end)")
  engine.conditions.loading.begin()
  const loading = '-LOADING Redis is loading the dataset in memory\r\n'
  expect(client.ask('EVAL', '#!lua flags=no-writes,allow-stale\nreturn 1', 0)).toBe(loading)
  expect(client.ask('EVAL_RO', 'return 1', 0)).toBe(loading)
  expect(client.ask('EVALSHA', sha, 0)).toBe(loading)
  expect(client.ask('FCALL', 'f', 0)).toBe(loading)
  expect(client.ask('SCRIPT', 'LOAD', 'return 1')).toBe(loading)
  expect(client.ask('FUNCTION', 'LIST')).toBe(loading)
  expect(client.ask('SCRIPT', 'HELP')).toMatch(/^\*/)
  expect(client.ask('FUNCTION', 'HELP')).toMatch(/^\*/)
})

test('a pause of everything holds scripts of every kind until it ends', () => {
  const { connect, clock } = createEngine()
  const [client, reader, writer] = [connect(), connect(), connect()]
  client.ask('CLIENT', 'PAUSE', '100', 'ALL')
  expect(reader.ask('EVAL', '#!lua flags=no-writes\nreturn 1', 0)).toBe('')
  expect(writer.ask('EVAL', "return redis.call('SET', 'k', 'v')", 0)).toBe('')
  clock.advance(100)
  expect([reader.received(), writer.received()]).toEqual([':1\r\n', OK])
})

test('CLIENT NO-TOUCH holds in scripts', () => {
  const { connect, clock } = createEngine()
  const client = connect()
  client.ask('SET', 'k', 'v')
  clock.advance(10_000)
  client.ask('CLIENT', 'NO-TOUCH', 'ON')
  client.ask('EVAL', "return redis.call('GET', 'k')", 0)
  expect(client.ask('OBJECT', 'IDLETIME', 'k')).toBe(':10\r\n')
  client.ask('CLIENT', 'NO-TOUCH', 'OFF')
  client.ask('EVAL', "return redis.call('GET', 'k')", 0)
  expect(client.ask('OBJECT', 'IDLETIME', 'k')).toBe(':0\r\n')
})

test('within a script no second one begins, by any of its names', () => {
  const client = createEngine().connect()
  client.ask('FUNCTION', 'LOAD', "#!lua name=l\nredis.register_function('f', function() return 1 end)")
  for (const call of [
    "'EVAL', 'return 1', 0",
    "'EVALSHA', 'e0e1f9fabfc9d4800c877a703b823ac0578ff8db', 0",
    "'EVAL_RO', 'return 1', 0",
    "'EVALSHA_RO', 'e0e1f9fabfc9d4800c877a703b823ac0578ff8db', 0",
    "'FCALL', 'f', 0",
    "'FCALL_RO', 'f', 0",
    "'SCRIPT', 'LOAD', 'return 1'",
    "'SCRIPT', 'FLUSH'",
    "'SCRIPT', 'KILL'",
    "'FUNCTION', 'LOAD', 'x'",
    "'FUNCTION', 'FLUSH'",
    "'FUNCTION', 'KILL'",
    "'FUNCTION', 'STATS'",
  ]) {
    expect(client.ask('EVAL', `return redis.pcall(${call})`, 0), call).toBe(
      '-ERR This Redis command is not allowed from script\r\n',
    )
  }
})
