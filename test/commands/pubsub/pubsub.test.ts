import { describe, expect, test } from 'vitest'
import { createEngine, encode } from '../../support/engine.ts'

const push = (...parts: (string | number | null)[]): string => `>${parts.length}\r\n${parts.map(part3).join('')}`
const array = (...parts: (string | number | null)[]): string => `*${parts.length}\r\n${parts.map(part2).join('')}`
const part3 = (part: string | number | null): string => (part === null ? '_\r\n' : part2(part))
const part2 = (part: string | number | null): string =>
  part === null ? '$-1\r\n' : typeof part === 'number' ? `:${part}\r\n` : `$${part.length}\r\n${part}\r\n`

describe.each([
  [2, array],
  [3, push],
] as const)('RESP%i', (protocol, message) => {
  test('each channel is confirmed, one subscribed to already too', () => {
    const client = createEngine().connect(protocol)
    expect(client.ask('SUBSCRIBE', 'a', 'b', 'a')).toBe(
      message('subscribe', 'a', 1) + message('subscribe', 'b', 2) + message('subscribe', 'a', 2),
    )
  })

  test('channels and patterns are counted together, shard channels apart', () => {
    const client = createEngine().connect(protocol)
    client.ask('SUBSCRIBE', 'a')
    expect(client.ask('PSUBSCRIBE', 'x*', '?')).toBe(message('psubscribe', 'x*', 2) + message('psubscribe', '?', 3))
    expect(client.ask('SSUBSCRIBE', 's')).toBe(message('ssubscribe', 's', 1))
    expect(client.ask('UNSUBSCRIBE', 'a')).toBe(message('unsubscribe', 'a', 2))
    expect(client.ask('PUNSUBSCRIBE')).toBe(message('punsubscribe', 'x*', 1) + message('punsubscribe', '?', 0))
    expect(client.ask('SUNSUBSCRIBE')).toBe(message('sunsubscribe', 's', 0))
  })

  test('leaving everything when there is nothing is confirmed once, without a name', () => {
    const client = createEngine().connect(protocol)
    for (const word of ['unsubscribe', 'punsubscribe', 'sunsubscribe']) {
      expect(client.ask(word)).toBe(message(word, null, 0))
    }
  })

  test('leaving what was never subscribed to is confirmed by name', () => {
    const client = createEngine().connect(protocol)
    client.ask('SUBSCRIBE', 'a')
    expect(client.ask('UNSUBSCRIBE', 'q', 'r')).toBe(message('unsubscribe', 'q', 1) + message('unsubscribe', 'r', 1))
    expect(client.ask('SUNSUBSCRIBE', 'q')).toBe(message('sunsubscribe', 'q', 0))
  })

  test('messages arrive as messages of their kind', () => {
    const { connect } = createEngine()
    const [subscriber, publisher] = [connect(protocol), connect()]
    subscriber.ask('SUBSCRIBE', 'news')
    subscriber.ask('PSUBSCRIBE', 'n*')
    subscriber.ask('SSUBSCRIBE', 'news')
    expect(publisher.ask('PUBLISH', 'news', 'hi')).toBe(':2\r\n')
    expect(subscriber.received()).toBe(message('message', 'news', 'hi') + message('pmessage', 'n*', 'news', 'hi'))
    expect(publisher.ask('SPUBLISH', 'news', 'yo')).toBe(':1\r\n')
    expect(subscriber.received()).toBe(message('smessage', 'news', 'yo'))
  })

  test('any bytes make a channel and a message', () => {
    const { connect } = createEngine()
    const [subscriber, publisher] = [connect(protocol), connect()]
    const bytes = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join('')
    subscriber.ask('SUBSCRIBE', bytes, '')
    subscriber.received()
    expect(publisher.ask('PUBLISH', bytes, bytes)).toBe(':1\r\n')
    expect(subscriber.received()).toBe(message('message', bytes, bytes))
    expect(publisher.ask('PUBLISH', '', '')).toBe(':1\r\n')
    expect(subscriber.received()).toBe(message('message', '', ''))
  })
})

test('a publisher counts receivers, not clients, and needs none', () => {
  const { connect } = createEngine()
  const publisher = connect()
  expect(publisher.ask('PUBLISH', 'c', 'm')).toBe(':0\r\n')
  const clients = [connect(), connect(3), connect()]
  for (const client of clients) client.ask('SUBSCRIBE', 'c', 'd')
  clients[0]!.ask('PSUBSCRIBE', '*', 'c')
  expect(publisher.ask('PUBLISH', 'c', 'm')).toBe(':5\r\n')
  clients[0]!.disconnect()
  expect(publisher.ask('PUBLISH', 'c', 'm')).toBe(':2\r\n')
})

test('pipelined messages leave as one write, in order', () => {
  const { connect } = createEngine()
  const [subscriber, publisher] = [connect(), connect()]
  subscriber.ask('SUBSCRIBE', 'c')
  const writes: string[] = []
  subscriber.write = (bytes) => {
    writes.push(bytes.toString('latin1'))
    return true
  }
  publisher.sendRaw(encode(['PUBLISH', 'c', '1']) + encode(['PUBLISH', 'c', '2']))
  expect(writes).toEqual([array('message', 'c', '1') + array('message', 'c', '2')])
})

describe('a RESP2 client that is subscribed', () => {
  test('may only (un)subscribe, ping, quit and reset', () => {
    const client = createEngine().connect()
    client.ask('SSUBSCRIBE', 'c')
    const refusal = (name: string): string =>
      `-ERR Can't execute '${name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context\r\n`
    expect(client.ask('GET', 'k')).toBe(refusal('get'))
    expect(client.ask('CLIENT', 'ID')).toBe(refusal('client|id'))
    expect(client.ask('PUBLISH', 'c', 'm')).toBe(refusal('publish'))
    expect(client.ask('MULTI')).toMatch(/^-ERR/)
    client.ask('SUNSUBSCRIBE')
    expect(client.ask('GET', 'k')).toBe('$-1\r\n')
  })

  test('is answered a ping as if it were a message', () => {
    const client = createEngine().connect()
    client.ask('SUBSCRIBE', 'c')
    expect(client.ask('PING')).toBe(array('pong', ''))
    expect(client.ask('PING', 'x')).toBe(array('pong', 'x'))
    client.ask('UNSUBSCRIBE')
    expect(client.ask('PING')).toBe('+PONG\r\n')
  })

  test('follows a change of protocol', () => {
    const client = createEngine().connect(3)
    client.ask('SUBSCRIBE', 'c')
    expect(client.ask('PING')).toBe('+PONG\r\n')
    client.ask('HELLO', '2')
    expect(client.ask('PING')).toBe(array('pong', ''))
  })
})

describe('a client that hears itself', () => {
  test('is first replied to, then told', () => {
    const client = createEngine().connect(3)
    client.ask('SUBSCRIBE', 'c')
    expect(client.ask('PUBLISH', 'c', 'm')).toBe(`:1\r\n${push('message', 'c', 'm')}`)
  })

  test('is told after the whole of EXEC, so that no message stands inside a reply', () => {
    const client = createEngine().connect(3)
    client.ask('SUBSCRIBE', 'c')
    client.ask('MULTI')
    client.ask('PUBLISH', 'c', '1')
    client.ask('PUBLISH', 'c', '2')
    expect(client.ask('EXEC')).toBe(`*2\r\n:1\r\n:1\r\n${push('message', 'c', '1')}${push('message', 'c', '2')}`)
  })

  test('hears requests of a pipeline each after its reply', () => {
    const client = createEngine().connect(3)
    client.ask('SUBSCRIBE', 'c')
    expect(client.sendRaw(encode(['PUBLISH', 'c', '1']) + encode(['PUBLISH', 'c', '2']) + encode(['PING']))).toBe(
      `:1\r\n${push('message', 'c', '1')}:1\r\n${push('message', 'c', '2')}+PONG\r\n`,
    )
  })

  test('subscribes within MULTI', () => {
    const client = createEngine().connect(2)
    client.ask('MULTI')
    expect(client.ask('SUBSCRIBE', 'z')).toBe('+QUEUED\r\n')
    client.ask('PUBLISH', 'z', '1')
    client.ask('UNSUBSCRIBE', 'z')
    expect(client.ask('EXEC')).toBe(
      `*3\r\n${array('subscribe', 'z', 1)}:1\r\n${array('unsubscribe', 'z', 0)}${array('message', 'z', '1')}`,
    )
  })
})

describe('PUBSUB', () => {
  test('CHANNELS lists channels with subscribers, by pattern if asked', () => {
    const { connect } = createEngine()
    const [subscriber, client] = [connect(), connect()]
    subscriber.ask('SUBSCRIBE', 'news.a', 'news.b', 'other')
    subscriber.ask('PSUBSCRIBE', 'p*')
    subscriber.ask('SSUBSCRIBE', 'shard.a', 'shard.b')
    expect(client.ask('PUBSUB', 'CHANNELS')).toBe(array('news.a', 'news.b', 'other'))
    expect(client.ask('PUBSUB', 'CHANNELS', 'news.*')).toBe(array('news.a', 'news.b'))
    expect(client.ask('PUBSUB', 'SHARDCHANNELS')).toBe(array('shard.a', 'shard.b'))
    expect(client.ask('PUBSUB', 'SHARDCHANNELS', '*b')).toBe(array('shard.b'))
  })

  test('NUMSUB is a flat array in RESP3 too', () => {
    const { connect } = createEngine()
    const [subscriber, client] = [connect(), connect(3)]
    subscriber.ask('SUBSCRIBE', 'a')
    subscriber.ask('SSUBSCRIBE', 'b')
    expect(client.ask('PUBSUB', 'NUMSUB')).toBe('*0\r\n')
    expect(client.ask('PUBSUB', 'NUMSUB', 'a', 'b')).toBe(array('a', 1, 'b', 0))
    expect(client.ask('PUBSUB', 'SHARDNUMSUB', 'a', 'b')).toBe(array('a', 0, 'b', 1))
  })

  test('NUMPAT counts different patterns', () => {
    const { connect } = createEngine()
    const clients = [connect(3), connect(3)]
    for (const client of clients) client.ask('PSUBSCRIBE', 'a*')
    clients[0]!.ask('PSUBSCRIBE', 'b*')
    expect(clients[0]!.ask('PUBSUB', 'NUMPAT')).toBe(':2\r\n')
  })

  test('refuses what it does not know in Redis’s words', () => {
    const client = createEngine().connect()
    expect(client.ask('PUBSUB', 'foo')).toBe("-ERR unknown subcommand 'foo'. Try PUBSUB HELP.\r\n")
    expect(client.ask('PUBSUB', 'channels', 'a', 'b')).toBe(
      "-ERR unknown subcommand or wrong number of arguments for 'channels'. Try PUBSUB HELP.\r\n",
    )
    expect(client.ask('PUBSUB', 'NUMPAT', 'x')).toBe("-ERR wrong number of arguments for 'pubsub|numpat' command\r\n")
    expect(client.ask('SUBSCRIBE')).toBe("-ERR wrong number of arguments for 'subscribe' command\r\n")
  })

  test('HELP begins and ends as every HELP does', () => {
    const lines = createEngine().connect().ask('PUBSUB', 'HELP').split('\r\n')
    expect(lines[1]).toBe('+PUBSUB <subcommand> [<arg> [value] [opt] ...]. Subcommands are:')
    expect(lines.at(-3)).toBe('+HELP')
  })
})

test('publishing is journaled as nothing', () => {
  const { connect, journal } = createEngine()
  const client = connect(3)
  client.ask('SUBSCRIBE', 'c')
  client.ask('PUBLISH', 'c', 'm')
  expect(journal.take()).toEqual([])
})
