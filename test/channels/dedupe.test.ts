import { describe, expect, test } from 'vitest'
import { createEngine, restarted } from '../support/engine.ts'

const RULES = { channel: 'orders.* keep 1h dedupe 10m' }

describe('PUBLISH with ID', () => {
  test('publishes once for each id, and answers a repetition like the first', () => {
    const { connect, clock } = createEngine(RULES)
    const client = connect()
    const subscriber = connect()
    subscriber.ask('SUBSCRIBE', 'orders.eu')
    expect(client.ask('PUBLISH', 'orders.eu', 'one', 'ID', 'a')).toBe(':1\r\n')
    subscriber.disconnect()
    expect(client.ask('PUBLISH', 'orders.eu', 'again', 'id', 'a')).toBe(':1\r\n')
    expect(client.ask('PUBLISH', 'orders.us', 'other', 'ID', 'a')).toBe(':0\r\n')
    expect(client.ask('SPUBLISH', 'orders.eu', 'other', 'ID', 'a')).toBe(':0\r\n')
    expect(client.ask('XLEN', 'channel:{orders.eu}')).toBe(':1\r\n')
    clock.advance(600_001)
    expect(client.ask('KEYS', 'ids:*')).toBe('*0\r\n')
    expect(client.ask('PUBLISH', 'orders.eu', 'much later', 'ID', 'a')).toBe(':0\r\n')
    expect(client.ask('XLEN', 'channel:{orders.eu}')).toBe(':2\r\n')
  })

  test('is journaled in one unit with the message, and replayed without rules', () => {
    const first = createEngine(RULES)
    const nowMs = first.clock.now()
    first.connect().ask('PUBLISH', 'orders.eu', 'one', 'ID', 'a')
    expect(first.journal.lines).toEqual([
      'MULTI',
      `0 XADD channel:{orders.eu} ${nowMs}-0 message one`,
      `0 HSETEX ids:channel:{orders.eu} PXAT ${nowMs + 600_000} FIELDS 1 a 0`,
      'EXEC',
    ])
    const between = restarted(first)
    expect(between.connect().ask('HGETALL', 'ids:channel:{orders.eu}')).toBe('*2\r\n$1\r\na\r\n$1\r\n0\r\n')
    const engine = restarted(between, RULES, 599_000)
    const client = engine.connect()
    client.ask('PUBLISH', 'orders.eu', 'again', 'ID', 'a')
    expect(client.ask('XLEN', 'channel:{orders.eu}')).toBe(':1\r\n')
    engine.clock.advance(2000)
    client.ask('PUBLISH', 'orders.eu', 'again', 'ID', 'a')
    expect(client.ask('XLEN', 'channel:{orders.eu}')).toBe(':2\r\n')
  })

  test('checks the ids of scheduled messages when they are scheduled', () => {
    const { connect, clock } = createEngine(RULES)
    const client = connect()
    expect(client.ask('PUBLISH', 'orders.eu', 'one', 'ID', 'a', 'IN', 1000)).toBe('$1\r\na\r\n')
    expect(client.ask('PUBLISH', 'orders.eu', 'again', 'ID', 'a')).toBe('$1\r\na\r\n')
    clock.advance(2000)
    expect(client.ask('PUBLISH', 'orders.eu', 'again', 'ID', 'a', 'IN', 5)).toBe('$1\r\na\r\n')
    clock.advance(2000)
    expect(client.ask('XLEN', 'channel:{orders.eu}')).toBe(':1\r\n')
  })

  test('works in transactions, in both protocols', () => {
    const client = createEngine(RULES).connect(3)
    client.ask('MULTI')
    client.ask('PUBLISH', 'orders.eu', 'one', 'ID', 'a')
    client.ask('PUBLISH', 'orders.eu', 'again', 'ID', 'a')
    expect(client.ask('EXEC')).toBe('*2\r\n:0\r\n:0\r\n')
    expect(client.ask('XLEN', 'channel:{orders.eu}')).toBe(':1\r\n')
  })

  test('needs a rule that remembers ids, unless the message is still scheduled', () => {
    const client = createEngine({ channel: 'kept keep 1h' }).connect()
    for (const channel of ['kept', 'other']) {
      expect(client.ask('PUBLISH', channel, 'one', 'ID', 'a')).toMatch(/^-ERR ID without IN or AT wants a channel rule/)
    }
    expect(client.ask('PUBLISH', 'kept', 'one', 'ID', 'a', 'IN', 5)).toBe('$1\r\na\r\n')
  })
})
