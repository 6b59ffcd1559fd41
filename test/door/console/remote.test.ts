import { Queue, Worker } from 'bullmq'
import { describe, expect, onTestFinished, test } from 'vitest'
import { remoteAddress } from '../../../src/door/remote/remote-address.ts'
import { startServer } from '../../../src/index.ts'
import { openRemote } from '../../support/remote-console.ts'
import { eventually } from '../../support/server.ts'
import { certificate } from '../../support/tls/certificates.ts'

describe('the console of another server', () => {
  test('shows its keys, its queues and its figures; what only Respite tells is missing', async () => {
    const server = await startServer({ port: 0, config: { requirepass: 'there' } })
    onTestFinished(() => server.close())
    const { broker, get, origin, post, session } = await openRemote(`redis://:there@127.0.0.1:${server.port}`)
    expect(session).toMatchObject({
      status: 200,
      signedIn: true,
      broker: {
        kind: 'respite',
        role: 'master',
        features: { queues: true, channels: true, kept: true, loopStalls: false },
      },
    })
    const answer = await post('/v1/command', {
      commands: [['SET', 'k', 'v'], ['GET', 'k'], ['GET', { base64: 'aw==' }], ['NOPE']],
    })
    expect(await answer.json()).toEqual({
      results: [
        { result: 'OK' },
        { result: 'v' },
        { result: 'v' },
        { code: 'ERR', error: expect.stringContaining('unknown command') },
      ],
    })
    // Nothing of it is in the engine that serves the page.
    expect(await (await post('/v1/command', { command: ['SET', 'k', '3'], db: 3 })).json()).toEqual({ result: 'OK' })
    expect(await broker.call('EXISTS', 'k')).toBe(0)

    const connection = { host: '127.0.0.1', port: server.port, password: 'there', maxRetriesPerRequest: null }
    const queue = new Queue('mails', { connection })
    onTestFinished(() => queue.close())
    const worker = new Worker('mails', () => Promise.reject(new Error('no such account')), { connection })
    onTestFinished(() => worker.close())
    await queue.add('bad', { to: 'ana' })
    await eventually(async () => (await queue.getFailedCount()) === 1)
    expect(await (await get('/v1/queues')).json()).toMatchObject({
      queues: [{ name: 'mails', kind: 'bullmq', counts: { failed: 1 }, workers: 1 }],
      searching: false,
    })
    expect(await (await get('/v1/queues/mails/jobs?reason=account')).text()).toContain('"name":"bad"')
    expect(await (await get('/v1/queues/mails/jobs/1')).json()).toMatchObject({ state: 'failed', name: 'bad' })
    await worker.close()
    expect((await post('/v1/queues/mails/jobs/1/retry', {})).status).toBe(200)
    expect(await queue.getWaitingCount()).toBe(1)

    // Another Respite tells of kept channels by its commands.
    await post('/v1/command', { command: ['CONFIG', 'SET', 'channel', 'orders.* keep 1h'] })
    await post('/v1/command', { command: ['PUBLISH', 'orders.eu', 'tea'] })
    expect(await (await get('/v1/channels')).json()).toMatchObject({
      kept: [{ name: 'orders.eu', messages: 1 }],
      truncated: false,
    })
    expect(await (await get('/v1/channels/orders.eu/messages')).json()).toMatchObject({
      messages: [{ message: 'tea' }],
    })
    expect((await get('/v1/stalls')).status).toBe(501)
    // No route leads to the engine that serves the page.
    for (const path of ['/v1/subscribe?channel=a', '/get/k', '/v1/queues/mails'])
      expect((await get(path)).status, path).toBe(404)
    expect((await fetch(`${origin}/v1/queues`)).status).toBe(401)

    const overview = await get('/v1/overview')
    let text = ''
    for await (const chunk of overview.body!) {
      text += Buffer.from(chunk as Uint8Array).toString()
      if (text.includes('event: sample')) break
    }
    expect(text).toContain('event: history')
  })

  test('says why a server is not reached', async () => {
    const server = await startServer({ port: 0, config: { requirepass: 'there' } })
    const { port } = server
    const { post, session } = await openRemote(`redis://:wrong@127.0.0.1:${port}`)
    expect(session).toMatchObject({ status: 200, broker: { error: expect.stringContaining('WRONGPASS') } })
    await server.close()
    const answer = await post('/v1/command', { command: ['PING'] })
    expect(answer.status).toBe(503)
    expect(await answer.json()).toMatchObject({ error: expect.stringContaining('is not reached') })
  })

  test('is reached with TLS, when its certificate is that of the authority', async () => {
    const tls = { cert: certificate('server.crt'), key: certificate('server.key') }
    const server = await startServer({ port: 0, tlsPort: 0, tls })
    onTestFinished(() => server.close())
    const address = `rediss://localhost:${server.tlsPort}`
    const trusting = await openRemote(address, { encryption: { ca: certificate('authority.crt') } })
    expect((await trusting.post('/v1/command', { command: ['PING'] })).status).toBe(200)
    const doubting = await openRemote(address)
    const answer = await doubting.post('/v1/command', { command: ['PING'] })
    expect([answer.status, await answer.json()]).toMatchObject([
      503,
      { error: expect.stringMatching(/not reached.*certificate/) },
    ])
  })

  test('has an address like that of other tools', () => {
    const common = { socket: '', isEncrypted: false, user: '', password: '', database: 0 }
    expect(remoteAddress('redis://host')).toEqual({ ...common, host: 'host', port: 6379 })
    expect(remoteAddress('host:7000')).toEqual({ ...common, host: 'host', port: 7000 })
    expect(remoteAddress('rediss://ana:p%40ss@[::1]:1/2')).toEqual({
      host: '::1',
      port: 1,
      socket: '',
      isEncrypted: true,
      user: 'ana',
      password: 'p@ss',
      database: 2,
    })
    expect(remoteAddress('unix://ana:pw@/run/redis.sock?db=3')).toMatchObject({
      socket: '/run/redis.sock',
      user: 'ana',
      password: 'pw',
      database: 3,
    })
    expect(() => remoteAddress('redis://:50%@host')).toThrow(/%25/)
    expect(() => remoteAddress('http://host')).toThrow(/redis:/)
    expect(() => remoteAddress('redis://host/name')).toThrow(/number/)
  })
})
