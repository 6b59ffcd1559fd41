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
  pubSub.subscribePattern(c, 'n*')
  pubSub.subscribePattern(a, '*')
  pubSub.subscribePattern(b, 'n*')
  pubSub.subscribe(b, 'news')
  pubSub.subscribe(a, 'news')
  expect(pubSub.publish(text('news'), text('1'))).toBe(5)
  expect(log).toEqual(['b:1', 'a:1', 'c:1', 'b:1', 'a:1'])
})

test('a message is encoded once for each protocol version, however many receive it', () => {
  const pubSub = new PubSub(HASH_KEY)
  const subscribers = ([2, 3, 2, 3] as const).map((protocol) => new FakeSubscriber('', [], protocol))
  for (const subscriber of subscribers) pubSub.subscribe(subscriber, 'c')
  pubSub.publish(text('c'), text('hello'))
  expect(subscribers[0]!.bytes(0)).toBe('*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$5\r\nhello\r\n')
  expect(subscribers[1]!.bytes(0)).toBe('>3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$5\r\nhello\r\n')
  expect(subscribers[2]!.places).toEqual(subscribers[0]!.places)
  expect(subscribers[3]!.places).toEqual(subscribers[1]!.places)
})

test('consecutive messages lie side by side, so that they leave as one piece', () => {
  const pubSub = new PubSub(HASH_KEY)
  const subscriber = new FakeSubscriber('s')
  pubSub.subscribe(subscriber, 'c')
  for (let i = 0; i < 3; i++) pubSub.publish(text('c'), text(String(i)))
  const [first, second, third] = subscriber.places
  expect([second!.start, third!.start]).toEqual([first!.end, second!.end])
  expect(third!.source).toBe(first!.source)
})

test('a pattern’s message bears the pattern and the channel', () => {
  const pubSub = new PubSub(HASH_KEY)
  const two = new FakeSubscriber('', [], 2)
  const three = new FakeSubscriber('', [], 3)
  pubSub.subscribePattern(two, 'n*')
  pubSub.subscribePattern(three, 'n*')
  expect(pubSub.publish(text('news'), text('x'))).toBe(2)
  expect(two.bytes(0)).toBe('*4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$1\r\nx\r\n')
  expect(three.bytes(0)).toBe('>4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$1\r\nx\r\n')
})

test('a message larger than the buffer for messages is one piece too', () => {
  const pubSub = new PubSub(HASH_KEY)
  const subscriber = new FakeSubscriber('s')
  pubSub.subscribe(subscriber, 'c')
  pubSub.publish(text('c'), text('small'))
  pubSub.publish(text('c'), text('x'.repeat(1_000_000)))
  pubSub.publish(text('c'), text('after'))
  expect(subscriber.places).toHaveLength(3)
  expect(subscriber.bytes(0)).toContain('small')
  expect(subscriber.bytes(1)).toBe(`*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1000000\r\n${'x'.repeat(1_000_000)}\r\n`)
  expect(subscriber.bytes(2)).toContain('after')
})

test('messages that are still held are not overwritten', () => {
  const pubSub = new PubSub(HASH_KEY)
  const subscriber = new FakeSubscriber('s')
  pubSub.subscribe(subscriber, 'c')
  pubSub.publish(text('c'), text('held'))
  pubSub.abandon()
  for (let turn = 0; turn < 3; turn++) {
    pubSub.publish(text('c'), text(`new${turn}`))
    pubSub.recycle()
  }
  expect(subscriber.bytes(0)).toContain('held')
})

test('sent messages may be overwritten after the turn', () => {
  const pubSub = new PubSub(HASH_KEY)
  const subscriber = new FakeSubscriber('s')
  pubSub.subscribe(subscriber, 'c')
  pubSub.publish(text('c'), text('one'))
  pubSub.recycle()
  pubSub.publish(text('c'), text('two'))
  expect(subscriber.places[1]).toEqual(subscriber.places[0])
})

test('a subscriber that leaves during a fan-out does not disturb it, and one made to leave receives nothing', () => {
  const pubSub = new PubSub(HASH_KEY)
  const log: string[] = []
  const all = Array.from({ length: 40 }, (_, i) => new FakeSubscriber(String(i), log))
  for (const subscriber of all) pubSub.subscribe(subscriber, 'c')
  all[0]!.onDelivery = () => pubSub.remove(all[0]!)
  all[1]!.onDelivery = () => {
    for (let i = 3; i < 40; i++) pubSub.remove(all[i]!)
  }
  expect(pubSub.publish(text('c'), text('m'))).toBe(3)
  expect(log).toEqual(['0:m', '1:m', '2:m'])
  log.length = 0
  expect(pubSub.publish(text('c'), text('n'))).toBe(2)
  expect(log).toEqual(['1:n', '2:n'])
})

test('a client that subscribes during a fan-out receives the next message', () => {
  const pubSub = new PubSub(HASH_KEY)
  const log: string[] = []
  const a = new FakeSubscriber('a', log)
  const b = new FakeSubscriber('b', log)
  a.onDelivery = () => pubSub.subscribe(b, 'c')
  pubSub.subscribe(a, 'c')
  expect(pubSub.publish(text('c'), text('1'))).toBe(1)
  expect(pubSub.publish(text('c'), text('2'))).toBe(2)
  expect(log).toEqual(['a:1', 'a:2', 'b:2'])
})

test('the route of a channel is computed again whenever subscriptions change', () => {
  const pubSub = new PubSub(HASH_KEY)
  const log: string[] = []
  const a = new FakeSubscriber('a', log)
  const b = new FakeSubscriber('b', log)
  const publish = (): number => pubSub.publish(text('news'), text('m'))
  pubSub.subscribe(b, 'other')
  expect(publish()).toBe(0)
  pubSub.subscribe(a, 'news')
  expect(publish()).toBe(1)
  pubSub.subscribePattern(b, 'n*')
  expect(publish()).toBe(2)
  pubSub.unsubscribe(a, 'news')
  expect(publish()).toBe(1)
  pubSub.unsubscribePattern(b, 'n*')
  expect(publish()).toBe(0)
  pubSub.subscribe(a, 'news')
  pubSub.subscribe(b, 'news')
  expect(publish()).toBe(2)
})

test('channels whose names share a slot in the route cache are kept apart', () => {
  const pubSub = new PubSub(HASH_KEY)
  const subscribers = Array.from({ length: 2000 }, (_, i) => {
    const subscriber = new FakeSubscriber(String(i))
    pubSub.subscribe(subscriber, `channel:${i}`)
    return subscriber
  })
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 2000; i++) expect(pubSub.publish(text(`channel:${i}`), text(String(i)))).toBe(1)
  }
  for (const { log, name } of subscribers) expect(log).toEqual([`${name}:${name}`, `${name}:${name}`])
})

test('very long channel names and channels with very many patterns are served like any other', () => {
  const pubSub = new PubSub(HASH_KEY)
  const long = 'x'.repeat(1000)
  const subscribers = Array.from({ length: 200 }, (_, i) => {
    const subscriber = new FakeSubscriber(String(i))
    pubSub.subscribePattern(subscriber, `x*${'?'.repeat(i)}`)
    return subscriber
  })
  for (let round = 1; round <= 2; round++) {
    expect(pubSub.publish(text(long), text('m'))).toBe(200)
    expect(pubSub.publish(text('x'.repeat(200)), text('m'))).toBe(200)
    for (const { log } of subscribers) expect(log).toHaveLength(2 * round)
  }
})

test('shard channels are separate from channels', () => {
  const pubSub = new PubSub(HASH_KEY)
  const subscriber = new FakeSubscriber('s', [], 3)
  pubSub.subscribeShard(subscriber, 'c')
  expect(pubSub.publish(text('c'), text('m'))).toBe(0)
  expect(pubSub.publishShard(text('c'), text('m'))).toBe(1)
  expect(subscriber.bytes(0)).toBe('>3\r\n$8\r\nsmessage\r\n$1\r\nc\r\n$1\r\nm\r\n')
  pubSub.unsubscribeShard(subscriber, 'c')
  expect(pubSub.publishShard(text('c'), text('m'))).toBe(0)
})

test('a channel without subscribers is forgotten', () => {
  const pubSub = new PubSub(HASH_KEY)
  const subscriber = new FakeSubscriber('s')
  for (let i = 0; i < 10; i++) {
    pubSub.subscribe(subscriber, `c${i}`)
    pubSub.subscribePattern(subscriber, `p${i}*`)
    pubSub.subscribeShard(subscriber, `s${i}`)
  }
  expect([pubSub.channelCount, pubSub.patternCount, pubSub.shardChannelCount]).toEqual([10, 10, 10])
  pubSub.remove(subscriber)
  expect([pubSub.channelCount, pubSub.patternCount, pubSub.shardChannelCount]).toEqual([0, 0, 0])
  expect([subscriber.channels.size, subscriber.patterns.size, subscriber.shardChannels.size]).toEqual([0, 0, 0])
})
