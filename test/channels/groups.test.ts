import { describe, expect, test } from 'vitest'
import { createEngine, restarted, type TestClient, type TestEngine } from '../support/engine.ts'

/** Returns the texts of messages in the bytes that a client received. */
function textsIn(received: string): string[] {
  const found = received.matchAll(
    /\$8\r\npmessage\r\n(?:\$\d+\r\n.*\r\n){2}\$\d+\r\n(.*)\r\n|\$[78]\r\ns?message\r\n\$\d+\r\n.*\r\n\$\d+\r\n(.*)\r\n/g,
  )
  return [...found].map((match) => match[1] ?? match[2]!)
}

function heard(client: TestClient): string[] {
  return textsIn(client.received())
}

/** Connects some members of a group. */
function members({ connect }: TestEngine, count: number, name: string, command = 'SUBSCRIBE'): TestClient[] {
  return Array.from({ length: count }, () => {
    const client = connect()
    client.ask(command, name)
    return client
  })
}

function numbers(from: number, until: number): string[] {
  return Array.from({ length: until - from }, (_, i) => String(from + i))
}

function publishAll(client: TestClient, channel: string, texts: readonly string[]): void {
  for (const text of texts) client.ask('PUBLISH', channel, text)
}

describe('a group', () => {
  test('sends each message to one member in turn, under the name that they subscribed to', () => {
    const engine = createEngine()
    const publisher = engine.connect()
    const [a, b] = members(engine, 2, '$share/workers/orders.eu') as [TestClient, TestClient]
    expect(publisher.ask('PUBLISH', 'orders.eu', 'one')).toBe(':1\r\n')
    publisher.ask('PUBLISH', 'orders.eu', 'two')
    publisher.ask('PUBLISH', 'orders.eu', 'three')
    expect(a.received()).toBe(
      ['one', 'three']
        .map((t) => `*3\r\n$7\r\nmessage\r\n$24\r\n$share/workers/orders.eu\r\n$${t.length}\r\n${t}\r\n`)
        .join(''),
    )
    expect(heard(b)).toEqual(['two'])
  })

  test('of a pattern names the real channel, in RESP3 as a push', () => {
    const { connect } = createEngine()
    const member = connect(3)
    expect(member.ask('PSUBSCRIBE', '$share/workers/orders.*')).toBe(
      '>3\r\n$10\r\npsubscribe\r\n$23\r\n$share/workers/orders.*\r\n:1\r\n',
    )
    expect(connect().ask('PUBLISH', 'orders.eu', 'x')).toBe(':1\r\n')
    expect(member.received()).toBe(
      '>4\r\n$8\r\npmessage\r\n$23\r\n$share/workers/orders.*\r\n$9\r\norders.eu\r\n$1\r\nx\r\n',
    )
    expect(member.ask('PUNSUBSCRIBE')).toBe('>3\r\n$12\r\npunsubscribe\r\n$23\r\n$share/workers/orders.*\r\n:0\r\n')
    expect(connect().ask('PUBLISH', 'orders.eu', 'x')).toBe(':0\r\n')
  })

  test('of a shard channel hears only SPUBLISH', () => {
    const engine = createEngine()
    const [a, b] = members(engine, 2, '$share/g/c', 'SSUBSCRIBE') as [TestClient, TestClient]
    const publisher = engine.connect()
    expect(publisher.ask('PUBLISH', 'c', 'no')).toBe(':0\r\n')
    expect(publisher.ask('SPUBLISH', 'c', 'one')).toBe(':1\r\n')
    publisher.ask('SPUBLISH', 'c', 'two')
    expect([heard(a), heard(b)]).toEqual([['one'], ['two']])
    expect(publisher.ask('PUBSUB', 'SHARDNUMSUB', '$share/g/c')).toBe('*2\r\n$10\r\n$share/g/c\r\n:2\r\n')
  })

  test('is independent of other groups and plain subscribers, each of which hears everything', () => {
    const engine = createEngine()
    const [plain] = members(engine, 1, 'c') as [TestClient]
    const first = members(engine, 2, '$share/first/c')
    const second = members(engine, 3, '$share/second/c')
    const all = members(engine, 2, '$share/first/*', 'PSUBSCRIBE')
    const publisher = engine.connect()
    expect(publisher.ask('PUBLISH', 'c', '0')).toBe(':4\r\n')
    publishAll(publisher, 'c', numbers(1, 6))
    expect(heard(plain)).toEqual(numbers(0, 6))
    for (const group of [first, second, all]) expect(group.flatMap(heard).sort()).toEqual(numbers(0, 6))
  })

  test('gives a message to the member with the fewest unread bytes', () => {
    const engine = createEngine()
    const [slow, fast, middle] = members(engine, 3, '$share/g/c') as [TestClient, TestClient, TestClient]
    slow.backlogBytes = 5000
    middle.backlogBytes = 10
    publishAll(engine.connect(), 'c', numbers(0, 3))
    expect([heard(slow), heard(middle), heard(fast)]).toEqual([[], [], numbers(0, 3)])
  })

  test('is shown by PUBSUB and CLIENT LIST under the name of the subscription', () => {
    const engine = createEngine()
    const [a] = members(engine, 2, '$share/g/c') as [TestClient, TestClient]
    members(engine, 1, '$share/g/x*', 'PSUBSCRIBE')
    const asking = engine.connect()
    expect(asking.ask('PUBSUB', 'NUMSUB', '$share/g/c', 'c')).toBe('*4\r\n$10\r\n$share/g/c\r\n:2\r\n$1\r\nc\r\n:0\r\n')
    expect(asking.ask('PUBSUB', 'CHANNELS')).toBe('*1\r\n$10\r\n$share/g/c\r\n')
    expect(asking.ask('PUBSUB', 'NUMPAT')).toBe(':1\r\n')
    expect(asking.ask('CLIENT', 'LIST', 'ID', String(a.client.id))).toContain(' sub=1 psub=0 ')
    // A message published to the group’s own name goes to all of them.
    expect(asking.ask('PUBLISH', '$share/g/c', 'all')).toBe(':2\r\n')
  })

  test('with an incomplete name is refused, and nothing is subscribed to', () => {
    const { connect } = createEngine()
    const client = connect()
    for (const name of ['$share/', '$share/g', '$share/g/', '$share//c', '$share/a b/c']) {
      for (const command of ['SUBSCRIBE', 'PSUBSCRIBE', 'SSUBSCRIBE']) {
        expect(client.ask(command, 'fine', name), name).toBe(
          '-ERR a group is named $share/<group>/<channel>, the group without blanks\r\n',
        )
      }
    }
    expect(client.ask('SUBSCRIBE', '$shared')).toBe('*3\r\n$9\r\nsubscribe\r\n$7\r\n$shared\r\n:1\r\n')
    expect(client.ask('UNSUBSCRIBE', '$share/g')).toBe('*3\r\n$11\r\nunsubscribe\r\n$8\r\n$share/g\r\n:1\r\n')
  })

  test('needs the right to the channel behind its name, and loses its members with that right', () => {
    const { connect } = createEngine()
    const admin = connect()
    admin.ask('ACL', 'SETUSER', 'worker', 'on', 'nopass', '+@all', '~*', 'resetchannels', '&orders.*', '&mail')
    const client = connect()
    client.ask('AUTH', 'worker', 'x')
    expect(client.ask('SUBSCRIBE', '$share/g/news')).toMatch(/^-NOPERM /)
    expect(client.ask('PUBLISH', '$share/g/news', 'x')).toMatch(/^-NOPERM /)
    expect(client.ask('PSUBSCRIBE', '$share/g/orders.e*')).toMatch(/^-NOPERM /)
    expect(client.ask('PSUBSCRIBE', '$share/g/orders.*')).toMatch(/^\*3\r\n/)
    expect(client.ask('SUBSCRIBE', '$share/g/mail')).toMatch(/^\*3\r\n/)
    admin.ask('ACL', 'SETUSER', 'worker', 'resetchannels', '&orders.*', '&mail', '&more')
    expect(client.closed).toBeUndefined()
    admin.ask('ACL', 'SETUSER', 'worker', 'resetchannels', '&orders.*')
    expect(client.closed).toBe('now')
  })

  test('continues without a member that resets, in a transaction too', () => {
    const engine = createEngine()
    const [a, b] = members(engine, 2, '$share/g/c') as [TestClient, TestClient]
    const publisher = engine.connect(3)
    publisher.ask('MULTI')
    publisher.ask('SUBSCRIBE', '$share/g/c')
    publisher.ask('PUBLISH', 'c', '0')
    publisher.ask('PUBLISH', 'c', '1')
    publisher.ask('PUBLISH', 'c', '2')
    const reply = publisher.ask('EXEC')
    expect([...heard(a), ...heard(b), ...textsIn(reply)]).toEqual(numbers(0, 3))
    a.ask('RESET')
    publisher.ask('UNSUBSCRIBE', '$share/g/c')
    publishAll(publisher, 'c', numbers(3, 6))
    expect([heard(a), heard(b)]).toEqual([[], numbers(3, 6)])
  })

  test('redelivers messages that were stuck in a vanished member to the others, in order', () => {
    const engine = createEngine()
    const [stuck, other] = members(engine, 2, '$share/g/c') as [TestClient, TestClient]
    const publisher = engine.connect()
    publisher.ask('PUBLISH', 'c', 'taken')
    expect(heard(stuck)).toEqual(['taken'])
    other.backlogBytes = 1_000_000
    stuck.backlogBytes = 100
    publishAll(publisher, 'c', numbers(0, 5))
    other.backlogBytes = 0
    other.received()
    stuck.disconnect()
    expect(heard(other)).toEqual(numbers(0, 5))
  })

  test('redelivers messages sent to a member over its output limit', () => {
    const engine = createEngine({ 'client-output-buffer-limit': 'pubsub 20kb 0 0' })
    const [stuck] = members(engine, 1, '$share/g/c') as [TestClient]
    stuck.backlogBytes = 15_000
    const publisher = engine.connect()
    publisher.ask('PUBLISH', 'c', '0')
    const [other] = members(engine, 1, '$share/g/c') as [TestClient]
    other.backlogBytes = 26_000
    stuck.backlogBytes = 25_000
    stuck.close = () => {
      other.backlogBytes = 0
    }
    publisher.ask('PUBLISH', 'c', '1')
    expect(stuck.client.connection.closed).toBe(true)
    expect(heard(other)).toEqual(['0', '1'])
  })

  test('keeps no copies of messages that its members have taken', () => {
    const engine = createEngine()
    const [a, b] = members(engine, 2, '$share/g/c') as [TestClient, TestClient]
    publishAll(engine.connect(), 'c', numbers(0, 100))
    a.received()
    b.received()
    a.disconnect()
    expect(heard(b)).toEqual([])
  })

  test('drops messages that no member can take, if the rule says so', () => {
    const engine = createEngine({ channel: 'ticks slow drop-oldest' })
    const [a] = members(engine, 1, '$share/g/ticks') as [TestClient]
    a.backlogBytes = 100_000
    const publisher = engine.connect()
    expect(publisher.ask('PUBLISH', 'ticks', '0')).toBe(':0\r\n')
    a.backlogBytes = 0
    publisher.ask('PUBLISH', 'ticks', '1')
    expect(heard(a)).toEqual(['1'])
  })
})

describe('a group on a kept channel', () => {
  const NAME = '$share/workers/orders.eu'

  test('hears messages from a time without members, spread over its new members', () => {
    const engine = createEngine({ channel: 'orders.* keep 1h' })
    const publisher = engine.connect()
    publisher.ask('PUBLISH', 'orders.eu', 'before')
    const [first] = members(engine, 1, NAME) as [TestClient]
    publisher.ask('PUBLISH', 'orders.eu', '0')
    expect(heard(first)).toEqual(['0'])
    engine.clock.advance(20_000)
    first.disconnect()
    publishAll(publisher, 'orders.eu', numbers(1, 500))
    // Both messages come in one turn.
    const [second, third] = [engine.connect(), engine.connect()]
    for (const { client } of [second, third]) engine.engine.clients.pubSub.subscribe(client, 'channel', NAME)
    const parts = [heard(second), heard(third)] as [string[], string[]]
    expect(parts.flat().sort()).toEqual(numbers(1, 500).sort())
    for (const part of parts) {
      expect(part.length).toBeGreaterThan(100)
      expect([...part].sort((a, b) => Number(a) - Number(b))).toEqual(part)
    }
    publisher.ask('PUBLISH', 'orders.eu', 'live')
    expect([...heard(second), ...heard(third)]).toEqual(['live'])
  })

  test('remembers its position in the channel’s hash, lazily, and after the last member has left', () => {
    const engine = createEngine({ channel: 'orders.* keep 1h' })
    const publisher = engine.connect()
    const [member] = members(engine, 1, NAME) as [TestClient]
    engine.journal.take()
    publisher.ask('PUBLISH', 'orders.eu', '0')
    member.received()
    const place = (): string =>
      publisher.ask('HGET', 'places:channel:{orders.eu}', '$share workers').split('\r\n')[1]!.split(' ')[0]!
    const last = (): string => publisher.ask('XREVRANGE', 'channel:{orders.eu}', '+', '-', 'COUNT', 1).split('\r\n')[3]!
    engine.clock.advance(2000)
    expect(place()).not.toBe(last())
    engine.clock.advance(5000)
    expect(place()).toBe(last())
    expect(engine.journal.take().at(-1)).toMatch(
      /^0 HSET places:channel:\{orders\.eu\} \$share workers \d+-0 1 1700000005$/,
    )
    publisher.ask('PUBLISH', 'orders.eu', '1')
    member.received()
    member.ask('UNSUBSCRIBE')
    expect(place()).toBe(last())
    publisher.ask('PUBLISH', 'orders.eu', '2')
    expect(textsIn(engine.connect().ask('SUBSCRIBE', NAME))).toEqual(['2'])
  })

  test('redelivers messages sent shortly before a connection broke, in order and before newer messages', () => {
    const engine = createEngine({ channel: 'orders.* keep 1h' })
    const publisher = engine.connect()
    const [gone] = members(engine, 1, NAME) as [TestClient]
    publishAll(publisher, 'orders.eu', numbers(0, 3))
    expect(heard(gone)).toEqual(numbers(0, 3))
    engine.clock.advance(10_000)
    publishAll(publisher, 'orders.eu', numbers(3, 6))
    expect(heard(gone)).toEqual(numbers(3, 6))
    const [other] = members(engine, 1, NAME) as [TestClient]
    gone.disconnect()
    publisher.ask('PUBLISH', 'orders.eu', '6')
    expect(heard(other)).toEqual(numbers(3, 7))
  })

  test('trusts QUIT, and with redeliver 0 redelivers no taken message', () => {
    for (const redeliver of ['0', '5000']) {
      const engine = createEngine({ channel: 'orders.* keep 1h', redeliver })
      const publisher = engine.connect()
      const [gone, other] = members(engine, 2, NAME) as [TestClient, TestClient]
      publishAll(publisher, 'orders.eu', numbers(0, 4))
      expect([heard(gone), heard(other)]).toEqual([
        ['0', '2'],
        ['1', '3'],
      ])
      if (redeliver === '5000') gone.ask('QUIT')
      gone.disconnect()
      expect(heard(other)).toEqual([])
    }
  })

  test('gives a slow member nothing more until it has taken its slice, and disconnects none', () => {
    const engine = createEngine({ channel: 'orders.* keep 1h', 'client-output-buffer-limit': 'pubsub 200kb 0 0' })
    const publisher = engine.connect()
    const [slow, other] = members(engine, 2, NAME) as [TestClient, TestClient]
    slow.backlogBytes = 100_000
    const texts = numbers(0, 600).map((text) => text.padStart(1000, '0'))
    publishAll(publisher, 'orders.eu', texts.slice(0, 300))
    expect([heard(slow), heard(other)]).toEqual([[], texts.slice(0, 300)])
    other.backlogBytes = 100_000
    publishAll(publisher, 'orders.eu', texts.slice(300))
    expect([heard(slow), heard(other)]).toEqual([[], []])
    expect([slow.closed, other.closed]).toEqual([undefined, undefined])
    slow.backlogBytes = 0
    engine.clock.advance(10)
    expect(heard(slow)).toEqual(texts.slice(300))
    other.backlogBytes = 0
    engine.clock.advance(10)
    publishAll(publisher, 'orders.eu', ['live', 'life'])
    expect([...heard(slow), ...heard(other)].sort()).toEqual(['life', 'live'])
  })

  test('continues at its position after a restart, and its members hear recent messages again', () => {
    const engine = createEngine()
    const publisher = engine.connect()
    for (const number of numbers(1, 4)) publisher.ask('XADD', 'channel:{orders.eu}', `${number}-0`, 'message', number)
    publisher.ask('HSET', 'places:channel:{orders.eu}', '$share workers', '1-0 1')
    publisher.ask('CONFIG', 'SET', 'channel', 'orders.* keep forever')
    expect(textsIn(engine.connect().ask('SUBSCRIBE', NAME))).toEqual(['2', '3'])
  })

  test('can be forgotten', () => {
    const engine = createEngine({ channel: 'orders.* keep 1h' })
    const publisher = engine.connect()
    const [member] = members(engine, 1, NAME) as [TestClient]
    member.disconnect()
    publisher.ask('PUBLISH', 'orders.eu', '0')
    expect(publisher.ask('CHANNEL', 'FORGET', 'orders.eu', '$share', 'workers')).toBe(':1\r\n')
    expect(publisher.ask('CHANNEL', 'FORGET', 'orders.eu', '$share', 'workers')).toBe(':0\r\n')
    expect(publisher.ask('EXISTS', 'places:channel:{orders.eu}')).toBe(':0\r\n')
    expect(textsIn(engine.connect().ask('SUBSCRIBE', NAME))).toEqual([])
  })

  test('sends ids only to members that asked for them, by a pattern too', () => {
    const engine = createEngine({ channel: 'orders.* keep 1h' })
    const [plain] = members(engine, 1, NAME) as [TestClient]
    const [byPattern] = members(engine, 1, '$share/workers/orders.*', 'PSUBSCRIBE') as [TestClient]
    engine.connect().ask('PUBLISH', 'orders.eu', 'x')
    expect(plain.received()).toBe('*3\r\n$7\r\nmessage\r\n$24\r\n$share/workers/orders.eu\r\n$1\r\nx\r\n')
    expect(byPattern.received()).toBe(
      '*4\r\n$8\r\npmessage\r\n$23\r\n$share/workers/orders.*\r\n$9\r\norders.eu\r\n$1\r\nx\r\n',
    )
  })

  test('redelivers messages that an acknowledging member did not acknowledge, however long ago they were sent', () => {
    const engine = createEngine({ channel: 'orders.* keep 1h', redeliver: '0' })
    const publisher = engine.connect()
    const worker = engine.connect(3)
    worker.ask('CLIENT', 'SETNAME', 'a')
    worker.ask('CLIENT', 'CAPA', 'message-ids')
    worker.ask('SUBSCRIBE', NAME)
    publishAll(publisher, 'orders.eu', numbers(0, 4))
    const ids = [...worker.received().matchAll(/(\d+-\d+)\r\n/g)].map((match) => match[1]!)
    expect(ids).toHaveLength(4)
    engine.clock.advance(60_000)
    // Up to a message, on its own connection; and on another one with its name.
    expect(worker.ask('CHANNEL', 'ACK', NAME, ids[0]!)).toBe(':1\r\n')
    expect(worker.ask('CHANNEL', 'ACK', NAME, ids[0]!)).toBe(':0\r\n')
    const other = engine.connect()
    expect(other.ask('CHANNEL', 'ACK', NAME, ids[1]!)).toMatch(/^-ERR CHANNEL ACK is for/)
    other.ask('CLIENT', 'SETNAME', 'a')
    expect(other.ask('CHANNEL', 'ACK', NAME, ids[1]!)).toBe(':1\r\n')
    expect(other.ask('CHANNEL', 'LAG', 'orders.eu', '$share', 'workers')).toBe(':2\r\n')
    expect(other.ask('CHANNEL', 'ACK', '$share/nobody/orders.eu', ids[1]!)).toMatch(/^-ERR CHANNEL ACK is for/)
    worker.ask('QUIT')
    worker.disconnect()
    expect(textsIn(engine.connect().ask('SUBSCRIBE', NAME))).toEqual(['2', '3'])
  })

  test.each([['channel'], ['pattern']])('of a %s can be moved while it has members', (kind) => {
    const engine = createEngine({ channel: 'orders.* keep 1h' })
    const publisher = engine.connect()
    const name = kind === 'pattern' ? '$share/workers/orders.*' : NAME
    const [a, b] = members(engine, 2, name, kind === 'pattern' ? 'PSUBSCRIBE' : 'SUBSCRIBE') as [TestClient, TestClient]
    const target = kind === 'pattern' ? 'orders.*' : 'orders.eu'
    const seek = (aim: string) =>
      publisher.ask('CHANNEL', 'SEEK', target, '$share', 'workers', aim, ...(kind === 'pattern' ? ['PATTERN'] : []))
    publishAll(publisher, 'orders.eu', numbers(0, 4))
    const both = () => [...heard(a), ...heard(b)].sort()
    expect(both()).toEqual(['0', '1', '2', '3'])
    expect(seek('first')).toBe('+OK\r\n')
    expect(both()).toEqual(['0', '1', '2', '3'])
    expect(seek('last')).toBe('+OK\r\n')
    // Earlier deliveries no longer count: no member hears them again because that one has gone.
    a.disconnect()
    expect(heard(b)).toEqual([])
    publisher.ask('PUBLISH', 'orders.eu', '4')
    expect(heard(b)).toEqual(['4'])
    b.disconnect()
    expect(seek('first')).toBe('+OK\r\n')
    const command = kind === 'pattern' ? 'PSUBSCRIBE' : 'SUBSCRIBE'
    expect(textsIn(engine.connect().ask(command, name))).toEqual(numbers(0, 5))
  })

  test('reports on the gap channel messages that were removed before their redelivery', () => {
    const engine = createEngine({ channel: 'orders.* keep 1h max-messages 2' })
    const publisher = engine.connect()
    const [watcher] = members(engine, 1, '__gap__:orders.eu') as [TestClient]
    const [gone, other] = members(engine, 2, NAME) as [TestClient, TestClient]
    publishAll(publisher, 'orders.eu', numbers(0, 6))
    expect([heard(gone), heard(other)]).toEqual([
      ['0', '2', '4'],
      ['1', '3', '5'],
    ])
    gone.disconnect()
    expect(heard(other)).toEqual(['4'])
    expect(heard(watcher)).toEqual([expect.stringMatching(/^2 \d{13}-0 \d{13}-3$/)])
  })

  test.each([
    ['SUBSCRIBE', NAME],
    ['PSUBSCRIBE', '$share/workers/orders.*'],
  ])('loses no redelivered message when the broker dies before it is heard: %s', (command, name) => {
    const settings = { channel: 'orders.* keep 1h', redeliver: '2000' }
    const first = createEngine(settings)
    const publisher = first.connect()
    const [gone, other] = members(first, 2, name, command) as [TestClient, TestClient]
    publishAll(publisher, 'orders.eu', numbers(0, 6))
    expect([heard(gone), heard(other)]).toEqual([
      ['0', '2', '4'],
      ['1', '3', '5'],
    ])
    first.clock.advance(500)
    gone.disconnect()
    expect(heard(other)).toEqual(['0', '2', '4'])
    // The samples write the position. The other member has heard its own messages, and not the redelivered ones.
    first.clock.advance(1600)
    const second = restarted(first, settings)
    expect(textsIn(second.connect().ask(command, name))).toEqual(numbers(0, 6))
  })

  test('moves its position behind redelivered messages when they are heard', () => {
    const engine = createEngine({ channel: 'orders.* keep 1h', redeliver: '2000' })
    const publisher = engine.connect()
    const [gone, , third] = members(engine, 3, NAME) as [TestClient, TestClient, TestClient]
    const lag = () => publisher.ask('CHANNEL', 'LAG', 'orders.eu', '$share', 'workers')
    publishAll(publisher, 'orders.eu', numbers(0, 6))
    engine.clock.advance(500)
    gone.disconnect()
    publisher.received()
    engine.clock.advance(500)
    third.disconnect()
    publisher.received()
    expect(lag()).toBe(':6\r\n')
    engine.clock.advance(3000)
    expect(lag()).toBe(':0\r\n')
  })

  test('follows rules that come later, and continues at its position when they go', () => {
    const engine = createEngine()
    const publisher = engine.connect()
    const [member] = members(engine, 1, NAME) as [TestClient]
    publisher.ask('CONFIG', 'SET', 'channel', 'orders.* keep 1h')
    publisher.ask('PUBLISH', 'orders.eu', '0')
    expect(heard(member)).toEqual(['0'])
    publisher.ask('CONFIG', 'SET', 'redeliver', '0')
    member.disconnect()
    publisher.ask('PUBLISH', 'orders.eu', '1')
    const later = engine.connect()
    expect(textsIn(later.ask('SUBSCRIBE', NAME))).toEqual(['0', '1'])
    publisher.ask('CONFIG', 'SET', 'channel', '')
    publisher.ask('PUBLISH', 'orders.eu', '2')
    expect(heard(later)).toEqual(['2'])
  })
})
