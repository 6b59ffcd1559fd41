// Every example runs to its end, as a user would run it, and does what it says.

import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test as oneByOne, type TestContext } from 'vitest'
import { natsServerMissing } from '../support/log-servers.ts'
import { redisServerCannotReadOurs } from '../support/redis-server.ts'

const EXAMPLES = join(import.meta.dirname, '../../examples')

/** They wait more than they compute, and share nothing: all of them run at the same time. */
const test = oneByOne.concurrent

async function run(name: string, { onTestFinished }: TestContext): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), join(EXAMPLES, name)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk
    })
  }
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, output }
}

test('event-bus: every service hears what it asked for', async (context) => {
  const { expect } = context
  const { code, output } = await run('event-bus.ts', context)
  expect(code, output).toBe(0)
  for (const id of [1, 2]) {
    expect(output).toContain(`shop: order ${id} announced to 2 listeners`)
    expect(output).toContain(`billing: order ${id} costs ${id === 1 ? 25 : 40}`)
    expect(output).toContain(`shipping: order ${id} is on its way`)
    expect(output).toContain(`audit: orders.paid {"id":${id}}`)
  }
  expect(output).toContain('audit: orders.created {"id":1,"amount":25}')
  expect(output).not.toContain('audit: parcels')
  expect(output).toMatch(/done: 8 messages heard\n$/)
})

test('resumable-chat: a page that is reloaded hears every word once', async (context) => {
  const { expect } = context
  const { code, output } = await run('resumable-chat.ts', context)
  expect(code, output).toBe(0)
  expect(output).toContain('(reloaded here)')
  expect(output).toMatch(/done: every word once, in order\n$/)
})

test('express: a page hears its own orders alone, and a stranger hears none', async (context) => {
  const { expect } = context
  const { code, output } = await run('express.ts', context)
  expect(code, output).toBe(0)
  for (const item of ['apples', 'pears']) {
    expect(output).toContain(`shop: ordered ${item}, answered 201\n`)
    expect(output).toContain(`page: {"item":"${item}"}\n`)
  }
  expect(output).toContain("a stranger: 401\nanother's orders: 403\n")
  expect(output).toMatch(/done: 2 orders shown\n$/)
})

test('live-board: a page shows events of keys and of a queue, also when it is opened late', async (context) => {
  const { expect } = context
  const { code, output } = await run('live-board.ts', context)
  expect(code, output).toBe(0)
  const events = ['cart:7 set', 'cart:7 expired', 'cart:8 del', 'board.jobs mail-ann completed']
  for (const event of events) expect(output).toContain(`board: ${event}\n`)
  expect(output).toContain('board: board.jobs mail-bob failed: no address\n')
  expect(output).not.toContain('stock')
  expect(output).toMatch(/done: 7 events, and the same on a board that was opened late\n$/)
})

test('durable-event-bus: services and the broker are killed, every message is heard in order', async (context) => {
  const { expect } = context
  const { code, output } = await run('durable-event-bus.ts', context)
  expect(code, output).toBe(0)
  expect(output).toContain('the broker was killed, and is back\n')
  // redis-py is not everywhere; `audit` says so itself.
  const services = output.includes('audit is left out') ? ['billing', 'shipping'] : ['billing', 'shipping', 'audit']
  for (const name of services) {
    expect(output).toMatch(new RegExp(`${name}: [1-9]\\d* orders heard, 0 missed, \\d+ again, 0 out of order`))
  }
  expect(output).toMatch(/nothing was lost\n$/)
}, 90_000)

test('work-queue: a worker and the server are killed, every job is done', async (context) => {
  const { expect } = context
  const { code, output } = await run('work-queue.ts', context)
  expect(code, output).toBe(0)
  expect(output).toMatch(/worker 0 was killed with [01] job in hand/)
  expect(output).toContain('the server was killed\nthe server is back\n')
  expect(output).toMatch(/400 jobs: 400 done, 0 lost, 0 wrong; still waiting: 0\n$/)
}, 90_000)

test('bullmq: a worker and the server are killed, every job completes once', async (context) => {
  const { expect } = context
  const { code, output } = await run('bullmq.ts', context)
  expect(code, output).toBe(0)
  expect(output).toMatch(/the worker was killed with [1-4] jobs in hand\nthe server was killed\nthe server is back\n/)
  const [, stalled] = /(\d+) jobs had lost their worker/.exec(output)!
  expect(Number(stalled)).toBeGreaterThan(0)
  expect(output).toMatch(/300 jobs: 300 completed, 0 twice, 0 wrong, 0 unfinished\n$/)
}, 90_000)

test('embedded: the engine in a program, and its data after it', async (context) => {
  const { expect } = context
  const { code, output } = await run('embedded.ts', context)
  expect(code, output).toBe(0)
  expect(output).toBe(
    [
      'visits: 42',
      'listeners reached: 1',
      'heard news: hello',
      "ioredis sees: [ 'first letter', 'second letter' ]",
      "a blocked client got: [ 'requests', 'a request' ]",
      'opened again: 2 keys, visits = 42',
      '',
    ].join('\n'),
  )
})

test('embedded-service: one data set, called and served', async (context) => {
  const { expect } = context
  const { code, output } = await run('embedded-service.ts', context)
  expect(code, output).toBe(0)
  expect(output.split('\n').sort()).toEqual(
    [
      'serving on 127.0.0.1:<port>',
      'shop: sold 3 apples',
      "report: { apples: '7', pears: '5' }",
      'shop: asked for a box of pears',
      'no longer serving; apples left: 7',
      '',
    ].sort(),
  )
})

test('scheduler: what falls due is heard, once, also by a worker that was away', async (context) => {
  const { expect } = context
  const { code, output } = await run('scheduler.ts', context)
  expect(code, output).toBe(0)
  const [before = '', after = ''] = output.split('the worker is away\n')
  expect(before).toContain('shop: scheduled mail-7, and again mail-7\n')
  for (const line of ['alarm cart 7 is abandoned', 'job thank customer 7'])
    expect(before).toContain(`worker: ${line}\n`)
  for (const line of ['alarm cart 8 is abandoned', 'job thank customer 8']) expect(after).toContain(`worker: ${line}\n`)
  expect(after).toMatch(/\ndone: 4\n$/)
})

oneByOne.skipIf(redisServerCannotReadOurs())(
  'migrate-from-redis: clients move to Respite and back, and every acknowledged write is there once',
  { concurrent: true, timeout: 90_000 },
  async (context) => {
    const { expect } = context
    const { code, output } = await run('migrate-from-redis.ts', context)
    expect(code, output).toBe(0)
    expect(output.replace(/\d+/g, '<n>').split('\n')).toEqual([
      'redis-server leads, and takes orders',
      'Respite follows, and has the same data',
      'Respite leads, and takes orders',
      'a client waited <n> ms for a reply at most',
      'redis-server follows, and has the same data',
      'redis-server leads, and takes orders',
      'a client waited <n> ms for a reply at most',
      '<n> orders acknowledged: <n> lost, <n> there twice, <n> requests failed',
      '',
    ])
    expect(output).toContain(': 0 lost, 0 there twice, 0 requests failed\n')
  },
)

// It waits for elections, a minute and more: `npm run soak`.
oneByOne.skipIf(!process.env.SOAK || natsServerMissing())(
  'cluster: each of nine processes is killed, and nothing is lost or done twice',
  { concurrent: true, timeout: 600_000 },
  async (context) => {
    const { expect } = context
    const { code, output } = await run('cluster/main.ts', context)
    expect(code, output).toBe(0)
    expect(output.match(/ was killed, and is back$/gm)).toHaveLength(9)
    expect(output).toMatch(/the lead was handed over 3 times under load: 0 errors/)
    expect(output).toMatch(/jobs: \d+ completed, 0 lost, 0 completed twice, 0 wrong; \d+ begun again/)
    expect(output).toMatch(/events: \d+ heard, 0 missed, in order; \d+ heard again/)
    expect(output).toMatch(/nothing was lost, and nothing done twice\n$/)
  },
)

test('the table lists every example', ({ expect }) => {
  const table = readFileSync(join(EXAMPLES, 'README.md'), 'utf8')
  const files = readdirSync(EXAMPLES).filter((name) => name.endsWith('.ts'))
  const listed = [...table.matchAll(/examples\/([\w-]+\.ts)/g)].map(([, file]) => file!)
  expect([...new Set(listed)].sort()).toEqual(files.sort())
})
