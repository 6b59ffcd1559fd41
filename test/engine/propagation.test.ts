import { expect, test } from 'vitest'
import type { EffectSink } from '../../src/engine/effects/effects.ts'
import { createEngine, RecordingJournal, TestClient, withoutJournal } from '../support/engine.ts'

/** A sink as a replica's would be: it keeps nothing, and carries messages too. */
class Wire extends RecordingJournal implements EffectSink {
  readonly takesMessages = true
}

test('effects go to every sink, in the order in which the sinks came', () => {
  const { engine, journal, connect } = createEngine()
  const wire = new Wire()
  engine.effects.propagation.add(wire)
  const client = connect()
  client.ask('SET', 'a', '1')
  client.ask('SADD', 's', 'x')
  client.ask('SPOP', 's')
  const effects = ['0 SET a 1', '0 SADD s x', '0 SREM s x']
  expect([journal.take(), wire.take()]).toEqual([effects, effects])
  engine.effects.propagation.remove(wire)
  client.ask('SET', 'a', '2')
  expect([journal.take(), wire.take()]).toEqual([['0 SET a 2'], []])
})

test('a sink gets effects without a journal, and what it is told is enough for the same data', () => {
  const here = createEngine()
  withoutJournal(here)
  const wire = new Wire()
  here.engine.effects.propagation.add(wire)
  const client = here.connect()
  client.ask('XADD', 's', '1-1', 'f', 'v')
  client.ask('XGROUP', 'CREATE', 's', 'g', '0')
  client.ask('XREADGROUP', 'GROUP', 'g', 'c', 'STREAMS', 's', '>')
  client.ask('SADD', 'set', 'a', 'b', 'c')
  client.ask('SPOP', 'set', '2')
  client.ask('SET', 'gone', 'v', 'PX', '5')
  here.clock.advance(10)
  client.ask('GET', 'gone')
  expect(here.journal.take()).toEqual([])
  const there = createEngine()
  const primary = new TestClient(there.engine, 2, 'primary')
  for (const line of wire.take()) {
    const [, ...words] = line.split(' ')
    if (words.length > 0) primary.ask(...words)
  }
  const other = there.connect()
  for (const request of [
    ['XPENDING', 's', 'g'],
    ['SMEMBERS', 'set'],
    ['EXISTS', 'gone'],
  ])
    expect(other.ask(...request)).toBe(client.ask(...request))
})

test('commands of the primary are propagated further, replayed ones are not', () => {
  const { engine, journal } = createEngine()
  new TestClient(engine, 2, 'replay').ask('SET', 'a', '1')
  expect(journal.take()).toEqual([])
  new TestClient(engine, 2, 'primary').ask('SET', 'a', '2')
  expect(journal.take()).toEqual(['0 SET a 2'])
})

test('messages go to sinks that carry them, within the unit they belong to', () => {
  const { engine, journal, connect } = createEngine()
  const wire = new Wire()
  engine.effects.propagation.add(wire)
  const client = connect()
  client.ask('PUBLISH', 'c', 'm')
  client.ask('SPUBLISH', 'c', 'm')
  client.ask('MULTI')
  client.ask('PUBLISH', 'c', 'n')
  client.ask('EXEC')
  expect(journal.take()).toEqual([])
  expect(wire.take()).toEqual(['0 PUBLISH c m', '0 SPUBLISH c m', '0 PUBLISH c n'])
  client.ask('MULTI')
  client.ask('PUBLISH', 'c', 'n')
  client.ask('SET', 'a', '1')
  client.ask('EXEC')
  expect(journal.take()).toEqual(['0 SET a 1'])
  expect(wire.take()).toEqual(['MULTI', '0 PUBLISH c n', '0 SET a 1', 'EXEC'])
})

test('a client within the program is asked for no password', () => {
  const { engine, connect } = createEngine({ requirepass: 'secret' })
  expect(connect().ask('PING')).toContain('NOAUTH')
  expect(new TestClient(engine, 2, 'internal').ask('PING')).toBe('+PONG\r\n')
})
