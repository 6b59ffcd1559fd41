import { expect, test } from 'vitest'
import { createEngine } from '../../support/engine.ts'

const text = (reply: string) => reply.slice(reply.indexOf('\n') + 1, -2)

test('LATENCY GRAPH draws what Redis draws', () => {
  const { clock, connect, engine } = createEngine({ 'latency-monitor-threshold': '1' })
  const client = connect()
  for (const milliseconds of [20, 20, 30]) {
    engine.figures.latency.note('command', milliseconds)
    clock.advance(1000)
  }
  // As redis-server printed it for these samples.
  expect(text(client.ask('LATENCY', 'GRAPH', 'command'))).toBe(`command - high 30 ms, low 20 ms (all time high 30 ms)
--------------------------------------------------------------------------------
  #
  |
  |
__|
   
321
sss
`)
  clock.advance(3600_000)
  engine.figures.latency.note('command', 24)
  clock.advance(60_000)
  engine.figures.latency.note('command', 25)
  expect(text(client.ask('LATENCY', 'GRAPH', 'command'))).toMatch(
    /-\n {2}# {2}\n {2}\| _\n {2}\|o\|\n__\|\|\|\n {5}\n11110\nhhhms\n$/,
  )
})

test('LATENCY GRAPH goes on below after 80 samples, and keeps 160', () => {
  const { clock, connect, engine } = createEngine({ 'latency-monitor-threshold': '1' })
  for (let i = 0; i < 170; i++) {
    engine.figures.latency.note('command', 10 + i)
    clock.advance(1000)
  }
  const lines = text(connect().ask('LATENCY', 'GRAPH', 'command')).split('\n')
  expect(lines[0]).toBe('command - high 179 ms, low 20 ms (all time high 179 ms)')
  expect(lines.slice(2, 6).map(({ length }) => length)).toEqual([80, 80, 80, 80])
  expect(lines.filter((line) => /^[ _o#|]{80}$/.test(line))).toHaveLength(10)
})

test('LATENCY DOCTOR says what was slow and what to do', () => {
  const { clock, connect, engine } = createEngine()
  const client = connect(3)
  expect(client.ask('LATENCY', 'DOCTOR')).toContain("txt:I'm sorry, Dave, I can't do that.")
  client.ask('CONFIG', 'SET', 'latency-monitor-threshold', '1')
  expect(client.ask('LATENCY', 'DOCTOR')).toContain('Dave, no latency spike was observed')
  for (const milliseconds of [20, 20, 30]) {
    engine.figures.latency.note('command', milliseconds)
    clock.advance(1000)
  }
  engine.figures.latency.note('snapshot-slice', 5)
  const report = text(client.ask('LATENCY', 'DOCTOR'))
  expect(report).toContain(
    '\n1. command: 3 latency spikes (average 23ms, mean deviation 4ms, period 1.00 sec). Worst all time event 30ms.\n' +
      '2. snapshot-slice: 1 latency spikes (average 5ms, mean deviation 0ms, period 1.00 sec). Worst all time event 5ms.\n' +
      '\nI have a few advices for you:\n\n',
  )
  expect(report).toContain("Please use 'CONFIG SET slowlog-log-slower-than 1000'.")
  expect(report).toContain('- Check your Slow Log')
  expect(report).toContain('- Snapshots and rewrites')
  client.ask('CONFIG', 'SET', 'slowlog-log-slower-than', '-1')
  expect(client.ask('LATENCY', 'DOCTOR')).toContain('Try to enable the Slow Log')
  client.ask('LATENCY', 'RESET')
  engine.figures.latency.note('aof-write', 5)
  expect(client.ask('LATENCY', 'DOCTOR')).toContain("I'm not able to suggest any easy fix.")
})

test('LATENCY tells how long keys took to expire, from the threshold on', () => {
  const { clock, connect } = createEngine({ 'latency-monitor-threshold': '5' })
  const client = connect()
  let ms = 0
  let stepMs = 0
  clock.monotonic = () => {
    ms += stepMs
    return ms
  }
  const expires = (duration: number): void => {
    client.ask('SET', 'k', 'v', 'PX', '10')
    stepMs = duration
    clock.advance(1000)
    stepMs = 0
    expect(client.ask('EXISTS', 'k')).toBe(':0\r\n')
  }
  expires(4)
  expect(client.ask('LATENCY', 'LATEST')).not.toContain('expire-cycle')
  expires(5)
  expires(7)
  expect(client.ask('LATENCY', 'LATEST')).toMatch(/\$12\r\nexpire-cycle\r\n:\d+\r\n:7\r\n:7\r\n/)
  expect(client.ask('LATENCY', 'HISTORY', 'expire-cycle')).toMatch(
    /^\*2\r\n\*2\r\n:\d+\r\n:5\r\n\*2\r\n:\d+\r\n:7\r\n$/,
  )
})
