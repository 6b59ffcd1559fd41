import { readdirSync, realpathSync } from 'node:fs'
import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Broker, type BrokerOptions, CommandError, OptionError, openBroker, startServer } from '../../src/index.ts'
import { eventually, temporaryDirectory } from '../support/server.ts'

async function open(options: BrokerOptions = {}): Promise<Broker> {
  const broker = await openBroker(options)
  onTestFinished(() => broker.close())
  return broker
}

describe('calls', () => {
  test('words are strings, numbers and bytes; replies are values', async () => {
    const broker = await open()
    expect(await broker.call('SET', 'greeting', 'grüß dich')).toBe('OK')
    expect(await broker.call('get', 'greeting')).toBe('grüß dich')
    expect(await broker.call('STRLEN', 'greeting')).toBe(11)
    expect(await broker.call('GET', 'missing')).toBeNull()
    expect(await broker.call('SET', 'n', 41)).toBe('OK')
    expect(await broker.call('INCRBY', 'n', 1n)).toBe(42)
    expect(await broker.call('SET', 'huge', 2n ** 62n)).toBe('OK')
    expect(await broker.call('INCR', 'huge')).toBe(2n ** 62n + 1n)
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i)
    await broker.call('SET', 'bytes', bytes)
    expect(await broker.callBuffer('GET', 'bytes')).toEqual(Buffer.from(bytes))
    await broker.call('RPUSH', 'list', 'a', 'b', 'c')
    expect(await broker.call('LRANGE', 'list', 0, -1)).toEqual(['a', 'b', 'c'])
    expect(await broker.callBuffer('LRANGE', 'list', 0, 0)).toEqual([Buffer.from('a')])
    expect(await broker.call('CONFIG', 'GET', 'databases')).toEqual(new Map([['databases', '16']]))
  })

  test('an error reply rejects with its code', async () => {
    const broker = await open()
    await broker.call('SET', 's', 'x')
    const failed = broker.call('LPUSH', 's', 'y')
    await expect(failed).rejects.toThrow(CommandError)
    await expect(failed).rejects.toMatchObject({
      code: 'WRONGTYPE',
      message: 'WRONGTYPE Operation against a key holding the wrong kind of value',
    })
    await expect(broker.call('NONSENSE')).rejects.toThrow(/^ERR unknown command 'NONSENSE'/)
  })

  test('many at once are answered in the order they were made', async () => {
    const broker = await open()
    const replies = await Promise.all(Array.from({ length: 5000 }, () => broker.call('INCR', 'counter')))
    expect(replies).toEqual(Array.from({ length: 5000 }, (_, i) => i + 1))
  })

  test('a value of 10 MB goes in and out', async () => {
    const broker = await open()
    const value = Buffer.alloc(10_000_000, 'abcdefghij')
    await broker.call('SET', 'big', value)
    const back = (await broker.callBuffer('GET', 'big')) as Buffer
    expect(back.equals(value)).toBe(true)
  })

  test('bytes of a reply stay what they were while the engine goes on', async () => {
    const broker = await open()
    await broker.call('SET', 'a', 'first')
    const first = (await broker.callBuffer('GET', 'a')) as Buffer
    for (let i = 0; i < 100; i++) await broker.call('ECHO', 'x'.repeat(100))
    expect(first.toString()).toBe('first')
  })

  test('a blocking call waits without holding up the others', async () => {
    const broker = await open()
    const first = broker.call('BLPOP', 'queue', 0)
    const second = broker.callBuffer('BLPOP', 'queue', 0)
    expect(await broker.call('RPUSH', 'queue', 'a', 'b')).toBe(2)
    expect(await first).toEqual(['queue', 'a'])
    expect(await second).toEqual([Buffer.from('queue'), Buffer.from('b')])
    expect(await broker.call('BLPOP', 'queue', 0.01)).toBeNull()
    // Their clients are gone with them.
    expect(
      String(await broker.call('CLIENT', 'LIST'))
        .trim()
        .split('\n').length,
    ).toBe(1)
  })

  test('commands that change a connection are refused with a hint', async () => {
    const broker = await open()
    await expect(broker.call('MULTI')).rejects.toThrow('use transaction()')
    await expect(broker.call('subscribe', 'c')).rejects.toThrow('use subscribe() or subscribePattern()')
    await expect(broker.call('SELECT', 1)).rejects.toThrow('use a connection of your own: session() or connect()')
    await expect(broker.call('CLIENT', 'REPLY', 'OFF')).rejects.toThrow('connect()')
    expect(await broker.call('PING')).toBe('PONG')
  })

  test('a value that is no word is refused before anything is sent', async () => {
    const broker = await open()
    await expect(broker.call('SET', 'k', {} as string)).rejects.toThrow(TypeError)
    await expect(broker.call('SET', 'k', undefined as unknown as string)).rejects.toThrow(TypeError)
    expect(await broker.call('PING')).toBe('PONG')
  })

  test('calls go on after their connection was killed', async () => {
    const broker = await open()
    const id = await broker.call('CLIENT', 'ID')
    const stream = broker.connect()
    stream.write(`CLIENT KILL ID ${id}\r\n`)
    await new Promise((resolve) => stream.once('data', resolve))
    expect(await broker.call('PING')).toBe('PONG')
  })
})

describe('passwords', () => {
  test('calls and listeners of the program need none; connections do, as those from outside', async () => {
    const broker = await open({ config: { requirepass: 'secret' } })
    expect(await broker.call('SET', 'k', 'v')).toBe('OK')
    expect(await broker.transaction([['GET', 'k']])).toEqual(['v'])
    const heard: string[] = []
    await broker.subscribe('news', (message) => void heard.push(message))
    expect(await broker.publish('news', 'hello')).toBe(1)
    const stream = broker.connect()
    onTestFinished(() => void stream.destroy())
    let received = ''
    stream.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1')
    })
    stream.write('GET k\r\nAUTH guess\r\nAUTH secret\r\nGET k\r\n')
    await eventually(() => received.endsWith('$1\r\nv\r\n'))
    expect(received).toBe(
      '-NOAUTH Authentication required.\r\n' +
        '-WRONGPASS invalid username-password pair or user is disabled.\r\n+OK\r\n$1\r\nv\r\n',
    )
    expect(heard).toEqual(['hello'])
  })

  test('CLIENT LIST shows who is in the process as such', async () => {
    const broker = await open()
    await broker.subscribe('news', () => {})
    const stream = broker.connect()
    onTestFinished(() => void stream.destroy())
    const lines = ((await broker.call('CLIENT', 'LIST')) as string).trimEnd().split('\n')
    expect(lines.map((line) => /addr=(\S+) laddr=(\S+) fd=(\S+) .*flags=(\S+)/.exec(line)?.slice(1))).toEqual([
      ['in-process:0', 'in-process:0', '-1', 'N'],
      ['in-process:0', 'in-process:0', '-1', 'P'],
      ['in-process:0', 'in-process:0', '-1', 'N'],
    ])
  })
})

describe('transactions', () => {
  test('run as one', async () => {
    const broker = await open()
    const replies = await broker.transaction([
      ['SET', 'a', 1],
      ['INCR', 'a'],
      ['LPUSH', 'a', 'x'],
      ['GET', 'a'],
    ])
    expect(replies[0]).toBe('OK')
    expect(replies[1]).toBe(2)
    expect(replies[2]).toBeInstanceOf(CommandError)
    expect(replies[3]).toBe('2')
  })

  test('a command that cannot be queued spoils it, and is named', async () => {
    const broker = await open()
    await expect(broker.transaction([['SET', 'a', 1], ['NONSENSE']])).rejects.toThrow(/unknown command 'NONSENSE'/)
    expect(await broker.call('GET', 'a')).toBeNull()
    expect(await broker.transaction([])).toEqual([])
  })
})

describe('subscriptions', () => {
  test('listeners get the messages of their channels and patterns', async () => {
    const broker = await open()
    const news: string[] = []
    const all: string[] = []
    await broker.subscribe('news', (message, channel) => news.push(`${channel}: ${message}`))
    const stop = await broker.subscribePattern('n*', (message, channel) => all.push(`${channel}: ${message}`))
    expect(await broker.publish('news', 'höre')).toBe(2)
    expect(await broker.publish('nothing', 'a')).toBe(1)
    expect(await broker.publish('other', 'a')).toBe(0)
    await eventually(() => all.length === 2)
    expect(news).toEqual(['news: höre'])
    expect(all).toEqual(['news: höre', 'nothing: a'])
    stop()
    expect(await broker.publish('nothing', 'b')).toBe(0)
  })

  test('several listeners share a channel, each leaving alone', async () => {
    const broker = await open()
    const heard: string[] = []
    const listener = (message: string): void => void heard.push(message)
    const stopFirst = await broker.subscribe('c', listener)
    const stopSecond = await broker.subscribe('c', listener)
    await broker.publish('c', '1')
    await eventually(() => heard.length === 2)
    stopFirst()
    stopFirst()
    await broker.publish('c', '2')
    await eventually(() => heard.length === 3)
    stopSecond()
    expect(await broker.publish('c', '3')).toBe(0)
    await broker.subscribe('c', listener)
    expect(await broker.publish('c', '4')).toBe(1)
  })

  test('a listener may call anything, publish included', async () => {
    const broker = await open()
    const heard: string[] = []
    await broker.subscribe('ping', async (message) => {
      await broker.publish('pong', message)
      await broker.call('RPUSH', 'log', message)
    })
    await broker.subscribe('pong', (message) => heard.push(message))
    for (let i = 0; i < 100; i++) await broker.publish('ping', String(i))
    await eventually(() => heard.length === 100)
    expect(heard).toEqual(Array.from({ length: 100 }, (_, i) => String(i)))
    await eventually(async () => (await broker.call('LLEN', 'log')) === 100)
  })
})

describe('ioredis over the connector', () => {
  test('commands, pipelines, transactions and binary values', async () => {
    const broker = await open()
    const redis = new Redis({ Connector: broker.Connector })
    onTestFinished(() => redis.disconnect())
    expect(await redis.set('a', '1')).toBe('OK')
    expect(await redis.incr('a')).toBe(2)
    const pipeline = redis.pipeline()
    for (let i = 0; i < 1000; i++) pipeline.rpush('list', String(i))
    const replies = await pipeline.exec()
    expect(replies?.at(-1)).toEqual([null, 1000])
    expect(await redis.multi().incr('a').get('a').exec()).toEqual([
      [null, 3],
      [null, '3'],
    ])
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
    await redis.set('bytes', bytes)
    expect(await redis.getBuffer('bytes')).toEqual(bytes)
    const big = 'x'.repeat(5_000_000)
    await redis.set('big', big)
    expect((await redis.get('big')) === big).toBe(true)
  })

  test('publish and subscribe, and blocking pops, between clients', async () => {
    const broker = await open()
    const subscriber = new Redis({ Connector: broker.Connector })
    const publisher = new Redis({ Connector: broker.Connector })
    onTestFinished(() => {
      subscriber.disconnect()
      publisher.disconnect()
    })
    const heard: string[] = []
    subscriber.on('message', (channel, message) => heard.push(`${channel}: ${message}`))
    await subscriber.subscribe('news')
    expect(await publisher.publish('news', 'hello')).toBe(1)
    await eventually(() => heard.length === 1)
    expect(heard).toEqual(['news: hello'])
    const blocked = new Redis({ Connector: broker.Connector })
    onTestFinished(() => blocked.disconnect())
    const popped = blocked.blpop('queue', 0)
    await publisher.rpush('queue', 'job')
    expect(await popped).toEqual(['queue', 'job'])
  })

  test('quit ends its connection, and the broker sees it go', async () => {
    const broker = await open()
    const redis = new Redis({ Connector: broker.Connector })
    await redis.ping()
    expect(await redis.quit()).toBe('OK')
    await eventually(
      async () =>
        String(await broker.call('CLIENT', 'LIST'))
          .trim()
          .split('\n').length === 1,
    )
  })

  test('a closed broker refuses new connections', async () => {
    const broker = await open()
    const redis = new Redis({ Connector: broker.Connector, retryStrategy: () => null, maxRetriesPerRequest: 0 })
    await redis.ping()
    redis.on('error', () => {})
    const ended = new Promise((resolve) => redis.once('end', resolve))
    await broker.close()
    await ended
    expect(() => broker.connect()).toThrow('the broker is closed')
  })
})

describe('sessions', () => {
  test('have a database, a name and a transaction of their own', async () => {
    const broker = await open()
    const session = broker.session()
    await session.call('SELECT', 3)
    await session.call('CLIENT', 'SETNAME', 'clerk')
    expect(await session.call('MULTI')).toBe('OK')
    expect(await session.call('SET', 'a', 'three')).toBe('QUEUED')
    expect(await broker.call('SET', 'a', 'zero')).toBe('OK')
    expect(await session.call('EXEC')).toEqual(['OK'])
    expect(await session.callBuffer('GET', 'a')).toEqual(Buffer.from('three'))
    expect(await broker.call('GET', 'a')).toBe('zero')
    expect(await session.call('CLIENT', 'GETNAME')).toBe('clerk')
    expect(await session.transaction([['GET', 'a']])).toEqual(['three'])
  })

  test('give replies in the shapes of the protocol that they are asked for', async () => {
    const broker = await open()
    await broker.call('HSET', 'hash', 'grün', 1)
    await broker.call('ZADD', 'set', 1.5, 'a')
    const [two, three] = [broker.session({ protocol: 2 }), broker.session()]
    expect(await two.call('HGETALL', 'hash')).toEqual(['grün', '1'])
    expect(await three.call('HGETALL', 'hash')).toEqual(new Map([['grün', '1']]))
    expect(await two.call('ZSCORE', 'set', 'a')).toBe('1.5')
    expect(await three.call('ZSCORE', 'set', 'a')).toBe(1.5)
  })

  test('take commands together: a failed one is an error among the replies', async () => {
    const session = (await open()).session()
    const replies = await session.callAll([
      ['SET', 'text', 'ü'.repeat(100)],
      ['INCR', 'text'],
      ['STRLEN', 'text'],
    ])
    expect(replies).toEqual(['OK', expect.any(CommandError), 200])
    expect(await session.callAll([])).toEqual([])
  })

  test('refuse what takes replies away or brings messages', async () => {
    const session = (await open()).session()
    await expect(session.call('subscribe', 'news')).rejects.toThrow('a session takes no messages: use subscribe()')
    await expect(session.call('MONITOR')).rejects.toThrow(
      'have one reply each: use a connection of your own: connect()',
    )
    await expect(session.call('CLIENT', 'REPLY', 'OFF')).rejects.toThrow('have one reply each')
    await expect(session.callAll([['PING'], ['PSUBSCRIBE', '*']])).rejects.toThrow('takes no messages')
    expect(await session.call('PING')).toBe('PONG')
  })

  test('wait without holding others up, and no longer when they are closed', async () => {
    const broker = await open()
    let tell = () => {}
    const told = new Promise<void>((resolve) => {
      tell = resolve
    })
    const session = broker.session({ onClose: tell })
    const waits = session.call('BLPOP', 'queue', 0)
    expect(await broker.call('PING')).toBe('PONG')
    session.close()
    await expect(waits).rejects.toThrow('the connection to the broker was closed')
    await told
    expect(session.closed).toBe(true)
    await expect(session.call('PING')).rejects.toThrow('the session is closed')
    await expect(session.transaction([['PING']])).rejects.toThrow('the session is closed')
    expect(await broker.call('RPUSH', 'queue', 'job')).toBe(1)
  })

  test('end by QUIT, by CLIENT KILL and with the broker', async () => {
    const broker = await openBroker()
    const [quits, killed, last] = [broker.session(), broker.session(), broker.session()]
    expect(await quits.call('QUIT')).toBe('OK')
    expect(quits.closed).toBe(true)
    await broker.call('CLIENT', 'KILL', 'ID', (await killed.call('CLIENT', 'ID')) as number)
    expect(killed.closed).toBe(true)
    const waits = last.call('BLPOP', 'queue', 0)
    waits.catch(() => {})
    await broker.close()
    await expect(waits).rejects.toThrow('closed')
    expect(() => broker.session()).toThrow('the broker is closed')
  })
})

describe('streams', () => {
  test('speak the protocol, and end after QUIT', async () => {
    const broker = await open()
    const stream = broker.connect()
    let text = ''
    stream.setEncoding('latin1').on('data', (chunk) => {
      text += chunk
    })
    stream.write('SET a 1\r\nGET')
    stream.write(' a\r\nQUIT\r\n')
    await new Promise((resolve) => stream.once('end', resolve))
    expect(text).toBe('+OK\r\n$1\r\n1\r\n+OK\r\n')
    await eventually(() => stream.destroyed)
  })

  test('a reader that pauses loses nothing', async () => {
    const broker = await open()
    await broker.call('SET', 'v', 'x'.repeat(100_000))
    const stream = broker.connect()
    stream.pause()
    stream.write('GET v\r\n'.repeat(100))
    for (let i = 0; i < 20; i++) await broker.call('ECHO', 'y'.repeat(1000))
    let length = 0
    const expected = 100 * (9 + 100_000 + 2)
    await new Promise<void>((resolve) => {
      stream.on('data', (chunk: Buffer) => {
        expect(chunk.includes('y')).toBe(false)
        length += chunk.length
        if (length >= expected) resolve()
      })
      stream.resume()
    })
    expect(length).toBe(expected)
    stream.destroy()
  })

  test('a subscriber that does not read is disconnected at its limit', async () => {
    const broker = await open({ config: { 'client-output-buffer-limit': 'pubsub 1mb 0 0' } })
    const stream = broker.connect()
    stream.on('error', () => {})
    stream.write('SUBSCRIBE news\r\n')
    await new Promise((resolve) => stream.once('data', resolve))
    stream.pause()
    let delivered = 0
    for (let i = 0; i < 100; i++) delivered += await broker.publish('news', 'x'.repeat(50_000))
    expect(delivered).toBeGreaterThan(10)
    expect(delivered).toBeLessThan(30)
    await eventually(() => stream.destroyed)
  })
})

describe('opening and closing', () => {
  test('with a directory, what was acknowledged is there when it is opened again', async () => {
    const dir = temporaryDirectory()
    for (const appendfsync of ['always', 'everysec', 'no'] as const) {
      const broker = await openBroker({ dir, appendfsync })
      await broker.call('RPUSH', 'runs', appendfsync)
      await broker.close()
    }
    const broker = await open({ dir })
    expect(await broker.call('LRANGE', 'runs', 0, -1)).toEqual(['always', 'everysec', 'no'])
    expect(broker.loaded.keys).toBe(1)
  })

  test('calls made before close are answered, those after it refused', async () => {
    const broker = await open()
    const blocked = broker.call('BLPOP', 'nothing', 0)
    const last = broker.call('SET', 'a', 1)
    const closing = broker.close()
    expect(await last).toBe('OK')
    await expect(blocked).rejects.toThrow('the connection to the broker was closed')
    await expect(broker.call('PING')).rejects.toThrow('the broker is closed')
    await expect(broker.publish('c', 'm')).rejects.toThrow('the broker is closed')
    await expect(broker.subscribe('c', () => {})).rejects.toThrow('the broker is closed')
    await closing
    await broker.close()
  })

  test('calls made before close are answered under always, when they are on disk', async () => {
    for (let round = 0; round < 3; round++) {
      const dir = temporaryDirectory()
      const broker = await openBroker({ dir, appendfsync: 'always' })
      const session = broker.session()
      await session.call('SET', 'before', 0)
      const calls = [broker.call('SET', 'a', 1), session.call('SET', 'b', 2), broker.call('INCR', 'a')]
      if (round === 1) await new Promise(setImmediate)
      const closing = broker.close()
      expect(await Promise.all(calls)).toEqual(['OK', 'OK', 2])
      await closing
    }
    const server = await startServer({ port: 0, dir: temporaryDirectory(), appendfsync: 'always' })
    const called = server.call('SET', 'a', 1)
    await server.close()
    expect(await called).toBe('OK')
  })

  test('a logger may call the broker that logs: its calls run when the command that logged is over', async () => {
    let broker: Broker | undefined
    const calls: Promise<unknown>[] = []
    const say = (_: object, message: string): void => {
      if (broker === undefined || calls.length >= 50) return
      calls.push(broker.call('RPUSH', 'log', message), broker.publish('log', message))
    }
    broker = await open({ log: { debug: say, info: say, warn: say, error: say, fatal: say } })
    const session = broker.session()
    const replies = await session.callAll([
      ['SET', 'a', 1],
      ['EVAL', "redis.log(redis.LOG_WARNING, 'from a script') return redis.call('INCR', 'a')", 0],
      ['REPLICAOF', '127.0.0.1', 1],
      ['REPLICAOF', 'NO', 'ONE'],
      ['SET', 'b', 'x'.repeat(100)],
      ['GET', 'b'],
      ['LLEN', 'log'],
    ])
    // Calls run in the order in which they are made: what the logger called came before LLEN.
    expect(replies).toEqual(['OK', 2, 'OK', 'OK', 'OK', 'x'.repeat(100), 1])
    await Promise.all(calls)
    expect(await broker.call('LINDEX', 'log', 0)).toContain('from a script')
    broker = undefined
  })

  test('options that are inherited are as good as others', async () => {
    const dir = temporaryDirectory()
    const broker = await open(Object.create({ dir, config: Object.create({ maxmemory: '10mb' }) }))
    expect(await broker.call('CONFIG', 'GET', 'dir')).toEqual(new Map([['dir', realpathSync(dir)]]))
    expect(await broker.call('CONFIG', 'GET', 'maxmemory')).toEqual(new Map([['maxmemory', '10485760']]))
    await broker.call('SET', 'k', 'v')
    expect(readdirSync(dir)).toContain('appendonlydir')
    await expect(openBroker(Object.create({ dri: dir }))).rejects.toThrow("unknown option 'dri'")
  })

  test('options that cannot be taken are named', async () => {
    await expect(openBroker({ config: { maxmemory: 'lots' } })).rejects.toThrow(OptionError)
    await expect(openBroker({ config: { maxmemory: 'lots' } })).rejects.toThrow(/'maxmemory'/)
  })

  test('several brokers know nothing of each other', async () => {
    const [a, b] = await Promise.all([open(), open()])
    await a.call('SET', 'k', 'a')
    expect(await b.call('GET', 'k')).toBeNull()
  })
})
