// A server with all that the console shows: jobs in every state, kept channels with subscribers that
// are away, streams with pending entries, keys of every type, slow commands, and texts that attack a
// page which takes them for HTML.

import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Bull from 'bull'
import { FlowProducer, Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { startServer } from '../../src/index.ts'
import { COLUMNS } from '../../src/monitoring/sampled-columns.ts'
import { freePort } from '../../src/util/free-ports.ts'
import { eventually } from './server.ts'

/** Sets `stolen` in a page that takes it for HTML. */
export const ATTACK = `<img src=x onerror="window.stolen=1"><script>window.stolen=1</script>`

/** The same as a name of a client, which has no blanks. */
export const ATTACK_WORD = ATTACK.replaceAll(' ', '/')

export interface World {
  readonly url: string
  readonly port: number
  readonly client: Redis
  close(): Promise<void>
}

type Server = Awaited<ReturnType<typeof startServer>>

interface Settings {
  readonly settings?: Readonly<Record<string, string>>
  /** Names of things are texts that attack. */
  readonly isHostile?: boolean
  /** An hour of figures lies in the directory, as an earlier run leaves it. */
  readonly hasHistory?: boolean
}

export async function openWorld({
  settings = {},
  isHostile = false,
  hasHistory = false,
}: Settings = {}): Promise<World> {
  const dir = mkdtempSync(join(tmpdir(), 'respite-console-'))
  if (hasHistory) writeFileSync(join(dir, 'console-history.json'), JSON.stringify(historyUntil(Date.now())))
  const http = await freePort()
  const config = {
    'http-port': String(http),
    console: 'yes',
    appendonly: 'yes',
    channel: 'orders.* keep 24h mail.* keep 7d max-messages 1000',
    durability: 'bull:* always cache:* none',
    'slowlog-log-slower-than': '2000',
    'latency-monitor-threshold': '1',
    ...settings,
  }
  const server: Server = await startServer({ port: 0, dir, config } as Parameters<typeof startServer>[0])
  const closing: (() => Promise<unknown>)[] = []
  const connect = (options: object = {}): Redis => {
    const made = new Redis({ host: '127.0.0.1', port: server.port, maxRetriesPerRequest: null, ...options })
    made.on('error', () => {})
    closing.push(async () => made.disconnect())
    return made
  }
  const client = connect({ connectionName: 'shop' })
  const word = (plain: string): string => (isHostile ? `${plain}${ATTACK_WORD}` : plain)
  const name = (plain: string): string => (isHostile ? `${plain} ${ATTACK}` : plain)
  await Promise.all([
    fillKeys(client, name),
    fillChannels(client, connect, { name, word }),
    fillQueues({ host: '127.0.0.1', port: server.port, maxRetriesPerRequest: null }, closing, name),
    fillStreams(client, connect, name),
  ])
  await client.config('SET', 'slowlog-log-slower-than', '0')
  await client.call('LRANGE', name('tasks'), '0', '-1')
  await client.config('SET', 'slowlog-log-slower-than', '2000')
  const close = async (): Promise<void> => {
    for (const end of closing.reverse()) await end()
    await server.close()
  }
  return { url: `http://127.0.0.1:${http}`, port: server.port, client, close }
}

async function fillKeys(client: Redis, name: (plain: string) => string): Promise<void> {
  const pipeline = client.pipeline()
  for (let i = 1; i <= 300; i++) {
    pipeline.hset(
      `user:${i}:profile`,
      'name',
      `Ana ${i}`,
      'mail',
      `ana${i}@shop.example`,
      'address',
      JSON.stringify({ city: 'Lisbon', zip: String(1000 + i) }),
    )
    if (i % 3 === 0) pipeline.set(`user:${i}:session`, `token-${i}`, 'EX', 3600 * i)
  }
  pipeline.set(
    name('cart:7'),
    JSON.stringify({
      user: 7,
      items: [
        { sku: 'apples', count: 3 },
        { sku: 'pears', count: 1 },
      ],
      coupon: null,
      isPaid: false,
      note: name('a gift'),
    }),
  )
  pipeline.set(
    'cache:packed',
    Buffer.from('84a269640aa46e616d65a3416e61a474616773 92a161a162a2 6f6bc3'.replaceAll(' ', ''), 'hex'),
  )
  pipeline.set(Buffer.from([0xff, 0xfe, 0x01]), Buffer.from([0, 1, 2, 253, 254, 255]))
  pipeline.zadd('scores', 12, 'ana', 9.5, 'bob', 3, 'eve')
  pipeline.sadd('colors', 'red', 'green', 'blue')
  pipeline.rpush(name('tasks'), 'clean', 'bake', 'sell')
  pipeline.eval('local n = 0 for i = 1, 300000 do n = n + i end return n', 0)
  await pipeline.exec()
}

/** Names of things, and of clients. */
interface Names {
  name(plain: string): string
  word(plain: string): string
}

async function fillChannels(client: Redis, connect: (options?: object) => Redis, { name, word }: Names): Promise<void> {
  const channel = name('orders.eu')
  const away = connect({ connectionName: word('billing') })
  await away.subscribe(channel)
  for (let i = 0; i < 20; i++)
    await client.publish(channel, JSON.stringify({ order: i, sku: 'apples', price: 3.5, note: name('quick') }))
  await client.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
  away.disconnect()
  const [shop, group, pattern] = [
    connect({ connectionName: 'shipping' }),
    connect({ connectionName: 'w1' }),
    connect({ connectionName: 'audit' }),
  ]
  await shop.subscribe(channel, 'news')
  await group.subscribe(`$share/workers/${channel}`)
  await pattern.psubscribe('orders.*')
  for (let i = 20; i < 32; i++)
    await client.publish(channel, JSON.stringify({ order: i, sku: 'pears', price: 2, note: name('slow') }))
  for (let i = 0; i < 5; i++) await client.publish('mail.out', `To: ana${i}@shop.example\n\nYour order is on its way.`)
  await client.call('PUBLISH', channel, 'The market opens.', 'IN', '2h')
}

/** An error as a program of a shop would throw it: pictures show no folder of this machine. */
function failure(message: string): Error {
  const error = new Error(message)
  error.stack = `Error: ${message}\n    at deliver (/srv/shop/mailer.js:41:11)\n    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)\n    at async Worker.run (/srv/shop/worker.js:12:5)`
  return error
}

interface Connection {
  readonly host: string
  readonly port: number
  readonly maxRetriesPerRequest: null
}

async function fillQueues(
  connection: Connection,
  closing: (() => Promise<unknown>)[],
  name: (plain: string) => string,
): Promise<void> {
  const queue = new Queue('mails', { connection })
  const images = new Queue('images', { connection })
  const bull = new Bull('invoices', {
    redis: { host: connection.host, port: connection.port, maxRetriesPerRequest: null, enableReadyCheck: false },
  })
  const flows = new FlowProducer({ connection })
  closing.push(
    () => queue.close(),
    () => images.close(),
    () => bull.close(),
    () => flows.close(),
  )
  const holding = { release: (): void => {} }
  const held = new Promise<void>((resolve) => {
    holding.release = resolve
  })
  const worker = new Worker(
    'mails',
    async (job) => {
      await job.log(`to ${job.data.to}`)
      if (job.name === name('newsletter')) throw failure(name('550 mailbox unavailable'))
      if (job.name === 'long') await held
      await job.log('sent')
      return { sent: true }
    },
    { connection, concurrency: 8, name: 'mailer-1' },
  )
  worker.on('error', () => {})
  closing.push(() => worker.close())
  closing.push(async () => holding.release())
  await queue.addBulk([
    ...Array.from({ length: 24 }, (_, i) => ({
      name: 'welcome',
      data: { to: `ana${i}@shop.example`, template: 'welcome' },
    })),
    ...Array.from({ length: 4 }, (_, i) => ({
      name: name('newsletter'),
      data: { to: `bob${i}@gone.example`, text: name('Hello') },
      opts: { attempts: 2 },
    })),
    { name: 'long', data: { to: 'eve@shop.example' } },
  ])
  await eventually(
    async () => (await queue.getFailedCount()) === 4 && (await queue.getCompletedCount()) === 24,
    'jobs to be done',
    20_000,
  )
  await worker.pause(true)
  await queue.addBulk([
    ...Array.from({ length: 7 }, (_, i) => ({ name: 'welcome', data: { to: `new${i}@shop.example` } })),
    { name: 'digest', data: { to: 'ana' }, opts: { delay: 3_600_000 } },
    { name: 'digest', data: { to: 'bob' }, opts: { delay: 7_200_000 } },
    { name: 'urgent', data: { to: 'ceo' }, opts: { priority: 1 } },
  ])
  await queue.upsertJobScheduler('nightly', { pattern: '0 3 * * *', tz: 'Europe/Lisbon' }, { name: 'report', data: {} })
  await flows.add({
    name: 'album',
    queueName: 'images',
    data: { album: 12 },
    children: [
      { name: 'resize', queueName: 'images', data: { photo: 1 } },
      { name: 'resize', queueName: 'images', data: { photo: 2 } },
    ],
  })
  await bull.add({ invoice: 1 })
  await bull.add({ invoice: 2 }, { delay: 60_000 })
}

async function fillStreams(
  client: Redis,
  connect: (options?: object) => Redis,
  name: (plain: string) => string,
): Promise<void> {
  const stream = name('events')
  for (let i = 0; i < 12; i++) await client.xadd(stream, '*', 'kind', 'click', 'page', `/p/${i}`)
  await client.xgroup('CREATE', stream, 'reports', '0')
  await client.xreadgroup('GROUP', 'reports', 'ana', 'COUNT', 4, 'STREAMS', stream, '>')
  const waiting = connect({ connectionName: 'baker' })
  waiting.blpop('bread', 0).catch(() => {})
}

/** A day's shape in an hour: two waves, a peak, and a quiet disk that is slow once. */
function historyUntil(now: number): object {
  const rows = (from: number, step: number, count: number): (number | null)[][] =>
    Array.from({ length: count }, (_, i) => rowAt(from + i * step, now))
  const fine = now - 300_000
  return { columns: COLUMNS, coarse: rows(fine - 330 * 10_000, 10_000, 330), fine: rows(fine, 1000, 299) }
}

function rowAt(time: number, now: number): (number | null)[] {
  const at = (time - now) / 3_600_000 + 1
  const wave = 0.6 + 0.3 * Math.sin(at * 9) + 0.08 * Math.sin(at * 61) + 0.012 * Math.sin(time / 3571)
  const peak = Math.exp(-(((at - 0.7) / 0.05) ** 2))
  const values: Record<string, number> = {
    time,
    commands: Math.round(4200 * wave + 5200 * peak),
    messagesIn: Math.round(310 * wave + 240 * peak),
    messagesOut: Math.round(1240 * wave + 980 * peak),
    jobs: Math.round(86 * wave),
    clients: Math.round(48 + 12 * wave + 30 * peak),
    memory: Math.round(182e6 + 24e6 * at + 9e6 * peak),
    memoryRss: 310e6,
    journalBytes: Math.round(760e3 * wave + 800e3 * peak),
    fsyncMs: 1.8 + wave + 14 * peak,
    loopDelayMs: 1.2 + wave + 9 * peak,
    cpu: 0.21 * wave + 0.3 * peak,
    inBytes: 1e6 * wave,
    outBytes: 2e6 * wave,
    backlogJobs: Math.round(40 + 900 * Math.exp(-(((at - 0.74) / 0.06) ** 2))),
    backlogReaders: Math.round(3 * peak),
    unsyncedBytes: 0,
    errors: Math.round(10 * peak) / 10,
    keys: 12_000,
  }
  return COLUMNS.map((name) => values[name] ?? null)
}
