import { expect, test } from 'vitest'
import { Broker } from '../../src/broker/broker.ts'
import { Bytes } from '../../src/util/bytes.ts'
import { HASH_KEY } from '../support/structure-host.ts'
import { FakeSubscriber } from './fake-subscriber.ts'

const text = (latin1: string): Bytes => Bytes.from(latin1)

test('the subscribers of the channel come first, in order of arrival, then the patterns in theirs', () => {
  const broker = new Broker(HASH_KEY)
  const log: string[] = []
  const [a, b, c] = ['a', 'b', 'c'].map((name) => new FakeSubscriber(name, log)) as [
    FakeSubscriber,
    FakeSubscriber,
    FakeSubscriber,
  ]
  broker.subscribePattern(c, 'n*')
  broker.subscribePattern(a, '*')
  broker.subscribePattern(b, 'n*')
  broker.subscribe(b, 'news')
  broker.subscribe(a, 'news')
  expect(broker.publish(text('news'), text('1'))).toBe(5)
  expect(log).toEqual(['b:1', 'a:1', 'c:1', 'b:1', 'a:1'])
})

test('a message is encoded once for each protocol version, however many receive it', () => {
  const broker = new Broker(HASH_KEY)
  const subscribers = ([2, 3, 2, 3] as const).map((protocol) => new FakeSubscriber('', [], protocol))
  for (const subscriber of subscribers) broker.subscribe(subscriber, 'c')
  broker.publish(text('c'), text('hello'))
  expect(subscribers[0]!.bytes(0)).toBe('*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$5\r\nhello\r\n')
  expect(subscribers[1]!.bytes(0)).toBe('>3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$5\r\nhello\r\n')
  expect(subscribers[2]!.places).toEqual(subscribers[0]!.places)
  expect(subscribers[3]!.places).toEqual(subscribers[1]!.places)
})

test('messages in a row lie side by side, so that they leave as one piece', () => {
  const broker = new Broker(HASH_KEY)
  const subscriber = new FakeSubscriber('s')
  broker.subscribe(subscriber, 'c')
  for (let i = 0; i < 3; i++) broker.publish(text('c'), text(String(i)))
  const [first, second, third] = subscriber.places
  expect([second!.start, third!.start]).toEqual([first!.end, second!.end])
  expect(third!.source).toBe(first!.source)
})

test('a pattern’s message bears the pattern and the channel', () => {
  const broker = new Broker(HASH_KEY)
  const two = new FakeSubscriber('', [], 2)
  const three = new FakeSubscriber('', [], 3)
  broker.subscribePattern(two, 'n*')
  broker.subscribePattern(three, 'n*')
  expect(broker.publish(text('news'), text('x'))).toBe(2)
  expect(two.bytes(0)).toBe('*4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$1\r\nx\r\n')
  expect(three.bytes(0)).toBe('>4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$1\r\nx\r\n')
})

test('a message larger than the buffer for messages is one piece too', () => {
  const broker = new Broker(HASH_KEY)
  const subscriber = new FakeSubscriber('s')
  broker.subscribe(subscriber, 'c')
  broker.publish(text('c'), text('small'))
  broker.publish(text('c'), text('x'.repeat(1_000_000)))
  broker.publish(text('c'), text('after'))
  expect(subscriber.places).toHaveLength(3)
  expect(subscriber.bytes(0)).toContain('small')
  expect(subscriber.bytes(1)).toBe(`*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1000000\r\n${'x'.repeat(1_000_000)}\r\n`)
  expect(subscriber.bytes(2)).toContain('after')
})

test('messages that somebody still holds are not written over', () => {
  const broker = new Broker(HASH_KEY)
  const subscriber = new FakeSubscriber('s')
  broker.subscribe(subscriber, 'c')
  broker.publish(text('c'), text('held'))
  broker.abandon()
  for (let turn = 0; turn < 3; turn++) {
    broker.publish(text('c'), text(`new${turn}`))
    broker.recycle()
  }
  expect(subscriber.bytes(0)).toContain('held')
})

test('what was sent may be written over after the turn', () => {
  const broker = new Broker(HASH_KEY)
  const subscriber = new FakeSubscriber('s')
  broker.subscribe(subscriber, 'c')
  broker.publish(text('c'), text('one'))
  broker.recycle()
  broker.publish(text('c'), text('two'))
  expect(subscriber.places[1]).toEqual(subscriber.places[0])
})

test('a subscriber that leaves during a fan-out does not disturb it, and one made to leave receives nothing', () => {
  const broker = new Broker(HASH_KEY)
  const log: string[] = []
  const all = Array.from({ length: 40 }, (_, i) => new FakeSubscriber(String(i), log))
  for (const subscriber of all) broker.subscribe(subscriber, 'c')
  all[0]!.onDelivery = () => broker.remove(all[0]!)
  all[1]!.onDelivery = () => {
    for (let i = 3; i < 40; i++) broker.remove(all[i]!)
  }
  expect(broker.publish(text('c'), text('m'))).toBe(3)
  expect(log).toEqual(['0:m', '1:m', '2:m'])
  log.length = 0
  expect(broker.publish(text('c'), text('n'))).toBe(2)
  expect(log).toEqual(['1:n', '2:n'])
})

test('who subscribes during a fan-out receives the next message', () => {
  const broker = new Broker(HASH_KEY)
  const log: string[] = []
  const a = new FakeSubscriber('a', log)
  const b = new FakeSubscriber('b', log)
  a.onDelivery = () => broker.subscribe(b, 'c')
  broker.subscribe(a, 'c')
  expect(broker.publish(text('c'), text('1'))).toBe(1)
  expect(broker.publish(text('c'), text('2'))).toBe(2)
  expect(log).toEqual(['a:1', 'a:2', 'b:2'])
})

test('the way to a channel is found anew whenever subscriptions change', () => {
  const broker = new Broker(HASH_KEY)
  const log: string[] = []
  const a = new FakeSubscriber('a', log)
  const b = new FakeSubscriber('b', log)
  const publish = (): number => broker.publish(text('news'), text('m'))
  broker.subscribe(b, 'other')
  expect(publish()).toBe(0)
  broker.subscribe(a, 'news')
  expect(publish()).toBe(1)
  broker.subscribePattern(b, 'n*')
  expect(publish()).toBe(2)
  broker.unsubscribe(a, 'news')
  expect(publish()).toBe(1)
  broker.unsubscribePattern(b, 'n*')
  expect(publish()).toBe(0)
  broker.subscribe(a, 'news')
  broker.subscribe(b, 'news')
  expect(publish()).toBe(2)
})

test('channels whose names share a place in the memo are kept apart', () => {
  const broker = new Broker(HASH_KEY)
  const subscribers = Array.from({ length: 2000 }, (_, i) => {
    const subscriber = new FakeSubscriber(String(i))
    broker.subscribe(subscriber, `channel:${i}`)
    return subscriber
  })
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 2000; i++) expect(broker.publish(text(`channel:${i}`), text(String(i)))).toBe(1)
  }
  for (const { log, name } of subscribers) expect(log).toEqual([`${name}:${name}`, `${name}:${name}`])
})

test('very long channel names and channels with very many patterns are served like any other', () => {
  const broker = new Broker(HASH_KEY)
  const long = 'x'.repeat(1000)
  const subscribers = Array.from({ length: 200 }, (_, i) => {
    const subscriber = new FakeSubscriber(String(i))
    broker.subscribePattern(subscriber, `x*${'?'.repeat(i)}`)
    return subscriber
  })
  for (let round = 1; round <= 2; round++) {
    expect(broker.publish(text(long), text('m'))).toBe(200)
    expect(broker.publish(text('x'.repeat(200)), text('m'))).toBe(200)
    for (const { log } of subscribers) expect(log).toHaveLength(2 * round)
  }
})

test('shard channels are a world of their own', () => {
  const broker = new Broker(HASH_KEY)
  const subscriber = new FakeSubscriber('s', [], 3)
  broker.subscribeShard(subscriber, 'c')
  expect(broker.publish(text('c'), text('m'))).toBe(0)
  expect(broker.publishShard(text('c'), text('m'))).toBe(1)
  expect(subscriber.bytes(0)).toBe('>3\r\n$8\r\nsmessage\r\n$1\r\nc\r\n$1\r\nm\r\n')
  broker.unsubscribeShard(subscriber, 'c')
  expect(broker.publishShard(text('c'), text('m'))).toBe(0)
})

test('what nobody is subscribed to any more is forgotten', () => {
  const broker = new Broker(HASH_KEY)
  const subscriber = new FakeSubscriber('s')
  for (let i = 0; i < 10; i++) {
    broker.subscribe(subscriber, `c${i}`)
    broker.subscribePattern(subscriber, `p${i}*`)
    broker.subscribeShard(subscriber, `s${i}`)
  }
  expect([broker.channelCount, broker.patternCount, broker.shardChannelCount]).toEqual([10, 10, 10])
  broker.remove(subscriber)
  expect([broker.channelCount, broker.patternCount, broker.shardChannelCount]).toEqual([0, 0, 0])
  expect([subscriber.channels.size, subscriber.patterns.size, subscriber.shardChannels.size]).toEqual([0, 0, 0])
})
