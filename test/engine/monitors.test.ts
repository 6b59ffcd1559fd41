import { expect, test } from 'vitest'
import { createEngine } from '../support/engine.ts'

test('a monitoring client is shown each command, its time and its client', () => {
  const { clock, connect } = createEngine()
  const [monitor, other] = [connect(), connect(3)]
  expect(monitor.ask('MONITOR')).toBe('+OK\r\n')
  other.ask('SET', 'k', 'v')
  const seconds = clock.now() / 1000
  expect(monitor.received()).toBe(`+${seconds.toFixed(6)} [0 127.0.0.1:50000] "SET" "k" "v"\r\n`)
  expect(monitor.ask('CLIENT', 'INFO')).toContain(' flags=O ')
})

test('commands have no handler while no client monitors', () => {
  const { connect, engine } = createEngine()
  const monitor = connect()
  monitor.ask('MONITOR')
  monitor.disconnect()
  const again = connect()
  again.ask('MONITOR')
  again.ask('RESET')
  expect(again.client.state).toBe(0)
  connect().ask('PING')
  expect(again.received()).toBe('')
  expect(engine.clients.connected.size).toBe(2)
})

test('a monitoring client that does not read is held to the output limits', () => {
  const { connect } = createEngine({ 'client-output-buffer-limit': 'normal 1000 0 0' })
  const [monitor, other] = [connect(), connect()]
  monitor.ask('MONITOR')
  other.ask('SET', 'k', 'x'.repeat(2000))
  expect(monitor.closed).toBe('now')
  expect(other.ask('PING')).toBe('+PONG\r\n')
})
