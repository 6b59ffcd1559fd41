import Bull from 'bull'
import { FlowProducer, Queue, Worker } from 'bullmq'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startServer } from '../../../src/index.ts'
import { freePort } from '../../../src/util/free-ports.ts'
import { eventually } from '../../support/server.ts'

interface Row {
  readonly id: string
  readonly name: string
  readonly state: string
  readonly failedReason: string | null
  readonly runsAt: number | null
}

interface Line {
  readonly job?: Row
  readonly end?: {
    readonly looked: number
    readonly of: number
    readonly matched: number
    readonly cursor: string | null
    readonly done?: number
    readonly refused?: number
    readonly refusals?: readonly { id: string; error: string }[]
  }
  readonly error?: string
}

/** A server with a console, a browser in it, and how queues of programs connect. */
async function openServer() {
  const httpPort = await freePort()
  const config = { 'http-port': String(httpPort), appendonly: 'no', save: '', console: 'yes' }
  const server = await startServer({ port: 0, config })
  onTestFinished(() => server.close())
  const url = `http://127.0.0.1:${httpPort}`
  const own = { Origin: url, 'X-Respite-Console': '1' }
  const signIn = { user: 'default', password: '' }
  const answer = await fetch(`${url}/v1/session`, { method: 'POST', headers: own, body: JSON.stringify(signIn) })
  const headers = { ...own, Cookie: (answer.headers.getSetCookie()[0] ?? '').split(';')[0]! }
  const get = async <T>(path: string): Promise<T> => (await (await fetch(`${url}/v1/${path}`, { headers })).json()) as T
  const post = (path: string, body: unknown = {}): Promise<Response> =>
    fetch(`${url}/v1/${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
  const lines = async (response: Response): Promise<Line[]> =>
    (await response.text())
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Line)
  const search = async (path: string): Promise<{ jobs: Row[]; end: NonNullable<Line['end']> }> => {
    const found = await lines(await fetch(`${url}/v1/queues/${path}`, { headers }))
    const jobs = found.flatMap(({ job }) => (job === undefined ? [] : [job]))
    return { jobs, end: found.at(-1)!.end! }
  }
  const connection = { host: '127.0.0.1', port: server.port, maxRetriesPerRequest: null }
  const openQueue = (name: string): Queue => {
    const queue = new Queue(name, { connection })
    onTestFinished(() => queue.close())
    return queue
  }
  const openWorker = (name: string, run: (job: { name: string }) => Promise<unknown>): Worker => {
    const worker = new Worker(name, run, { connection })
    onTestFinished(() => worker.close())
    return worker
  }
  return { server, get, post, lines, search, connection, openQueue, openWorker }
}

const failing = async ({ name }: { name: string }): Promise<string> => {
  if (name === 'bad') throw new Error('no such account')
  return `sent ${name}`
}

describe('search', () => {
  test('finds jobs by text, name, data, reason, state, time and id', async () => {
    const { openQueue, openWorker, search } = await openServer()
    const queue = openQueue('mails')
    const worker = openWorker('mails', failing)
    await queue.add('bad', { to: 'Ana@example.com' })
    await queue.add('good', { to: 'bob@example.com' })
    await eventually(async () => (await queue.getFailedCount()) === 1 && (await queue.getCompletedCount()) === 1)
    await worker.close()
    await queue.add('later', { to: 'ana@example.com' }, { delay: 3_600_000, jobId: 'x1' })
    await queue.add('other', { to: 'Älva' })

    expect((await search('mails/jobs')).jobs.map(({ name }) => name).sort()).toEqual(['bad', 'good', 'later', 'other'])
    const byText = await search('mails/jobs?text=ana@EXAMPLE')
    expect(byText.jobs.map(({ name, state }) => [name, state]).sort()).toEqual([
      ['bad', 'failed'],
      ['later', 'delayed'],
    ])
    expect(byText.end).toMatchObject({ matched: 2, looked: 4, of: 4, cursor: null })
    expect((await search('mails/jobs?reason=ACCOUNT')).jobs).toMatchObject([
      { name: 'bad', failedReason: 'no such account', state: 'failed' },
    ])
    expect((await search('mails/jobs?text=sent')).jobs.map(({ name }) => name)).toEqual(['good'])
    expect((await search('mails/jobs?name=lat')).jobs).toEqual([])
    expect((await search('mails/jobs?name=later')).jobs).toHaveLength(1)
    expect((await search(`mails/jobs?data=${encodeURIComponent('Älv')}`)).jobs).toHaveLength(1)
    expect((await search('mails/jobs?state=waiting')).jobs.map(({ name }) => name)).toEqual(['other'])
    expect((await search('mails/jobs?state=failed&state=delayed')).jobs).toHaveLength(2)
    expect((await search(`mails/jobs?from=${Date.now() + 60_000}`)).jobs).toEqual([])
    expect((await search(`mails/jobs?to=${Date.now()}&from=${Date.now() - 60_000}`)).jobs).toHaveLength(4)
    const [later] = (await search('mails/jobs?id=x1')).jobs
    expect(later).toMatchObject({ id: 'x1', state: 'delayed' })
    expect(later!.runsAt).toBeGreaterThan(Date.now() + 3_500_000)
    expect((await search('mails/jobs?id=none')).jobs).toEqual([])
  })

  test('goes on behind a cursor, and finds each job once', async () => {
    const { openQueue, search } = await openServer()
    const queue = openQueue('many')
    await queue.addBulk(
      Array.from({ length: 250 }, (_, i) => ({ name: 'n', data: { i, odd: i % 2 === 1 ? 'odd' : '' } })),
    )
    for (const order of ['newest', 'oldest']) {
      const ids: string[] = []
      let cursor = ''
      let pages = 0
      do {
        const { jobs, end } = await search(`many/jobs?text=%22odd%22:%22odd&limit=40&order=${order}&cursor=${cursor}`)
        ids.push(...jobs.map(({ id }) => id))
        cursor = end.cursor ?? ''
        pages++
      } while (cursor !== '' && pages < 10)
      expect(new Set(ids).size).toBe(125)
      expect(ids).toHaveLength(125)
      expect(pages).toBe(4)
      expect(Number(ids[0]) > Number(ids.at(-1))).toBe(order === 'newest')
    }
  })

  test('refuses what it does not understand', async () => {
    const { get, openQueue, server } = await openServer()
    await openQueue('q').add('a', {})
    expect(server.port).toBeGreaterThan(0)
    expect(await get('queues/q/jobs?state=lost')).toMatchObject({ error: expect.stringContaining('a state is one of') })
    expect(await get('queues/q/jobs?cursor=bad')).toMatchObject({ error: expect.stringContaining('cursor') })
    expect(await get('queues/none/jobs')).toEqual({ error: 'there is no such queue' })
  })
})

describe('a job', () => {
  test('is told with its logs, its stack, its parent and its children', async () => {
    const { connection, get, openQueue, openWorker } = await openServer()
    const flows = new FlowProducer({ connection })
    onTestFinished(() => flows.close())
    const flow = await flows.add({
      name: 'parent',
      queueName: 'flows',
      data: { p: 1 },
      children: [
        { name: 'bad', queueName: 'parts', data: {} },
        { name: 'good', queueName: 'parts', data: {} },
      ],
    })
    const parts = openQueue('parts')
    await (await parts.getWaiting())[0]!.log('a line')
    const worker = openWorker('parts', failing)
    await eventually(async () => (await parts.getFailedCount()) === 1 && (await parts.getCompletedCount()) === 1)
    await worker.close()
    interface Details {
      readonly state: string
      readonly stacktrace: string[]
      readonly logs: string[]
      readonly timeline: { what: string }[]
      readonly parent: object | null
      readonly children: { name: string; state: string }[]
    }
    const parent = await get<Details>(`queues/flows/jobs/${flow.job.id}`)
    expect(parent.state).toBe('waiting-children')
    expect(parent.children.map(({ name, state }) => [name, state]).sort()).toEqual([
      ['bad', 'failed'],
      ['good', 'completed'],
    ])
    const [failed] = await parts.getFailed()
    const child = await get<Details>(`queues/parts/jobs/${failed!.id}`)
    expect(child.parent).toMatchObject({ queue: 'flows', name: 'parent', state: 'waiting-children' })
    expect(child.stacktrace[0]).toContain('no such account')
    expect(child.timeline.map(({ what }) => what)).toEqual(['added', 'started', 'failed'])
    expect(await get('queues/parts/jobs/nope')).toEqual({ error: 'there is no such job' })
  })
})

describe('actions', () => {
  test('retry, promote, delay, priority, remove and duplicate leave what BullMQ understands', async () => {
    const { openQueue, openWorker, post } = await openServer()
    const queue = openQueue('work')
    const worker = openWorker('work', failing)
    const failed = await queue.add('bad', {})
    await eventually(async () => (await queue.getFailedCount()) === 1)
    await worker.close()
    const act = async (id: string | undefined, action: string, body: unknown = {}) => {
      const answer = await post(`queues/work/jobs/${id}/${action}`, body)
      return { status: answer.status, ...((await answer.json()) as object) }
    }
    expect(await act(failed.id, 'retry')).toEqual({ status: 200, done: true })
    expect(await failed.getState()).toBe('waiting')
    expect(await act(failed.id, 'retry')).toMatchObject({ status: 409 })
    expect(await act('none', 'retry')).toMatchObject({ status: 404 })
    expect(await act(failed.id, 'explode')).toMatchObject({ status: 404 })

    const late = await queue.add('late', {}, { delay: 3_600_000 })
    expect(await act(late.id, 'delay', { delay: 60_000 })).toMatchObject({ done: true })
    expect((await queue.getJob(late.id!))!.delay).toBe(60_000)
    expect(await act(late.id, 'promote')).toMatchObject({ done: true })
    expect(await late.getState()).toBe('waiting')

    expect(await act(late.id, 'priority', { priority: 5 })).toMatchObject({ done: true })
    expect(await late.getState()).toBe('prioritized')
    expect(await act(late.id, 'priority', { priority: 0 })).toMatchObject({ done: true })
    expect(await late.getState()).toBe('waiting')
    expect(await act(late.id, 'priority', { priority: -1 })).toMatchObject({ status: 400 })

    const copied = (await act(late.id, 'duplicate')) as unknown as { id: string }
    const copy = await queue.getJob(copied.id)
    expect(copy).toMatchObject({ name: 'late', data: {} })
    expect(await copy!.getState()).toBe('waiting')

    expect(await act(late.id, 'remove')).toMatchObject({ done: true })
    expect(await queue.getJob(late.id!)).toBeUndefined()

    // A worker of BullMQ takes what is left, as if BullMQ had put it there.
    openWorker('work', failing)
    await eventually(async () => (await queue.getFailedCount()) === 1 && (await queue.getCompletedCount()) === 1)
    expect((await queue.getJob(failed.id!))!.attemptsMade).toBe(2)
  })

  test('wake a worker that waits', async () => {
    const { openQueue, openWorker, post } = await openServer()
    const queue = openQueue('sleepy')
    const worker = openWorker('sleepy', failing)
    await worker.waitUntilReady()
    const late = await queue.add('good', {}, { delay: 3_600_000 })
    expect((await post(`queues/sleepy/jobs/${late.id}/promote`)).status).toBe(200)
    await eventually(async () => (await queue.getCompletedCount()) === 1)
  })

  test('on a job that a worker has are refused', async () => {
    const { openQueue, openWorker, post } = await openServer()
    const queue = openQueue('busy')
    let finish = (): void => {}
    openWorker('busy', () => new Promise<void>((resolve) => (finish = resolve)))
    const job = await queue.add('a', {})
    await eventually(async () => (await job.getState()) === 'active')
    const answer = await post(`queues/busy/jobs/${job.id}/remove`)
    expect(answer.status).toBe(409)
    expect(await answer.json()).toEqual({ error: 'a worker works on the job' })
    finish()
  })

  test('to remove the last child let its parent go on', async () => {
    const { connection, openQueue, post } = await openServer()
    const flows = new FlowProducer({ connection })
    onTestFinished(() => flows.close())
    const flow = await flows.add({
      name: 'parent',
      queueName: 'up',
      children: [{ name: 'child', queueName: 'down', data: {} }],
    })
    const up = openQueue('up')
    expect((await post(`queues/up/jobs/${flow.job.id}/remove`)).status).toBe(409)
    expect((await post(`queues/down/jobs/${flow.children![0]!.job.id}/remove`)).status).toBe(200)
    expect(await (await up.getJob(flow.job.id!))!.getState()).toBe('waiting')
  })

  test('for all that match change these and no others', async () => {
    const { lines, openQueue, openWorker, post } = await openServer()
    const queue = openQueue('all')
    const worker = openWorker('all', failing)
    await queue.addBulk(Array.from({ length: 120 }, (_, i) => ({ name: 'bad', data: { group: i % 3 } })))
    await eventually(async () => (await queue.getFailedCount()) === 120)
    await worker.close()
    const found = await lines(await post('queues/all/jobs/retry?state=failed&data=%22group%22:1'))
    expect(found.at(-1)!.end).toMatchObject({ matched: 40, done: 40, refused: 0, refusals: [] })
    expect(await queue.getJobCounts('failed', 'waiting')).toEqual({ failed: 80, waiting: 40 })
    const refused = await lines(await post('queues/all/jobs/promote?state=waiting'))
    expect(refused.at(-1)!.end).toMatchObject({ matched: 40, done: 0, refused: 40 })
    expect(refused.at(-1)!.end!.refusals).toHaveLength(20)
    const removed = await lines(await post('queues/all/jobs/remove'))
    expect(removed.at(-1)!.end).toMatchObject({ done: 120 })
    expect(await queue.getJobCounts('failed', 'waiting')).toEqual({ failed: 0, waiting: 0 })
  })
})

describe('queues', () => {
  test('are found, with their rates, workers, schedulers and metrics; pausing holds workers back', async () => {
    const { get, openQueue, openWorker, post } = await openServer()
    const queue = openQueue('shown')
    await queue.upsertJobScheduler('daily', { pattern: '0 3 * * *', tz: 'UTC' }, { name: 'report', data: {} })
    await queue.add('good', {})
    interface Shown {
      readonly queues: {
        name: string
        kind: string
        backlog: number
        counts: Record<string, number>
        workers: number
      }[]
    }
    await eventually(async () => (await get<Shown>('queues')).queues.length === 1)
    const [row] = (await get<Shown>('queues')).queues
    expect(row).toMatchObject({
      name: 'shown',
      prefix: 'bull',
      kind: 'bullmq',
      backlog: 1,
      isPaused: false,
      workers: 0,
    })
    expect((await post('queues/shown/pause')).status).toBe(200)
    expect(await queue.isPaused()).toBe(true)
    openWorker('shown', failing)
    await eventually(async () => (await get<Shown>('queues')).queues[0]!.workers === 1)
    expect(await queue.getWaitingCount()).toBe(1)
    expect((await post('queues/shown/resume')).status).toBe(200)
    await eventually(async () => (await queue.getCompletedCount()) === 1)
    const details = await get<{ schedulers: object[]; workers: object[] }>('queues/shown/details')
    expect(details.schedulers).toMatchObject([{ id: 'daily', name: 'report', pattern: '0 3 * * *', tz: 'UTC' }])
    expect(details.workers).toHaveLength(1)
  })

  test('of Bull are found; their jobs are retried, promoted and removed', async () => {
    const { connection, get, lines, post, search } = await openServer()
    const queue = new Bull('images', { redis: { ...connection, enableReadyCheck: false } })
    onTestFinished(() => queue.close())
    const late = await queue.add({ a: 1 }, { delay: 3_600_000 })
    const bad = await queue.add({ fail: true })
    void queue.process(async ({ data }) => {
      if (data.fail === true) throw new Error('no')
    })
    await eventually(async () => (await queue.getFailedCount()) === 1)
    await eventually(async () => (await get<{ queues: object[] }>('queues')).queues.length === 1)
    expect((await get<{ queues: object[] }>('queues')).queues[0]).toMatchObject({ name: 'images', kind: 'bull' })
    expect((await search('images/jobs?reason=no')).jobs).toHaveLength(1)
    await queue.pause(true)
    expect((await post(`queues/images/jobs/${late.id}/promote`)).status).toBe(200)
    await eventually(async () => (await queue.getCompletedCount()) + (await queue.getWaitingCount()) === 1)
    expect((await post(`queues/images/jobs/${bad.id}/priority`, { priority: 1 })).status).toBe(409)
    const removed = await lines(await post('queues/images/jobs/remove?state=failed'))
    expect(removed.at(-1)!.end).toMatchObject({ done: 1 })
    expect(await queue.getFailedCount()).toBe(0)
  })
})
