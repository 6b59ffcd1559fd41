// Faults on demand: what goes wrong between clients and a broker, when a test says so.

import { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Broker, type BrokerOptions, OptionError, openBroker, startServer, testClock } from '../../src/index.ts'
import { RawConnection, temporaryDirectory } from '../support/server.ts'

async function open(options: BrokerOptions = {}): Promise<Broker> {
  const broker = await openBroker(options)
  onTestFinished(() => broker.close())
  return broker
}

/** An ioredis that begins with the command that it is asked for, and comes back at once. */
function client(broker: Broker, options: object = {}): Redis {
  const redis = new Redis({
    Connector: broker.Connector,
    enableReadyCheck: false,
    disableClientInfo: true,
    retryStrategy: () => 1,
    ...options,
  })
  redis.on('error', () => {})
  onTestFinished(() => redis.disconnect())
  return redis
}

describe('errors', () => {
  test('answer the nth command that matches, and as many as are asked for', async () => {
    const broker = await open()
    const fault = broker.faults.add({ command: 'get', nth: 2, times: 2, error: 'LOADING not yet' })
    await broker.call('SET', 'k', 'v')
    expect(await broker.call('GET', 'k')).toBe('v')
    await expect(broker.call('GET', 'k')).rejects.toMatchObject({ code: 'LOADING', message: 'LOADING not yet' })
    await expect(broker.call('GET', 'k')).rejects.toThrow('LOADING')
    expect(await broker.call('GET', 'k')).toBe('v')
    expect(fault.hits).toBe(2)
  })

  test('meet clients of a name alone, subcommands, and every command until they are ended', async () => {
    const broker = await open({ faults: [{ client: 'shop', times: Number.POSITIVE_INFINITY, error: 'BUSY' }] })
    const shop = broker.connect()
    onTestFinished(() => void shop.destroy())
    shop.write('CLIENT SETNAME shop\r\nGET k\r\nGET k\r\n')
    await new Promise((resolve) => shop.once('readable', resolve))
    expect(String(shop.read())).toBe('+OK\r\n-BUSY\r\n-BUSY\r\n')
    const fault = broker.faults.add({ command: 'CLIENT|ID', times: Number.POSITIVE_INFINITY, error: 'ERR no' })
    expect(await broker.call('CLIENT', 'GETNAME')).toBeNull()
    await expect(broker.call('CLIENT', 'ID')).rejects.toThrow('ERR no')
    fault.end()
    expect(await broker.call('CLIENT', 'ID')).toBeTypeOf('number')
  })

  test('lead ioredis to connect again where reconnectOnError says so', async () => {
    const broker = await open()
    const redis = client(broker, {
      reconnectOnError: (error: Error) => (error.message.startsWith('READONLY') ? 2 : false),
    })
    await redis.set('k', 'v')
    const fault = broker.faults.add({ command: 'SET', error: "READONLY You can't write against a read only replica." })
    let closed = 0
    redis.on('close', () => closed++)
    expect(await redis.set('k', 'w')).toBe('OK')
    expect([closed, fault.hits]).toEqual([1, 1])
  })
})

describe('conditions', () => {
  const READS_AND_WRITES: [
    condition: 'LOADING' | 'READONLY' | 'MISCONF' | 'OOM',
    refused: string[],
    served: string[],
  ][] = [
    ['LOADING', ['GET k', 'SET k v', 'EVAL return 0'], ['PING', 'INFO']],
    ['READONLY', ['SET k v', 'DEL k', 'EVAL redis.call("set","k","v")'], ['GET k', 'PING']],
    ['MISCONF', ['SET k v', 'DEL k', 'EVAL redis.call("set","k","v")'], ['GET k']],
    ['OOM', ['SET k v', 'EVAL redis.call("set","k","v")'], ['GET k', 'DEL k']],
  ]

  test.each(READS_AND_WRITES)('%s begins and ends', async (condition, refused, served) => {
    const broker = await open()
    const ask = (line: string): Promise<unknown> => {
      const [command, ...words] = line.split(' ')
      if (command === 'EVAL') return broker.call('EVAL', line.slice(5), 0)
      if (command === 'PING') return broker.call('ECHO', 'x')
      return broker.call(command!, ...words)
    }
    const fault = broker.faults.begin(condition)
    for (const line of refused) await expect(ask(line), line).rejects.toThrow(condition)
    for (const line of served.filter((line) => condition !== 'LOADING' || line === 'INFO')) await ask(line)
    expect(await broker.call('INFO', 'persistence')).toContain(`loading:${condition === 'LOADING' ? 1 : 0}\r\n`)
    fault.end()
    for (const line of [...refused, ...served]) await ask(line)
  })
})

describe('connections', () => {
  test('are cut now, of all or of a name, and clients come back', async () => {
    const broker = await open()
    const redis = client(broker, { connectionName: 'shop' })
    await redis.set('k', 'v')
    const again = new Promise((resolve) => redis.once('ready', resolve))
    expect(broker.faults.cut('nobody')).toBe(0)
    expect(broker.faults.cut('shop')).toBe(1)
    await again
    expect(await redis.get('k')).toBe('v')
    expect(broker.faults.cut()).toBe(2)
    expect(await broker.call('GET', 'k')).toBe('v')
  })

  test('are cut before a command is run, or after it and without its reply', async () => {
    const broker = await open()
    const redis = client(broker)
    await redis.ping()
    broker.faults.add({ command: 'INCR', cut: 'before' })
    // ioredis asks again by itself.
    expect(await redis.incr('n')).toBe(1)
    broker.faults.add({ command: 'INCR', cut: 'after' })
    expect(await redis.incr('n')).toBe(3)
    broker.faults.add({ command: 'INCR', times: 2, cut: 'after' })
    const careful = client(broker, { maxRetriesPerRequest: 0 })
    await careful.ping()
    await expect(careful.incr('n')).rejects.toThrow('max retries per request')
    await expect(broker.call('INCR', 'n')).rejects.toThrow('the connection to the broker was closed')
    expect(await broker.call('GET', 'n')).toBe('5')
  })

  test('of a client that waits are cut when it is served', async () => {
    const broker = await open()
    const redis = client(broker, { maxRetriesPerRequest: 0 })
    await redis.ping()
    broker.faults.add({ command: 'BLPOP', cut: 'after' })
    const waiting = redis.blpop('k', 0)
    waiting.catch(() => {})
    await broker.call('PING')
    await broker.call('RPUSH', 'k', 'job')
    await expect(waiting).rejects.toThrow()
    expect(await broker.call('LLEN', 'k')).toBe(0)
  })

  test('end in the middle of a reply, after so many bytes', async () => {
    const broker = await open()
    await broker.call('SET', 'k', 'x'.repeat(100))
    const { port } = await broker.listen()
    const connection = await RawConnection.open(port)
    broker.faults.cutAfter(50)
    connection.send('PING\r\nGET k\r\n')
    expect(await connection.take(1000)).toBe(`+PONG\r\n$100\r\n${'x'.repeat(37)}`)
    broker.faults.cutAfter(20)
    await expect(broker.call('GET', 'k')).rejects.toThrow('the connection to the broker was closed')
    expect(await broker.call('GET', 'k')).toBe('x'.repeat(100))
  })
})

describe('late replies', () => {
  test('is heard by the clock, others hear first what came later', async () => {
    const clock = testClock()
    const broker = await open({ clock })
    const [slow, fast] = [client(broker, { connectionName: 'slow' }), client(broker)]
    const heard: string[] = []
    for (const [name, redis] of Object.entries({ slow, fast })) {
      redis.on('message', (_, message) => heard.push(`${name} ${message}`))
      await redis.subscribe('news')
    }
    const fault = broker.faults.delay(250, 'slow')
    await broker.publish('news', '1')
    await clock.advance(200)
    await broker.publish('news', '2')
    await clock.advance(49)
    expect(heard).toEqual(['fast 1', 'fast 2'])
    await clock.advance(1)
    expect(heard).toEqual(['fast 1', 'fast 2', 'slow 1', 'slow 2'])
    await broker.publish('news', '3')
    fault.end()
    broker.faults.clear()
    await clock.advance(0)
    expect(heard.slice(4)).toEqual(['fast 3', 'slow 3'])
  })

  test('is the reply of one command', async () => {
    const clock = testClock()
    const broker = await open({ clock })
    broker.faults.add({ command: 'INCR', delay: '2s' })
    let reply: unknown
    void broker.call('INCR', 'n').then((value) => {
      reply = value
    })
    await clock.advance(1999)
    expect(reply).toBeUndefined()
    await clock.advance(1)
    expect(reply).toBe(1)
    expect(await broker.call('INCR', 'n')).toBe(2)
  })

  test('is a disk, and who waits for it', async () => {
    const broker = await open({ dir: temporaryDirectory(), appendfsync: 'always' })
    const fault = broker.faults.slowDisk(30)
    const began = performance.now()
    await broker.call('SET', 'k', 'v')
    expect(performance.now() - began).toBeGreaterThan(28)
    fault.end()
  })
})

test('jobs of BullMQ survive that connections are cut', async () => {
  const broker = await open()
  const connect = (): Redis => client(broker, { maxRetriesPerRequest: null })
  const queue = new Queue('jobs', { connection: connect() })
  const done: unknown[] = []
  const worker = new Worker('jobs', async ({ data }) => void done.push(data), { connection: connect() })
  worker.on('error', () => {})
  queue.on('error', () => {})
  await worker.waitUntilReady()
  const completed = new Promise((resolve) => worker.once('completed', resolve))
  broker.faults.add({ command: 'EVALSHA', cut: 'before' })
  await queue.add('job', 1)
  broker.faults.cut()
  await completed
  expect(done).toEqual([1])
  await worker.close()
  await queue.close()
})

test('a server has them, too', async () => {
  const server = await startServer({ port: 0, faults: [{ command: 'GET', error: 'ERR once' }] })
  onTestFinished(() => server.close())
  const redis = new Redis(server.port)
  onTestFinished(() => redis.disconnect())
  await expect(redis.get('k')).rejects.toThrow('ERR once')
  expect(await redis.get('k')).toBeNull()
  server.faults.begin('OOM')
  await expect(redis.set('k', 'v')).rejects.toThrow('OOM')
})

test('an invalid fault is named', async () => {
  const broker = await open()
  const { faults } = broker
  const wrong: [make: () => unknown, message: string][] = [
    [() => faults.add({}), "one of 'error', 'cut' and 'delay'"],
    [() => faults.add({ error: 'ERR', cut: 'after' }), "one of 'error', 'cut' and 'delay'"],
    [() => faults.add({ nth: 0, error: 'ERR' }), "'nth'"],
    [() => faults.add({ times: 0.5, error: 'ERR' }), "'times'"],
    [() => faults.add({ error: 'two\r\nlines' }), "'error'"],
    [() => faults.add({ delay: 'soon' }), 'delay'],
    [() => faults.add({ comand: 'GET', error: 'ERR' } as object), "unknown option 'comand'"],
    [() => faults.begin('TIRED' as 'OOM'), 'LOADING, READONLY, MISCONF, OOM'],
    [() => faults.cutAfter(-1), 'cutAfter'],
    [() => faults.slowDisk(-1), 'slowDisk'],
  ]
  for (const [make, message] of wrong) {
    expect(make).toThrow(OptionError)
    expect(make).toThrow(message)
  }
  await expect(openBroker({ faults: [{}] })).rejects.toThrow(OptionError)
  await expect(startServer({ port: 0, faults: [{}] })).rejects.toThrow(OptionError)
})
