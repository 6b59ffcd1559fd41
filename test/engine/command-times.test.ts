import { expect, test } from 'vitest'
import { defineCommand } from '../../src/engine/spec/command.ts'
import { createEngine, encode, type TestEngine } from '../support/engine.ts'
import type { FakeClock } from '../support/fake-clock.ts'
import { callsOf } from '../support/replace-method.ts'

/** An engine with commands that take as many milliseconds as they are told: WORK, which may take long, and QUICK, which is of constant time. */
function timedEngine(settings: Parameters<typeof createEngine>[0] = {}): TestEngine {
  let clock: FakeClock | undefined
  const takes = (name: string, complexity: string) =>
    defineCommand({
      name,
      summary: 'Takes time.',
      group: 'server',
      since: '1.0.0',
      complexity,
      arity: -2,
      flags: complexity === 'O(1)' ? ['fast'] : [],
      run(call) {
        clock!.advance(Number(call.args.string(1)))
        call.reply.ok()
      },
    })
  const made = createEngine(settings, 1, [takes('WORK', 'O(N)'), takes('QUICK', 'O(1)')])
  clock = made.clock
  return made
}

const entry = (id: number, seconds: number, microseconds: number, ...words: string[]) =>
  `*6\r\n:${id}\r\n:${seconds}\r\n:${microseconds}\r\n${encode(words)}$15\r\n127.0.0.1:50000\r\n$0\r\n\r\n`

test('SLOWLOG keeps what took ten milliseconds, the newest first', () => {
  const { clock, connect } = timedEngine()
  const client = connect()
  const seconds = clock.now() / 1000
  client.ask('WORK', '9.999')
  client.ask('WORK', '10')
  client.ask('QUICK', '12.3456')
  expect(client.ask('SLOWLOG', 'LEN')).toBe(':2\r\n')
  expect(client.ask('SLOWLOG', 'GET')).toBe(
    `*2\r\n${entry(1, seconds, 12345, 'QUICK', '12.3456')}${entry(0, seconds, 10000, 'WORK', '10')}`,
  )
  expect(client.ask('SLOWLOG', 'GET', '1')).toBe(`*1\r\n${entry(1, seconds, 12345, 'QUICK', '12.3456')}`)
  expect(client.ask('SLOWLOG', 'RESET')).toBe('+OK\r\n')
  expect(client.ask('SLOWLOG', 'GET', '-1')).toBe('*0\r\n')
})

test('SLOWLOG keeps the slow command of a pipeline, wherever it stands', () => {
  const { connect } = timedEngine()
  const client = connect()
  client.sendRaw(encode(['GET', 'a']).repeat(7) + encode(['WORK', '50']) + encode(['GET', 'a']).repeat(7))
  expect(client.ask('SLOWLOG', 'GET')).toContain(':50000\r\n*2\r\n$4\r\nWORK\r\n')
})

test('every command is timed where a millisecond is of interest, from the next command on', () => {
  const { connect } = timedEngine()
  const client = connect()
  const pipeline = encode(['QUICK', '0']).repeat(30)
  client.sendRaw(pipeline + encode(['CONFIG', 'SET', 'slowlog-log-slower-than', '0']) + pipeline)
  expect(client.ask('SLOWLOG', 'LEN')).toBe(':31\r\n')
})

test('watchdog-period has commands logged that took as long, 200 ms at least', () => {
  const { connect, engine } = timedEngine({ 'slowlog-log-slower-than': '-1' })
  const warned = callsOf(engine.environment.log, 'warn')
  const client = connect()
  client.ask('WORK', '5000')
  expect(client.ask('CONFIG', 'SET', 'watchdog-period', '50')).toBe('+OK\r\n')
  client.ask('WORK', '199')
  expect(warned).toEqual([])
  client.ask('WORK', '200')
  expect(warned).toEqual([[{ command: 'work', milliseconds: 200 }, '--- WATCHDOG TIMER EXPIRED ---']])
  client.ask('CONFIG', 'SET', 'watchdog-period', '0')
  client.ask('WORK', '5000')
  expect(warned).toHaveLength(1)
})

test('slowlog-max-len bounds it, 0 and a negative threshold turn it off', () => {
  const { connect } = timedEngine({ 'slowlog-max-len': '2' })
  const client = connect()
  for (const time of ['11', '12', '13']) client.ask('WORK', time)
  expect(client.ask('SLOWLOG', 'GET').match(/:1[1-5]000/g)).toEqual([':13000', ':12000'])
  client.ask('CONFIG', 'SET', 'slowlog-max-len', '0')
  client.ask('WORK', '14')
  expect(client.ask('SLOWLOG', 'LEN')).toBe(':2\r\n')
  client.ask('CONFIG', 'SET', 'slowlog-max-len', '1', 'slowlog-log-slower-than', '-1')
  client.ask('WORK', '15')
  expect(client.ask('SLOWLOG', 'GET')).toContain(':13000')
})

test('a blocking command is one call, and its time that of its runs, not of the waiting', () => {
  const { clock, connect } = timedEngine({ 'slowlog-log-slower-than': '0' })
  const [waiting, other] = [connect(), connect()]
  waiting.ask('BLPOP', 'list', '0')
  expect(other.ask('INFO', 'commandstats')).not.toContain('cmdstat_blpop')
  clock.advance(5000)
  other.ask('RPUSH', 'list', 'x')
  expect(waiting.received()).toBe('*2\r\n$4\r\nlist\r\n$1\r\nx\r\n')
  expect(other.ask('SLOWLOG', 'GET', '1')).toContain(':0\r\n*3\r\n$5\r\nBLPOP\r\n')
  waiting.ask('BLPOP', 'list', '1')
  clock.advance(2000)
  expect(waiting.received()).toBe('*-1\r\n')
  expect(other.ask('INFO', 'commandstats')).toContain('cmdstat_blpop:calls=2,')
  expect(other.ask('LATENCY', 'HISTOGRAM', 'blpop')).toContain('calls\r\n:2\r\n')
})

test('LATENCY HISTOGRAM and INFO latencystats count calls that were not timed like those that were', () => {
  const { connect } = timedEngine()
  const client = connect(3)
  client.sendRaw(encode(['QUICK', '0.125']).repeat(100))
  expect(client.ask('LATENCY', 'HISTOGRAM', 'quick', 'nosuch')).toBe(
    '%1\r\n$5\r\nquick\r\n%2\r\n$5\r\ncalls\r\n:100\r\n$14\r\nhistogram_usec\r\n%1\r\n:132\r\n:100\r\n',
  )
  expect(client.ask('INFO', 'latencystats')).toContain(
    'latency_percentiles_usec_quick:p50=125.439,p99=125.439,p99.9=125.439\r\n',
  )
  expect(client.ask('INFO', 'commandstats')).toMatch(/cmdstat_quick:calls=100,usec=12500,/)
})

test('latency-tracking no measures and tells nothing new, CONFIG RESETSTAT forgets what was measured', () => {
  const { connect } = timedEngine()
  const client = connect()
  client.ask('QUICK', '1')
  client.ask('CONFIG', 'SET', 'latency-tracking', 'no')
  client.ask('QUICK', '1')
  client.ask('WORK', '1')
  expect(client.ask('LATENCY', 'HISTOGRAM', 'quick', 'work')).toContain(
    '*2\r\n$5\r\nquick\r\n*4\r\n$5\r\ncalls\r\n:1\r\n',
  )
  expect(client.ask('INFO', 'latencystats')).toBe('$16\r\n# Latencystats\r\n\r\n')
  client.ask('CONFIG', 'SET', 'latency-tracking', 'yes', 'latency-tracking-info-percentiles', '0 50.5')
  expect(client.ask('INFO', 'latencystats')).toContain('_quick:p0=999.424,p50.5=1003.519\r\n')
  client.ask('CONFIG', 'RESETSTAT')
  expect(client.ask('LATENCY', 'HISTOGRAM')).toBe(
    '*2\r\n$16\r\nconfig|resetstat\r\n*4\r\n$5\r\ncalls\r\n:1\r\n$14\r\nhistogram_usec\r\n*2\r\n:1\r\n:1\r\n',
  )
})

test('LATENCY keeps the slowest command of each second', () => {
  const { clock, connect } = timedEngine({ 'latency-monitor-threshold': '20' })
  const client = connect()
  client.ask('WORK', '19.9')
  expect(client.ask('LATENCY', 'LATEST')).toBe('*0\r\n')
  const seconds = clock.now() / 1000
  client.ask('WORK', '20.7')
  client.ask('WORK', '30')
  client.ask('WORK', '25')
  client.ask('QUICK', '40')
  clock.advance(1000)
  client.ask('WORK', '22')
  const [first, second] = [Math.floor(seconds), Math.floor(clock.now() / 1000)]
  expect(client.ask('LATENCY', 'HISTORY', 'command')).toBe(
    `*2\r\n*2\r\n:${first}\r\n:30\r\n*2\r\n:${second}\r\n:22\r\n`,
  )
  expect(client.ask('LATENCY', 'LATEST')).toBe(
    `*2\r\n*4\r\n$7\r\ncommand\r\n:${second}\r\n:22\r\n:30\r\n*4\r\n$12\r\nfast-command\r\n:${first}\r\n:40\r\n:40\r\n`,
  )
  expect(client.ask('LATENCY', 'RESET', 'command', 'nosuch')).toBe(':1\r\n')
  expect(client.ask('LATENCY', 'RESET')).toBe(':1\r\n')
})

test('a timer that comes late is an event of the loop', () => {
  const { clock, connect, engine } = timedEngine()
  const client = connect()
  const { timers } = clock
  client.ask('CONFIG', 'SET', 'latency-monitor-threshold', '50')
  expect(clock.timers).toBe(timers + 1)
  clock.advance(1000)
  expect(client.ask('LATENCY', 'LATEST')).toBe('*0\r\n')
  engine.figures.latency.note('garbage-collection', 51)
  expect(client.ask('LATENCY', 'LATEST')).toContain('garbage-collection')
  client.ask('CONFIG', 'SET', 'latency-monitor-threshold', '0')
  expect(clock.timers).toBe(timers)
})

test('a command that a script calls is kept without a client, and with it the script', () => {
  const { connect, engine } = timedEngine({ 'slowlog-log-slower-than': '10000' })
  const client = connect()
  client.ask('EVAL', "return redis.call('WORK', 20)", '0')
  const [script, call] = engine.figures.slowLog.newest(2)
  expect(script).toMatchObject({ words: ['EVAL', "return redis.call('WORK', 20)", '0'], address: '127.0.0.1:50000' })
  expect(call).toMatchObject({ words: ['WORK', '20'], address: '', clientName: '', microseconds: 20_000 })
})
