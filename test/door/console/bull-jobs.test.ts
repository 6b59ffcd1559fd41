// Jobs of Bull: after each action of the console, Bull's own worker takes the job as if Bull had put
// it there.

import Bull from 'bull'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startServer } from '../../../src/index.ts'
import { freePort } from '../../../src/util/free-ports.ts'
import { eventually } from '../../support/server.ts'

interface Data {
  readonly n: string
  readonly fail?: boolean
}

interface End {
  readonly done: number
  readonly refused: number
}

const HOUR_MS = 3_600_000

/** A server with a console, a paused queue of Bull, and the names of its jobs as they are done. */
async function openQueue() {
  const httpPort = await freePort()
  const config = { 'http-port': String(httpPort), appendonly: 'no', save: '', console: 'yes', requirepass: 'secret' }
  const server = await startServer({ port: 0, config })
  onTestFinished(() => server.close())
  const redis = {
    host: '127.0.0.1',
    port: server.port,
    password: 'secret',
    maxRetriesPerRequest: null,
    enableReadyCheck: false,
  }
  const queue = new Bull<Data>('images', { redis })
  onTestFinished(() => queue.close())
  const headers = { Authorization: 'Bearer default:secret', 'X-Respite-Console': '1' }
  const ask = (path: string, body?: object): Promise<Response> =>
    fetch(`http://127.0.0.1:${httpPort}/v1/queues/images/${path}`, {
      headers,
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    })
  const act = async (job: Bull.Job, action: string, body: object = {}): Promise<number> =>
    (await ask(`jobs/${job.id}/${action}`, body)).status
  const actOnAll = async (query: string, body: object = {}): Promise<End> => {
    const lines = (await (await ask(`jobs/${query}`, body)).text()).trim().split('\n')
    return (JSON.parse(lines.at(-1)!) as { end: End }).end
  }
  const done: string[] = []
  /** Works one job after the other, and fails those that are to fail for the first time. */
  const work = async (): Promise<void> => {
    void queue.process(async ({ attemptsMade, data }) => {
      if (data.fail === true && attemptsMade === 0) throw new Error('no such picture')
      done.push(data.n)
    })
    await queue.isReady()
  }
  return { queue, ask, act, actOnAll, done, work }
}

describe('jobs of Bull', () => {
  test('are worked by their new priority, as Bull orders them', async () => {
    const { act, actOnAll, done, queue, work } = await openQueue()
    await queue.pause()
    const plain = await queue.add({ n: 'plain' })
    const low = await queue.add({ n: 'low' }, { priority: 9 })
    const other = await queue.add({ n: 'other' })
    const late = await queue.add({ n: 'late' }, { delay: HOUR_MS })
    expect(await act(other, 'priority', { priority: 5 })).toBe(200)
    expect(await act(low, 'priority', { priority: 2 })).toBe(200)
    expect(await act(plain, 'priority', { priority: 5 })).toBe(200)
    // One that Bull itself adds goes behind those of its priority, and before the next.
    await queue.add({ n: 'own' }, { priority: 5 })
    await queue.add({ n: 'last' }, { priority: 7 })
    await queue.add({ n: 'first' }, { priority: 1 })
    expect(await act(late, 'priority', { priority: 3 })).toBe(200)
    expect(await act(late, 'promote')).toBe(200)
    const none = await queue.add({ n: 'none' }, { priority: 1 })
    expect(await act(none, 'priority', { priority: 0 })).toBe(200)
    expect(await actOnAll('priority?data=last', { priority: 4 })).toMatchObject({ done: 1, refused: 0 })
    expect(await act(none, 'priority', { priority: -1 })).toBe(400)
    await queue.resume()
    await work()
    await eventually(() => done.length === 8)
    expect(done).toEqual(['first', 'low', 'late', 'last', 'other', 'plain', 'own', 'none'])
    // Bull has taken each out of its priorities.
    expect(await queue.getCountsPerPriority([0, 1, 2, 3, 4, 5, 9])).toEqual({
      0: 0,
      1: 0,
      2: 0,
      3: 0,
      4: 0,
      5: 0,
      9: 0,
    })
    expect(await act(none, 'priority', { priority: 1 })).toBe(409)
  })

  test('are retried, promoted, delayed, copied and removed, one and all that match', async () => {
    const { act, actOnAll, done, queue, work } = await openQueue()
    await work()
    const bad = await queue.add({ n: 'bad', fail: true }, { priority: 3 })
    await queue.add({ n: 'worse', fail: true })
    await eventually(async () => (await queue.getFailedCount()) === 2)
    expect(await act(bad, 'retry')).toBe(200)
    await eventually(() => done.includes('bad'))
    expect(await actOnAll('retry?state=failed&reason=picture')).toMatchObject({ done: 1 })
    await eventually(() => done.includes('worse'))

    const waits = await queue.add({ n: 'promoted' }, { delay: HOUR_MS })
    expect(await act(waits, 'promote')).toBe(200)
    await eventually(() => done.includes('promoted'))
    // The worker is told of the new time: it would look again in five seconds.
    const sooner = await queue.add({ n: 'sooner' }, { delay: HOUR_MS })
    expect(await act(sooner, 'delay', { delay: 1 })).toBe(200)
    await eventually(() => done.includes('sooner'))

    done.length = 0
    expect(await act(waits, 'duplicate')).toBe(200)
    await eventually(() => done.length === 1)
    expect(done).toEqual(['promoted'])
    expect(await actOnAll('duplicate?state=completed&data=sooner')).toMatchObject({ done: 1 })
    await eventually(() => done.length === 2)

    await queue.add({ n: 'never' }, { delay: HOUR_MS })
    await queue.add({ n: 'never' }, { delay: HOUR_MS })
    expect(await actOnAll('delay?state=delayed', { delay: 2 * HOUR_MS })).toMatchObject({ done: 2 })
    const [delayed] = await queue.getDelayed()
    expect(delayed!.toJSON().delay).toBe(2 * HOUR_MS)
    expect(await act(delayed!, 'remove')).toBe(200)
    expect(await actOnAll('remove?data=never')).toMatchObject({ done: 1 })
    expect(await queue.getDelayedCount()).toBe(0)
    await queue.pause()
    const held = await queue.add({ n: 'held' }, { priority: 2 })
    expect(await act(held, 'remove')).toBe(200)
    expect(await queue.getCountsPerPriority([2])).toEqual({ 2: 0 })
    expect(await act(held, 'retry')).toBe(404)
  })

  test('are made by schedulers, which are told with their next runs', async () => {
    const { ask, queue } = await openQueue()
    await queue.add('tidy', { n: 'tidy' }, { repeat: { cron: '0 3 * * *', tz: 'Europe/Lisbon' } })
    await queue.add('beat', { n: 'beat' }, { repeat: { every: HOUR_MS } })
    const { schedulers } = (await (await ask('details')).json()) as { schedulers: { name: string; next: number }[] }
    expect(schedulers.sort((a, b) => a.name.localeCompare(b.name))).toMatchObject([
      { name: 'beat', everyMs: HOUR_MS, pattern: null },
      { name: 'tidy', pattern: '0 3 * * *', tz: 'Europe/Lisbon', everyMs: null },
    ])
    for (const { next } of schedulers) expect(next).toBeGreaterThan(Date.now())
  })
})
