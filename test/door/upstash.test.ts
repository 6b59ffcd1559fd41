import { IpDenyList, MultiRegionRatelimit, Ratelimit } from '@upstash/ratelimit'
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

  test('sends commands of the same moment in one request, each with its own answer', async () => {
    const { engine, url } = await openDoor({ requirepass: 'secret' })
    const redis = new Redis({ url, token: 'secret', enableAutoPipelining: true })
    const values = await Promise.all(Array.from({ length: 100 }, () => redis.incr('n')))
    expect(values).toEqual(Array.from({ length: 100 }, (_, i) => i + 1))
    expect(engine.figures.http.requests).toBe(1)
    const mixed = await Promise.allSettled([redis.set('text', 'word'), redis.incr('text'), redis.get('text')])
    expect(mixed.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  })

  test('hands over errors of a pipeline, and nothing of a transaction is done that could not begin', async () => {
    const { url } = await openDoor({ requirepass: 'secret' })
    const redis = new Redis({ url, token: 'secret' })
    const results = await redis.pipeline().set('text', 'word').incr('text').get('text').exec({ keepErrors: true })
    expect(results).toMatchObject([
      { result: 'OK' },
      { error: 'ERR value is not an integer or out of range' },
      { result: 'word' },
    ])
    await expect(redis.pipeline().incr('text').exec()).rejects.toThrow('not an integer')
    await expect(redis.multi().set('text', 'new').exec()).resolves.toEqual(['OK'])
    // Two words are missing: the command is refused before the transaction runs.
    await expect(
      redis
        .multi()
        .set('text', 'never')
        .lmove('a', 'b', '' as 'left', 'left')
        .exec(),
    ).rejects.toThrow()
    const script = redis.createScript<number>('return redis.call("INCRBY", KEYS[1], ARGV[1])')
    expect(await script.exec(['n'], ['5'])).toBe(5)
    expect(await script.exec(['n'], ['5'])).toBe(10)
  })

  test('reads values of every type as they were written', async () => {
    const { url } = await openDoor({ requirepass: 'secret' })
    const redis = new Redis({ url, token: 'secret' })
    const values = { text: 'ü\n"', number: 1.5, list: [1, 'two', null], object: { deep: { yes: true } } }
    await redis.mset(values)
    expect(await redis.mget(...Object.keys(values))).toEqual(Object.values(values))
    expect(await redis.mget('none', 'text')).toEqual([null, values.text])
    await redis.rpush<unknown>('l', values.object, 7)
    expect(await redis.lrange('l', 0, -1)).toEqual([values.object, 7])
    await redis.sadd('s', 'one')
    expect(await redis.smembers('s')).toEqual(['one'])
    await redis.xadd('x', '1-1', { field: values.object })
    expect(await redis.xrange('x', '-', '+')).toEqual({ '1-1': { field: values.object } })
    expect(await redis.set('lock', 1, { nx: true, px: 60_000 })).toBe('OK')
    expect(await redis.set('lock', 1, { nx: true })).toBeNull()
    expect(await redis.type('x')).toBe('stream')
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
  const ALGORITHMS = {
    'a fixed window': Ratelimit.fixedWindow(3, '1 h'),
    'a sliding window': Ratelimit.slidingWindow(3, '1 h'),
    'a bucket of tokens': Ratelimit.tokenBucket(3, '1 h', 3),
    'a fixed window that is cached': Ratelimit.cachedFixedWindow(3, '1 h'),
  }

  test.each(Object.entries(ALGORITHMS))('works unmodified: %s', async (_, limiter) => {
    const { url } = await openDoor({ requirepass: 'secret' })
    const redis = new Redis({ url, token: 'secret' })
    const limit = new Ratelimit({ redis, limiter, ephemeralCache: new Map() })
    const answers: [boolean, number][] = []
    for (let i = 0; i < 5; i++) {
      const { pending, remaining, success } = await limit.limit('user')
      await pending
      answers.push([success, Math.max(0, remaining)])
    }
    expect(answers).toEqual([
      [true, 2],
      [true, 1],
      [true, 0],
      [false, 0],
      [false, 0],
    ])
    expect((await limit.limit('another user')).success).toBe(true)
    await limit.resetUsedTokens('user')
    expect((await limit.getRemaining('user')).remaining).toBe(3)
  })

  const REGIONS = {
    'a fixed window': MultiRegionRatelimit.fixedWindow(3, '1 h'),
    'a sliding window': MultiRegionRatelimit.slidingWindow(3, '1 h'),
  }

  test.each(Object.entries(REGIONS))('works unmodified over two regions: %s', async (_, limiter) => {
    const doors = [await openDoor({ requirepass: 'secret' }), await openDoor({ requirepass: 'secret' })]
    const redis = doors.map(({ url }) => new Redis({ url, token: 'secret' }))
    // The package's own types take a client of its other build.
    const limit = new MultiRegionRatelimit({ redis: redis as never, limiter, ephemeralCache: false })
    const answers: boolean[] = []
    for (let i = 0; i < 5; i++) {
      const { pending, success } = await limit.limit('user')
      // Until then the regions tell each other.
      await pending
      answers.push(success)
    }
    expect(answers).toEqual([true, true, true, false, false])
    for (const { broker } of doors) expect(await broker.call('DBSIZE')).toBe(1)
  })

  test('changes its limit while it runs, refuses a list, and keeps figures', async () => {
    const { broker, url } = await openDoor({ requirepass: 'secret' })
    const redis = new Redis({ url, token: 'secret' })
    const limiter = Ratelimit.fixedWindow(1, '1 h')
    const limit = new Ratelimit({ redis, limiter, ephemeralCache: false, dynamicLimits: true, analytics: true })
    const ask = async (): Promise<boolean> => {
      const { pending, success } = await limit.limit('user')
      await pending
      return success
    }
    expect([await ask(), await ask()]).toEqual([true, false])
    await limit.setDynamicLimit({ limit: 10 })
    expect(await ask()).toBe(true)
    expect(await broker.call('KEYS', '@upstash/ratelimit:events:*')).toHaveLength(1)
    // Without this the package fetches a list of addresses from elsewhere.
    await IpDenyList.disableIpDenyList(redis as never, '@upstash/ratelimit')
    await broker.call('SADD', '@upstash/ratelimit:denyList:all', 'banned')
    const strict = new Ratelimit({ redis, limiter: Ratelimit.fixedWindow(9, '1 h'), enableProtection: true })
    expect(await strict.limit('banned')).toMatchObject({ success: false, reason: 'denyList', deniedValue: 'banned' })
    expect(await strict.limit('user')).toMatchObject({ success: true })
  })
})
