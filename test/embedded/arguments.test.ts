import { describe, expect, onTestFinished, test } from 'vitest'
import { type Broker, type BrokerOptions, OptionError, openBroker, testClock } from '../../src/index.ts'

/** A broker as a program without types has it. */
type Untyped = Record<'call' | 'callBuffer' | 'transaction' | 'publish' | 'subscribe' | 'subscribePattern', Method> & {
  messages: (...args: unknown[]) => unknown
  session(): Record<'call' | 'callAll' | 'transaction', Method>
}
type Method = (...args: unknown[]) => Promise<unknown>

async function open(options: BrokerOptions = {}): Promise<Broker> {
  const broker = await openBroker(options)
  onTestFinished(() => broker.close())
  return broker
}

async function openUntyped(): Promise<[untyped: Untyped, broker: Broker]> {
  const broker = await open()
  return [broker as unknown as Untyped, broker]
}

describe('arguments are checked before anything happens, and the error names the argument', () => {
  test.each([
    [[], 'the name of the command is a string, not missing'],
    [
      [['SET', 'k', 'v']],
      "the name of the command is a string, not an array: write its elements one by one, call('SET', 'key', 'value')",
    ],
    [[7], 'the name of the command is a string, not 7'],
    [['SET', 'k', Number.NaN], 'SET: word 2 is NaN; words are strings, numbers and bytes'],
    [
      ['SET', 'k', true],
      "SET: word 2 is true; words are strings, numbers and bytes: write 1 or 0, or 'true' or 'false'",
    ],
    [
      ['SET', 'k', new Date(0)],
      'SET: word 2 is a Date; words are strings, numbers and bytes: write its getTime(), or its toISOString()',
    ],
    [['SET', ['k', 'v']], 'SET: word 1 is an array; words are strings, numbers and bytes: spread it, ...words'],
    [['SET', 'k', null], "SET: word 2 is null; words are strings, numbers and bytes: write '' for an empty string"],
    [['SET', 'k', undefined], 'SET: word 2 is missing; words are strings, numbers and bytes'],
    [
      ['HSET', 'h', { a: 1 }],
      'HSET: word 2 is an object (Object); words are strings, numbers and bytes: write its fields one by one, or JSON.stringify() it',
    ],
    [['SET', 'k', () => 1], 'SET: word 2 is a function; words are strings, numbers and bytes'],
  ])('call(%j)', async (args, message) => {
    const [untyped, broker] = await openUntyped()
    for (const call of [untyped.call, untyped.callBuffer, untyped.session().call]) {
      const failed = call.apply(call === untyped.session().call ? untyped.session() : untyped, args)
      await expect(failed).rejects.toThrow(TypeError)
      await expect(failed).rejects.toThrow(message)
    }
    expect(await broker.call('DBSIZE')).toBe(0)
  })

  test.each([
    ['SET', /^transaction\(\): argument 'commands' is an array of commands, .*; it is a string$/],
    [undefined, /; it is missing$/],
    [['SET', 'k', 'v'], /; its element 0 is a string$/],
    [
      [
        ['SET', 'k', 'v'],
        ['SET', 'k', false],
      ],
      /^SET: word 2 is false/,
    ],
    [[[]], /^the name of the command is a string, not missing/],
  ])('transaction(%j)', async (commands, message) => {
    const [untyped, broker] = await openUntyped()
    await expect(untyped.transaction(commands)).rejects.toThrow(message as RegExp)
    await expect(untyped.session().transaction(commands)).rejects.toThrow(TypeError)
    await expect(untyped.session().callAll(commands)).rejects.toThrow(TypeError)
    expect(await broker.call('DBSIZE')).toBe(0)
  })

  test('subscribing needs a channel and a listener', async () => {
    const [untyped, broker] = await openUntyped()
    await expect(untyped.subscribe('news')).rejects.toThrow(
      "subscribe(): argument 'listener' is a function; it is missing",
    )
    await expect(untyped.subscribePattern('news.*', 'x')).rejects.toThrow(
      "subscribePattern(): argument 'listener' is a function; it is a string",
    )
    await expect(untyped.subscribe(['a', 'b'], () => {})).rejects.toThrow(
      "subscribe(): argument 'channel' is a string; it is an array",
    )
    await expect(untyped.subscribe('news', undefined, { name: 'me' })).rejects.toThrow("argument 'listener'")
    expect(() => untyped.messages(['a'])).toThrow("messages(): argument 'channel' is a string; it is an array")
    expect(await broker.call('PUBSUB', 'CHANNELS')).toEqual([])
  })

  test('publishing needs a channel and a message', async () => {
    const [untyped] = await openUntyped()
    await expect(untyped.publish('news')).rejects.toThrow(
      "publish(): argument 'message' is a string or bytes; it is missing",
    )
    await expect(untyped.publish(['news'], 'm')).rejects.toThrow(
      "publish(): argument 'channel' is a string; it is an array",
    )
    await expect(untyped.publish('news', { a: 1 })).rejects.toThrow('JSON.stringify() it')
  })
})

describe('publish with options', () => {
  test('in and at: later, answered with the id', async () => {
    const clock = testClock()
    const broker = await open({ clock })
    const heard: string[] = []
    await broker.subscribe('news', (message) => void heard.push(message))
    const ids = [
      await broker.publish('news', 'second', { in: '5s' }),
      await broker.publish('news', 'first', { in: 2000 }),
      await broker.publish('news', 'third', { at: new Date(clock.now() + 7000) }),
      await broker.publish('news', 'fourth', { at: clock.now() + 8000 }),
    ]
    for (const id of ids) expect(typeof id).toBe('string')
    expect(new Set(ids).size).toBe(4)
    expect(heard).toEqual([])
    await clock.advance(6000)
    expect(heard).toEqual(['first', 'second'])
    await clock.advance(6000)
    expect(heard).toEqual(['first', 'second', 'third', 'fourth'])
  })

  test('id: once', async () => {
    const broker = await open({ config: { channel: 'orders.* keep 1h dedupe 1h' } as never })
    const heard: string[] = []
    await broker.subscribe('orders.eu', (message) => void heard.push(message))
    expect(await broker.publish('orders.eu', 'one', { id: 'a' })).toBe(
      await broker.publish('orders.eu', 'two', { id: 'a' }),
    )
    expect(heard).toEqual(['one'])
    await expect(broker.publish('other', 'x', { id: 'a' })).rejects.toThrow('dedupe')
  })

  test('are checked', async () => {
    const broker = await open()
    const publish = (options: object): Promise<unknown> => broker.publish('news', 'm', options)
    await expect(publish({ inn: 5 })).rejects.toThrow("did you mean 'in'")
    await expect(publish({ in: 'soon' })).rejects.toThrow("option 'in': milliseconds, or text such as 30s")
    await expect(publish({ in: -1 })).rejects.toThrow(OptionError)
    await expect(publish({ at: 'noon' })).rejects.toThrow("option 'at': a Date, or Unix milliseconds")
    await expect(publish({ at: new Date(Number.NaN) })).rejects.toThrow("option 'at'")
    await expect(publish({ in: 1, at: 1 })).rejects.toThrow("option 'at': 'in' says a time already")
    await expect(publish({ id: 7 })).rejects.toThrow("option 'id': a string")
  })
})
