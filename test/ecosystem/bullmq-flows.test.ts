// BullMQ: flows (jobs that wait for other jobs) and job schedulers (jobs that come again).

import { type JobNode, WaitingChildrenError } from 'bullmq'
import { expect, test } from 'vitest'
import { eventually } from '../support/server.ts'
import { Bench, completions, freshName } from './bullmq-bench.ts'
import { useTarget } from './target.ts'

const target = useTarget()

test('a parent runs after its children, with what they returned', async () => {
  const bench = new Bench(target)
  const childQueue = freshName('children')
  const flow = await bench.flows().add({
    name: 'build',
    queueName: bench.name,
    data: { house: 1 },
    children: [
      { name: 'walls', queueName: childQueue, data: { cost: 30 } },
      {
        name: 'roof',
        queueName: childQueue,
        data: { cost: 20 },
        children: [{ name: 'tiles', queueName: childQueue, data: { cost: 5 } }],
      },
    ],
  })
  const queue = bench.queue()
  expect(await flow.job.getState()).toBe('waiting-children')
  expect(await queue.getWaitingChildrenCount()).toBe(1)
  const order: string[] = []
  bench.worker(
    async (job) => {
      order.push(job.name)
      const below = Object.values(await job.getChildrenValues<number>())
      return below.reduce((sum, cost) => sum + cost, job.data.cost)
    },
    {},
    childQueue,
  )
  const [parent] = await completions(
    bench.worker(async (job) => Object.values(await job.getChildrenValues<number>()).sort()),
    1,
  )
  expect(parent!.returnvalue).toEqual([25, 30])
  expect(order.indexOf('tiles')).toBeLessThan(order.indexOf('roof'))
  expect(await flow.job.getDependenciesCount({ processed: true, unprocessed: true })).toEqual({
    processed: 2,
    unprocessed: 0,
  })
})

test('the tree is read back, and its dependencies by pages', async () => {
  const bench = new Bench(target)
  const producer = bench.flows()
  const { job } = await producer.add({
    name: 'root',
    queueName: bench.name,
    children: Array.from({ length: 30 }, (_, i) => ({
      name: `child ${i}`,
      queueName: bench.name,
      children: i === 0 ? [{ name: 'grandchild', queueName: bench.name }] : [],
    })),
  })
  const tree = await producer.getFlow({ id: job.id!, queueName: bench.name, maxChildren: 100 })
  expect(tree.job.name).toBe('root')
  expect(tree.children).toHaveLength(30)
  const first = tree.children!.find((node: JobNode) => node.job.name === 'child 0')!
  expect(first.children?.map((node) => node.job.name)).toEqual(['grandchild'])
  let cursor = 0
  const seen = new Set<string>()
  do {
    const page = await job.getDependencies({ unprocessed: { cursor, count: 10 } })
    for (const key of page.unprocessed!) seen.add(key)
    cursor = page.nextUnprocessedCursor!
  } while (cursor !== 0)
  expect(seen.size).toBe(30)
  expect((await bench.queue().getDependencies(job.id!, 'pending', 0, 9)).total).toBe(30)
})

test('children that are done are read by pages, as many at a time as are asked for', async () => {
  const bench = new Bench(target)
  const childQueue = freshName('children')
  const { job } = await bench.flows().add({
    name: 'root',
    queueName: bench.name,
    children: Array.from({ length: 72 }, (_, i) => ({ name: `child ${i}`, queueName: childQueue, data: { i } })),
  })
  await completions(
    bench.worker(
      async (child) => ({ answer: `child ${child.data.i} says a lot`.repeat(5) }),
      { concurrency: 20 },
      childQueue,
    ),
    72,
  )
  const seen = new Set<string>()
  let pages = 0
  let cursor = 0
  do {
    const page = await job.getDependencies({ processed: { cursor, count: 20 } })
    const answers = Object.entries(page.processed!)
    for (const [key] of answers) seen.add(key)
    // Redis counts buckets, some of which hold several.
    expect(answers.length).toBeLessThan(40)
    pages++
    cursor = page.nextProcessedCursor!
  } while (cursor !== 0)
  expect(seen.size).toBe(72)
  expect(pages).toBeGreaterThan(2)
}, 30_000)

test('many flows in one transaction, and one that cannot be added adds nothing', async () => {
  const bench = new Bench(target)
  const producer = bench.flows()
  const flows = await producer.addBulk(
    Array.from({ length: 20 }, (_, i) => ({
      name: `flow ${i}`,
      queueName: bench.name,
      children: [{ name: 'child', queueName: `${bench.name}-children`, data: i }],
    })),
  )
  expect(flows).toHaveLength(20)
  const queue = bench.queue()
  expect(await queue.getWaitingChildrenCount()).toBe(20)
  await expect(
    producer.add({
      name: 'bad',
      queueName: bench.name,
      opts: { jobId: '17' },
      children: [{ name: 'child', queueName: bench.name }],
    }),
  ).rejects.toThrow()
  expect(await queue.getWaitingChildrenCount()).toBe(20)
  expect(await queue.getWaitingCount()).toBe(0)
  const done = completions(
    bench.worker(async () => 'p', { concurrency: 5 }),
    20,
  )
  bench.worker(async () => 'c', { concurrency: 5 }, `${bench.name}-children`)
  expect((await done).map((job) => job.name).sort()).toEqual(flows.map((flow) => flow.job.name).sort())
})

test("the child's options decide what its failure means for the parent", async () => {
  const bench = new Bench(target)
  const producer = bench.flows()
  const children = `${bench.name}-children`
  const add = (name: string, opts: object) =>
    producer.add({
      name,
      queueName: bench.name,
      children: [
        { name: 'fails', queueName: children, opts },
        { name: 'works', queueName: children },
      ],
    })
  const failing = await add('fail with it', { failParentOnFailure: true })
  const ignoring = await add('ignore it', { ignoreDependencyOnFailure: true })
  const removing = await add('forget it', { removeDependencyOnFailure: true })
  const continuing = await add('go on at once', { continueParentOnFailure: true })
  bench.worker(
    async (job) => {
      if (job.name === 'fails') throw new Error('child broke')
      return 'ok'
    },
    {},
    children,
  )
  const worker = bench.worker(async (job) => ({
    failures: Object.values(await job.getIgnoredChildrenFailures()),
    values: Object.values(await job.getChildrenValues()),
  }))
  const done = await completions(worker, 3)
  const results = new Map(done.map((job) => [job.name, job.returnvalue]))
  expect(results.get('ignore it')).toEqual({ failures: ['child broke'], values: ['ok'] })
  expect(results.get('forget it')).toEqual({ failures: [], values: ['ok'] })
  expect(results.get('go on at once').failures).toEqual(['child broke'])
  expect(await eventually(() => failing.job.isFailed())).toBe(true)
  const failed = await bench.queue().getJob(failing.job.id!)
  expect(failed!.failedReason).toBe(`child bull:${children}:${failing.children![0]!.job.id} failed`)
  for (const flow of [ignoring, removing, continuing]) expect(await flow.job.getState()).toBe('completed')
})

test('children are added while the parent runs, and it waits for them', async () => {
  const bench = new Bench(target)
  const children = `${bench.name}-children`
  const childQueue = bench.queue({}, children)
  bench.worker(async (job) => job.data * 2, {}, children)
  const worker = bench.worker(async (job, token) => {
    if (job.data.step === 'start') {
      for (const n of [1, 2, 3]) {
        await childQueue.add('late child', n, { parent: { id: job.id!, queue: job.queueQualifiedName } })
      }
      await job.updateData({ step: 'wait' })
    }
    if (await job.moveToWaitingChildren(token!)) throw new WaitingChildrenError()
    return Object.values(await job.getChildrenValues<number>()).sort()
  })
  const done = completions(worker, 1)
  await bench.queue().add('parent', { step: 'start' })
  expect((await done)[0]!.returnvalue).toEqual([2, 4, 6])
})

test('a tree is removed with its children, a child frees its parent', async () => {
  const bench = new Bench(target)
  const producer = bench.flows()
  const queue = bench.queue()
  const grow = () =>
    producer.add({ name: 'parent', queueName: bench.name, children: [{ name: 'child', queueName: bench.name }] })
  const felled = await grow()
  await felled.job.remove()
  expect(await queue.count()).toBe(0)
  const freed = await grow()
  await freed.children![0]!.job.remove()
  expect(await freed.job.getState()).toBe('waiting')
  const cut = await grow()
  expect(await cut.children![0]!.job.removeChildDependency()).toBe(true)
  expect(await cut.job.getState()).toBe('waiting')
  const pruned = await grow()
  await pruned.job.removeUnprocessedChildren()
  expect(await pruned.children![0]!.job.getState()).toBe('unknown')
})

test('a scheduler makes a job every so often, up to its limit', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const done = completions(
    bench.worker(async () => {}),
    3,
  )
  await queue.upsertJobScheduler('tick', { every: 40, limit: 3 }, { name: 'ticked', data: { n: 1 } })
  // The time that a job is made for is the end of its id.
  const times = (await done).map((job) => {
    expect(job).toMatchObject({ name: 'ticked', data: { n: 1 }, repeatJobKey: 'tick' })
    expect(job.processedOn).toBeGreaterThanOrEqual(Number(job.id!.split(':').at(-1)))
    return Number(job.id!.split(':').at(-1))
  })
  // One apart, or more where the machine was busy: what was missed is left out.
  expect((times[2]! - times[1]!) % 40).toBe(0)
  expect(times[2]! - times[1]!).toBeGreaterThan(0)
  expect(times[1]! - times[0]!).toBeGreaterThan(0)
  await eventually(async () => (await queue.getDelayedCount()) === 0)
})

test('schedulers are listed, changed and removed', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  await queue.upsertJobScheduler('hourly', { pattern: '0 0 * * * *', tz: 'Europe/Berlin' }, { name: 'chime' })
  await queue.upsertJobScheduler('often', { every: 60_000 }, { data: { a: 1 }, opts: { attempts: 3 } })
  expect(await queue.getJobSchedulersCount()).toBe(2)
  const schedulers = await queue.getJobSchedulers(0, -1, true)
  expect(schedulers.map((scheduler) => scheduler.key).sort()).toEqual(['hourly', 'often'])
  const hourly = (await queue.getJobScheduler('hourly'))!
  expect(hourly).toMatchObject({ name: 'chime', pattern: '0 0 * * * *', tz: 'Europe/Berlin' })
  expect(hourly.next! % 3_600_000).toBe(0)
  expect(await queue.getJobScheduler('often')).toMatchObject({
    every: 60_000,
    iterationCount: 1,
    template: { data: { a: 1 }, opts: { attempts: 3 } },
  })
  await queue.upsertJobScheduler('often', { every: 90_000 }, { data: { a: 2 } })
  expect(await queue.getJobScheduler('often')).toMatchObject({ every: 90_000, template: { data: { a: 2 } } })
  expect(await queue.getJobSchedulersCount()).toBe(2)
  expect(await queue.removeJobScheduler('often')).toBe(true)
  expect(await queue.removeJobScheduler('often')).toBe(false)
  expect(await queue.getJobSchedulersCount()).toBe(1)
  expect((await queue.getDelayed()).map((job) => job.name)).toEqual(['chime'])
})
