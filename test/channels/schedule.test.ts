import { describe, expect, test } from 'vitest'
import { createEngine, restarted, type TestClient, type TestEngine } from '../support/engine.ts'

/** Returns the texts of the messages that a client received since the last call. */
function heard(client: TestClient): string[] {
  return [...client.received().matchAll(/\$[78]\r\ns?message\r\n\$\d+\r\n.*\r\n\$\d+\r\n(.*)\r\n/g)].map((m) => m[1]!)
}

function listener({ connect }: TestEngine, channel: string, protocol: 2 | 3 = 2): TestClient {
  const client = connect(protocol)
  client.ask('SUBSCRIBE', channel)
  return client
}

const ARITY = "-ERR wrong number of arguments for 'publish' command\r\n"

describe('PUBLISH with IN or AT', () => {
  test.for([2, 3] as const)('is heard when it is due, and not before, by RESP%s', (protocol) => {
    const engine = createEngine()
    const subscriber = listener(engine, 'reminders', protocol)
    const publisher = engine.connect(protocol)
    expect(publisher.ask('PUBLISH', 'reminders', 'tea', 'ID', 'a', 'IN', 1000)).toBe('$1\r\na\r\n')
    publisher.ask('PUBLISH', 'reminders', 'coffee', 'at', engine.clock.now() + 500)
    engine.clock.advance(499)
    expect(heard(subscriber)).toEqual([])
    engine.clock.advance(1)
    expect(heard(subscriber)).toEqual(['coffee'])
    engine.clock.advance(500)
    expect(heard(subscriber)).toEqual(['tea'])
    expect(publisher.ask('KEYS', '*')).toBe('*0\r\n')
  })

  test('publishes overdue messages at once; those of one time come in the order of scheduling', () => {
    const engine = createEngine()
    const subscriber = listener(engine, 'a')
    const publisher = engine.connect()
    const texts = Array.from({ length: 40 }, (_, i) => `${i}`)
    for (const text of texts) publisher.ask('PUBLISH', 'a', text, 'AT', 5, 'ID', `${99 - Number(text)}`)
    publisher.ask('PUBLISH', 'a', 'earlier', 'AT', 4)
    engine.clock.advance(0)
    expect(heard(subscriber)).toEqual(['earlier', ...texts])
  })

  test('is journaled as plain commands, and publishing removes it in the same unit', () => {
    const engine = createEngine({ channel: 'kept keep 1h' })
    const client = engine.connect()
    client.ask('PUBLISH', 'kept', 'one', 'ID', 'x', 'IN', 10)
    const nowMs = engine.clock.now()
    const number = `${nowMs}000`
    expect(engine.journal.take()).toEqual([
      'MULTI',
      `0 ZADD scheduled:channel:{kept} ${nowMs + 10} ${number} x`,
      `0 HSET scheduled-texts:channel:{kept} x ${number} one`,
      'EXEC',
    ])
    engine.clock.advance(10)
    expect(engine.journal.take()).toEqual([
      'MULTI',
      `0 XADD channel:{kept} ${nowMs + 10}-0 message one id x`,
      `0 ZREM scheduled:channel:{kept} ${number} x`,
      '0 HDEL scheduled-texts:channel:{kept} x',
      'EXEC',
    ])
  })

  test('survives a restart; overdue messages come at once, over all channels in order of time', () => {
    const first = createEngine()
    const client = first.connect()
    client.ask('PUBLISH', 'b', 'two', 'IN', 200)
    client.ask('PUBLISH', 'a', 'one', 'IN', 100)
    client.ask('PUBLISH', 'a', 'three', 'IN', 300)
    client.ask('SPUBLISH', 'c', 'shard', 'IN', 5000)
    const engine = restarted(first, {}, 1000)
    const subscriber = listener(engine, 'a')
    subscriber.ask('SUBSCRIBE', 'b')
    subscriber.ask('SSUBSCRIBE', 'c')
    engine.clock.advance(0)
    expect(heard(subscriber)).toEqual(['one', 'two', 'three'])
    engine.clock.advance(4000)
    expect(heard(subscriber)).toEqual(['shard'])
  })

  test('continues in turns when very many messages are due at once', () => {
    const engine = createEngine()
    const subscriber = listener(engine, 'a')
    const publisher = engine.connect()
    const texts = Array.from({ length: 1201 }, (_, i) => `${i}`)
    for (const text of texts) publisher.ask('PUBLISH', 'a', text, 'IN', 1)
    engine.clock.advance(1)
    const waiting = Number(engine.connect().ask('ZCARD', 'scheduled:channel:{a}').slice(1))
    expect(waiting).toBe(701)
    expect(heard(subscriber)).toEqual(texts)
  })

  test('belongs to the MULTI or script that scheduled it', () => {
    const engine = createEngine()
    const client = engine.connect()
    client.ask('MULTI')
    expect(client.ask('PUBLISH', 'a', 'one', 'IN', 5, 'ID', 'x')).toBe('+QUEUED\r\n')
    client.ask('SET', 'k', 1)
    expect(client.ask('EXEC')).toBe('*2\r\n$1\r\nx\r\n+OK\r\n')
    const lines = engine.journal.take()
    expect([lines[0], lines.at(-2), lines.at(-1), lines.length]).toEqual(['MULTI', '0 SET k 1', 'EXEC', 5])
  })

  test('needs the right to the channel; cancelling also needs the right to the key', () => {
    const engine = createEngine()
    engine.connect().ask('ACL', 'SETUSER', 'me', 'on', 'nopass', '+@all', '&mine', '~nothing')
    const client = engine.connect()
    client.ask('AUTH', 'me', 'x')
    expect(client.ask('PUBLISH', 'mine', 'one', 'ID', 'x', 'IN', 5)).toBe('$1\r\nx\r\n')
    expect(client.ask('CHANNEL', 'CANCEL', 'mine', 'x')).toMatch(/^-NOPERM No permissions to access a key/)
    engine.connect().ask('ACL', 'SETUSER', 'me', '%W~scheduled:*')
    expect(client.ask('CHANNEL', 'CANCEL', 'mine', 'x')).toBe(':1\r\n')
    for (const request of [
      ['PUBLISH', 'yours', 'one', 'IN', 5],
      ['CHANNEL', 'PENDING', 'yours'],
      ['CHANNEL', 'CANCEL', 'yours', 'x'],
    ]) {
      expect(client.ask(...request)).toMatch(/^-NOPERM No permissions to access a channel/)
    }
  })

  test('waits while there is no memory for a kept message, and while clients are paused', () => {
    const engine = createEngine({ channel: 'kept keep 1h' })
    const subscriber = listener(engine, 'kept')
    subscriber.ask('SUBSCRIBE', 'other')
    const client = engine.connect()
    client.ask('PUBLISH', 'kept', 'one', 'IN', 10)
    client.ask('PUBLISH', 'other', 'two', 'IN', 20)
    client.ask('CONFIG', 'SET', 'maxmemory', 1)
    engine.clock.advance(500)
    expect(heard(subscriber)).toEqual(['two'])
    expect(client.ask('PUBLISH', 'other', 'three', 'IN', 20)).toMatch(/^-OOM/)
    client.ask('CONFIG', 'SET', 'maxmemory', 0)
    client.ask('CLIENT', 'PAUSE', 1000, 'WRITE')
    engine.clock.advance(900)
    expect(heard(subscriber)).toEqual([])
    engine.clock.advance(300)
    expect(heard(subscriber)).toEqual(['one'])
  })

  test('stays silent when its keys were removed by hand, wholly or by half', () => {
    const engine = createEngine()
    const subscriber = listener(engine, 'a')
    const client = engine.connect()
    client.ask('PUBLISH', 'a', 'one', 'IN', 10)
    client.ask('DEL', 'scheduled-texts:channel:{a}')
    engine.clock.advance(20)
    client.ask('PUBLISH', 'a', 'two', 'IN', 10, 'ID', 'x')
    client.ask('DEL', 'scheduled:channel:{a}')
    client.ask('PUBLISH', 'a', 'three', 'IN', 15, 'ID', 'x')
    engine.clock.advance(20)
    expect(heard(subscriber)).toEqual(['three'])
    expect(client.ask('KEYS', '*')).toBe('*0\r\n')
  })

  test('is refused where the options make no sense', () => {
    const client = createEngine().connect()
    for (const delay of ['x', '-1', '5 s', '1.5s', '0s', '99999999999999999999', '9999999999w']) {
      expect(client.ask('PUBLISH', 'a', 'b', 'IN', delay)).toBe(
        '-ERR IN wants milliseconds, or a duration such as 5s, 15m, 24h or 7d\r\n',
      )
    }
    for (const options of [['IN'], ['AT', '9223372036854775807'], ['IN', 1, 'AT', 2]]) {
      expect(client.ask('PUBLISH', 'a', 'b', ...options)).toMatch(/^-ERR (syntax error|value is not an integer)/)
    }
    expect(client.ask('PUBLISH', 'a', 'b', 'ID', '', 'IN', 1)).toMatch(/^-ERR ID wants between 1 and 512 bytes/)
  })

  test.each([
    ['5s', 5000],
    ['2M', 120_000],
    ['24h', 86_400_000],
    ['700ms', 700],
  ])('takes a duration as rules do: IN %s', (duration, ms) => {
    const engine = createEngine()
    const subscriber = listener(engine, 'a')
    engine.connect().ask('PUBLISH', 'a', 'later', 'IN', duration)
    engine.clock.advance(ms - 1)
    expect(heard(subscriber)).toEqual([])
    engine.clock.advance(1)
    expect(heard(subscriber)).toEqual(['later'])
  })

  test('has one id, in the reply and in CHANNEL HISTORY', () => {
    const engine = createEngine({ channel: 'kept keep 1h' })
    const client = engine.connect()
    const made = /\$16\r\n(\d+)\r\n/.exec(client.ask('PUBLISH', 'kept', 'one', 'IN', '5s'))?.[1] ?? 'none'
    client.ask('PUBLISH', 'kept', 'two', 'IN', '6s', 'ID', 'given')
    engine.clock.advance(10_000)
    client.ask('PUBLISH', 'kept', 'three')
    const entry = (text: string, id: string) =>
      `\\*3\\r\\n\\$15\\r\\n\\d+-0\\r\\n\\$3\\r\\n${text}\\r\\n\\$\\d+\\r\\n${id}\\r\\n`
    const plain = '\\*2\\r\\n\\$15\\r\\n\\d+-0\\r\\n\\$5\\r\\nthree\\r\\n'
    const history = (first: TestEngine) => first.connect().ask('CHANNEL', 'HISTORY', 'kept', '-', '+')
    expect(history(engine)).toMatch(new RegExp(`^\\*3\\r\\n${entry('one', made)}${entry('two', 'given')}${plain}$`))
    const before = history(engine)
    expect(history(restarted(engine, { channel: 'kept keep 1h' }))).toBe(before)
  })

  test('answers a misspelt option with the options there are', () => {
    const { connect } = createEngine()
    const client = connect()
    for (const [command, word] of [
      ['PUBLISH', 'INN'],
      ['PUBLISH', 'id2'],
      ['SPUBLISH', 'AAT'],
    ] as const) {
      expect(client.ask(command, 'a', 'b', word, '5')).toBe(
        `-ERR unknown option '${word}': behind the message may stand ID id, and IN milliseconds (or 5s, 15m, 24h, 7d) or AT unix-time-milliseconds\r\n`,
      )
    }
    expect(client.ask('PUBLISH', 'a', 'b', 'IN', '5', 'IDD', 'x')).toMatch(/^-ERR unknown option 'IDD'/)
    expect(client.ask('CHANNEL', 'PENDING', 'a')).toBe('*0\r\n')
  })

  test('leaves Redis’s answers for words that are no options of ours', () => {
    const client = createEngine().connect()
    expect(client.ask('PUBLISH', 'a', 'b', 'c')).toBe(ARITY)
    expect(client.ask('PUBLISH', 'a')).toBe(ARITY)
    client.ask('MULTI')
    expect(client.ask('PUBLISH', 'a', 'b', 'NX', 'IN', 5)).toBe(ARITY)
    expect(client.ask('EXEC')).toMatch(/^-EXECABORT/)
  })
})

describe('CHANNEL PENDING and CHANNEL CANCEL', () => {
  test('show the scheduled messages in order, and cancel them', () => {
    const engine = createEngine()
    const subscriber = listener(engine, 'a')
    const client = engine.connect()
    const nowMs = engine.clock.now()
    client.ask('PUBLISH', 'a', 'late', 'ID', 'x', 'IN', 20)
    client.ask('PUBLISH', 'a', 'soon', 'ID', 'y', 'IN', 10)
    client.ask('SPUBLISH', 'a', 'other', 'ID', 'z', 'IN', 10)
    const soon = `*3\r\n$1\r\ny\r\n:${nowMs + 10}\r\n$4\r\nsoon\r\n`
    expect(client.ask('CHANNEL', 'PENDING', 'a')).toBe(`*2\r\n${soon}*3\r\n$1\r\nx\r\n:${nowMs + 20}\r\n$4\r\nlate\r\n`)
    expect(client.ask('CHANNEL', 'PENDING', 'a', 'COUNT', 1)).toBe(`*1\r\n${soon}`)
    expect(client.ask('CHANNEL', 'PENDING', 'a', 'COUNT', 0)).toBe('*0\r\n')
    expect(client.ask('CHANNEL', 'PENDING', 'a', 'COUNT', 1, 'SHARD')).toMatch(/^\*1\r\n\*3\r\n\$1\r\nz/)
    expect(client.ask('CHANNEL', 'CANCEL', 'a', 'y')).toBe(':1\r\n')
    expect(client.ask('CHANNEL', 'CANCEL', 'a', 'y')).toBe(':0\r\n')
    expect(client.ask('CHANNEL', 'CANCEL', 'a', 'z')).toBe(':0\r\n')
    engine.clock.advance(50)
    expect(heard(subscriber)).toEqual(['late'])
  })

  test('an id that waits is not scheduled twice', () => {
    const engine = createEngine()
    const subscriber = listener(engine, 'a')
    const client = engine.connect()
    client.ask('PUBLISH', 'a', 'first', 'ID', 'x', 'IN', 10)
    expect(client.ask('PUBLISH', 'a', 'second', 'ID', 'x', 'IN', 5)).toBe('$1\r\nx\r\n')
    engine.clock.advance(50)
    expect(heard(subscriber)).toEqual(['first'])
    client.ask('PUBLISH', 'a', 'third', 'ID', 'x', 'IN', 5)
    engine.clock.advance(50)
    expect(heard(subscriber)).toEqual(['third'])
  })
})
