import { Ratelimit } from '@upstash/ratelimit'
import { Redis } from '@upstash/redis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openDoor } from '../support/door.ts'
import { eventually } from '../support/server.ts'

const json = async (answer: Response | Promise<Response>): Promise<unknown> => (await answer).json()

describe("Upstash's REST protocol", () => {
  test('runs a command of the body, or of the path', async () => {
    const { ask } = await openDoor()
    expect(await json(ask('/', { method: 'POST', body: '["SET","a",1]' }))).toEqual({ result: 'OK' })
    expect(await json(ask('/get/a'))).toEqual({ result: '1' })
    expect(await json(ask('/set/b', { method: 'POST', body: 'a body' }))).toEqual({ result: 'OK' })
    expect(await json(ask('/get/b'))).toEqual({ result: 'a body' })
    expect(await json(ask('/set/c/1?EX=100', { method: 'POST' }))).toEqual({ result: 'OK' })
    expect(await json(ask('/ttl/c'))).toEqual({ result: 100 })
    expect(await json(ask('/get/none'))).toEqual({ result: null })
    expect(await json(ask('/mget/a/none/b'))).toEqual({ result: ['1', null, 'a body'] })
  })

  test('answers an error with 400', async () => {
    const { ask } = await openDoor()
    const answer = await ask('/', { method: 'POST', body: '["LPOP"]' })
    expect(answer.status).toBe(400)
    expect(await answer.json()).toEqual({ error: "ERR wrong number of arguments for 'lpop' command" })
    for (const body of ['', '{}', '[]', '[{}]', '[null]'])
      expect((await ask('/', { method: 'POST', body })).status).toBe(400)
  })

  test('runs a pipeline, whose errors stand in their places', async () => {
    const { ask } = await openDoor()
    const body = '[["SET","a","x"],["INCR","a"],["SUBSCRIBE","c"],["GET","a"]]'
    expect(await json(ask('/pipeline', { method: 'POST', body }))).toEqual([
      { result: 'OK' },
      { error: 'ERR value is not an integer or out of range' },
      { error: 'ERR SUBSCRIBE changes the state of a connection: it is not served over HTTP' },
      { result: 'x' },
    ])
  })

  test('runs a transaction: errors while it runs stand in their places, others end it', async () => {
    const { ask } = await openDoor()
    const good = '[["SET","a","x"],["INCR","a"],["GET","a"]]'
    expect(await json(ask('/multi-exec', { method: 'POST', body: good }))).toEqual([
      { result: 'OK' },
      { error: 'ERR value is not an integer or out of range' },
      { result: 'x' },
    ])
    const bad = await ask('/multi-exec', { method: 'POST', body: '[["SET","a","y"],["LPOP"]]' })
    expect(bad.status).toBe(400)
    expect(await json(ask('/get/a'))).toEqual({ result: 'x' })
  })

  test('encodes strings as base64, but OK', async () => {
    const { ask } = await openDoor()
    const headers = { 'Upstash-Encoding': 'base64' }
    expect(await json(ask('/', { method: 'POST', body: '["SET","a","é"]', headers }))).toEqual({ result: 'OK' })
    expect(await json(ask('/get/a', { headers }))).toEqual({ result: Buffer.from('é').toString('base64') })
    expect(await json(ask('/', { method: 'POST', body: '["PING"]', headers }))).toEqual({ result: 'UE9ORw==' })
  })

  test('has a GET without a password change nothing', async () => {
    const { ask } = await openDoor()
    expect((await ask('/set/a/1')).status).toBe(405)
    expect(await json(ask('/exists/a'))).toEqual({ result: 0 })
  })

  test('runs a pipeline that is longer than a read of a socket, in order', async () => {
    const { ask } = await openDoor({ 'http-max-body': '8mb' })
    const commands = Array.from({ length: 20_000 }, (_, i) => ['RPUSH', 'list', `element ${i}`])
    const body = JSON.stringify(commands)
    const results = (await json(ask('/pipeline', { method: 'POST', body }))) as { result: number }[]
    expect(results.map(({ result }) => result)).toEqual(commands.map((_, i) => i + 1))
  })
})

describe('@upstash/redis', () => {
  test('works unmodified: values, pipelines, transactions, scripts, errors', async () => {
    const { broker, url } = await openDoor({ requirepass: 'secret' })
    const redis = new Redis({ url, token: 'secret' })
    expect(await redis.set('greeting', { hello: 'wörld' })).toBe('OK')
    expect(await redis.get('greeting')).toEqual({ hello: 'wörld' })
    await redis.hset('hash', { a: 1, b: 'two' })
    expect(await redis.hgetall('hash')).toEqual({ a: 1, b: 'two' })
    await redis.zadd('scores', { score: 1.5, member: 'x' }, { score: 2, member: 'y' })
    expect(await redis.zrange('scores', 0, -1, { withScores: true })).toEqual(['x', 1.5, 'y', 2])
    expect(await redis.pipeline().incr('n').incrby('n', 4).get('n').exec()).toEqual([1, 5, 5])
    expect(await redis.multi().lpush('l', 'a', 'b').lrange('l', 0, -1).exec()).toEqual([2, ['b', 'a']])
    expect(await redis.eval('return {KEYS[1], ARGV[1], 7}', ['k'], ['v'])).toEqual(['k', 'v', 7])
    expect(await redis.scan(0, { match: 'n' })).toEqual(['0', ['n']])
    expect(await redis.xadd('stream', '*', { field: 'value' })).toMatch(/^\d+-\d+$/)
    await expect(redis.incr('greeting')).rejects.toThrow('not an integer')
    await expect(new Redis({ url, token: 'wrong', retry: false }).get('a')).rejects.toThrow('WRONGPASS')
    expect(await broker.call('ACL', 'LOG')).toHaveLength(1)
  })

  test('publishes many commands that it pipelines by itself', async () => {
    const { url } = await openDoor({ requirepass: 'secret' })
    const redis = new Redis({ url, token: 'secret', enableAutoPipelining: true })
    const values = await Promise.all(Array.from({ length: 100 }, () => redis.incr('n')))
    expect(new Set(values).size).toBe(100)
  })
})

describe('streams of @upstash/redis', () => {
  test('subscribe to channels and to patterns, unmodified', async () => {
    const { broker, url } = await openDoor({ requirepass: 'secret' })
    const redis = new Redis({ url, token: 'secret' })
    const heard: unknown[] = []
    const channels = redis.subscribe(['news'])
    const patterns = redis.psubscribe(['chat.*'])
    onTestFinished(async () => {
      await channels.unsubscribe()
      await patterns.unsubscribe()
    })
    channels.on('subscribe', (count) => heard.push(count))
    channels.on('message', (message) => heard.push(message))
    patterns.on('pmessage', (message) => heard.push(message))
    await eventually(async () => Number(await broker.call('PUBSUB', 'NUMPAT')) === 1 && heard.length === 1)
    await broker.publish('news', '{"a":1}')
    await eventually(() => heard.length === 2)
    await broker.publish('chat.1', '"hello"')
    await eventually(() => heard.length === 3)
    expect(heard).toEqual([
      1,
      { channel: 'news', message: { a: 1 } },
      { pattern: 'chat.*', channel: 'chat.1', message: 'hello' },
    ])
  })

  test('/monitor shows commands', async () => {
    const { ask, broker } = await openDoor({ requirepass: 'secret' })
    const answer = await ask('/monitor', { method: 'POST', headers: { Authorization: 'Bearer secret' } })
    const reader = answer.body?.getReader()
    let text = ''
    await broker.call('GET', 'a key')
    while (reader !== undefined && !text.includes('a key'))
      text += Buffer.from((await reader.read()).value ?? '').toString()
    expect(text).toMatch(/^data: "OK"\n\ndata: \d+\.\d+ \[0 .*\] "GET" "a key"\n\n$/)
    await reader?.cancel()
    expect((await ask('/monitor', { method: 'POST' })).status).toBe(401)
  })
})

describe('@upstash/ratelimit', () => {
  test('works unmodified: a fixed window, a sliding one, and a bucket of tokens', async () => {
    const { url } = await openDoor({ requirepass: 'secret' })
    const redis = new Redis({ url, token: 'secret' })
    const limiters = [
      Ratelimit.fixedWindow(3, '1 h'),
      Ratelimit.slidingWindow(3, '1 h'),
      Ratelimit.tokenBucket(3, '1 h', 3),
    ]
    for (const [i, limiter] of limiters.entries()) {
      const limit = new Ratelimit({ redis, limiter, prefix: `limit${i}`, ephemeralCache: false })
      const answers: boolean[] = []
      for (let k = 0; k < 5; k++) answers.push((await limit.limit('user')).success)
      expect(answers).toEqual([true, true, true, false, false])
    }
  })
})
