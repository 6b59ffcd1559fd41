import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Broker, type Message, OptionError, openBroker, SubscriptionEnded } from '../../src/index.ts'
import { temporaryDirectory } from '../support/server.ts'

async function broker(dir?: string): Promise<Broker> {
  const opened = await openBroker({
    ...(dir === undefined ? {} : { dir }),
    config: { channel: 'orders.* keep 1h', redeliver: 0 },
  })
  onTestFinished(() => opened.close())
  return opened
}

/** Takes so many messages of an iteration. */
async function take(messages: AsyncIterator<Message>, count: number): Promise<string[]> {
  const texts: string[] = []
  while (texts.length < count) {
    const { value, done } = await messages.next()
    if (done === true) break
    texts.push(value.message)
  }
  return texts
}

describe('messages', () => {
  test('are iterated over, those of a pattern in one order', async () => {
    const bus = await broker()
    await using messages = bus.messages('orders.*', { name: 'billing' })
    await messages.ready
    for (let i = 0; i < 5; i++) await bus.publish(`orders.${i % 2}`, `${i}`)
    expect(await take(messages, 5)).toEqual(['0', '1', '2', '3', '4'])
  })

  test('that were not finished are heard again by the same name, after a restart too', async () => {
    const dir = temporaryDirectory()
    const first = await broker(dir)
    const messages = first.messages('orders.eu', { name: 'billing' })
    await messages.ready
    for (const text of ['one', 'two', 'three']) await first.publish('orders.eu', text)
    expect(await take(messages, 2)).toEqual(['one', 'two'])
    await messages.return()
    await first.publish('orders.eu', 'four')
    await first.close()

    const second = await broker(dir)
    const again = second.messages('orders.eu', { name: 'billing' })
    expect(await take(again, 3)).toEqual(['two', 'three', 'four'])
    await again.return()
  })

  test('wait in the channel for a slow loop, not in memory', async () => {
    const bus = await broker()
    const messages = bus.messages('orders.eu', { name: 'slow' })
    await messages.ready
    const texts = Array.from({ length: 1000 }, (_, i) => `${i}`.padEnd(1000))
    for (const text of texts) await bus.publish('orders.eu', text)
    const clients = String(await bus.call('CLIENT', 'LIST'))
    const [, held] = /name=slow .* omem=(\d+)/.exec(clients)!
    expect(Number(held)).toBeLessThan(400_000)
    expect(await take(messages, 1000)).toEqual(texts)
    await messages.return()
  })

  test("count as heard when they are acknowledged, with ack: 'manual'", async () => {
    const bus = await broker()
    const first = bus.messages('orders.eu', { name: 'careful', ack: 'manual' })
    await first.ready
    for (const text of ['one', 'two', 'three']) await bus.publish('orders.eu', text)
    const { value } = await first.next()
    await value!.ack()
    expect(await take(first, 2)).toEqual(['two', 'three'])
    await first.return()
    const again = bus.messages('orders.eu', { name: 'careful', ack: 'manual' })
    expect(await take(again, 2)).toEqual(['two', 'three'])
    await again.return()
  })

  test('can be heard from elsewhere', async () => {
    const bus = await broker()
    await bus.publish('orders.eu', 'before')
    const all = bus.messages('orders.eu', { name: 'audit', from: 'first' })
    expect(await take(all, 1)).toEqual(['before'])
    await all.return()
    await bus.publish('orders.eu', 'missed')
    const last = bus.messages('orders.eu', { name: 'audit', from: 'last' })
    await last.ready
    await bus.publish('orders.eu', 'live')
    expect(await take(last, 1)).toEqual(['live'])
    await last.return()
    const since = bus.messages('orders.eu', { name: 'audit', from: new Date(0) })
    expect(await take(since, 3)).toEqual(['before', 'missed', 'live'])
    await since.return()
  })

  test('come to each of several subscribers of one name', async () => {
    const bus = await broker()
    const first = bus.messages('orders.eu', { name: 'billing' })
    await first.ready
    const second = bus.messages('orders.eu', { name: 'billing' })
    await second.ready
    await bus.publish('orders.eu', 'both')
    for (const each of [first, second]) {
      expect((await each.next()).value).toMatchObject({ message: 'both' })
      await each.return()
    }
  })

  test('end with an error when their connection is closed from outside', async () => {
    const bus = await broker()
    const messages = bus.messages('orders.eu', { name: 'billing' })
    await messages.ready
    const ended = expect(messages.next()).rejects.toThrow(SubscriptionEnded)
    await bus.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await ended
  })

  test('are refused to a second subscriber of a name where the rule says so', async () => {
    const bus = await broker()
    await bus.call('CONFIG', 'SET', 'channel', 'orders.* keep 1h names exclusive')
    const first = bus.messages('orders.eu', { name: 'billing' })
    await first.ready
    const second = bus.messages('orders.eu', { name: 'billing' })
    await expect(second.ready).rejects.toThrow(/the name 'billing' is in use/)
    await first.return()
  })

  test('want a rule where a name is given', async () => {
    const bus = await broker()
    const wrong = "option 'name': no rule keeps messages of 'news', so nothing would be remembered"
    expect(() => bus.messages('news', { name: 'billing' })).toThrow(OptionError)
    expect(() => bus.messages('news', { name: 'billing' })).toThrow(wrong)
    await expect(bus.subscribe('news', () => {}, { name: 'billing' })).rejects.toThrow(wrong)
    await bus.call('CONFIG', 'SET', 'channel', 'news keep-last 1')
    const messages = bus.messages('news', { name: 'billing' })
    await messages.ready
    await messages.return()
  })

  test('of channels without a rule come as ever', async () => {
    const bus = await broker()
    const messages = bus.messages('news')
    await messages.ready
    await bus.publish('news', 'now')
    const { value } = await messages.next()
    expect(value).toMatchObject({ channel: 'news', message: 'now', id: undefined })
    await messages.return()
    expect(await messages.next()).toEqual({ done: true, value: undefined })
  })
})

describe('a group of listeners', () => {
  test.each(['orders.eu', 'orders.*'])('of %s gives to another what one did not acknowledge', async (target) => {
    const bus = await broker()
    const options = { group: 'workers', ack: 'manual' } as const
    const first = bus.messages(target, options)
    await first.ready
    for (const text of ['one', 'two', 'three']) await bus.publish('orders.eu', text)
    const { value: one } = await first.next()
    await one!.ack()
    expect((await first.next()).value).toMatchObject({ channel: 'orders.eu', message: 'two' })
    await first.return()
    const second = bus.messages(target, options)
    expect(await take(second, 2)).toEqual(['two', 'three'])
    await second.return()
  })
})

describe('a listener with a name', () => {
  test('gets one message at a time, and one that it fails is not lost', async () => {
    const bus = await broker()
    const heard: string[] = []
    let running = 0
    const stop = await bus.subscribe(
      'orders.eu',
      async (message, channel) => {
        expect(++running).toBe(1)
        await sleep(1)
        heard.push(`${channel} ${message}`)
        running--
      },
      { name: 'billing' },
    )
    for (const text of ['one', 'two', 'three']) await bus.publish('orders.eu', text)
    await expect.poll(() => heard).toEqual(['orders.eu one', 'orders.eu two', 'orders.eu three'])
    stop()
    await bus.publish('orders.eu', 'four')
    const rest = bus.messages('orders.eu', { name: 'billing' })
    const { value } = await rest.next()
    // Its acknowledgement of `three` may have been on the way.
    expect(['three', 'four']).toContain(value!.message)
    await rest.return()
  })

  test('options that make no sense are refused', async () => {
    const bus = await broker()
    const options = [
      { from: 'first' },
      { ack: 'manual' },
      { name: 'a b' },
      { group: '' },
      { name: 'a', from: new Date(Number.NaN) },
    ]
    for (const wrong of options) expect(() => bus.messages('orders.eu', wrong as object)).toThrow(OptionError)
    await expect(bus.subscribe('orders.eu', () => {}, { naem: 'x' } as object)).rejects.toThrow(OptionError)
  })
})
