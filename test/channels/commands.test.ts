import { describe, expect, test } from 'vitest'
import { createEngine, type TestClient, type TestEngine } from '../support/engine.ts'

const KEEP = { channel: 'orders.* keep 1h' }
/** The time at which a test’s clock begins, and the form of ids. */
const ID = /^\d+-\d+$/

/** A parsed reply: numbers and errors unchanged, maps as objects. */
type Value = string | number | boolean | null | Value[] | { [name: string]: Value }

/** Parses replies, also the shapes of RESP3. */
function read(text: string): Value[] {
  let at = 0
  const line = (): string => {
    const end = text.indexOf('\r\n', at)
    const found = text.slice(at, end)
    at = end + 2
    return found
  }
  const value = (): Value => {
    const head = line()
    const rest = head.slice(1)
    const count = Number(rest)
    if (head[0] === ':') return count
    if (head[0] === '#') return rest === 't'
    if (head[0] === '_' || rest === '-1') return null
    if (head[0] === '$') {
      const found = text.slice(at, at + count)
      at += count + 2
      return found
    }
    if (head[0] === '%') return Object.fromEntries(Array.from({ length: count }, () => [value() as string, value()]))
    if (/[*>~]/.test(head[0]!)) return Array.from({ length: count }, value)
    return rest
  }
  const found: Value[] = []
  while (at < text.length) found.push(value())
  return found
}

function ask(client: TestClient, line: string): Value {
  return read(client.ask(...line.split(' ')))[0]!
}

/** Connects a client with a name; `capabilities` as CLIENT CAPA takes them. */
function named({ connect }: TestEngine, name: string, protocol: 2 | 3 = 2, capabilities = ''): TestClient {
  const client = connect(protocol)
  client.ask('CLIENT', 'SETNAME', name)
  if (capabilities !== '') client.ask('CLIENT', 'CAPA', capabilities)
  return client
}

/** Publishes messages and returns their ids. */
function publish(client: TestClient, channel: string, ...texts: string[]): string[] {
  for (const text of texts) client.ask('PUBLISH', channel, text)
  const entries = ask(client, `CHANNEL HISTORY ${channel} - +`) as [string, string][]
  return entries.slice(-texts.length).map(([id]) => id)
}

/** Returns the texts of the messages among replies. */
function texts(reply: string): string[] {
  return read(reply).flatMap((part) => {
    if (!Array.isArray(part)) return []
    if (part[0] === 'message' || part[0] === 'smessage') return [part[2] as string]
    return part[0] === 'pmessage' ? [part[3] as string] : []
  })
}

describe.each([2, 3] as const)('in RESP%i', (protocol) => {
  test('CHANNEL LIST shows the channels that have messages, and shard channels separately', () => {
    const { connect } = createEngine({ channel: 'orders.* keep 1h ticks.* slow drop-oldest' })
    const client = connect(protocol)
    for (const channel of ['orders.eu', 'orders.us', 'ticks.eur', 'other']) client.ask('PUBLISH', channel, 'text')
    client.ask('SPUBLISH', 'orders.shard', 'text')
    connect().ask('SUBSCRIBE', 'orders.empty')
    expect((ask(client, 'CHANNEL LIST') as string[]).toSorted()).toEqual(['orders.eu', 'orders.us'])
    expect(ask(client, 'channel list *.u?')).toEqual(['orders.us'])
    expect(ask(client, 'CHANNEL LIST SHARD')).toEqual(['orders.shard'])
    expect(ask(client, 'CHANNEL LIST x* SHARD')).toEqual([])
  })

  test('CHANNEL LIST shows at a replica the same channels, as far as its rules name them', () => {
    const { connect, engine } = createEngine({ channel: 'orders.* keep 1h other keep 1h' })
    const client = connect()
    for (const channel of ['orders.eu', 'orders.us', 'other']) ask(client, `PUBLISH ${channel} m`)
    ask(client, 'SPUBLISH orders.shard m')
    ask(client, 'SET channel:{orders.none} text')
    client.ask('SET', '', 'v')
    engine.config.set('channel', 'orders.* keep 1h')
    const lists = () => [
      ask(client, 'CHANNEL LIST'),
      ask(client, 'CHANNEL LIST SHARD'),
      ask(client, 'CHANNEL LIST *us'),
    ]
    const atPrimary = lists()
    expect(atPrimary).toEqual([['orders.eu', 'orders.us'], ['orders.shard'], ['orders.us']])
    engine.effects.role.become('replica', 'up')
    expect(lists()).toEqual(atPrimary)
    engine.effects.role.become('primary')
    expect(lists()).toEqual(atPrimary)
  })

  test('CHANNEL INFO shows rule, messages and subscribers', () => {
    const engine = createEngine({ channel: 'orders.* keep 1h max-messages 5000' })
    const client = engine.connect(protocol)
    named(engine, 'billing').ask('SUBSCRIBE', 'orders.eu')
    engine.connect().ask('SUBSCRIBE', 'orders.eu')
    const [first, last] = publish(client, 'orders.eu', 'one', 'two')
    const expected = {
      rule: 'orders.* keep 1h max-messages 5000',
      messages: 2,
      bytes: expect.any(Number),
      'first-id': first,
      'last-id': last,
      subscribers: 2,
      remembered: 1,
      away: 0,
      scheduled: 0,
      missed: 0,
    }
    const info = ask(client, 'CHANNEL INFO orders.eu')
    expect(protocol === 3 ? info : read(client.ask('CHANNEL', 'INFO', 'orders.eu'))[0]).toEqual(
      protocol === 3 ? expected : Object.entries(expected).flat(),
    )
    const nothing = ask(client, 'CHANNEL INFO other')
    const values =
      protocol === 3 ? Object.values(nothing as object) : (nothing as Value[]).filter((_, i) => i % 2 === 1)
    expect(values).toEqual([null, 0, 0, null, null, 0, 0, 0, 0, 0])
    client.ask('SPUBLISH', 'orders.eu', 'three')
    expect(JSON.stringify(ask(client, 'CHANNEL INFO orders.eu SHARD'))).toMatch(/"messages"[:,]1\b/)
  })

  test('CHANNEL INFO counts the subscribers that are away and will hear what PUBLISH answers 0 to', () => {
    const engine = createEngine({ channel: '* keep 1h' })
    const client = engine.connect(protocol)
    const [here, gone, byPattern] = [named(engine, 'here'), named(engine, 'gone'), named(engine, 'pattern')]
    for (const each of [here, gone]) each.ask('SUBSCRIBE', 'orders.eu')
    for (const pattern of ['orders.*', '*.eu', 'rates.*']) byPattern.ask('PSUBSCRIBE', pattern)
    named(engine, 'shard').ask('SSUBSCRIBE', 'orders.eu')
    const away = (...kind: string[]) =>
      /\$4\r\naway\r\n:(\d+)/.exec(client.ask('CHANNEL', 'INFO', 'orders.eu', ...kind))?.[1]
    expect([away(), away('SHARD')]).toEqual(['0', '0'])
    for (const each of [gone, byPattern]) each.disconnect()
    expect([away(), away('SHARD')]).toEqual(['3', '0'])
    expect(client.ask('PUBLISH', 'orders.eu', 'one')).toBe(':1\r\n')
    here.disconnect()
    expect(away()).toBe('4')
    expect(client.ask('PUBLISH', 'orders.eu', 'two')).toBe(':0\r\n')
  })

  test('CHANNEL HISTORY returns messages and their ids, the last first with REV', () => {
    const { connect } = createEngine(KEEP)
    const client = connect(protocol)
    const ids = publish(client, 'orders.eu', 'one', 'two', 'three')
    const all = ['one', 'two', 'three'].map((text, i) => [ids[i], text])
    expect(ask(client, 'CHANNEL HISTORY orders.eu - +')).toEqual(all)
    expect(ask(client, `CHANNEL HISTORY orders.eu (${ids[0]} ${ids[1]}`)).toEqual([all[1]])
    expect(ask(client, 'CHANNEL HISTORY orders.eu - + COUNT 2 REV')).toEqual([all[2], all[1]])
    expect(ask(client, 'CHANNEL HISTORY orders.eu - + COUNT 0')).toEqual([])
    expect(ask(client, 'CHANNEL HISTORY other - +')).toEqual([])
    client.ask('SPUBLISH', 'orders.eu', 'apart')
    expect(ask(client, 'CHANNEL HISTORY orders.eu - + SHARD')).toEqual([[expect.stringMatching(ID), 'apart']])
    client.ask('CONFIG', 'SET', 'channel', '')
    expect(ask(client, 'CHANNEL HISTORY orders.eu - +')).toEqual(all)
  })

  test('CHANNEL SUBSCRIBERS and LAG show remembered subscribers and their lags', () => {
    const engine = createEngine({ ...KEEP, redeliver: '0' })
    const client = engine.connect(protocol)
    const gone = named(engine, 'billing')
    gone.ask('SUBSCRIBE', 'orders.eu')
    gone.ask('PSUBSCRIBE', 'orders.*')
    gone.ask('SSUBSCRIBE', 'orders.eu')
    const [first] = publish(client, 'orders.eu', 'one')
    gone.disconnect()
    named(engine, 'shipping').ask('SUBSCRIBE', 'orders.eu')
    const ids = publish(client, 'orders.eu', 'two', 'three')
    client.ask('PUBLISH', 'orders.us', 'four')
    client.ask('SPUBLISH', 'orders.eu', 'five')
    const told = ask(client, 'CHANNEL SUBSCRIBERS orders.eu') as Value[]
    const no = protocol === 3 ? false : 0
    const yes = protocol === 3 ? true : 1
    const maps = [
      { user: 'default', name: 'billing', connected: no, connections: 0, place: first, lag: 2 },
      // The position of a live subscriber is that of the last message of all.
      { user: 'default', name: 'shipping', connected: yes, connections: 1, place: expect.stringMatching(ID), lag: 0 },
    ]
    expect(told).toEqual(protocol === 3 ? maps : maps.map((map) => Object.entries(map).flat()))
    expect(ids.length).toBe(2)
    expect(ask(client, 'CHANNEL LAG orders.eu')).toEqual([
      ['default', 'billing', 2],
      ['default', 'shipping', 0],
    ])
    expect(ask(client, 'CHANNEL LAG orders.eu default billing')).toBe(2)
    expect(ask(client, 'CHANNEL LAG orders.* default billing PATTERN')).toBe(3)
    expect(ask(client, 'CHANNEL LAG orders.eu default billing SHARD')).toBe(1)
    expect(ask(client, 'CHANNEL LAG orders.* PATTERN')).toEqual([['default', 'billing', 3]])
    expect(ask(client, 'CHANNEL LAG orders.eu default nobody')).toBe(null)
    expect(ask(client, 'CHANNEL SUBSCRIBERS other')).toEqual([])
  })

  test('messages carry their ids after CLIENT CAPA message-ids, live ones too', () => {
    const engine = createEngine({ ...KEEP, redeliver: '0', 'notify-keyspace-events': 'AKE' })
    const publisher = engine.connect()
    const client = named(engine, 'billing', protocol)
    expect(ask(client, 'CLIENT CAPA redirect Message-IDs')).toBe('OK')
    for (const command of ['SUBSCRIBE orders.eu', 'PSUBSCRIBE orders.*', 'SSUBSCRIBE orders.eu']) ask(client, command)
    const listen = (): Value[] => read(client.received())
    const [id] = publish(publisher, 'orders.eu', 'one')
    publisher.ask('SPUBLISH', 'orders.eu', 'two')
    const [[shardId]] = ask(publisher, 'CHANNEL HISTORY orders.eu - + SHARD') as [[string]]
    publisher.ask('PUBLISH', 'other', 'three')
    const expected = [
      ['message', 'orders.eu', 'one', id],
      ['pmessage', 'orders.*', 'orders.eu', 'one', id],
      ['smessage', 'orders.eu', 'two', shardId],
    ]
    expect(listen()).toEqual(expected)
    client.disconnect()
    const again = named(engine, 'billing', protocol, 'message-ids')
    expect(read(again.ask('SUBSCRIBE', 'orders.eu')).slice(1)).toEqual([['message', 'orders.eu', 'one', id]])
    expect(read(again.ask('SSUBSCRIBE', 'orders.eu')).slice(1)).toEqual([['smessage', 'orders.eu', 'two', shardId]])
  })

  test('CHANNEL ACK alone moves the position, and never back', () => {
    const engine = createEngine({ ...KEEP, redeliver: '0' })
    const publisher = engine.connect()
    const client = named(engine, 'billing', protocol, 'message-ids')
    client.ask('SUBSCRIBE', 'orders.eu')
    const ids = publish(publisher, 'orders.eu', 'one', 'two', 'three', 'four')
    client.received()
    engine.journal.take()
    const [, second, third] = ids
    expect(client.ask('CHANNEL', 'ACK', 'orders.eu', third!)).toBe(':1\r\n')
    expect(engine.journal.take()).toEqual([`0 HSET places:channel:{orders.eu} default billing ${third} 3 1700000000`])
    expect(client.ask('CHANNEL', 'ACK', 'orders.eu', second!)).toBe(':0\r\n')
    expect(client.ask('CHANNEL', 'ACK', 'orders.eu', third!)).toBe(':0\r\n')
    expect(ask(publisher, 'CHANNEL LAG orders.eu default billing')).toBe(1)
    engine.clock.advance(60_000)
    client.ask('QUIT')
    client.disconnect()
    // Only the time of its leaving is new.
    expect(engine.journal.take()).toEqual([`0 HSET places:channel:{orders.eu} default billing ${third} 3 1700000060`])
    const again = named(engine, 'billing', protocol, 'message-ids')
    expect(texts(again.ask('SUBSCRIBE', 'orders.eu'))).toEqual(['four'])
    // It cannot have heard messages that it was not sent.
    expect(again.ask('CHANNEL', 'ACK', 'orders.eu', '99999999999999-0')).toBe(':1\r\n')
    publisher.ask('PUBLISH', 'orders.eu', 'five')
    expect(ask(publisher, 'CHANNEL LAG orders.eu default billing')).toBe(1)
  })

  test('CHANNEL SEEK moves a connected subscriber at once', () => {
    const engine = createEngine(KEEP)
    const publisher = engine.connect(protocol)
    const client = named(engine, 'billing', protocol)
    client.ask('SUBSCRIBE', 'orders.eu')
    const ids = publish(publisher, 'orders.eu', 'one', 'two', 'three')
    expect(texts(client.received())).toEqual(['one', 'two', 'three'])
    const heardAfter = (aim: string): string[] => {
      expect(ask(publisher, `CHANNEL SEEK orders.eu default billing ${aim}`)).toBe('OK')
      return texts(client.received())
    }
    expect(heardAfter('first')).toEqual(['one', 'two', 'three'])
    expect(heardAfter(ids[1]!)).toEqual(['three'])
    expect(heardAfter('LAST')).toEqual([])
    expect(heardAfter('0')).toEqual(['one', 'two', 'three'])
    expect(heardAfter(String(engine.clock.now() + 1))).toEqual([])
    expect(heardAfter(String(engine.clock.now()))).toEqual(['one', 'two', 'three'])
    publisher.ask('PUBLISH', 'orders.eu', 'four')
    expect(texts(client.received())).toEqual(['four'])
    expect(publisher.ask('CHANNEL', 'SEEK', 'orders.eu', 'default', 'nobody', 'first')).toBe(
      '-ERR nothing is remembered of this subscriber\r\n',
    )
  })
})

describe('CHANNEL ACK', () => {
  test('counts for the subscriber of the same user and name, on another connection too, and while it is away', () => {
    const engine = createEngine({ ...KEEP, redeliver: '0' })
    const publisher = engine.connect()
    const subscriber = named(engine, 'billing', 2, 'message-ids')
    subscriber.ask('SUBSCRIBE', 'orders.eu')
    subscriber.ask('PSUBSCRIBE', 'orders.*')
    const [one, two] = publish(publisher, 'orders.eu', 'one', 'two', 'three')
    const other = named(engine, 'billing')
    expect(other.ask('CHANNEL', 'ACK', 'orders.eu', one!)).toBe(':1\r\n')
    expect(other.ask('CHANNEL', 'ACK', 'orders.eu', one!, 'PATTERN', 'orders.*')).toBe(':1\r\n')
    subscriber.disconnect()
    expect(other.ask('CHANNEL', 'ACK', 'orders.eu', two!)).toBe(':1\r\n')
    const again = named(engine, 'billing', 2, 'message-ids')
    expect(texts(again.ask('SUBSCRIBE', 'orders.eu'))).toEqual(['three'])
    expect(texts(again.ask('PSUBSCRIBE', 'orders.*'))).toEqual(['two', 'three'])
  })

  test('is refused from clients that did not say that they acknowledge', () => {
    const engine = createEngine(KEEP)
    const subscriber = named(engine, 'billing', 3)
    subscriber.ask('SUBSCRIBE', 'orders.eu')
    // Too late for the existing subscription.
    subscriber.ask('CLIENT', 'CAPA', 'message-ids')
    const [id] = publish(engine.connect(), 'orders.eu', 'one')
    expect(read(subscriber.received())).toEqual([['message', 'orders.eu', 'one']])
    const refusal = '-ERR CHANNEL ACK is for subscribers that said CLIENT CAPA message-ids before they subscribed\r\n'
    expect(subscriber.ask('CHANNEL', 'ACK', 'orders.eu', id!)).toBe(refusal)
    expect(engine.connect().ask('CHANNEL', 'ACK', 'orders.eu', id!)).toBe(refusal)
  })

  test('works without a name: the position is that of the connection', () => {
    const engine = createEngine(KEEP)
    const client = engine.connect(3)
    client.ask('CLIENT', 'CAPA', 'message-ids')
    client.ask('SUBSCRIBE', 'orders.eu')
    const [id] = publish(engine.connect(), 'orders.eu', 'one')
    client.received()
    engine.journal.take()
    expect(client.ask('CHANNEL', 'ACK', 'orders.eu', id!)).toBe(':1\r\n')
    expect(engine.journal.take()).toEqual([])
  })
})

test('RESET takes CLIENT CAPA back', () => {
  const engine = createEngine(KEEP)
  const client = engine.connect(3)
  client.ask('CLIENT', 'CAPA', 'message-ids')
  client.ask('RESET')
  client.ask('SUBSCRIBE', 'orders.eu')
  publish(engine.connect(), 'orders.eu', 'one')
  expect(read(client.received())).toEqual([['message', 'orders.eu', 'one']])
})

describe('CHANNEL SEEK', () => {
  test('moves the position of a subscriber that is away, and of a pattern', () => {
    const engine = createEngine({ ...KEEP, redeliver: '0' })
    const publisher = engine.connect()
    const subscriber = named(engine, 'billing')
    subscriber.ask('PSUBSCRIBE', 'orders.*')
    const [one] = publish(publisher, 'orders.eu', 'one')
    publisher.ask('PUBLISH', 'orders.us', 'two')
    subscriber.disconnect()
    expect(ask(publisher, 'CHANNEL LAG orders.* default billing PATTERN')).toBe(0)
    engine.journal.take()
    expect(ask(publisher, `CHANNEL SEEK orders.* default billing ${one} PATTERN`)).toBe('OK')
    expect(engine.journal.take()).toEqual([`0 HSET places:pattern:{orders.*} default billing ${one} - 1700000000`])
    expect(ask(publisher, 'CHANNEL LAG orders.* default billing PATTERN')).toBe(1)
    const again = named(engine, 'billing')
    expect(texts(again.ask('PSUBSCRIBE', 'orders.*'))).toEqual(['two'])
    ask(publisher, 'CHANNEL SEEK orders.* default billing first PATTERN')
    expect(texts(again.received())).toEqual(['one', 'two'])
  })

  test('is remembered at once: messages sent before no longer count', () => {
    const engine = createEngine(KEEP)
    const publisher = engine.connect()
    const client = named(engine, 'billing')
    client.ask('SUBSCRIBE', 'orders.eu')
    publish(publisher, 'orders.eu', 'one', 'two')
    engine.clock.advance(60_000)
    client.backlogBytes = 1
    ask(publisher, 'CHANNEL SEEK orders.eu default billing first')
    client.disconnect()
    expect(texts(named(engine, 'billing').ask('SUBSCRIBE', 'orders.eu'))).toEqual(['one', 'two'])
  })

  test('behind removed messages reports no gap', () => {
    const engine = createEngine({ channel: 'orders.* keep-last 2' })
    const publisher = engine.connect()
    const client = named(engine, 'billing')
    const gaps = engine.connect(3)
    gaps.ask('SUBSCRIBE', '__gap__:orders.eu')
    client.ask('SUBSCRIBE', 'orders.eu')
    publish(publisher, 'orders.eu', 'one', 'two', 'three', 'four')
    client.received()
    ask(publisher, 'CHANNEL SEEK orders.eu default billing 1-1')
    expect(texts(client.received())).toEqual(['three', 'four'])
    expect(gaps.received()).toBe('')
  })
})

test('CHANNEL FORGET forgets a subscriber that is away; a connected one still hears messages and is not remembered', () => {
  const engine = createEngine({ ...KEEP, redeliver: '0' })
  const publisher = engine.connect()
  const client = named(engine, 'billing')
  client.ask('SUBSCRIBE', 'orders.eu')
  engine.journal.take()
  expect(ask(publisher, 'CHANNEL FORGET orders.eu default billing')).toBe(1)
  expect(engine.journal.take()).toEqual(['0 HDEL places:channel:{orders.eu} default billing'])
  expect(ask(publisher, 'CHANNEL FORGET orders.eu default billing')).toBe(0)
  publish(publisher, 'orders.eu', 'one')
  expect(texts(client.received())).toEqual(['one'])
  engine.clock.advance(60_000)
  client.disconnect()
  expect(ask(publisher, 'CHANNEL SUBSCRIBERS orders.eu')).toEqual([])
  expect(ask(publisher, 'EXISTS places:channel:{orders.eu}')).toBe(0)
  const shard = named(engine, 'billing')
  shard.ask('SSUBSCRIBE', 'orders.eu')
  shard.disconnect()
  expect(ask(publisher, 'CHANNEL FORGET orders.eu default billing SHARD')).toBe(1)
})

describe('CHANNEL TRIM', () => {
  test('removes old messages, journals the effect, and reports the gap to subscribers that had not read them', () => {
    const engine = createEngine({ ...KEEP, redeliver: '0' })
    const publisher = engine.connect()
    const client = named(engine, 'billing')
    client.ask('SUBSCRIBE', 'orders.eu')
    client.disconnect()
    const ids = publish(publisher, 'orders.eu', 'one', 'two', 'three', 'four')
    engine.journal.take()
    publisher.ask('SELECT', 3)
    expect(ask(publisher, 'CHANNEL TRIM orders.eu MAXLEN 3')).toBe(1)
    expect(ask(publisher, `CHANNEL TRIM orders.eu minid ${ids[2]}`)).toBe(1)
    expect(ask(publisher, `CHANNEL TRIM orders.eu minid ${ids[2]}`)).toBe(0)
    expect(engine.journal.take()).toEqual([
      '0 XTRIM channel:{orders.eu} MAXLEN = 3',
      '0 XTRIM channel:{orders.eu} MAXLEN = 2',
    ])
    expect(ask(publisher, 'CHANNEL TRIM other MAXLEN 0')).toBe(0)
    const gaps = engine.connect(3)
    gaps.ask('SUBSCRIBE', '__gap__:orders.eu')
    expect(texts(named(engine, 'billing').ask('SUBSCRIBE', 'orders.eu'))).toEqual(['three', 'four'])
    expect(texts(gaps.received())).toEqual([expect.stringMatching(/^2 \d+-\d+ \d+-\d+$/)])
    expect(ask(publisher, 'CHANNEL INFO orders.eu')).toContain(2)
    expect(ask(publisher, 'CHANNEL TRIM orders.eu MAXLEN 0')).toBe(2)
    expect(ask(publisher, 'CHANNEL LIST')).toEqual([])
  })

  test('in a transaction and in a script is part of the unit', () => {
    const engine = createEngine(KEEP)
    const client = engine.connect()
    publish(client, 'orders.eu', 'one', 'two')
    engine.journal.take()
    for (const line of ['MULTI', 'SET a 1', 'CHANNEL TRIM orders.eu MAXLEN 1', 'CHANNEL LIST']) ask(client, line)
    expect(ask(client, 'EXEC')).toEqual(['OK', 1, ['orders.eu']])
    expect(engine.journal.take()).toEqual(['MULTI', '0 SET a 1', '0 XTRIM channel:{orders.eu} MAXLEN = 1', 'EXEC'])
  })
})

test('an unknown form is a syntax error', () => {
  const { connect } = createEngine(KEEP)
  const client = connect()
  const wrong = [
    'CHANNEL LIST a b',
    'CHANNEL INFO a PATTERN',
    'CHANNEL INFO a b',
    'CHANNEL HISTORY a - + COUNT',
    'CHANNEL HISTORY a - + PATTERN',
    'CHANNEL SUBSCRIBERS a b',
    'CHANNEL LAG a b',
    'CHANNEL LAG a b c d',
    'CHANNEL LAG a b c PATTERN d',
    'CHANNEL ACK a 1-1 b',
    'CHANNEL ACK a 1-1 PATTERN',
    'CHANNEL SEEK a b c first d',
    'CHANNEL FORGET a b c d',
    'CHANNEL TRIM a b 1',
    'CHANNEL TRIM a MAXLEN 1 PATTERN',
  ]
  for (const line of wrong) expect(ask(client, line), line).toBe('ERR syntax error')
  const id = 'ERR Invalid stream ID specified as stream command argument'
  for (const line of ['HISTORY a x +', 'ACK a x', 'SEEK a b c x', 'SEEK a b c -5', 'TRIM a MINID x'])
    expect(ask(client, `CHANNEL ${line}`), line).toBe(id)
  expect(ask(client, 'CHANNEL TRIM a MAXLEN -1')).toBe('ERR The MAXLEN argument must be >= 0.')
  expect(ask(client, 'CHANNEL INFO')).toBe("ERR wrong number of arguments for 'channel|info' command")
  expect(ask(client, 'CHANNEL NOSUCH')).toBe("ERR unknown subcommand 'NOSUCH'. Try CHANNEL HELP.")
  client.ask('SET', 'channel:{orders.eu}', 'text')
  const wrongType = 'WRONGTYPE Operation against a key holding the wrong kind of value'
  expect(ask(client, 'CHANNEL HISTORY orders.eu - +')).toBe(wrongType)
  expect(ask(client, 'CHANNEL TRIM orders.eu MAXLEN 1')).toBe(wrongType)
  expect(ask(client, 'CHANNEL LAG orders.eu')).toEqual([])
})

test('rights: each subcommand is checked for the channel that it names, a pattern literally', () => {
  const engine = createEngine({ channel: '* keep 1h' })
  const admin = engine.connect()
  admin.ask('ACL', 'SETUSER', 'eve', 'on', 'nopass', '-@all', '+@pubsub', '%W~*', 'resetchannels', '&orders.*')
  publish(admin, 'orders.eu', 'one')
  publish(admin, 'secret', 'two')
  const eve = engine.connect()
  eve.ask('AUTH', 'eve', '')
  expect(ask(eve, 'CHANNEL LIST')).toEqual(['orders.eu'])
  const subcommands = [
    'INFO %',
    'HISTORY % - +',
    'SUBSCRIBERS %',
    'LAG %',
    'LAG % default billing',
    'ACK % 1-1',
    'SEEK % default billing first',
    'FORGET % default billing',
    'TRIM % MAXLEN 1',
  ]
  for (const line of subcommands) {
    expect(ask(eve, `CHANNEL ${line.replace('%', 'secret')}`), line).toMatch(
      /^NOPERM No permissions to access a channel/,
    )
    expect(String(ask(eve, `CHANNEL ${line.replace('%', 'orders.eu')}`)), line).not.toMatch(/^NOPERM/)
  }
  expect(ask(eve, 'CHANNEL LAG orders.* PATTERN')).toEqual([])
  // This name is allowed to it; as a pattern it is another one.
  expect(ask(eve, 'CHANNEL LAG orders.? PATTERN')).toMatch(/^NOPERM/)
  expect(ask(eve, 'CHANNEL SEEK orders.? default billing first PATTERN')).toMatch(/^NOPERM/)
  expect(ask(admin, 'ACL DRYRUN eve CHANNEL SUBSCRIBERS orders.? PATTERN')).toMatch(/no permissions to access/)
  expect(ask(admin, 'ACL DRYRUN eve CHANNEL SUBSCRIBERS orders.* PATTERN')).toBe('OK')
  admin.ask('ACL', 'SETUSER', 'eve', '-@write')
  expect(ask(eve, 'CHANNEL TRIM orders.eu MAXLEN 1')).toMatch(
    /^NOPERM User eve has no permissions to run the 'channel\|trim'/,
  )
  expect(ask(eve, 'CHANNEL LAG orders.eu')).toEqual([])
})

test('CHANNEL explains itself: HELP, COMMAND DOCS, COMMAND INFO', () => {
  const client = createEngine().connect(3)
  const help = ask(client, 'CHANNEL HELP') as string[]
  const docs = ask(client, 'COMMAND DOCS channel') as { channel: { subcommands: object } }
  const subcommands = Object.keys(docs.channel.subcommands).map((name) => name.replace('channel|', '').toUpperCase())
  expect(help.filter((line) => !line.startsWith(' ')).map((line) => line.split(' ')[0]!)).toEqual([
    'CHANNEL',
    ...subcommands.filter((name) => name !== 'HELP').toSorted(),
    'HELP',
  ])
  expect(client.ask('COMMAND', 'INFO', 'channel|trim')).toContain('@write')
})
