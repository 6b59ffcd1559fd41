import { expect, test } from 'vitest'
import { PubSub } from '../../src/broker/pub-sub.ts'
import { Bytes } from '../../src/util/bytes/bytes.ts'
import { HASH_KEY } from '../support/structure-host.ts'
import { FakeSubscriber } from './fake-subscriber.ts'

const text = (latin1: string): Bytes => Bytes.from(latin1)

test('the subscribers of the channel come first, in order of arrival, then the patterns in theirs', () => {
  const pubSub = new PubSub(HASH_KEY)
  const log: string[] = []
  const [a, b, c] = ['a', 'b', 'c'].map((name) => new FakeSubscriber(name, log)) as [
    FakeSubscriber,
    FakeSubscriber,
    FakeSubscriber,
  ]
  pubSub.subscribe(c, 'pattern', 'n*')
  pubSub.subscribe(a, 'pattern', '*')
  pubSub.subscribe(b, 'pattern', 'n*')
  pubSub.subscribe(b, 'channel', 'news')
  pubSub.subscribe(a, 'channel', 'news')
  expect(pubSub.publish('channel', text('news'), text('1'))).toBe(5)
  expect(log).toEqual(['b:1', 'a:1', 'c:1', 'b:1', 'a:1'])
})

test('a message is encoded once for each protocol version, however many receive it', () => {
  const pubSub = new PubSub(HASH_KEY)
  const subscribers = ([2, 3, 2, 3] as const).map((protocol) => new FakeSubscriber('', [], protocol))
  for (const subscriber of subscribers) pubSub.subscribe(subscriber, 'channel', 'c')
  pubSub.publish('channel', text('c'), text('hello'))
  expect(subscribers[0]!.bytes(0)).toBe('*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$5\r\nhello\r\n')
  expect(subscribers[1]!.bytes(0)).toBe('>3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$5\r\nhello\r\n')
  expect(subscribers[2]!.places).toEqual(subscribers[0]!.places)
  expect(subscribers[3]!.places).toEqual(subscribers[1]!.places)
})

test('consecutive messages lie side by side, so that they leave as one piece', () => {
  const pubSub = new PubSub(HASH_KEY)
  const subscriber = new FakeSubscriber('s')
  pubSub.subscribe(subscriber, 'channel', 'c')
  for (let i = 0; i < 3; i++) pubSub.publish('channel', text('c'), text(String(i)))
  const [first, second, third] = subscriber.places
  expect([second!.start, third!.start]).toEqual([first!.end, second!.end])
  expect(third!.source).toBe(first!.source)
})

test('a pattern’s message bears the pattern and the channel', () => {
  const pubSub = new PubSub(HASH_KEY)
  const two = new FakeSubscriber('', [], 2)
  const three = new FakeSubscriber('', [], 3)
  pubSub.subscribe(two, 'pattern', 'n*')
  pubSub.subscribe(three, 'pattern', 'n*')
  expect(pubSub.publish('channel', text('news'), text('x'))).toBe(2)
  expect(two.bytes(0)).toBe('*4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$1\r\nx\r\n')
  expect(three.bytes(0)).toBe('>4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$1\r\nx\r\n')
})

test('a message larger than the buffer for messages is one piece too', () => {
  const pubSub = new PubSub(HASH_KEY)
  const subscriber = new FakeSubscriber('s')
  pubSub.subscribe(subscriber, 'channel', 'c')
  pubSub.publish('channel', text('c'), text('small'))
  pubSub.publish('channel', text('c'), text('x'.repeat(1_000_000)))
  pubSub.publish('channel', text('c'), text('after'))
  expect(subscriber.places).toHaveLength(3)
  expect(subscriber.bytes(0)).toContain('small')
  expect(subscriber.bytes(1)).toBe(`*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1000000\r\n${'x'.repeat(1_000_000)}\r\n`)
  expect(subscriber.bytes(2)).toContain('after')
})

test('messages that are still held are not overwritten', () => {
  const pubSub = new PubSub(HASH_KEY)
  const subscriber = new FakeSubscriber('s')
  pubSub.subscribe(subscriber, 'channel', 'c')
  pubSub.publish('channel', text('c'), text('held'))
  pubSub.abandon()
  for (let turn = 0; turn < 3; turn++) {
    pubSub.publish('channel', text('c'), text(`new${turn}`))
    pubSub.recycle()
  }
  expect(subscriber.bytes(0)).toContain('held')
})

test('sent messages may be overwritten after the turn', () => {
  const pubSub = new PubSub(HASH_KEY)
  const subscriber = new FakeSubscriber('s')
  pubSub.subscribe(subscriber, 'channel', 'c')
  pubSub.publish('channel', text('c'), text('one'))
  pubSub.recycle()
  pubSub.publish('channel', text('c'), text('two'))
  expect(subscriber.places[1]).toEqual(subscriber.places[0])
})

test('a subscriber that leaves during a fan-out does not disturb it, and one made to leave receives nothing', () => {
  const pubSub = new PubSub(HASH_KEY)
  const log: string[] = []
  const all = Array.from({ length: 40 }, (_, i) => new FakeSubscriber(String(i), log))
  for (const subscriber of all) pubSub.subscribe(subscriber, 'channel', 'c')
  all[0]!.onDelivery = () => pubSub.remove(all[0]!)
  all[1]!.onDelivery = () => {
    for (let i = 3; i < 40; i++) pubSub.remove(all[i]!)
  }
  expect(pubSub.publish('channel', text('c'), text('m'))).toBe(3)
  expect(log).toEqual(['0:m', '1:m', '2:m'])
  log.length = 0
  expect(pubSub.publish('channel', text('c'), text('n'))).toBe(2)
  expect(log).toEqual(['1:n', '2:n'])
})

test('a client that subscribes during a fan-out receives the next message', () => {
  const pubSub = new PubSub(HASH_KEY)
  const log: string[] = []
  const a = new FakeSubscriber('a', log)
  const b = new FakeSubscriber('b', log)
  a.onDelivery = () => pubSub.subscribe(b, 'channel', 'c')
  pubSub.subscribe(a, 'channel', 'c')
  expect(pubSub.publish('channel', text('c'), text('1'))).toBe(1)
  expect(pubSub.publish('channel', text('c'), text('2'))).toBe(2)
  expect(log).toEqual(['a:1', 'a:2', 'b:2'])
})

test('the route of a channel is computed again whenever subscriptions change', () => {
  const pubSub = new PubSub(HASH_KEY)
  const log: string[] = []
  const a = new FakeSubscriber('a', log)
  const b = new FakeSubscriber('b', log)
  const publish = (): number => pubSub.publish('channel', text('news'), text('m'))
  pubSub.subscribe(b, 'channel', 'other')
  expect(publish()).toBe(0)
  pubSub.subscribe(a, 'channel', 'news')
  expect(publish()).toBe(1)
  pubSub.subscribe(b, 'pattern', 'n*')
  expect(publish()).toBe(2)
  pubSub.unsubscribe(a, 'channel', 'news')
  expect(publish()).toBe(1)
  pubSub.unsubscribe(b, 'pattern', 'n*')
  expect(publish()).toBe(0)
  pubSub.subscribe(a, 'channel', 'news')
  pubSub.subscribe(b, 'channel', 'news')
  expect(publish()).toBe(2)
})

test('channels whose names share a slot in the route cache are kept apart', () => {
  const pubSub = new PubSub(HASH_KEY)
  const subscribers = Array.from({ length: 2000 }, (_, i) => {
    const subscriber = new FakeSubscriber(String(i))
    pubSub.subscribe(subscriber, 'channel', `channel:${i}`)
    return subscriber
  })
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 2000; i++) expect(pubSub.publish('channel', text(`channel:${i}`), text(String(i)))).toBe(1)
  }
  for (const { log, name } of subscribers) expect(log).toEqual([`${name}:${name}`, `${name}:${name}`])
})

test('very long channel names and channels with very many patterns are served like any other', () => {
  const pubSub = new PubSub(HASH_KEY)
  const long = 'x'.repeat(1000)
  const subscribers = Array.from({ length: 200 }, (_, i) => {
    const subscriber = new FakeSubscriber(String(i))
    pubSub.subscribe(subscriber, 'pattern', `x*${'?'.repeat(i)}`)
    return subscriber
  })
  for (let round = 1; round <= 2; round++) {
    expect(pubSub.publish('channel', text(long), text('m'))).toBe(200)
    expect(pubSub.publish('channel', text('x'.repeat(200)), text('m'))).toBe(200)
    for (const { log } of subscribers) expect(log).toHaveLength(2 * round)
  }
})

test('shard channels are separate from channels', () => {
  const pubSub = new PubSub(HASH_KEY)
  const subscriber = new FakeSubscriber('s', [], 3)
  pubSub.subscribe(subscriber, 'shard', 'c')
  expect(pubSub.publish('channel', text('c'), text('m'))).toBe(0)
  expect(pubSub.publish('shard', text('c'), text('m'))).toBe(1)
  expect(subscriber.bytes(0)).toBe('>3\r\n$8\r\nsmessage\r\n$1\r\nc\r\n$1\r\nm\r\n')
  pubSub.unsubscribe(subscriber, 'shard', 'c')
  expect(pubSub.publish('shard', text('c'), text('m'))).toBe(0)
})

test('a channel without subscribers is forgotten', () => {
  const pubSub = new PubSub(HASH_KEY)
  const subscriber = new FakeSubscriber('s')
  for (let i = 0; i < 10; i++) {
    pubSub.subscribe(subscriber, 'channel', `c${i}`)
    pubSub.subscribe(subscriber, 'pattern', `p${i}*`)
    pubSub.subscribe(subscriber, 'shard', `s${i}`)
  }
  expect([pubSub.count('channel'), pubSub.count('pattern'), pubSub.count('shard')]).toEqual([10, 10, 10])
  pubSub.remove(subscriber)
  expect([pubSub.count('channel'), pubSub.count('pattern'), pubSub.count('shard')]).toEqual([0, 0, 0])
  expect([
    subscriber.subscriptions.channels.size,
    subscriber.subscriptions.patterns.size,
    subscriber.subscriptions.shardChannels.size,
  ]).toEqual([0, 0, 0])
})
