import { describe, expect, test } from 'vitest'
import { Bytes } from '../../src/util/bytes/bytes.ts'
import { createEngine, encode, type TestEngine } from '../support/engine.ts'

const OK = '+OK\r\n'

/** An engine whose journal says itself what is durable. */
function createWaiting(settings: Parameters<typeof createEngine>[0] = {}): TestEngine {
  const test = createEngine(settings)
  test.journal.waits = true
  test.engine.effects.durability.follow(test.journal)
  return test
}

/** Keys in different slots of the table, whatever the seed. */
const KEYS = ['a', 'b', 'c', 'd']

describe('a reply', () => {
  test('to a writer waits until its bytes are durable', () => {
    const { journal, connect } = createWaiting()
    const client = connect()
    expect(client.ask('SET', 'a', '1')).toBe('')
    journal.progress()
    expect(client.received()).toBe(OK)
  })

  test('waits only for its own bytes', () => {
    const { journal, connect } = createWaiting()
    const [first, second] = [connect(), connect()]
    first.ask('SET', 'a', '1')
    const durable = journal.appended
    second.ask('SET', 'b', '1')
    journal.progress(durable)
    expect(first.received()).toBe(OK)
    expect(second.received()).toBe('')
    journal.progress()
    expect(second.received()).toBe(OK)
  })

  test('to a reader of another key, or of none, leaves at once', () => {
    const { journal, connect } = createWaiting()
    const [writer, reader] = [connect(), connect()]
    for (const key of KEYS) writer.ask('SET', key, '1')
    journal.progress()
    writer.received()
    writer.ask('SET', 'a', '2')
    const free = KEYS.slice(1).filter((key) => reader.ask('GET', key) === '$1\r\n1\r\n')
    expect(free).toEqual(KEYS.slice(1))
    expect(reader.ask('PING')).toBe('+PONG\r\n')
  })

  test('to a reader of the changed key waits, however often the key changed', () => {
    const { journal, connect } = createWaiting()
    const [writer, reader] = [connect(), connect()]
    writer.ask('SET', 'a', '1')
    writer.ask('SET', 'a', '2')
    expect(reader.ask('GET', 'a')).toBe('')
    journal.progress(1)
    expect(reader.received()).toBe('')
    journal.progress(2)
    expect(reader.received()).toBe('$1\r\n2\r\n')
    expect(reader.ask('GET', 'a')).toBe('$1\r\n2\r\n')
  })

  test('to a reader waits for a change that no WATCH minds: a string that only grew', () => {
    const { journal, connect } = createWaiting()
    const [writer, reader] = [connect(), connect()]
    writer.ask('BITFIELD', 'a', 'OVERFLOW', 'FAIL', 'SET', 'u8', '0', '256')
    expect(reader.ask('STRLEN', 'a')).toBe('')
    journal.progress()
    expect(reader.received()).toBe(':1\r\n')
  })

  test('to a pipeline leaves as one, in order', () => {
    const { journal, connect } = createWaiting()
    const client = connect()
    const pipeline = encode(['PING']) + encode(['SET', 'a', '1']) + encode(['GET', 'b']) + encode(['GET', 'a'])
    expect(client.sendRaw(pipeline)).toBe('')
    expect(client.ask('PING', 'later')).toBe('')
    expect(client.ask('PING', 'last')).toBe('')
    journal.progress()
    expect(client.received()).toBe('+PONG\r\n+OK\r\n$-1\r\n$1\r\n1\r\n$5\r\nlater\r\n$4\r\nlast\r\n')
  })

  test('kept over many turns is what it was, while other clients use the shared buffers', () => {
    const { journal, connect } = createWaiting()
    const [held, other] = [connect(), connect()]
    held.ask('SET', 'a', '1')
    let expected = OK
    for (let i = 0; i < 50; i++) {
      const word = `${i}`.repeat(i % 7 === 0 ? 50_000 : 3)
      held.ask('PING', word)
      expected += `$${word.length}\r\n${word}\r\n`
      expect(other.ask('PING', 'x'.repeat(1000))).toHaveLength(1000 + 9)
    }
    journal.progress()
    expect(held.received()).toBe(expected)
  })

  test('muted by CLIENT REPLY is not among what is kept', () => {
    const { journal, connect } = createWaiting()
    const client = connect()
    client.ask('SET', 'a', '1')
    client.ask('CLIENT', 'REPLY', 'OFF')
    client.ask('PING', 'unheard')
    client.ask('CLIENT', 'REPLY', 'ON')
    journal.progress()
    expect(client.received()).toBe(OK + OK)
  })

  test('that tells of every key waits for every change', () => {
    const { journal, connect } = createWaiting()
    const [writer, reader] = [connect(), connect()]
    expect(reader.ask('DBSIZE')).toBe(':0\r\n')
    writer.ask('SET', 'a', '1')
    expect(reader.ask('DBSIZE')).toBe('')
    journal.progress()
    expect(reader.received()).toBe(':1\r\n')
  })

  test('to a reader of any key waits for FLUSHALL and SWAPDB', () => {
    const { journal, connect } = createWaiting()
    const [writer, reader] = [connect(), connect()]
    writer.ask('SET', 'a', '1')
    journal.progress()
    for (const words of [['FLUSHALL'], ['SWAPDB', '0', '1']]) {
      writer.ask(...words)
      expect(reader.ask('GET', 'a')).toBe('')
      journal.progress()
      expect(reader.received()).toBe('$-1\r\n')
    }
  })

  test('about a key that just expired leaves at once, for time does not come back', () => {
    const { engine, journal, connect, clock } = createWaiting()
    const [writer, reader] = [connect(), connect()]
    writer.ask('SET', 'a', '1')
    journal.progress()
    const database = engine.databases[0]!
    database.setExpiry(database.find(Bytes.from('a')), clock.now() + 10)
    clock.advance(11)
    expect(reader.ask('GET', 'a')).toBe('$-1\r\n')
    expect(journal.take()).toContain('0 DEL a')
    journal.progress()
    expect(reader.ask('GET', 'a')).toBe('$-1\r\n')
  })

  test('to a transaction waits for what any of its commands wrote or saw', () => {
    const { journal, connect } = createWaiting()
    const [writer, reader] = [connect(), connect()]
    writer.ask('MULTI')
    writer.ask('SET', 'a', '1')
    writer.ask('GET', 'b')
    expect(writer.ask('EXEC')).toBe('')
    reader.ask('MULTI')
    reader.ask('GET', 'a')
    expect(reader.ask('EXEC')).toBe('')
    reader.received()
    const other = connect()
    other.ask('MULTI')
    other.ask('GET', 'b')
    expect(other.ask('EXEC')).toBe('*1\r\n$-1\r\n')
    journal.progress()
    expect(writer.received()).toBe('*2\r\n+OK\r\n$-1\r\n')
    expect(reader.received()).toBe('*1\r\n$1\r\n1\r\n')
  })

  test('to a parked client waits for the write that served it', () => {
    const { journal, connect } = createWaiting()
    const [worker, producer] = [connect(), connect()]
    worker.ask('BLPOP', 'q', '0')
    expect(producer.ask('RPUSH', 'q', 'job')).toBe('')
    expect(worker.received()).toBe('')
    journal.progress(1)
    expect(producer.received()).toBe(':1\r\n')
    expect(worker.received()).toBe('')
    journal.progress(2)
    expect(worker.received()).toBe('*2\r\n$1\r\nq\r\n$3\r\njob\r\n')
  })
})

describe('a held client', () => {
  test('that leaves is forgotten', () => {
    const { engine, journal, connect } = createWaiting()
    const client = connect()
    client.ask('SET', 'a', '1')
    expect(engine.effects.durability.heldClients).toBe(1)
    client.disconnect()
    expect(engine.effects.durability.heldClients).toBe(0)
    journal.progress()
    expect(client.received()).toBe('')
  })

  test('that is being closed gets its replies first', () => {
    const { engine, journal, connect } = createWaiting()
    const client = connect()
    client.ask('SET', 'a', '1')
    engine.clients.connected.close(client.client, 'flushed')
    expect(client.received()).toBe('')
    expect(client.closed).toBeUndefined()
    journal.progress()
    expect(client.received()).toBe(OK)
    expect(client.closed).toBe('flushed')
  })

  test('is subject to the output limits', () => {
    const { connect, journal } = createWaiting({ 'client-output-buffer-limit': 'normal 10000 0 0' })
    const client = connect()
    client.ask('SET', 'a', '1')
    for (let i = 0; i < 20 && client.closed === undefined; i++) client.ask('PING', 'x'.repeat(1000))
    client.received()
    expect(client.closed).toBe('now')
    journal.progress()
    expect(client.received()).toBe('')
  })
})

describe('a journal that fails', () => {
  test('has writes refused and reads answered, until it recovers', () => {
    const { engine, journal, connect } = createEngine()
    const client = connect()
    journal.failure = 'No space left on device'
    journal.progress()
    expect(engine.conditions.state.refusals.journalFailed.holds).toBe(true)
    expect(client.ask('SET', 'a', '1')).toBe('-MISCONF Errors writing to the AOF file: No space left on device\r\n')
    expect(client.ask('GET', 'a')).toBe('$-1\r\n')
    journal.failure = undefined
    journal.progress()
    expect(client.ask('SET', 'a', '1')).toBe(OK)
  })

  test('refuses a transaction that writes, not one that reads', () => {
    const { journal, connect } = createEngine()
    const [writer, reader] = [connect(), connect()]
    writer.ask('MULTI')
    writer.ask('SET', 'a', '1')
    reader.ask('MULTI')
    reader.ask('GET', 'a')
    journal.failure = 'Input/output error'
    journal.progress()
    expect(writer.ask('EXEC')).toContain('MISCONF')
    expect(reader.ask('EXEC')).toBe('*1\r\n$-1\r\n')
  })
})
