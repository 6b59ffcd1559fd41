import { describe, expect, onTestFinished, test } from 'vitest'
import { type Broker, type BrokerOptions, CommandError, openBroker } from '../../src/index.ts'
import { temporaryDirectory } from '../support/server.ts'

async function open(options: BrokerOptions = {}): Promise<Broker> {
  const broker = await openBroker(options)
  onTestFinished(() => broker.close())
  return broker
}

describe('broker.sync', () => {
  test('answers at once', async () => {
    const { sync } = await open()
    expect(sync.set('k', 'grüß dich')).toBe('OK')
    expect(sync.get('k')).toBe('grüß dich')
    expect(sync.buffers.get('k')).toEqual(Buffer.from('grüß dich'))
    expect(sync.hset('h', { a: 1 })).toBe(1)
    expect(sync.hgetall('h')).toEqual(new Map([['a', '1']]))
    expect(sync.call('LRANGE', 'none', 0, -1)).toEqual([])
    expect(sync.callBuffer('ECHO', 'x')).toEqual(Buffer.from('x'))
    expect(sync.eval("return redis.call('INCR', KEYS[1])", { key: 'n' })).toBe(1)
    expect(sync.keys('*')).toHaveLength(3)
    expect(sync.xread('none', 0)).toBeNull()
  })

  test('throws what call() rejects with', async () => {
    const { sync } = await open()
    sync.rpush('list', 'a')
    expect(() => sync.incr('list')).toThrow(CommandError)
    expect(() => sync.incr('list')).toThrow('WRONGTYPE')
    expect(() => sync.call('NONSENSE')).toThrow("unknown command 'NONSENSE'")
    expect(() => sync.call('SET', 'k', Number.NaN)).toThrow('SET: word 2 is NaN')
    expect(() => sync.call('SELECT', 1)).toThrow('SELECT changes the state of a connection')
    expect(() => sync.call('SUBSCRIBE', 'c')).toThrow('use subscribe()')
  })

  test('a command that may have to wait throws before anything happens', async () => {
    const broker = await open()
    const { sync } = broker
    expect(() => sync.blpop('queue', 0)).toThrow('BLPOP cannot be answered at once, it may have to wait: use call()')
    expect(() => sync.call('wait', 1, 0)).toThrow('wait cannot be answered at once')
    expect(() => sync.call('XREAD', 'BLOCK', 0, 'STREAMS', 's', '$')).toThrow('XREAD cannot be answered at once')
    await broker.call('CLIENT', 'PAUSE', 10_000, 'WRITE')
    expect(() => sync.set('k', 'v')).toThrow('SET cannot be answered at once, it has to wait here')
    await broker.call('CLIENT', 'UNPAUSE')
    expect(sync.get('k')).toBeNull()
  })

  test('keeps the order of effects within an async call, a listener and between transactions', async () => {
    for (const options of [{}, { dir: temporaryDirectory(), appendfsync: 'always' as const }]) {
      const broker = await open(options)
      const { sync } = broker
      const calls = [broker.call('RPUSH', 'l', 1)]
      sync.rpush('l', 2)
      calls.push(broker.call('RPUSH', 'l', 3))
      const transaction = broker.transaction([
        ['RPUSH', 'l', 4],
        ['RPUSH', 'l', 5],
      ])
      expect(sync.rpush('l', 6)).toBe(6)
      expect(await Promise.all(calls)).toEqual([1, 3])
      expect(await transaction).toEqual([4, 5])
      const heard = new Promise<number>((resolve) => {
        void broker.subscribe('news', () => resolve(sync.rpush('l', 7)))
      })
      await broker.publish('news', 'x')
      sync.rpush('l', 8)
      expect(await heard).toBe(7)
      expect(sync.lrange('l', 0, -1)).toEqual(['1', '2', '3', '4', '5', '6', '7', '8'])
      expect(
        sync.transaction([
          ['RPUSH', 'l', 9],
          ['LLEN', 'l'],
          ['INCR', 'l'],
        ]),
      ).toMatchObject([9, 9, { code: 'WRONGTYPE' }])
      expect(() => sync.transaction([['NONSENSE']])).toThrow("unknown command 'NONSENSE'")
    }
  })

  test('in a listener of a logger, while a command runs, it throws', async () => {
    let broker: Broker | undefined
    const errors: unknown[] = []
    const say = (): void => {
      try {
        broker?.sync.set('from', 'logger')
      } catch (error) {
        errors.push(error)
      }
    }
    broker = await open({ log: { debug: say, info: say, warn: say, error: say, fatal: say } })
    await broker.call('EVAL', "redis.log(redis.LOG_WARNING, 'x') return 1", 0)
    expect(String(errors[0])).toContain('another command is running')
    broker = undefined
  })

  test('with appendfsync always a change is on disk when its call returns', async () => {
    const dir = temporaryDirectory()
    const broker = await open({ dir, appendfsync: 'always' })
    for (let i = 0; i < 50; i++) {
      broker.sync.set(`k${i}`, i)
      const info = broker.sync.call('INFO', 'persistence') as string
      expect(info).toContain('aof_buffer_length:0')
      expect(info).toContain('aof_pending_bio_fsync:0')
    }
    await broker.close()
    const again = await open({ dir })
    expect(again.sync.dbsize()).toBe(50)
  })

  test('with everysec a change is written when its call returns', async () => {
    const broker = await open({ dir: temporaryDirectory() })
    broker.sync.set('k', 'v')
    expect(broker.sync.call('INFO', 'persistence')).toContain('aof_buffer_length:0')
  })

  test('after close it throws', async () => {
    const broker = await openBroker()
    const { sync } = broker
    await broker.close()
    expect(() => sync.get('k')).toThrow('the broker is closed')
  })
})
