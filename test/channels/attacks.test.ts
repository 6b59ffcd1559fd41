// Hostile or odd circumstances that must not harm kept channels: data changed by hand, connections
// in odd states, odd names.

import { describe, expect, test } from 'vitest'
import { ReadPosition } from '../../src/channels/positions/read-positions.ts'
import { UnreadMessages } from '../../src/channels/reading/unread-messages.ts'
import { Source } from '../../src/util/bytes/bytes.ts'
import { createEngine, encode, type TestClient, type TestEngine } from '../support/engine.ts'

function named({ connect }: TestEngine, name: string, protocol: 2 | 3 = 2): TestClient {
  const client = connect(protocol)
  client.ask('CLIENT', 'SETNAME', name)
  return client
}

/** Returns the texts of the messages that a client was sent. */
function texts(reply: string): string[] {
  const pattern =
    /\$7\r\nmessage\r\n\$\d+\r\n.*\r\n\$\d+\r\n(.*)\r\n|\$8\r\npmessage\r\n(?:\$\d+\r\n.*\r\n){2}\$\d+\r\n(.*)\r\n/g
  return [...reply.matchAll(pattern)].map((match) => match[1] ?? match[2]!)
}

const KEEP = { channel: 'orders.* keep 1h', redeliver: '0' }

function publish(client: TestClient, channel: string, ...messages: string[]): void {
  for (const message of messages) client.ask('PUBLISH', channel, message)
}

/** Connects a client that takes no bytes for now, subscribed to a channel and to a pattern. */
function stuck(engine: TestEngine, protocol: 2 | 3 = 2): TestClient {
  const client = named(engine, 'billing', protocol)
  client.ask('SUBSCRIBE', 'orders.eu')
  client.ask('PSUBSCRIBE', 'orders.*')
  client.backlogBytes = 100_000
  return client
}

function unstick(client: TestClient, { clock }: TestEngine): string {
  client.backlogBytes = 0
  let heard = ''
  for (let i = 0; i < 10; i++) {
    clock.advance(2)
    heard += client.received()
  }
  return heard
}

describe('while readers are behind', () => {
  test.each([
    ['DEL', ['DEL', 'channel:{orders.eu}']],
    ['FLUSHALL', ['FLUSHALL']],
    ['SWAPDB', ['SWAPDB', '0', '1']],
    ['a key of another type', ['SET', 'channel:{orders.eu}', 'text']],
    ['RENAME', ['RENAME', 'channel:{orders.eu}', 'elsewhere']],
  ])('%s of the stream loses what was there and nothing else', (_, command) => {
    const engine = createEngine(KEEP)
    const publisher = engine.connect()
    const client = stuck(engine)
    publish(publisher, 'orders.eu', 'one', 'two')
    expect(publisher.ask(...command)).toMatch(/^[+:]/)
    if (command[0] === 'SET') {
      expect(publisher.ask('PUBLISH', 'orders.eu', 'refused')).toMatch(/^-WRONGTYPE/)
      publisher.ask('DEL', 'channel:{orders.eu}')
    }
    publish(publisher, 'orders.eu', 'three', 'four')
    expect(texts(unstick(client, engine)).toSorted()).toEqual(['four', 'four', 'three', 'three'])
    publish(publisher, 'orders.eu', 'live')
    expect(texts(client.received())).toEqual(['live', 'live'])
    expect(publisher.ask('INFO', 'stats')).toContain('messages_missed:0\r\n')
  })

  test('a stream that was deleted, and whose log was swept, is not read twice when it comes back', () => {
    const engine = createEngine(KEEP)
    const publisher = engine.connect()
    const client = stuck(engine)
    publish(publisher, 'orders.eu', 'one')
    publisher.ask('DEL', 'channel:{orders.eu}')
    engine.clock.advance(3000)
    publish(publisher, 'orders.eu', 'two', 'three')
    expect(texts(unstick(client, engine))).toEqual(['two', 'three', 'two', 'three'])
  })

  test('UNSUBSCRIBE ends the reading', () => {
    const engine = createEngine(KEEP)
    const publisher = engine.connect()
    const client = stuck(engine, 3)
    publish(publisher, 'orders.eu', 'one')
    client.ask('UNSUBSCRIBE')
    client.ask('PUNSUBSCRIBE')
    client.received()
    expect(unstick(client, engine)).toBe('')
  })

  test('RESET and CLIENT KILL keep the position, UNSUBSCRIBE forgets it', () => {
    const engine = createEngine(KEEP)
    const publisher = engine.connect()
    let client = stuck(engine)
    publish(publisher, 'orders.eu', 'one')
    client.ask('RESET')
    client.received()
    expect(unstick(client, engine)).toBe('')
    client = named(engine, 'billing')
    expect(texts(client.ask('SUBSCRIBE', 'orders.eu'))).toEqual(['one'])
    client.backlogBytes = 100_000
    publish(publisher, 'orders.eu', 'two')
    publisher.ask('CLIENT', 'KILL', 'ID', client.client.id)
    client = named(engine, 'billing')
    expect(texts(client.ask('SUBSCRIBE', 'orders.eu'))).toEqual(['two'])
    expect(publisher.ask('CHANNEL', 'LAG', 'orders.eu')).toContain('billing')
    client.ask('UNSUBSCRIBE', 'orders.eu')
    expect(publisher.ask('CHANNEL', 'LAG', 'orders.eu')).toBe('*0\r\n')
  })

  test('with other rules they continue at their positions, without rules they hear live messages', () => {
    const engine = createEngine(KEEP)
    const publisher = engine.connect()
    const client = stuck(engine)
    publish(publisher, 'orders.eu', 'one')
    publisher.ask('CONFIG', 'SET', 'channel', 'orders.eu keep forever')
    publish(publisher, 'orders.eu', 'two')
    expect(texts(unstick(client, engine))).toEqual(['one', 'two', 'one', 'two'])
    client.backlogBytes = 100_000
    publish(publisher, 'orders.eu', 'three')
    publisher.ask('CONFIG', 'SET', 'channel', '')
    publish(publisher, 'orders.eu', 'four')
    client.backlogBytes = 0
    expect(texts(unstick(client, engine))).toEqual(['four', 'four'])
    expect(publisher.ask('INFO', 'stats')).toContain('readers_behind:0\r\n')
  })

  test('eviction of the stream loses its messages and nothing else', () => {
    const engine = createEngine({ ...KEEP, 'maxmemory-policy': 'allkeys-lru' })
    const publisher = engine.connect()
    const client = stuck(engine)
    publish(publisher, 'orders.eu', 'one')
    publisher.ask('CONFIG', 'SET', 'maxmemory', '1')
    publisher.ask('GET', 'nothing')
    expect(publisher.ask('DBSIZE')).toBe(':0\r\n')
    publisher.ask('CONFIG', 'SET', 'maxmemory', '0')
    publish(publisher, 'orders.eu', 'two')
    expect(texts(unstick(client, engine))).toEqual(['two', 'two'])
  })
})

describe('names', () => {
  test.each([
    ['with braces', 'orders.{a}'],
    ['with an open brace', 'orders.{'],
    ['with a closing brace', 'orders.}'],
    ['with several', 'orders.{a}b{c}'],
    ['of great length', `orders.${'x'.repeat(20_000)}`],
    ['of bytes', 'orders.\xff\0'],
  ])('%s keeps its messages and its subscribers', (_, channel) => {
    const engine = createEngine(KEEP)
    const publisher = engine.connect(3)
    const first = named(engine, 'billing')
    first.ask('SUBSCRIBE', channel)
    first.ask('PSUBSCRIBE', channel.replaceAll(/[{}]/g, '?'))
    first.disconnect()
    publish(publisher, channel, 'one')
    expect(publisher.ask('CHANNEL', 'LAG', channel, 'default', 'billing')).toBe(':1\r\n')
    const rules = 'orders.* keep 2h'
    publisher.ask('CONFIG', 'SET', 'channel', rules)
    expect(publisher.ask('CHANNEL', 'LIST')).toBe(`*1\r\n$${channel.length}\r\n${channel}\r\n`)
    expect(publisher.ask('INFO', 'stats')).toContain('remembered_subscribers:2\r\n')
    const again = named(engine, 'billing')
    expect(again.ask('SUBSCRIBE', channel)).toContain('$3\r\none\r\n')
  })

  test('an empty name is a channel like any other', () => {
    const engine = createEngine({ channel: '* keep 1h' })
    const publisher = engine.connect()
    publish(publisher, '', 'one')
    publisher.ask('CONFIG', 'SET', 'channel', '* keep 2h')
    expect(publisher.ask('CHANNEL', 'HISTORY', '', '-', '+')).toContain('$3\r\none\r\n')
    expect(publisher.ask('CHANNEL', 'LIST')).toBe('*1\r\n$0\r\n\r\n')
  })
})

test('an impossible id written by hand affects its channel alone', () => {
  const engine = createEngine({ channel: '* keep 1h' })
  const client = engine.connect()
  client.ask('XADD', 'channel:{orders.eu}', '18446744073709551615-18446744073709551615', 'message', 'one')
  client.ask('CONFIG', 'SET', 'channel', 'orders.* keep 1h')
  expect(client.ask('PUBLISH', 'orders.eu', 'two')).toMatch(/^-ERR The stream has exhausted the last possible ID/)
  expect(client.ask('PUBLISH', 'orders.us', 'three')).toBe(':0\r\n')
  expect(client.ask('CHANNEL', 'HISTORY', 'orders.us', '-', '+')).toContain('three')
})

test('HELLO 3 after SUBSCRIBE makes missed messages arrive as pushes', () => {
  const engine = createEngine(KEEP)
  const publisher = engine.connect()
  const client = named(engine, 'billing', 3)
  client.ask('SUBSCRIBE', 'orders.eu')
  client.backlogBytes = 100_000
  publish(publisher, 'orders.eu', 'one')
  client.backlogBytes = 0
  client.ask('HELLO', 2)
  publish(publisher, 'orders.eu', 'two')
  expect(unstick(client, engine).replaceAll(/\$\d+\r\n/g, '')).toMatch(/\*3\r\nmessage\r\norders.eu\r\n(one|two)/)
})

test('a keyspace event of the stream itself changes neither the message’s id nor its position', () => {
  const engine = createEngine({
    channel: 'orders.* keep 1h __keyspace@* keep 1h',
    redeliver: '0',
    'notify-keyspace-events': 'AK',
  })
  const publisher = engine.connect()
  const client = named(engine, 'billing', 3)
  client.ask('CLIENT', 'CAPA', 'message-ids')
  client.ask('SUBSCRIBE', 'orders.eu')
  publish(publisher, 'orders.eu', 'one')
  const id = /\$\d+\r\n(\d+-\d+)\r\n/.exec(client.received())![1]!
  expect(publisher.ask('CHANNEL', 'HISTORY', 'orders.eu', '-', '+')).toContain(id)
  const slow = engine.connect()
  slow.ask('SUBSCRIBE', 'orders.eu')
  slow.backlogBytes = 100_000
  publish(publisher, 'orders.eu', 'two', 'three')
  expect(texts(unstick(slow, engine))).toEqual(['two', 'three'])
})

test('SUBSCRIBE within MULTI sends missed messages after the reply of EXEC', () => {
  const engine = createEngine(KEEP)
  const publisher = engine.connect()
  named(engine, 'billing').disconnect()
  const first = named(engine, 'billing')
  first.ask('SUBSCRIBE', 'orders.eu')
  first.disconnect()
  publish(publisher, 'orders.eu', 'one')
  const client = named(engine, 'billing')
  client.ask('MULTI')
  client.ask('SUBSCRIBE', 'orders.eu')
  client.ask('PUBLISH', 'orders.eu', 'two')
  const reply = client.ask('EXEC')
  expect(reply.startsWith('*2\r\n*3\r\n$9\r\nsubscribe\r\n$9\r\norders.eu\r\n:1\r\n:1\r\n')).toBe(true)
  expect(texts(reply)).toEqual(['one', 'two'])
})

test.each([2, 3] as const)('a second connection with a name listens beside a first of RESP%i', (protocol) => {
  const engine = createEngine(KEEP)
  const publisher = engine.connect()
  const first = named(engine, 'billing', protocol)
  for (const command of ['SUBSCRIBE', 'SSUBSCRIBE']) first.ask(command, 'orders.eu')
  first.ask('PSUBSCRIBE', 'orders.*')
  publish(publisher, 'orders.eu', 'one')
  first.received()
  const second = named(engine, 'billing', 3)
  for (const command of ['SUBSCRIBE', 'SSUBSCRIBE']) second.ask(command, 'orders.eu')
  second.ask('PSUBSCRIBE', 'orders.*')
  second.received()
  expect(publisher.ask('PUBLISH', 'orders.eu', 'two')).toBe(':4\r\n')
  expect(publisher.ask('SPUBLISH', 'orders.eu', 'three')).toBe(':2\r\n')
  for (const client of [first, second]) {
    expect(texts(client.received())).toEqual(['two', 'two'])
    expect(client.closed).toBeUndefined()
  }
})

test('loading data while they are subscribed leaves readers at their positions', () => {
  const engine = createEngine(KEEP)
  const publisher = engine.connect()
  const client = stuck(engine)
  const unnamed = engine.connect()
  unnamed.ask('SUBSCRIBE', 'orders.eu')
  unnamed.backlogBytes = 100_000
  publish(publisher, 'orders.eu', 'one', 'two')
  engine.journal.take()
  engine.engine.conditions.loading.begin()
  expect(publisher.ask('PUBLISH', 'orders.eu', 'refused')).toMatch(/^-LOADING/)
  engine.clock.advance(5000)
  named(engine, 'shipping').ask('SUBSCRIBE', 'orders.eu')
  expect(engine.journal.take()).toEqual([])
  engine.engine.conditions.loading.end()
  publish(publisher, 'orders.eu', 'three')
  expect(texts(unstick(client, engine))).toEqual(['one', 'two', 'three', 'one', 'two', 'three'])
  expect(texts(unstick(unnamed, engine))).toEqual(['one', 'two', 'three'])
})

test('a member that vanishes during loading changes neither the loaded data nor its group’s position', () => {
  const engine = createEngine(KEEP)
  const publisher = engine.connect()
  const member = engine.connect()
  member.ask('SUBSCRIBE', '$share/g/orders.eu')
  member.ask('PSUBSCRIBE', '$share/g/orders.*')
  member.backlogBytes = 100_000
  publish(publisher, 'orders.eu', 'one')
  engine.journal.take()
  const { size } = engine.engine.databases[0]!
  engine.engine.conditions.loading.begin()
  member.disconnect()
  expect(engine.journal.take()).toEqual([])
  expect(engine.engine.databases[0]!.size).toBe(size)
  engine.engine.conditions.loading.end()
  const next = engine.connect()
  expect(texts(next.ask('SUBSCRIBE', '$share/g/orders.eu') + next.received())).toEqual(['one'])
})

test('a message, and an acknowledgement, is as durable as the rule of its key says', () => {
  const engine = createEngine({ ...KEEP, durability: 'channel:* always places:* always', appendfsync: 'everysec' })
  const publisher = engine.connect()
  const client = named(engine, 'billing', 3)
  client.ask('CLIENT', 'CAPA', 'message-ids')
  client.ask('SUBSCRIBE', 'orders.eu')
  engine.journal.progress()
  client.received()
  engine.journal.waits = true
  expect(publisher.ask('PUBLISH', 'orders.eu', 'one')).toBe('')
  engine.journal.progress()
  expect(publisher.received()).toBe(':1\r\n')
  expect(publisher.ask('SET', 'other', 'text')).toBe('+OK\r\n')
  const [id] = /\d{4,}-\d+/.exec(client.received())!
  expect(client.ask('CHANNEL', 'ACK', 'orders.eu', id)).toBe('')
  engine.journal.progress()
  expect(client.received()).toBe(':1\r\n')
})

test('positions of more named subscribers than one slice samples are all remembered', () => {
  const engine = createEngine(KEEP)
  const channels = Array.from({ length: 1200 }, (_, i) => `orders.${i}`)
  named(engine, 'billing').ask('SUBSCRIBE', ...channels)
  publish(engine.connect(), 'orders.eu', 'one')
  engine.journal.take()
  engine.clock.advance(1000)
  const soon = engine.journal.take().length
  expect(soon).toBeGreaterThan(0)
  // The bytes written at a time are bounded.
  expect(soon).toBeLessThan(channels.length)
  engine.clock.advance(3000)
  expect(soon + engine.journal.take().length).toBe(channels.length)
})

describe('a pattern that matches very many kept channels', () => {
  const COUNT = 2000
  const MANY = { channel: 'rates.* keep-last 1 orders.* keep 1h first new', redeliver: '0' }

  function many(): { engine: TestEngine; publisher: TestClient; lasts: string[] } {
    const engine = createEngine(MANY)
    const publisher = engine.connect()
    const lasts = Array.from({ length: COUNT }, (_, i) => `last ${i}`)
    let requests = ''
    lasts.forEach((text, i) => {
      requests += encode(['PUBLISH', `rates.${i}`, text])
    })
    publisher.sendRaw(requests)
    return { engine, publisher, lasts }
  }

  /** Sends a command without ending its turn. */
  function begin({ engine }: TestEngine, { client }: TestClient, ...words: string[]): void {
    const bytes = Buffer.from(encode(words))
    engine.receive(client, new Source(bytes), 0, bytes.length)
  }

  test('is searched a few hundred channels at a time, and messages published meanwhile come in order', () => {
    const { engine, publisher, lasts } = many()
    publish(publisher, 'orders.old', 'before')
    const client = engine.connect()
    begin(engine, client, 'PSUBSCRIBE', '*')
    // No look has been taken at these yet.
    begin(engine, publisher, 'PUBLISH', 'orders.old', 'new')
    begin(engine, publisher, 'PUBLISH', `rates.${COUNT - 1}`, 'newer')
    begin(engine, publisher, 'PUBLISH', 'rates.none', 'newest')
    expect(texts(client.received())).toEqual([...lasts.slice(0, -1), 'new', 'newer', 'newest'])
    publish(publisher, 'orders.old', 'live')
    expect(texts(client.received())).toEqual(['live'])
  })

  test('is heard completely by a subscriber that vanished during the search', () => {
    const { engine, publisher, lasts } = many()
    const first = named(engine, 'billing')
    begin(engine, first, 'PSUBSCRIBE', '*')
    first.disconnect()
    publish(publisher, 'orders.eu', 'missed')
    expect(texts(named(engine, 'billing').ask('PSUBSCRIBE', '*'))).toEqual([...lasts, 'missed'])
    // As a group, too.
    const member = engine.connect()
    begin(engine, member, 'PSUBSCRIBE', '$share/g/*')
    member.disconnect()
    publish(publisher, 'orders.eu', 'missed too')
    expect(texts(engine.connect().ask('PSUBSCRIBE', '$share/g/*')).slice(-1)).toEqual(['missed too'])
  })

  test('is heard from its start, although the rules change during the search', () => {
    const { engine, publisher, lasts } = many()
    const client = engine.connect(3)
    begin(engine, client, 'PSUBSCRIBE', '*')
    begin(engine, client, 'CONFIG', 'SET', 'channel', `${MANY.channel} more.* keep 1h`)
    expect(texts(client.received())).toEqual(lasts)
    publish(publisher, 'more.a', 'live')
    expect(texts(client.received())).toEqual(['live'])
  })
})

test('unread messages are searched in a bounded number of logs at a time', () => {
  let looked = 0
  const logs = function* (): Generator<undefined, undefined> {
    for (; looked < 10_000; looked++) yield undefined
  }
  const unread = new UnreadMessages(undefined, () => {})
  unread.begin(new ReadPosition(), logs())
  expect(looked).toBeLessThan(100)
  for (let before = looked; !unread.search(); before = looked) expect(looked - before).toBeLessThan(1000)
  expect(looked).toBe(10_000)
  expect(unread.isEmpty).toBe(true)
})

test('a pattern that is behind in one channel does not go back in another whose rule says first new', () => {
  const engine = createEngine({ channel: 'orders.* keep 1h rates.* keep-last 1' })
  const publisher = engine.connect()
  publish(publisher, 'rates.eu', 'last')
  publish(publisher, 'orders.eu', 'old')
  const client = engine.connect()
  const requests = [
    ['PSUBSCRIBE', '*'],
    ['PUBLISH', 'orders.eu', 'new'],
  ]
    .map((words) => encode(words))
    .join('')
  client.client.protocol = 3
  expect(texts(client.sendRaw(requests))).toEqual(['last', 'new'])
})
